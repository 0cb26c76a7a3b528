package course

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"docker-proven/internal/clean"
	"docker-proven/internal/image"
)

// NewVolume creates a named volume, which goes when the test ends. The name it gets begins with name.
func NewVolume(t *testing.T, name string) string {
	t.Helper()
	volume := Unique(t, name+"-")
	volumes.Store(volume, true)
	Docker(t, "volume", "create", volume)
	return volume
}

var volumes sync.Map // the names of all that NewVolume has created

// NewNetwork creates a user-defined network, which goes when the test ends.
func NewNetwork(t *testing.T, name string) string {
	t.Helper()
	network := Unique(t, name+"-")
	Docker(t, "network", "create", network)
	return network
}

// Build builds an image from the Dockerfile given on standard input, with the flags of `docker build` given, and returns
// its tag, which begins with name. The image goes when the test ends, or with its engine.
func (c CLI) Build(t *testing.T, name, dockerfile string, flags ...string) (tag string) {
	t.Helper()
	tag = Unique(t, name+":")
	line := append([]string{"build", "--progress", "plain"}, flags...)
	c.DockerStdin(t, dockerfile, append(line, "--tag", tag, "-")...)
	return tag
}

// Build is CLI.Build in the learner's own surroundings.
func Build(t *testing.T, name, dockerfile string) (tag string) {
	t.Helper()
	return CLI{}.Build(t, name, dockerfile)
}

// BuildQuietly is Build for lessons that are not about building: it tells the learner the image's id, and not the
// steps. Should a step fail, docker says what it printed.
func BuildQuietly(t *testing.T, name, dockerfile string) (tag string) {
	t.Helper()
	tag = Unique(t, name+":")
	DockerStdin(t, dockerfile, "build", "--quiet", "--tag", tag, "-")
	return tag
}

// BuildDirectory builds an image from a directory with a Dockerfile in it, and with the flags of `docker build` given.
// It returns the image's tag, which begins with name. The image goes when the test ends, or with its engine.
func (c CLI) BuildDirectory(t *testing.T, name, directory string, flags ...string) (tag string) {
	t.Helper()
	tag = Unique(t, name+":")
	c.Docker(t, append(append([]string{"build", "--tag", tag}, flags...), directory)...)
	return tag
}

// BuildDirectory is CLI.BuildDirectory in the learner's own surroundings.
func BuildDirectory(t *testing.T, name, directory string, flags ...string) (tag string) {
	t.Helper()
	return CLI{}.BuildDirectory(t, name, directory, flags...)
}

// Unique is a name that nothing else has. It begins with prefix.
func Unique(t *testing.T, prefix string) string {
	t.Helper()
	lessonOf(t)
	return prefix + randomWord(5)
}

// Ref is the image's reference for lessons that type docker commands, after making sure that the image is there.
func Ref(t *testing.T, i image.Image) string {
	t.Helper()
	return lessonOf(t).obtain(i)
}

// Layers are the layers of an image from the lowest up, each by the digest of its content.
func (c CLI) Layers(t *testing.T, tag string) (digests []string) {
	t.Helper()
	result := c.Docker(t, "image", "inspect", "--format", "{{range .RootFS.Layers}}{{println .}}{{end}}", tag)
	return strings.Fields(result.Stdout)
}

// Layers is CLI.Layers in the learner's own surroundings.
func Layers(t *testing.T, tag string) (digests []string) {
	t.Helper()
	return CLI{}.Layers(t, tag)
}

// removeAll removes every container, volume, network and image that carries all the labels.
func removeAll(labels ...string) error {
	if lost.Load() {
		if _, err := signOfLife(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tell := func(string, string) {}
	err := clean.Labelled(ctx, docker.Client, tell, labels...)
	if err == nil {
		return nil
	}
	restarted, gone := signOfLife()
	if restarted {
		return clean.Labelled(ctx, docker.Client, tell, labels...)
	}
	return cmp.Or(gone, err)
}

// DataDirectory is the directory that the image declares as its volume: where a database keeps its data. Major
// versions have been known to move it.
func DataDirectory(t *testing.T, i image.Image) string {
	t.Helper()
	format := "{{range $directory, $_ := .Config.Volumes}}{{$directory}}{{end}}"
	return strings.TrimSpace(Docker(t, "image", "inspect", "--format", format, Ref(t, i)).Stdout)
}
