// Package module10 is the lesson on the docker command itself: every subcommand that manages images, containers, volumes,
// networks, the engine, contexts, builders and compose projects, as a reference card whose lines are performed.
package module10

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
