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
	for line := range strings.Lines(transcript) {
		if panicked.MatchString(line) {
			return strings.TrimSpace(line)
		}
		if prefix := logged.FindString(line); prefix != "" {
			if len(found) > 0 {
				break // the next message
			}
			if text := strings.TrimSpace(line[len(prefix):]); text != "" && len(said) == 0 {
				said = append(said, text)
			}
		}
		cell := testify.FindStringSubmatch(line)
		if cell == nil {
			continue
		}
		if cell[1] != "" {
			label = cell[1]
		} else if strings.TrimSpace(cell[2]) == "Diff:" {
			label = cell[2] // says in lines what has been said
		}
		switch label {
		case "Error:":
			found = append(found, strings.Fields(cell[2])...)
		case "Messages:":
			message = append(message, strings.Fields(cell[2])...)
		}
	}
	if len(found) > 0 {
		return strings.Join(append(found, message...), " ")
	}
	return strings.Join(said, " ")
}
