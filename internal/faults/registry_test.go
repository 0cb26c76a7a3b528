package faults_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
)

// newMachineWithRegistry is a machine on which testdata/registry runs, whose faults an image's name chooses.
func newMachineWithRegistry(t *testing.T) machine {
	t.Helper()
	m := newMachine(t)
	m.bring(t, "registry")
	course.Docker(t, "exec", "--detach", m.Name, "registry")
	m.WaitFor(t, "docker pull --quiet 127.0.0.1:5000/sound:1 && docker image rm 127.0.0.1:5000/sound:1")
	return m
}

// pull runs the lesson that needs an image of that name.
func (m machine) pull(t *testing.T, image string) course.Result {
	t.Helper()
	return m.lesson(t, "FAULTY_IMAGE="+image+" lesson -test.v -test.run TestAnImageIsThere")
}

// A registry that answers, and doesn't give the image, fails the lesson, in one sentence that says what would help: that
// depends on what it answered. One that can't be reached is a matter of this machine: the lesson is skipped.
func TestARegistrysAnswerDecidesWhatIsAdvised(t *testing.T) {
	m := newMachineWithRegistry(t)
	for image, sentence := range map[string]string{
		"127.0.0.1:5000/401:1": "the registry gives 127.0.0.1:5000/401:1 only to those who log in: .*unauthorized: .*; " +
			"do so with `docker login`, or with `docker logout` if the login that is kept here is not valid any more",
		"127.0.0.1:5000/404:1": "the registry refuses 127.0.0.1:5000/404:1: .*manifest unknown.*; " +
			"if this reference is gone, the course needs another one in internal/image/declared.go",
		"127.0.0.1:5000/429:1": "the registry gives 127.0.0.1:5000/429:1 to nobody here for a while, after too many requests: .*toomanyrequests: .*; " +
			"log in with `docker login`, which raises the limit, or run the same command again later",
		"127.0.0.1:5000/500:1": "the registry is in trouble itself, and can't give 127.0.0.1:5000/500:1: .*500 Internal Server Error; " +
			"run the same command again later",
	} {
		result := m.pull(t, image)
		assert.Equal(t, 1, result.ExitCode, image)
		assert.Regexp(t, `(?m)^    \S+: `+sentence+"$", result.Stdout)
		assert.Contains(t, result.Stdout, "--- FAIL: TestAnImageIsThere", image)
	}

	unreachable := m.pull(t, "127.0.0.1:1/absent:1")
	assert.Equal(t, 0, unreachable.ExitCode)
	assert.Regexp(t, `(?m)^    \S+: not provable here: 127\.0\.0\.1:1/absent:1 is not here, and its registry can't be reached or breaks off `+
		`\(.*connection refused\); run the same command again when it can be$`, unreachable.Stdout)
	assert.Contains(t, unreachable.Stdout, "--- SKIP: TestAnImageIsThere")
	m.hasNothingLeft(t)
}

// A download that is cut is begun again by the engine, five times. A registry that is slow is waited for, as long as go test
// lets the lessons wait, and one that never answers for as long as the engine does.
func TestADownloadThatIsCutOrSlowIsToldAsItGoes(t *testing.T) {
	takesLong(t, "the engine waits longer after each attempt")
	m := newMachineWithRegistry(t)

	once := m.pull(t, "127.0.0.1:5000/cut-once:1")
	assert.Equal(t, 0, once.ExitCode)
	assert.Regexp(t, `(?m)^127\.0\.0\.1:5000/cut-once:1: \S+: Retrying in \d+ seconds?$`, once.Stdout)

	always := m.pull(t, "127.0.0.1:5000/cut:1")
	assert.Equal(t, 0, always.ExitCode)
	assert.Regexp(t, `(?m)^    \S+: not provable here: 127\.0\.0\.1:5000/cut:1 is not here, and its registry can't be reached or breaks off \(.*EOF\); `+
		`run the same command again when it can be$`, always.Stdout)

	silent := m.pull(t, "127.0.0.1:5001/silent:1")
	assert.Equal(t, 0, silent.ExitCode)
	assert.Contains(t, silent.Stdout, "127.0.0.1:5001/silent:1 is not here yet: docker pull 127.0.0.1:5001/silent:1\n", "what it waits for")
	assert.Regexp(t, `(?m)^    \S+: not provable here: 127\.0\.0\.1:5001/silent:1 is not here, and its registry can't be reached`, silent.Stdout)
	assert.NotContains(t, silent.Stdout, "connection refused", "it should be there, and say nothing")

	late := m.lesson(t, "FAULTY_IMAGE=127.0.0.1:5000/slow:1 lesson -test.v -test.run TestAnImageIsThere -test.timeout 15s")
	assert.Equal(t, 1, late.ExitCode)
	assert.Regexp(t, `(?m)^    \S+: getting 127\.0\.0\.1:5000/slow:1: the time that go test gives all tests together is nearly over; `+
		"run `make images`, which takes the time it needs, and then this again$", late.Stdout)
	patient := m.pull(t, "127.0.0.1:5000/slow:1")
	assert.Equal(t, 0, patient.ExitCode)
	assert.Contains(t, patient.Stdout, "--- PASS: TestAnImageIsThere")
	m.hasNothingLeft(t)
}
