package module12

import (
	"testing"

	"docker-proven/internal/readme"
)

// The README of this lesson shows commands and what they print. Here they are performed, from top to bottom, on an engine of
// their own; and the claims that it lists are the tests there are.
func TestTheReadmeShowsWhatHappens(t *testing.T) { readme.Check(t) }
