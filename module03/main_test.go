// Package module03 is the lesson on installing Docker and taking the first steps: is everything there, the
// first container, and the first server that something else can use.
package module03

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
