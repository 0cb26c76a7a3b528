package module07

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/registry"
)

// `docker save` writes an image into a file, with its layers, its configuration and its tags, and `docker load` reads
// it on another machine: an image travels on a memory stick as well. Nothing is built or pulled there.
func TestSaveAndLoadCarryAnImageWithoutARegistry(t *testing.T) {
	name, other := course.Unique(t, "hello-"), course.Unique(t, "other-")
	build(t, name, "ENV GREETING=hello\nRUN echo from afar > /from\nCMD echo $GREETING $(cat /from)")
	build(t, other, saying("left behind"))
	engine := theOtherMachine(t)
	engine.DockerFails(t, "image", "inspect", name)

	file := filepath.Join(course.HostDirectory(t), "hello.tar")
	course.Docker(t, "save", "--output", file, name)
	engine.Docker(t, "load", "--input", file)
	assert.Equal(t, "hello from afar\n", engine.Docker(t, "run", "--rm", name).Stdout)
	format := "{{range .RootFS.Layers}}{{println .}}{{end}}"
	loaded := strings.Fields(engine.Docker(t, "image", "inspect", "--format", format, name).Stdout)
	assert.Equal(t, course.Layers(t, name), loaded, "layer by layer it should be the same image")
	engine.DockerFails(t, "image", "inspect", other)
}

// `docker export` looks similar, and is something else: it writes the files of a container, as it sees them, without
// the image's configuration and layers. What `docker import` makes of that is an image of one layer and no command.
func TestExportCarriesFilesAndNotAnImage(t *testing.T) {
	name, imported := course.Unique(t, "hello-"), course.Unique(t, "imported-")
	build(t, name, "ENV GREETING=hello\nRUN echo from afar > /from\nCMD echo $GREETING $(cat /from)")
	assert.Equal(t, "hello from afar\n", course.Docker(t, "run", "--rm", name).Stdout)
	assert.Greater(t, len(course.Layers(t, name)), 1)

	container := course.RunBuilt(t, name, course.Command("sh"))
	file := filepath.Join(course.HostDirectory(t), "files.tar")
	course.Docker(t, "export", "--output", file, container.Name)
	engine := theOtherMachine(t)
	engine.Docker(t, "import", file, imported)
	format := "{{len .RootFS.Layers}} {{.Config.Cmd}} {{.Config.Env}}"
	assert.Equal(t, "1 [] []\n", engine.Docker(t, "image", "inspect", "--format", format, imported).Stdout)
	assert.Contains(t, engine.DockerFails(t, "run", "--rm", imported).Stderr, "no command specified")
	assert.Equal(t, "from afar\n", engine.Docker(t, "run", "--rm", imported, "cat", "/from").Stdout)
}

// From one registry to another an image needs no engine in between: `docker buildx imagetools` speaks to both itself.
// It puts a new index under the tag, and copies what that points to as it is: the manifest still has its digest, and
// can be pulled by it. Here no engine would even be there.
func TestAnImageIsCopiedFromRegistryToRegistryWithoutAnEngine(t *testing.T) {
	from, to := registry.Start(t), registry.Start(t)
	original, copied := from.Address+"/hello:1", to.Address+"/copied:1"
	build(t, original, "RUN echo hello > /greeting\nCMD [\"cat\", \"/greeting\"]")
	digest := registry.Push(t, original)
	course.Docker(t, "image", "rm", original)
	course.DockerFails(t, "pull", copied)

	nobody := course.CLI{}.With("DOCKER_HOST=tcp://127.0.0.1:1")
	nobody.DockerFails(t, "pull", original)
	nobody.Docker(t, "buildx", "imagetools", "create", "--tag", copied, original)
	course.DockerFails(t, "image", "inspect", original)
	course.DockerFails(t, "image", "inspect", copied)
	top := to.Get(t, "/v2/copied/manifests/1", registry.AcceptAnyManifest)
	assert.NotEqual(t, digest, registry.Digest(top.Body), "under the tag there should be a new index")
	var index registry.Index
	top.Into(t, &index)
	require.Len(t, index.Manifests, 1)
	assert.Equal(t, digest, index.Manifests[0].Digest, "which points to the manifest that was pushed")

	from.Remove(t)
	assert.Equal(t, "hello\n", course.Docker(t, "run", "--rm", copied).Stdout)
	same := course.Docker(t, "pull", to.Address+"/copied@"+digest)
	assert.Equal(t, digest, registry.DigestIn(t, same))
}
