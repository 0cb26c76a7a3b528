package module04

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Software installed while a container runs lives in that container's own writable layer. The image is never
// touched, so the next container starts without it, exactly as the first one did.
func TestWhatIsInstalledAtRunTimeIsMissingFromTheNextContainer(t *testing.T) {
	first := course.Run(t, image.Ubuntu)
	result := first.ExecFails(t, "ping -c 1 localhost")
	assert.Equal(t, 127, result.ExitCode, "127 is the shell's word for: no such command. Does this image ship ping?")

	first.Exec(t, "apt-get update && apt-get install --yes --no-install-recommends iputils-ping")
	first.Exec(t, "ping -c 1 localhost")

	next := course.Run(t, image.Ubuntu)
	result = next.ExecFails(t, "ping -c 1 localhost")
	assert.Equal(t, 127, result.ExitCode, "the next container should start from the untouched image")
}

// A container that has stopped is not gone: its writable layer waits until `docker rm`. Given a name, it is
// easily found again, by `docker ps --all` and by `docker inspect`; started again and attached to, it still has
// what was done to it. A new container of the same image does not.
func TestANamedContainerKeepsItsChangesAcrossStopStartAndAttach(t *testing.T) {
	keeper := course.Run(t, image.Ubuntu)
	keeper.Exec(t, "printf '#!/bin/sh\\necho still here\\n' > /usr/local/bin/greet && chmod +x /usr/local/bin/greet")

	keeper.Stop(t)
	// docker ps --all lists stopped containers, too. (The list of a busy engine is a moment behind what happened.)
	course.DockerUntil(t, "^"+keeper.Name+" exited\n$",
		"ps", "--all", "--filter", "name="+keeper.Name, "--format", "{{.Names}} {{.State}}")
	running := course.Docker(t, "ps", "--filter", "name="+keeper.Name, "--format", "{{.Names}}")
	assert.Empty(t, running.Stdout, "docker ps lists running containers only")
	status := course.Docker(t, "inspect", "--format", "{{.State.Status}}", keeper.Name)
	assert.Equal(t, "exited\n", status.Stdout)

	keeper.Start(t)
	typed := course.DockerTyped(t, "greet\nexit\n", "attach", keeper.Name)
	assert.Equal(t, "still here\n", typed.Stdout, "attached to the container's shell, we can use what we installed")

	fresh := course.Run(t, image.Ubuntu)
	result := fresh.ExecFails(t, "greet")
	assert.Equal(t, 127, result.ExitCode, "a new container of the same image knows nothing of it")
}

// What every container needs belongs into an image. A Dockerfile can come on standard input (the lone dash):
// two lines are enough for an ubuntu that has ping, in every container and for good.
func TestAnImageBuiltFromADockerfileOnStandardInputHasPingInEveryContainer(t *testing.T) {
	tag := course.Build(t, "ubuntu-ping", "FROM "+course.Ref(t, image.Ubuntu)+`
RUN apt-get update && apt-get install --yes --no-install-recommends iputils-ping
`)
	course.RunBuilt(t, tag).Exec(t, "ping -c 1 localhost")
	course.RunBuilt(t, tag).Exec(t, "ping -c 1 localhost")

	result := course.Run(t, image.Ubuntu).ExecFails(t, "ping -c 1 localhost")
	assert.Equal(t, 127, result.ExitCode, "the image it was built from stays as it was")
}

// What differs from one environment to the next (addresses, levels, passwords) does not belong into an image.
// It comes in when the container starts: one variable with --env, many with --env-file.
func TestConfigurationThatDiffersPerEnvironmentComesInAtRunTime(t *testing.T) {
	show := course.Shell(`echo "stage=$STAGE log=$LOG_LEVEL region=$REGION"`)
	with := course.Once(t, image.Busybox, course.Env("STAGE", "testing"), show)
	assert.Equal(t, "stage=testing log= region=\n", with.Stdout, "what isn't given isn't there")

	file := course.File(t, "production.env", "LOG_LEVEL=warn\nREGION=eu\n")
	withFile := course.Once(t, image.Busybox, course.EnvFile(file), show)
	assert.Equal(t, "stage= log=warn region=eu\n", withFile.Stdout)
}
