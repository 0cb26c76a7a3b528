package course

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"

	"docker-proven/internal/claim"
	"docker-proven/internal/clean"
	"docker-proven/internal/configuration"
	"docker-proven/internal/image"
	"docker-proven/internal/shell"
)

// A lesson is what the words know about the test they are spoken in.
type lesson struct {
	t       *testing.T
	id      string // the value of LessonLabel
	round   int    // with -count, how often the test has begun before
	images  map[string]image.Facts
	log     bytes.Buffer // what testcontainers-go says: shown when the test fails
	mutex   sync.Mutex
	secrets []string // never shown in the transcript
	after   []func() // what is left to do when the lesson's containers are gone

	labelling string // see labellingDirectory
}

var lessons sync.Map // *testing.T → *lesson

var begun sync.Map // a test's name → *atomic.Int32, how often it has begun

var told sync.Map // a claim → true: the first test of it that speaks has told what it teaches

// lessonOf begins the lesson of t at the first word spoken in it. Unless a person reads along, lessons run in
// parallel from here on.
func lessonOf(t *testing.T) *lesson {
	if interruption.Load() {
		select {} // until the process ends
	}
	if known, ok := lessons.Load(t); ok {
		return known.(*lesson)
	}
	return beginLesson(t, !aloud())
}

func beginLesson(t *testing.T, inParallel bool) *lesson {
	before, _ := begun.LoadOrStore(t.Name(), new(atomic.Int32))
	round := int(before.(*atomic.Int32).Add(1)) - 1
	l := &lesson{t: t, id: lessonID(t), round: round, images: map[string]image.Facts{}}
	lessons.Store(t, l)
	if inParallel {
		t.Parallel()
	}
	if lost.Load() { // a lesson before has found out the long way
		if _, err := signOfLife(); err != nil {
			t.Fatal(err)
		}
	}
	l.attribute("engine", theEngine.String())
	claim, _, _ := strings.Cut(t.Name(), "/")
	if _, told := told.LoadOrStore(claim, true); !told {
		l.write(strings.TrimSpace(claims()[claim]) + "\n")
	}
	t.Cleanup(func() {
		lessons.Delete(t)
		if t.Failed() {
			l.explainFailure()
		}
		if !keeping() {
			if naive() {
				l.stopNaively()
			}
			if err := removeAll(LessonLabel + "=" + l.id); err != nil {
				t.Error(err)
			}
		}
		for _, do := range l.after {
			do()
		}
	})
	if err := startReaper(); err != nil {
		t.Fatalf("the reaper, which removes what a killed test leaves, does not start: %v", err)
	}
	return l
}

// A Part is a part of a lesson that needs none of the others.
type Part struct {
	Name    string
	Perform func(t *testing.T)
}

// Together performs parts of a lesson, each as a subtest: at the same time, unless a person reads along. It returns when
// all have ended. None waits for a turn of its own, as other lessons do: they have the turn of theirs.
func Together(t *testing.T, parts ...Part) {
	lessonOf(t)
	var performing sync.WaitGroup
	for _, part := range parts {
		perform := func() {
			t.Run(part.Name, func(t *testing.T) {
				beginLesson(t, false)
				part.Perform(t)
			})
		}
		if aloud() {
			perform()
		} else {
			performing.Go(perform)
		}
	}
	performing.Wait()
}

// attribute tells the summary of `make test` something. To a person who reads along it would be noise.
func (l *lesson) attribute(key, value string) {
	if !aloud() {
		l.t.Attr(key, value)
	}
}

// claims maps each test of the package to the comment that teaches it, read from the package's own source.
var claims = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	files, _ := filepath.Glob("*_test.go")
	for _, file := range files {
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			continue
		}
		for _, declaration := range source.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				found[function.Name.Name] = function.Doc.Text()
			}
		}
	}
	return found
})

func (l *lesson) explainFailure() {
	test, _, _ := strings.Cut(l.t.Name(), "/")
	l.write("\nThe claim that failed: " + claim.Sentence(test) + "\n")
	for _, ref := range slices.Sorted(maps.Keys(l.images)) {
		l.write("Image:  " + l.images[ref].String() + "\n")
	}
	l.write("Engine: " + theEngine.String() + "\n")
	if l.log.Len() > 0 {
		l.write("testcontainers-go said:\n" + indent(l.log.String(), "    "))
	}
	if restarted, err := signOfLife(); err != nil {
		return // what removes the lesson's things says so
	} else if restarted {
		l.write("The engine was gone for a moment while this lesson ran, as when it is restarted: run the lesson again.\n")
	}
	// https://docs.docker.com/engine/cli/proxy/
	if learners := configuration.Learners(); len(learners.Proxies) > 0 {
		l.write("The docker command gives each container the proxies of " + filepath.Join(learners.Directory, "config.json") + ", which may be " +
			"why: some programs ask them for other containers, too. To run the lesson without them, let DOCKER_CONFIG name a " +
			"copy of that directory whose config.json has no proxies.\n")
	}
	state := l.engineState()
	if len(state.settings) > 0 {
		l.write("This engine is configured with " + strings.Join(state.settings, " and ") + ", which may be why. To run the lesson without " +
			"that, have an engine started for it: `make test ENGINE=docker:28-dind`.\n")
	}
	if state.free >= 0 && state.free < littleRoom {
		l.write(fmt.Sprintf("The engine's disk has %d MB free, which may be why: make room, `docker system df` tells what "+
			"takes it, and run the lesson again.\n", state.free>>20))
	}
}

// Printf is where testcontainers-go logs to.
func (l *lesson) Printf(format string, values ...any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	fmt.Fprintf(&l.log, format+"\n", values...)
	if os.Getenv("COURSE_DEBUG") != "" {
		fmt.Fprintf(os.Stderr, format+"\n", values...)
	}
}

func (l *lesson) write(text string) { fmt.Fprint(l.t.Output(), l.masked(text)) }

// masked is a text without the lesson's secrets.
func (l *lesson) masked(text string) string {
	for _, secret := range l.secrets {
		text = strings.ReplaceAll(text, secret, "********")
	}
	return text
}

// command narrates what a learner would type.
func (l *lesson) command(words ...string) { l.write("$ " + shell.Quote(words) + "\n") }

// result narrates the telling lines of what came out: all of them when they are few, else both ends.
func (l *lesson) result(r Result) {
	const head, tail = 3, 9
	output := strings.TrimRight(r.Output(), "\r\n ")
	lines := strings.Split(output, "\n")
	for n, line := range lines { // of a line that was written over and over, a terminal shows the last state
		line = strings.TrimRight(line, "\r")
		lines[n] = line[strings.LastIndex(line, "\r")+1:]
	}
	if len(lines) > head+tail {
		omitted := fmt.Sprintf("... (%d lines)", len(lines)-head-tail)
		lines = slices.Concat(lines[:head], []string{omitted}, lines[len(lines)-tail:])
	}
	if output != "" {
		l.write(indent(strings.Join(lines, "\n"), "    "))
	}
	if r.ExitCode != 0 && r.expected {
		l.write(fmt.Sprintf("  exit status %d, as expected\n", r.ExitCode))
	} else if r.ExitCode != 0 {
		l.write(fmt.Sprintf("  exit status %d\n", r.ExitCode))
	}
}

// Notice tells the learner, and the summary of `make test`, something that is no failure and yet worth a look.
func Notice(t *testing.T, format string, values ...any) {
	t.Helper()
	l := lessonOf(t)
	text := fmt.Sprintf(format, values...)
	l.write("# " + text + "\n")
	l.attribute("notice", text)
}

// Say tells the learner something that no command shows.
func Say(t *testing.T, format string, values ...any) {
	lessonOf(t).write("# " + fmt.Sprintf(format, values...) + "\n")
}

// Show shows the learner a text that no command prints, all of it.
func Show(t *testing.T, text string) {
	lessonOf(t).write(indent(text, "    "))
}

// Secret makes up a password for this lesson, which its transcript never shows.
func Secret(t *testing.T) string {
	l := lessonOf(t)
	secret := randomWord(20)
	l.secrets = append(l.secrets, secret)
	return secret
}

// obtain makes sure the image is there, and remembers which one it was for the summary. A test whose image can't
// be had on this machine is skipped with that reason; one whose image is refused, or can't be built, fails.
func (l *lesson) obtain(i image.Image) string {
	l.t.Helper()
	ctx := context.Background()
	if deadline, limited := l.t.Deadline(); limited {
		var cancel func()
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-10*time.Second), errors.New("the time that go test gives "+
			"all tests together is nearly over; run `make images`, which takes the time it needs, and then this again"))
		defer cancel()
	}
	facts, err := image.Obtain(ctx, i.Ref(), os.Stderr)
	var unavailable *image.UnavailableError
	if errors.As(err, &unavailable) && os.Getenv("COURSE_STANDINS") != "never" {
		l.t.Skipf("not provable here: %v", err)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	if _, known := l.images[facts.Ref]; !known {
		l.images[facts.Ref] = facts
		l.attribute("image", facts.String())
	}
	return facts.Ref
}

// Eventually asks again until the answer is yes, and fails the test when it never is, or when the engine is gone. The
// limit is meant for the slowest machine: an answer that comes early ends the wait early.
func Eventually(t *testing.T, what string, answer func() bool) {
	t.Helper()
	eventually(t, patience, what, answer)
}

func eventually(t *testing.T, limit time.Duration, what string, answer func() bool) {
	t.Helper()
	lessonOf(t)
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	alive := time.NewTicker(5 * time.Second)
	defer alive.Stop()
	for {
		asked := time.Now()
		if answer() {
			return
		}
		// Of what the machine can do, asking takes a quarter at most: what is asked about has to get on, too.
		const least, most = 20 * time.Millisecond, 5 * time.Second
		select {
		case <-deadline.C:
			t.Fatalf("waited %v in vain: %s", limit, what)
		case <-t.Context().Done():
			t.Fatalf("interrupted while waiting: %s", what)
		case <-alive.C:
			if _, err := signOfLife(); err != nil {
				t.Fatalf("waited in vain: %s: %v", what, err)
			}
		case <-time.After(min(max(least, 3*time.Since(asked)), most)):
		}
	}
}

// TakesLessThan asserts that what an experiment measures takes less time than the limit. A machine that is busy with other
// things, as with other lessons, is slow now and then: the experiment has three tries, until one of them does.
func TakesLessThan(t *testing.T, limit time.Duration, what string, experiment func() time.Duration) {
	t.Helper()
	took := experiment()
	for range 2 {
		if took < limit {
			break
		}
		Say(t, "%s: %v, perhaps because the machine was busy. Once more:", what, took)
		took = experiment()
	}
	Say(t, "%s: %v.", what, took)
	if took >= limit {
		t.Errorf("%s it took %v, and should take less than %v", what, took, limit)
	}
}

// patience is how long a word waits for the engine. Emulated machines are ten times slower than a laptop. COURSE_PATIENCE
// is another time, such as 30s, for those who have reason to expect failures.
var patience, badPatience = patienceFrom(os.Getenv("COURSE_PATIENCE"))

func patienceFrom(setting string) (time.Duration, error) {
	if setting == "" {
		return 3 * time.Minute, nil
	}
	other, err := time.ParseDuration(setting)
	if err != nil || other <= 0 {
		return 0, fmt.Errorf("COURSE_PATIENCE=%q is no time to wait: set it to one such as 30s or 10m, or unset it for 3m", setting)
	}
	return other, nil
}

// patiently is for one question to the engine: its context ends with the test, and when a lesson has waited as long as it may.
func patiently(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), patience)
}

// longPatience is patience for the building of images, in which compilers run and packages are fetched, for what compiles or
// fetches packages elsewhere, for handing images to another engine, and for what compose does with an application: its services become healthy
// one after the other, and their tests run.
var longPatience = 5 * patience

// patienceFor is how long a command may take, or may be asked again.
func patienceFor(arguments []string) time.Duration {
	if slices.Contains(arguments, "build") || slices.Contains(arguments, "compose") || slices.ContainsFunc(arguments, fetches.MatchString) {
		return longPatience
	}
	return patience
}

// fetches matches a line for a shell that fetches packages, which takes longer on a slow line.
var fetches = regexp.MustCompile(`\b(apt-get|apk|npm) `)

// labels are on everything a lesson makes: the course's own, and those by which the reaper finds it.
func (l *lesson) labels() map[string]string {
	labels := labelsOfThisRun()
	labels[LessonLabel] = l.id
	return labels
}

func labelsOfThisRun() map[string]string {
	labels := testcontainers.GenericLabels()
	labels[clean.Label] = thisRun
	return labels
}

// LabelFlags are the flags for a docker command that makes something, and is performed in another way than by the words of this
// package. What it makes has this lesson's labels then, and goes when the lesson is killed.
func LabelFlags(t *testing.T) []string { return flagsFor(lessonOf(t).labels()) }

// Hide keeps a secret out of this lesson's transcript, too, that another lesson has made up, or that is another spelling
// of one.
func Hide(t *testing.T, secret string) {
	l := lessonOf(t)
	l.secrets = append(l.secrets, secret)
}

// Typed narrates a command that the lesson performs in its own way, and what came of it.
func Typed(t *testing.T, output string, words ...string) {
	l := lessonOf(t)
	l.command(words...)
	l.result(Result{Stdout: output})
}
