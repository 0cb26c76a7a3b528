// Package module07 is the lesson on registries: where images come from and where they go. All of it happens on
// registries of its own, which run in containers.
package module07

import (
	"fmt"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

func TestMain(m *testing.M) { course.Main(m) }

// build builds an image under a name. (Attestations, which newer engines add to what they build, would be one thing
// more that is pushed.)
func build(t *testing.T, name, instructions string) {
	t.Helper()
	course.DockerStdin(t, "FROM "+course.Ref(t, image.Busybox)+"\n"+instructions+"\n",
		"build", "--quiet", "--provenance=false", "--tag", name, "-")
}

// saying is the instruction for an image whose containers say something.
func saying(text string) string { return fmt.Sprintf("CMD [\"echo\", %q]", text) }

// theOtherMachine is an engine that has seen none of the images that the lessons build on yours. It may speak plain
// HTTP to every registry, which the lesson on connections explains.
func theOtherMachine(t *testing.T) *course.ThrowawayEngine {
	t.Helper()
	return course.OneThrowawayEngine(t, course.Command("--insecure-registry", "0.0.0.0/0"))
}
