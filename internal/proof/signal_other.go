//go:build !unix

package proof

import "os/exec"

// interruptible leaves cmd as it is: cancelling its context kills the go command. Ctrl-C in a console reaches
// the test binaries without help.
func interruptible(*exec.Cmd) {}

func killRest(*exec.Cmd) {}
