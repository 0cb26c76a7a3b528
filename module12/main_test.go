// Package module12 is the lesson on deploying containers: the application of module05 in production, by Compose, by
// Swarm and by Kubernetes, and what each of them promises.
package module12

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m, compare) }
