package bench

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"docker-proven/internal/claim"
	"docker-proven/internal/engine"
	"docker-proven/internal/proof"
)

// A report is what was measured in one run on one engine.
type report struct {
	args       []string
	date       time.Time
	processors int
	engine     engine.Facts
	images     string // what COURSE_IMAGES has chosen
	before     []throughput
	after      throughput // at the parallelism that was best before
	run        performance
	naive      *performance
}

// slowest is how many of the slowest claims a report tells.
const slowest = 10

// String is the report as a page of Markdown.
func (r report) String() string {
	var b strings.Builder
	say := func(format string, values ...any) { fmt.Fprintf(&b, format+"\n", values...) }
	say("# Measured: %s\n", name(r.args))
	say("Written by `make bench` on %s. Engine %s on %s/%s, its storage %s, control groups v%s, memory %.1f GiB; %d processors; "+
		"%s images. Times are in seconds.\n", r.date.UTC().Format("2006-01-02 15:04 UTC"), r.engine.ServerVersion, r.engine.OS,
		r.engine.Arch, r.engine.StorageDriver, r.engine.CgroupVersion, float64(r.engine.Memory)/(1<<30), r.processors, r.images)

	best := highest(append(slices.Clone(r.before), r.after))
	say("## The engine's ceiling\n")
	say("Containers started and removed per second, of busybox, on the bridge network, without grace:\n")
	say("| at a time | before the run | after it |\n|--:|--:|--:|")
	for _, l := range r.before {
		after := ""
		if l.parallel == r.after.parallel {
			after = fmt.Sprintf("%.1f", r.after.perSecond)
		}
		say("| %d | %.1f | %s |", l.parallel, l.perSecond, after)
	}

	say("\n## What is made, and how fast\n")
	say("What the test processes made on this engine, by its events, one reaper per process included; and the containers that " +
		"were made on throwaway engines, by the events of those. Exec is what was performed in all of these besides, by docker exec " +
		"and by health checks. (The containers of a Kubernetes cluster are not counted.)\n")
	say("| package | containers | on throwaway engines | exec | networks | images built or tagged | time |\n|---|--:|--:|--:|--:|--:|--:|")
	var sum tally
	took := map[string]time.Duration{}
	for _, p := range r.run.recorded.Packages {
		took[path.Base(p.Name)] = p.Took
	}
	for _, name := range slices.Sorted(maps.Keys(r.run.made)) {
		t := r.run.made[name]
		sum = tally{sum.containers + t.containers, sum.networks + t.networks, sum.images + t.images, sum.inside + t.inside, sum.execs + t.execs}
		say("| %s | %d | %d | %d | %d | %d | %s |", name, t.containers, t.inside, t.execs, t.networks, t.images, seconds(took[name]))
	}
	say("| together | %d | %d | %d | %d | %d | %s |\n", sum.containers, sum.inside, sum.execs, sum.networks, sum.images, seconds(r.run.took))
	if r.run.others > 0 {
		say("**Containers that others made on this engine meanwhile: %d**, which took their share of it.\n", r.run.others)
	}

	containers := sum.containers + sum.inside
	floor := time.Duration(float64(containers) / best.perSecond * float64(time.Second))
	say("| | |\n|---|--:|")
	say("| the floor: %d containers at %.1f per second | %s |", containers, best.perSecond, seconds(floor))
	say("| the run, as one waits for it | %s |", seconds(r.run.took))
	say("| of which compiling, before the first test | %s |", seconds(r.run.compiled))
	if floor > 0 {
		say("| the run ÷ the floor | %.1f |", r.run.took.Seconds()/floor.Seconds())
		builds := buildsOf(r.run)
		say("| the builds' part of the run, if it is as large as that of the time for which lessons waited for a single command | %s |", seconds(builds))
		say("| the run without the builds ÷ the floor | %.1f |", (r.run.took-builds).Seconds()/floor.Seconds())
	}
	if r.naive != nil {
		say("| the naive way: one at a time, containers stopped with the default grace | %s |", seconds(r.naive.took))
		say("| the naive way ÷ the run | %.1f |", r.naive.took.Seconds()/r.run.took.Seconds())
	}
	switch m := r.run.memory; {
	case m.err != nil:
		say("| memory of the test processes | not measured: %v |", m.err)
	case m.bytes == 0:
		say("| memory of the test processes | not seen: the run was over before a second had passed |")
	default:
		say("| most memory of all test processes at a time (resident, looked at every second; %d processes; without the docker "+
			"commands that they start) | %d MiB |", m.processes, m.bytes>>20)
	}

	if failed := notProven(r.run.recorded); len(failed) > 0 {
		say("\n**Failed in this run: %s.** So its times are not those of a whole run.", strings.Join(failed, ", "))
	}
	say("\n## The slowest claims, and the longest thing that each waited for\n")
	say("| claim | time | of which | it waited for |\n|---|--:|--:|---|")
	for _, c := range slowestOf(r.run.recorded) {
		say("| %s: %s | %s | %s | %s |", c.pkg, claim.Sentence(c.Name), seconds(c.Took), seconds(c.Wait.Took), code(c.Wait.For))
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }

// code is a text as code in a cell of a table, the beginning of it if it is long.
func code(text string) string {
	const most = 100
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + " …"
	}
	return "`` " + strings.ReplaceAll(text, "|", `\|`) + " ``"
}

type slow struct {
	pkg string
	proof.Claim
}

func slowestOf(run proof.Recorded) (claims []slow) {
	for _, p := range run.Packages {
		for _, c := range p.Claims {
			claims = append(claims, slow{p.Name, c})
		}
	}
	slices.SortStableFunc(claims, func(a, b slow) int { return int(b.Took - a.Took) })
	return claims[:min(slowest, len(claims))]
}

// buildsOf is how long the run would have taken for the builds alone. They share the processors with what else is under way,
// so their part of the work is taken to be their part of the waiting. (Those that a lesson has under way at the same time are not
// seen: a transcript doesn't tell which of them has ended.)
func buildsOf(run performance) time.Duration {
	var waited, built time.Duration
	for _, p := range run.recorded.Packages {
		for _, c := range p.Claims {
			waited, built = waited+c.Waited, built+c.Built
		}
	}
	if waited == 0 {
		return 0
	}
	return time.Duration(float64(run.took) * built.Seconds() / waited.Seconds())
}

func notProven(run proof.Recorded) (failed []string) {
	for _, p := range run.Packages {
		for _, c := range p.Claims {
			if c.Verdict == proof.Failed || c.Verdict == proof.Unfinished {
				failed = append(failed, p.Name+" "+c.Name)
			}
		}
	}
	return failed
}
