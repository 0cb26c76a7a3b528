// Package module08 is the lesson on running containers: every flag of docker run that one meets, and the same
// application started by single commands and by one compose file.
package module08

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
