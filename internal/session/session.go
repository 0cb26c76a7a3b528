// Package session names test processes after the command that has them started, such as `make soak`, and after their
// package. What the course makes is labelled with that name, and so a command finds again what is its own, by module, on an
// engine that others use at the same time.
package session

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
)

const variable = "COURSE_SESSION"

// Process is a name for this test process, which no other has.
func Process() string {
	return process(os.Getenv(variable), os.Args[0])
}

func process(session, program string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(program), ".exe"), ".test") + "." + word(12)
	if session != "" {
		name = session + "." + name
	}
	return name
}

// A Session is what the test processes that one command has started have in common.
type Session string

// New is a session of its own.
func New() Session { return Session(word(8)) }

func word(length int) string { return strings.ToLower(rand.Text()[:length]) }

// Environment is the variable, "NAME=value", by which processes belong to the session.
func (s Session) Environment() string { return variable + "=" + string(s) }

// Package is the package of the test process with this name, such as module04, if the process belongs to the session.
func (s Session) Package(process string) (name string, ours bool) {
	words := strings.Split(process, ".")
	if len(words) != 3 || words[0] != string(s) {
		return "", false
	}
	return words[1], true
}
