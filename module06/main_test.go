// Package module06 is the lesson on building container images: from a Dockerfile that works to one for production.
package module06

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
