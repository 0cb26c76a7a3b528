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
		if why := telling(part.Transcript); why != "" {
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

// telling is, on one line, what a transcript says first about why it failed.
func telling(transcript string) string {
	var said, found, message []string
	label := ""
reading:
	for line := range strings.Lines(transcript) {
		prefix, cell := logged.FindString(line), testify.FindStringSubmatch(line)
		switch {
		case panicked.MatchString(line):
			return strings.TrimSpace(line)
		case prefix != "" && len(said)+len(found) > 0: // the next message
			break reading
		case prefix != "":
			said = strings.Fields(line[len(prefix):])
		case cell != nil:
			if cell[1] != "" {
				label = cell[1]
			} else if strings.TrimSpace(cell[2]) == "Diff:" { // says in many lines what has been said
				label = cell[2]
			}
			switch label {
			case "Error:":
				found = append(found, strings.Fields(cell[2])...)
			case "Messages:":
				message = append(message, strings.Fields(cell[2])...)
			}
		case len(said) > 0 && strings.HasPrefix(line, "        "): // testing indents a message's further lines
			said = append(said, strings.Fields(line)...)
		case len(said) > 0:
			break reading
		}
	}
	if len(found) > 0 {
		said = append(found, message...)
	}
	const enough = 300
	text := []rune(strings.Join(said, " "))
	if len(text) > enough {
		return string(text[:enough]) + " …"
	}
	return string(text)
}
