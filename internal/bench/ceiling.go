package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"docker-proven/internal/clean"
	"docker-proven/internal/session"
)

// A throughput is how many containers an engine starts and removes per second when so many at a time are asked for.
type throughput struct {
	parallel  int
	perSecond float64
}

// long is how long each level of parallelism is measured.
const long = 4 * time.Second

// most is the highest parallelism that is tried. An engine that others use reaches its ceiling late, if at all.
const most = 32

// rise is by how much throughput has to rise for more parallelism to be tried.
const rise = 1.03

// ceiling measures the engine's throughput at parallelism 1, 2, 4 and so on, until it rises no more.
func ceiling(ctx context.Context, docker *client.Client, ref string) (levels []throughput, err error) {
	for parallel := 1; parallel <= most; parallel *= 2 {
		before := highest(levels)
		next, err := level(ctx, docker, ref, parallel)
		if err != nil {
			return nil, err
		}
		levels = append(levels, next)
		if next.perSecond < before.perSecond*rise {
			break
		}
	}
	return levels, nil
}

func highest(levels []throughput) (best throughput) {
	for _, l := range levels {
		if l.perSecond > best.perSecond {
			best = l
		}
	}
	return best
}

// level starts and removes containers, so many at a time, as lessons do: on the bridge network, and without grace.
func level(ctx context.Context, docker *client.Client, ref string, parallel int) (throughput, error) {
	labels := map[string]string{clean.Label: session.Process()}
	defer func() { // also what was under way when it was interrupted
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_ = clean.Labelled(ctx, docker, func(string, string) {}, clean.Label+"="+labels[clean.Label])
	}()
	var (
		working sync.WaitGroup
		done    atomic.Int64
		failed  atomic.Pointer[error]
	)
	began := time.Now()
	for range parallel {
		working.Go(func() {
			for time.Since(began) < long && failed.Load() == nil {
				if err := startAndRemove(ctx, docker, ref, labels); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	working.Wait()
	if err := failed.Load(); err != nil {
		return throughput{}, fmt.Errorf("the engine's ceiling could not be measured: %w", *err)
	}
	return throughput{parallel, float64(done.Load()) / time.Since(began).Seconds()}, nil
}

func startAndRemove(ctx context.Context, docker *client.Client, ref string, labels map[string]string) error {
	created, err := docker.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: ref, Cmd: []string{"sleep", "60"}, Labels: labels}})
	if err != nil {
		return err
	}
	if _, err := docker.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	_, err = docker.ContainerRemove(ctx, created.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}
