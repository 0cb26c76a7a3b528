// Package group signals a command and what it has started together, as `go test` doesn't hand signals on to the test binaries;
// and it has done what is left to do when a process is gone.
package group
