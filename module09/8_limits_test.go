package module09

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/flags"
	"docker-proven/internal/image"
)

// A container without a memory limit may take the machine's last memory, and then it need not be the one to pay: the
// kernel kills the largest process it finds, and many small ones are none. Here that is an innocent database on the same
// machine. With a limit for the container that is attacked, the kernel looks for its victim there. (The machine is a
// throwaway engine with 600 megabytes, so that yours has nothing to fear.)
func TestAMemoryLimitKeepsAGreedyContainerFromKillingOthers(t *testing.T) {
	course.NeedsLimits(t, course.LimitMemory, course.LimitSwap)
	machine := course.NewThrowawayEngine(t, course.Memory(600), course.MemorySwap(600))
	busybox := machine.Ref(t, image.Busybox)
	// Both hold their memory, 300 megabytes each, by writing it to a pipe that nobody empties.
	const database = "mkfifo /pipe; (head -c 1 > /dev/null; echo ready; exec sleep 600) < /pipe & " +
		"head -c 300m /dev/zero | tail -c 300m > /pipe; echo the database was killed"
	const greed = "trap 'echo I was stopped; exit 1' TERM; mkfifo /pipe; sleep 600 < /pipe & " +
		"for n in $(seq 30); do (head -c 10m /dev/zero | tail -c 10m > /pipe || kill $$) & done; wait"

	// The same for both, so that the kernel takes either of them rather than the engine. (A real one is spared as systemd asks for it.)
	const ratherThanTheEngine = "--oom-score-adj=300"
	first := machine.DockerInBackground(t, "run", ratherThanTheEngine, "--name", "first", busybox, "sh", "-c", database)
	first.WaitForOutput(t, "ready")
	machine.Docker(t, "run", ratherThanTheEngine, "--detach", "--name", "greedy", busybox, "sh", "-c", greed)
	first.WaitForOutput(t, "the database was killed")
	course.Show(t, first.Output())
	machine.Docker(t, "rm", "--force", "first", "greedy")

	course.Say(t, "The same with a limit of 100 megabytes for the attacker:")
	second := machine.DockerInBackground(t, "run", ratherThanTheEngine, "--name", "second", busybox, "sh", "-c", database)
	second.WaitForOutput(t, "ready")
	stopped := machine.DockerFails(t, "run", ratherThanTheEngine, "--memory", "100m", "--memory-swap", "100m", busybox, "sh", "-c", greed)
	assert.Equal(t, "I was stopped\n", stopped.Stdout)
	running := machine.Docker(t, "inspect", "--format", "{{.State.Running}}", "second").Stdout
	assert.Equal(t, "true\n", running, "the database should be there still")
	assert.NotContains(t, second.Output(), "killed")
}

// The kernel shares a processor out fairly among the containers that want it, which means: an attacked one that computes
// for nothing gets as much as one that works. With a quota it gets the quota. Both compute without end here; what the
// kernel has counted for each, while the worker did a piece of work, tells how the processor was shared.
func TestACPULimitLeavesTheProcessorToOthers(t *testing.T) {
	course.NeedsLimits(t, course.LimitCPU, course.LimitCPUSet)
	one := course.CPUSet(flags.FirstProcessor(t))
	attacker := course.Run(t, image.Busybox, one, course.Shell("for n in 1 2 3 4; do while :; do :; done & done; wait"))
	worker := course.Run(t, image.Busybox, one, course.Shell("while :; do :; done"))
	const work = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"

	attackersShare := func() float64 {
		attackers, workers := cpuTime(t, attacker), cpuTime(t, worker)
		worker.Exec(t, work)
		attackers, workers = cpuTime(t, attacker)-attackers, cpuTime(t, worker)-workers
		share := attackers / (attackers + workers)
		course.Say(t, "Of the processor time that the two had, the attacker had %.0f percent.", 100*share)
		return share
	}
	assert.InDelta(t, 0.5, attackersShare(), 0.15, "without a limit it should have about half")
	// A hundredth, so that it is little even where many others want the processor. The limit can be given at the start,
	// too; but with so little, a start takes seconds.
	course.Docker(t, "update", "--cpus", "0.01", attacker.Name)
	assert.Less(t, attackersShare(), 0.25)
	course.Docker(t, "update", "--cpus", "1", attacker.Name) // with so little, an end takes seconds, too
}

// cpuTime is how long the processes of the container have computed so far, in nanoseconds. (The engine is asked: in a
// container that hardly gets the processor, a command would take its time.)
func cpuTime(t *testing.T, container *course.Container) float64 {
	t.Helper()
	var statistics struct {
		CPU struct {
			Usage struct {
				Total float64 `json:"total_usage"` // nanoseconds
			} `json:"cpu_usage"`
		} `json:"cpu_stats"`
	}
	path := "/containers/" + container.Name + "/stats?stream=false&one-shot=true"
	course.API(t, http.MethodGet, path, nil).Into(t, &statistics)
	require.Positive(t, statistics.CPU.Usage.Total)
	return statistics.CPU.Usage.Total
}

// A user can be given a limit of processes (--ulimit nproc, here 40), which are counted over all containers in which the
// user is the same. One of them that is made to fork without end uses the number up, and in the others nothing starts any more.
// A --pids-limit for each container ends the fork bomb before that.
func TestAPidsLimitKeepsAForkBombFromStarvingOthers(t *testing.T) {
	course.NeedsLimits(t, course.LimitPids)
	user := strconv.Itoa(10_000 + rand.IntN(50_000)) // that nobody else has, and an engine without root, too, can give
	account := []string{"--user", user, "--ulimit", "nproc=40"}
	busybox := course.Ref(t, image.Busybox)
	serve := append(append([]string{"run", "--rm"}, account...), busybox, "sh", "-c", "echo served | cat")
	bomb := func(flags ...string) (name string) {
		name = course.Unique(t, "bomb-")
		line := append(append([]string{"run", "--name", name}, account...), flags...)
		client := course.DockerInBackground(t, append(line, busybox, "sh", "-c",
			"exec 2>&1; (for n in $(seq 60); do sleep 600 & done); echo full; exec sleep 600")...)
		client.WaitForOutput(t, "full")
		course.Show(t, client.Output())
		return name
	}
	assert.Equal(t, "served\n", course.Docker(t, serve...).Stdout)

	unlimited := bomb()
	starved := course.DockerFails(t, serve...)
	assert.Regexp(t, "(?i)resource temporarily unavailable|can't fork", starved.Output())
	course.Docker(t, "rm", "--force", unlimited)

	course.Say(t, "The same with at most twenty processes in the container that is attacked:")
	bomb("--pids-limit", "20")
	assert.Equal(t, "served\n", course.Docker(t, serve...).Stdout)
}
