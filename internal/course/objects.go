package course

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

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

// removeAll removes every container, volume, network and image that carries all the labels. What somebody else
// has removed in the meantime is no error.
func removeAll(labels ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	labelled := make(client.Filters).Add("label", labels...)
	containers, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: labelled})
	if err != nil {
		return fmt.Errorf("clean up: %w; run `make clean` when the engine answers again", err)
	}
	var problems problems
	var removing sync.WaitGroup
	for _, c := range containers.Items {
		removing.Go(func() {
			_, err := docker.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			problems.add(err)
		})
	}
	removing.Wait()
	volumes, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: labelled})
	problems.add(err)
	for _, v := range volumes.Items {
		_, err := docker.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
		problems.add(err)
	}
	networks, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: labelled})
	problems.add(err)
	for _, n := range networks.Items {
		_, err := docker.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		problems.add(err)
	}
	images, err := docker.ImageList(ctx, client.ImageListOptions{Filters: labelled})
	problems.add(err)
	for _, i := range images.Items {
		_, err := docker.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		problems.add(err)
	}
	return errors.Join(problems.all...)
}

// problems collects errors of several goroutines; that something is gone already, or going, is none.
type problems struct {
	mutex sync.Mutex
	all   []error
}

func (p *problems) add(err error) {
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.all = append(p.all, err)
}

// DataDirectory is the directory that the image declares as its volume: where a database keeps its data. Major
// versions have been known to move it.
func DataDirectory(t *testing.T, i image.Image) string {
	t.Helper()
	format := "{{range $directory, $_ := .Config.Volumes}}{{$directory}}{{end}}"
	return strings.TrimSpace(Docker(t, "image", "inspect", "--format", format, Ref(t, i)).Stdout)
}
