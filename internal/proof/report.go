package proof

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// module is the course's module path; package names are shown without it.
const module = "docker-proven"

// event is a line of `go test -json`.
type event struct {
	Time        time.Time
	Action      string
	Package     string
	Test        string
	Elapsed     float64 // seconds
	Output      string
	Key, Value  string // of an attribute: t.Attr(Key, Value)
	FailedBuild string // set when the package did not compile
}

// report prints what events tell as they come and keeps what the summary needs.
type report struct {
	out     io.Writer
	began   time.Time
	printed time.Time // when something was last printed
	pkgs    []*pkg    // in the order they started

	stopping bool // interrupted: what ends now did not fail by itself

	first, last time.Time       // of the events
	built       strings.Builder // what the compiler said

	skips   []skip
	images  []Image
	engines []string
	notices []string
}

// pkg is a package under test.
type pkg struct {
	name    string // without the module path
	done    bool
	output  *lines            // what it prints outside of tests
	running map[string]*claim // top-level tests begun and not ended, by name
	passed  int               // top-level tests
	failed  []string          // tests, subtests included, and failures of the package itself
	took    time.Duration
	unrun   int // top-level tests that waited for their turn when the package ended early
	ended   []Claim
	said    strings.Builder // what output has handed on
}

// claim is a top-level test under way.
type claim struct {
	since      time.Time // begun or continued, by the clock that only goes forward
	waiting    bool      // paused by t.Parallel until others end
	passed     int       // subtests
	skipped    int       // subtests
	transcript []entry
	images     []Image
	endings    map[string]ending    // of the test and its subtests, by name
	resumed    map[string]time.Time // when the test or a subtest was last paused or continued, by name
}

func elapsed(e event) time.Duration { return time.Duration(e.Elapsed * float64(time.Second)) }

// ending is how a test or a subtest ended.
type ending struct {
	verdict Verdict
	took    time.Duration
}

// entry is a piece of a transcript: output of a claim's test or of one of its subtests.
type entry struct {
	test, text string
	at         time.Time
}

type skip struct{ pkg, test, reason string }

func newReport(out io.Writer, now time.Time) *report {
	return &report{out: out, began: now, printed: now}
}

func (r *report) print(text string) {
	io.WriteString(r.out, text)
	r.printed = time.Now()
}

// stop is called before the tests are interrupted.
func (r *report) stop() {
	r.stopping = true
	r.print(fmt.Sprintf("\nInterrupted: the tests have up to %.0f s to remove what they made.\n", grace.Seconds()))
}

// line takes a line of go test's standard output. What is no event is passed through.
func (r *report) line(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		r.print(line)
		return
	}
	if r.first.IsZero() || e.Time.Before(r.first) && !e.Time.IsZero() { // several runs in one file have any order
		r.first = e.Time
	}
	if e.Time.After(r.last) {
		r.last = e.Time
	}
	switch {
	case e.Action == "build-output":
		r.built.WriteString(e.Output)
		r.print(e.Output)
	case e.Package == "":
	case e.Test == "":
		r.packageEvent(r.pkg(e.Package), e)
	default:
		r.testEvent(r.pkg(e.Package), e)
	}
}

// pkg finds the package, or begins it.
func (r *report) pkg(path string) *pkg {
	name := strings.TrimPrefix(path, module+"/")
	for _, p := range r.pkgs {
		if p.name == name {
			return p
		}
	}
	p := &pkg{name: name, running: map[string]*claim{}}
	p.output = &lines{emit: func(line string) { r.packageLine(p, line) }}
	r.pkgs = append(r.pkgs, p)
	return p
}

func (r *report) packageEvent(p *pkg, e event) {
	switch e.Action {
	case "output":
		io.WriteString(p.output, e.Output)
	case "pass", "skip":
		p.output.flush()
		p.done, p.took = true, elapsed(e)
	case "fail":
		p.output.flush()
		p.done, p.took = true, elapsed(e)
		if r.stopping {
			return
		}
		r.abandon(p)
		if e.FailedBuild != "" {
			p.failed = append(p.failed, "(does not compile)")
		} else if len(p.failed) == 0 {
			p.failed = append(p.failed, "(failed outside of its tests)")
		}
	}
}

// packageLine shows go test's closing line of a package as it is, and a package's own output under its name.
func (r *report) packageLine(p *pkg, line string) {
	switch {
	case line == "PASS\n", line == "FAIL\n", strings.HasPrefix(line, "=== "):
	case strings.HasPrefix(line, "ok  \t"), strings.HasPrefix(line, "FAIL\t"), strings.HasPrefix(line, "?   \t"):
		r.print(line)
	default:
		p.said.WriteString(line)
		r.print(p.name + ": " + line)
	}
}

// abandon fails the claims of a package that ended before them: it panicked, timed out or called os.Exit.
func (r *report) abandon(p *pkg) {
	for _, name := range slices.Sorted(maps.Keys(p.running)) {
		c := p.running[name]
		if c.waiting {
			p.unrun++
			continue
		}
		p.failed = append(p.failed, name+" (did not finish)")
		p.ended = append(p.ended, c.account(name, Unfinished))
		r.print(fmt.Sprintf("\n=== %s %s did not finish\n%s\n", p.name, name, c))
	}
	clear(p.running)
}

func (r *report) testEvent(p *pkg, e event) {
	name, _, isSub := strings.Cut(e.Test, "/")
	if e.Action == "run" && !isSub && !strings.HasPrefix(name, "Benchmark") { // a benchmark has no closing event
		p.running[name] = &claim{since: time.Now(), endings: map[string]ending{}, resumed: map[string]time.Time{}}
		return
	}
	c, known := p.running[name]
	if !known { // a benchmark, or what a goroutine printed after its test ended
		c = &claim{endings: map[string]ending{}, resumed: map[string]time.Time{}}
		if e.Action == "output" {
			io.WriteString(p.output, e.Output)
		}
	}
	if e.Action == "fail" && r.stopping {
		return // it stays among what ran when it was interrupted
	}
	switch e.Action {
	case "pause", "cont":
		c.resumed[e.Test] = e.Time
		if !isSub {
			c.since, c.waiting = time.Now(), e.Action == "pause"
		}
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") {
			c.transcript = append(c.transcript, entry{e.Test, e.Output, e.Time})
		}
	case "attr":
		r.attribute(e)
		if e.Key == "image" {
			c.images = noteImage(c.images, e.Value)
		}
	case "pass":
		c.end(e, Proven)
	case "skip":
		c.end(e, NotProvable)
		r.skips = append(r.skips, skip{p.name, e.Test, c.reason(e.Test)})
	case "fail":
		c.end(e, Failed)
		p.failed = append(p.failed, e.Test)
	}
	if isSub {
		switch e.Action {
		case "pass":
			c.passed++
		case "skip":
			c.skipped++
		}
		return
	}
	switch e.Action {
	case "pass":
		verdict := NotProvable // a claim is not proven by experiments that were all skipped
		if c.passed > 0 || c.skipped == 0 {
			p.passed++
			verdict = Proven
		}
		p.ended = append(p.ended, c.account(name, verdict))
		delete(p.running, name)
	case "skip":
		p.ended = append(p.ended, c.account(name, NotProvable))
		delete(p.running, name)
	case "fail":
		p.ended = append(p.ended, c.account(name, Failed))
		r.print(fmt.Sprintf("\n=== %s %s failed after %.1f s\n%s\n", p.name, name, e.Elapsed, c))
		delete(p.running, name)
	}
}

// attribute notes an image ("<reference> <digest> <where from>"), an engine, or something worth a look, once.
func (r *report) attribute(e event) {
	switch e.Key {
	case "engine":
		if !slices.Contains(r.engines, e.Value) {
			r.engines = append(r.engines, e.Value)
		}
	case "notice":
		if !slices.Contains(r.notices, e.Value) {
			r.notices = append(r.notices, e.Value)
		}
	case "image":
		r.images = noteImage(r.images, e.Value)
	}
}

// noteImage adds the image that an attribute tells of, unless it is among the images.
func noteImage(images []Image, attribute string) []Image {
	ref, rest, _ := strings.Cut(attribute, " ")
	digest, origin, _ := strings.Cut(rest, " ")
	if slices.ContainsFunc(images, func(seen Image) bool { return seen.Ref == ref && seen.Digest == digest }) {
		return images
	}
	return append(images, Image{ref, digest, origin})
}

// String is the claim's transcript. A switch from one of its tests to another is marked as go test -v does.
func (c *claim) String() string {
	var b strings.Builder
	last := ""
	for _, e := range c.transcript {
		closing := strings.HasPrefix(strings.TrimLeft(e.text, " "), "--- ") // names its test itself
		if e.test != last && !closing && (last != "" || strings.Contains(e.test, "/")) {
			fmt.Fprintf(&b, "=== NAME  %s\n", e.test)
		}
		last = e.test
		b.WriteString(e.text)
	}
	return b.String()
}

var logged = regexp.MustCompile(`^\s*[\w.-]+\.go:\d+: `)

// reason is what t.Skip was told: the test's last logged message, or without one its last line. What the test prints after
// the message, as when it cleans up, is no part of it.
func (c *claim) reason(test string) string {
	var reason string
	var said []string // by the test, a line each
	for _, e := range c.transcript {
		if text := strings.TrimSpace(e.text); e.test == test && text != "" && !strings.HasPrefix(text, "--- SKIP: ") {
			said = append(said, e.text)
			reason = text
		}
	}
	for n, line := range slices.Backward(said) {
		place := logged.FindString(line)
		if place == "" {
			continue
		}
		reason = strings.TrimSpace(line[len(place):])
		for _, further := range said[n+1:] {
			if !strings.HasPrefix(further, "        ") { // testing indents a message's further lines
				break
			}
			reason += " " + strings.TrimSpace(further)
		}
		break
	}
	return cmp.Or(reason, "no reason given")
}

// tick says what is running when nothing was printed for a while.
func (r *report) tick(now time.Time) {
	if now.Sub(r.printed) < silence {
		return
	}
	said := false
	for _, p := range r.pkgs {
		if !p.done {
			r.print("… " + p.progress(now) + "\n")
			said = true
		}
	}
	if !said {
		r.print("… go is compiling tests\n")
	}
}

// progress is for example "module04: 31 passed, 4 waiting, running: TestX (12 s), TestY (3 s)".
func (p *pkg) progress(now time.Time) string {
	var running []string
	waiting := 0
	for _, name := range slices.Sorted(maps.Keys(p.running)) {
		c := p.running[name]
		if c.waiting {
			waiting++
			continue
		}
		running = append(running, fmt.Sprintf("%s (%.0f s)", name, now.Sub(c.since).Seconds()))
	}
	if len(running) == 0 {
		running = []string{"what the package does before or after its tests"}
	}
	return fmt.Sprintf("%s: %d passed, %d waiting, running: %s", p.name, p.passed, waiting, strings.Join(running, ", "))
}
