//go:build unix

package standin

import (
	"fmt"
	"syscall"
)

// room says whether the disk under path has as much room as a build needs.
func room(path string, needed uint64) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(path, &disk); err != nil {
		return nil // not known is not full: the build will tell
	}
	if free := uint64(disk.Bavail) * uint64(disk.Bsize); free < needed {
		return fmt.Errorf("%s has %d MB free and needs %d MB; make room, `docker system df` tells what Docker takes",
			path, free>>20, needed>>20)
	}
	return nil
}
