package standin_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// postgresServes succeeds once the server listens on the network, which is when its initialisation is complete.
const postgresServes = "pg_isready --host 127.0.0.1 --username postgres"

func startPostgres(t *testing.T, options ...course.Option) *course.Container {
	t.Helper()
	options = append([]course.Option{course.Env("POSTGRES_PASSWORD", course.Secret(t))}, options...)
	server := course.Run(t, image.Postgres, options...)
	server.WaitFor(t, postgresServes)
	return server
}

// ask sends a statement as the superuser through the server's own socket, where no password is asked for.
func ask(t *testing.T, server *course.Container, sql string) string {
	t.Helper()
	line := `psql --username postgres --no-psqlrc --no-align --tuples-only --command "` + sql + `"`
	return strings.TrimSuffix(server.Exec(t, line).Stdout, "\n")
}

// The user, the password and the database are those that the variables name, and clients come in over TCP with
// them and with nothing else (official images: postgres-basics).
func TestPostgresServesTheUserAndDatabaseOfItsVariables(t *testing.T) {
	for _, i := range []image.Image{image.Postgres, image.PostgresOther} {
		t.Run(i.Ref(), func(t *testing.T) {
			password := course.Secret(t) + " with spaces"
			server, client := serves(t, i, course.Env("POSTGRES_PASSWORD", password),
				course.Env("POSTGRES_USER", "my user"), course.Env("POSTGRES_DB", "my database"))
			server.WaitFor(t, postgresServes)
			psql := func(password, user, sql string) []course.Option {
				return []course.Option{client, course.Env("PGPASSWORD", password), course.Command("psql", "--host", "server",
					"--username", user, "--dbname", "my database", "--quiet", "--no-align", "--tuples-only", "--command", sql)}
			}
			const sql = "CREATE TABLE test (a INT, b INT, c VARCHAR(255)); SELECT count(*) FROM test; " +
				"INSERT INTO test VALUES (1, 2, 'hello'), (2, 3, 'goodbye!'); DELETE FROM test WHERE a = 1; SELECT c FROM test"
			assert.Equal(t, "0\ngoodbye!\n", course.Once(t, i, psql(password, "my user", sql)...).Stdout)
			for _, refused := range [][]course.Option{
				psql("wrong", "my user", "SELECT 1"), psql(password, "postgres", "SELECT 1"),
			} {
				assert.Contains(t, course.OnceFails(t, i, refused...).Stderr, "password authentication failed")
			}
		})
	}
}

// Without a password there is no server, but a message that names the variable.
func TestPostgresRefusesToStartWithoutAPassword(t *testing.T) {
	result := course.OnceFails(t, image.Postgres)
	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stderr, "superuser password is not specified")
	assert.Contains(t, result.Stderr, "POSTGRES_PASSWORD")
}

// POSTGRES_HOST_AUTH_METHOD=trust lets everybody in, and is warned about.
func TestPostgresTrustsEverybodyWhenTold(t *testing.T) {
	server, client := serves(t, image.Postgres, course.Env("POSTGRES_HOST_AUTH_METHOD", "trust"))
	server.WaitFor(t, postgresServes)
	query := course.Command("psql", "--host", "server", "--username", "postgres", "-Atc", "SELECT 6 * 7")
	assert.Equal(t, "42\n", course.Once(t, image.Postgres, client, query).Stdout)
	assert.Contains(t, server.Logs(t).Output(), "WARNING: POSTGRES_HOST_AUTH_METHOD")

	server, client = serves(t, image.Postgres, course.Env("POSTGRES_PASSWORD", course.Secret(t)))
	server.WaitFor(t, postgresServes)
	result := course.OnceFails(t, image.Postgres, client, query)
	assert.Contains(t, result.Stderr, "no password supplied", "trust is not the default")
}

// A password can come as a file, as secrets do; as both a variable and a file it is refused.
func TestPostgresReadsItsPasswordFromAFile(t *testing.T) {
	password := course.Secret(t)
	file := course.File(t, "password", password+"\n")
	mounted := course.Volume(file, "/run/secrets/password", "ro")
	variable := course.Env("POSTGRES_PASSWORD_FILE", "/run/secrets/password")

	server, client := serves(t, image.Postgres, mounted, variable)
	server.WaitFor(t, postgresServes)
	query := course.Command("psql", "--host", "server", "--username", "postgres", "-Atc", "SELECT 6 * 7")
	assert.Equal(t, "42\n", course.Once(t, image.Postgres, client, course.Env("PGPASSWORD", password), query).Stdout)
	course.OnceFails(t, image.Postgres, client, course.Env("PGPASSWORD", "wrong"), query)

	result := course.OnceFails(t, image.Postgres, mounted, variable, course.Env("POSTGRES_PASSWORD", password))
	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stderr, "both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set")
}

// The first start runs the scripts of /docker-entrypoint-initdb.d in the order of their names; no other start does
// (official images: postgres-initdb).
func TestPostgresRunsItsInitialisationScriptsOnce(t *testing.T) {
	step := `psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -c "INSERT INTO steps VALUES `
	scripts := course.Directory(t, map[string]string{
		"1-table.sql":    "CREATE TABLE steps (name TEXT); INSERT INTO steps VALUES ('sql');\n",
		"2-sourced.sh":   step + `('sourced as $(whoami)')"` + "\n",
		"3-executed.sh":  "#!/bin/sh\n" + step + `('executed by $(basename "$0")')"` + "\n",
		"5-ignored.text": "INSERT INTO steps VALUES ('ignored');\n",
	})
	require.NoError(t, os.Chmod(filepath.Join(scripts, "3-executed.sh"), 0o755))
	writeGzip(t, filepath.Join(scripts, "4-packed.sql.gz"), "INSERT INTO steps VALUES ('packed');\n")
	server := startPostgres(t, course.Env("POSTGRES_DB", "course"),
		course.Volume(scripts, "/docker-entrypoint-initdb.d", "ro"))
	steps := `psql --username postgres --dbname course -Atc "SELECT name FROM steps"`
	want := []string{"sql", "sourced as postgres", "executed by 3-executed.sh", "packed"}
	assert.Equal(t, want, strings.Split(strings.TrimSpace(server.Exec(t, steps).Stdout), "\n"))

	server.Stop(t)
	server.Start(t)
	server.WaitFor(t, postgresServes)
	assert.Equal(t, want, strings.Split(strings.TrimSpace(server.Exec(t, steps).Stdout), "\n"))
	assert.Contains(t, server.Logs(t).Output(), "Skipping initialization")
}

// writeGzip writes a compressed file for a bind mount.
func writeGzip(t *testing.T, path, content string) {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, err := writer.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, os.WriteFile(path, packed.Bytes(), 0o644))
}

// A script that fails ends the container, so that nobody works with a half-made database.
func TestPostgresEndsWhenAnInitialisationScriptFails(t *testing.T) {
	scripts := course.Directory(t, map[string]string{
		"1-wrong.sql": "SELECT nonsense;\n", "2-right.sql": "SELECT 6 * 7;\n",
	})
	result := course.OnceFails(t, image.Postgres, course.Env("POSTGRES_PASSWORD", course.Secret(t)),
		course.Volume(scripts, "/docker-entrypoint-initdb.d", "ro"))
	assert.Contains(t, result.Output(), `column "nonsense" does not exist`)
	assert.NotContains(t, result.Output(), "2-right.sql")
}

// Who waits for a line of the log waits for the second one: on the first start the server that initialises says the
// same. From then on each start says it once.
func TestPostgresSaysThatItIsReadyTwiceOnTheFirstStart(t *testing.T) {
	const ready = "database system is ready to accept connections"
	server := startPostgres(t)
	times := func(want int) {
		t.Helper()
		course.Eventually(t, "the log says it", func() bool { return strings.Count(server.Logs(t).Output(), ready) >= want })
		assert.Equal(t, want, strings.Count(server.Logs(t).Output(), ready))
	}
	times(2)
	assert.Contains(t, server.Logs(t).Output(), "PostgreSQL init process complete; ready for start up.")

	stopsInOrder(t, server)
	server.Start(t)
	server.WaitFor(t, postgresServes)
	times(3)
}

// POSTGRES_INITDB_ARGS are arguments of initdb, PGDATA is where the data is, and what follows the image are options of
// the server, with its name or without it.
func TestPostgresTakesOptionsForEachOfItsParts(t *testing.T) {
	standard := startPostgres(t)
	data := course.DataDirectory(t, image.Postgres)
	for _, example := range []struct {
		name, show, standard, want string
		option                     course.Option
	}{
		{"initdb", "wal_segment_size", "16MB", "1MB", course.Env("POSTGRES_INITDB_ARGS", "--wal-segsize=1 --locale='C'")},
		{"data", "data_directory", data, "/srv/data", course.Env("PGDATA", "/srv/data")},
		{"option", "max_connections", "100", "42", course.Command("-c", "max_connections=42")},
		{"command", "max_connections", "100", "42", course.Command("postgres", "-c", "max_connections=42")},
	} {
		t.Run(example.name, func(t *testing.T) {
			assert.Equal(t, example.want, ask(t, startPostgres(t, example.option), "SHOW "+example.show))
		})
		assert.Contains(t, ask(t, standard, "SHOW "+example.show), example.standard)
	}
}

// --user makes the server run as anybody, named in the image or not. The data is in a directory that the server makes
// itself, because it insists on owning it.
func TestPostgresRunsAsAnyUser(t *testing.T) {
	for _, user := range []string{"postgres", "4321:8765"} {
		t.Run(user, func(t *testing.T) {
			data := course.DataDirectory(t, image.Postgres) + "/own"
			server := startPostgres(t, course.User(user), course.Env("PGDATA", data))
			assert.Equal(t, "42", ask(t, server, "SELECT 6 * 7"))
			assert.Equal(t, server.Exec(t, "id -u").Stdout, server.Exec(t, "stat -c %u /proc/1").Stdout)
		})
	}
}
