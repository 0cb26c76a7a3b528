package course

import (
	"context"
	"strings"
	"testing"
	"time"

	"docker-proven/internal/clean"
	"docker-proven/internal/image"
)

// NewVolume creates a named volume, which goes when the test ends. The name it gets begins with name.
func NewVolume(t *testing.T, name string) string {
	t.Helper()
	volume := name + "-" + randomWord(5)
	Docker(t, "volume", "create", volume)
	return volume
}

// NewNetwork creates a user-defined network, which goes when the test ends.
func NewNetwork(t *testing.T, name string) string {
	t.Helper()
	network := name + "-" + randomWord(5)
	Docker(t, "network", "create", network)
	return network
}

// Build builds an image from the Dockerfile given on standard input, and returns its tag, which begins with
// name. The image goes when the test ends.
func Build(t *testing.T, name, dockerfile string) (tag string) {
	t.Helper()
	tag = name + ":" + randomWord(5)
	DockerStdin(t, dockerfile, "build", "--progress", "plain", "--tag", tag, "-")
	return tag
}

// BuildDirectory builds an image from a directory of the lesson with a Dockerfile in it, and build arguments
// such as "BASE=debian:12". It returns the image's tag, which begins with name. The image goes when the test ends.
func BuildDirectory(t *testing.T, name, directory string, buildArguments ...string) (tag string) {
	t.Helper()
	tag = name + ":" + randomWord(5)
	words := []string{"build", "--progress", "plain", "--tag", tag}
	for _, argument := range buildArguments {
		words = append(words, "--build-arg", argument)
	}
	Docker(t, append(words, directory)...)
	return tag
}

// Ref is the image's reference for lessons that type docker commands, after making sure that the image is there.
func Ref(t *testing.T, i image.Image) string {
	t.Helper()
	return lessonOf(t).obtain(i)
}

// removeAll removes every container, volume, network and image that carries all the labels.
func removeAll(labels ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return clean.Labelled(ctx, docker.Client, func(string, string) {}, labels...)
}

// DataDirectory is the directory that the image declares as its volume: where a database keeps its data. Major
// versions have been known to move it.
func DataDirectory(t *testing.T, i image.Image) string {
	t.Helper()
	format := "{{range $directory, $_ := .Config.Volumes}}{{$directory}}{{end}}"
	return strings.TrimSpace(Docker(t, "image", "inspect", "--format", format, Ref(t, i)).Stdout)
}
