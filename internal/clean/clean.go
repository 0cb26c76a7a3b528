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

	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"docker-proven/internal/engine"
)

const (
	madeLabel    = "docker-proven"         // on everything that lessons make
	standInLabel = "docker-proven.standin" // on stand-ins and their bases, and on what is built from them
	bases        = "docker-proven/"        // the repositories of the bases that stand-ins are built on
)

// Made removes the containers with their anonymous volumes, the networks, the volumes and the images that
// lessons have made. What can't be removed is in the error, and the rest is removed all the same.
func Made(ctx context.Context, out io.Writer) error {
	docker, _, err := engine.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = docker.Close() }()
	r := &remover{out: out}
	labelled := make(client.Filters).Add("label", madeLabel)

	containers, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: labelled})
	r.failed(err)
	for _, c := range containers.Items {
		_, err := docker.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		r.removed("container", strings.TrimPrefix(strings.Join(c.Names, " "), "/"), err)
	}
	networks, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: labelled})
	r.failed(err)
	for _, n := range networks.Items {
		_, err := docker.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		r.removed("network", n.Name, err)
	}
	volumes, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: labelled})
	r.failed(err)
	for _, v := range volumes.Items {
		_, err := docker.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{})
		r.removed("volume", v.Name, err)
	}
	images, err := docker.ImageList(ctx, client.ImageListOptions{Filters: labelled})
	r.failed(err)
	for _, i := range images.Items {
		r.image(ctx, docker, i)
	}
	return r.end("nothing of the course's lessons is left")
}

// StandIns removes the stand-ins, which have the references given, and the bases they are built on. An
// image that someone has built from a stand-in inherits its label: it is left, and named.
func StandIns(ctx context.Context, out io.Writer, refs []string) error {
	docker, _, err := engine.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = docker.Close() }()
	r := &remover{out: out}
	images, err := docker.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("label", standInLabel)})
	r.failed(err)
	// The newest first: a base can go only after what is built on it.
	slices.SortStableFunc(images.Items, func(a, b image.Summary) int { return int(b.Created - a.Created) })
	for _, i := range images.Items {
		// A stand-in whose reference has gone to a newer one has no tag left.
		ours := !slices.ContainsFunc(i.RepoTags, tagged)
		for _, tag := range i.RepoTags {
			ours = ours || slices.Contains(refs, tag) || strings.HasPrefix(tag, bases)
		}
		if !ours {
			_, _ = fmt.Fprintf(out, "left image %s: built from a stand-in, not one itself\n", strings.Join(i.RepoTags, " "))
			continue
		}
		r.image(ctx, docker, i)
	}
	return r.end("no stand-in is left")
}

func tagged(tag string) bool { return tag != "<none>:<none>" }

// remover reports each removal, and keeps what went wrong for the end.
type remover struct {
	out    io.Writer
	errs   []error
	number int
}

// image removes an image with all its tags. Force lets go of several tags at once, and of a stopped
// container's image; a running container's stays.
func (r *remover) image(ctx context.Context, docker *client.Client, i image.Summary) {
	name := strings.Join(i.RepoTags, " ")
	if !slices.ContainsFunc(i.RepoTags, tagged) {
		name = i.ID
	}
	_, err := docker.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{Force: true, PruneChildren: true})
	r.removed("image", name, err)
}

func (r *remover) removed(kind, name string, err error) {
	switch {
	case err == nil:
		r.number++
		_, _ = fmt.Fprintf(r.out, "removed %s %s\n", kind, name)
	case strings.Contains(err.Error(), "No such"):
		// It went with another, or removed itself meanwhile.
	default:
		r.failed(fmt.Errorf("%s %s could not be removed: %w", kind, name, err))
	}
}

func (r *remover) failed(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *remover) end(none string) error {
	if r.number == 0 && len(r.errs) == 0 {
		_, _ = fmt.Fprintln(r.out, none)
	}
	return errors.Join(r.errs...)
}
