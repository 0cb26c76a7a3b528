package course

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestATextEndsAtALineThatIsNoneOfItsOwn(t *testing.T) {
	assert.Equal(t, " <<'EOF'\na\nb\nEOF\n", heredoc("a\nb"))
	assert.Equal(t, " <<'THE_EOF'\nRUN <<EOF\na\nEOF\nTHE_EOF\n", heredoc("RUN <<EOF\na\nEOF"))
}

func TestWhatIsSetForOtherProgramsDoesNotReachThoseOfLessons(t *testing.T) {
	others := []string{"PGSSLMODE", "PGSERVICE", "RYUK_PORT", "DATABASE_URL", "LOG_LEVEL", "PORT"}
	for _, variable := range append(others, "GOPATH") {
		t.Setenv(variable, "learners")
	}
	setAside()
	for _, variable := range others {
		assert.Empty(t, os.Getenv(variable), variable)
	}
	assert.Equal(t, "learners", os.Getenv("GOPATH"))
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
