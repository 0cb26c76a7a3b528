package module11

import (
	"slices"
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
	for _, tests := range []struct {
		service        example.Service
		file           string
		right, mistake string
	}{
		{example.APIGolang, "server.go", "pong", "pang"},
		{example.APINode, "src/app.js", "pong", "pang"},
		{example.Client, "src/ApiCard.jsx", "Fails", "Works"},
	} {
		t.Run(tests.service.Name, func(t *testing.T) {
			run := r.line("run", "--rm", "--no-TTY", tests.service.Name)
			assert.Equal(t, "lo\n", r.Docker(t, append(slices.Clone(run), "ls", "/sys/class/net")...).Stdout,
				"the tests bring what they need, and their containers have no network")
			r.Docker(t, run...)
			course.EditHostFile(t, r.source(tests.service, tests.file), tests.right, tests.mistake)
			failed := r.DockerFails(t, run...)
			assert.Contains(t, failed.Output(), tests.mistake, "the tests should say what they saw")
			course.EditHostFile(t, r.source(tests.service, tests.file), tests.mistake, tests.right)
			r.Docker(t, run...)
		})
	}
	assert.Empty(t, r.compose(t, "ps", "--all", "--quiet").Stdout, "nothing else should have been started, and nothing be left")
}
