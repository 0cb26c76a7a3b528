package module05

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// Containers come and go, a database's too. An API that asks it must not end when there is no answer: it says so, with
// status 503 and in words, goes on serving what needs no database, and asks again at the next request. When the database
// is back, so is the API, and nobody has restarted it. A database that is there and says nothing (frozen, by docker pause)
// is away, too: it isn't waited for longer than those wait who ask how the API is doing.
func TestWhileTheDatabaseIsAwayTheAPISaysSoAndRecoversWithoutARestart(t *testing.T) {
	for _, api := range example.APIs {
		t.Run(api.Name, func(t *testing.T) {
			network, db := startDatabase(t)
			server := start(t, api, network, course.Env("DATABASE_URL", urlFor(db)))
			address := "http://" + server.Endpoint(t, api.Port)
			started := course.Docker(t, "inspect", "--format", "{{.State.StartedAt}}", server.Name)
			assert.Equal(t, 200, course.Get(t, address+"/").Status)

			course.Docker(t, "kill", db.Name)
			db.WaitUntilEnded(t)
			away := course.Get(t, address+"/")
			assert.Equal(t, 503, away.Status)
			var problem struct{ Error string }
			away.Into(t, &problem)
			assert.Contains(t, problem.Error, "the database does not answer")
			assert.NotContains(t, away.Body, passwordOf(db))
			assert.Equal(t, 503, course.Get(t, address+"/healthz").Status)
			assert.Equal(t, "pong", course.Get(t, address+"/ping").Body, "what needs no database should go on")

			db.Start(t)
			course.Say(t, "The database is back, and asked again until it is ready:")
			course.Eventually(t, "the API answers again", func() bool { return course.Get(t, address+"/").Status == 200 })
			assert.Equal(t, 200, course.Get(t, address+"/healthz").Status)
			same := course.Docker(t, "inspect", "--format", "{{.State.StartedAt}}", server.Name)
			assert.Equal(t, started.Stdout, same.Stdout, "it should be the same process as before")

			course.Docker(t, "pause", db.Name)
			course.TakesLessThan(t, 3*time.Second, "To say that a frozen database doesn't answer", func() time.Duration {
				asked := time.Now()
				frozen := course.Get(t, address+"/healthz")
				assert.Equal(t, 503, frozen.Status)
				assert.Contains(t, frozen.Body, "no answer within 2s")
				return time.Since(asked)
			})
			course.Docker(t, "unpause", db.Name)
			course.Eventually(t, "the API is well again", func() bool { return course.Get(t, address+"/healthz").Status == 200 })
		})
	}
}

// docker stop asks a program to end with the signal SIGTERM. A good one takes no new work then, finishes what it has
// begun, and ends. Here a request is on its way, and waits for a database that has been frozen (docker pause), when the
// signal comes. Whoever connects now is refused, who was answered before; thawed, the database answers, the request is
// answered, and within a second the program has ended. At SIGINT, which Ctrl-C sends, it ends in the same way. Killed without
// notice (SIGKILL), it takes the request with it.
func TestAtSIGTERMTheRequestInFlightIsFinishedAndThenTheProgramEnds(t *testing.T) {
	for _, api := range example.APIs {
		t.Run(api.Name, func(t *testing.T) {
			network, db := startDatabase(t)
			visitor := course.Run(t, image.Busybox, course.Join(network, "visitor"))
			ask := fmt.Sprintf("wget -q -O - http://%s:%d/ping", api.Name, api.Port)
			inFlight := func() (*course.Container, *course.Request) {
				server := start(t, api, network, course.Env("DATABASE_URL", urlFor(db)), course.Env("LOG_LEVEL", "debug"))
				address := "http://" + server.Endpoint(t, api.Port)
				course.Eventually(t, "it is connected to the database", func() bool {
					return course.Get(t, address+"/healthz").Status == 200
				})
				assert.Equal(t, "pong", visitor.Exec(t, ask).Stdout)
				course.Docker(t, "pause", db.Name)
				request := course.GetInBackground(t, address+"/")
				server.WaitForLog(t, `"path":"/"`)
				return server, request
			}
			course.TakesLessThan(t, time.Second, "From the answer to the end", func() time.Duration {
				server, request := inFlight()
				asked := time.Now()
				course.Docker(t, "kill", "--signal", "TERM", server.Name)
				server.WaitForLog(t, `"msg":"stopping"`)
				course.DockerUntil(t, "Connection refused", "exec", visitor.Name, "sh", "-c", ask)
				course.Docker(t, "unpause", db.Name)
				if waited := time.Since(asked); waited > 7*time.Second {
					server.WaitUntilEnded(t) // it waits for eight seconds, and then for nobody any more
					return waited
				}
				assert.Equal(t, 200, request.Answer(t).Status)
				server.WaitUntilEnded(t)
				ended := strings.Fields(course.Docker(t, "inspect", "--format", "{{.State.ExitCode}} {{.State.FinishedAt}}", server.Name).Stdout)
				assert.Equal(t, "0", ended[0], "it should have ended in order")
				finished, err := time.Parse(time.RFC3339Nano, ended[1])
				require.NoError(t, err)
				return finished.Sub(answered(t, server))
			})

			course.Say(t, "The same with SIGINT:")
			server, request := inFlight()
			course.Docker(t, "kill", "--signal", "INT", server.Name)
			server.WaitForLog(t, `"msg":"stopping"`)
			course.Docker(t, "unpause", db.Name)
			assert.Equal(t, 200, request.Answer(t).Status)
			server.WaitUntilEnded(t)
			assert.Equal(t, "0\n", course.Docker(t, "inspect", "--format", "{{.State.ExitCode}}", server.Name).Stdout)

			course.Say(t, "And with SIGKILL, of which a program hears nothing:")
			server, request = inFlight()
			course.Docker(t, "kill", "--signal", "KILL", server.Name)
			server.WaitUntilEnded(t)
			course.Docker(t, "unpause", db.Name)
			request.Fails(t)
		})
	}
}

// answered is when the program has logged that it answered the request for /.
func answered(t *testing.T, server *course.Container) time.Time {
	t.Helper()
	for line := range strings.Lines(server.Logs(t).Stdout) {
		var event struct {
			Time      time.Time
			Msg, Path string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		if event.Msg == "request" && event.Path == "/" {
			return event.Time
		}
	}
	t.Fatal("the request for / should have been logged when it was answered")
	return time.Time{}
}
