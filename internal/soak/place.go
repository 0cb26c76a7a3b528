package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"docker-proven/internal/configuration"
	"docker-proven/internal/session"
)

// A place is where copies of the course run: with directories of their own for what is temporary, and a learner's
// things planted around.
type place struct {
	docker  *client.Client
	session session.Session

	directory     string
	temporary     string // TMPDIR of the copies: what is in it after they have ended is left
	compiling     string // GOTMPDIR
	configuration string // DOCKER_CONFIG

	learners map[string]string // the learner's things and what they look like
	ports    map[string]bool   // on which somebody listened before
	known    map[string]bool   // what was told already
	planted  []func(context.Context) error
}

func prepare(ctx context.Context, docker *client.Client, busybox string) (p *place, err error) {
	p = &place{docker: docker, session: session.New(), known: map[string]bool{}}
	if p.directory, err = os.MkdirTemp("", "docker-proven-soak-"); err != nil {
		return p, err
	}
	p.temporary, p.compiling = filepath.Join(p.directory, "tmp"), filepath.Join(p.directory, "go")
	p.configuration = filepath.Join(p.directory, "docker")
	// Everybody may enter them, because containers run as all kinds of users.
	err = errors.Join(os.Chmod(p.directory, 0o755), os.Mkdir(p.temporary, 0o755), os.Mkdir(p.compiling, 0o755),
		os.Mkdir(p.configuration, 0o755))
	if err != nil {
		return p, err
	}
	if err := p.plant(ctx, busybox); err != nil {
		return p, fmt.Errorf("a learner's things could not be planted: %w", err)
	}
	if p.learners, err = p.look(ctx); err != nil {
		return p, err
	}
	p.ports, err = p.listening(ctx)
	return p, err
}

// plant makes what a learner might have. None of it has a label of the course's.
func (p *place) plant(ctx context.Context, busybox string) error {
	name := "learners-" + string(p.session)
	made := func(remove func(context.Context) error) { p.planted = append(p.planted, remove) }
	if _, err := p.docker.ImageTag(ctx, client.ImageTagOptions{Source: busybox, Target: name + ":1"}); err != nil {
		return err
	}
	made(func(ctx context.Context) error {
		_, err := p.docker.ImageRemove(ctx, name+":1", client.ImageRemoveOptions{})
		return err
	})
	if _, err := p.docker.NetworkCreate(ctx, name, client.NetworkCreateOptions{}); err != nil {
		return err
	}
	made(func(ctx context.Context) error {
		_, err := p.docker.NetworkRemove(ctx, name, client.NetworkRemoveOptions{})
		return err
	})
	if _, err := p.docker.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name}); err != nil {
		return err
	}
	made(func(ctx context.Context) error {
		_, err := p.docker.VolumeRemove(ctx, name, client.VolumeRemoveOptions{})
		return err
	})
	_, err := p.docker.ContainerCreate(ctx, client.ContainerCreateOptions{Name: name,
		Config:     &container.Config{Image: busybox, Cmd: []string{"tail", "-f", "/dev/null"}},
		HostConfig: &container.HostConfig{Binds: []string{name + ":/data"}, NetworkMode: container.NetworkMode(name)}})
	if err != nil {
		return err
	}
	made(func(ctx context.Context) error {
		_, err := p.docker.ContainerRemove(ctx, name, client.ContainerRemoveOptions{Force: true})
		return err
	})
	if _, err := p.docker.ContainerStart(ctx, name, client.ContainerStartOptions{}); err != nil {
		return err
	}
	return p.configure(ctx, name)
}

// configure makes a configuration of the docker command with a context in it. Plugins that are in the learner's own are found
// from there.
func (p *place) configure(ctx context.Context, name string) error {
	settings, err := json.Marshal(map[string]any{"cliPluginsExtraDirs": configuration.Learners().PluginDirectories()})
	if err == nil {
		err = os.WriteFile(filepath.Join(p.configuration, "config.json"), settings, 0o600)
	}
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "docker", "--config", p.configuration, "context", "create", name,
		"--docker", "host=tcp://127.0.0.1:1")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("docker context create: %w: %s", err, output)
	}
	return nil
}

// remove removes what was planted, also after an interrupt.
func (p *place) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for n := len(p.planted) - 1; n >= 0; n-- {
		if err := p.planted[n](ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if p.directory != "" {
		_ = os.RemoveAll(p.directory)
	}
}
