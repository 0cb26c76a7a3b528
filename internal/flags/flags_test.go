package flags

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAColumnMatchesTheTextThatItDescribes(t *testing.T) {
	for _, example := range []struct {
		column, text string
		matches      bool
	}{
		{"/", "/", true},
		{"/", "/tmp", false},
		{"", "", true},
		{"", "something", false},
		{"0", "10", false},
		{"lo...", "lo\neth0", true},
		{"max | 9223...", "max", true},
		{"max | 9223...", "9223372036854771712", true},
		{"max | 9223...", "67108864", false},
		{"/[0-9a-f]{4}/", "12ab", true},
		{"/[0-9a-f]{4}/", "12abc", false},
		{"...", "anything", true},
		{"...", "docker: no such image\nexit status 125", false},
		{"docker: ...\nexit status 125", "docker: no such image\nexit status 125", true},
		{"exit status 1", "exit status 1", true},
		{"exit status 1", "exit status 125", false},
	} {
		assert.Equal(t, example.matches, Matches(example.column, example.text), "%q and %q", example.column, example.text)
	}
}

func TestARowHoldsOnlyIfItsFlagMakesTheDifference(t *testing.T) {
	row := Row{Flag: "--workdir /tmp", With: "/tmp", Without: "/"}
	assert.NoError(t, row.Verdict("/tmp", "/"))
	assert.ErrorContains(t, row.Verdict("/", "/"), "with --workdir /tmp")
	assert.ErrorContains(t, row.Verdict("/tmp", "/tmp"), "without --workdir /tmp")
	assert.Equal(t, "--workdir", row.Name())
}

func TestFlagsAreReadFromAHelpText(t *testing.T) {
	const help = `Usage:  docker run [OPTIONS] IMAGE

Options:
      --add-host list                    Add a custom host-to-IP mapping
                                         (host:ip), see --dns
  -a, --attach list                      Attach to STDIN
      --ip6 string                       IPv6 address
`
	assert.Equal(t, []string{"--add-host", "--attach", "--ip6"}, InHelp(help))
}
