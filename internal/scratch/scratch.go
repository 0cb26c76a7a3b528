// Package scratch gives a process a directory for files that are of no use after it, and removes those that
// killed processes have left.
package scratch

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"docker-proven/internal/group"
)

// abandoned is the age from which a directory can only be a leftover, if its process is gone, too: the clock alone may
// have jumped, and the number alone may be of a process that is seen from a container only.
const abandoned = 24 * time.Hour

// Directory makes a directory for one process. What it is for becomes part of its name. Everybody may enter it,
// because containers run as all kinds of users.
func Directory(use string) (string, error) {
	prefix := "docker-proven-" + use + "-"
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, directory := range old {
		process, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(directory), prefix), "-")
		if info, err := os.Stat(directory); err == nil && time.Since(info.ModTime()) > abandoned && !runs(process) {
			os.RemoveAll(directory)
		}
	}
	directory, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", prefix, os.Getpid()))
	if err == nil {
		err = os.Chmod(directory, 0o755)
	}
	if err == nil {
		err = hasRoom(directory)
	}
	if err != nil {
		os.RemoveAll(directory)
		variable := "TMPDIR"
		if runtime.GOOS == "windows" {
			variable = "TMP"
		}
		return "", fmt.Errorf("no place for temporary files: %w; set %s to a directory that can be written and has room", err, variable)
	}
	return directory, nil
}

// RemoveAfterwards has the directory removed when this process is gone, also when it was killed. What this user may not remove,
// the helper does, a command. Where there is no POSIX shell (Windows without one), what a killed process leaves goes after a
// day, as Directory has it.
func RemoveAfterwards(directory string, helper ...string) {
	// Containers may write there for some seconds more, until the reaper has removed them; and a docker command that a killed
	// process has left makes it anew when it ends. So it is gone only if it still is a moment later.
	group.Afterwards(`directory=$1
shift
for n in 1 2 3 4 5; do
  rm -rf -- "$directory" 2> /dev/null || { "$@"; rm -rf -- "$directory"; } > /dev/null 2>&1
  sleep 3
  [ -e "$directory" ] || break
done`, append([]string{directory}, helper...)...)
}

// hasRoom tells whether a megabyte more can be written in the directory.
func hasRoom(directory string) error {
	probe := filepath.Join(directory, "probe")
	err := os.WriteFile(probe, make([]byte, 1<<20), 0o600)
	return cmp.Or(err, os.Remove(probe))
}

// runs is whether there is a process of that number.
func runs(process string) bool {
	number, err := strconv.Atoi(process)
	if err != nil {
		return false
	}
	found, err := os.FindProcess(number)
	if err != nil {
		return false
	}
	err = found.Signal(syscall.Signal(0)) // which asks only; Windows, where it can't be asked, has not found a process that is gone
	return !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}
