// Package standin_test holds the contract that lessons rely on: what the official images do, asked of whatever serves
// under their names. It is met by the stand-ins here, and by the originals where a registry is reached.
package standin_test

import (
	"testing"

	"docker-proven/internal/course"
)

func TestMain(m *testing.M) { course.Main(m) }
