package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// underWay starts lessons on the machine, of which the first goes on until it fails.
func (m machine) underWay(t *testing.T, lessons string) *course.Client {
	t.Helper()
	run := course.CLI{}.DockerInBackground(t, m.exec("sh", "-c", // one stream, so that lines keep their order
		"exec lesson -test.v -test.run 'TestAContainerGoesOn|"+lessons+"' 2>&1")...)
	run.WaitForOutput(t, "it is under way")
	return run
}

// start starts the machine's engine again.
func (m machine) start(t *testing.T) {
	t.Helper()
	course.Docker(t, "exec", "--detach", m.Name, "dockerd-entrypoint.sh")
	m.WaitFor(t, "docker version")
}

// When the engine is killed, the lesson under way says what it was doing, and from then on one sentence is all that there is to
// say. What it had stays on the engine, where `make clean` finds it by its labels.
func TestAnEngineThatIsGoneIsToldInOneSentence(t *testing.T) {
	m := newMachine(t)
	run := m.underWay(t, "TestAContainerRuns|TestAnImageIsBuilt")
	m.Exec(t, "kill -KILL $(pidof dockerd) && rm -f /var/run/docker.sock")
	result := run.WaitUntilEnded(t)

	toldOnceALesson(t, result)
	m.start(t)
	assert.NotEmpty(t, m.Exec(t, "docker ps --all --quiet --filter label=docker-proven").Stdout)
	m.Exec(t, "ls -d /tmp/docker-proven-* && exit 1 || exit 0") // its files are gone already
}

// toldOnceALesson expects of a run whose engine is gone that the first lesson says so after its failure, and the others, and
// the end of the run, say nothing else.
func toldOnceALesson(t *testing.T, result course.Result) {
	t.Helper()
	const sentence = "the engine at unix:///var/run/docker.sock answered when this run began, and doesn't any more: start it " +
		"again, which `make engine` does or says how, and then `make clean` removes what this run has left on it\n"
	assert.Equal(t, 1, result.ExitCode)
	_, later, found := strings.Cut(result.Stdout, "--- FAIL: TestAContainerGoesOn")
	assert.True(t, found)
	assert.Contains(t, result.Stdout, "docker exec busybox-", "what it was doing")
	assert.Regexp(t, `^ \([0-9.]+s\)\n`+
		`=== RUN   TestAContainerRuns\n    \S+: `+sentence+`--- FAIL: TestAContainerRuns \([0-9.]+s\)\n`+
		`=== RUN   TestAnImageIsBuilt\n    \S+: `+sentence+`--- FAIL: TestAnImageIsBuilt \([0-9.]+s\)\n`+
		"FAIL\n"+sentence+"$", later)
}

// An engine that hangs is waited for as long as a word of a lesson waits, once.
func TestAnEngineThatHangsIsWaitedForOnce(t *testing.T) {
	takesLong(t, "a word of a lesson waits three minutes")
	m := newMachine(t)
	run := m.underWay(t, "TestAContainerRuns|TestAnImageIsBuilt")
	m.Exec(t, "kill -STOP $(pidof dockerd)")
	for deadline := time.Now().Add(6 * time.Minute); !run.Ended(); time.Sleep(time.Second) { // longer than this word's patience
		require.True(t, time.Now().Before(deadline), run.Output())
	}
	toldOnceALesson(t, run.WaitUntilEnded(t))
	m.Exec(t, "kill -CONT $(pidof dockerd)")
	assert.NotEmpty(t, m.Exec(t, "docker ps --all --quiet --filter label=docker-proven").Stdout)
}

// An engine that is restarted costs the lesson under way. The others wait until it is back, what they share is made anew, the
// reaper included, and nothing is left.
func TestAnEngineThatIsRestartedCostsOnlyTheLessonUnderWay(t *testing.T) {
	m := newMachine(t)
	const made = "the thing is made"
	run := m.underWay(t, "TestAThingIsMade|TestAThingIsUsed|TestAContainerRuns|TestAnImageIsBuilt")
	m.Exec(t, "kill -TERM $(pidof dockerd) && while pidof dockerd > /dev/null; do sleep 0.1; done")
	m.start(t)
	result := run.WaitUntilEnded(t)

	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stdout,
		"The engine was gone for a moment while this lesson ran, as when it is restarted: run the lesson again.\n--- FAIL: TestAContainerGoesOn")
	assert.Contains(t, result.Stdout, "--- PASS: TestAContainerRuns")
	assert.Contains(t, result.Stdout, "--- PASS: TestAnImageIsBuilt")
	assert.Contains(t, result.Stdout, "--- PASS: TestAThingIsUsed")
	assert.Equal(t, 2, strings.Count(result.Stdout, made))
	assert.Regexp(t, `The reaper is at 127\.0\.0\.1:\d+->8080/tcp\n`, result.Stdout)
	m.hasNothingLeft(t)

	undisturbed := m.lesson(t, "lesson -test.v -test.run 'TestAThingIsMade|TestAThingIsUsed'")
	assert.Equal(t, 1, strings.Count(undisturbed.Stdout, made))
}

// A busy engine loses what a brief container prints, and tells nobody but its log. Then the command is performed once more. (Here
// the container itself writes into the log what the engine would, and prints nothing the first time.)
func TestWhatABusyEngineHasLostIsAskedForOnceMore(t *testing.T) {
	engine := course.NewThrowawayEngine(t)
	run := []string{"run", "--rm", "--privileged", "--pid", "host", "--volume", "asked:/asked", engine.Ref(t, image.Busybox), "sh", "-c"}
	first := func(says string) string {
		return "mkdir /asked/" + course.Unique(t, "before-") + " && echo " + says + " > /proc/1/fd/2 || echo hello"
	}
	assert.Equal(t, "hello\n", engine.Docker(t, append(run, first("stream copy error: reading from a closed fifo"))...).Stdout)
	assert.Empty(t, engine.Docker(t, append(run, first("all is well"))...).Stdout, "who prints nothing, and has lost nothing, isn't asked again")

	course.Say(t, "Of a program that never began dockerd says the same, and there is nothing to ask for:")
	counted := func(name, program string) []string {
		return []string{"run", "--rm", "--label", "counted", "--name", name, engine.Ref(t, image.Busybox), program}
	}
	engine.DockerFails(t, counted("once", "no-such-program")...)
	engine.Docker(t, counted("afterwards", "true")...)
	engine.DockerUntil(t, `^.*name=once.*\n.*name=afterwards.*\n$`, // the engine tells of seconds that are over
		"events", "--since", "10m", "--until", "0s", "--filter", "event=create", "--filter", "label=counted")
}

// A lesson that fills the engine's disk fails with the sentence that names the disk, whatever its program made of it, and
// the disk has room again afterwards.
func TestAFullDiskIsNamed(t *testing.T) {
	m := newMachine(t, course.InMemory("/var/lib/docker", "size=64m"))
	result := m.lesson(t, "lesson -test.v -test.run 'TestAContainerRuns|TestAVolumeTakesMuch'")
	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stdout, "--- PASS: TestAContainerRuns", "while there is room")
	assert.Regexp(t, "The engine's disk has 0 MB free, which may be why: make room, `docker system df` tells what takes it, "+
		"and run the lesson again\\.\n--- FAIL: TestAVolumeTakesMuch", result.Stdout)
	m.hasNothingLeft(t)

	m.ExecFails(t, "head -c 200000000 /dev/zero > /var/lib/docker/zeros")
	result = m.lesson(t, "lesson -test.v -test.run TestAContainerRuns")
	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stdout, "no space left on device")
	assert.Contains(t, result.Stdout, "The engine's disk has 0 MB free, which may be why: make room")
	m.Exec(t, "rm /var/lib/docker/zeros")
	m.hasNothingLeft(t)
}

// A program that the kernel ends because memory has run out says nothing itself; its exit status does.
func TestWhatWasKilledForMemoryIsSaid(t *testing.T) {
	m := newMachine(t, course.Memory(400), course.MemorySwap(400))
	result := m.lesson(t, "lesson -test.v -test.run 'TestAContainerRuns|TestAProgramTakesAllMemory'")
	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stdout, "--- PASS: TestAContainerRuns", "while there is memory")
	assert.Contains(t, result.Stdout, "its exit status is 137 (it was killed, which the kernel does when memory runs out: "+
		"end other programs, or give the engine's machine more)")
	m.hasNothingLeft(t)
}
