// Package module02 is the lesson on what Docker is made of: the parts of the Linux kernel that make a process a
// container, and the programs that ask the kernel for it.
package module02

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
