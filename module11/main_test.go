// Package module11 is the lesson on a day's work with containers: source code that runs as it is edited, debuggers and
// tests in containers, and the workflow that builds and publishes the images.
package module11

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
