//go:build unix

package group

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACommandThatGoesOnIsInterruptedAgain(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skipf("not provable here: there is no shell: %v", err)
	}
	// Like a go command that is interrupted while it compiles a test: it starts another process all the same.
	stubborn := exec.Command("sh", "-c", "trap : INT; echo started; sleep 1000; trap - INT; sleep 1000")
	Own(stubborn)
	said, err := stubborn.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, stubborn.Start())
	started := make([]byte, 8)
	_, err = said.Read(started)
	require.NoError(t, err)

	ended := make(chan struct{})
	require.NoError(t, InterruptUntil(ended, stubborn))
	err = stubborn.Wait()
	close(ended)
	assert.ErrorContains(t, err, "interrupt")
}
