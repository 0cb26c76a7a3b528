// Package book makes the course a book: one HTML page that needs no network, with each lesson, each claim and its
// experiment as they are written, and what a run of the tests showed of them.
package book

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"docker-proven/internal/claim"
	"docker-proven/internal/proof"
)

var (
	//go:embed page/book.html.tmpl
	page string
	//go:embed page/book.css
	style string
	//go:embed page/book.js
	script string
	//go:embed page/minisearch.js
	minisearch string

	book = template.Must(template.New("book").Parse(page))
)

// write writes the book of the lessons in the repository at root, as the run showed them.
func write(out io.Writer, root string, run proof.Recorded) error {
	lessons, err := readLessons(root)
	if err != nil {
		return err
	}
	v := view{Run: run, Took: run.Ended.Sub(run.Began).Round(time.Second), Style: template.CSS(style),
		Search: template.JS(minisearch), Script: template.JS(script)}
	if v.Colours, err = colours(); err != nil {
		return err
	}
	anchors := map[string]bool{}
	for _, l := range lessons {
		anchors[l.name] = true
		for _, s := range l.sections {
			anchors[sectionAnchor(l.name, s.file)] = true
		}
	}
	packages := map[string]proof.Package{}
	for _, p := range run.Packages {
		packages[p.Name] = p
	}
	for _, l := range lessons {
		shown, err := show(root, l, packages[l.name], anchors)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		v.Lessons = append(v.Lessons, shown)
		v.add(shown.Counts)
		delete(packages, l.name)
	}
	v.ownTests(packages)
	v.gather()
	return book.Execute(out, v)
}

// WriteFile writes the book of the lessons in the repository at root into a file, of a run whose `go test -json` output is in
// the file run.
func WriteFile(name, root, run string) error {
	kept, err := os.Open(run)
	if err != nil {
		return err
	}
	defer kept.Close()
	recorded, err := proof.Read(kept)
	if err != nil {
		return fmt.Errorf("%s: %w", run, err)
	}
	var page bytes.Buffer // so that a book that can't be made leaves the one before it
	if err := write(&page, root, recorded); err != nil {
		return err
	}
	return os.WriteFile(name, page.Bytes(), 0o644)
}

// A view is what the page shows.
type view struct {
	Run  proof.Recorded
	Took time.Duration
	Counts
	Lessons    []*shownLesson
	Own        int            // how many of the course's own tests passed
	OwnFailed  []*shownClaim  // those that did not
	Failed     []*shownClaim  // all of the lessons' claims
	Troubled   []*shownLesson // lessons with a failure that is no claim's
	Unprovable []reason
	NotRun     []*shownLesson // lessons with claims that did not run
	StandIns   bool

	Style, Colours template.CSS
	Search, Script template.JS
}

// Counts are how many claims have which verdict. What did not finish has failed.
type Counts struct{ Proven, Failures, NotProvable, NotInRun int }

// All is how many claims there are.
func (c Counts) All() int { return c.Proven + c.Failures + c.NotProvable + c.NotInRun }

func (c *Counts) add(other Counts) {
	c.Proven += other.Proven
	c.Failures += other.Failures
	c.NotProvable += other.NotProvable
	c.NotInRun += other.NotInRun
}

func (c *Counts) count(v verdict) {
	switch {
	case v.Good():
		c.Proven++
	case v.Bad():
		c.Failures++
	case v == notRun:
		c.NotInRun++
	default:
		c.NotProvable++
	}
}

// A verdict is the run's, or that there is none.
type verdict proof.Verdict

const notRun verdict = "not in this run"

func (v verdict) Good() bool { return proof.Verdict(v) == proof.Proven }
func (v verdict) Bad() bool {
	return proof.Verdict(v) == proof.Failed || proof.Verdict(v) == proof.Unfinished
}

// Class is the verdict's name in the style sheet.
func (v verdict) Class() string {
	switch {
	case v.Good():
		return "proven"
	case v.Bad():
		return "failed"
	}
	return "open"
}

// Sign tells verdicts apart without colours.
func (v verdict) Sign() string {
	return map[string]string{"proven": "✓", "failed": "✗", "open": "○"}[v.Class()]
}

// A shownLesson is a lesson as the page shows it.
type shownLesson struct {
	Name, Title string
	Counts
	Introduction, Afterword template.HTML
	Sections                []shownSection
	Shared                  []shownCode
	Lost                    []*shownClaim // in the run, and no longer in the source
	Trouble, Said           string
}

// Number is the lesson's place in the course.
func (l *shownLesson) Number() string {
	return strings.TrimLeft(strings.TrimPrefix(l.Name, "module"), "0")
}

type shownSection struct {
	Anchor, Title, File string
	Claims              []*shownClaim
}

// A shownClaim is a claim, its experiment, and what came of it.
type shownClaim struct {
	Module, Anchor, Test, Sentence string
	Explanation                    template.HTML
	Source                         []shownCode
	Uses                           []use
	Verdict                        verdict
	Took                           string
	Why                            string
	Reasons                        []string // why it, or a part of it, is not provable
	Parts                          []shownPart
	Images                         []proof.Image
}

// A shownCode is a declaration in segments.
type shownCode struct {
	Anchor, Name string
	Segments     []shownSegment
	Commented    bool // whether any segment has a comment
}

type shownSegment struct{ Comment, Code template.HTML }

// A use is a link to what several experiments use.
type use struct{ Anchor, Name string }

type shownPart struct {
	Name     string // of a subtest
	Verdict  verdict
	Took     string
	Passages []passage
}

// A reason is why claims could not be proven.
type reason struct {
	Text   string
	Claims []*shownClaim
}

func sectionAnchor(module, file string) string {
	return module + "-" + strings.TrimSuffix(file, "_test.go")
}

func sharedAnchor(module, name string) string { return module + "-uses-" + name }

func show(root string, l lesson, run proof.Package, anchors map[string]bool) (*shownLesson, error) {
	intro, err := introduce(root, l, anchors)
	if err != nil {
		return nil, err
	}
	shown := &shownLesson{Name: l.name, Title: l.title, Introduction: intro.before, Afterword: intro.after,
		Trouble: strings.Trim(run.Trouble, "()"), Said: strings.TrimSpace(run.Said)}
	if l.readme == "" {
		if shown.Introduction, err = comment(l.about); err != nil {
			return nil, err
		}
	}
	results := map[string]proof.Claim{}
	for _, c := range run.Claims {
		results[c.Name] = c
	}
	for _, s := range l.sections {
		section := shownSection{Anchor: sectionAnchor(l.name, s.file), Title: s.title, File: l.name + "/" + s.file}
		for _, e := range s.claims {
			name := e.names[0]
			c, err := showClaim(l.name, e, results[name])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			delete(results, name)
			section.Claims = append(section.Claims, c)
			shown.count(c.Verdict)
		}
		shown.Sections = append(shown.Sections, section)
	}
	for _, c := range run.Claims {
		if _, lost := results[c.Name]; lost {
			claim := withResult(&shownClaim{Module: l.name, Test: c.Name}, c, "")
			shown.Lost = append(shown.Lost, claim)
			shown.count(claim.Verdict)
		}
	}
	for _, d := range l.shared {
		code, err := showCode(l.name, d, true)
		if err != nil {
			return nil, err
		}
		shown.Shared = append(shown.Shared, code)
	}
	return shown, nil
}

func showClaim(module string, e *experiment, result proof.Claim) (*shownClaim, error) {
	c := &shownClaim{Module: module, Test: e.names[0]}
	var err error
	if c.Explanation, err = comment(e.doc); err != nil {
		return nil, err
	}
	test, err := showCode(module, &e.declaration, false)
	if err != nil {
		return nil, err
	}
	c.Source = []shownCode{test}
	for _, d := range e.own {
		code, err := showCode(module, d, true)
		if err != nil {
			return nil, err
		}
		c.Source = append(c.Source, code)
	}
	for _, d := range e.shared {
		c.Uses = append(c.Uses, use{sharedAnchor(module, d.names[0]), strings.Join(d.names, ", ")})
	}
	return withResult(c, result, e.doc), nil
}

// withResult adds what came of the claim. A test that was not run has an empty result.
func withResult(c *shownClaim, result proof.Claim, doc string) *shownClaim {
	c.Anchor = c.Module + "-" + c.Test
	c.Sentence = claim.Sentence(c.Test)
	c.Verdict = verdict(result.Verdict)
	if result.Verdict == "" {
		c.Verdict = notRun
		return c
	}
	c.Took, c.Images = seconds(result.Took), result.Images
	c.because(result.Reason)
	var whys []string
	for _, p := range result.Parts {
		_, name, _ := strings.Cut(p.Test, "/")
		part := shownPart{Name: strings.ReplaceAll(name, "_", " "), Verdict: verdict(p.Verdict), Took: seconds(p.Took),
			Passages: passages(p.Transcript, doc)}
		c.Parts = append(c.Parts, part)
		c.because(p.Reason)
		if found := strings.Join(proof.Complaint(p.Transcript), "\n"); part.Verdict.Bad() && found != "" {
			if part.Name != "" {
				found = part.Name + ": " + found
			}
			whys = append(whys, found)
		}
	}
	slices.SortStableFunc(c.Parts, func(a, b shownPart) int { return a.rank() - b.rank() })
	c.Why = strings.Join(whys, "\n")
	if c.Verdict.Bad() && c.Why == "" {
		c.Why = "It says no more than that it " + string(c.Verdict) + "."
	}
	return c
}

// rank puts the experiments that failed before everything else.
func (p shownPart) rank() int {
	if p.Name != "" && p.Verdict.Bad() {
		return 0
	}
	return 1
}

// because notes a reason, if it is one and a new one.
func (c *shownClaim) because(reason string) {
	reason = strings.TrimPrefix(reason, "not provable here: ")
	if reason != "" && !slices.Contains(c.Reasons, reason) {
		c.Reasons = append(c.Reasons, reason)
	}
}

func seconds(took time.Duration) string { return fmt.Sprintf("%.1f s", took.Seconds()) }

// showCode shows a declaration. The comment of a test is its explanation, which is shown apart.
func showCode(module string, d *declaration, withDoc bool) (shownCode, error) {
	code := shownCode{Anchor: sharedAnchor(module, d.names[0]), Name: strings.Join(d.names, ", ")}
	for n, s := range d.segments {
		if n == 0 && withDoc {
			s.comment = d.doc
		}
		text, err := comment(s.comment)
		if err != nil {
			return shownCode{}, err
		}
		colouredCode, err := coloured(s.code)
		if err != nil {
			return shownCode{}, err
		}
		code.Segments = append(code.Segments, shownSegment{text, colouredCode})
		code.Commented = code.Commented || s.comment != ""
	}
	return code, nil
}

// ownTests takes what the run tells of packages that are no lessons.
func (v *view) ownTests(packages map[string]proof.Package) {
	for _, p := range v.Run.Packages {
		if _, left := packages[p.Name]; !left {
			continue
		}
		if p.Trouble != "" {
			v.OwnFailed = append(v.OwnFailed, &shownClaim{Module: p.Name, Sentence: strings.Trim(p.Trouble, "()"),
				Verdict: verdict(proof.Failed), Why: p.Said, Anchor: p.Name})
		}
		for _, c := range p.Claims {
			shown := withResult(&shownClaim{Module: p.Name, Test: c.Name}, c, "")
			if shown.Verdict.Good() {
				v.Own++
			} else if shown.Verdict.Bad() {
				v.OwnFailed = append(v.OwnFailed, shown)
			}
		}
	}
}

// gather collects from the lessons what the summary tells of them all.
func (v *view) gather() {
	because := map[string]int{}
	for _, l := range v.Lessons {
		if l.Trouble != "" {
			v.Troubled = append(v.Troubled, l)
		}
		if l.NotInRun > 0 {
			v.NotRun = append(v.NotRun, l)
		}
		for _, c := range l.claims() {
			if c.Verdict.Bad() {
				v.Failed = append(v.Failed, c)
			}
			for _, text := range c.Reasons { // some experiments of a proven claim may be not provable, too
				n, known := because[text]
				if !known {
					n = len(v.Unprovable)
					because[text] = n
					v.Unprovable = append(v.Unprovable, reason{Text: text})
				}
				v.Unprovable[n].Claims = append(v.Unprovable[n].Claims, c)
			}
		}
	}
	v.StandIns = slices.ContainsFunc(v.Run.Images, proof.Image.IsStandIn)
}

func (l *shownLesson) claims() []*shownClaim {
	var all []*shownClaim
	for _, s := range l.Sections {
		all = append(all, s.Claims...)
	}
	return append(all, l.Lost...)
}
