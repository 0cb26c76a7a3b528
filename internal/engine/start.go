package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Start sees to it that an engine runs that the lessons can be proven on, and tells out what it does and
// why. With such an engine it changes nothing. Without one it installs what is missing from the
// distribution's packages and starts the engine, on Debian and Ubuntu as root. If DOCKER_HOST or a docker
// context asks for another engine, it installs no engine, only what the docker command lacks. Elsewhere
// the error has the next step.
func Start(ctx context.Context, out io.Writer) error {
	facts, err := Find(ctx)
	var why *Error
	if errors.As(err, &why) && slices.Contains(repairable, why.Reason) {
		if err := repair(ctx, out, why); err != nil {
			return err
		}
		facts, err = Find(ctx)
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "using engine %v\n", facts)
	return nil
}

// Stop stops the engine that Start started in the background, and no other: of another it says how.
func Stop(ctx context.Context, out io.Writer) error { return stop(ctx, out) }

// repairable is what installing and starting things on this machine mends.
var repairable = []Reason{NoCommand, NoPlugin, NoEngine}

// notOurs is what Stop says of an engine that Start did not start.
func notOurs(ctx context.Context, out io.Writer) error {
	facts, err := Find(ctx)
	if err != nil {
		_, err = fmt.Fprintln(out, "No engine was started by the course, and none answers: nothing to stop.")
		return err
	}
	how := "`sudo systemctl stop docker.socket docker` stops it where systemd runs"
	if facts.Desktop {
		how = "quitting Docker Desktop stops it"
	}
	_, err = fmt.Fprintf(out, "The engine at %s was not started by the course, so it is left running; %s.\n", facts.Host, how)
	return err
}
