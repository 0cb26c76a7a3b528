package module11

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"docker-proven/internal/browser"
	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

var filled course.Shared[*course.ThrowawayEngine]

// theEngine is a throwaway engine with the images of the application in it: those that are deployed, and those of this
// lesson, in which it is worked on. It sees the lessons' directories of the host, as Docker Desktop's does.
func theEngine(t *testing.T) *course.ThrowawayEngine {
	t.Helper()
	return filled.Get(t, func() *course.ThrowawayEngine {
		all := filepath.Dir(course.HostDirectory(t))
		engine := course.OneThrowawayEngine(t, course.Seen(all), course.Publish(0, browser.Port))
		var tags, names []string
		for _, service := range example.Services {
			course.Say(t, "%s as it is deployed, and as it is worked on:", service.Name)
			tags = append(tags, service.BuildHere(t, service.Last), service.BuildFileHere(t, service.Name+"/Dockerfile"))
			names = append(names, service.Name, service.Name+"-dev")
		}
		engine.Load(t, append(tags, course.Ref(t, image.Postgres))...)
		for n, tag := range tags {
			engine.Docker(t, "tag", tag, names[n])
		}
		return engine
	})
}

// A repository is a copy of the modules that the application is in, where a lesson may edit it.
type repository struct {
	course.CLI // docker, in the directory of module11
	engine     *course.ThrowawayEngine
	directory  string
	files      []string // of Compose, each laid over those before it
}

// newRepository copies the modules, and makes up the secrets that belong in no repository.
func newRepository(t *testing.T, engine *course.ThrowawayEngine, overlays ...string) *repository {
	t.Helper()
	course.NeedsPathsOfEngines(t)
	directory := copyModules(t)
	r := &repository{CLI: engine.In(filepath.Join(directory, "module11")), engine: engine, directory: directory}
	example.WriteSecrets(t, filepath.Join(directory, "module08", "secrets"))
	// Any port that is free: the lessons of this package run beside each other.
	settings := []byte("PORT=\nDLV_PORT=\nINSPECT_PORT=\n")
	require.NoError(t, os.WriteFile(filepath.Join(directory, "module08", ".env"), settings, 0o644))
	return r.as(overlays...)
}

// as is the same repository, with other overlays.
func (r *repository) as(overlays ...string) *repository {
	other := *r
	other.files = nil
	for _, file := range append([]string{"../module08/compose.yaml"}, overlays...) {
		other.files = append(other.files, "--file", file)
	}
	return &other
}

// copyModules copies the application, its Dockerfiles and its compose files to a directory of the host. They name the
// images there that this run of the course has.
func copyModules(t *testing.T) (directory string) {
	t.Helper()
	directory = filepath.Join(course.HostDirectory(t), "repository")
	course.Typed(t, "", "cp", "-r", "../module05", "../module06", "../module08", "../module11", directory)
	for _, module := range []string{"module05/app", "module06", "module08", "module11"} {
		example.CopyTree(t, "../"+module, filepath.Join(directory, filepath.FromSlash(module)))
	}
	for _, pattern := range []string{"module06/*/Dockerfile.*", "module11/*/Dockerfile", "module08/compose.yaml", "module11/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(directory, filepath.FromSlash(pattern)))
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			require.NoError(t, os.WriteFile(file, []byte(example.File(t, file)), 0o644))
		}
	}
	return directory
}

// compose performs a docker compose command on the repository's files.
func (r *repository) compose(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return r.Docker(t, r.line(arguments...)...)
}

// line is the command, for other ways to run it.
func (r *repository) line(arguments ...string) []string {
	return slices.Concat([]string{"compose"}, r.files, arguments)
}

// source is a file of a service's source code.
func (r *repository) source(service example.Service, file string) string {
	return filepath.Join(r.directory, "module05", "app", service.Name, filepath.FromSlash(file))
}

// id is the container of a service.
func (r *repository) id(t *testing.T, service string) string {
	t.Helper()
	return strings.TrimSpace(r.compose(t, "ps", "--quiet", service).Stdout)
}

// up starts services of the project, or all, and waits until they are healthy.
func (r *repository) up(t *testing.T, services ...string) {
	t.Helper()
	r.compose(t, append([]string{"up", "--detach", "--wait"}, services...)...)
}

// address is where the engine's machine finds the page.
func (r *repository) address(t *testing.T) string {
	t.Helper()
	return "http://" + strings.TrimSpace(r.compose(t, "port", "client-react", "8080").Stdout)
}

// get asks a service from within its own network, which is where nobody else can.
func (r *repository) get(t *testing.T, service example.Service, path string) string {
	t.Helper()
	return r.engine.Docker(t, r.visit(t, service, path)...).Stdout
}

// visit is the command that asks a service.
func (r *repository) visit(t *testing.T, service example.Service, path string) []string {
	t.Helper()
	return []string{"run", "--rm", "--network", "container:" + r.id(t, service.Name), r.engine.Ref(t, image.Busybox),
		"wget", "-q", "-O", "-", fmt.Sprintf("http://127.0.0.1:%d%s", service.Port, path)}
}
