package drift

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/client"

	"docker-proven/internal/image"
)

// Contracts tells what the pinned and the current image of the course say differently about themselves: the volume, the
// user, the command and so on, which lessons and compose files rely on. It asks the engine for the images that are there.
func Contracts(ctx context.Context, w io.Writer) error {
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer docker.Close()
	var rows [][]string
	done := map[string]bool{}
	for _, i := range slices.Concat(image.WithStandIn, image.WithoutStandIn) {
		if i.Pinned == i.Current || done[i.Name] {
			continue
		}
		var says [2]map[string]string
		for n, ref := range []string{i.Pinned, i.Current} {
			answer, err := docker.ImageInspect(ctx, ref)
			if errdefs.IsNotFound(err) {
				break
			}
			if err != nil {
				return err
			}
			if answer.Config == nil {
				return errors.New(ref + " says nothing about itself")
			}
			says[n] = contract(answer.Config)
		}
		if says[0] == nil || says[1] == nil {
			continue
		}
		done[i.Name] = true
		rows = append(rows, differences(i.Name, says[0], says[1])...)
	}
	if len(rows) > 0 {
		fmt.Fprintf(w, "\n## What the images say of themselves\n\n")
		table(w, []string{"image", "", "pinned", "current"}, rows)
	}
	return nil
}

// differences are lines of a table about an image that has two contracts.
func differences(name string, pinned, current map[string]string) (rows [][]string) {
	all := maps.Clone(pinned)
	maps.Copy(all, current)
	for _, what := range slices.Sorted(maps.Keys(all)) {
		if pinned[what] != current[what] {
			rows = append(rows, []string{name, what, pinned[what], current[what]})
		}
	}
	return rows
}

// contract is what those who run an image rely on, in words.
func contract(c *dockerspec.DockerOCIImageConfig) map[string]string {
	says := map[string]string{
		"command":           strings.Join(c.Cmd, " "),
		"entrypoint":        strings.Join(c.Entrypoint, " "),
		"ports":             strings.Join(slices.Sorted(maps.Keys(c.ExposedPorts)), " "),
		"signal to stop":    c.StopSignal,
		"user":              c.User,
		"volumes":           strings.Join(slices.Sorted(maps.Keys(c.Volumes)), " "),
		"working directory": c.WorkingDir,
	}
	for _, variable := range c.Env {
		name, value, _ := strings.Cut(variable, "=")
		says["variable "+name] = value
	}
	return says
}
