package proof

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What testify prints is told in its own words, which a module of the test would have to download: so these are copied.
const wordy = "package p\nimport \"testing\"\n" +
	"func TestDiffers(t *testing.T) { " +
	"t.Error(\"\\n\\tError Trace:\\tx_test.go:3\\n\\tError:      \\tNot equal: \\n\\t            \\texpected: 1\\n\\t            \\tactual  : 2\\n" +
	"\\t            \\t\\n\\t            \\tDiff:\\n\\t            \\t@@ -2,3 +2,3 @@\\n\\tTest:       \\tTestA\\n\\tMessages:   \\twithout the volume\\n\\t            \\tit is empty\"); t.Error(\"later\") }\n" +
	"func TestSays(t *testing.T) { t.Fatalf(\"nobody listens\\non %d\", 80) }\n" +
	"func TestInside(t *testing.T) { t.Run(\"one\", func(t *testing.T) {}); t.Run(\"two\", func(t *testing.T) { t.Fatal(\"two is broken\") }) }\n" +
	"func TestElsewhere(t *testing.T) { t.Skip(\"not provable here: no registry\") }\n" +
	"func TestZPanics(t *testing.T) { panic(\"boom\") }\n"

func TestAFailureIsToldOnOneLine(t *testing.T) {
	inModule(t, map[string]string{"module01/a_test.go": wordy})
	var kept bytes.Buffer
	Run(t.Context(), nil, io.Discard, &kept)
	run, err := Read(&kept)
	require.NoError(t, err)
	why := map[string]string{}
	for _, claim := range run.Packages[0].Claims {
		why[claim.Name] = claim.Why()
	}
	assert.Equal(t, "without the volume it is empty: Not equal: expected: 1 actual : 2", why["TestDiffers"])
	assert.Equal(t, "nobody listens on 80", why["TestSays"])
	assert.Equal(t, "two is broken", why["TestInside"])
	assert.Equal(t, "no registry", why["TestElsewhere"])
	assert.Contains(t, why["TestZPanics"], "panic: boom")
}

func TestAComplaintIsTheFirstThingFoundWrong(t *testing.T) {
	for transcript, expected := range map[string][]string{
		"    $ true\n    a_test.go:3: this is wrong\n        and that\n    a_test.go:4: more\n": {"this is wrong", "and that"},
		"    a_test.go:30: \n        \tError Trace:\t/course/a_test.go:30\n        \tError:      \tNot equal: \n" +
			"        \t            \texpected: 1\n        \t            \tactual  : 2\n        \tTest:       \tTestA\n" +
			"        \tMessages:   \tthere should be one\n    more\n": {"there should be one:", "Not equal:", "expected: 1", "actual  : 2"},
		"    $ true\npanic: boom\n\ngoroutine 1\n": {"panic: boom"},
		"    $ true\n": nil,
	} {
		assert.Equal(t, expected, Complaint(transcript), transcript)
	}
}
