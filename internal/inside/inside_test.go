package inside

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/image"
)

// The test program is what `go test -exec` starts, too, as the course's command is otherwise.
func TestMain(m *testing.M) {
	if len(os.Args) > 4 && os.Args[1] == "within" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		os.Exit(Test(ctx, os.Args[2], os.Args[3], os.Args[4], os.Args[5:]))
	}
	os.Exit(m.Run())
}

const lesson = `package lesson
import ("os"; "os/exec"; "testing")
func TestIsThere(t *testing.T) {
	said, err := exec.Command("docker", "--host", "unix:///var/run/docker.sock", "info", "--format", "{{.Name}} {{.Containers}}").CombinedOutput()
	t.Logf("the engine is %s%v", said, err)
	name, _ := os.Hostname()
	t.Logf("this is %s", name)
	said, err = exec.Command("docker", "--host", os.Getenv("COURSE_LEARNERS_ENGINE"), "info", "--format", "{{.Name}}").CombinedOutput()
	t.Logf("the learner's engine is %s%v", said, err)
	text, err := os.ReadFile("text")
	t.Logf("%s %v %s", text, err, os.Getenv("COURSE_IMAGES"))
}
func TestFails(t *testing.T) { t.Error("as it should") }
`

// A package's tests run where the engine is, in the package's directory; the engine is one of their own, and goes.
func TestTestsRunInTheEnginesContainer(t *testing.T) {
	checkout := filepath.Join(t.TempDir(), "a checkout")
	require.NoError(t, os.MkdirAll(filepath.Join(checkout, "lessons", "one"), 0o755))
	for name, content := range map[string]string{"go.mod": "module m\n\ngo 1.26\n", "lessons/one/a_test.go": lesson, "lessons/one/text": "a file"} {
		require.NoError(t, os.WriteFile(filepath.Join(checkout, name), []byte(content), 0o644))
	}
	program, err := os.Executable()
	require.NoError(t, err)
	t.Chdir(checkout)
	t.Setenv("COURSE_IMAGES", "current")
	engine, err := Start(t.Context(), image.DockerInDocker.Pinned, t.Output())
	require.NoError(t, err)
	defer engine.Close()

	flag, environment := engine.GoTest(program, checkout)
	test := func(flags ...string) (string, error) {
		command := exec.CommandContext(t.Context(), "go", append([]string{"test", "-v", flag, "./lessons/..."}, flags...)...)
		command.Env = os.Environ()
		for variable, value := range environment {
			command.Env = append(command.Env, variable+"="+value)
		}
		said, err := command.CombinedOutput()
		return string(said), err
	}
	said, err := test("-run", "TestIsThere")
	assert.NoError(t, err)
	id, err := output(t.Context(), "docker", "inspect", "--format", "{{.Config.Hostname}}", engine.name)
	require.NoError(t, err)
	assert.Contains(t, said, "the engine is "+strings.TrimSpace(id)+" 0\n", "an engine that has no containers")
	assert.Contains(t, said, "this is "+strings.TrimSpace(id)+"\n")
	learners, err := output(t.Context(), "docker", "info", "--format", "{{.Name}}")
	require.NoError(t, err)
	assert.Contains(t, said, "the learner's engine is "+learners)
	assert.Contains(t, said, "a file <nil> current\n")

	said, err = test("-run", "TestFails")
	assert.Error(t, err)
	assert.Contains(t, said, "--- FAIL: TestFails")

	require.NoError(t, engine.Close())
	assert.Empty(t, containers(t, engine.name))
}

// Whatever ends the process that started an engine ends the engine, too: its standard input is at its end then.
func TestAnEngineDoesNotOutliveTheProcessThatStartedIt(t *testing.T) {
	t.Chdir(t.TempDir())
	engine, err := Start(t.Context(), image.DockerInDocker.Pinned, t.Output())
	require.NoError(t, err)
	require.NotEmpty(t, containers(t, engine.name))
	require.NoError(t, engine.Ended())
	require.NoError(t, engine.lifeline.Close())
	select {
	case <-engine.ended:
	case <-time.After(time.Minute):
		t.Error("the engine should have ended")
	}
	assert.Empty(t, containers(t, engine.name))
	assert.ErrorContains(t, engine.Ended(), "the engine ended while tests ran on it")
}

func TestTheLastWordsOfAnEngineAreWhyItGaveUp(t *testing.T) {
	assert.Equal(t, "c\nd", lastWords("a\nb\nc\nd\n", 2))
	assert.Equal(t, "panic: no digest\n", lastWords("a\npanic: no digest\n\ngoroutine 1\nand so on\n", 2))
}

func TestAnImageThatHasNoEngineIsRefusedWithWhatItSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Start(t.Context(), image.Busybox.Pinned, t.Output())
	assert.ErrorContains(t, err, "an engine of "+image.Busybox.Pinned+" does not start: its container ended")
	assert.ErrorContains(t, err, "dockerd-entrypoint.sh: not found")
}

func containers(t *testing.T, name string) string {
	t.Helper()
	said, err := output(t.Context(), "docker", "ps", "--all", "--quiet", "--filter", "name="+name)
	require.NoError(t, err)
	return said
}
