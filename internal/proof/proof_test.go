package proof

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inModule makes a module with the course's path of the files and moves into it.
func inModule(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	files = maps.Clone(files)
	files["go.mod"] = "module " + module + "\n\ngo 1.26\n"
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	t.Chdir(dir)
}

// run runs the tests of the module and returns the exit code and what was printed, durations taken out.
func run(t *testing.T, args ...string) (code int, transcript, summary string) {
	t.Helper()
	var out bytes.Buffer
	code = Run(t.Context(), args, &out, io.Discard)
	text := regexp.MustCompile(`[\d.]+ ?s\b`).ReplaceAllString(out.String(), "N s")
	transcript, summary, found := strings.Cut(text, "\nProven: ")
	require.True(t, found, "no summary in:\n%s", text)
	return code, transcript, "Proven: " + summary
}

const passing = `package p
import "testing"
func TestHolds(t *testing.T) {
	t.Attr("image", "redis:7.0-alpine sha256:0123456789abcdef pulled")
	t.Attr("engine", "28.5.2 on linux/amd64")
	t.Attr("notice", "docker run has a new flag")
	t.Log("not shown")
}
`

const skipping = `package p
import "testing"
func TestElsewhere(t *testing.T) {
	defer t.Output().Write([]byte("$ docker rm web\n    web\n"))
	t.Log("before")
	t.Skip("not provable here: needs cgroup v1,\nwhich is absent")
}
func TestVariants(t *testing.T) {
	t.Run("one", func(t *testing.T) { t.Skip("needs cgroup v2,\nwhich is absent") })
	t.Run("two", func(t *testing.T) {})
}
func TestNoVariant(t *testing.T) { t.Run("one", func(t *testing.T) { t.Skip("needs cgroup v2,\nwhich is absent") }) }
func TestSilent(t *testing.T) { t.SkipNow() }
`

const failing = `package p
import ("fmt"; "os"; "testing")
func TestMain(m *testing.M) {
	fmt.Println("pulling redis:7.0-alpine")
	fmt.Fprintln(os.Stderr, "a notice")
	code := m.Run()
	os.Exit(code)
}
func TestBroken(t *testing.T) {
	t.Attr("image", "redis:7.0-alpine sha256:0123456789abcdef pulled")
	t.Log("first step")
	t.Run("inside", func(t *testing.T) { t.Error("expected this") })
	t.Log("last step")
}
func TestFine(t *testing.T) { t.Log("not shown") }
`

const panicking = `package p
import "testing"
func TestPanics(t *testing.T) { t.Log("before it"); panic("boom") }
func TestNeverReached(t *testing.T) {}
`

const exiting = `package p
import ("os"; "testing")
func TestExits(t *testing.T) { t.Log("about to exit"); os.Exit(3) }
func TestWaits(t *testing.T) { t.Parallel() }
`

const hanging = `package p
import "testing"
func TestHangs(t *testing.T) { select {} }
`

func TestAPassingRunIsSummarised(t *testing.T) {
	inModule(t, map[string]string{
		"module03/a_test.go":   passing,
		"module10/a_test.go":   skipping,
		"internal/x/a_test.go": passing,
		"tool/tool.go":         "package tool\n",
	})
	code, transcript, summary := run(t)

	assert.Equal(t, 0, code)
	lines := strings.Split(strings.TrimSpace(transcript), "\n")
	slices.Sort(lines)
	assert.Equal(t, []string{
		"?   \tdocker-proven/tool\t[no test files]",
		"ok  \tdocker-proven/internal/x\tN s",
		"ok  \tdocker-proven/module03\tN s",
		"ok  \tdocker-proven/module10\tN s",
	}, lines)
	assert.Equal(t, `Proven: 2 claims
  module03  1
  module10  1
The project's own tests: 1 passed

Not provable here: 4
  needs cgroup v2, which is absent
    module10  TestNoVariant/one
    module10  TestVariants/one
  no reason given
    module10  TestSilent
  needs cgroup v1, which is absent
    module10  TestElsewhere

Worth a look:
  docker run has a new flag

Images:
  redis:7.0-alpine  sha256:0123456789ab  pulled

Engine: 28.5.2 on linux/amd64

Time: N s
`, summary)
}

func TestFailuresAreShownOnceWithTheirTranscript(t *testing.T) {
	inModule(t, map[string]string{
		"module01/a_test.go": failing,
		"module02/a_test.go": panicking,
		"module03/a_test.go": exiting,
		"module04/a_test.go": "package p\nimport \"testing\"\nfunc TestTypo(t *testing.T) { undefined() }\n",
		"module05/a_test.go": "package p\nimport (\"os\"; \"testing\")\nfunc TestMain(*testing.M) { println(\"no engine\"); os.Exit(1) }\n",
		"module06/a_test.go": passing,
		"module07/a_test.go": hanging,
	})
	code, transcript, summary := run(t, "-timeout=2s")

	assert.Equal(t, 1, code)
	for _, want := range []string{
		"module01: pulling redis:7.0-alpine\n",
		"module01: a notice\n",
		"\n=== module01 TestBroken failed after N s\n" +
			"    a_test.go:11: first step\n" +
			"=== NAME  TestBroken/inside\n" +
			"    a_test.go:12: expected this\n" +
			"--- FAIL: TestBroken/inside (N s)\n" +
			"=== NAME  TestBroken\n" +
			"    a_test.go:13: last step\n" +
			"--- FAIL: TestBroken (N s)\n",
		"FAIL\tdocker-proven/module01\tN s\n",
		"\n=== module02 TestPanics failed after N s\n    a_test.go:3: before it\n",
		"panic: boom",
		"\n=== module03 TestExits did not finish\n    a_test.go:3: about to exit\n",
		"a_test.go:3:31: undefined: undefined\n",
		"FAIL\tdocker-proven/module04 [build failed]\n",
		"module05: no engine\n",
		"\n=== module07 TestHangs did not finish\npanic: test timed out after N s\n",
	} {
		assert.Equal(t, 1, strings.Count(transcript, want), "%q in:\n%s", want, transcript)
	}
	assert.NotContains(t, transcript, "not shown")
	assert.Equal(t, `Proven: 2 claims
  module01  1
  module06  1

Failed:
  module01  TestBroken
  module01  TestBroken/inside
  module02  TestPanics
  module03  TestExits (did not finish)
  module04  (does not compile)
  module05  (failed outside of its tests)
  module07  TestHangs (did not finish)

Worth a look:
  docker run has a new flag

Images:
  redis:7.0-alpine  sha256:0123456789ab  pulled

Engine: 28.5.2 on linux/amd64

Time: N s
`, summary)
}

func TestARunThatProvesNothingIsNotGreen(t *testing.T) {
	inModule(t, map[string]string{"module01/a_test.go": skipping})
	for args, why := range map[string]string{
		"-run=TestAbsent": "No test passed", "-run=TestSilent": "No test passed", "./absent": "does not compile",
	} {
		code, _, summary := run(t, args)
		assert.Equal(t, 1, code, args)
		assert.Contains(t, summary, why, args)
	}
}

// A learner's Ctrl-C has to reach the tests, so that they remove what they made.
func TestInterruptingReachesTheTests(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("not provable here: Windows has no signal for another process; Ctrl-C in its console reaches the tests without help")
	}
	inModule(t, map[string]string{"module01/a_test.go": `package p
import ("fmt"; "os"; "os/signal"; "testing")
func TestMain(m *testing.M) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	go func() { <-interrupts; close(gone); <-next; os.WriteFile("cleaned-up", nil, 0o644); os.Exit(1) }()
	fmt.Println("ready")
	m.Run()
}
var gone, next = make(chan struct{}), make(chan struct{})
func TestNeedsWhatIsGone(t *testing.T) { <-gone; t.Error("it is gone") }
func TestRuns(t *testing.T) { close(next); select {} }
`})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &until{text: "module01: ready", then: cancel}
	assert.Equal(t, 130, Run(ctx, nil, out, io.Discard))

	assert.Contains(t, out.got.String(), "\nInterrupted: the tests have up to 30 s")
	assert.Contains(t, out.got.String(), "\nInterrupted after ")
	assert.NotContains(t, out.got.String(), "Failed:")
	assert.Contains(t, out.got.String(), "Running when interrupted:\n  module01  TestNeedsWhatIsGone\n  module01  TestRuns\n")
	assert.NotErrorIs(t, ctx.Err(), context.DeadlineExceeded, "the test never said it was ready")
	assert.FileExists(t, "module01/cleaned-up")
}

// until keeps what is written and calls then once it has got text. It doesn't embed its buffer, whose other
// methods would be ways past Write.
type until struct {
	got  bytes.Buffer
	text string
	then func()
	once sync.Once
}

func (u *until) Write(p []byte) (int, error) {
	n, err := u.got.Write(p)
	if strings.Contains(u.got.String(), u.text) {
		u.once.Do(u.then)
	}
	return n, err
}

func TestWhatIsNoEventPassesThrough(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, time.Now())
	long := strings.Repeat("x", 1<<20)
	stream := &lines{emit: r.line}
	input := "go: a warning\n{\"not\":\"an event\"}\n\n" + long + "\n" +
		`{"Action":"output","Package":"docker-proven/module01","Output":"half "}` + "\n" +
		`{"Action":"output","Package":"docker-proven/module01","Output":"a line\n"}` + "\n" +
		`{"Action":"output","Package":"docker-proven/module01","Output":"no end"}` + "\n" +
		`{"Action":"pass","Package":"docker-proven/module01"}` + "\nlast"
	for chunk := range slices.Chunk([]byte(input), 1000) {
		stream.Write(chunk)
	}
	stream.flush()
	assert.Equal(t, "go: a warning\n{\"not\":\"an event\"}\n\n"+long+
		"\nmodule01: half a line\nmodule01: no end\nlast\n", out.String())
}

func TestProgressBreaksTheSilence(t *testing.T) {
	var out bytes.Buffer
	began := time.Now()
	r := newReport(&out, began)
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	tell := func(action, test string) {
		r.testEvent(r.pkg("docker-proven/module04"), event{Time: at(1000000), Action: action, Test: test}) // by a clock that has jumped
	}
	r.tick(at(19))
	assert.Empty(t, out.String())
	r.tick(at(20))
	assert.Equal(t, "… go is compiling tests\n", out.String())
	r.printed = began

	tell("run", "TestA")
	tell("pass", "TestA")
	tell("run", "TestB")
	tell("run", "TestB/sub")
	tell("run", "TestC")
	tell("pause", "TestC")
	out.Reset()
	r.tick(at(22))
	assert.Equal(t, "… module04: 1 passed, 1 waiting, running: TestB (22 s)\n", out.String())
}

func TestStandInsAreExplained(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, time.Now())
	for _, value := range []string{
		"redis:7.0-alpine sha256:0123456789abcdef stand-in built from Debian 12",
		"redis:7.0-alpine sha256:0123456789abcdef stand-in built from Debian 12",
		"app:latest - local",
	} {
		r.attribute(event{Key: "image", Value: value})
	}
	r.summary(time.Now())
	assert.Contains(t, out.String(), `
Images:
  app:latest        -                    local
  redis:7.0-alpine  sha256:0123456789ab  stand-in built from Debian 12

A stand-in is built on this machine`)
	assert.Contains(t, out.String(), "make clean-standins\n")
}

func TestPatternsAmongTheArgumentsReplaceAllPackages(t *testing.T) {
	for args, want := range map[string]string{
		"":                        "./...",
		"-run TestX/sub":          "./... -run TestX/sub",
		"./module04 -v":           "./module04 -v",
		"-v ./module0...":         "-v ./module0...",
		"docker-proven/module04":  "docker-proven/module04",
		"-args ./file":            "./... -args ./file",
		"-coverprofile=./c.out":   "./... -coverprofile=./c.out",
		". -args docker-proven/x": ". -args docker-proven/x",
	} {
		command := strings.TrimSpace(strings.Join(goTest(strings.Fields(args)), " "))
		assert.Regexp(t, `^test -json -count=1 -timeout=60m -parallel=\d+ `+regexp.QuoteMeta(want)+"$", command, args)
	}
}

func TestWhatTakesLongestBeginsFirst(t *testing.T) {
	t.Chdir("../..")
	command := goTest(nil)
	assert.Equal(t, []string{"./module06", "./module12", "./internal/standin", "./module11", "./..."}, command[len(command)-5:])
}
