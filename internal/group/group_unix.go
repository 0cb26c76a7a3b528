//go:build unix

package group

import (
	"os/exec"
	"strconv"
	"syscall"
)

// Own gives a command that has not been started a process group of its own, so that Interrupt and Kill reach what it
// starts, too, and nothing else does.
func Own(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Interrupt sends SIGINT to the command and to what it has started, as Ctrl-C at a terminal does.
func Interrupt(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }

// Kill sends them SIGKILL.
func Kill(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// KillAfterwards kills a command that has been started with a group of its own, and what it has started, when this process is
// gone, or earlier, when now is called. It is to be told when the command has ended by itself, by calling never: its process
// number may be another's then.
func KillAfterwards(cmd *exec.Cmd) (now, never func()) {
	return afterwards(`kill -s KILL -- "-$1"`, []string{strconv.Itoa(cmd.Process.Pid)})
}
