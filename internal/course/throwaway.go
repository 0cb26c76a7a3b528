package course

import (
	"bytes"
	"os/exec"
	"testing"

	"docker-proven/internal/image"
)

// A ThrowawayEngine is a Docker engine inside a container: nothing that happens there reaches the learner's
// own engine, and all of it goes when the test ends.
type ThrowawayEngine struct{ container *Container }

// NewThrowawayEngine starts an engine and gives it the images.
func NewThrowawayEngine(t *testing.T, images ...image.Image) *ThrowawayEngine {
	t.Helper()
	engine := &ThrowawayEngine{Run(t, image.DockerInDocker, Privileged())}
	engine.container.WaitForLog(t, "API listen on /var/run/docker.sock")
	for _, i := range images {
		ref := Ref(t, i)
		lessonOf(t).write("$ docker save " + ref + " | docker exec --interactive " + engine.container.Name + " docker load\n")
		save := exec.CommandContext(t.Context(), "docker", "save", ref)
		load := exec.CommandContext(t.Context(), "docker", "exec", "--interactive", engine.container.Name, "docker", "load")
		var complaint bytes.Buffer
		load.Stderr, save.Stderr = &complaint, &complaint
		var err error
		if load.Stdin, err = save.StdoutPipe(); err != nil {
			t.Fatal(err)
		}
		if err := load.Start(); err != nil {
			t.Fatal(err)
		}
		saving := save.Run()
		if err := load.Wait(); err != nil || saving != nil {
			t.Fatalf("giving %s to the throwaway engine: %v %v %s", ref, saving, err, &complaint)
		}
	}
	return engine
}

// Docker runs a docker command on the throwaway engine, and fails the test if it fails.
func (e *ThrowawayEngine) Docker(t *testing.T, arguments ...string) Result {
	t.Helper()
	return Docker(t, append([]string{"exec", e.container.Name, "docker"}, arguments...)...)
}

// DockerFails is Docker for a command that the lesson expects to fail.
func (e *ThrowawayEngine) DockerFails(t *testing.T, arguments ...string) Result {
	t.Helper()
	return DockerFails(t, append([]string{"exec", e.container.Name, "docker"}, arguments...)...)
}
