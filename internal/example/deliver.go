package example

import (
	"testing"

	"docker-proven/internal/course"
)

// Deliver gives an engine the last image of each service, under the service's name. They are built on the learner's own
// engine: its build cache makes that quick the next time, and what compilers and installers need, the other engine does
// not have to be given.
func Deliver(t *testing.T, engine *course.ThrowawayEngine, services ...Service) {
	t.Helper()
	var tags []string
	for _, service := range services {
		tag := course.Unique(t, service.Name+":")
		line := append(service.prepare(t, course.Ref, service.Last), "--tag", tag, service.Source())
		course.CLI{}.Showing(Progress).Docker(t, line...)
		tags = append(tags, tag)
	}
	engine.Load(t, tags...)
	for n, service := range services {
		engine.Docker(t, "tag", tags[n], service.Name)
	}
}
