package session

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAProcessIsFoundAgainByItsSessionAndPackage(t *testing.T) {
	ours := New()
	name, found := ours.Package(named(string(ours), "/tmp/go-build1/b001/module04.test"))
	assert.True(t, found)
	assert.Equal(t, "module04", name)
	name, found = ours.Package(named(string(ours), "module12.test.exe"))
	assert.True(t, found)
	assert.Equal(t, "module12", name)
}

func TestProcessesOfOthersAreNotOfTheSession(t *testing.T) {
	ours := New()
	for _, other := range []string{named("", "module04.test"), named(string(New()), "module04.test"), "", "a.b.c.d"} {
		_, found := ours.Package(other)
		assert.False(t, found, other)
	}
	assert.NotEqual(t, named("s", "p.test"), named("s", "p.test"))
}

func TestWhatIsMadeTellsItsMakerByEitherLabel(t *testing.T) {
	for _, label := range []string{"docker-proven", "org.testcontainers.sessionId"} {
		maker, byTheCourse := Maker(map[string]string{label: "s.module04.abc", "mine": "x"})
		assert.True(t, byTheCourse, label)
		assert.Equal(t, "s.module04.abc", maker)
	}
	_, byTheCourse := Maker(map[string]string{"mine": "x"})
	assert.False(t, byTheCourse)
}

func TestTheProcessesOfASessionAreFoundWhoeverTheirParentIs(t *testing.T) {
	ours := New()
	before, err := ours.Processes(t.Context())
	if err != nil && runtime.GOOS != "linux" {
		t.Skipf("not provable here: %v", err)
	}
	require.NoError(t, err)
	require.Empty(t, before)
	program, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(program, "-test.run=TestWaitForEndOfInput")
	child.Env = append(os.Environ(), ours.Environment())
	input, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	found, err := ours.Processes(t.Context())
	assert.NoError(t, err)
	if assert.Len(t, found, 1) {
		assert.EqualValues(t, child.Process.Pid, found[0].Pid)
		assert.True(t, IsTest(found[0]))
	}
	require.NoError(t, input.Close())
	require.NoError(t, child.Wait())
	found, err = ours.Processes(t.Context())
	assert.NoError(t, err)
	assert.Empty(t, found)
}

// It is what the test above runs in another process.
func TestWaitForEndOfInput(t *testing.T) {
	if os.Getenv(variable) == "" {
		t.Skip("not provable here: only in a process that belongs to a session")
	}
	os.Stdin.Read(make([]byte, 1))
}
