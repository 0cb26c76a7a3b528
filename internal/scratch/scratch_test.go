package scratch

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/group"
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

func TestAKilledProcessLeavesNoDirectory(t *testing.T) {
	if place := os.Getenv("SCRATCH_TEST_PLACE"); place != "" { // the process that is killed
		RemoveAfterwards(place)
		runtime.GC()
		time.Sleep(50 * time.Millisecond) // in which a shell whose pipe had been closed would have done its work
		fmt.Println("ready")
		select {}
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skipf("not provable here: there is no shell: %v", err)
	}
	place := filepath.Join(t.TempDir(), "place")
	require.NoError(t, os.MkdirAll(filepath.Join(place, "inside"), 0o755))
	program, err := os.Executable()
	require.NoError(t, err)
	victim := exec.Command(program, "-test.run=^TestAKilledProcessLeavesNoDirectory$")
	victim.Env = append(os.Environ(), "SCRATCH_TEST_PLACE="+place)
	said, err := victim.StdoutPipe()
	require.NoError(t, err)
	group.Own(victim)
	require.NoError(t, victim.Start())
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	require.DirExists(t, place, "while the process is there, so is its directory")
	require.NoError(t, group.Kill(victim))
	_ = victim.Wait()
	gone := func() bool {
		_, err := os.Stat(place)
		return os.IsNotExist(err)
	}
	require.Eventually(t, gone, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, os.MkdirAll(filepath.Join(place, "buildx"), 0o755), "as a command does that has outlived it")
	assert.Eventually(t, gone, 10*time.Second, 10*time.Millisecond)
}
