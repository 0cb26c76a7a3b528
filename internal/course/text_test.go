package course

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestATestsNameReadsAsASentence(t *testing.T) {
	for name, expected := range map[string]string{
		"TestAVolumeIsADirectoryOnTheEnginesHost": "A volume is a directory on the engines host",
		"TestCPUIsThrottled":                      "CPU is throttled",
		"TestTheAPISpeaksHTTP":                    "The API speaks HTTP",
		"TestPostgresListensOnPort5432":           "Postgres listens on port5432",
	} {
		assert.Equal(t, expected, sentence(name))
	}
}

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
		assert.Equal(t, line.expected, shellQuote(line.words))
	}
}
