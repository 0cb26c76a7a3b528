package example

import (
	"testing"

	"docker-proven/internal/course"
)

// BuildHere builds the service's image of that step on the learner's engine, under a name of the lesson's own, and
// returns that. What was built for a lesson before is in the engine's cache, which a throwaway engine hasn't got.
func (s Service) BuildHere(t *testing.T, step int) (tag string) {
	t.Helper()
	return course.BuildDirectory(t, s.Name, s.Source(), append(s.flags(t, course.Ref, step), "--quiet")...)
}

// Deliver gives an engine the last image of each service, under the service's name. They are built on the learner's own
// engine: what compilers and installers need, the other engine does not have to be given.
func Deliver(t *testing.T, engine *course.ThrowawayEngine, services ...Service) {
	t.Helper()
	var tags []string
	for _, service := range services {
		tags = append(tags, service.BuildHere(t, service.Last))
	}
	engine.Load(t, tags...)
	for n, service := range services {
		engine.Docker(t, "tag", tags[n], service.Name)
	}
}
