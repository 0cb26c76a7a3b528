package course

import (
	"crypto/rand"
	"regexp"
	"strings"
)

// randomWord has up to 26 lower-case letters and digits.
func randomWord(length int) string { return strings.ToLower(rand.Text()[:length]) }

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by) + "\n"
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./{}-]+$`)

// shellQuote writes words so that a POSIX shell reads the same words again.
func shellQuote(words []string) string {
	quoted := make([]string, len(words))
	for n, word := range words {
		switch {
		case plain.MatchString(word) && !strings.ContainsAny(word, "{}"):
			quoted[n] = word
		case strings.Contains(word, "'") && !strings.ContainsAny(word, "\"$`\\!"):
			quoted[n] = `"` + word + `"`
		default:
			quoted[n] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
