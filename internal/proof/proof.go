// Package proof runs the course's tests and tells what they proved: progress while they run, the transcript
// of each claim that fails, and a closing summary of claims proven, claims not provable here, images and
// engine. It reads the event stream of `go test -json` (see `go doc test2json`). A claim is a top-level test
// outside internal/; its subtests are part of it.
package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"docker-proven/internal/group"
)

// silence is how long nothing is printed before a line says what is running.
const silence = 20 * time.Second

// grace is how long an interrupted run may take to clean up before it is killed.
const grace = 30 * time.Second

// Run runs `go test` on every package of the module in the working directory, or on the package patterns
// among args, passes the other args on as flags, and reports to out. Patterns begin with a dot or with the
// module path; a flag's value that looks like one is written -flag=value. Cancelling ctx interrupts the tests.
// What go test says goes to kept, too, as it is; Read makes sense of it later.
//
// The result is an exit code: 0 when everything passed and at least one test did, 130 when ctx was cancelled,
// otherwise go test's own, or 1.
func Run(ctx context.Context, args []string, out, kept io.Writer) int {
	_, code := perform(ctx, args, out, kept)
	return code
}

// perform is Run, and returns what the report knows afterwards, too.
func perform(ctx context.Context, args []string, out, kept io.Writer) (report *report, code int) {
	report = newReport(out, time.Now())
	var mu sync.Mutex // go test's two streams and the ticker share the report
	locked := func(f func(line string)) *lines {
		return &lines{emit: func(line string) { mu.Lock(); defer mu.Unlock(); f(line) }}
	}
	stdout, stderr := locked(report.line), locked(report.print)

	cmd := exec.CommandContext(ctx, "go", goTest(args)...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(stdout, kept), stderr
	cmd.WaitDelay = grace
	group.Own(cmd)
	finished := make(chan struct{})
	cmd.Cancel = func() error {
		mu.Lock()
		report.stop()
		mu.Unlock()
		return group.InterruptUntil(finished, cmd)
	}

	var ticking sync.WaitGroup
	ticking.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-finished:
				return
			case now := <-tick.C:
				mu.Lock()
				report.tick(now)
				mu.Unlock()
			}
		}
	})
	err := cmd.Run()
	close(finished)
	ticking.Wait()
	stdout.flush()
	stderr.flush()

	if err != nil && ctx.Err() != nil {
		if cmd.Process != nil {
			_ = group.Kill(cmd) // what is left after the grace; it fails when nothing is, which is well
		}
		report.interrupted(time.Now())
		return report, 130
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		code = exit.ExitCode()
	} else if errors.Is(err, exec.ErrNotFound) {
		fmt.Fprintln(out, "The go command was not found: install Go from https://go.dev/dl and put it on PATH.")
		return report, 1
	} else if err != nil {
		report.print(fmt.Sprintf("go test did not run to its end: %v\n", err))
		code = 1
	}
	report.summary(time.Now())
	if code == 0 && !report.green() {
		code = 1
	}
	return report, code
}

// goTest is the go command's arguments for args. It tests as many packages at a time as there are processors, and what they
// start needs processors, too: so each package performs fewer tests at a time than it would by itself.
func goTest(args []string) []string {
	command := []string{"test", "-json", "-count=1", "-timeout=60m", "-parallel=3"}
	if !HasPattern(args) {
		command = append(command, everything()...)
	}
	return append(command, args...)
}

// longest are the directories of the packages that take longest.
var longest = []string{"module06", "module12", "internal/standin", "module11"}

// everything is a pattern for all packages. Those that take longest begin first, so that at the end none of them is left
// alone; and the two that run whole applications, 12 and 11, are not beside each other.
func everything() (patterns []string) {
	for _, directory := range longest {
		if _, err := os.Stat(directory); err == nil {
			patterns = append(patterns, "./"+directory)
		}
	}
	return append(patterns, "./...")
}

// HasPattern is whether there is a package pattern among arguments of `go test`.
func HasPattern(args []string) bool {
	forGo, _ := divide(args)
	return slices.ContainsFunc(forGo, isPattern)
}

// Packages are arguments of `go test` as args, with other packages, and with more flags. Of a flag that is given twice, go test
// takes the last.
func Packages(args, packages []string, flags ...string) []string {
	forGo, forTests := divide(args)
	return slices.Concat(slices.DeleteFunc(slices.Clone(forGo), isPattern), flags, packages, forTests)
}

func isPattern(arg string) bool {
	return strings.HasPrefix(arg, ".") || arg == module || strings.HasPrefix(arg, module+"/")
}

// divide divides arguments of `go test` into those for the go command and, from -args on, those for the test binaries.
func divide(args []string) (forGo, forTests []string) {
	n := slices.IndexFunc(args, func(arg string) bool { return arg == "-args" || arg == "--args" })
	if n < 0 {
		return args, nil
	}
	return args[:n], args[n:]
}

// lines is a writer that hands on what it gets a whole line at a time, newline included, however long.
type lines struct {
	emit    func(line string)
	partial []byte
}

func (l *lines) Write(p []byte) (int, error) {
	rest := p
	for {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		l.partial = append(l.partial, line...)
		if !found {
			return len(p), nil
		}
		l.emit(string(l.partial) + "\n")
		l.partial, rest = l.partial[:0], after
	}
}

func (l *lines) flush() {
	if len(l.partial) > 0 {
		l.emit(string(l.partial) + "\n")
		l.partial = nil
	}
}
