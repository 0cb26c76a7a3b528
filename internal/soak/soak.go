// Package soak runs the course again and again, shuffled and twice at once, and interrupts or kills it at random moments,
// and looks each time what is left of it and whether anything of the learner's has changed. For that it plants things such
// as a learner has: a container, a volume, a network, an image and a context.
package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"docker-proven/internal/engine"
	"docker-proven/internal/group"
	"docker-proven/internal/image"
	"docker-proven/internal/proof"
)

// within is how long after a run nothing may be left of it. The reaper waits three seconds whether a process comes back, and
// then removes what there is, which a busy engine takes some time for.
var within = 20 * time.Second

// atOnce is how many copies of the course run at once in a round.
const atOnce = 2

// Rounds runs the tests that args choose, flags of `go test` and packages, so many times, and tells of each round on out
// which claims failed and what is left. The exit code is 0 when none failed and nothing is left.
func Rounds(ctx context.Context, rounds int, args []string, out io.Writer) int {
	return soak(ctx, out, func(place *place) (bad int) {
		for n := range rounds {
			if ctx.Err() != nil {
				return bad
			}
			worse, _ := place.round(ctx, n+1, rounds, atOnce, args, out)
			bad += worse
		}
		return bad
	})
}

// Kills interrupts the tests that args choose at random moments, and kills them at others, in turn, so many times
// together. A whole run tells first how long each package takes. The one in which the moment is comes first then, so that nobody
// waits for others to end, and the rest come in a random order.
func Kills(ctx context.Context, kills int, args []string, out io.Writer) int {
	return soak(ctx, out, func(place *place) (bad int) {
		bad, packages := place.round(ctx, 1, 1, 1, args, out)
		for n := 0; n < kills && ctx.Err() == nil && len(packages) > 0; {
			worse, killed := place.kill(ctx, n+1, kills, packages, args, out)
			bad += worse
			if killed {
				n++
			}
		}
		return bad
	})
}

// soak prepares a place, has something done there, and says what came of it: of how much there was to complain.
func soak(ctx context.Context, out io.Writer, do func(*place) (bad int)) int {
	complain := func(err error) int {
		fmt.Fprintln(out, err)
		return 1
	}
	docker, _, err := engine.Connect(ctx)
	if err != nil {
		return complain(err)
	}
	defer docker.Close()
	busybox, err := image.Obtain(ctx, image.Busybox.Ref(), out)
	if err != nil {
		return complain(err)
	}
	here, err := prepare(ctx, docker, busybox.Ref)
	defer here.remove()
	if err != nil {
		return complain(err)
	}
	bad := do(here)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(out, "Interrupted.")
		return 130
	case bad > 0:
		fmt.Fprintf(out, "There is something to mend: %d.\n", bad)
		return 1
	}
	fmt.Fprintln(out, "No claim failed, nothing was left, and nothing of the learner's was changed.")
	return 0
}

// A copy is one run of the tests.
type copyOfTheCourse struct {
	command *exec.Cmd
	seed    uint64 // of -shuffle
	said    bytes.Buffer
	ended   chan struct{} // closed then
}

// start starts a copy of the course in this place. What go itself keeps while it compiles is elsewhere, for a go command
// that is killed leaves it.
func (p *place) start(ctx context.Context, args []string) (*copyOfTheCourse, error) {
	c := &copyOfTheCourse{seed: rand.Uint64() >> 1, ended: make(chan struct{})}
	words := append([]string{"test", "-json", "-count=1", "-timeout=60m", fmt.Sprintf("-shuffle=%d", c.seed)}, args...)
	if !proof.HasPattern(args) {
		words = append(words, "./...")
	}
	c.command = exec.CommandContext(ctx, "go", words...)
	group.Own(c.command)
	c.command.Cancel = func() error { return group.InterruptUntil(c.ended, c.command) }
	c.command.WaitDelay = time.Minute
	c.command.Stdout, c.command.Stderr = &c.said, &c.said
	c.command.Env = append(os.Environ(), p.session.Environment(),
		"TMPDIR="+p.temporary, "GOTMPDIR="+p.compiling, "DOCKER_CONFIG="+p.configuration)
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("go test does not start: %w", err)
	}
	go func() {
		defer close(c.ended)
		_ = c.command.Wait() // what failed is in what it said
	}()
	return c, nil
}

// round runs so many copies at once, to their end, and returns what was run, too.
func (p *place) round(ctx context.Context, n, rounds, many int, args []string, out io.Writer) (bad int, ran []proof.Package) {
	began := time.Now()
	var copies []*copyOfTheCourse
	for range many {
		c, err := p.start(ctx, args)
		if err != nil {
			fmt.Fprintln(out, err)
			for _, c := range copies {
				_ = c.command.Cancel()
				<-c.ended
			}
			return 1, nil
		}
		copies = append(copies, c)
	}
	for _, c := range copies {
		<-c.ended
	}
	if ctx.Err() != nil {
		return 0, nil
	}
	fmt.Fprintf(out, "Round %d of %d, %d at once, %.0f s: ", n, rounds, many, time.Since(began).Seconds())
	var failures []string
	passed := 0
	for _, c := range copies {
		packages, proven, failed := c.verdict()
		ran = append(ran, packages...)
		passed += proven
		if len(failed) == 0 {
			continue
		}
		kept := fmt.Sprintf("soak-%d.json", c.seed)
		if err := os.WriteFile(kept, c.said.Bytes(), 0o644); err != nil {
			kept = err.Error()
		}
		for _, claim := range failed {
			failures = append(failures, fmt.Sprintf("failed with -shuffle=%d: %s (make book RUN=%s shows it)", c.seed, claim, kept))
		}
	}
	fmt.Fprintf(out, "claims proven: %d, failures: %d", passed, len(failures))
	return len(failures) + p.tell(ctx, time.Now().Add(within), failures, out), ran
}

// verdict is what the copy has run, how many claims of that it has proven, and what failed.
func (c *copyOfTheCourse) verdict() (packages []proof.Package, proven int, failed []string) {
	run, err := proof.Read(bytes.NewReader(c.said.Bytes()))
	if err != nil {
		return nil, 0, []string{err.Error()}
	}
	for _, p := range run.Packages {
		if p.Trouble != "" {
			failed = append(failed, p.Name+" "+p.Trouble)
		}
		for _, claim := range p.Claims {
			switch claim.Verdict {
			case proof.Proven:
				proven++
			case proof.Failed, proof.Unfinished:
				failed = append(failed, p.Name+" "+claim.Name)
			}
		}
	}
	return run.Packages, proven, failed
}

// kill ends a copy at a random moment of what packages take. A copy that has ended before was not killed.
func (p *place) kill(ctx context.Context, n, kills int, packages []proof.Package, args []string, out io.Writer) (bad int, killed bool) {
	first, moment := randomMoment(packages)
	order := []string{"./" + packages[first].Name}
	for _, other := range rand.Perm(len(packages)) {
		if other != first {
			order = append(order, "./"+packages[other].Name)
		}
	}
	c, err := p.start(ctx, proof.Packages(args, order))
	if err != nil {
		fmt.Fprintln(out, err)
		return 1, true
	}
	name, signal := "SIGINT", c.command.Cancel
	if n%2 == 0 {
		name, signal = "SIGKILL", func() error { return group.Kill(c.command) }
	}
	killed = true
	began := time.Now()
	select {
	case <-time.After(moment):
		_ = signal()
	case <-c.ended:
		name, killed = "it had ended before", false
		packages[first].Took = min(packages[first].Took, time.Since(began)) // so that the next moment may come earlier
	case <-ctx.Done():
	}
	deadline := time.Now().Add(within)
	select {
	case <-c.ended:
	case <-time.After(within): // then its processes are among what is left
	}
	if ctx.Err() != nil {
		<-c.ended
		return 0, false
	}
	fmt.Fprintf(out, "Kill %d of %d: %s, %.1f s after the beginning of %s, -shuffle=%d", n, kills, name, moment.Seconds(),
		packages[first].Name, c.seed)
	bad = p.tell(ctx, deadline, nil, out)
	_ = group.Kill(c.command)
	<-c.ended
	return bad, killed
}

// randomMoment is a moment of the time that packages take, one after the other: in which it is, and how long after its beginning.
func randomMoment(packages []proof.Package) (in int, after time.Duration) {
	together := time.Duration(1) // there may be nothing that took time
	for _, p := range packages {
		together += p.Took
	}
	after = time.Duration(rand.Int64N(int64(together)))
	for after >= packages[in].Took && in < len(packages)-1 {
		after -= packages[in].Took
		in++
	}
	return in, after
}

// tell waits until nothing is left, to the deadline at most, and tells what is left then, and what else there is to say.
// What it has told once is left out of account afterwards: it is the fault of one run.
func (p *place) tell(ctx context.Context, deadline time.Time, lines []string, out io.Writer) (bad int) {
	began := time.Now()
	var left []string
	for {
		var err error
		if left, err = p.left(ctx); err != nil {
			left = []string{err.Error()}
		}
		if len(left) == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			break
		}
		time.Sleep(time.Second / 2)
	}
	switch {
	case len(left) > 0:
		fmt.Fprintf(out, ", left: %d\n", len(left))
	case time.Since(began) > time.Second:
		fmt.Fprintf(out, ", nothing left after %.0f s\n", time.Since(began).Seconds())
	default:
		fmt.Fprintf(out, ", nothing left\n")
	}
	for _, line := range append(lines, left...) {
		fmt.Fprintf(out, "  %s\n", line)
	}
	for _, thing := range left {
		p.known[thing] = true
	}
	if err := emptied(p.compiling); err != nil {
		fmt.Fprintf(out, "  %v\n", err)
	}
	return len(left)
}

// emptied removes what is in a directory.
func emptied(directory string) error {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(directory, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// sentence is words without what is empty.
func sentence(words ...string) string {
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}
