package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	eventtypes "github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"docker-proven/internal/clean"
	"docker-proven/internal/session"
)

// reaperLabel is on what testcontainers-go makes, its reaper included, and has the same value as the course's own label.
const reaperLabel = "org.testcontainers.sessionId"

// A tally is what a package has made on the learner's engine.
type tally struct{ containers, networks, images int }

// events is what the engine is asked to see what happens.
type events interface {
	Events(context.Context, client.EventsListOptions) client.EventsResult
	NetworkInspect(context.Context, string, client.NetworkInspectOptions) (client.NetworkInspectResult, error)
}

// count counts what the session's test processes make from now on, by package, until the function that it returns is
// called. The engine tells of it while it happens, for it remembers few events.
func count(ctx context.Context, docker events, ours session.Session) (stop func() (made map[string]*tally, others int, err error)) {
	made, others := map[string]*tally{}, 0
	var problem error
	ctx, cancel := context.WithCancel(ctx)
	filters := make(client.Filters).Add("event", "create", "tag")
	stream := docker.Events(ctx, client.EventsListOptions{Since: strconv.FormatInt(time.Now().Unix(), 10), Filters: filters})
	var counting sync.WaitGroup
	counting.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-stream.Messages:
				process := madeBy(ctx, docker, e)
				name, known := ours.Package(process)
				if known && made[name] == nil {
					made[name] = &tally{}
				}
				switch kind := e.Type; {
				case kind == eventtypes.ContainerEventType && e.Action == eventtypes.ActionCreate && known:
					made[name].containers++
				case kind == eventtypes.ContainerEventType && e.Action == eventtypes.ActionCreate:
					others++
				case kind == eventtypes.NetworkEventType && e.Action == eventtypes.ActionCreate && known:
					made[name].networks++
				case kind == eventtypes.ImageEventType && e.Action == eventtypes.ActionTag && known:
					made[name].images++
				}
			case err := <-stream.Err:
				if ctx.Err() == nil { // else it is the end that was asked for
					problem = fmt.Errorf("the engine no longer tells what happens: %w; what the lessons make was not counted", err)
				}
				return
			}
		}
	})
	return func() (map[string]*tally, int, error) {
		time.Sleep(time.Second / 2) // the last events are under way
		cancel()
		counting.Wait()
		return made, others, problem
	}
}

// madeBy is the name of the test process that has made what an event is about. Events about networks don't have labels, so
// the network is asked for its own, as long as it is there.
func madeBy(ctx context.Context, docker events, e eventtypes.Message) string {
	labels := e.Actor.Attributes
	if e.Type == eventtypes.NetworkEventType && e.Action == eventtypes.ActionCreate {
		if network, err := docker.NetworkInspect(ctx, e.Actor.ID, client.NetworkInspectOptions{}); err == nil {
			labels = network.Network.Labels
		}
	}
	if process := labels[clean.Label]; process != "" {
		return process
	}
	return labels[reaperLabel]
}
