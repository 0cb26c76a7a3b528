package planted

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAProgramIsFoundFirstAndNotesItsCalls(t *testing.T) {
	ls := Put(t, "ls", `echo "planted, with $# arguments"`)
	output, err := exec.Command("ls", "-l", "a b").Output()
	assert.NoError(t, err)
	assert.Equal(t, "planted, with 2 arguments\n", string(output))
	assert.NoError(t, exec.Command("ls").Run())
	assert.Equal(t, []string{"-l a b", ""}, ls.Calls(t))

	assert.NoError(t, exec.Command("sleep", "0").Run())
	ls.Alone(t)
	assert.ErrorIs(t, exec.Command("sleep", "0").Run(), exec.ErrNotFound)
	assert.NoError(t, exec.Command("ls").Run())
}
