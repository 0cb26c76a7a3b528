package readme

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const page = "# A lesson\n\n```console\n$ cat <<'END'\nhello\nEND\nhello\n$ echo one \\\n  two\none two\n$ true\n```\n\n" +
	"<!-- not performed: it would end the world -->\n```console\n$ rm -rf /\n```\n\n```sh\nnot this\n```\n\n" +
	"**First** ([1_test.go](1_test.go))\n\n- `TestA`\n- `TestB`\n\n**Second** ([2_test.go](2_test.go))\n\n- `TestC`\n\n## Next\n"

func TestStepsAreReadFromConsoleBlocks(t *testing.T) {
	assert.Equal(t, []Step{
		{Line: 4, Command: "cat <<'END'\nhello\nEND", Expected: []string{"hello"}},
		{Line: 8, Command: "echo one \\\n  two", Expected: []string{"one two"}},
		{Line: 11, Command: "true"},
	}, Steps(page))
}

func TestReferencesAreThoseOfBlocksOfAnyKind(t *testing.T) {
	assert.Equal(t, []string{"busybox:1.36", "ghcr.io/somebody/tool:v1"},
		References("redis:1\n\n```sh\ndocker run busybox:1.36 true\n```\n\nredis:2\n\n```\n$ docker pull ghcr.io/somebody/tool:v1\n```\nredis:3\n"))
}

func TestStepsAreDividedBySection(t *testing.T) {
	lines := func(steps []Step) (lines []int) {
		for _, step := range steps {
			lines = append(lines, step.Line)
		}
		return lines
	}
	block := "```console\n$ true\n```\n"
	sections := bySection(Steps(block + "## One\n" + block + "### More\n" + block + "## Two\n" + block))
	assert.Len(t, sections, 3)
	assert.Equal(t, []int{2}, lines(sections[0]))
	assert.Equal(t, []int{6, 10}, lines(sections[1]))
	assert.Equal(t, []int{14}, lines(sections[2]))
	assert.Equal(t, "Two", sections[2][0].Section)
}

func TestOutputMatchesButForWhatVaries(t *testing.T) {
	for _, row := range []struct {
		expected []string
		output   string
		matches  bool
	}{
		{nil, "", true},
		{nil, "something\n", false},
		{[]string{"one"}, "one\n", true},
		{[]string{"one"}, "One\n", false},
		{[]string{"one"}, "one\ntwo\n", false},
		{[]string{"one", "two"}, "one\n", false},
		{[]string{"one", "..."}, "one\n", true},
		{[]string{"one", "..."}, "one\ntwo\nthree\n", true},
		{[]string{"...", "three"}, "one\ntwo\nthree\n", true},
		{[]string{"id ...: done"}, "id 4711: done\n", true},
		{[]string{"id ...: done"}, "id 4711:\n done\n", false},
		{[]string{"a.c"}, "abc\n", false},
		{[]string{" name "}, " name \r\n", true},
		{[]string{"no newline"}, "no newline", true},
	} {
		assert.Equal(t, row.matches, matches(row.expected, row.output), "%q %q", row.expected, row.output)
	}
}

func TestDriftIsWrittenWhereItBelongs(t *testing.T) {
	written := withOutput(page, Steps(page)[1], "one\ntwo\n")
	assert.Equal(t, []string{"one", "two"}, Steps(written)[1].Expected)
	assert.Equal(t, page, withOutput(written, Steps(written)[1], "one two\n"), "and nothing else should have changed")
}

func TestClaimsAreReadAndWrittenByFile(t *testing.T) {
	assert.Equal(t, map[string][]string{"1_test.go": {"TestA", "TestB"}, "2_test.go": {"TestC"}}, Claims(page))
	written := withClaims(page, "1_test.go", []string{"TestB", "TestD", "TestE"})
	assert.Equal(t, map[string][]string{"1_test.go": {"TestB", "TestD", "TestE"}, "2_test.go": {"TestC"}}, Claims(written))
	assert.Equal(t, page, withClaims(written, "1_test.go", []string{"TestA", "TestB"}), "and nothing else should have changed")
}

// The README of the whole course has commands that run it, which have to exist, and none else.
func TestTheCoursesReadmeNamesWhatThereIs(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	steps := Steps(string(content))
	require.NotEmpty(t, steps)
	for _, step := range steps {
		runsTheCourse, err := lookUp(step)
		assert.NoError(t, err)
		assert.True(t, runsTheCourse, "README.md:%d: nothing performs %s", step.Line, step.Command)
	}
}

func TestWhatIsNotThereIsNoticed(t *testing.T) {
	for command, complaint := range map[string]string{
		"make modul04":                           "there is no target modul04",
		"go test ./module40 -v":                  "there is no package ./module40",
		"go test ./module04 -v -run TestNothing": "./module04 has no test TestNothing",
	} {
		runsTheCourse, err := lookUp(Step{Command: command})
		assert.True(t, runsTheCourse)
		assert.EqualError(t, err, complaint)
	}
}
