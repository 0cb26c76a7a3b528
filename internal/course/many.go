package course

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"docker-proven/internal/image"
	"docker-proven/internal/shell"
)

// RunMany starts containers of one image in the background, four at a time, and returns their names and how long
// the engine needed for one on the average. They are removed when the test ends.
func RunMany(t *testing.T, count int, i image.Image, options ...Option) (names []string, each time.Duration) {
	t.Helper()
	l := lessonOf(t)
	ref := l.obtain(i)
	r := requestFor(options)
	if i.Interactive && len(r.command) == 0 {
		Interactive()(r)
	}
	batch := i.Name + "-" + randomWord(5)
	for n := range count {
		names = append(names, fmt.Sprintf("%s-%d", batch, n+1))
	}
	line := append(append([]string{"docker", "run", "--detach"}, r.flags...), ref)
	l.write(fmt.Sprintf("$ for n in $(seq %d); do %s --name %s-$n %s; done\n", count,
		shell.Quote(line[:len(line)-1]), batch, shell.Quote(append([]string{ref}, r.command...))))

	ctx, cancel := patiently(t)
	defer cancel()
	began := time.Now()
	failures := make([]error, count)
	var starting sync.WaitGroup
	atWork := make(chan struct{}, 4)
	for n, name := range names {
		atWork <- struct{}{}
		starting.Go(func() {
			defer func() { <-atWork }()
			failures[n] = l.startQuietly(ctx, name, ref, r)
		})
	}
	starting.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Fatalf("docker run %s: %v", ref, err)
	}
	each = time.Since(began) / time.Duration(count)
	l.write(indent(names[0]+" ... "+names[count-1], "    "))
	return names, each
}

// startQuietly creates and starts one container without telling the learner.
func (l *lesson) startQuietly(ctx context.Context, name, ref string, r *request) error {
	config := &container.Config{Image: ref, Cmd: r.command, Labels: maps.Clone(l.labels())}
	host := &container.HostConfig{}
	for variable, value := range r.env {
		config.Env = append(config.Env, variable+"="+value)
	}
	for _, modify := range r.config {
		modify(config)
	}
	for _, modify := range r.host {
		modify(host)
	}
	wanted := client.ContainerCreateOptions{Name: name, Config: config, HostConfig: host}
	created, err := docker.ContainerCreate(ctx, wanted)
	if err != nil {
		return err
	}
	_, err = docker.ContainerStart(ctx, created.ID, client.ContainerStartOptions{})
	return err
}
