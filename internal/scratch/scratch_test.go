package scratch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDirectoriesOfKilledProcessesAreRemovedAndOthersStay(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("TMP", os.Getenv("TMPDIR")) // what Windows calls it
	young, err := Directory("x")
	require.NoError(t, err)
	running, err := Directory("x")
	require.NoError(t, err)
	old := filepath.Join(os.Getenv("TMPDIR"), "docker-proven-x-"+strconv.Itoa(ended(t))+"-1")
	require.NoError(t, os.Mkdir(old, 0o755))
	otherUse, err := Directory("y")
	require.NoError(t, err)
	yesterday := time.Now().Add(-25 * time.Hour)
	for _, directory := range []string{old, running, otherUse} {
		require.NoError(t, os.WriteFile(filepath.Join(directory, "file"), nil, 0o600))
		require.NoError(t, os.Chtimes(directory, yesterday, yesterday))
	}

	_, err = Directory("x")
	require.NoError(t, err)
	assert.DirExists(t, young)
	assert.NoDirExists(t, old)
	assert.DirExists(t, running, "its age may come of a clock that has jumped: its process runs")
	assert.DirExists(t, otherUse)
}

// ended is the number of a process that has ended.
func ended(t *testing.T) int {
	t.Helper()
	process := exec.Command(os.Args[0], "-test.run", "^$")
	require.NoError(t, process.Run())
	return process.Process.Pid
}

func TestNoPlaceForFilesIsSaidWithTheMend(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "absent")
	t.Setenv("TMPDIR", nowhere)
	t.Setenv("TMP", nowhere)
	_, err := Directory("x")
	assert.ErrorContains(t, err, "set TMPDIR")
}
