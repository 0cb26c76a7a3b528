// Package group signals a command and what it has started together, as `go test` doesn't hand signals on to the test binaries;
// and it has done what is left to do when a process is gone.
package group

import (
	"os/exec"
	"time"
)

// InterruptUntil interrupts a command and what it has started, at once and then each second until ended is closed. A go command
// that is interrupted while it compiles a test may start that test all the same, and nobody has interrupted the test. (It waits
// for what comes first, a step that is ready or the interrupt, and takes either when there are both: cmd/go/internal/work,
// Builder.Do.) The error is that of the first time.
func InterruptUntil(ended <-chan struct{}, cmd *exec.Cmd) error {
	go func() {
		again := time.NewTicker(time.Second)
		defer again.Stop()
		for {
			select {
			case <-ended:
				return
			case <-again.C:
				_ = Interrupt(cmd) // it may have ended meanwhile
			}
		}
	}()
	return Interrupt(cmd)
}
