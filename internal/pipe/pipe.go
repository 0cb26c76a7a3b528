// Package pipe has one command read what another one writes, as a shell's | does.
package pipe

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Run runs both commands until they have ended. If one of them ends early, the other finds the pipe closed, and doesn't wait for
// it. The error has what both complained about.
func Run(from, to *exec.Cmd) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	var complaints [2]bytes.Buffer
	from.Stdout, from.Stderr = writer, &complaints[0]
	to.Stdin, to.Stderr = reader, &complaints[1]
	var failures []error
	for _, command := range []*exec.Cmd{to, from} {
		failures = append(failures, command.Start())
	}
	err = errors.Join(append(failures, writer.Close(), reader.Close())...)
	for n, command := range []*exec.Cmd{to, from} {
		if failures[n] == nil {
			err = errors.Join(err, command.Wait())
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(complaints[0].String()+complaints[1].String()))
	}
	return nil
}
