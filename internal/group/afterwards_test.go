//go:build unix

package group

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACommandIsKilledWithWhatItHasStarted(t *testing.T) {
	// The child has the pipe, too: it ends only when both are gone.
	busy, said := started(t, "sleep 1000 & echo started; while :; do :; done")
	now, never := KillAfterwards(busy)
	require.NoError(t, busy.Process.Signal(syscall.Signal(0)), "it should be there until then")

	now()
	end, err := said.Read(make([]byte, 8))
	assert.Zero(t, end)
	assert.Error(t, err, "nobody should have the pipe any more")
	assert.ErrorContains(t, busy.Wait(), "killed")
	now() // once more does no harm
	never()
}

func TestACommandThatHasEndedIsLeftAlone(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skipf("not provable here: there is no shell: %v", err)
	}
	other := exec.Command("sh", "-c", "read line; exit 7")
	Own(other)
	pipe, err := other.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	now, never := KillAfterwards(other) // as if it had got the number of one that has ended
	never()
	now()
	require.NoError(t, pipe.Close())
	assert.ErrorContains(t, other.Wait(), "exit status 7", "nobody should have killed it")
}
