package module12

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"text/tabwriter"

	"docker-proven/internal/course"
)

// A system is what keeps containers running as somebody has written down that they should.
type system int

const (
	compose system = iota
	swarm
	kubernetes
)

// A promise is what one wants of such a system.
type promise int

const (
	startsHealthy promise = iota
	givesFiles
	sharesLoad
	updatesWithoutLoss
	holdsBadReleases
	replacesWhatIsLost
)

var promises = []string{
	startsHealthy:      "starts healthy",
	givesFiles:         "secrets and configuration are files",
	sharesLoad:         "replicas share the load",
	updatesWithoutLoss: "a rolling update loses no request",
	holdsBadReleases:   "a bad release is rolled back or held",
	replacesWhatIsLost: "what is lost is replaced",
}

// severalMachines is for the lessons that take as much as several machines, a swarm and a cluster: one begins when the
// other has ended. Both at once leave applications on two processors no time to become healthy.
func severalMachines(t *testing.T) {
	t.Helper()
	course.Say(t, "(A swarm and a cluster take turns on this machine.)")
	turn.Take(t)
}

var turn course.Turn

var (
	comparisonMutex sync.Mutex
	comparison      = map[promise]map[system]string{}
)

// kept notes that a system has kept a promise, and what was measured of it. A lesson that has failed notes nothing.
func kept(t *testing.T, s system, p promise, measured string, values ...any) {
	t.Helper()
	if t.Failed() {
		return
	}
	measured = fmt.Sprintf(measured, values...)
	course.Say(t, "Promise kept: %s (%s).", promises[p], measured)
	comparisonMutex.Lock()
	defer comparisonMutex.Unlock()
	if comparison[p] == nil {
		comparison[p] = map[system]string{}
	}
	comparison[p][s] = measured
}

// compare prints the promises that this run has seen kept, by whom, and what was measured.
func compare() {
	if len(comparison) == 0 {
		return
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\n\tCompose\tSwarm\tKubernetes")
	for p, name := range promises {
		fmt.Fprint(table, name)
		for _, s := range []system{compose, swarm, kubernetes} {
			cell := comparison[promise(p)][s]
			if cell == "" {
				cell = "–"
			}
			fmt.Fprint(table, "\t", cell)
		}
		fmt.Fprintln(table)
	}
	table.Flush()
}
