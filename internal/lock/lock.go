// Package lock lets the test processes of one machine take turns at what can only be done by one of them at
// a time: getting an image, or using a port that a lesson names.
package lock

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/rogpeppe/go-internal/lockedfile"
)

var unsafe = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// Hold waits until no other process of this user holds name, and holds it until release is called. A process
// that ends releases what it held, however it ends: the lock is the operating system's, not a file's presence.
func Hold(name string) (release func(), err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	directory := filepath.Join(cache, "docker-proven", "locks")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, fmt.Errorf("no place for lock files: %w; set HOME or TMPDIR to a directory that can be written", err)
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(directory, unsafe.ReplaceAllString(name, "_"))).Lock()
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", name, err)
	}
	return unlock, nil
}
