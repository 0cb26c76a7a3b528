package module03

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/doctor"
	"docker-proven/internal/image"
)

// Before the first lesson: is everything there? The doctor looks at the docker command and its plugins, at the
// engine and its API, storage and cgroups, at the room on disk and the way to Docker Hub. Each gets one line, with
// the command that tells, and with the mend for what is missing; the README says what each of them is. Pointed at an
// address where no engine is, the doctor must not call that healthy.
func TestTheDoctorFindsAWorkingInstallationAndReportsABrokenOne(t *testing.T) {
	busybox := course.Ref(t, image.Busybox)
	healthy := doctor.Examine(t.Context(), busybox, course.LabelFlags(t))
	course.Say(t, "The doctor examines this machine:")
	course.Show(t, lines(healthy))
	for _, finding := range healthy {
		if finding.Check != "registry" { // Docker Hub is not part of the installation, and stand-ins serve without it
			assert.True(t, finding.OK(), "%s", finding)
			assert.NotEmpty(t, finding.Value, "%s", finding)
		}
	}
	course.Say(t, "Of two of these, what the engine's API says:")
	var info struct{ Driver, CgroupVersion string }
	course.API(t, http.MethodGet, "/info", nil).Into(t, &info)
	value := map[string]string{}
	for _, finding := range healthy {
		value[finding.Check] = finding.Value
	}
	assert.Equal(t, info.Driver, value["storage driver"])
	assert.Equal(t, info.CgroupVersion, value["cgroup version"])

	broken := doctor.Examine(t.Context(), busybox, course.LabelFlags(t), "DOCKER_HOST=tcp://127.0.0.1:1")
	course.Say(t, "And with DOCKER_HOST=tcp://127.0.0.1:1, where no engine is:")
	course.Show(t, lines(broken))
	for _, finding := range broken {
		partOfTheCommand := slices.Contains([]string{"docker command", "buildx", "compose"}, finding.Check)
		assert.Equal(t, partOfTheCommand, finding.OK(), "%s", finding)
	}
}

// Where images come from: does this engine reach Docker Hub? The doctor finds out by asking for a tag that does
// not exist, and the engine's API, asked for one that does, must say the same. Where Docker Hub is out of reach,
// the course builds stand-ins from distribution packages and says so.
func TestTheDoctorTellsWhetherDockerHubIsReached(t *testing.T) {
	findings := doctor.Examine(t.Context(), course.Ref(t, image.Busybox), course.LabelFlags(t))
	registry := findings[len(findings)-1]
	course.Show(t, registry.String())
	refusal := image.RegistryServes(t.Context(), "hello-world")
	if refusal != nil && strings.Contains(refusal.Error(), "toomanyrequests") {
		t.Skipf("not provable here: Docker Hub refuses for a while what counts, and may answer what doesn't (%v)", refusal)
	}
	if strings.Contains(registry.Value, "error getting credentials") {
		t.Skipf("not provable here: the docker command doesn't ask Docker Hub (%s)", registry.Value)
	}
	assert.Equal(t, refusal == nil, registry.OK())

	assert.Error(t, image.RegistryServes(t.Context(), "127.0.0.1:1/nowhere"), "where no registry is, none should answer")
}

// With no engine there is nothing to prove, so nothing may look proven: the run fails, in one paragraph that
// says what to do, and not a single test is reported as passed or skipped.
func TestAnUnreachableEngineIsAClearErrorAndNotAGreenRun(t *testing.T) {
	const oneTest = "^TestWhalesaySaysItsPhraseEmojiIncluded$"
	lost := course.ThisLesson(t, oneTest, "DOCKER_HOST=tcp://127.0.0.1:1")
	assert.NotZero(t, lost.ExitCode)
	assert.Contains(t, lost.Output(), "127.0.0.1:1", "the address that was tried")
	assert.Contains(t, lost.Output(), "DOCKER_HOST", "and where it came from")
	assert.Contains(t, lost.Output(), "Unset DOCKER_HOST", "and what to do")
	assert.NotContains(t, lost.Output(), "PASS")
	assert.NotContains(t, lost.Output(), "SKIP")
	assert.Less(t, strings.Count(lost.Output(), "\n"), 8, "one paragraph, not a stack trace")

	found := course.ThisLesson(t, oneTest)
	assert.Zero(t, found.ExitCode, "with the engine the same test runs")
	assert.Contains(t, found.Output(), "--- PASS: TestWhalesaySaysItsPhraseEmojiIncluded")
}

func lines(findings []doctor.Finding) string {
	var all strings.Builder
	for _, finding := range findings {
		all.WriteString(finding.String() + "\n")
	}
	return all.String()
}
