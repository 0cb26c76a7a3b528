// Package reading_test reads the book as a person does, in a real browser.
package reading_test

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
