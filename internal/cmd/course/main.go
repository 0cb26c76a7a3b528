// Command course does what the Makefile's targets ask for: it sees to the engine and the images, runs
// the proofs, and cleans up.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"docker-proven/internal/clean"
	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/proof"
	"docker-proven/internal/standin"
)

const usage = `usage: go run ./internal/cmd/course <command>

engine              find an engine; install and start one where there is none and the course may
engine-stop         stop the engine that the course started
images [name ...]   obtain the images of the course, or those named
test [flag ...]     prove every claim of the course and sum up
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
		err = image.ObtainAll(ctx, os.Stdout, rest...)
	case "test":
		return proof.Run(ctx, rest, os.Stdout, io.Discard)
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
