// Package module04 is the lesson on using third-party container images: installing what they lack, keeping
// what they write, and what they are good for.
package module04

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
