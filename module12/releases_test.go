package module12

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

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
	lesson, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, service := range example.Services {
		tags[service.Name+":1"] = service.BuildHere(t, service.Last)
		require.Contains(t, string(lesson), service.Building(service.Name+":1"), "README.md should make it of the same file")
	}
	first := "FROM " + tags["api-golang:1"] + "\n"
	tags["api-golang:2"] = course.BuildQuietly(t, "api-golang", first+next)
	course.Ref(t, image.Postgres)
	tags["api-golang:bad"] = course.BuildQuietly(t, "api-golang", first+bad)
	return tags
}

// apis are the releases of api-golang.
var apis = []string{"api-golang:1", "api-golang:2", "api-golang:bad"}

// deliver gives an engine images, by their names in production, and others of the course.
func (r releases) deliver(t *testing.T, engine *course.ThrowawayEngine, names []string, others ...image.Image) {
	t.Helper()
	var tags []string
	for _, name := range names {
		tags = append(tags, r[name])
	}
	for _, other := range others {
		tags = append(tags, other.Ref())
	}
	engine.Load(t, tags...)
	for n, name := range names {
		engine.Docker(t, "tag", tags[n], name)
	}
}
