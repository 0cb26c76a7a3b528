// Package group signals a command and what it has started together. `go test` doesn't hand signals on to the test binaries.
package group
