// Package claim reads what a claim says out of its test's name.
package claim

import (
	"regexp"
	"strings"
)

var (
	wordEnds   = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	acronymEnd = regexp.MustCompile(`([A-Z])([A-Z][a-z])`)
	// Words whose capitals don't tell where they begin and end.
	asWritten = strings.NewReplacer("Maria DB", "MariaDB", "Mongo DB", "MongoDB", "conf D", "conf.d", "AP is", "APIs", "UR ls", "URLs")
)

// Sentence turns TestAReadOnlyVolumeRefusesWrites into "A read only volume refuses writes".
func Sentence(testName string) string {
	name := wordEnds.ReplaceAllString(strings.TrimPrefix(testName, "Test"), "$1 $2")
	words := strings.Fields(acronymEnd.ReplaceAllString(name, "$1 $2"))
	for n, word := range words {
		if n > 0 && (word == "A" || word != strings.ToUpper(word)) {
			words[n] = strings.ToLower(word)
		}
	}
	return asWritten.Replace(strings.Join(words, " "))
}
