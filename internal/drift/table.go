package drift

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table writes a table of Markdown, with columns as wide as what is in them.
func table(w io.Writer, header []string, rows [][]string) {
	lines := append([][]string{header}, rows...)
	widths := make([]int, len(header))
	for _, line := range lines {
		for n, cell := range line {
			line[n] = strings.ReplaceAll(cell, "|", `\|`)
			widths[n] = max(widths[n], 3, utf8.RuneCountInString(line[n]))
		}
	}
	for n, line := range lines {
		for column, cell := range line {
			fmt.Fprintf(w, "| %-*s ", widths[column], cell)
		}
		fmt.Fprintln(w, "|")
		if n == 0 {
			for _, width := range widths {
				fmt.Fprint(w, "|", strings.Repeat("-", width+2))
			}
			fmt.Fprintln(w, "|")
		}
	}
}

// list writes a list of Markdown below a title, unless there is nothing to list.
func list(w io.Writer, title string, lines []string) {
	if len(lines) > 0 {
		fmt.Fprintf(w, "\n%s\n\n- %s\n", title, strings.Join(lines, "\n- "))
	}
}
