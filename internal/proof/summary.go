package proof

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// standin begins the origin of an image built in place of the original, as the course's tests word it in the attribute "image".
const standin = "stand-in"

// summary prints what the run proved.
func (r *report) summary(now time.Time) {
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	r.proven(w)
	r.notProvable(w)
	r.failures(w)
	r.worthALook(w)
	r.imagesUsed(w)
	if len(r.engines) > 0 {
		fmt.Fprintf(w, "\nEngine: %s\n", strings.Join(r.engines, "; "))
	}
	fmt.Fprintf(w, "\nTime: %s\n", now.Sub(r.began).Round(time.Second))
}

// interrupted prints where the run was stopped.
func (r *report) interrupted(now time.Time) {
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "\nInterrupted after %s; what follows is only what was known by then.\n", now.Sub(r.began).Round(time.Second))
	r.proven(w)
	r.failures(w)
	title := "\nRunning when interrupted:\n"
	for _, p := range r.sorted() {
		for _, name := range slices.Sorted(maps.Keys(p.running)) {
			if !p.running[name].waiting {
				fmt.Fprintf(w, "%s  %s\t%s\n", title, p.name, name)
				title = ""
			}
		}
	}
}

// green reports whether something passed and nothing failed. A run in which every test was skipped proves
// nothing, so it isn't green.
func (r *report) green() bool {
	passed := 0
	for _, p := range r.pkgs {
		if len(p.failed) > 0 {
			return false
		}
		passed += p.passed
	}
	return passed > 0
}

func (r *report) proven(w io.Writer) {
	claims, own, failed := 0, 0, 0
	var byPackage []string
	for _, p := range r.sorted() {
		failed += len(p.failed)
		switch {
		case p.passed == 0:
		case strings.HasPrefix(p.name, "internal/"):
			own += p.passed
		default:
			claims += p.passed
			byPackage = append(byPackage, fmt.Sprintf("  %s\t%d\n", p.name, p.passed))
		}
	}
	fmt.Fprintf(w, "\nProven: %s\n%s", plural(claims, "claim"), strings.Join(byPackage, ""))
	if own > 0 {
		fmt.Fprintf(w, "The project's own tests: %d passed\n", own)
	}
	if claims+own+failed == 0 {
		fmt.Fprintln(w, "No test passed, so this run proves nothing.")
	}
}

func (r *report) notProvable(w io.Writer) {
	byReason := map[string][]skip{}
	for _, s := range r.skips {
		byReason[s.reason] = append(byReason[s.reason], s)
	}
	if len(byReason) == 0 {
		return
	}
	fmt.Fprintf(w, "\nNot provable here: %d\n", len(r.skips))
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		fmt.Fprintf(w, "  %s\n", strings.TrimPrefix(reason, "not provable here: "))
		tests := byReason[reason]
		slices.SortFunc(tests, func(a, b skip) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test)) })
		for _, s := range tests {
			fmt.Fprintf(w, "    %s\t%s\n", s.pkg, s.test)
		}
	}
}

func (r *report) failures(w io.Writer) {
	title := "\nFailed:\n"
	for _, p := range r.sorted() {
		slices.Sort(p.failed)
		for _, name := range slices.Compact(p.failed) {
			fmt.Fprintf(w, "%s  %s\t%s\n", title, p.name, name)
			title = ""
		}
		if p.unrun > 0 {
			fmt.Fprintf(w, "  %s\t(and %s never ran)\n", p.name, plural(p.unrun, "waiting test"))
		}
	}
}

// worthALook is what tests have noticed that is no failure.
func (r *report) worthALook(w io.Writer) {
	title := "\nWorth a look:\n"
	for _, notice := range r.notices {
		fmt.Fprintf(w, "%s  %s\n", title, notice)
		title = ""
	}
}

func (r *report) imagesUsed(w io.Writer) {
	if len(r.images) == 0 {
		return
	}
	slices.SortFunc(r.images, func(a, b Image) int { return cmp.Compare(a.Ref, b.Ref) })
	fmt.Fprintf(w, "\nImages:\n")
	anyStandin := false
	for _, i := range r.images {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", i.Ref, short(i.Digest), i.Origin)
		anyStandin = anyStandin || i.IsStandIn()
	}
	if anyStandin {
		fmt.Fprint(w, `
A stand-in is built on this machine, because the image could not be pulled. It keeps the
original's name and contract, but it is not the original: what the lessons say about the original image is not
proven by this run. To use originals, make sure the registry can be reached and run: make clean-standins
`)
	}
}

// sorted is the packages by name: they start in whatever order they compile.
func (r *report) sorted() []*pkg {
	return slices.SortedFunc(slices.Values(r.pkgs), func(a, b *pkg) int { return cmp.Compare(a.name, b.name) })
}

// short is a digest's algorithm and first twelve digits, as docker prints them.
func short(digest string) string {
	algorithm, hex, found := strings.Cut(digest, ":")
	if !found || len(hex) <= 12 {
		return digest
	}
	return algorithm + ":" + hex[:12]
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
