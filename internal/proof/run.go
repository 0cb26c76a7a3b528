package proof

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Verdict is what came of a claim, or of one of its experiments.
type Verdict string

const (
	Proven      Verdict = "proven"
	Failed      Verdict = "failed"
	Unfinished  Verdict = "did not finish"
	NotProvable Verdict = "not provable here"
)

// A Recorded run is all that the output of `go test -json` tells.
type Recorded struct {
	Began, Ended     time.Time
	Packages         []Package // by name
	Images           []Image   // by reference
	Engines, Notices []string
	Compiler         string // what the compiler said about packages that do not compile
}

// A Package is a lesson, or a package of the course's own.
type Package struct {
	Name    string // without the module path
	Claims  []Claim
	Took    time.Duration
	Trouble string // what failed that is no test, such as "(does not compile)"
	Said    string // what it printed outside of its tests
	Unrun   int    // how many claims waited for their turn when the package ended early
}

// A Claim is a top-level test.
type Claim struct {
	Name    string
	Verdict Verdict
	Took    time.Duration
	Reason  string // why it is not provable here
	Parts   []Part // the test itself, if it said something, and its subtests
	Images  []Image
	Wait    Wait          // the longest
	Waited  time.Duration // for commands, all together
	Built   time.Duration // of that, for builds: docker build, and compose where it is told to build
}

// A Wait is the time between two lines of a transcript.
type Wait struct {
	Took time.Duration
	For  string // the command that had been typed; or, when it had printed something already, what the lesson did after it
}

// A Part is what a test or a subtest told. Subtests that ran at the same time are apart from each other here.
type Part struct {
	Test       string
	Verdict    Verdict
	Took       time.Duration
	Reason     string // why it is not provable here
	Transcript string
}

// An Image is one that a claim used.
type Image struct{ Ref, Digest, Origin string }

// IsStandIn is whether the image was built in place of the original.
func (i Image) IsStandIn() bool { return strings.HasPrefix(i.Origin, standin) }

// Short is the digest as docker prints it.
func (i Image) Short() string { return short(i.Digest) }

// Read reads the output of `go test -json`. Lines that are no events are passed over, since a run that was kept with
// its standard error has some. A run that was cut off has unfinished claims.
func Read(run io.Reader) (Recorded, error) {
	r := newReport(io.Discard, time.Now())
	stream := &lines{emit: r.line}
	if _, err := bufio.NewReader(run).WriteTo(stream); err != nil {
		return Recorded{}, err
	}
	stream.flush()
	if len(r.pkgs) == 0 {
		return Recorded{}, errors.New("this is no output of `go test -json`: no line of it tells of a test")
	}
	return r.recorded(), nil
}

func (r *report) recorded() Recorded {
	recorded := Recorded{Began: r.first, Ended: r.last, Images: r.images, Engines: r.engines, Notices: r.notices,
		Compiler: r.built.String()}
	slices.SortFunc(recorded.Images, func(a, b Image) int { return strings.Compare(a.Ref, b.Ref) })
	for _, p := range r.sorted() {
		if !p.done {
			p.output.flush()
			r.abandon(p)
		}
		kept := Package{Name: p.name, Claims: p.ended, Took: p.took, Said: p.said.String(), Unrun: p.unrun}
		for _, failed := range p.failed {
			if strings.HasPrefix(failed, "(") { // what is no test's name
				kept.Trouble = failed
			}
		}
		recorded.Packages = append(recorded.Packages, kept)
	}
	return recorded
}

func (c *claim) end(e event, verdict Verdict) {
	c.endings[e.Test] = ending{verdict, elapsed(e)}
}

// account is what is kept of a claim that has ended.
func (c *claim) account(name string, verdict Verdict) Claim {
	account := Claim{Name: name, Verdict: verdict, Images: c.images}
	slices.SortFunc(account.Images, func(a, b Image) int { return strings.Compare(a.Ref, b.Ref) })
	at := map[string]int{}
	for _, e := range c.transcript {
		if strings.HasPrefix(strings.TrimLeft(e.text, " "), "--- ") {
			continue // the verdict says it
		}
		n, known := at[e.test]
		if !known {
			n = len(account.Parts)
			at[e.test] = n
			account.Parts = append(account.Parts, Part{Test: e.test})
		}
		account.Parts[n].Transcript += e.text
	}
	for _, test := range slices.Sorted(maps.Keys(c.endings)) { // one that said nothing
		if _, known := at[test]; !known && test != name {
			at[test] = len(account.Parts)
			account.Parts = append(account.Parts, Part{Test: test})
		}
	}
	for n := range account.Parts {
		part := &account.Parts[n]
		ending, ended := c.endings[part.Test]
		if part.Test == name {
			ending.verdict = verdict
		} else if !ended {
			ending.verdict = Unfinished
		}
		part.Verdict, part.Took = ending.verdict, ending.took
		if part.Verdict == NotProvable {
			part.Reason = c.reason(part.Test)
		}
		if account.Reason == "" {
			account.Reason = part.Reason
		}
	}
	if verdict == NotProvable && account.Reason == "" {
		account.Reason = c.reason(name)
	}
	for wait := range c.waits() {
		if wait.Took > account.Wait.Took {
			account.Wait = wait.Wait
		}
		if wait.command {
			account.Waited += wait.Took
			if building.MatchString(wait.For) {
				account.Built += wait.Took
			}
		}
	}
	for _, ending := range c.endings { // subtests that ran in parallel don't count for the test's own time
		account.Took = max(account.Took, ending.took)
	}
	return account
}

// A wait is one in which a command may have been under way.
type wait struct {
	Wait
	command bool
}

// waits are the waits of the claim's tests, but for those in which one waits for what its subtests do.
func (c *claim) waits() iter.Seq[wait] {
	type told struct {
		at      time.Time
		command string
		printed bool // the command has printed something, and so has ended, as a rule
	}
	return func(yield func(wait) bool) {
		last := map[string]told{} // what a test has told so far, by the test
		for _, e := range c.transcript {
			before, closing := last[e.test], strings.HasPrefix(strings.TrimLeft(e.text, " "), "--- ")
			since := before.at
			if resumed := c.resumed[e.test]; resumed.After(since) {
				since = resumed // until then it waited for its turn
			}
			w := wait{Wait: Wait{Took: e.at.Sub(since), For: before.command}}
			switch {
			case closing:
				w.For = "removing what it has made"
			case before.command == "":
				w.For = "its first command"
			case before.printed:
				w.For = "what it does after " + before.command
			default:
				w.command = true
			}
			if !before.at.IsZero() && !yield(w) {
				return
			}
			for slash := strings.LastIndexByte(e.test, '/'); slash > 0; slash = strings.LastIndexByte(e.test[:slash], '/') {
				if parent := e.test[:slash]; !last[parent].at.IsZero() {
					last[parent] = told{e.at, last[parent].command, true}
				}
			}
			line := strings.TrimSpace(e.text)
			if prompt := prompted.FindString(line); prompt != "" {
				last[e.test] = told{e.at, line[len(prompt):], false}
			} else {
				last[e.test] = told{e.at, before.command, before.printed || !strings.HasPrefix(line, "(again and again")}
			}
		}
	}
}

// prompted is the prompt before a command: a dollar sign, and before it the engine and the directory that are not the
// learner's own.
var prompted = regexp.MustCompile(`^([\w.-]+ ){0,2}\$ `)

// building is a command that builds images.
var building = regexp.MustCompile(`\bdocker ((image |builder |buildx )?build|buildx bake|compose ([^|]* )?(build|.*--build))( |$)`)
