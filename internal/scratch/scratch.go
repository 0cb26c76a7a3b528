// Package scratch gives a process a directory for files that are of no use after it, and removes those that
// killed processes have left.
package scratch

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// abandoned is the age from which a directory can only be a leftover: no process of the course lives as long.
const abandoned = 24 * time.Hour

// Directory makes a directory for one process. What it is for becomes part of its name. Everybody may enter it,
// because containers run as all kinds of users.
func Directory(use string) (string, error) {
	prefix := "docker-proven-" + use + "-"
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, directory := range old {
		if info, err := os.Stat(directory); err == nil && time.Since(info.ModTime()) > abandoned {
			os.RemoveAll(directory)
		}
	}
	directory, err := os.MkdirTemp("", prefix)
	if err == nil {
		err = os.Chmod(directory, 0o755)
	}
	if err == nil {
		err = hasRoom(directory)
	}
	if err != nil {
		os.RemoveAll(directory)
		return "", fmt.Errorf("no place for temporary files: %w; set TMPDIR to a directory that can be written and has room", err)
	}
	return directory, nil
}

// hasRoom tells whether a megabyte more can be written in the directory.
func hasRoom(directory string) error {
	probe := filepath.Join(directory, "probe")
	err := os.WriteFile(probe, make([]byte, 1<<20), 0o600)
	return cmp.Or(err, os.Remove(probe))
}
