// Package planted puts programs of a test's own in the place of real ones.
package planted

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Program notes how it is called, and then does what its script says.
type Program struct{ path string }

// Put puts a program with a script for a POSIX shell before all others on PATH, as long as the test runs.
func Put(t *testing.T, name, script string) Program {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("not provable here: for Windows a shell script is no program")
	}
	directory := t.TempDir()
	program := Program{filepath.Join(directory, name)}
	script = "#!/bin/sh\necho \"$*\" >> \"$0.calls\"\n" + script + "\n"
	require.NoError(t, os.WriteFile(program.path, []byte(script), 0o755))
	t.Setenv("PATH", directory+string(os.PathListSeparator)+os.Getenv("PATH"))
	return program
}

// Alone takes all other programs from PATH, as long as the test runs.
func (p Program) Alone(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(p.path))
}

// Calls are the arguments of each call so far.
func (p Program) Calls(t *testing.T) []string {
	t.Helper()
	calls, err := os.ReadFile(p.path + ".calls")
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(calls), "\n"), "\n")
}
