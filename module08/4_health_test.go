package module08

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A program can run and yet be of no use. --health-cmd is a command that the engine runs in the container, again and
// again (--health-interval): exit status 0 means healthy. `docker ps` shows the result, and others wait for it. Nothing
// is done to an unhealthy container, whatever its --restart says: that is for containers whose program ends. It is for you,
// or for a program such as Swarm, to decide.
func TestAHealthCommandTellsWhetherAContainerIsOfUse(t *testing.T) {
	flags := []string{"--health-cmd", "test -e /ready", "--health-interval", "100ms", "--health-retries", "2", "--restart", "always"}
	c := background(t, flags, "trap 'exit 1' TERM; while :; do sleep 0.1; done")
	const health = "{{if .State.Health}}{{.State.Health.Status}}{{else}}unknown{{end}}"
	course.Docker(t, "exec", c.Name, "touch", "/ready")
	c.WaitForInspect(t, health, "healthy")
	course.DockerUntil(t, `\(healthy\)`, "ps", "--filter", "name="+c.Name, "--format", "{{.Status}}")

	const starts = "{{.State.Status}} {{.RestartCount}} {{.State.StartedAt}}"
	before := ask(t, c, starts)
	course.Docker(t, "exec", c.Name, "rm", "/ready")
	c.WaitForInspect(t, health, "unhealthy")
	course.DockerUntil(t, `^([4-9]|\d\d+)\n$`, "inspect", "--format", "{{.State.Health.FailingStreak}}", c.Name)
	assert.Equal(t, before, ask(t, c, starts), "it should run on all the same, and not have been started again")
	course.Docker(t, "exec", c.Name, "touch", "/ready")
	c.WaitForInspect(t, health, "healthy")

	course.Say(t, "When its program ends, it is started again:")
	course.Docker(t, "exec", "--detach", c.Name, "kill", "-TERM", "1") // which ends with the container
	c.WaitForInspect(t, "{{.State.Status}} {{.RestartCount}}", "running 1")

	course.Say(t, "Without a command nobody knows:")
	silent := background(t, nil, "touch /ready; sleep 600")
	assert.Equal(t, "unknown", ask(t, silent, health))
}

// One failure may be bad luck. --health-retries is how many in a row make a container unhealthy: three, unless it is
// said. This check fails a few times and then never again. Four failures, with five retries, nobody notices; nor two, with
// the usual three. After three the container was unhealthy in between.
func TestHealthRetriesAreHowManyFailuresInARowCount(t *testing.T) {
	transitions := func(failures int, flags ...string) string {
		check := fmt.Sprintf("echo >> /tmp/checks; test $(wc -l < /tmp/checks) -gt %d", failures)
		name := course.Unique(t, "busybox-")
		events := course.DockerInBackground(t, "events", "--since", "0s", "--filter", "container="+name,
			"--filter", "event=health_status", "--format", "{{.Action}}")
		line := append([]string{"run", "--detach", "--name", name, "--health-cmd", check, "--health-interval", "100ms"}, flags...)
		course.Docker(t, append(line, course.Ref(t, image.Busybox), "sleep", "600")...)
		events.WaitForOutput(t, "health_status: healthy\n")
		course.Show(t, events.Output())
		course.Docker(t, "kill", name)
		return events.Output()
	}
	assert.Equal(t, "health_status: healthy\n", transitions(4, "--health-retries", "5"))
	course.Say(t, "Without the flag, three are enough:")
	assert.Equal(t, "health_status: unhealthy\nhealth_status: healthy\n", transitions(3))
	course.Say(t, "And two are not:")
	assert.Equal(t, "health_status: healthy\n", transitions(2))
}

// A check that hangs says nothing, until the engine gives it up; then it counts as a failure. --health-timeout is how long
// to wait. Without the flag that is longer: thirty seconds, says Docker's documentation, for which this lesson doesn't wait.
func TestAHealthCheckThatTakesTooLongHasFailed(t *testing.T) {
	hanging := []string{"--health-cmd", "sleep 602", "--health-interval", "100ms", "--health-retries", "1"}
	patient := background(t, hanging, "sleep 600")
	course.DockerUntil(t, `(?m)^sleep 602$`, "exec", patient.Name, "ps", "-o", "args")
	hurried := background(t, append(slices.Clip(hanging), "--health-timeout", "1s"), "sleep 600")
	hurried.WaitForInspect(t, "{{.State.Health.Status}}", "unhealthy")
	assert.Contains(t, ask(t, hurried, "{{json .State.Health.Log}}"), "exceeded timeout (1s)")

	course.Say(t, "The other check began before this one, and still nobody has given it up:")
	// (Where all of this takes half a minute, it has been given up after the usual time.)
	assert.Regexp(t, `^(null|\[\])$|exceeded timeout \(30s\)`, ask(t, patient, "{{json .State.Health.Log}}"))

	course.Say(t, "A check that takes less time has no trouble with the same timeout:")
	quick := background(t, []string{"--health-cmd", "true", "--health-interval", "100ms", "--health-timeout", "1s"}, "sleep 600")
	quick.WaitForInspect(t, "{{.State.Health.Status}}", "healthy")
}

// While a program starts, its check may fail: in the --health-start-period failures don't count, and success ends it.
// To learn of the success soon, checks are made more often then: every --health-start-interval, from engine 25 on.
func TestFailuresInTheStartPeriodDoNotCount(t *testing.T) {
	const health = "{{.State.Health.Status}}"
	const check = "echo >> /tmp/checks; test -e /ready"
	strict := []string{"--health-cmd", check, "--health-interval", "100ms", "--health-retries", "1"}
	lenient := append(slices.Clip(strict), "--health-start-period", "1h")
	if course.EngineIsFrom(t, 25) {
		lenient = append(lenient, "--health-start-interval", "100ms")
	}
	starting := background(t, lenient, "sleep 600")
	course.DockerUntil(t, `^([3-9]|\d\d+)\b`, "exec", starting.Name, "wc", "-l", "/tmp/checks")
	assert.Equal(t, "starting", ask(t, starting, health))
	course.Docker(t, "exec", starting.Name, "touch", "/ready")
	starting.WaitForInspect(t, health, "healthy")
	course.Say(t, "That was the end of the start period, though the hour isn't over. The next failure counts:")
	course.Docker(t, "exec", starting.Name, "rm", "/ready")
	starting.WaitForInspect(t, health, "unhealthy")

	course.Say(t, "Without a start period, the first failure counts:")
	background(t, strict, "sleep 600").WaitForInspect(t, health, "unhealthy")
}

// The pause between two checks in the start period is what --health-start-interval says, and five seconds without it. (It
// was meant to be from the beginning, with engine 25; but before 27, without it, the pause was that of --health-interval.)
func TestTheStartIntervalIsThePauseBetweenChecksInTheStartPeriod(t *testing.T) {
	course.NeedsEngine(t, 27)
	pause := func(flags ...string) time.Duration {
		flags = append(flags, "--health-cmd", "false", "--health-interval", "1h", "--health-start-period", "1h")
		c := background(t, flags, "sleep 600")
		const format = "{{json .State.Health.Log}}"
		log := course.DockerUntil(t, `"Start".*"Start"`, "inspect", "--format", format, c.Name).Stdout
		var checks []struct{ Start, End time.Time }
		require.NoError(t, json.Unmarshal([]byte(log), &checks))
		course.Docker(t, "kill", c.Name)
		return checks[1].Start.Sub(checks[0].End)
	}
	assert.Less(t, pause("--health-start-interval", "100ms"), 4*time.Second)
	assert.Greater(t, pause(), 4*time.Second)
}

// An image may bring a health check of its own. --no-healthcheck switches it off.
func TestNoHealthcheckSwitchesTheImagesOwnOff(t *testing.T) {
	tag := course.BuildQuietly(t, "checked", "FROM "+course.Ref(t, image.Busybox)+`
HEALTHCHECK --interval=100ms CMD true
`)
	start := func(flags ...string) *course.Container {
		name := course.Unique(t, "checked-")
		course.Docker(t, append(append([]string{"run", "--detach", "--name", name}, flags...), tag, "sleep", "600")...)
		return course.Named(name)
	}
	const health = "{{if .State.Health}}{{.State.Health.Status}}{{else}}unknown{{end}}"
	assert.Equal(t, "unknown", ask(t, start("--no-healthcheck"), health))
	start().WaitForInspect(t, health, "healthy")
}
