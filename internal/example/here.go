package example

import (
	"os"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// BuildHere builds the service's image of that step on the learner's engine, under a name of the lesson's own, and
// returns that. What was built for a lesson before is in the engine's cache, which a throwaway engine hasn't got.
func (s Service) BuildHere(t *testing.T, step int) (tag string) {
	t.Helper()
	dockerfile, err := os.ReadFile(s.Dockerfile(step))
	if err != nil {
		t.Fatal(err)
	}
	flags := []string{"--quiet", "--file", s.Dockerfile(step)}
	for _, base := range append(s.Bases, image.DockerfileFrontend) {
		if !names(string(dockerfile), base.Pinned) {
			continue
		}
		if ref := course.Ref(t, base); ref != base.Pinned {
			flags = append(flags, "--build-context", base.Pinned+"=docker-image://"+ref)
		}
	}
	return course.BuildDirectory(t, s.Name, s.Source(), flags...)
}
