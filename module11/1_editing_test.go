package module11

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/browser"
	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// In the image of development is the compiler, and the source code is mounted from the host. air sees that a file has
// changed, compiles the program, and starts the new one in place of the old: the edit is in the answer after a moment,
// from the same container of the same image. The image that is deployed has its program from when it was built.
func TestAnEditOfGoShowsWithoutARebuild(t *testing.T) {
	dev, deployed := development(t)
	dev.showsAnEdit(t, example.APIGolang, "server.go", "/api/golang/ping", "pong", "edited in Go")
	assert.Equal(t, "pong", deployed.get(t, example.APIGolang, "/ping"))
}

// Node compiles nothing that one would have to wait for. node --watch starts the program again when a file that it has
// read has changed.
func TestAnEditOfNodeShowsWithoutARebuild(t *testing.T) {
	dev, deployed := development(t)
	dev.showsAnEdit(t, example.APINode, "src/app.js", "/api/node/ping", "pong", "edited in JavaScript")
	assert.Equal(t, "pong", deployed.get(t, example.APINode, "/ping"))
}

// Vite serves the page's source code file by file, so that nothing has to be bundled after an edit. It tells the browsers
// that have the page open, too: they take in the new text without loading the page again, and what the page has in its
// memory stays.
func TestAnEditOfReactShowsWithoutARebuild(t *testing.T) {
	dev, deployed := development(t)
	page := browser.OpenOn(t, dev.engine.Container)
	page.Visit(t, dev.address(t))
	page.WaitFor(t, "h1", "One database")
	page.Evaluate(t, "window.memory = 'since the page was loaded'")
	dev.showsAnEdit(t, example.Client, "src/App.jsx", "/src/App.jsx", "One database", "One edited database")
	page.WaitFor(t, "h1", "One edited database")
	assert.Equal(t, "since the page was loaded", page.Evaluate(t, "window.memory"))

	course.Say(t, "Loaded again, the page has the text, and no memory:")
	page.Visit(t, dev.address(t))
	page.WaitFor(t, "h1", "One edited database")
	assert.Nil(t, page.Evaluate(t, "window.memory ?? null"))
	course.Say(t, "The deployed page hasn't changed:")
	page.Visit(t, deployed.address(t))
	page.WaitFor(t, "h1", "One database")
}

// A mount needs the source code on the engine's machine, which may be far away. `docker compose watch` stays on this one:
// it copies what is edited into the containers. Only what the file lists is watched. (The rules are in
// compose.watch.yaml, which also takes away the mounts.)
func TestWatchCopiesWhatIsEditedIntoTheContainers(t *testing.T) {
	engine := theEngine(t)
	r := newRepository(t, engine, "compose.dev.yaml", "compose.watch.yaml")
	r.CLI = r.WithOwnConfiguration(t) // in which Compose notes which projects are being watched
	if !strings.Contains(r.DockerTries(t, "compose", "watch", "--help").Stdout, "--no-up") {
		t.Skip("not provable here: `docker compose watch` is in Compose from 2.22 on, and the one installed here has none")
	}
	r.up(t)
	assert.Empty(t, r.mounts(t, "client-react"))
	for _, api := range []string{"api-golang", "api-node"} {
		assert.Equal(t, "/run/secrets/database-url false\n", r.mounts(t, api))
	}

	watching := r.DockerInBackground(t, r.line("watch", "--no-up")...)
	var edited time.Time
	course.Eventually(t, "Compose watches", func() bool {
		// What is edited before it does, it misses; and while one edit follows another, it waits.
		if time.Since(edited) > 3*time.Second {
			course.WriteHostFile(t, r.source(example.APIGolang, "note"), "Are you watching?")
			edited = time.Now()
		}
		return strings.Contains(watching.Output(), "yncing")
	})
	course.EditHostFile(t, r.source(example.Client, "index.html"), "One database", "One edited database")
	r.showsAnEdit(t, example.APIGolang, "server.go", "/api/golang/ping", "pong", "edited in Go")
	r.showsAnEdit(t, example.APINode, "src/app.js", "/api/node/ping", "pong", "edited in JavaScript")
	r.showsAnEdit(t, example.Client, "src/App.jsx", "/src/App.jsx", "One database", "One edited database")
	assert.NotContains(t, r.compose(t, "exec", "client-react", "cat", "index.html").Stdout, "edited", "nobody watches it")

	course.Say(t, "Another list of libraries takes another image, and a container of it. Each service has one:")
	services := r.services(t)
	libraries := map[string]string{"api-golang": "go.sum", "api-node": "package-lock.json", "client-react": "package-lock.json"}
	for _, service := range example.Services {
		var rebuilt []string
		for _, rule := range services[service.Name].Develop.Watch {
			if rule.Action == "rebuild" {
				rebuilt = append(rebuilt, rule.Path)
			}
		}
		assert.Equal(t, []string{r.source(service, libraries[service.Name])}, rebuilt)
	}
	engine.Refs(t, image.Node, image.DockerfileFrontend)
	before := r.id(t, "api-node")
	course.EditHostFile(t, r.source(example.APINode, "package-lock.json"), `"api-node"`, `"api-of-node"`)
	r.DockerUntil(t, `"api-of-node"`, r.line("exec", "--no-TTY", "api-node", "head", "-2", "package-lock.json")...)
	assert.NotEqual(t, before, r.id(t, "api-node"))
	watching.Kill(t)
	// Nobody else needs it, and its health would be asked until all lessons have ended.
	r.compose(t, "down", "--volumes", "--timeout", "2")
}

// Tools move. What one reads about air often says github.com/cosmtrek/air, where it was until 2024; who asks for the latest one
// there today is told by Go that the module itself gives another name. In a Dockerfile one names a version, so that the build of
// tomorrow is that of today: the version of that time is still what it was.
func TestAirIsNoLongerFoundUnderItsOldName(t *testing.T) {
	run := []string{"run", "--rm", course.Ref(t, image.Golang), "go"}
	for _, version := range []string{"github.com/air-verse/air@v1.67.4", "github.com/cosmtrek/air@v1.51.0"} {
		found := course.DockerTries(t, append(run, "mod", "download", version)...)
		if found.ExitCode != 0 && !noSuchVersion.MatchString(found.Stderr) {
			t.Skipf("not provable here: the module proxy doesn't serve this engine: %s", found.Stderr)
		}
		require.Zero(t, found.ExitCode, "%s should be there", version)
	}
	refused := course.DockerFails(t, append(run, "install", "github.com/cosmtrek/air@latest")...)
	if strings.Contains(refused.Stderr, "403") {
		t.Skipf("not provable here: the module proxy doesn't serve the old name: %s", refused.Stderr)
	}
	assert.Contains(t, refused.Stderr, "github.com/air-verse/air")
}

// noSuchVersion is what a module proxy says that answers.
var noSuchVersion = regexp.MustCompile(`unknown revision|invalid version|404 Not Found|410 Gone`)

// showsAnEdit edits a file of a service's source code, and waits until the answer at a path of the page's server shows it.
func (r *repository) showsAnEdit(t *testing.T, service example.Service, file, path, old, edited string) {
	t.Helper()
	container := r.id(t, service.Name)
	url := r.address(t) + path
	assert.Contains(t, r.engine.Exec(t, "wget -q -O - "+url).Stdout, old)
	course.EditHostFile(t, r.source(service, file), old, edited)
	began := time.Now()
	r.engine.WaitFor(t, "wget -q -O - "+url+" | grep '"+edited+"'")
	took := time.Since(began)
	course.Say(t, "It took %.1f seconds from the edit to the answer, in the same container:", took.Seconds())
	assert.Less(t, took, 2*time.Minute, "nobody waits longer for an edit, even where much else is going on")
	assert.Equal(t, container, r.id(t, service.Name))
}

// A service is what the compose files say of one.
type service struct {
	Build   struct{ Context, Dockerfile string }
	Command []string
	Develop struct {
		Watch []struct{ Action, Path string }
	}
}

// services are those of the compose files, by their names.
func (r *repository) services(t *testing.T) map[string]service {
	t.Helper()
	var project struct{ Services map[string]service }
	quietly := r.Showing(func(course.Result) string { return "..." })
	shown := quietly.Docker(t, r.line("config", "--format", "json")...).Stdout
	require.NoError(t, json.Unmarshal([]byte(shown), &project))
	return project.Services
}

// mounts are the mounts of a service's container: where they are, and whether the container may write there.
func (r *repository) mounts(t *testing.T, service string) string {
	t.Helper()
	listed := r.Docker(t, "inspect", "--format", "{{range .Mounts}}{{println .Destination .RW}}{{end}}", r.id(t, service)).Stdout
	return strings.Join(slices.Sorted(strings.Lines(strings.TrimSuffix(listed, "\n"))), "")
}

var started course.Shared[[2]*repository]

// development is the application as it is worked on, and as it is deployed from the same files, started once for all
// lessons that edit a file of their own.
func development(t *testing.T) (dev, deployed *repository) {
	t.Helper()
	both := started.Get(t, func() [2]*repository {
		dev := newRepository(t, theEngine(t), "compose.dev.yaml")
		deployed := dev.as()
		dev.up(t)
		course.Say(t, "`up --build` would make the images of what these files say (here they are there already):")
		services := dev.services(t)
		for _, service := range example.Services {
			build := services[service.Name].Build
			assert.Equal(t, filepath.Join(dev.directory, "module05", "app", service.Name), build.Context)
			assert.Equal(t, "../../../module11/"+service.Name+"/Dockerfile", build.Dockerfile)
		}
		course.Say(t, "The source code is mounted, and may be read only (there is no writing: false):")
		for service, expected := range map[string]string{
			"client-react": "/app/index.html false\n/app/src false\n",
			"api-golang":   "/run/secrets/database-url false\n/src false\n",
			"api-node":     "/app/src false\n/app/test false\n/run/secrets/database-url false\n",
		} {
			assert.Equal(t, expected, dev.mounts(t, service))
		}
		deployed.up(t)
		return [2]*repository{dev, deployed}
	})
	return both[0], both[1]
}
