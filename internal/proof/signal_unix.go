//go:build unix

package proof

import (
	"os/exec"
	"syscall"
)

// interruptible makes cancelling cmd's context send SIGINT to the go command and the test binaries below it,
// which go test does not do by itself. In a process group of their own they get it once, whether it was
// Ctrl-C at a terminal or a signal to this process alone.
func interruptible(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
}

// killRest ends what an interrupted cmd left running after its grace.
func killRest(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // fails when nothing is left, which is well
}
