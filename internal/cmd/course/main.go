// Command course does what the Makefile's targets ask for: it sees to the engine and the images, runs
// the proofs, and cleans up.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"docker-proven/internal/bench"
	"docker-proven/internal/book"
	"docker-proven/internal/clean"
	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/inside"
	"docker-proven/internal/proof"
	"docker-proven/internal/sabotage"
	"docker-proven/internal/soak"
	"docker-proven/internal/standin"
)

const usage = `usage: go run ./internal/cmd/course <command>

engine              find an engine; install and start one where there is none and the course may
engine-stop         stop the engine that the course started
images [name ...]   obtain the images of the course, or those named
images-for-tests    the same, for tests that come next: what a registry refuses is theirs to tell
test [flag ...]     prove every claim of the course and sum up; COURSE_RUN=file keeps what go test -json tells
test-on "image ..." [flag ...]
                    the same for the modules, inside engines that are started for it: docker:28-dind, for example
drift [pinned] [current] [flag ...]
                    compare a run with the pinned images and one with those of today: kept in files, or performed now ("")
compare file ...    compare runs that were kept
since file memory   what broke in a run that was kept, and since which digest; memory is a file that goes from run to run
book [file]         make book.html of a run that was kept in file, or of one that is performed now
bench [naive] [flag or package ...]
                    measure the tests against what this engine can do; naive compares with one at a time and stops with grace
soak <number> [flag or package ...]
                    prove everything so many times, shuffled and twice at once, and look each time what is left
kill <number> [flag or package ...]
                    interrupt and kill the tests at so many random moments, and look each time what is left
sabotage [word ...] plant faults into what lessons ask of the engine, and see which claims notice: all faults in all
                    lessons, or the faults, modules and tests named
clean               remove what the lessons made
clean-standins      remove the stand-ins for images
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the command at once
	os.Exit(run(ctx, os.Args[1:]))
}

// run returns the exit code: 2 for a wrong command line, as the flag package has it.
func run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	var err error
	switch command, rest := args[0], args[1:]; command {
	case "engine":
		err = engine.Start(ctx, os.Stdout)
	case "engine-stop":
		err = engine.Stop(ctx, os.Stdout)
	case "images":
		err = image.ObtainAll(ctx, os.Stdout, false, rest...)
	case "images-for-tests":
		err = image.ObtainAll(ctx, os.Stdout, true)
	case "test":
		return prove(ctx, rest, os.Getenv("COURSE_RUN"))
	case "test-on":
		return proveOn(ctx, rest)
	case "compare":
		err = compare(os.Stdout, rest)
	case "since":
		err = since(os.Stdout, rest)
	case "drift":
		return showDrift(ctx, rest)
	case "within": // what `go test -exec` calls
		if len(rest) < 3 {
			fmt.Fprintln(os.Stderr, "within needs a container, the checkout's directory and a test program; `test-on` sees to that")
			return 2
		}
		return inside.Test(ctx, rest[0], rest[1], rest[2], rest[3:])
	case "book":
		return makeBook(ctx, rest)
	case "bench":
		naive := len(rest) > 0 && rest[0] == "naive"
		if naive {
			rest = rest[1:]
		}
		return bench.Run(ctx, rest, naive, filepath.Join("internal", "bench", "measured"), os.Stdout)
	case "soak", "kill":
		return again(ctx, command, rest)
	case "sabotage":
		err = sabotage.Run(ctx, os.Stdout, rest)
	case "clean":
		err = clean.Made(ctx, os.Stdout)
	case "clean-standins":
		err = clean.StandIns(ctx, os.Stdout, standin.Refs())
	default:
		fmt.Fprintf(os.Stderr, "course has no command %q.\n%s", command, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// again performs the tests many times, or kills them many times.
func again(ctx context.Context, command string, args []string) int {
	number := 0
	if len(args) > 0 {
		number, _ = strconv.Atoi(args[0])
	}
	if number <= 0 {
		fmt.Fprintf(os.Stderr, "How many times? course %s wants a number.\n%s", command, usage)
		return 2
	}
	if command == "kill" {
		return soak.Kills(ctx, number, args[1:], os.Stdout)
	}
	return soak.Rounds(ctx, number, args[1:], os.Stdout)
}

// prove proves every claim, performs what fails once more, and keeps the run in a file, if one is named.
func prove(ctx context.Context, args []string, file string) int {
	if file == "" {
		return proof.Prove(ctx, args, os.Stdout, io.Discard)
	}
	kept, err := os.Create(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := proof.Prove(ctx, args, os.Stdout, kept)
	if err := kept.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// makeBook writes the book of a run. A run that it performs itself may fail: then its book tells what failed, and the
// exit code is the run's.
func makeBook(ctx context.Context, args []string) (code int) {
	const file = "book.html"
	run := "run.json"
	if len(args) > 0 {
		run = args[0]
	} else if code = prove(ctx, nil, run); ctx.Err() != nil {
		return code
	}
	if err := book.WriteFile(file, ".", run); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	fmt.Printf("\nThe book of this run is %s. Open it in a browser; it needs no network.\n", file)
	return code
}
