package course

import (
	"testing"
	"time"

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
		assert.Equal(t, line.expected, shellQuote(line.words))
	}
}

func TestATextEndsAtALineThatIsNoneOfItsOwn(t *testing.T) {
	assert.Equal(t, " <<'EOF'\na\nb\nEOF\n", heredoc("a\nb"))
	assert.Equal(t, " <<'THE_EOF'\nRUN <<EOF\na\nEOF\nTHE_EOF\n", heredoc("RUN <<EOF\na\nEOF"))
}

func TestPatienceIsATimeOrAnErrorThatSaysWhatIsOne(t *testing.T) {
	patience, err := patienceFrom("")
	assert.NoError(t, err)
	assert.Equal(t, 3*time.Minute, patience)
	patience, err = patienceFrom("30s")
	assert.NoError(t, err)
	assert.Equal(t, 30*time.Second, patience)
	for _, bad := range []string{"30", "soon", "-1s", "0s"} {
		_, err := patienceFrom(bad)
		assert.ErrorContains(t, err, `COURSE_PATIENCE="`+bad+`"`)
		assert.ErrorContains(t, err, "30s")
	}
}
