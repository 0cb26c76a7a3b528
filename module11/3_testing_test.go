package module11

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
)

// Everybody who has Docker can run the tests of each service, whatever is installed on their machine: the compiler and
// the test runner are in the image of development, and the source code is mounted. The command's exit status is that of
// the tests, so that a script stops when one of them fails.
func TestEachServicesTestsRunInAContainerAndAFailureFailsTheCommand(t *testing.T) {
	r := newRepository(t, theEngine(t), "compose.dev.yaml", "compose.test.yaml")
	var parts []course.Part
	for _, tests := range []struct {
		service        example.Service
		file           string
		right, mistake string
	}{
		{example.APIGolang, "server.go", "pong", "pang"},
		{example.APINode, "src/app.js", "pong", "pang"},
		{example.Client, "src/ApiCard.jsx", "Fails", "Works"},
	} {
		parts = append(parts, course.Part{Name: tests.service.Name, Perform: func(t *testing.T) {
			run := r.line("run", "--rm", "--no-TTY", tests.service.Name)
			routes := r.Docker(t, append(slices.Clone(run), "cat", "/proc/net/route")...).Stdout
			assert.Equal(t, 1, strings.Count(routes, "\n"), "the tests bring what they need: below the heading, there should be no way to anywhere")
			r.Docker(t, run...)
			course.EditHostFile(t, r.source(tests.service, tests.file), tests.right, tests.mistake)
			failed := r.DockerFails(t, run...)
			assert.Contains(t, failed.Output(), tests.mistake, "the tests should say what they saw")
			course.EditHostFile(t, r.source(tests.service, tests.file), tests.mistake, tests.right)
			r.Docker(t, run...)
		}})
	}
	course.Together(t, parts...)
	assert.Empty(t, r.compose(t, "ps", "--all", "--quiet").Stdout, "nothing else should have been started, and nothing be left")
}
