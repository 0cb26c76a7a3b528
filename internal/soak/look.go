package soak

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/client"
	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"docker-proven/internal/configuration"
	"docker-proven/internal/image"
	"docker-proven/internal/session"
	"docker-proven/internal/standin"
)

// made is whether labels are of something that the course has made, and ours whether a process of this soak has.
func (p *place) made(labels map[string]string) (byTheCourse, ours bool) {
	process, byTheCourse := session.Maker(labels)
	_, ours = p.session.Package(process)
	return byTheCourse, ours
}

// left is what is there of the copies, and what has changed of the learner's things.
func (p *place) left(ctx context.Context) (left []string, err error) {
	things := map[string]bool{}
	if err := p.objects(ctx, func(kind, id, look string, labels map[string]string) {
		if _, ours := p.made(labels); ours {
			things[sentence(kind, id, look)] = true
		}
	}); err != nil {
		return nil, err
	}
	running, err := p.session.Processes(ctx)
	if err != nil {
		things[err.Error()] = true // and is told once
	}
	for _, process := range running {
		line, _ := process.CmdlineWithContext(ctx)
		things[sentence("process", fmt.Sprint(process.Pid), line)] = true
	}
	files, err := filepath.Glob(filepath.Join(p.temporary, "*"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		things["file "+file] = true
	}
	ports, err := p.listening(ctx)
	if err != nil {
		return nil, err
	}
	for port := range ports {
		if !p.ports[port] {
			things["port "+port] = true
		}
	}
	now, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	for thing, look := range p.learners {
		if now[thing] != look {
			things[sentence("of the learner's, changed:", thing, "was", look, "and is", now[thing])] = true
		}
	}
	for thing, look := range now {
		if _, before := p.learners[thing]; !before {
			things[sentence("without a label of the course's:", thing, look)] = true
		}
	}
	for thing := range things {
		if !p.known[thing] {
			left = append(left, thing)
		}
	}
	slices.Sort(left)
	return left, nil
}

// look is what all things look like that the course hasn't made: those on the engine, and the docker command's
// configurations, file by file.
func (p *place) look(ctx context.Context) (map[string]string, error) {
	looks := map[string]string{}
	err := p.objects(ctx, func(kind, id, look string, labels map[string]string) {
		if byTheCourse, _ := p.made(labels); !byTheCourse {
			looks[sentence(kind, id)] = look
		}
	})
	if err != nil {
		return nil, err
	}
	// Of the learner's own, what the docker command keeps there for good: Docker Desktop has its machine's disk beside it.
	learners := configuration.Learners().Directory
	places := []string{p.configuration}
	if learners != "" {
		places = append(places, filepath.Join(learners, "config.json"), filepath.Join(learners, "contexts"))
	}
	for _, kept := range places {
		err := filepath.WalkDir(kept, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil // there is none, or it has gone meanwhile: then it is missed
			}
			if content, err := os.ReadFile(path); err == nil {
				looks["file "+path] = fmt.Sprintf("sha256:%x", sha256.Sum256(content))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return looks, nil
}

// objects tells of every container, volume, network and image of the engine. Left out are volumes without a label that a
// container of the course has, since they go with it; and the course's images, which stay: those that it declares, and their bases.
func (p *place) objects(ctx context.Context, tell func(kind, id, look string, labels map[string]string)) error {
	containers, err := p.docker.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return err
	}
	mounted := map[string]bool{}
	for _, c := range containers.Items {
		byTheCourse, _ := p.made(c.Labels)
		var mounts, networks []string
		for _, m := range c.Mounts {
			mounts = append(mounts, m.Name+m.Source+":"+m.Destination)
			if byTheCourse {
				mounted[m.Name] = true
			}
		}
		if c.NetworkSettings != nil {
			for name := range c.NetworkSettings.Networks {
				networks = append(networks, name)
			}
		}
		slices.Sort(mounts)
		slices.Sort(networks)
		tell("container", c.ID[:12], sentence(strings.Join(c.Names, " "), c.Image, string(c.State), strings.Join(mounts, " "),
			strings.Join(networks, " ")), c.Labels)
	}
	volumes, err := p.docker.VolumeList(ctx, client.VolumeListOptions{})
	if err != nil {
		return err
	}
	for _, v := range volumes.Items {
		if !mounted[v.Name] {
			tell("volume", v.Name, v.CreatedAt, v.Labels)
		}
	}
	networks, err := p.docker.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return err
	}
	for _, n := range networks.Items {
		tell("network", n.ID[:12], n.Name, n.Labels)
	}
	images, err := p.docker.ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		return err
	}
	for _, i := range images.Items {
		id := strings.TrimPrefix(i.ID, "sha256:")[:12]
		if len(i.RepoTags) == 0 {
			tell("image", id, "", i.Labels)
		}
		for _, tag := range i.RepoTags { // each by itself: somebody else may give an image one more
			if !declared(tag) {
				tell("image", tag, id, i.Labels)
			}
		}
	}
	return nil
}

// declared is whether an image is one of the course's, or a base of its stand-ins.
func declared(tag string) bool {
	if strings.HasPrefix(tag, standin.Bases) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(image.WithStandIn, image.WithoutStandIn), func(i image.Image) bool {
		return tag == i.Pinned || tag == i.Current
	})
}

// listening is on which TCP ports of this machine somebody listens, but for those that a container of the engine has
// published, and those of programs that are neither the copies' nor the engine's.
func (p *place) listening(ctx context.Context) (map[string]bool, error) {
	containers, err := p.docker.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return nil, err
	}
	published := map[uint32]bool{}
	for _, c := range containers.Items {
		for _, port := range c.Ports {
			published[uint32(port.PublicPort)] = true
		}
	}
	sockets, err := net.ConnectionsWithContext(ctx, "tcp")
	if err != nil {
		return nil, fmt.Errorf("this system doesn't tell who listens: %w", err)
	}
	ours, _ := p.session.Processes(ctx)
	ports := map[string]bool{}
	for _, s := range sockets {
		owner := ""
		if somebody, err := process.NewProcessWithContext(ctx, s.Pid); err == nil {
			owner, _ = somebody.NameWithContext(ctx)
		}
		foreign := owner != "" && owner != "docker-proxy" &&
			!slices.ContainsFunc(ours, func(o *process.Process) bool { return o.Pid == s.Pid })
		if s.Status == "LISTEN" && !published[s.Laddr.Port] && !foreign {
			ports[sentence(fmt.Sprint(s.Laddr.Port), owner)] = true
		}
	}
	return ports, nil
}
