package book

import (
	"regexp"
	"strings"
)

// A passage is lines of a transcript that are of one kind.
type passage struct {
	Kind string // command, remark, output, message or text
	Text string
}

var (
	message     = regexp.MustCompile(`^    [\w.-]+\.go:\d+: ?`)
	testifyNote = regexp.MustCompile(`^\s*(Error Trace|Error|Messages|Test):\s*(.*)$`)
)

// passages reads a transcript without the explanation that it may begin with, which the book shows elsewhere.
func passages(transcript, doc string) []passage {
	told := "    " + strings.ReplaceAll(strings.TrimSpace(doc), "\n", "\n    ") + "\n"
	transcript = strings.TrimPrefix(transcript, told)
	var passages []passage
	for line := range strings.Lines(transcript) {
		line = strings.TrimRight(line, "\n")
		last := ""
		if len(passages) > 0 {
			last = passages[len(passages)-1].Kind
		}
		kind := "text"
		inner := strings.TrimPrefix(line, "    ")
		switch {
		case message.MatchString(line), last == "message" && strings.HasPrefix(line, "        "):
			kind = "message"
		case strings.HasPrefix(inner, "$ "), strings.HasPrefix(inner, "< "):
			kind = "command"
		case strings.HasPrefix(inner, "# "):
			kind = "remark"
		case strings.HasPrefix(inner, "    "), strings.HasPrefix(inner, "  exit status"):
			kind = "output"
		case last == "command" && strings.HasPrefix(line, "    ") && quoteIsOpen(passages[len(passages)-1].Text):
			kind = "command" // it has several lines
		}
		begins := strings.HasPrefix(inner, "$ ") || strings.HasPrefix(inner, "# ")
		if kind == "output" { // set off by the style sheet
			inner = strings.TrimPrefix(strings.TrimPrefix(inner, "  "), "  ")
		}
		if kind == last && !begins {
			passages[len(passages)-1].Text += "\n" + inner
		} else {
			passages = append(passages, passage{kind, inner})
		}
	}
	for n := range passages {
		passages[n].Text = strings.TrimRight(passages[n].Text, "\n ")
	}
	return passages
}

// quoteIsOpen is whether a command goes on in the next line.
func quoteIsOpen(command string) bool { return strings.Count(command, "'")%2 == 1 }

// why is the first thing that a test found wrong, as far as its transcript tells: what it logged, or how it panicked.
func why(transcript string) string {
	var found []string
	inMessage := false
	for line := range strings.Lines(transcript) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
		at := message.FindString(line)
		if at != "" && inMessage {
			break
		}
		switch {
		case at != "":
			inMessage = true
			line = line[len(at):]
		case !inMessage:
			continue
		case !strings.HasPrefix(line, "        "):
			inMessage = false
		}
		if !inMessage {
			break
		}
		found = append(found, strings.TrimSpace(line))
	}
	return strings.TrimSpace(withoutTestify(found))
}

// withoutTestify leaves out what testify says about place and name, and puts the test's own words first.
func withoutTestify(lines []string) string {
	notes := map[string][]string{}
	note := "" // before the first, it is no testify message
	for _, line := range lines {
		if start := testifyNote.FindStringSubmatch(line); start != nil {
			note, line = start[1], start[2]
		}
		notes[note] = append(notes[note], line)
	}
	var said []string
	for _, note := range []string{"", "Messages", "Error"} {
		said = append(said, notes[note]...)
	}
	return strings.Join(said, "\n")
}
