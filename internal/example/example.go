// Package example knows the application of module05, which later modules build, run and deploy: its three services,
// where their source code is, and how the Dockerfiles of module06 make images of them.
package example

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"docker-proven/internal/buildkit"
	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A Service is one of the application's services.
type Service struct {
	Name  string        // of its directory, its images and, in networks of the lessons, its host
	Port  int           // on which the image of the last step listens
	Last  int           // the number of its last Dockerfile; the first is 0
	Bases []image.Image // what its Dockerfiles begin with
}

// The services of the application. The fourth is Postgres, which is nobody's own.
var (
	APIGolang = Service{"api-golang", 8080, 5, []image.Image{image.Golang}}
	APINode   = Service{"api-node", 3000, 6, []image.Image{image.NodeLarge, image.Node}}
	Client    = Service{"client-react", 8080, 3, []image.Image{image.Node, image.Nginx}}

	Services = []Service{APIGolang, APINode, Client}
)

// Source is the directory of the service's source code, as seen from a module.
func (s Service) Source() string { return "../module05/app/" + s.Name }

// Dockerfile is the path of the service's Dockerfile of that step, as seen from a module.
func (s Service) Dockerfile(step int) string {
	file := fmt.Sprintf("%s/Dockerfile.%d", s.Name, step)
	if _, err := os.Stat(file); err == nil {
		return file
	}
	return "../module06/" + file
}

// Building is the command by which one makes the service's last image, in the repository's directory.
func (s Service) Building(tag string) string {
	return fmt.Sprintf("docker build --tag %s --file module06/%s/Dockerfile.%d module05/app/%s\n", tag, s.Name, s.Last, s.Name)
}

// Tag is the name of the service's image of that step: "api-golang:3".
func (s Service) Tag(step int) string { return fmt.Sprintf("%s:%d", s.Name, step) }

// Copy copies the source code to a directory of the host, where a lesson may change it. What tools have left beside
// the source code stays behind.
func (s Service) Copy(t *testing.T) string {
	t.Helper()
	directory := filepath.Join(course.HostDirectory(t), s.Name)
	course.Typed(t, "", "cp", "-r", s.Source(), directory)
	CopyTree(t, s.Source(), directory)
	return directory
}

// CopyTree copies a directory with all below it but what tools have left beside source code.
func CopyTree(t *testing.T, from, to string) {
	t.Helper()
	left := []string{"node_modules", "dist", "coverage", ".vite"}
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(filepath.ToSlash(path), from))
		switch {
		case entry.IsDir() && slices.Contains(left, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Build builds the service's image of that step on an engine, and returns its tag. Lessons that share the engine share
// the image: only the first of them builds it, and the others are told by which command.
func (s Service) Build(t *testing.T, engine *course.ThrowawayEngine, step int) (tag string) {
	t.Helper()
	tag = s.Tag(step)
	line := s.line(t, engine, step) // begins the lesson, which may wait for its turn and so mustn't hold what others wait for
	known, _ := builds.LoadOrStore(buildsOf{engine, s.Name}, &images{has: map[string]bool{}})
	made := known.(*images)
	made.mutex.Lock()
	defer made.mutex.Unlock()
	if made.has[tag] {
		course.Say(t, "%s is there, by: docker %s", tag, strings.Join(line, " "))
		return tag
	}
	if s.Name == APIGolang.Name && step > 0 && !made.warm {
		s.warm(t, engine, made)
	}
	made.build(t, engine, tag, line)
	return tag
}

// line is the command that builds the service's image of that step.
func (s Service) line(t *testing.T, engine *course.ThrowawayEngine, step int) []string {
	t.Helper()
	return append(s.Prepare(t, engine, step), "--tag", s.Tag(step), s.Source())
}

// warm fills the cache mount of the compiler from the image of step 0, so that Go's own library is not compiled twice.
func (s Service) warm(t *testing.T, engine *course.ThrowawayEngine, made *images) {
	t.Helper()
	first := s.Tag(0)
	if !made.has[first] {
		made.build(t, engine, first, s.line(t, engine, 0))
	}
	course.Say(t, "In the image of step 0 is what its compiler has cached. It shall be in the cache mount, too, which spares the next steps half a minute:")
	const mount = "--mount=type=cache,id=/root/.cache/go-build,target=/mount"
	engine.Showing(Progress).DockerStdin(t, "FROM "+first+"\nRUN "+mount+" cp -a /root/.cache/go-build/. /mount/\n",
		"build", "--progress", "plain", "-")
	made.warm = true
}

// builds has, for each buildsOf an engine, the *images that are made. A service's images are made one at a time: what
// one build leaves in the caches, the next need not do.
var builds sync.Map

type buildsOf struct {
	engine  *course.ThrowawayEngine
	service string
}

type images struct {
	mutex sync.Mutex
	has   map[string]bool // by tag
	warm  bool            // whether the compiler's cache mount is filled
}

func (i *images) build(t *testing.T, engine *course.ThrowawayEngine, tag string, line []string) {
	t.Helper()
	engine.Showing(Progress).Docker(t, line...)
	i.has[tag] = true
}

// BuildFrom builds an image of that step from source code in another directory, with flags of `docker build`, and
// returns what BuildKit did for it.
func (s Service) BuildFrom(t *testing.T, engine *course.ThrowawayEngine, step int, source string, flags ...string) []buildkit.Step {
	t.Helper()
	line := append(append(s.Prepare(t, engine, step), flags...), source)
	return buildkit.Steps(engine.Showing(Progress).Docker(t, line...).Stderr)
}

// Prepare gives the engine what the Dockerfile of that step begins with, and returns the beginning of a command that
// builds it, for lessons in which that command ends otherwise.
func (s Service) Prepare(t *testing.T, engine *course.ThrowawayEngine, step int) (build []string) {
	t.Helper()
	engine.Refs(t, s.Bases...) // in one go: some of them are made of others
	return append([]string{"build", "--progress", "plain"}, s.flags(t, engine.Ref, s.Dockerfile(step))...)
}

// flags are those by which `docker build` is told of a Dockerfile, and of the images that this run of the course has in
// place of those named there. Ref gives an engine an image, and returns the image's reference.
func (s Service) flags(t *testing.T, ref func(*testing.T, image.Image) string, dockerfile string) (flags []string) {
	t.Helper()
	flags = []string{"--file", dockerfile}
	content, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range append(s.Bases, image.DockerfileFrontend) {
		if !names(string(content), base.Pinned) {
			continue
		}
		if has := ref(t, base); has != base.Pinned {
			flags = append(flags, "--build-context", base.Pinned+"=docker-image://"+has)
		}
	}
	return flags
}

// names is whether a Dockerfile names an image, and not just one whose name begins like it.
func names(dockerfile, ref string) bool {
	words := strings.FieldsFunc(dockerfile, func(r rune) bool { return strings.ContainsRune(" \n=", r) })
	return slices.Contains(words, ref)
}

// Progress is what a learner wants to see of a build: its steps, with a mark at those that were cached, or its error.
func Progress(result course.Result) string {
	var told strings.Builder
	for _, step := range buildkit.Steps(result.Stderr) {
		mark := "      "
		if step.Cached {
			mark = "CACHED"
		}
		fmt.Fprintln(&told, mark, strings.Join(strings.Fields(step.Instruction), " "))
	}
	if result.ExitCode != 0 {
		_, problem, performed := strings.Cut(result.Stderr, "\n------\n")
		if !performed { // not even begun: there is something wrong with the Dockerfile
			_, problem, _ = strings.Cut(result.Stderr, "\nERROR: ")
			problem = "ERROR: " + problem
		}
		told.WriteString(problem)
	}
	return told.String()
}
