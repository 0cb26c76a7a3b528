// Package session names test processes after the command that has them started, such as `make soak`, and after their
// package. What the course makes is labelled with that name, and so a command finds again what is its own, by module, on an
// engine that others use at the same time.
package session

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v4/process"

	"docker-proven/internal/clean"
)

const variable = "COURSE_SESSION"

// reaperLabel is on what testcontainers-go makes, its reaper included, and has the same value as the course's own label.
const reaperLabel = "org.testcontainers.sessionId"

// Process is a name for this test process, which no other has.
func Process() string {
	return named(os.Getenv(variable), os.Args[0])
}

func named(session, program string) string {
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

// Maker is the name of the test process that has made what carries these labels, if one of the course has made it.
func Maker(labels map[string]string) (process string, byTheCourse bool) {
	for _, label := range []string{clean.Label, reaperLabel} {
		if process, byTheCourse = labels[label]; byTheCourse {
			break
		}
	}
	return process, byTheCourse
}

// Processes are the running processes of the session: test binaries and what they have started, whoever their parent is
// by now. It is an error where a process's environment can't be read, as on macOS.
func (s Session) Processes(ctx context.Context) (ours []*process.Process, err error) {
	here, err := process.NewProcessWithContext(ctx, int32(os.Getpid()))
	if err == nil {
		_, err = here.EnvironWithContext(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("on this system the processes of a run can't be told from others: %w", err)
	}
	all, err := process.ProcessesWithContext(ctx)
	for _, p := range all {
		environment, err := p.EnvironWithContext(ctx) // one that has ended meanwhile, or is another user's, has none
		if err == nil && slices.Contains(environment, s.Environment()) {
			ours = append(ours, p)
		}
	}
	return ours, err
}

// IsTest is whether a process is a test binary.
func IsTest(p *process.Process) bool {
	name, _ := p.Exe()
	return strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(name, " (deleted)"), ".exe"), ".test")
}
