package course

import (
	"crypto/rand"
	"errors"
	"regexp"
	"strings"

	"docker-proven/internal/image"
)

func asUnavailable(err error, target **image.UnavailableError) bool { return errors.As(err, target) }

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

// sentence turns TestAReadOnlyVolumeRefusesWrites into "A read only volume refuses writes".
func sentence(testName string) string {
	isUpper := func(letter byte) bool { return letter >= 'A' && letter <= 'Z' }
	name := strings.TrimPrefix(testName, "Test")
	var words strings.Builder
	for n := range len(name) {
		letter := name[n]
		startsWord := n > 0 && isUpper(letter) && (!isUpper(name[n-1]) || n+1 < len(name) && !isUpper(name[n+1]))
		if startsWord {
			words.WriteByte(' ')
			if n+1 < len(name) && !isUpper(name[n+1]) {
				letter += 'a' - 'A'
			}
		}
		words.WriteByte(letter)
	}
	return words.String()
}
