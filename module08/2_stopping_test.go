package module08

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// The kernel protects a container's process 1: a signal for which it has no handler is not delivered. So a program that
// relies on what signals do by themselves can't be asked to end. Even SIGKILL doesn't reach it from inside the container; from
// outside, as docker kill sends it, it does. With --init, process 1 is a small program that passes
// signals on to its child, the program, which is then a process like any other. (143 is 128 plus 15, SIGTERM's number.)
// The processes are looked at first: docker says that a container runs a moment before its program does, and a signal in that
// moment is for the one that sets the container up.
func TestAnInitPassesSignalsOnWhichProcessOneIgnores(t *testing.T) {
	const processOne = `(?m)^ +1 .* sleep 605$`
	deaf := background(t, nil, "exec sleep 605")
	course.DockerUntil(t, processOne, "exec", deaf.Name, "ps")
	course.Docker(t, "kill", "--signal", "TERM", deaf.Name)
	assert.Regexp(t, processOne, course.Docker(t, "exec", deaf.Name, "ps").Stdout, "process 1 should not have heard the signal")
	assert.Equal(t, "running", state(t, deaf))
	course.Docker(t, "exec", deaf.Name, "kill", "-KILL", "1")
	assert.Regexp(t, processOne, course.Docker(t, "exec", deaf.Name, "ps").Stdout, "nor this one, which comes from inside")
	course.Docker(t, "kill", deaf.Name)
	deaf.WaitUntilEnded(t)
	assert.Equal(t, killed, exitCode(t, deaf))

	course.Say(t, "With an init the same program is its child, and ends:")
	const child = `(?m)^ +1 .*docker-init .*\n +([2-9]|\d\d+) .* sleep 605$`
	hearing := background(t, []string{"--init"}, "exec sleep 605")
	course.DockerUntil(t, child, "exec", hearing.Name, "ps")
	course.Docker(t, "kill", "--signal", "TERM", hearing.Name)
	hearing.WaitUntilEnded(t)
	assert.Equal(t, 143, exitCode(t, hearing))

	course.Say(t, "And SIGKILL reaches it from inside, as it isn't process 1:")
	mortal := background(t, []string{"--init"}, "exec sleep 605")
	course.DockerUntil(t, child, "exec", mortal.Name, "ps")
	course.Docker(t, "exec", "--detach", mortal.Name, "killall", "-KILL", "sleep") // which ends with the container
	mortal.WaitUntilEnded(t)
	assert.Equal(t, killed, exitCode(t, mortal))
}

// A process that has ended stays in the list, as a zombie, until its parent asks how it ended. Orphans become children
// of process 1, and few programs expect children that they never had. An init asks: it reaps them. A shell does so, too, as
// long as it is process 1 itself and doesn't hand that over to its last command (exec).
func TestAnInitReapsZombies(t *testing.T) {
	// The parentheses are a shell of their own. It is gone at once, and leaves its sleep an orphan, whose number it has noted.
	const orphans = "for n in 1 2 3; do (sleep 0.1 & echo $! >> /orphans); done"
	const list = "cat /proc/[0-9]*/stat | grep '(sleep)' | cut -d ' ' -f 1-4"
	const three = `^\d+\n\d+\n\d+\n$`

	without := background(t, nil, "exec sleep 600")
	course.DockerUntil(t, `^1 \(sleep\) S 0\n$`, "exec", without.Name, "sh", "-c", list)
	course.Docker(t, "exec", without.Name, "sh", "-c", orphans)
	course.DockerUntil(t, `^(\d+ \(sleep\) Z 1\n|1 \(sleep\) S 0\n){4}$`, "exec", without.Name, "sh", "-c", list)

	course.Say(t, "With an init, all that is left of the four is the one that still runs, and sleeps (S, not Z):")
	with := background(t, []string{"--init"}, "exec sleep 600")
	course.Docker(t, "exec", with.Name, "sh", "-c", orphans)
	course.DockerUntil(t, `^\d+ \(sleep\) S 1\n$`, "exec", with.Name, "sh", "-c", list)
	assert.Regexp(t, three, course.Docker(t, "exec", with.Name, "cat", "/orphans").Stdout)

	course.Say(t, "With a shell as process 1, which waits for a sleep of its own:")
	shell := background(t, nil, "while :; do sleep 600; done")
	course.Docker(t, "exec", shell.Name, "sh", "-c", orphans)
	course.DockerUntil(t, `^\d+ \(sleep\) S 1\n$`, "exec", shell.Name, "sh", "-c", list)
	assert.Regexp(t, three, course.Docker(t, "exec", shell.Name, "cat", "/orphans").Stdout)
}

// `docker stop` asks first, with SIGTERM, unless --stop-signal or the image says otherwise. A program that has a
// handler uses it to finish properly.
func TestTheStopSignalIsWhatAProgramHearsFirst(t *testing.T) {
	const program = `for signal in TERM INT USR1; do trap "echo heard $signal; exit 0" $signal; done
echo ready; while :; do sleep 0.1; done`
	for signal, flags := range map[string][]string{"TERM": nil, "USR1": {"--stop-signal", "USR1"}} {
		stopped := background(t, flags, program)
		stopped.WaitForLog(t, "ready")
		course.Docker(t, "stop", stopped.Name)
		assert.Equal(t, "ready\nheard "+signal+"\n", course.Docker(t, "logs", stopped.Name).Stdout)
		assert.Zero(t, exitCode(t, stopped), "it should have ended by itself")
	}
}

// Who is asked to stop has ten seconds; then comes SIGKILL, which nobody survives and nobody hears. --stop-timeout is
// how long it is, and docker stop -t overrules it for once. A database that needs a minute to write everything down
// should have that minute.
func TestTheStopTimeoutIsHowLongAProgramMayTake(t *testing.T) {
	const program = `trap 'echo finishing; sleep 2; echo finished; exit 0' TERM; echo ready; while :; do sleep 0.1; done`
	stop := func(run []string, stop ...string) (log string, code int) {
		container := background(t, run, program)
		container.WaitForLog(t, "ready")
		course.Docker(t, append(append([]string{"stop"}, stop...), container.Name)...)
		return course.Docker(t, "logs", container.Name).Stdout, exitCode(t, container)
	}
	log, code := stop([]string{"--stop-timeout", "1"})
	assert.Equal(t, "ready\nfinishing\n", log)
	assert.Equal(t, killed, code)
	course.Say(t, "The same, and for once more time:")
	log, code = stop([]string{"--stop-timeout", "1"}, "-t", "60")
	assert.Equal(t, "ready\nfinishing\nfinished\n", log)
	assert.Zero(t, code, "it should have ended by itself")

	course.Say(t, "With the usual ten seconds:")
	log, code = stop(nil)
	assert.Equal(t, "ready\nfinishing\nfinished\n", log)
	assert.Zero(t, code, "it should have ended by itself")

	course.Say(t, "A program that doesn't listen is killed after them, which takes these ten seconds:")
	course.TakesLessThan(t, time.Minute, "docker stop", func() time.Duration {
		deaf := background(t, nil, "trap '' TERM; echo ready; while :; do sleep 0.1; done")
		deaf.WaitForLog(t, "ready")
		began := time.Now()
		course.Docker(t, "stop", deaf.Name)
		took := time.Since(began)
		assert.Greater(t, took, 9*time.Second)
		assert.Equal(t, killed, exitCode(t, deaf))
		return took
	})
}

const killed = 137 // 128 plus 9, which is SIGKILL's number

// background starts a container that performs a shell program, with flags of docker run.
func background(t *testing.T, flags []string, program string) *course.Container {
	t.Helper()
	name := course.Unique(t, "busybox-")
	line := append([]string{"run", "--detach", "--name", name}, flags...)
	course.Docker(t, append(line, course.Ref(t, image.Busybox), "sh", "-c", program)...)
	return course.Named(name)
}

func state(t *testing.T, c *course.Container) string { return ask(t, c, "{{.State.Status}}") }

func exitCode(t *testing.T, c *course.Container) (code int) {
	t.Helper()
	_, err := fmt.Sscan(ask(t, c, "{{.State.ExitCode}}"), &code)
	assert.NoError(t, err)
	return code
}

// ask is what docker inspect prints.
func ask(t *testing.T, c *course.Container, format string) string {
	t.Helper()
	return strings.TrimSpace(course.Docker(t, "inspect", "--format", format, c.Name).Stdout)
}
