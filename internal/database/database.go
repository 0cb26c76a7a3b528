// Package database gives lessons a Postgres that is ready to answer, and a client on the host to ask it with.
package database

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A Database is a Postgres in a container, published on the host.
type Database struct {
	*course.Container
	URL string // of the superuser's connection: postgres://postgres:…@127.0.0.1:32768/postgres
}

// StartPostgres runs the Postgres image with a password of its own and returns when it answers. On a volume
// that holds a database already, that database's password is the one that counts: hand it over.
func StartPostgres(t *testing.T, i image.Image, password string, options ...course.Option) *Database {
	t.Helper()
	database := &Database{}
	start := func(ctx context.Context, ref string, customizers ...testcontainers.ContainerCustomizer) (testcontainers.Container, error) {
		server, err := postgres.Run(ctx, ref, customizers...)
		if err == nil {
			database.URL, err = server.ConnectionString(ctx)
			database.URL = strings.TrimSuffix(database.URL, "?")
		}
		return server, err
	}
	options = append([]course.Option{course.StartedBy(start),
		course.Env("POSTGRES_PASSWORD", password), course.Publish(0, 5432)}, options...)
	database.Container = course.Run(t, i, options...)
	WaitUntilReady(t, database.Container)
	return database
}

// WaitUntilReady returns when a Postgres in a container answers connections from outside. On an empty data
// directory the log says "ready" twice: the first one is of a server that sets things up, and listens to nobody else.
func WaitUntilReady(t *testing.T, container *course.Container) {
	t.Helper()
	container.WaitForLog(t, "listening on IPv4", "database system is ready to accept connections")
}

// Query asks the database from the host and returns the rows, a slice of values each.
func (d *Database) Query(t *testing.T, sql string) [][]any {
	t.Helper()
	rows, err := Ask(t, d.URL, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// Ask connects from the host to the database at url, sends one statement and returns its rows.
func Ask(t *testing.T, url, sql string) ([][]any, error) {
	t.Helper()
	rows, err := ask(t.Context(), url, sql)
	var output strings.Builder
	for _, row := range rows[:min(3, len(rows))] {
		fmt.Fprintln(&output, row...)
	}
	if len(rows) == 1 {
		output.WriteString("(1 row)")
	} else {
		fmt.Fprintf(&output, "(%d rows)", len(rows))
	}
	if err != nil {
		output.Reset()
		output.WriteString(err.Error())
	}
	course.Typed(t, output.String(), "psql", url, "--command", sql)
	return rows, err
}

func ask(ctx context.Context, url, sql string) ([][]any, error) {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer connection.Close(ctx)
	rows, err := connection.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
}
