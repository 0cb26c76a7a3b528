// Package clean removes what the course has made from the engine, found by its labels, and nothing else.
// It says what it removes.
package clean

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"docker-proven/internal/engine"
	"docker-proven/internal/standin"
)

// Label is on everything that lessons make; its value is the name of the test process that made it.
const Label = "docker-proven"

// Made removes the containers with their anonymous volumes, the networks, the volumes and the images that
// lessons have made. What can't be removed is in the error, and the rest is removed all the same.
func Made(ctx context.Context, out io.Writer) error {
	docker, _, err := engine.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = docker.Close() }()
	number := 0
	err = Labelled(ctx, docker, func(kind, name string) {
		number++
		_, _ = fmt.Fprintf(out, "removed %s %s\n", kind, name)
	}, Label)
	if number == 0 && err == nil {
		_, _ = fmt.Fprintln(out, "nothing of the course's lessons is left")
	}
	return err
}

// Labelled removes every container with its anonymous volumes, network, volume and image that carries all the
// labels, and tells each one removed, one at a time. What somebody else has removed meanwhile is no error.
func Labelled(ctx context.Context, docker *client.Client, tell func(kind, name string), labels ...string) error {
	labelled := make(client.Filters).Add("label", labels...)
	var (
		mutex sync.Mutex
		errs  []error
	)
	done := func(kind, name string, err error) {
		mutex.Lock()
		defer mutex.Unlock()
		switch {
		case err == nil:
			tell(kind, name)
		case !errdefs.IsNotFound(err):
			errs = append(errs, fmt.Errorf("%s %s could not be removed: %w", kind, name, err))
		}
	}

	containers, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: labelled})
	if err != nil {
		return fmt.Errorf("the engine does not say what there is to remove: %w; run `make clean` when it answers", err)
	}
	var removing sync.WaitGroup
	for _, c := range containers.Items {
		removing.Go(func() {
			done("container", strings.TrimPrefix(strings.Join(c.Names, " "), "/"), removeContainer(ctx, docker, c.ID))
		})
	}
	removing.Wait()
	networks, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: labelled})
	for _, n := range networks.Items {
		_, err := docker.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		done("network", n.Name, err)
	}
	errs = append(errs, err)
	volumes, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: labelled})
	for _, v := range volumes.Items {
		_, err := docker.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{})
		done("volume", v.Name, err)
	}
	errs = append(errs, err)
	images, err := docker.ImageList(ctx, client.ImageListOptions{Filters: labelled})
	for _, i := range images.Items {
		done("image", nameOf(i), removeImage(ctx, docker, i))
	}
	return errors.Join(append(errs, err)...)
}

// removeContainer returns when the container is gone, also if the engine was already removing it: until then
// its volumes and networks are in use.
func removeContainer(ctx context.Context, docker *client.Client, id string) error {
	_, err := docker.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if !errdefs.IsConflict(err) {
		return err
	}
	gone := docker.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	select {
	case <-gone.Result:
		return nil
	case err := <-gone.Error:
		return err
	}
}

// removeImage removes an image with all its tags. Force lets go of several tags at once, and of a stopped
// container's image; a running container's stays.
func removeImage(ctx context.Context, docker *client.Client, i image.Summary) error {
	_, err := docker.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{Force: true, PruneChildren: true})
	return err
}

func nameOf(i image.Summary) string {
	if !slices.ContainsFunc(i.RepoTags, tagged) {
		return i.ID
	}
	return strings.Join(i.RepoTags, " ")
}

// StandIns removes the stand-ins, which have the references given, and the bases they are built on. An
// image that someone has built from a stand-in inherits its label: it is left, and named.
func StandIns(ctx context.Context, out io.Writer, refs []string) error {
	docker, _, err := engine.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = docker.Close() }()
	images, err := docker.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("label", standin.Label)})
	if err != nil {
		return err
	}
	// The newest first: a base can go only after what is built on it.
	slices.SortStableFunc(images.Items, func(a, b image.Summary) int { return int(b.Created - a.Created) })
	var errs []error
	number := 0
	for _, i := range images.Items {
		// A stand-in whose reference has gone to a newer one has no tag left.
		ours := !slices.ContainsFunc(i.RepoTags, tagged)
		for _, tag := range i.RepoTags {
			ours = ours || slices.Contains(refs, tag) || strings.HasPrefix(tag, standin.Bases)
		}
		if !ours {
			_, _ = fmt.Fprintf(out, "left image %s: built from a stand-in, not one itself\n", nameOf(i))
			continue
		}
		switch err := removeImage(ctx, docker, i); {
		case err == nil:
			number++
			_, _ = fmt.Fprintf(out, "removed image %s\n", nameOf(i))
		case !errdefs.IsNotFound(err): // else it went with another
			errs = append(errs, fmt.Errorf("image %s could not be removed: %w", nameOf(i), err))
		}
	}
	if number == 0 && len(errs) == 0 {
		_, _ = fmt.Fprintln(out, "no stand-in is left")
	}
	return errors.Join(errs...)
}

func tagged(tag string) bool { return tag != "<none>:<none>" }
