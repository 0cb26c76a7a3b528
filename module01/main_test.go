// Package module01 is the lesson on what an image is, what a container is, and what the difference is good for.
package module01

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
