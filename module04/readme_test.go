package module04

import (
	"testing"

	"docker-proven/internal/readme"
)

// The README of this lesson shows commands and what they print. Here they are performed on an engine of their own, each
// section from top to bottom; and the claims that it lists are the tests there are.
func TestTheReadmeShowsWhatHappens(t *testing.T) { readme.CheckSections(t) }
