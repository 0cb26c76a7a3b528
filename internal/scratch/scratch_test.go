package scratch

import (
	"os"
	"path/filepath"
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
	old, err := Directory("x")
	require.NoError(t, err)
	otherUse, err := Directory("y")
	require.NoError(t, err)
	yesterday := time.Now().Add(-25 * time.Hour)
	for _, directory := range []string{old, otherUse} {
		require.NoError(t, os.WriteFile(filepath.Join(directory, "file"), nil, 0o600))
		require.NoError(t, os.Chtimes(directory, yesterday, yesterday))
	}

	_, err = Directory("x")
	require.NoError(t, err)
	assert.DirExists(t, young)
	assert.NoDirExists(t, old)
	assert.DirExists(t, otherUse)
}

func TestNoPlaceForFilesIsSaidWithTheMend(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "absent")
	t.Setenv("TMPDIR", nowhere)
	t.Setenv("TMP", nowhere)
	_, err := Directory("x")
	assert.ErrorContains(t, err, "set TMPDIR")
}
