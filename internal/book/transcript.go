package book

import (
	"regexp"
	"strings"
)

// A passage is lines of a transcript that are of one kind.
type passage struct {
	Kind string // command, remark, output, table (an output of columns), message or text
	Text string
}

var (
	message = regexp.MustCompile(`^    [\w.-]+\.go:\d+: ?`)
	// Before the dollar stands where a command is typed: on which engine, in which directory.
	prompt = regexp.MustCompile(`^(?:[\w.-]+ ){0,2}\$ `)
)

// passages reads a transcript without the explanation that it may begin with, which the book shows elsewhere.
func passages(transcript, doc string) []passage {
	told := "    " + strings.ReplaceAll(strings.TrimSpace(doc), "\n", "\n    ") + "\n"
	transcript = strings.TrimPrefix(transcript, told)
	var passages []passage
	for line := range strings.Lines(transcript) {
		line = strings.TrimRight(line, "\n")
		last := passage{}
		if len(passages) > 0 {
			last = passages[len(passages)-1]
		}
		inner := strings.TrimPrefix(line, "    ")
		typed := prompt.MatchString(inner) || strings.HasPrefix(inner, "< ")
		kind := "text"
		switch {
		case message.MatchString(line), last.Kind == "message" && strings.HasPrefix(line, "        "):
			kind = "message"
		case last.Kind == "command" && goesOn(last.Text):
			kind, typed = "command", false
		case typed:
			kind = "command"
		case strings.HasPrefix(inner, "# "):
			kind = "remark"
		case strings.HasPrefix(inner, "  "):
			kind = "output"
			inner = strings.TrimPrefix(strings.TrimPrefix(inner, "  "), "  ") // the style sheet sets it off
		}
		if kind == last.Kind && !typed && kind != "remark" {
			passages[len(passages)-1].Text += "\n" + inner
		} else {
			passages = append(passages, passage{kind, inner})
		}
	}
	for n := range passages {
		passages[n].Text = strings.TrimRight(passages[n].Text, "\n ")
		if passages[n].Kind == "output" && isTable(passages[n].Text) {
			passages[n].Kind = "table"
		}
	}
	return passages
}

// isTable is whether a text has columns, and would be illegible if its lines were broken.
func isTable(text string) bool {
	rows := 0
	for line := range strings.Lines(text) {
		if len(line) > 80 && strings.Contains(strings.TrimSpace(line), "   ") {
			rows++
		}
	}
	return rows >= 3
}

// goesOn is whether a command has more lines: a quotation that is open, or a text for its standard input.
func goesOn(command string) bool {
	if _, text, reads := strings.Cut(command, " <<'"); reads {
		end, _, _ := strings.Cut(text, "'")
		return !strings.HasSuffix(command, "\n"+end)
	}
	return strings.Count(command, "'")%2 == 1 && strings.Count(command, `"`)%2 == 0
}
