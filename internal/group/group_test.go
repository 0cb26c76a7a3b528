//go:build unix

package group

import (
	"io"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACommandThatGoesOnIsInterruptedAgain(t *testing.T) {
	// Like a go command that is interrupted while it compiles a test: it starts another process all the same.
	stubborn, _ := started(t, "trap : INT; echo started; sleep 10; trap - INT; sleep 10")

	ended := make(chan struct{})
	require.NoError(t, InterruptUntil(ended, stubborn))
	err := stubborn.Wait()
	close(ended)
	assert.ErrorContains(t, err, "interrupt", "it should have been interrupted once more")
}

// started has a shell perform a script, in a group of its own, and returns when that has said that it has started; and what it
// says then.
func started(t *testing.T, script string) (*exec.Cmd, io.Reader) {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skipf("not provable here: there is no shell: %v", err)
	}
	cmd := exec.Command("sh", "-c", script)
	Own(cmd)
	said, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 8)
	_, err = said.Read(line)
	require.NoError(t, err)
	require.Equal(t, "started\n", string(line))
	return cmd, said
}
