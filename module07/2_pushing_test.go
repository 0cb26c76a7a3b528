package module07

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/registry"
)

// `docker push` sends an image to the registry that its name begins with, and `docker pull` fetches it from there. Both
// print a digest: the SHA-256 of the image's manifest, the document that lists what the image consists of. Whoever has
// the manifest can compute it again, so an image that has the digest is the image that was pushed, byte for byte. (Accept
// names the formats of manifests that a client reads: OCI's and Docker's own, for one image and for several in an index.)
func TestPushAndPullKeepTheDigest(t *testing.T) {
	server := registry.Start(t)
	hello, other := server.Address+"/hello:1", server.Address+"/hello:2"
	build(t, hello, saying("hello"))
	pushed := registry.Push(t, hello)

	manifest := server.Get(t, "/v2/hello/manifests/1", registry.AcceptAnyManifest)
	assert.Equal(t, pushed, registry.Digest(manifest.Body), "the digest should be the SHA-256 of the manifest")

	course.Docker(t, "image", "rm", hello)
	course.DockerFails(t, "image", "inspect", hello)
	pulled := registry.DigestIn(t, course.Docker(t, "pull", hello))
	assert.Equal(t, pushed, pulled)
	remembered := course.Docker(t, "image", "inspect", "--format", "{{index .RepoDigests 0}}", hello)
	assert.Equal(t, server.Address+"/hello@"+pushed+"\n", remembered.Stdout)
	assert.Equal(t, "hello\n", course.Docker(t, "run", "--rm", hello).Stdout)

	course.Say(t, "One letter more, and it is another digest:")
	build(t, other, saying("hello!"))
	assert.NotEqual(t, pushed, registry.Push(t, other))
}

// A tag is a pointer that the registry keeps, and whoever may push can make it point elsewhere: what `stable` is today
// it need not be tomorrow. A plain `docker run` doesn't ask, and takes what is on the machine. A digest can't move, because
// it is computed from the content. So what must stay the same is pulled by digest: name@sha256:…
func TestATagIsAMovablePointerAndADigestIsNot(t *testing.T) {
	server := registry.Start(t)
	name := server.Address + "/hello"
	runs := func(reference string) string {
		return course.Docker(t, "run", "--rm", "--pull", "always", "--quiet", reference).Stdout
	}
	build(t, name+":stable", saying("the first"))
	first := registry.Push(t, name+":stable")
	assert.Equal(t, "the first\n", runs(name+":stable"))
	assert.Equal(t, "the first\n", runs(name+"@"+first))

	second := movedInTheRegistry(t, name+":stable", "the second")
	assert.Equal(t, "the first\n", course.Docker(t, "run", "--rm", name+":stable").Stdout, "nobody has asked the registry")
	assert.Equal(t, "the second\n", runs(name+":stable"), "the tag should have moved")
	assert.Equal(t, "the first\n", runs(name+"@"+first), "the digest should not")
	assert.Equal(t, "the second\n", runs(name+"@"+second))

	course.Say(t, "Docker doesn't let anybody move a digest:")
	course.DockerFails(t, "tag", name+":stable", name+"@"+first)
}

// Without a tag, Docker takes the tag latest. That is a name like any other: nothing makes it follow the newest image,
// and a repository need not have it.
func TestNoTagMeansLatestAndLatestDoesNotMeanTheNewest(t *testing.T) {
	server := registry.Start(t)
	name := server.Address + "/hello"
	build(t, name, saying("version 1"))
	assert.Contains(t, course.Docker(t, "push", name).Output(), "Using default tag: latest")
	build(t, name+":2", saying("version 2"))
	course.Docker(t, "push", name+":2")

	course.Say(t, "Version 2 is the newest. Without a tag one gets:")
	course.Docker(t, "image", "rm", name, name+":2")
	assert.Equal(t, "version 1\n", course.Docker(t, "run", "--rm", name).Stdout)

	course.Say(t, "Until somebody moves latest, by hand:")
	course.Docker(t, "pull", "--quiet", name+":2")
	course.Docker(t, "tag", name+":2", name)
	course.Docker(t, "push", "--quiet", name)
	course.Docker(t, "image", "rm", name, name+":2")
	assert.Equal(t, "version 2\n", course.Docker(t, "run", "--rm", name).Stdout)

	course.Say(t, "Where nobody has pushed latest, there is none:")
	other := server.Address + "/other"
	build(t, other+":1", saying("only version 1"))
	course.Docker(t, "push", other+":1")
	course.Docker(t, "image", "rm", other+":1")
	assert.Regexp(t, "manifest unknown|not found", course.DockerFails(t, "pull", other).Stderr)
	assert.Equal(t, "only version 1\n", course.Docker(t, "run", "--rm", other+":1").Stdout)
}

// A registry stores each layer once, by its digest, and a push begins by asking which are there. What is, is not sent
// again: of an image that adds one layer to another, one layer travels. That is why images on a common base are pushed
// and pulled so fast.
func TestLayersThatTheRegistryHasAreNotUploadedAgain(t *testing.T) {
	server := registry.Start(t)
	base, child := server.Address+"/app:1", server.Address+"/app:2"
	build(t, base, "RUN echo one > /one\nRUN echo two > /two")
	course.DockerStdin(t, "FROM "+base+"\nRUN echo three > /three\n",
		"build", "--quiet", "--provenance=false", "--tag", child, "-")
	layers := len(course.Layers(t, base))

	first := course.Docker(t, "push", base).Stdout
	assert.Equal(t, layers, strings.Count(first, ": Pushed\n"), "an empty registry has none of the layers")
	expected := layers + 1
	assert.Equal(t, expected, server.Uploads(t, "app", "1", expected), "each layer, and the image's configuration")

	second := course.Docker(t, "push", child).Stdout
	assert.Equal(t, layers, strings.Count(second, ": Layer already exists\n"))
	assert.Equal(t, 1, strings.Count(second, ": Pushed\n"), "the layer that is new")
	expected += 2
	assert.Equal(t, expected, server.Uploads(t, "app", "2", expected), "besides, one layer and another configuration")

	course.Say(t, "To another registry everything travels:")
	elsewhere := registry.Start(t)
	name := elsewhere.Address + "/app:2"
	course.Docker(t, "tag", child, name)
	assert.Equal(t, layers+1, strings.Count(course.Docker(t, "push", name).Stdout, ": Pushed\n"))
}

// Layers are shared between the repositories of a registry, too: instead of uploading a layer again, the client tells
// where it has seen it ("Mounted from").
func TestALayerIsMountedFromAnotherRepositoryOfTheRegistry(t *testing.T) {
	server := registry.Start(t)
	one, other := server.Address+"/one", server.Address+"/other"
	// A layer that no other lesson pushes: engines note on the layer where they have seen it.
	build(t, one, "RUN echo 'pushed only here' > /file\nFROM scratch\nCOPY --from=0 /file /file")
	course.Docker(t, "tag", one, other)
	layers := len(course.Layers(t, one))

	assert.Equal(t, layers, strings.Count(course.Docker(t, "push", one).Stdout, ": Pushed\n"))
	stored := server.StoredKilobytes(t)
	mounted := course.Docker(t, "push", other).Stdout
	assert.Equal(t, layers, strings.Count(mounted, ": Mounted from one\n"))
	assert.NotContains(t, mounted, ": Pushed\n")
	assert.Equal(t, stored, server.StoredKilobytes(t), "and the registry needs no more room")
}

// FROM takes the image that is here, like docker run, however old it is. Has its tag moved since, the build doesn't hear of
// it, nor of what was mended. With --pull it asks the registry first.
func TestABuildTakesTheBaseThatIsHereUnlessToldToPull(t *testing.T) {
	server := registry.Start(t)
	base, product := server.Address+"/base:1", course.Unique(t, "product:")
	says := func(flags ...string) string {
		line := append([]string{"build", "--quiet", "--tag", product}, flags...)
		course.DockerStdin(t, "FROM "+base+"\n", append(line, "-")...)
		return course.Docker(t, "run", "--rm", product).Stdout
	}
	build(t, base, saying("made of the old base"))
	registry.Push(t, base)

	movedInTheRegistry(t, base, "made of the new base")
	assert.Equal(t, "made of the old base\n", says())
	assert.Equal(t, "made of the new base\n", says("--pull"))
}

// movedInTheRegistry has a tag lead to another image there, and to the one that it had on this machine, as if somebody had pushed
// from another one.
func movedInTheRegistry(t *testing.T, name, text string) (digest string) {
	t.Helper()
	here := course.Unique(t, "what-is-here:")
	course.Docker(t, "tag", name, here)
	course.Say(t, "Somebody moves the tag in the registry. (On this machine it is put back, as if that had been done on another one.)")
	build(t, name, saying(text))
	digest = registry.Push(t, name)
	course.Docker(t, "tag", here, name)
	return digest
}
