package module08

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// throwaway is the engine for what should not happen to the learner's own. It sees the lessons' directories of the host
// under the same paths, as Docker Desktop's does, so that compose files can name files beside them.
func throwaway(t *testing.T) *course.ThrowawayEngine {
	t.Helper()
	all := filepath.Dir(course.HostDirectory(t))
	return course.OneThrowawayEngine(t, course.Seen(all))
}

var filled course.Shared[*course.ThrowawayEngine]

// application is the throwaway engine with the images of the application in it: api-golang, api-node and client-react.
func application(t *testing.T) *course.ThrowawayEngine {
	t.Helper()
	return filled.Get(t, func() *course.ThrowawayEngine {
		engine := throwaway(t)
		course.Say(t, "The images of the application are the last ones of module06:")
		example.Deliver(t, engine)
		return engine
	})
}

// A project is what docker compose makes of a directory with a compose file.
type project struct {
	course.CLI // docker, in that directory
	engine     *course.ThrowawayEngine
	directory  string
	name       string
	password   string // of the database
}

// newShop makes a project of the lesson's own compose file, with the image of Postgres that this run of the course has.
func newShop(t *testing.T, engine *course.ThrowawayEngine) *project {
	t.Helper()
	course.NeedsPathsOfEngines(t)
	engine.Ref(t, image.Postgres)
	p := newProject(t, engine.CLI, "")
	p.engine = engine
	p.write(t, example.File(t, "compose.yaml"))
	course.Typed(t, "", "cp", "compose.yaml", p.directory)
	course.Say(t, "Lessons run beside each other. So the file .env leaves the ports to Docker, which takes some that are free:")
	course.WriteHostFile(t, filepath.Join(p.directory, ".env"), "PORT=\nAPI_PORT=\n")
	return p
}

// newSmall makes a project of a compose file whose services are all of busybox, which is BUSYBOX in there.
func newSmall(t *testing.T, engine *course.ThrowawayEngine, compose string) *project {
	t.Helper()
	compose = strings.ReplaceAll(compose, "BUSYBOX", engine.Ref(t, image.Busybox))
	p := newProject(t, engine.CLI, "")
	p.engine = engine
	course.WriteHostFile(t, filepath.Join(p.directory, "compose.yaml"), compose)
	return p
}

// newProject makes a directory of the host with a compose file in it, and files with secrets that are made up for it.
// Its name, which becomes the project's, is nobody else's. The command may be pointed at any engine, but the project
// should be started only on a throwaway one.
func newProject(t *testing.T, cli course.CLI, compose string) *project {
	t.Helper()
	directory := filepath.Join(course.HostDirectory(t), course.Unique(t, "shop-"))
	p := &project{CLI: cli.In(directory), directory: directory, name: filepath.Base(directory)}
	p.password = example.WriteSecrets(t, filepath.Join(directory, "secrets"))
	p.write(t, compose)
	return p
}

// write writes the project's compose file without showing it.
func (p *project) write(t *testing.T, compose string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(p.directory, "compose.yaml"), []byte(compose), 0o644))
}

// up starts services of the project, with those that they need, and waits until all are healthy.
func (p *project) up(t *testing.T, arguments ...string) {
	t.Helper()
	p.compose(t, append([]string{"up", "--detach", "--wait"}, arguments...)...)
}

func (p *project) compose(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return p.Docker(t, append([]string{"compose"}, arguments...)...)
}

// id is the container of a service.
func (p *project) id(t *testing.T, service string) string {
	t.Helper()
	return strings.TrimSpace(p.compose(t, "ps", "--quiet", service).Stdout)
}

// visit performs a command of busybox in the network of a service, which need not have any command of its own.
func (p *project) visit(t *testing.T, service string, command ...string) course.Result {
	t.Helper()
	line := []string{"run", "--rm", "--network", "container:" + p.id(t, service), p.engine.Ref(t, image.Busybox)}
	return p.DockerTries(t, append(line, command...)...)
}
