package module12

import (
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// releases are the images of the application on the learner's engine, by the names that they have in production.
type releases map[string]string

// The releases of api-golang, besides the first.
const (
	// The next one does what the first does, and says that it is another.
	next = "ENV RELEASE=2\n"
	// The bad one insists on an encrypted connection, which the database doesn't offer. So it starts, and serves, and can't
	// do its work. Nobody has noticed before: in the place where it was tried, the database does.
	bad = "ENV PGSSLMODE=require\n"
)

// release builds the images: of each service the last one of module06, and two more of api-golang.
func release(t *testing.T) releases {
	t.Helper()
	course.Say(t, "The images of the application are the last ones of module06. Of api-golang, there are two more releases:")
	tags := releases{}
	for _, service := range example.Services {
		tags[service.Name+":1"] = service.BuildHere(t, service.Last)
	}
	first := "FROM " + tags["api-golang:1"] + "\n"
	tags["api-golang:2"] = course.BuildQuietly(t, "api-golang", first+next)
	tags["api-golang:bad"] = course.BuildQuietly(t, "api-golang", first+bad)
	return tags
}

// deliver gives an engine those of the images named and, if withDatabase says so, Postgres.
func (r releases) deliver(t *testing.T, engine *course.ThrowawayEngine, withDatabase bool, names ...string) {
	t.Helper()
	var tags []string
	for _, name := range names {
		tags = append(tags, r[name])
	}
	if withDatabase {
		tags = append(tags, course.Ref(t, image.Postgres))
	}
	engine.Load(t, tags...)
	for n, name := range names {
		engine.Docker(t, "tag", tags[n], name)
	}
}
