// Package readme holds a module's README to what it says: its console blocks are performed and their output compared, and
// its list of claims is that of the package's tests.
//
// In a console block, a line that begins with `$ ` is a command, and lines up to the end of a here-document or after a
// backslash belong to it. What follows is its output, in which `...` stands for what varies: within a line for any text,
// alone on a line for any number of lines. A block that is not performed has a comment before it that says why:
// <!-- not performed: reason -->. Commands that would run the course itself are only looked up. Blocks of another kind, such as sh,
// are to be read: of them, it is the images that they name which are held to those of the course.
package readme

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// References are all that looks like an image's name and tag in the content's blocks, of whichever kind.
func References(content string) (references []string) {
	for n, part := range strings.Split("\n"+content, "\n```") {
		if n%2 == 1 { // between two marks
			references = append(references, reference.FindAllString(part, -1)...)
		}
	}
	return references
}

var reference = regexp.MustCompile(`[\w./-]+:[\w.-]+`)

// A Step is a command and what the README says it prints.
type Step struct {
	Line     int    // of the README, on which the command stands; the first is 1
	Section  string // the title over it
	Command  string
	Expected []string
}

// Steps are the steps of all console blocks that are to be performed, in the order in which they stand.
func Steps(content string) (steps []Step) {
	inside, skipped, hereDocument := false, false, ""
	previous, section := "", ""
	for n, line := range strings.Split(content, "\n") {
		last := len(steps) - 1
		switch {
		case !inside && line == "```console":
			inside, skipped = true, notPerformed.MatchString(previous)
		case inside && line == "```":
			inside = false
		case !inside:
			if title, found := strings.CutPrefix(line, "## "); found {
				section = title
			}
		case skipped:
		case hereDocument != "":
			steps[last].Command += "\n" + line
			if line == hereDocument {
				hereDocument = ""
			}
		case strings.HasPrefix(line, "$ "):
			steps = append(steps, Step{Line: n + 1, Section: section, Command: line[2:]})
			if found := hereDocumentStart.FindStringSubmatch(line); found != nil {
				hereDocument = found[1]
			}
		case last >= 0 && strings.HasSuffix(steps[last].Command, "\\") && len(steps[last].Expected) == 0:
			steps[last].Command += "\n" + line
		default:
			steps[last].Expected = append(steps[last].Expected, line)
		}
		if strings.TrimSpace(line) != "" {
			previous = line
		}
	}
	return steps
}

var (
	notPerformed      = regexp.MustCompile(`^<!-- not performed: .+ -->$`)
	hereDocumentStart = regexp.MustCompile(`<<'(\w+)'$`)
)

// matches is whether output is what is expected, in which `...` stands for what varies.
func matches(expected []string, output string) bool {
	var pattern strings.Builder
	pattern.WriteString(`^`)
	for _, line := range expected {
		if line == "..." {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		var parts []string
		for _, part := range strings.Split(strings.TrimRight(line, " "), "...") {
			parts = append(parts, regexp.QuoteMeta(part))
		}
		pattern.WriteString(strings.Join(parts, `.*`) + ` *\n`)
	}
	pattern.WriteString(`$`)
	if output != "" && !strings.HasSuffix(output, "\n") {
		output += "\n"
	}
	output = strings.ReplaceAll(output, "\r\n", "\n") // of a terminal
	return regexp.MustCompile(pattern.String()).MatchString(output)
}

// withOutput is the README with what a step really printed in place of what it says.
func withOutput(content string, step Step, output string) string {
	lines := strings.Split(content, "\n")
	from := step.Line - 1 + strings.Count(step.Command, "\n") + 1
	replaced := append([]string{}, lines[:from]...)
	if output = strings.TrimRight(output, "\n"); output != "" {
		replaced = append(replaced, strings.Split(output, "\n")...)
	}
	return strings.Join(append(replaced, lines[from+len(step.Expected):]...), "\n")
}

// Claims are the tests that the README lists, by the file under whose link it lists them.
func Claims(content string) map[string][]string {
	claims, file := map[string][]string{}, ""
	for _, line := range strings.Split(content, "\n") {
		if found := section.FindStringSubmatch(line); found != nil {
			file = found[1]
		} else if found := claim.FindStringSubmatch(line); found != nil {
			claims[file] = append(claims[file], found[1])
		}
	}
	return claims
}

// withClaims is the README with other claims in place of those that it lists under the link of a file.
func withClaims(content, file string, names []string) string {
	var lines []string
	current, written := "", false
	for _, line := range strings.Split(content, "\n") {
		if found := section.FindStringSubmatch(line); found != nil {
			current = found[1]
		}
		if current != file || !claim.MatchString(line) {
			lines = append(lines, line)
			continue
		}
		for _, name := range names {
			if !written {
				lines = append(lines, fmt.Sprintf("- `%s`", name))
			}
		}
		written = true
	}
	return strings.Join(lines, "\n")
}

var (
	section = regexp.MustCompile(`^\*\*.+\*\* \(\[(\w+_test\.go)\]\(\w+_test\.go\)\)$`)
	claim   = regexp.MustCompile("^- `(Test\\w+)`$")
	test    = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
)

// Tests are the names of the tests in a file of Go source, in their order.
func Tests(file string) (names []string, err error) {
	content, err := os.ReadFile(file)
	for _, found := range test.FindAllStringSubmatch(string(content), -1) {
		names = append(names, found[1])
	}
	return names, err
}
