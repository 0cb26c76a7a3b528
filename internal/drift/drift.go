// Package drift compares runs of the course: with the images that lessons name and with those of today, on one engine and
// on another, last night and tonight. It tells which claims hold in one run and not in the other, and what was different
// then: an image by its digest, or the engine. It writes Markdown whose tables read well in a terminal, too.
package drift

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"docker-proven/internal/image"
	"docker-proven/internal/proof"
)

// A Run is one that was kept, under the name by which the comparison calls it.
type Run struct {
	Label string
	proof.Recorded
}

// ReadFile reads a run that was kept in a file. Without a label the file's name is one, or for a run.json its directory's.
func ReadFile(file, label string) (Run, error) {
	kept, err := os.Open(file)
	if err != nil {
		return Run{}, err
	}
	defer kept.Close()
	recorded, err := proof.Read(kept)
	if err != nil {
		return Run{}, fmt.Errorf("%s: %w", file, err)
	}
	if label == "" {
		label = strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".json"), "run-")
		if parent := filepath.Base(filepath.Dir(file)); label == "run" && parent != "." {
			label = parent
		}
	}
	return Run{label, recorded}, nil
}

// Compare tells how several runs differ: module by module, claim by claim, image by image. It returns whether no claim failed.
func Compare(w io.Writer, runs ...Run) (holds bool) {
	all := claimsOf(runs)
	overview(w, runs)
	holds = broken(w, runs, all)
	provenSomewhere(w, runs, all)
	images(w, runs)
	known(w, runs, all)
	return holds
}

// overview is how many claims of each module came out which way in each run.
func overview(w io.Writer, runs []Run) {
	header, engines := []string{""}, []string{"engine"}
	rows := map[string][]string{}
	for n, run := range runs {
		header = append(header, run.Label)
		engines = append(engines, engineOf(run))
		for _, p := range run.Packages {
			if own(p.Name) || len(p.Claims) == 0 && p.Trouble == "" {
				continue
			}
			if rows[p.Name] == nil {
				rows[p.Name] = append([]string{p.Name}, slices.Repeat([]string{"did not run"}, len(runs))...)
			}
			rows[p.Name][n+1] = counts(p)
		}
	}
	fmt.Fprintf(w, "## Module by module\n\n")
	byName := slices.SortedFunc(maps.Values(rows), func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	table(w, header, append([][]string{engines}, byName...))
}

// own is whether a package is one of the project's own, whose tests are no claims.
func own(name string) bool { return strings.HasPrefix(name, "internal/") }

// counts is for example "31 proven, 1 failed, 2 not provable".
func counts(p proof.Package) string {
	number := map[proof.Verdict]int{}
	for _, c := range p.Claims {
		number[c.Verdict]++
	}
	var words []string
	for _, v := range []proof.Verdict{proof.Proven, proof.Failed, proof.Unfinished, proof.NotProvable} {
		if number[v] > 0 {
			words = append(words, fmt.Sprintf("%d %s", number[v], strings.TrimSuffix(string(v), " here")))
		}
	}
	if p.Unrun > 0 {
		words = append(words, fmt.Sprintf("%d never ran", p.Unrun))
	}
	if p.Trouble != "" {
		words = append(words, strings.Trim(p.Trouble, "()"))
	}
	return strings.Join(words, ", ")
}

// engineOf is the versions of the engine and of the docker command, without what else a run says about them.
func engineOf(run Run) string {
	var names []string
	for _, engine := range run.Engines {
		names = append(names, versions.ReplaceAllString(engine, "$1, docker command $2"))
	}
	return strings.Join(names, "; ")
}

var versions = regexp.MustCompile(`^(?:Docker )?(.*?) \(API [^,]*, docker command ([^)]*)\).*`)

// images is which images each run used: what several runs call the same side by side, and else what is of one repository.
func images(w io.Writer, runs []Run) {
	header := []string{"image"}
	type line struct {
		repository, ref string // no reference where only one run has that one
		number          int    // of such
	}
	used := map[line][]string{} // of each run
	for n, run := range runs {
		header = append(header, run.Label)
		unshared := map[string]int{}
		for _, i := range run.Images {
			repository, _ := split(i.Ref)
			at := line{repository, i.Ref, 0}
			if !shared(runs, i.Ref) {
				at = line{repository, "", unshared[repository]}
				unshared[repository]++
			}
			if used[at] == nil {
				used[at] = make([]string, len(runs))
			}
			used[at][n] = describe(i)
		}
	}
	inOrder := slices.SortedFunc(maps.Keys(used), func(a, b line) int {
		return cmp.Or(cmp.Compare(a.repository, b.repository), cmp.Compare(a.ref, b.ref), cmp.Compare(a.number, b.number))
	})
	var rows [][]string
	var same []string
	for _, at := range inOrder {
		different := slices.Compact(slices.DeleteFunc(slices.Clone(used[at]), func(i string) bool { return i == "" }))
		if at.ref != "" && len(different) == 1 {
			same = append(same, at.repository+":"+different[0])
			continue
		}
		rows = append(rows, append([]string{at.repository}, used[at]...))
	}
	if len(used) > 0 {
		fmt.Fprintf(w, "\n## Image by image\n")
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		table(w, header, rows)
	}
	list(w, "The same wherever they were used:", same)
}

// shared is whether several runs used an image of that reference.
func shared(runs []Run, ref string) bool {
	number := 0
	for _, run := range runs {
		if slices.ContainsFunc(run.Images, func(i proof.Image) bool { return i.Ref == ref }) {
			number++
		}
	}
	return number > 1
}

// split takes the tag off a reference.
func split(ref string) (repository, tag string) {
	if colon := strings.LastIndexByte(ref, ':'); colon > strings.LastIndexByte(ref, '/') {
		return ref[:colon], ref[colon+1:]
	}
	return ref, ""
}

// describe is an image's tag, digest and origin, short.
func describe(i proof.Image) string {
	_, tag := split(i.Ref)
	text := tag + " " + i.Short()
	if i.IsStandIn() {
		text += ", " + strings.Replace(i.Origin, " built here from", " from", 1)
	}
	return text
}

// A compared claim is what came of one claim in each of several runs.
type compared struct {
	pkg, name string
	in        []*proof.Claim // nil where it did not run
}

// claimsOf are the claims of all runs, the project's own tests included.
func claimsOf(runs []Run) []compared {
	type key struct{ pkg, name string }
	found := map[key]*compared{}
	for n, run := range runs {
		for _, p := range run.Packages {
			for _, c := range p.Claims {
				k := key{p.Name, c.Name}
				if found[k] == nil {
					found[k] = &compared{p.Name, c.Name, make([]*proof.Claim, len(runs))}
				}
				found[k].in[n] = &c
			}
		}
	}
	var all []compared
	for c := range maps.Values(found) {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b compared) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.name, b.name)) })
	return all
}

func (c compared) String() string { return c.pkg + " " + c.name }

// first is the first run in which the claim came out so, and -1 when there is none.
func (c compared) first(verdicts ...proof.Verdict) int {
	return slices.IndexFunc(c.in, func(c *proof.Claim) bool { return c != nil && slices.Contains(verdicts, c.Verdict) })
}

func (c compared) verdict(run int) string {
	if c.in[run] == nil {
		return "did not run"
	}
	return string(c.in[run].Verdict)
}

// broken tells of the claims that failed in a run, and what was different in one where they held.
func broken(w io.Writer, runs []Run, all []compared) (none bool) {
	header := []string{"claim"}
	for _, run := range runs {
		header = append(header, run.Label)
	}
	found := failures{header: header}
	for _, c := range all {
		bad, good := c.first(proof.Failed, proof.Unfinished), c.first(proof.Proven)
		if bad < 0 {
			continue
		}
		row := []string{c.String()}
		for n := range runs {
			row = append(row, c.verdict(n))
		}
		tried := surroundings{c.in[bad].Images, engineOf(runs[bad])}
		held := surroundings{nil, tried.engine}
		if good >= 0 {
			held = surroundings{c.in[good].Images, engineOf(runs[good])}
		}
		found.add(row, held, tried, fmt.Sprintf("%s, %s: %s", c, runs[bad].Label, c.in[bad].Why()))
	}
	for _, run := range runs {
		found.trouble(run)
	}
	found.write(w)
	return len(found.reasons) == 0
}

// failures are claims that broke, for a table and for a list of what was found instead.
type failures struct {
	header  []string
	rows    [][]string
	reasons []string
}

// add adds a claim, with a line of the table for each image that is another one than when the claim held.
func (f *failures) add(row []string, held, tried surroundings, reason string) {
	for n, change := range changesBetween(held, tried) {
		if n > 0 {
			row = make([]string, len(row))
		}
		f.rows = append(f.rows, slices.Concat(row, []string{change.what, change.from, change.to}))
	}
	f.reasons = append(f.reasons, reason)
}

// trouble adds what failed in a run that is no claim: packages that do not compile, for example.
func (f *failures) trouble(run Run) {
	for _, p := range run.Packages {
		if p.Trouble != "" {
			f.reasons = append(f.reasons, fmt.Sprintf("%s, %s: %s", p.Name, run.Label, strings.Trim(p.Trouble, "()")))
		}
	}
}

func (f *failures) write(w io.Writer) {
	fmt.Fprintf(w, "\n## Claims that broke\n\n")
	if len(f.reasons) == 0 {
		fmt.Fprintln(w, "None: what could be tried holds.")
		return
	}
	if len(f.rows) > 0 {
		table(w, append(f.header, "tried with", "holds with", "breaks with"), f.rows)
	}
	list(w, "What was found instead:", f.reasons)
}

// surroundings are what a claim was tried with.
type surroundings struct {
	images []proof.Image
	engine string
}

// A change is what differs between two surroundings.
type change struct{ what, from, to string }

// changesBetween pairs the images by repository: those that both have are no change. Where nothing has changed, it is all
// that there was.
func changesBetween(before, after surroundings) (changes []change) {
	without := func(images, others []proof.Image) map[string][]string {
		left := map[string][]string{}
		for _, i := range images {
			if !slices.ContainsFunc(others, func(o proof.Image) bool { return o.Ref == i.Ref && o.Digest == i.Digest }) {
				repository, _ := split(i.Ref)
				left[repository] = append(left[repository], describe(i))
			}
		}
		return left
	}
	from, to := without(before.images, after.images), without(after.images, before.images)
	for repository := range to {
		from[repository] = from[repository][:len(from[repository]):len(from[repository])] // so that it has all names
	}
	for _, repository := range slices.Sorted(maps.Keys(from)) {
		changes = append(changes, change{repository, strings.Join(from[repository], " and "), strings.Join(to[repository], " and ")})
	}
	if before.engine != after.engine {
		changes = append(changes, change{"engine", before.engine, after.engine})
	}
	if changes != nil {
		return changes
	}
	for _, i := range after.images {
		repository, _ := split(i.Ref)
		changes = append(changes, change{repository, describe(i), describe(i)})
	}
	return append(changes, change{"engine", before.engine, after.engine})
}

// provenSomewhere tells of claims that one run proved and another one could not try.
func provenSomewhere(w io.Writer, runs []Run, all []compared) {
	var lines []string
	for _, c := range all {
		if own(c.pkg) || c.first(proof.Failed, proof.Unfinished) >= 0 || c.first(proof.Proven) < 0 {
			continue
		}
		if skipped := c.first(proof.NotProvable); skipped >= 0 {
			lines = append(lines, fmt.Sprintf("%s, not with %s: %s", c, runs[skipped].Label, c.in[skipped].Why()))
		}
	}
	list(w, "## Claims that only some of these runs could try", lines)
}

// known explains the differences that the course knows, as far as they concern these runs.
func known(w io.Writer, runs []Run, all []compared) {
	var lines []string
	for _, k := range image.KnownDifferences {
		for _, c := range all {
			if c.pkg != k.Module || c.name != k.Claim {
				continue
			}
			var verdicts []string
			for n, run := range runs {
				verdicts = append(verdicts, c.verdict(n)+" with "+run.Label)
			}
			lines = append(lines, fmt.Sprintf("**%s**: %s (%s: %s)", k.Of, k.What, c, strings.Join(verdicts, ", ")))
		}
	}
	list(w, "## Known differences", lines)
}
