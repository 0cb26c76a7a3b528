// Package faults_test breaks what the course stands on, one thing after the other, while a lesson runs or before it
// does, and looks at what the learner is told and what stays behind. The lesson is a real one, in testdata/lesson, and what
// is broken belongs to a throwaway engine: the machine of a learner with all that a learner has there.
package faults_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

func TestMain(m *testing.M) { course.Main(m) }

// takesLong skips a test, saying why, unless it is asked for.
func takesLong(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("COURSE_FAULTS") == "" {
		t.Skip("not provable here: it takes long (" + why + "); `make faults` has the time")
	}
}

// A machine is a learner's: an engine, the docker command and lessons.
type machine struct{ *course.ThrowawayEngine }

func newMachine(t *testing.T, options ...course.Option) machine {
	t.Helper()
	outlived := course.Command("sh", "-c", "dockerd-entrypoint.sh; exec sleep infinity") // the machine outlives its engine
	m := machine{course.NewThrowawayEngine(t, append([]course.Option{outlived}, options...)...)}
	m.Refs(t, image.Busybox, image.Reaper)
	m.bring(t, "lesson")
	return m
}

// bring puts a program of testdata where the machine finds it.
func (m machine) bring(t *testing.T, program string) {
	t.Helper()
	course.Docker(t, "cp", "--quiet", compiled(t, program), m.Name+":/usr/local/bin/"+program)
}

var (
	compiling sync.Mutex
	programs  = map[string]string{} // their files, by name
)

// compiled is a program of testdata for the engine's processor, which needs no library there.
func compiled(t *testing.T, program string) (file string) {
	t.Helper()
	arch := strings.TrimSpace(course.Docker(t, "version", "--format", "{{.Server.Arch}}").Stdout)
	compiling.Lock()
	defer compiling.Unlock()
	if programs[program] == "" {
		file := filepath.Join(course.HostDirectory(t), program)
		var command []string
		switch program {
		case "registry":
			command = []string{"build", "-o", file, "./testdata/registry"}
		case "lesson":
			command = []string{"test", "-c", "-o", file, "./testdata/lesson"}
		case lessonWithAClockThatJumps:
			command = []string{"test", "-c", "-overlay", aClockThatJumps(t), "-o", file, "./testdata/lesson"}
		}
		environment := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch}
		compiler := exec.CommandContext(t.Context(), "go", command...)
		compiler.Env = append(os.Environ(), environment...)
		output, err := compiler.CombinedOutput()
		course.Typed(t, string(output), slices.Concat(environment, []string{"go"}, command)...)
		if err != nil {
			t.Fatal(err)
		}
		programs[program] = file
	}
	return programs[program]
}

// lesson runs a shell line on the machine, in which `lesson` runs lessons, and returns what the learner sees.
func (m machine) lesson(t *testing.T, line string) course.Result {
	t.Helper()
	return course.DockerTries(t, m.exec("sh", "-c", line)...)
}

// exec is the docker command's arguments for a command on the machine, where the same images are chosen as here.
func (m machine) exec(command ...string) []string {
	return append([]string{"exec", "--env", "COURSE_IMAGES=" + os.Getenv("COURSE_IMAGES"), m.Name}, command...)
}

// hasNothingLeft looks for what lessons could have left on the machine.
func (m machine) hasNothingLeft(t *testing.T) {
	t.Helper()
	left := m.Exec(t, "docker ps --all --quiet; docker volume ls --quiet; docker network ls --quiet --filter type=custom; "+
		"docker image ls --quiet --filter label=docker-proven; ls -d /tmp/docker-proven-* 2>/dev/null || true")
	assert.Empty(t, left.Stdout, "containers, volumes, networks, images and files")
}
