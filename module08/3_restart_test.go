package module08

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A container whose program has ended stays ended: the rule is --restart no. With on-failure:3 the engine starts it
// again after a failure, at most three times. How often the program has really started, its own output tells.
func TestOnFailureRestartsAProgramThatFailsAndGivesUp(t *testing.T) {
	const failing = "echo start; exit 3"
	failed := background(t, []string{"--restart", "on-failure:3"}, failing)
	failed.WaitForInspect(t, "{{.State.Status}} {{.RestartCount}}", "exited 3")
	assert.Equal(t, 4, starts(t, failed), "the first time, and three times again")

	course.Say(t, "Without the flag:")
	once := background(t, nil, failing)
	once.WaitUntilEnded(t)
	assert.Equal(t, 1, starts(t, once))

	course.Say(t, "And what ends well has not failed:")
	fine := background(t, []string{"--restart", "on-failure:3"}, "echo start; exit 0")
	fine.WaitUntilEnded(t)
	assert.Equal(t, "exited", state(t, fine))
	assert.Equal(t, 1, starts(t, fine))
}

// --restart always means always: also a program that ends well is started again, and again, until somebody stops the
// container. unless-stopped does the same. The engine waits longer each time, from a tenth of a second on.
func TestAlwaysRestartsAProgramThatEndsWell(t *testing.T) {
	const short = "echo start; exit 0"
	for _, policy := range []string{"always", "unless-stopped"} {
		again := background(t, []string{"--restart", policy}, short)
		course.DockerUntil(t, "start\nstart\nstart\n", "logs", again.Name)
		course.Docker(t, "stop", again.Name)
		again.WaitForInspect(t, "{{.State.Status}}", "exited")
	}

	once := background(t, nil, short)
	once.WaitUntilEnded(t)
	assert.Equal(t, 1, starts(t, once), "without the flag it should have started once")

	// On a busy machine one start now and then takes much longer than another. So this may take a second experiment.
	course.Say(t, "How long the engine waits, the times of the starts tell, though a start takes its time as well:")
	course.Eventually(t, "the fifth pause is a second longer than the first", func() bool {
		slower := background(t, []string{"--restart", "always"}, short)
		log := course.DockerUntil(t, `(\S+ start\n){6}`, "logs", "--timestamps", slower.Name).Stdout
		course.Docker(t, "stop", slower.Name)
		var times []time.Time
		for line := range strings.Lines(log) {
			word, _, _ := strings.Cut(line, " ")
			written, err := time.Parse(time.RFC3339Nano, word)
			require.NoError(t, err)
			times = append(times, written)
		}
		first, fifth := times[1].Sub(times[0]), times[5].Sub(times[4])
		course.Say(t, "The first pause was %.1f seconds, the fifth %.1f.", first.Seconds(), fifth.Seconds())
		return fifth > first+time.Second
	})
}

// A policy is for programs that end by themselves. Whoever uses `docker stop` or `docker kill` means it: the container
// stays as it is.
func TestNoPolicyRestartsWhatIsStoppedByHand(t *testing.T) {
	const program = "trap 'exit 5' TERM; echo start; while :; do sleep 0.1; done"
	for _, policy := range []string{"always", "unless-stopped", "on-failure"} {
		c := background(t, []string{"--restart", policy}, program)
		c.WaitForLog(t, "start")
		course.Say(t, "Ended from inside, it comes back:")
		course.Docker(t, "exec", "--detach", c.Name, "kill", "-TERM", "1") // which ends with the container
		course.DockerUntil(t, "start\nstart\n", "logs", c.Name)
		c.WaitForInspect(t, "{{.State.Status}}", "running")

		course.Say(t, "Killed by hand, it doesn't, though its exit status is that of a failure:")
		course.Docker(t, "kill", c.Name)
		c.WaitUntilEnded(t)
		assert.Equal(t, fmt.Sprint("exited ", killed), ask(t, c, "{{.State.Status}} {{.State.ExitCode}}"))
		assert.Equal(t, 2, starts(t, c))

		course.Say(t, "Nor when it is stopped:")
		course.Docker(t, "start", c.Name)
		course.DockerUntil(t, "start\nstart\nstart\n", "logs", c.Name)
		course.Docker(t, "stop", c.Name)
		assert.Equal(t, "exited 5", ask(t, c, "{{.State.Status}} {{.State.ExitCode}}"))
		assert.Equal(t, 3, starts(t, c))
	}
}

// The policies differ once more when the engine itself starts again, after an update or a power cut. It starts the
// containers whose policy is always, also those that had been stopped by hand; those with unless-stopped only if they
// were running; and those without a policy never. (Of on-failure, documentation and engines say different things.
// Shown on a throwaway engine, which is restarted.)
func TestAfterARestartOfTheEngineThePolicyDecidesWhoRuns(t *testing.T) {
	engine := course.NewThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	for _, name := range []string{"no", "always", "unless-stopped"} {
		for _, fate := range []string{"left-running", "stopped"} {
			engine.Docker(t, "run", "--detach", "--stop-timeout", "0", "--restart", name, "--name", name+"-"+fate, busybox,
				"sh", "-c", "echo start; exec sleep 600")
		}
		engine.Docker(t, "stop", name+"-stopped")
	}
	const list = "docker ps --format '{{.Names}}' | sort"
	const before = "^always-left-running\nno-left-running\nunless-stopped-left-running\n$"
	course.DockerUntil(t, before, "exec", engine.Container.Name, "sh", "-c", list)

	course.Say(t, "The engine is restarted:")
	course.Docker(t, "restart", "-t", "60", engine.Container.Name)
	const after = "^always-left-running\nalways-stopped\nunless-stopped-left-running\n$"
	course.DockerUntil(t, after, "exec", engine.Container.Name, "sh", "-c", list)
	for name, expected := range map[string]int{
		"no-left-running": 1, "always-left-running": 2, "always-stopped": 2,
		"unless-stopped-left-running": 2, "unless-stopped-stopped": 1,
	} {
		log := engine.Container.Exec(t, "docker logs "+name).Stdout
		assert.Equal(t, expected, strings.Count(log, "start\n"), "how often %s was started", name)
	}
}

// starts is how often the program has written that it starts.
func starts(t *testing.T, c *course.Container) int {
	t.Helper()
	return strings.Count(course.Docker(t, "logs", c.Name).Stdout, "start\n")
}
