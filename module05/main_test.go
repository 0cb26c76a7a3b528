// Package module05 is the lesson on the example application: what a program must be like to run well in a container,
// shown on three services before they have images of their own.
package module05

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
