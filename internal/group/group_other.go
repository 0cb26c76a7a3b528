//go:build !unix

package group

import "os/exec"

// Own leaves the command as it is. Ctrl-C in a console reaches what it starts without help.
func Own(*exec.Cmd) {}

// Interrupt kills the command: there is no signal for another process.
func Interrupt(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// Kill kills the command, and not what it has started.
func Kill(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// KillAfterwards kills the command when now is called. The shells that there may be have process numbers of their own, by which
// they could kill something else, so what a killed process has started goes on.
func KillAfterwards(cmd *exec.Cmd) (now, never func()) {
	return func() { _ = Kill(cmd) }, func() {}
}
