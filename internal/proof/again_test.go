package proof

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of two claims that fail when they run for the first time, one holds afterwards.
const busy = `package p
import ("os"; "testing")
func TestHolds(t *testing.T) {}
func TestBusy(t *testing.T) {
	if _, err := os.Stat("second"); err != nil {
		os.WriteFile("second", nil, 0o644)
		t.Fatal("the machine was busy")
	}
}
`

const broken = `package p
import "testing"
func TestBroken(t *testing.T) { t.Fatal("it isn't true any more") }
func TestHoldsToo(t *testing.T) {}
`

// many is more broken claims than are an accident.
func many() string {
	text := "package p\nimport \"testing\"\n"
	for n := range few + 1 {
		text += fmt.Sprintf("func TestBroken%d(t *testing.T) { t.Fatal() }\n", n)
	}
	return text
}

// afterFailing is what comes of what failed in a run, once that is over.
func afterFailing(t *testing.T, args ...string) (code int, printed string) {
	t.Helper()
	report, code := perform(t.Context(), args, io.Discard, io.Discard)
	require.Equal(t, 1, code)
	var out bytes.Buffer
	code = again(t.Context(), report.recorded(), args, &out)
	return code, out.String()
}

func TestWhatFailedBesideOthersAndHoldsAloneIsNamed(t *testing.T) {
	inModule(t, map[string]string{"module01/a_test.go": busy, "module02/a_test.go": passing})
	code, printed := afterFailing(t, "-shuffle=on", "./...")
	assert.Equal(t, 0, code)
	assert.Contains(t, printed, "Proven: 1 claim\n")
	assert.Contains(t, printed, "Failed beside others, and held alone:\n  module01 TestBusy\n")
}

func TestWhatIsNotTrueAnyMoreFailsAgain(t *testing.T) {
	inModule(t, map[string]string{"module01/a_test.go": busy, "module02/a_test.go": broken})
	code, printed := afterFailing(t)
	assert.Equal(t, 1, code)
	assert.Contains(t, printed, "Failed:\n  module02  TestBroken\n")
	assert.NotContains(t, printed, "held alone")
	assert.Contains(t, printed, "\nWhat failed now has failed twice.")
	_, printed = afterFailing(t, "./module02")
	assert.NotContains(t, printed, "proves nothing", "that is for the run before to say")
}

func TestWhatIsNoAccidentIsNotPerformedAgain(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"does not compile": {"module01/a_test.go": busy, "module02/a_test.go": "package p; func ("},
		"did not finish":   {"module01/a_test.go": busy, "module02/a_test.go": exiting},
		"too many":         {"module01/a_test.go": many()},
	} {
		t.Run(name, func(t *testing.T) {
			inModule(t, files)
			code, printed := afterFailing(t)
			assert.Equal(t, 1, code)
			assert.Empty(t, printed)
		})
	}
}

func TestWhatIsPerformedAgainIsNamedBeforeTheTestsOwnArguments(t *testing.T) {
	for args, want := range map[string]string{
		"-shuffle=on ./module0...": "-shuffle=on -p=1 -parallel=1 -run=^(TestBusy)$ docker-proven/module01",
		"./module01 -args ./file":  "-p=1 -parallel=1 -run=^(TestBusy)$ docker-proven/module01 -args ./file",
	} {
		arguments := alone(strings.Fields(args), []string{"TestBusy"}, []string{"docker-proven/module01"})
		assert.Equal(t, want, strings.Join(arguments, " "))
	}
}
