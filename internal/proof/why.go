package proof

import (
	"regexp"
	"strings"
)

// Why is the telling lines of what failed, the first experiment's that did: what testify found, or what the test said.
func (c Claim) Why() string {
	for _, part := range c.Parts {
		if part.Verdict != Failed && part.Verdict != Unfinished {
			continue
		}
		if why := InOneLine(Complaint(part.Transcript), 300); why != "" {
			return why
		}
	}
	if c.Verdict == NotProvable {
		return strings.TrimPrefix(c.Reason, "not provable here: ")
	}
	return string(c.Verdict)
}

var (
	panicked = regexp.MustCompile(`^(?:panic|fatal error): `)
	// testify's messages are a table of labels and texts; a text's further lines have no label.
	testify = regexp.MustCompile(`^ +\t(\w[\w ]*:|) *\t(.*)`)
)

// Complaint is the first thing that a test found wrong, line by line, as its transcript has it: what it logged, or how it
// panicked. Of a message of testify's it is the test's own words, then what was found, without the place and the difference.
func Complaint(transcript string) []string {
	var said, found, own []string
	label := ""
reading:
	for line := range strings.Lines(transcript) {
		prefix, cell := logged.FindString(line), testify.FindStringSubmatch(line)
		text := strings.TrimSpace(line)
		switch {
		case panicked.MatchString(line):
			return []string{text}
		case prefix != "" && len(said)+len(found) > 0: // the next message
			break reading
		case prefix != "":
			said = told(said, line[len(prefix):])
		case cell != nil:
			if cell[1] != "" {
				label = cell[1]
			} else if strings.TrimSpace(cell[2]) == "Diff:" { // says in many lines what has been said
				label = cell[2]
			}
			switch label {
			case "Error:":
				found = told(found, cell[2])
			case "Messages:":
				own = told(own, cell[2])
			}
		case len(said) > 0 && strings.HasPrefix(line, "        "): // testing indents a message's further lines
			said = told(said, text)
		case len(said) > 0:
			break reading
		}
	}
	switch {
	case len(found) == 0:
		return said
	case len(own) > 0:
		own[len(own)-1] += ":"
	}
	return append(own, found...)
}

// told appends a line that has words in it.
func told(lines []string, line string) []string {
	if line = strings.TrimSpace(line); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// InOneLine is what a test found wrong without its line breaks, cut off after so many characters.
func InOneLine(complaint []string, enough int) string {
	text := []rune(strings.Join(strings.Fields(strings.Join(complaint, " ")), " "))
	if len(text) > enough {
		return string(text[:enough]) + " …"
	}
	return string(text)
}
