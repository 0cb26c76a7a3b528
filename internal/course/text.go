package course

import (
	"crypto/rand"
	"strings"
)

// randomWord has up to 26 lower-case letters and digits.
func randomWord(length int) string { return strings.ToLower(rand.Text()[:length]) }

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by) + "\n"
}
