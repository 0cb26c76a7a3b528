package readme

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }

// The README of a lesson shows commands and what they print. Here they are performed, from top to bottom, on an engine of
// their own; and the claims that it lists are the tests there are.

func TestModule01ShowsWhatHappens(t *testing.T) { check(t, "module01", inOneGo) }
func TestModule02ShowsWhatHappens(t *testing.T) { check(t, "module02", inOneGo) }
func TestModule03ShowsWhatHappens(t *testing.T) { check(t, "module03", inOneGo) }
func TestModule04ShowsWhatHappens(t *testing.T) { check(t, "module04", bySection) }
func TestModule05ShowsWhatHappens(t *testing.T) { check(t, "module05", inOneGo) }
func TestModule06ShowsWhatHappens(t *testing.T) { check(t, "module06", inOneGo) }
func TestModule07ShowsWhatHappens(t *testing.T) { check(t, "module07", inOneGo) }
func TestModule08ShowsWhatHappens(t *testing.T) { check(t, "module08", inOneGo) }
func TestModule09ShowsWhatHappens(t *testing.T) { check(t, "module09", inOneGo) }
func TestModule10ShowsWhatHappens(t *testing.T) { check(t, "module10", inOneGo) }
func TestModule11ShowsWhatHappens(t *testing.T) { check(t, "module11", inOneGo) }
func TestModule12ShowsWhatHappens(t *testing.T) { check(t, "module12", inOneGo) }
