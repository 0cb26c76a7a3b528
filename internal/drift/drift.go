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
		label = strings.TrimSuffix(filepath.Base(file), ".json")
		if parent := filepath.Base(filepath.Dir(file)); label == "run" && parent != "." {
			label = parent
		}
	}
	return Run{label, recorded}, nil
}

// Compare tells how several runs differ: module by module, image by image, claim by claim.
func Compare(w io.Writer, runs ...Run) {
	overview(w, runs)
	images(w, runs)
	all := claimsOf(runs)
	broken(w, runs, all)
	provenSomewhere(w, runs, all)
	known(w, runs, all)
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
	table(w, header, append([][]string{engines}, slices.SortedFunc(maps.Values(rows), func(a, b []string) int { return cmp.Compare(a[0], b[0]) })...))
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

// engineOf is the engine's name and version, without what else it says about itself.
func engineOf(run Run) string {
	var names []string
	for _, engine := range run.Engines {
		name, _, _ := strings.Cut(engine, " (")
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// images is which images each run used, those of one repository side by side.
func images(w io.Writer, runs []Run) {
	header := []string{"image"}
	byRepository := map[string][][]proof.Image{} // for each run
	for n, run := range runs {
		header = append(header, run.Label)
		for _, i := range run.Images {
			repository, _ := split(i.Ref)
			if byRepository[repository] == nil {
				byRepository[repository] = make([][]proof.Image, len(runs))
			}
			byRepository[repository][n] = append(byRepository[repository][n], i)
		}
	}
	var rows [][]string
	for _, repository := range sortedKeys(byRepository) {
		used := byRepository[repository]
		for line := range slices.MaxFunc(used, func(a, b []proof.Image) int { return len(a) - len(b) }) {
			row := []string{repository}
			for _, of := range used {
				if line < len(of) {
					row = append(row, describe(of[line]))
				} else {
					row = append(row, "")
				}
			}
			rows = append(rows, row)
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(w, "\n## Image by image\n\n")
		table(w, header, rows)
	}
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
func broken(w io.Writer, runs []Run, all []compared) {
	header := []string{"claim"}
	for _, run := range runs {
		header = append(header, run.Label)
	}
	var rows [][]string
	var reasons []string
	for _, c := range all {
		bad, good := c.first(proof.Failed, proof.Unfinished), c.first(proof.Proven)
		if bad < 0 {
			continue
		}
		row := []string{c.String()}
		for n := range runs {
			row = append(row, c.verdict(n))
		}
		changes := []change{{"it holds in none of these runs", "", ""}}
		if good >= 0 {
			changes = changesBetween(surroundings{c.in[good].Images, engineOf(runs[good])},
				surroundings{c.in[bad].Images, engineOf(runs[bad])})
		}
		for n, change := range changes {
			if n > 0 {
				row = slices.Repeat([]string{""}, len(row))
			}
			rows = append(rows, append(slices.Clip(row), change.what, change.from, change.to))
		}
		reasons = append(reasons, fmt.Sprintf("- %s, %s: %s\n", c, runs[bad].Label, c.in[bad].Why()))
	}
	fmt.Fprintf(w, "\n## Claims that broke\n\n")
	if len(rows) == 0 {
		fmt.Fprintln(w, "None: whatever could be tried holds in each of these runs.")
		return
	}
	table(w, append(header, "what differs", "holds with", "breaks with"), rows)
	fmt.Fprintf(w, "\nWhat was found instead:\n\n%s", strings.Join(reasons, ""))
}

// surroundings are what a claim was tried with.
type surroundings struct {
	images []proof.Image
	engine string
}

// A change is what differs between two surroundings.
type change struct{ what, from, to string }

// changesBetween pairs the images by repository: those that both have are no change.
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
	for _, repository := range sortedKeys(from) {
		changes = append(changes, change{repository, strings.Join(from[repository], " and "), strings.Join(to[repository], " and ")})
	}
	if before.engine != after.engine {
		changes = append(changes, change{"engine", before.engine, after.engine})
	}
	if changes == nil {
		changes = []change{{"no image and no engine", "", ""}}
	}
	return changes
}

// provenSomewhere tells of claims that one run proved and another one could not try.
func provenSomewhere(w io.Writer, runs []Run, all []compared) {
	var lines []string
	for _, c := range all {
		if own(c.pkg) || c.first(proof.Failed, proof.Unfinished) >= 0 || c.first(proof.Proven) < 0 {
			continue
		}
		if skipped := c.first(proof.NotProvable); skipped >= 0 {
			lines = append(lines, fmt.Sprintf("- %s, not with %s: %s\n", c, runs[skipped].Label, c.in[skipped].Why()))
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(w, "\n## Claims that only some of these runs could try\n\n%s", strings.Join(lines, ""))
	}
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
			lines = append(lines, fmt.Sprintf("- **%s**: %s (%s: %s)\n", k.Of, k.What, c, strings.Join(verdicts, ", ")))
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(w, "\n## Known differences\n\n%s", strings.Join(lines, ""))
	}
}
