//go:build unix

package course

import "syscall"

// openToContainers has files that lessons write, and directories, be readable by the users of containers, also where a learner's
// own files are not to be read by others (umask 077).
func openToContainers() { syscall.Umask(0o022) }
