package module05

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/database"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// The application has two APIs, one in Go and one in Node, which do the same: they ask the database for its time. They
// have no images of their own yet. Here they run in somebody else's, with the program mounted from this machine: the one
// in Go needs no more than that, the one in Node an image with Node.
func TestEachAPIAnswersWithItsNameAndTheDatabasesTime(t *testing.T) {
	for _, api := range example.APIs {
		t.Run(api.Name, func(t *testing.T) {
			network, db := startDatabase(t)
			server := start(t, api, network, course.Env("DATABASE_URL", urlFor(db)))
			address := "http://" + server.Endpoint(t, api.Port)

			before := databaseTime(t, db)
			var answer struct {
				API string
				Now time.Time
			}
			root := course.Get(t, address+"/")
			after := databaseTime(t, db)
			require.Equal(t, 200, root.Status)
			root.Into(t, &answer)
			assert.Equal(t, strings.TrimPrefix(api.Name, "api-"), answer.API)
			assert.False(t, answer.Now.Before(before), "%v should not be before %v", answer.Now, before)
			assert.False(t, answer.Now.After(after), "%v should not be after %v", answer.Now, after)

			ping := course.Get(t, address+"/ping")
			assert.Equal(t, "pong", ping.Body)
			assert.JSONEq(t, `{"status": "ok"}`, course.Get(t, address+"/healthz").Body)
			nothing := course.Get(t, address+"/no/such/page")
			assert.Equal(t, 404, nothing.Status)
			assert.JSONEq(t, `{"error": "not found"}`, nothing.Body)

			course.Say(t, "All containers have the clock of the engine's machine. Whose time is it? Here a database that tells another one:")
			db.Query(t, "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT timestamptz ''2001-02-03 04:05:06Z'''")
			db.Query(t, "ALTER DATABASE postgres SET search_path = public, pg_catalog")
			server = start(t, api, network, course.Env("DATABASE_URL", urlFor(db)))
			course.Get(t, "http://"+server.Endpoint(t, api.Port)+"/").Into(t, &answer)
			assert.WithinDuration(t, time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), answer.Now, 0)
		})
	}
}

// What differs from one environment to the next comes in from outside: here the connection string, which says where the
// database is and how to log in. It is a variable, or the content of a file that another variable names. The file is
// the better place for a password: variables are in what `docker inspect` prints, and in the environment of every program that
// is started in the container, and so in logs and reports. The file keeps a password out of these, and not from whoever controls the
// engine, who may read everything in a container.
func TestTheConnectionStringComesFromAVariableOrFromAFile(t *testing.T) {
	for _, api := range example.APIs {
		t.Run(api.Name, func(t *testing.T) {
			network, db := startDatabase(t)
			file := course.File(t, "database-url", urlFor(db)+"\n")
			fromVariable := start(t, api, network, course.Env("DATABASE_URL", urlFor(db)))
			fromFile := start(t, api, network, course.Volume(file, "/run/secrets/database-url", "ro"),
				course.Env("DATABASE_URL_FILE", "/run/secrets/database-url"))
			inspected := func(c *course.Container) string {
				return course.Docker(t, "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", c.Name).Stdout
			}
			for server, shows := range map[*course.Container]bool{fromVariable: true, fromFile: false} {
				assert.Equal(t, 200, course.Get(t, "http://"+server.Endpoint(t, api.Port)+"/").Status)
				assert.Equal(t, shows, strings.Contains(inspected(server), passwordOf(db)), "the password in docker inspect")
				another := server.Exec(t, "env").Stdout // docker exec gives it what docker run was told
				assert.Equal(t, shows, strings.Contains(another, passwordOf(db)), "the password in another program's environment")
			}
			course.Say(t, "Whoever controls the engine reads the file as well:")
			assert.Contains(t, fromFile.Exec(t, "cat /run/secrets/database-url").Stdout, passwordOf(db))
		})
	}
}

// A program that starts without what it needs fails later, in front of a user. These end at once, with one line that
// names the variable and says what to do; and whatever is wrong, a password is not in it. A database that is merely away
// is no such mistake: it will come.
func TestWithoutAConnectionStringTheProgramEndsAtOnceAndSaysWhy(t *testing.T) {
	for _, api := range example.APIs {
		t.Run(api.Name, func(t *testing.T) {
			secret := course.Secret(t)
			empty := course.Volume(course.File(t, "empty", ""), "/run/secrets/empty", "ro")
			for _, mistake := range []struct {
				name, says string
				options    []course.Option
			}{
				{"nothing is set", "DATABASE_URL is not set", nil},
				{"both are set", "both set", []course.Option{
					course.Env("DATABASE_URL", "postgres://a@b/c"), course.Env("DATABASE_URL_FILE", "/run/secrets/empty")}},
				{"it is malformed", "DATABASE_URL is not a PostgreSQL URL", []course.Option{
					course.Env("DATABASE_URL", "postgres:/user:"+secret+"@host/database")}},
				{"it is for another database", "DATABASE_URL is not a PostgreSQL URL", []course.Option{
					course.Env("DATABASE_URL", "mysql://user:"+secret+"@host/database")}},
				{"the file is missing", "DATABASE_URL_FILE cannot be read", []course.Option{
					course.Env("DATABASE_URL_FILE", "/run/secrets/missing")}},
				{"the file is empty", "DATABASE_URL_FILE (/run/secrets/empty) is empty", []course.Option{
					empty, course.Env("DATABASE_URL_FILE", "/run/secrets/empty")}},
			} {
				course.Say(t, "When %s:", mistake.name)
				ended := course.OnceFails(t, api.Image, append(api.Program(t), mistake.options...)...)
				assert.Equal(t, 1, ended.ExitCode)
				assert.Contains(t, ended.Stderr, mistake.says)
				assert.Equal(t, 1, strings.Count(ended.Stderr, "\n"), "one line")
				assert.NotContains(t, ended.Output(), secret)
				assert.Empty(t, ended.Stdout, "it should not have begun to listen")
			}

			course.Say(t, "With a well-formed one, of a database that has not been started yet:")
			network := course.NewNetwork(t, "app")
			waiting := start(t, api, network, course.Env("DATABASE_URL", "postgres://postgres:"+secret+"@late:5432/postgres"))
			address := "http://" + waiting.Endpoint(t, api.Port)
			assert.Equal(t, 503, course.Get(t, address+"/").Status)
			database.StartPostgres(t, image.Postgres, secret, course.Join(network, "late"))
			course.Say(t, "Now there is one of that name, and nobody restarts the API:")
			course.Eventually(t, "the API answers", func() bool { return course.Get(t, address+"/").Status == 200 })
		})
	}
}

// What a program has to say it writes to standard output, where Docker collects it: `docker logs`. Written as JSON, a
// line for each event, other programs can read it, too. (jq would do well here.)
func TestLogsAreOneJSONObjectALine(t *testing.T) {
	for _, api := range example.APIs {
		t.Run(api.Name, func(t *testing.T) {
			network := course.NewNetwork(t, "app")
			server := start(t, api, network, course.Env("DATABASE_URL", "postgres://user@nowhere/database"))
			course.Get(t, "http://"+server.Endpoint(t, api.Port)+"/ping")
			server.WaitForLog(t, `"path":"/ping"`)
			requests, logs := 0, server.Logs(t)
			assert.Empty(t, logs.Stderr)
			for line := range strings.Lines(logs.Stdout) {
				var event struct {
					Time             time.Time
					Level, Msg, Path string
					Status           int
				}
				require.NoError(t, json.Unmarshal([]byte(line), &event), "each line should be a JSON object: %s", line)
				assert.Equal(t, "info", event.Level)
				assert.WithinDuration(t, time.Now(), event.Time, time.Hour)
				if event.Msg == "request" && event.Path == "/ping" && event.Status == 200 {
					requests++
				}
			}
			assert.Equal(t, 1, requests)
		})
	}

	course.Say(t, "What a program writes to a file in its container, Docker doesn't collect:")
	silent := course.Run(t, image.Busybox, course.Shell("echo started > /log; exec sleep 1000000"))
	silent.WaitFor(t, "grep started /log")
	assert.Empty(t, course.Docker(t, "logs", silent.Name).Output())
}

// startDatabase runs Postgres in a network of its own, where its host name is db.
func startDatabase(t *testing.T) (network string, db *database.Database) {
	t.Helper()
	network = course.NewNetwork(t, "app")
	return network, database.StartPostgres(t, image.Postgres, course.Secret(t), course.Join(network, "db"))
}

// start runs an API in the network and waits until it listens.
func start(t *testing.T, api example.API, network string, options ...course.Option) *course.Container {
	t.Helper()
	options = append(options, course.Join(network, api.Name), course.Publish(0, api.Port))
	server := course.Run(t, api.Image, append(options, api.Program(t)...)...)
	server.WaitForLog(t, `"msg":"listening"`)
	return server
}

// passwordOf is the password in the connection string of a database.
func passwordOf(db *database.Database) string {
	_, rest, _ := strings.Cut(db.URL, "postgres://postgres:")
	password, _, _ := strings.Cut(rest, "@")
	return password
}

// urlFor is the connection string for a container in the database's network.
func urlFor(db *database.Database) string {
	return "postgres://postgres:" + passwordOf(db) + "@db:5432/postgres"
}

func databaseTime(t *testing.T, db *database.Database) time.Time {
	t.Helper()
	return db.Query(t, "SELECT clock_timestamp()")[0][0].(time.Time)
}
