package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// database is all that the handlers need to know of one. Tests bring their own.
type database interface {
	Now(ctx context.Context) (time.Time, error)
}

type postgres struct {
	pool *pgxpool.Pool
}

// Now is the time by the clock of the database.
func (p postgres) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := p.pool.QueryRow(ctx, "SELECT now()").Scan(&now)
	return now, err
}

// closePool takes leave of the database, but doesn't wait long for it: to a connection whose query timed out, the
// pool gives another 15 seconds. When the program ends, the kernel closes what is left.
func closePool(pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(250 * time.Millisecond):
	}
}
