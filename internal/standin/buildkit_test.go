package standin_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A container of BuildKit serves builds: its client, which comes with it, builds a file of a Dockerfile that needs
// nothing but a step's output. (buildx starts the same image for a builder of its own.)
func TestBuildKitBuildsInAContainerOfItsOwn(t *testing.T) {
	daemon := course.Run(t, image.BuildKit, course.Privileged())
	daemon.WaitFor(t, "buildctl debug workers")
	daemon.Exec(t, "mkdir /tmp/context && printf 'FROM scratch\\nCOPY greeting /copied\\n' > /tmp/context/Dockerfile"+
		" && echo hello > /tmp/context/greeting")
	daemon.Exec(t, "buildctl build --frontend dockerfile.v0 --local context=/tmp/context --local dockerfile=/tmp/context"+
		" --output type=local,dest=/tmp/out")
	assert.Equal(t, "hello\n", daemon.Exec(t, "cat /tmp/out/copied").Stdout)

	declared := course.Docker(t, "image", "inspect", "--format",
		"{{.Config.Entrypoint}} {{range $directory, $_ := .Config.Volumes}}{{$directory}}{{end}}", course.Ref(t, image.BuildKit))
	assert.Contains(t, declared.Stdout, "buildkitd")
	assert.Contains(t, declared.Stdout, "/var/lib/buildkit")
}
