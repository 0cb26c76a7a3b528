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
			bad += place.round(ctx, n+1, rounds, args, out)
		}
		return bad
	})
}

// Kills interrupts the tests that args choose at random moments, and kills them at others, in turn, so many times
// together. A whole run tells first how long they take.
func Kills(ctx context.Context, kills int, args []string, out io.Writer) int {
	return soak(ctx, out, func(place *place) (bad int) {
		began := time.Now()
		bad = place.round(ctx, 1, 1, args, out)
		took := time.Since(began)
		for n := 0; n < kills && ctx.Err() == nil; {
			worse, lived := place.kill(ctx, n+1, kills, took, args, out)
			bad += worse
			if lived > 0 { // it had ended by itself: the next moment comes earlier
				took = min(took, lived)
			} else {
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

// round runs copies at once, to their end.
func (p *place) round(ctx context.Context, n, rounds int, args []string, out io.Writer) (bad int) {
	began := time.Now()
	var copies []*copyOfTheCourse
	for range atOnce {
		c, err := p.start(ctx, args)
		if err != nil {
			fmt.Fprintln(out, err)
			return 1
		}
		copies = append(copies, c)
	}
	for _, c := range copies {
		<-c.ended
	}
	if ctx.Err() != nil {
		return 0
	}
	fmt.Fprintf(out, "Round %d of %d, %d at once, %.0f s: ", n, rounds, atOnce, time.Since(began).Seconds())
	var failures []string
	passed := 0
	for _, c := range copies {
		proven, failed := c.verdict()
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
	return len(failures) + p.tell(ctx, time.Now().Add(within), failures, out)
}

// verdict is how many claims the copy has proven, and what failed.
func (c *copyOfTheCourse) verdict() (proven int, failed []string) {
	run, err := proof.Read(bytes.NewReader(c.said.Bytes()))
	if err != nil {
		return 0, []string{err.Error()}
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
	return proven, failed
}

// kill ends a copy at a moment of its life, which takes about so long. One that ends before that moment has lived for as
// long as is returned, and is no kill.
func (p *place) kill(ctx context.Context, n, kills int, took time.Duration, args []string, out io.Writer) (bad int, lived time.Duration) {
	c, err := p.start(ctx, args)
	if err != nil {
		fmt.Fprintln(out, err)
		return 1, 0
	}
	name, signal := "SIGINT", c.command.Cancel
	if n%2 == 0 {
		name, signal = "SIGKILL", func() error { return group.Kill(c.command) }
	}
	began := time.Now()
	moment := time.Duration(rand.Int64N(int64(took)))
	select {
	case <-time.After(moment):
		_ = signal()
	case <-c.ended:
		name, lived = "it had ended before", time.Since(began)
	case <-ctx.Done():
	}
	deadline := time.Now().Add(within)
	select {
	case <-c.ended:
	case <-time.After(within): // then its processes are among what is left
	}
	if ctx.Err() != nil {
		<-c.ended
		return 0, 0
	}
	fmt.Fprintf(out, "Kill %d of %d: %s after %.1f s, -shuffle=%d", n, kills, name, moment.Seconds(), c.seed)
	bad = p.tell(ctx, deadline, nil, out)
	_ = group.Kill(c.command)
	<-c.ended
	return bad, lived
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
