package module02

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Namespaces limit what a process sees; control groups (cgroups) limit what it uses. --memory is a number that Docker
// writes into a file of the kernel's, and the kernel does the rest: a program that needs more is killed. That is exit
// status 137, which is 128 plus 9, the number of the signal. With room enough the same program finishes. (--memory-swap is
// memory and swap space together: the same number leaves no swap space. Without it there is as much again, if the machine
// has swap space.)
func TestAProgramThatExceedsItsMemoryLimitIsKilled(t *testing.T) {
	course.NeedsLimits(t, course.LimitMemory, course.LimitSwap)
	needs48MB := course.Command(strings.Fields(needs48MB)...)

	killed := course.OnceFails(t, image.Busybox, course.Memory(32), course.MemorySwap(32), needs48MB)
	assert.Equal(t, 137, killed.ExitCode, "the kernel should have killed it")

	course.Say(t, "With a limit that it doesn't reach, and without any:")
	course.Once(t, image.Busybox, course.Memory(128), course.MemorySwap(128), needs48MB)
	course.Once(t, image.Busybox, needs48MB)
}

const needs48MB = "dd if=/dev/zero of=/dev/null bs=48M count=1"

// From inside, a container reads the limits that the kernel has been told. (In version 2 of control groups that of swap space
// stands for itself.) When the kernel kills for it, the engine is
// notified, and remembers: OOMKilled, for out of memory. So one can tell this end from others with the same status.
// (Where the container's main process is killed soon after its start, engines have been known to miss the notice.)
func TestTheEngineKnowsWhoWasKilledForMemory(t *testing.T) {
	course.NeedsLimits(t, course.LimitMemory, course.LimitSwap)
	readLimit := "cat " + course.CgroupFile(t, "memory/memory.limit_in_bytes", "memory.max")
	const outOfMemory = "{{.State.OOMKilled}}"

	little := course.Run(t, image.Busybox, course.Memory(32), course.MemorySwap(32))
	assert.Equal(t, "33554432\n", little.Exec(t, readLimit).Stdout, "32 megabytes, in bytes")
	swap := little.Exec(t, "grep -H . "+course.CgroupFile(t, "memory/memory.memsw.limit_in_bytes", "memory.swap.max"))
	assert.Regexp(t, `memsw.limit_in_bytes:33554432\n|swap.max:0\n`, swap.Stdout, "no swap space on top")
	assert.Equal(t, 137, little.ExecFails(t, needs48MB).ExitCode)
	little.WaitForInspect(t, outOfMemory, "true")

	course.Say(t, "In a container with room enough nobody is killed for memory:")
	enough := course.Run(t, image.Busybox, course.Memory(128), course.MemorySwap(128))
	assert.Equal(t, "134217728\n", enough.Exec(t, readLimit).Stdout)
	enough.Exec(t, needs48MB)
	assert.Equal(t, "false\n", course.Docker(t, "inspect", "--format", outOfMemory, enough.Name).Stdout)

	course.Say(t, "Killed by somebody else, it ends with the same status, and the engine knows why:")
	course.Docker(t, "kill", enough.Name)
	enough.WaitUntilEnded(t)
	status := course.Docker(t, "inspect", "--format", "{{.State.ExitCode}} "+outOfMemory, enough.Name)
	assert.Equal(t, "137 false\n", status.Stdout)
}

// --cpus 0.25 is a quota: in each tenth of a second, all processes of the container together may compute for a
// fortieth. When it is used up they wait for the next tenth, and the kernel counts how often. Nothing is killed; it
// takes longer. The same loop in a container without a quota never waits.
func TestABusyLoopBeyondItsCPUQuotaIsThrottled(t *testing.T) {
	course.NeedsLimits(t, course.LimitCPU)
	limited := course.Run(t, image.Busybox, course.CPUs(0.25))
	unlimited := course.Run(t, image.Busybox)

	course.Say(t, "What the kernel has been told: 25 000 microseconds of computing in each 100 000.")
	quota := limited.Exec(t, "cat "+course.CgroupFile(t, "cpu/cpu.cfs_[pq]*_us", "cpu.max"))
	assert.ElementsMatch(t, []string{"25000", "100000"}, strings.Fields(quota.Stdout))

	const busyLoop = "time sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'"
	statistics := "cat " + course.CgroupFile(t, "cpu/cpu.stat", "cpu.stat")
	limited.Exec(t, busyLoop)
	unlimited.Exec(t, busyLoop)
	course.Say(t, "How often the kernel made each of them wait (nr_throttled), and for how long:")
	assert.Positive(t, throttled(t, limited.Exec(t, statistics)), "beyond its quota it should be throttled")
	assert.Zero(t, throttled(t, unlimited.Exec(t, statistics)), "without a quota nothing should be throttled")
}

var throttledCount = regexp.MustCompile(`(?m)^nr_throttled (\d+)$`)

func throttled(t *testing.T, statistics course.Result) int {
	t.Helper()
	found := throttledCount.FindStringSubmatch(statistics.Stdout)
	if found == nil {
		return 0 // a group that has never had a quota need not have the line
	}
	count, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return count
}

// A fork bomb starts processes that start processes, until the machine is so full of them that nobody can start any
// more. --pids-limit is how many a container may have at once. The bomb goes off inside and fills its own container;
// another one, at the same time, starts as many as it likes. (This bomb stops at sixty, as the other shows.)
func TestAForkBombIsStoppedByAPidsLimitAndOnlyInside(t *testing.T) {
	course.NeedsLimits(t, course.LimitPids)
	maximum := course.CgroupFile(t, "pids/pids.max", "pids.max")
	current := course.CgroupFile(t, "pids/pids.current", "pids.current")
	bomb := course.Shell(fmt.Sprintf("exec 2>&1; read max < %s; "+
		"(for n in $(seq 60); do sleep 600 & done; echo all sixty started); "+
		"read now < %s; echo $now processes, of at most $max; exec sleep 600", maximum, current))

	limited := course.Run(t, image.Busybox, course.PidsLimit(20), bomb)
	limited.WaitForLog(t, "processes, of at most ")
	inside := limited.Logs(t).Stdout
	course.Show(t, inside)
	assert.Regexp(t, `(?m)^(19|20) processes, of at most 20$`, inside, "it should be full")
	assert.Contains(t, inside, "can't fork")
	assert.NotContains(t, inside, "all sixty started")

	course.Say(t, "While that container is full, another one starts its sixty:")
	limited.MustRun(t)
	unlimited := course.Run(t, image.Busybox, bomb)
	unlimited.WaitForLog(t, "processes, of at most ")
	outside := unlimited.Logs(t).Stdout
	course.Show(t, outside)
	assert.Contains(t, outside, "all sixty started")
	assert.NotContains(t, outside, "can't fork")
}
