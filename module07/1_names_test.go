package module07

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/registry"
)

// An image's name has four parts: registry/namespace/name:tag. Most people type only one, and Docker fills in the rest:
// Docker Hub for the registry, library for the namespace there (its official images), latest for the tag. The first
// part is a registry if it has a dot or a colon in it, or is localhost; otherwise it is a namespace of Docker Hub.
// `docker pull` prints the name in full. (So as not to ask Docker Hub, this engine has a mirror of it, which is asked
// first. Its log tells what for.)
func TestDockerFillsInRegistryNamespaceAndTag(t *testing.T) {
	hub, elsewhere := registry.Start(t), registry.Start(t)
	hello := course.Unique(t, "hello-")
	build(t, hello, saying("hello"))
	for _, name := range []string{hub.Address + "/library/hello:latest", hub.Address + "/library/hello:2",
		hub.Address + "/crew/hello:latest", elsewhere.Address + "/hello:latest", elsewhere.Address + "/crew/hello:2"} {
		course.Docker(t, "tag", hello, name)
		course.Docker(t, "push", "--quiet", name)
	}
	address := elsewhere.AddressInside(t)
	engine := course.NewThrowawayEngine(t, course.Command(
		"--registry-mirror", "http://"+hub.AddressInside(t), "--insecure-registry", address))

	for _, row := range []struct {
		typed, full string
		asked       *registry.Registry
		path        string
	}{
		{"hello", "docker.io/library/hello:latest", hub, "/v2/library/hello/manifests/latest"},
		{"hello:2", "docker.io/library/hello:2", hub, "/v2/library/hello/manifests/2"},
		{"library/hello", "docker.io/library/hello:latest", hub, "/v2/library/hello/manifests/latest"},
		{"crew/hello", "docker.io/crew/hello:latest", hub, "/v2/crew/hello/manifests/latest"},
		{"docker.io/hello", "docker.io/library/hello:latest", hub, "/v2/library/hello/manifests/latest"},
		{"docker.io/crew/hello", "docker.io/crew/hello:latest", hub, "/v2/crew/hello/manifests/latest"},
		{address + "/hello", address + "/hello:latest", elsewhere, "/v2/hello/manifests/latest"},
		{address + "/crew/hello:2", address + "/crew/hello:2", elsewhere, "/v2/crew/hello/manifests/2"},
	} {
		before := row.asked.Requests(t, row.path)
		lines := strings.Split(strings.TrimSpace(engine.Docker(t, "pull", row.typed).Stdout), "\n")
		assert.Equal(t, row.full, lines[len(lines)-1], "what docker calls %s in full", row.typed)
		course.Eventually(t, "the registry is asked for "+row.path, func() bool {
			return row.asked.Requests(t, row.path) > before
		})
	}

	course.Say(t, "Nobody serves on this engine's own machine. Who was meant is in the complaint:")
	assert.Contains(t, engine.DockerFails(t, "pull", "localhost/hello").Stderr, "//localhost/v2/")
}

// On an engine, a name is a label on an image, and an image can have many. Docker leaves out again what it would fill
// in, and takes the short and the full form for the same name.
func TestTheFullNameAndTheShortOneAreTheSame(t *testing.T) {
	name := course.Unique(t, "hello-")
	build(t, name, saying("hello"))
	course.Docker(t, "tag", name, "docker.io/crew/"+name+":1")
	course.Docker(t, "tag", name, "registry.invalid/library/"+name+":latest")

	ask := func(format, name string) string {
		return course.Docker(t, "image", "inspect", "--format", format, name).Stdout
	}
	tags := strings.Fields(ask("{{range .RepoTags}}{{println .}}{{end}}", name))
	expected := []string{name + ":latest", "crew/" + name + ":1", "registry.invalid/library/" + name + ":latest"}
	assert.ElementsMatch(t, expected, tags, "Docker Hub and its official images should go without saying")

	id := ask("{{.Id}}", name)
	assert.Equal(t, id, ask("{{.Id}}", "docker.io/library/"+name+":latest"))
	assert.Equal(t, id, ask("{{.Id}}", "docker.io/crew/"+name+":1"))
	course.DockerFails(t, "image", "inspect", "docker.io/crew/"+name)
	course.DockerFails(t, "image", "inspect", "registry.invalid/"+name)
}

// What can't be a name is refused by the docker command itself, before anybody is asked: here no engine would even be
// there. Names are in lower case, and have no spaces; a tag begins with a letter, a digit or an underscore.
func TestWhatIsNoNameIsRefusedBeforeAnybodyIsAsked(t *testing.T) {
	nobody := course.CLI{}.With("DOCKER_HOST=tcp://127.0.0.1:1")
	const complaint = "invalid reference format"
	for _, name := range []string{"Hello", "hello world", "hello:-1", "hello:", "_hello", "hello@sha256:abc"} {
		refused := nobody.DockerFails(t, "pull", name)
		assert.Contains(t, refused.Stderr, complaint, "%q should be no name", name)
	}
	assert.Contains(t, nobody.DockerFails(t, "pull", "Hello").Stderr, "must be lowercase")

	course.Say(t, "With a name that can be one, it is only the engine that is missing:")
	assert.NotContains(t, nobody.DockerFails(t, "pull", "hello:v1").Stderr, complaint)
}
