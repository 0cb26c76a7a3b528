// Package shell writes commands as they are typed.
package shell

import (
	"regexp"
	"strings"
)

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Quote writes words so that a POSIX shell reads the same words again.
func Quote(words []string) string {
	quoted := make([]string, len(words))
	for n, word := range words {
		switch {
		case plain.MatchString(word):
			quoted[n] = word
		case strings.Contains(word, "'") && !strings.ContainsAny(word, "\"$`\\!"):
			quoted[n] = `"` + word + `"`
		default:
			quoted[n] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
