package bench

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	eventtypes "github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"docker-proven/internal/image"
	"docker-proven/internal/session"
)

// A tally is what a package has made on the learner's engine; the containers on throwaway engines; and, of both, the commands
// that were performed in containers besides, by docker exec and by health checks.
type tally struct{ containers, networks, images, inside, execs int }

// events is what the engine is asked to see what happens.
type events interface {
	Events(context.Context, client.EventsListOptions) client.EventsResult
	NetworkInspect(context.Context, string, client.NetworkInspectOptions) (client.NetworkInspectResult, error)
	ExecCreate(context.Context, string, client.ExecCreateOptions) (client.ExecCreateResult, error)
	ExecAttach(context.Context, string, client.ExecAttachOptions) (client.ExecAttachResult, error)
}

// count counts what the session's test processes make from now on, by package, until the function that it returns is
// called. The engine tells of it while it happens, for it remembers few events.
func count(ctx context.Context, docker events, ours session.Session) (stop func() (made map[string]*tally, others int, err error)) {
	made, others := map[string]*tally{}, 0
	var problem error
	var mutex sync.Mutex // of what each tally has inside, and of its execs
	ctx, cancel := context.WithCancel(ctx)
	filters := make(client.Filters).Add("event", "create", "start", "tag", string(eventtypes.ActionExecStart))
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
				case kind == eventtypes.ContainerEventType && e.Action == eventtypes.ActionStart && known &&
					e.Actor.Attributes["image"] == image.DockerInDocker.Ref():
					of := made[name]
					counting.Go(func() {
						containers, execs := within(ctx, docker, e.Actor.ID)
						mutex.Lock()
						defer mutex.Unlock()
						of.inside += containers
						of.execs += execs
					})
				case kind == eventtypes.ContainerEventType && isExec(string(e.Action)) && known:
					mutex.Lock()
					made[name].execs++
					mutex.Unlock()
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

// watch tells in a throwaway engine's container what happens there. That engine may be starting, or be started anew, and
// remembers what happened since.
const watch = "while :; do docker events --since 0 --filter type=container --filter event=create --filter event=exec_start " +
	"--format '{{json .Action}}' 2>&-; sleep 1; done"

// isExec is whether an action is that a command starts in a container, "exec_start: " and the command; watch is none of the course's.
func isExec(action string) bool {
	return strings.HasPrefix(action, string(eventtypes.ActionExecStart)) && !strings.HasSuffix(action, watch)
}

// within is how many containers are made on the engine in a container, and how many commands are performed in them, until that
// engine ends or nobody counts any more.
func within(ctx context.Context, docker events, container string) (containers, execs int) {
	command := client.ExecCreateOptions{AttachStdout: true, TTY: true, Cmd: []string{"sh", "-c", watch}}
	created, err := docker.ExecCreate(ctx, container, command)
	if err != nil {
		return 0, 0 // it has gone already
	}
	attached, err := docker.ExecAttach(ctx, created.ID, client.ExecAttachOptions{TTY: true})
	if err != nil {
		return 0, 0
	}
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)()
	lines := bufio.NewScanner(attached.Reader)
	lines.Buffer(nil, 1<<20) // a command may be long
	for lines.Scan() {
		if isExec(strings.TrimPrefix(lines.Text(), `"`)) {
			execs++
		} else {
			containers++
		}
	}
	return containers, execs
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
	process, _ := session.Maker(labels)
	return process
}
