// Package database gives lessons a Postgres that is ready to answer, and a client on the host to ask it with.
package database

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A Database is a Postgres in a container, published on the host.
type Database struct {
	*course.Container
	URL string // of the superuser's connection: postgres://postgres:…@127.0.0.1:…/postgres
}

// StartPostgres runs the Postgres image with a password of its own and returns when it answers. On a volume
// that holds a database already, that database's password is the one that counts: hand it over.
func StartPostgres(t *testing.T, i image.Image, password string, options ...course.Option) *Database {
	t.Helper()
	options = append([]course.Option{course.Env("POSTGRES_PASSWORD", password), course.Publish(0, 5432)}, options...)
	container := course.Run(t, i, options...)
	address := url.URL{Scheme: "postgres", User: url.UserPassword("postgres", password), Path: "postgres",
		Host: container.Endpoint(t, 5432)}
	database := &Database{container, address.String()}
	course.Eventually(t, "Postgres answers at "+address.Host, func() bool {
		container.MustRun(t)
		_, err := ask(t.Context(), database.URL, "SELECT 1")
		return err == nil
	})
	return database
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
	output := fmt.Sprintf("(%d rows)", len(rows))
	if err != nil {
		output = err.Error()
	} else if len(rows) == 1 {
		output = strings.Trim(fmt.Sprintln(rows[0]...), "\n")
	}
	course.Typed(t, output, "psql", url, "--command", sql)
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
