// Package lock lets the test processes of one machine take turns at what can only be done by one of them at
// a time: getting an image, or using a port that a lesson names.
package lock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

var unsafe = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// Hold waits until no other process of this user holds name, and holds it until release is called. A process
// that ends releases what it held, however it ends: the lock is the operating system's, not a file's presence. When the wait
// takes longer than a moment, it calls waiting. The error is the context's when that ends first.
func Hold(ctx context.Context, name string, waiting func()) (release func(), err error) {
	type result struct {
		release func()
		err     error
	}
	held := make(chan result, 1)
	go func() {
		release, err := hold(name)
		held <- result{release, err}
	}()
	late := time.After(moment)
	for {
		select {
		case r := <-held:
			return r.release, r.err
		case <-late:
			waiting()
		case <-ctx.Done():
			go func() { // the turn may come, and is passed on then
				if r := <-held; r.err == nil {
					r.release()
				}
			}()
			return nil, context.Cause(ctx)
		}
	}
}

// moment is how long a wait needs no word.
const moment = 2 * time.Second

func hold(name string) (release func(), err error) {
	for _, place := range places() {
		directory := filepath.Join(place, "docker-proven", "locks")
		if err = os.MkdirAll(directory, 0o755); err != nil {
			continue
		}
		if release, err = lockedfile.MutexAt(filepath.Join(directory, unsafe.ReplaceAllString(name, "_"))).Lock(); err == nil {
			return release, nil
		}
	}
	return nil, fmt.Errorf("no place for lock files: %w; set HOME or TMPDIR to a directory that can be written", err)
}

// places are where lock files may be, the first that can be written before the others: every process of this user finds
// the same.
func places() []string {
	temporary := os.TempDir()
	if cache, err := os.UserCacheDir(); err == nil {
		return []string{cache, temporary}
	}
	return []string{temporary}
}
