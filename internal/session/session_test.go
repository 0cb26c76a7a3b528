package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAProcessIsFoundAgainByItsSessionAndPackage(t *testing.T) {
	ours := New()
	name, found := ours.Package(process(string(ours), "/tmp/go-build1/b001/module04.test"))
	assert.True(t, found)
	assert.Equal(t, "module04", name)
	name, found = ours.Package(process(string(ours), "module12.test.exe"))
	assert.True(t, found)
	assert.Equal(t, "module12", name)
}

func TestProcessesOfOthersAreNotOfTheSession(t *testing.T) {
	ours := New()
	for _, other := range []string{process("", "module04.test"), process(string(New()), "module04.test"), "", "a.b.c.d"} {
		_, found := ours.Package(other)
		assert.False(t, found, other)
	}
	assert.NotEqual(t, process("s", "p.test"), process("s", "p.test"))
}
