package module03

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/doctor"
	"docker-proven/internal/image"
)

// Before the first lesson: is everything there? The doctor looks at the docker command, the engine and its API,
// storage and cgroups, the build and compose plugins, and the room on disk, one line each, with the mend for
// what is missing. Pointed at an engine that doesn't exist, it must not call that healthy.
func TestTheDoctorFindsAWorkingInstallationAndReportsABrokenOne(t *testing.T) {
	busybox := course.Ref(t, image.Busybox)
	healthy := doctor.Examine(t.Context(), busybox)
	course.Typed(t, lines(healthy), "(the doctor examines this machine)")
	for _, finding := range healthy {
		assert.True(t, finding.OK(), "%s", finding)
	}

	broken := doctor.Examine(t.Context(), busybox, "DOCKER_HOST=tcp://127.0.0.1:1")
	course.Typed(t, lines(broken), "(the doctor examines DOCKER_HOST=tcp://127.0.0.1:1, where no engine is)")
	for _, finding := range broken {
		onlyTheCommand := finding.Check == "docker command" || finding.Check == "buildx" || finding.Check == "compose"
		assert.Equal(t, onlyTheCommand, finding.OK(), "%s", finding)
	}
}

// Where images come from: can this engine reach Docker Hub? Without it the course builds stand-ins from
// distribution packages and says so.
func TestTheDoctorTellsWhetherDockerHubIsReached(t *testing.T) {
	reached := image.RegistryAnswers(t.Context(), "hello-world")
	course.Say(t, "Docker Hub answers this engine: %t", reached)

	pulled := course.DockerTries(t, "manifest", "inspect", "hello-world")
	if reached {
		assert.Zero(t, pulled.ExitCode, "the engine reaches Docker Hub, so the docker command should, too: is a proxy set for one of them only?")
	}
	assert.False(t, image.RegistryAnswers(t.Context(), "127.0.0.1:1/nowhere"), "where no registry is, none should answer")
}

// With no engine there is nothing to prove, so nothing may look proven: the run fails, in one paragraph that
// says what to do on this platform, and not a single test is reported as passed or skipped.
func TestAnUnreachableEngineIsAClearErrorAndNotAGreenRun(t *testing.T) {
	const oneTest = "^TestTheDoctorTellsWhetherDockerHubIsReached$"
	lost := course.ThisLesson(t, oneTest, "DOCKER_HOST=tcp://127.0.0.1:1")
	assert.NotZero(t, lost.ExitCode)
	assert.Contains(t, lost.Output(), "127.0.0.1:1", "the address that was tried")
	assert.Contains(t, lost.Output(), "DOCKER_HOST", "and where it came from")
	assert.NotContains(t, lost.Output(), "PASS")
	assert.NotContains(t, lost.Output(), "SKIP")
	assert.Less(t, strings.Count(lost.Output(), "\n"), 8, "one paragraph, not a stack trace")

	found := course.ThisLesson(t, oneTest)
	assert.Zero(t, found.ExitCode, "with the engine the same test runs")
	assert.Contains(t, found.Output(), "PASS")
}

func lines(findings []doctor.Finding) string {
	var all strings.Builder
	for _, finding := range findings {
		all.WriteString(finding.String() + "\n")
	}
	return all.String()
}
