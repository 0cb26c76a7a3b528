package faults_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
)

const lessonWithAClockThatJumps = "lesson-with-a-clock-that-jumps"

// aClockThatJumps is what the compiler takes (-overlay) for a program in which the clock on the wall jumps every three seconds:
// two days forward, four back, two forward. The clock that only measures goes on as it does when an administrator, or
// a time server after a long sleep, sets the other: time.Now has both. (The machine's own clock belongs to others, too.)
func aClockThatJumps(t *testing.T) (overlay string) {
	t.Helper()
	original := filepath.Join(strings.TrimSpace(course.CLI{}.Program(t, "go", "env", "GOROOT").Stdout), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	require.NoError(t, err)
	const place = "\tmono -= startNano\n"
	require.Equal(t, 1, strings.Count(string(source), place), "Go's time.Now has changed: this test has to follow")
	jumping := strings.Replace(string(source), place, place+
		"\tsec += [...]int64{0, 2, -2}[mono/int64(3*Second)%3] * 24 * 60 * 60\n", 1)

	directory := course.HostDirectory(t)
	file := filepath.Join(directory, "time.go")
	require.NoError(t, os.WriteFile(file, []byte(jumping), 0o644))
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{original: file}})
	require.NoError(t, err)
	overlay = filepath.Join(directory, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, content, 0o644))
	return overlay
}

// The course measures its waits by the clock that only goes forward. A lesson doesn't notice that the other clock jumps.
func TestAClockThatJumpsIsNoMatter(t *testing.T) {
	takesLong(t, "all of Go is compiled with another clock")
	m := newMachine(t)
	m.bring(t, lessonWithAClockThatJumps)
	result := m.lesson(t, lessonWithAClockThatJumps+" -test.v -test.run 'TestTheClockJumps|TestAContainerRuns|TestAnImageIsBuilt'")
	assert.Equal(t, 0, result.ExitCode)
	for _, lesson := range []string{"TestTheClockJumps", "TestAContainerRuns", "TestAnImageIsBuilt"} {
		assert.Contains(t, result.Stdout, "--- PASS: "+lesson)
	}
	m.hasNothingLeft(t)
}
