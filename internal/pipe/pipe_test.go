package pipe

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneCommandReadsWhatTheOtherWrites(t *testing.T) {
	sh := func(script string) *exec.Cmd { return exec.Command("sh", "-c", script) }
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("not provable here: ", err)
	}
	var read bytes.Buffer
	count := sh("wc -c | tr -d ' '")
	count.Stdout = &read
	require.NoError(t, Run(sh("head -c 1000000 /dev/zero"), count))
	assert.Equal(t, "1000000\n", read.String())

	// Neither waits for the other when that has ended early.
	assert.ErrorContains(t, Run(sh("head -c 1000000 /dev/zero"), sh("echo no room >&2; exit 1")), "no room")
	assert.ErrorContains(t, Run(sh("echo no such image >&2; exit 1"), sh("cat > /dev/null")), "no such image")
	assert.ErrorContains(t, Run(exec.Command("/nowhere/program"), sh("cat > /dev/null")), "/nowhere/program")
	assert.ErrorContains(t, Run(sh("head -c 1000000 /dev/zero"), exec.Command("/nowhere/program")), "/nowhere/program")
}
