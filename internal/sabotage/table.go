package sabotage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// unnoticeable are the faults that no claim can notice, and why.
var unnoticeable = map[string]string{
	"apparmor": "only a kernel with AppArmor makes a difference",
}

// enough is how many tests that caught a fault are quoted: of some faults there are hundreds.
const enough = 10

// A tally is what came of a fault.
type tally struct {
	caught, missed, unreached []string // tests
}

func (f *findings) tally(fault string) (t tally) {
	for _, name := range slices.Sorted(maps.Keys(f.Tests)) {
		v, done := f.Tests[name].Verdicts[fault]
		switch {
		case !done:
		case v.Unreached:
			t.unreached = append(t.unreached, name)
		case v.Caught:
			t.caught = append(t.caught, name)
		default:
			t.missed = append(t.missed, name)
		}
	}
	return t
}

// scope is the modules that are in the table, those whole and those of which it has some tests.
func (f *findings) scope() (modules []string) {
	tests := map[string]int{}
	for name := range f.Tests {
		tests[module(name)]++
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		if f.Recorded[name] == "" {
			name = fmt.Sprintf("some of %s", name)
		}
		modules = append(modules, name)
	}
	return modules
}

// since is the day of the oldest verdict, or today.
func (f *findings) since() string {
	oldest := today()
	for _, test := range f.Tests {
		for _, verdict := range test.Verdicts {
			oldest = min(oldest, verdict.On)
		}
	}
	return oldest
}

// holes are the faults that were planted and that nothing has noticed, though something could.
func (f *findings) holes() (names []string) {
	for _, fault := range Faults {
		if t := f.tally(fault.Name); len(t.caught) == 0 && len(t.missed) > 0 && unnoticeable[fault.Name] == "" {
			names = append(names, fault.Name)
		}
	}
	return names
}

// summary is a sentence or two of figures.
func (f *findings) summary() string {
	faults, noticed, planted, caught, left := 0, 0, 0, 0, 0
	for _, test := range f.Tests {
		for _, fault := range test.Applies {
			if _, done := test.Verdicts[fault]; !done {
				left++
			}
		}
	}
	for _, fault := range Faults {
		t := f.tally(fault.Name)
		if len(t.caught)+len(t.missed) == 0 {
			continue
		}
		faults++
		planted += len(t.caught) + len(t.missed)
		caught += len(t.caught)
		if len(t.caught) > 0 {
			noticed++
		}
	}
	text := fmt.Sprintf("%d of %d faults were noticed by at least one claim. They were planted %d times, each time into the "+
		"requests of one test, and %d of these tests failed.", noticed, faults, planted, caught)
	if left > 0 {
		text += fmt.Sprintf(" %d times more they could be planted, and have not been yet.", left)
	}
	return text
}

const introduction = `# What if something goes wrong, and nobody says so?

A course whose tests can't fail proves nothing. So ` + "`make sabotage`" + ` puts a proxy between the lessons and the engine, which
drops or alters one thing in what one test asks for: a mount, a limit, a variable, a flag. The engine answers as always.
The test should fail. A fault that no test notices is a hole in the course.

Each fault is planted into every test whose requests have what it drops, one fault at a time in each test. In a table of
flags each row counts as a test. That a test didn't notice is no fault of it when it is about something else: that
--rm is dropped is seen by those that are about --rm.

Nothing is planted into the requests for containers of images with an engine in them (docker's own, k3s, BuildKit) and for
the reaper: without them the lessons that use them fail before they begin. What is asked of a throwaway engine passes a
proxy of its own, but for images that are loaded into it and what all lessons prepare together. Of Kubernetes, it is the
manifests that are copied into the cluster's container, in which a field is dropped wherever it is, and kubectl commands that
aren't performed. Of builds it is the options (arguments, target, platform and the like), the secrets and the instructions of the
Dockerfile, all of a kind at once, that are tampered with: not the flags of a single instruction, nor .dockerignore, nor what is
exported and imported (--output, --tag, caches), nor builds that Compose asks for, nor those in a builder that is a container.
Nor is what the docker command and Compose do by themselves, such as the order in which services start. The registry's API is not tampered with. The address
of a published port is left as it is, and filters (of ps, of prune) are dropped on throwaway engines only: a lesson must not
touch what isn't the course's, whatever goes wrong.
Tests that run other tests, and those of the READMEs, are left out.

What a failing test said first is the reader's hint whether it failed for the right reason.
`

// table is the findings for readers.
func (f *findings) table() string {
	var page strings.Builder
	page.WriteString(introduction)
	fmt.Fprintf(&page, "\nWritten by `make sabotage` on %s; planted since %s. Modules: %s. %s.\n\n%s\n", today(), f.since(),
		strings.Join(f.scope(), ", "), f.Engine, f.summary())

	page.WriteString("\n| fault | what goes wrong | planted | caught | not noticed | for example |\n|---|---|--:|--:|--:|---|\n")
	var absent []string
	for _, fault := range Faults {
		t := f.tally(fault.Name)
		if len(t.caught)+len(t.missed) == 0 {
			absent = append(absent, fault.Name)
			continue
		}
		example := unnoticeable[fault.Name]
		if name, said := f.telling(fault.Name, t.caught); name != "" {
			example = name + ": " + said
		} else if example == "" {
			example = "a hole"
		}
		fmt.Fprintf(&page, "| %s | %s | %d | %d | %d | %s |\n", fault.Name, cell(fault.What), len(t.caught)+len(t.missed),
			len(t.caught), len(t.missed), cell(example))
	}
	if len(absent) > 0 {
		fmt.Fprintf(&page, "\nNo request of these modules has what these drop: %s.\n", strings.Join(absent, ", "))
	}
	f.flagTable(&page)
	if len(f.Unusable) > 0 {
		page.WriteString("\n## Left out because they fail without a fault, through the proxy\n\n")
		for _, name := range slices.Sorted(maps.Keys(f.Unusable)) {
			fmt.Fprintf(&page, "- %s: %s\n", name, cell(f.Unusable[name]))
		}
	}

	page.WriteString("\n## Fault by fault\n")
	for _, fault := range Faults {
		t := f.tally(fault.Name)
		if len(t.caught)+len(t.missed) == 0 {
			continue
		}
		fmt.Fprintf(&page, "\n<details><summary>%s: %s. Caught by %d of %d</summary>\n\n", fault.Name, fault.What, len(t.caught),
			len(t.caught)+len(t.missed))
		if len(t.caught) > 0 {
			page.WriteString("| caught by | which said |\n|---|---|\n")
			quoted := t.caught[:min(enough, len(t.caught))]
			for _, name := range quoted {
				fmt.Fprintf(&page, "| %s | %s |\n", cell(name), cell(f.Tests[name].Verdicts[fault.Name].Said))
			}
			if others := t.caught[len(quoted):]; len(others) > 0 {
				fmt.Fprintf(&page, "\nAnd by %d more, whose words are in [findings.json](findings.json): %s\n", len(others), cell(strings.Join(others, ", ")))
			}
		}
		if len(t.missed) > 0 {
			fmt.Fprintf(&page, "\nNot noticed by: %s\n", cell(strings.Join(t.missed, ", ")))
		}
		if len(t.unreached) > 0 {
			fmt.Fprintf(&page, "\nNot reached, because another test did it first or the lesson failed before, and not counted: %s\n",
				cell(strings.Join(t.unreached, ", ")))
		}
		page.WriteString("\n</details>\n")
	}
	return page.String()
}

// telling is the claim to name as an example: one whose name has the fault's word in it, if there is one.
func (f *findings) telling(fault string, caught []string) (name, said string) {
	if len(caught) == 0 {
		return "", ""
	}
	name = caught[0]
	if n := slices.IndexFunc(caught, func(test string) bool { return wordOf(test, fault) }); n >= 0 {
		name = caught[n]
	}
	return name, f.Tests[name].Verdicts[fault].Said
}

// wordOf is whether a test's name has the fault's.
func wordOf(test, fault string) bool {
	plain := strings.NewReplacer("-", "", "_", "")
	return strings.Contains(strings.ToLower(plain.Replace(test)), plain.Replace(fault))
}

// flagTable is what came of each row of the tables of flags when its own flag was dropped.
func (f *findings) flagTable(page *strings.Builder) {
	const tables = "module08.TestFlags"
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(f.Tests)) {
		if !strings.HasPrefix(name, tables) {
			continue
		}
		_, row, isRow := strings.Cut(name, "/")
		fault := faultOf(row)
		v, planted := f.Tests[name].Verdicts[fault]
		if !isRow || !planted || v.Unreached {
			continue
		}
		verdict := "**still holds**"
		if v.Caught {
			verdict = "fails"
		}
		t := f.tally(fault)
		others := len(slices.DeleteFunc(t.caught, func(other string) bool { return !strings.HasPrefix(other, tables) || other == name }))
		lines = append(lines, fmt.Sprintf("| %s | %s | %d | %s |", cell(row), verdict, others, cell(v.Said)))
	}
	if len(lines) == 0 {
		return
	}
	page.WriteString("\n## The flags of module08\n\nEach row of its tables, with the row's own flag taken out of the request on its " +
		"way to the engine. Rows that don't have\nthe flag are asked for as always, so they can't fail; how many others that have it fail, too, is in the third column.\n\n" +
		"| row | without its flag it | others that fail | and says |\n|---|---|--:|---|\n")
	page.WriteString(strings.Join(lines, "\n") + "\n")
}

// faultOf is the fault that drops the flag of a row, whose name begins with the flag.
func faultOf(row string) string {
	flag, value, _ := strings.Cut(strings.TrimLeft(row, "-"), "_")
	switch flag {
	case "env-file":
		return "env"
	case "label-file":
		return "label"
	case "security-opt":
		name, _, _ := strings.Cut(value, "=")
		return name
	}
	return flag
}

// cell is a text for a cell of a table.
func cell(text string) string {
	text = strings.TrimPrefix(text, "Received unexpected error: ")
	text = strings.TrimSuffix(text, " Diff:")
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ", "*", `\*`, "_", `\_`, "`", "'").Replace(text)
}
