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
		assert.Equal(t, example.matches, matches(example.column, example.text), "%q and %q", example.column, example.text)
	}
}

func TestAShortenedTextFitsTheColumnThatHasIt(t *testing.T) {
	for _, example := range []struct {
		column, short string
		shows         bool
	}{
		{"chown: ...Operation not permitted\nexit status 1", "Operation not permitted", true},
		{"mount: ...denied...\nexit status ...", "mount: ... denied", true},
		{"max | 9223...", "max", true},
		{"/dev/pts/...", "/dev/pts/0", true},
		{"options ...ndots:7", "options ndots:7", true},
		{"1024", "2048", false},
		{"50000 | 50000 100000", "50000 200000", false},
		{"from the host", "... the engine", false},
	} {
		assert.Equal(t, example.shows, Shows(example.column, example.short), "%q and %q", example.column, example.short)
	}
}

func TestARowHoldsOnlyIfItsFlagMakesTheDifference(t *testing.T) {
	row := Row{Flag: "--workdir /tmp", With: "/tmp", Without: "/"}
	assert.NoError(t, row.verdict("/tmp", "/"))
	assert.ErrorContains(t, row.verdict("/", "/"), "with --workdir /tmp")
	assert.ErrorContains(t, row.verdict("/tmp", "/tmp"), "without --workdir /tmp")
	assert.Equal(t, "--workdir", row.Name())
	assert.Equal(t, row.Flag, row.title(), "of docker run, there is no need to say that it is one")
	assert.Equal(t, "network create --subnet 10.0.0.0/8", Row{Flag: "--subnet 10.0.0.0/8", Line: "network create --internal $FLAG $WORD"}.title())
}

func TestTheTableShowsTheCommandThatIsPerformed(t *testing.T) {
	table := text([]Row{
		{Flag: "--tail 1", Changes: "the last line only", Line: "logs $FLAG $WORD", With: "3", Without: "1\n2\n3"},
		{Flag: "--user 1000", Changes: "who the command is", Line: "exec $FLAG $WORD", Shell: "id -u", With: "1000", Without: "0"},
		{Flag: "--change X", Changes: "a setting", Line: "commit $FLAG $WORD $WORD", Then: "run --rm $WORD env", With: "A=1", Without: ""},
	})
	for _, line := range []string{
		`--tail 1     the last line only  docker logs [--tail 1] $WORD                                       3               1\n2\n3`,
		`--user 1000  who the command is  docker exec [--user 1000] $WORD sh -c 'id -u'                      1000            0`,
		`--change X   a setting           docker commit [--change X] $WORD $WORD; docker run --rm $WORD env  A=1             (nothing)`,
	} {
		assert.Contains(t, table, line)
	}
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
