package module05

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/database"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// None of the programs knows of containers. During development many people run them straight on their own machine, and
// only the database in a container, whose port is published there. The connection string says localhost then, and
// nothing else changes.
func TestTheAPIsRunStraightOnTheHostAgainstPostgresInAContainer(t *testing.T) {
	for _, api := range example.APIs {
		t.Run(api.Name, func(t *testing.T) {
			if api.Name == "api-golang" {
				course.NeedsGo(t)
			} else {
				needsNode(t)
			}
			db := database.StartPostgres(t, image.Postgres, course.Secret(t))
			var words []string
			source := api.Copy(t)
			in := course.CLI{}.In(source)
			switch api.Name {
			case "api-golang":
				program := filepath.Join(source, "program.exe") // Windows insists on the ending, others don't mind
				in.Program(t, "go", "build", "-o", program, ".")
				words = []string{program}
			case "api-node":
				in.Script(t, "npm ci --omit=dev")
				words = []string{"node", "src/main.js"}
			}
			course.Say(t, "Without a connection string it ends at once, here as anywhere:")
			ended := in.ProgramFails(t, words[0], words[1:]...)
			assert.Contains(t, ended.Stderr, "DATABASE_URL is not set")

			port := freePort(t)
			running := in.With("DATABASE_URL="+db.URL).With(fmt.Sprintf("PORT=%d", port)).InBackground(t, words[0], words[1:]...)
			running.WaitForOutput(t, `"msg":"listening"`)
			answer := course.Get(t, fmt.Sprintf("http://127.0.0.1:%d/", port))
			assert.Equal(t, 200, answer.Status)
			assert.Contains(t, answer.Body, strings.TrimPrefix(api.Name, "api-"))
		})
	}
}

// freePort is a port of this machine that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

var nodeVersion = regexp.MustCompile(`^v(\d+)\.(\d+)`)

// needsNode skips the test, saying why, where this machine has no Node that the application runs on.
func needsNode(t *testing.T) {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	if err != nil {
		t.Skip("not provable here: this machine has no node of its own")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("not provable here: this machine has no npm of its own")
	}
	found := nodeVersion.FindStringSubmatch(string(version))
	require.NotNil(t, found, "node --version says %s", version)
	major, _ := strconv.Atoi(found[1])
	minor, _ := strconv.Atoi(found[2])
	if major < 20 || major == 20 && minor < 19 {
		t.Skipf("not provable here: the application needs Node 20.19 or newer, and this machine has %s", found[0])
	}
}

// Each service comes with tests of its own, in the manner of its language: go test, node --test, vitest. They pass: Go's on
// this machine, Node's in containers of its image. With a mistake planted in the source code they fail, which is what
// tests are for.
func TestEachServicesOwnTestsPassAndNoticeAMistake(t *testing.T) {
	for _, tests := range []struct {
		service      example.Service
		file         string
		right, wrong string // what is planted: the one is replaced by the other
	}{
		{example.APIGolang, "server.go", "pong", "pang"},
		{example.APINode, "src/app.js", "pong", "pang"},
		{example.Client, "src/ApiCard.jsx", "Fails", "Works"},
	} {
		t.Run(tests.service.Name, func(t *testing.T) {
			source := tests.service.Copy(t)
			var passes, fails func()
			if tests.service.Name == "api-golang" {
				course.NeedsGo(t)
				passes = func() { course.CLI{}.In(source).Program(t, "go", "test", "./...") }
				fails = func() { course.CLI{}.In(source).ProgramFails(t, "go", "test", "./...") }
			} else {
				container := course.Run(t, image.Node, course.Volume(source, "/src"), course.Env("NO_COLOR", "1"),
					course.Command("sleep", "1000000"))
				container.Exec(t, "cd /src && npm ci --no-audit --no-fund --no-update-notifier")
				passes = func() { container.Exec(t, "cd /src && npm test") }
				fails = func() { container.ExecFails(t, "cd /src && npm test") }
			}
			passes()
			course.EditHostFile(t, filepath.Join(source, tests.file), tests.right, tests.wrong)
			fails()
			course.EditHostFile(t, filepath.Join(source, tests.file), tests.wrong, tests.right)
			passes()
		})
	}
}
