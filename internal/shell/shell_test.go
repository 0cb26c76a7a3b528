package shell

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWordsAreQuotedSoThatAShellReadsTheSameWords(t *testing.T) {
	for _, line := range []struct {
		words    []string
		expected string
	}{
		{[]string{"docker", "run", "--volume", "a:/b", "busybox:1.36"}, "docker run --volume a:/b busybox:1.36"},
		{[]string{"echo", ""}, "echo ''"},
		{[]string{"echo", "two words"}, "echo 'two words'"},
		{[]string{"echo", "it's"}, `echo "it's"`},
		{[]string{"echo", "it's $HOME"}, `echo 'it'\''s $HOME'`},
		{[]string{"echo", "a\nb"}, "echo 'a\nb'"},
		{[]string{"docker", "ps", "--format", "{{.Names}}"}, "docker ps --format '{{.Names}}'"},
	} {
		assert.Equal(t, line.expected, Quote(line.words))
	}
}
