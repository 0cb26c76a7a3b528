package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	eventtypes "github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/clean"
	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/proof"
	"docker-proven/internal/session"
)

// told is an engine that tells of certain events.
type told struct {
	messages chan eventtypes.Message
	networks map[string]map[string]string // a network's labels, by its id
}

func (e told) Events(context.Context, client.EventsListOptions) client.EventsResult {
	return client.EventsResult{Messages: e.messages, Err: make(chan error)}
}

func (e told) NetworkInspect(_ context.Context, id string, _ client.NetworkInspectOptions) (client.NetworkInspectResult, error) {
	return client.NetworkInspectResult{Network: network.Inspect{Network: network.Network{Labels: e.networks[id]}}}, nil
}

func (e told) ExecCreate(_ context.Context, id string, _ client.ExecCreateOptions) (client.ExecCreateResult, error) {
	return client.ExecCreateResult{ID: id}, nil
}

// ExecAttach is the output of a command in an engine, a line for each container that was made there, and one more for a command
// that was performed in it.
func (e told) ExecAttach(_ context.Context, id string, _ client.ExecAttachOptions) (result client.ExecAttachResult, err error) {
	here, there := net.Pipe()
	n, err := strconv.Atoi(strings.TrimPrefix(id, "engine with "))
	go func() {
		defer there.Close()
		fmt.Fprint(there, strings.Repeat("\"create\"\r\n\"exec_start: echo create\"\r\n", n))
	}()
	result.HijackedResponse = client.NewHijackedResponse(here, "")
	return result, err
}

func TestWhatATestProcessMakesIsCountedForItsPackage(t *testing.T) {
	ours, theirs := session.New(), session.New()
	named := func(s session.Session, pkg string) map[string]string {
		return map[string]string{clean.Label: string(s) + "." + pkg + ".abc"}
	}
	docker := told{make(chan eventtypes.Message), map[string]map[string]string{"net": named(ours, "module01")}}
	stop := count(t.Context(), docker, ours)
	happen := func(kind eventtypes.Type, action eventtypes.Action, id string, labels map[string]string) {
		docker.messages <- eventtypes.Message{Type: kind, Action: action, Actor: eventtypes.Actor{ID: id, Attributes: labels}}
	}
	happen(eventtypes.ContainerEventType, eventtypes.ActionCreate, "a", named(ours, "module01"))
	happen(eventtypes.ContainerEventType, eventtypes.ActionCreate, "b", named(ours, "module02"))
	happen(eventtypes.ContainerEventType, eventtypes.ActionCreate, "b", map[string]string{"org.testcontainers.sessionId": string(ours) + ".module02.abc"})
	happen(eventtypes.ContainerEventType, eventtypes.ActionCreate, "c", named(theirs, "module01"))
	happen(eventtypes.ContainerEventType, eventtypes.ActionCreate, "d", nil)
	happen(eventtypes.ContainerEventType, eventtypes.ActionStart, "b", named(ours, "module02"))
	happen(eventtypes.ContainerEventType, "exec_start: ls create", "a", named(ours, "module01"))
	happen(eventtypes.ContainerEventType, "exec_start: ls", "c", named(theirs, "module01"))
	happen(eventtypes.ContainerEventType, eventtypes.Action("exec_start: sh -c "+watch), "b", named(ours, "module02"))
	engine := named(ours, "module02")
	engine["image"] = image.DockerInDocker.Ref()
	happen(eventtypes.ContainerEventType, eventtypes.ActionStart, "engine with 3", engine)
	happen(eventtypes.NetworkEventType, eventtypes.ActionCreate, "net", nil)
	happen(eventtypes.NetworkEventType, eventtypes.ActionCreate, "other", nil)
	happen(eventtypes.ImageEventType, eventtypes.ActionTag, "i", named(ours, "module01"))
	happen(eventtypes.ImageEventType, eventtypes.ActionCreate, "i", named(ours, "module01")) // older engines don't tell it
	made, others, err := stop()
	require.NoError(t, err)
	counted := map[string]tally{} // whose numbers a failure shows
	for name, its := range made {
		counted[name] = *its
	}
	assert.Equal(t, map[string]tally{"module01": {1, 1, 1, 0, 1}, "module02": {2, 0, 0, 3, 3}}, counted)
	assert.Equal(t, 2, others)
}

func TestTheCeilingIsMeasuredWithoutALeftover(t *testing.T) {
	docker, _, err := engine.Connect(t.Context())
	require.NoError(t, err)
	defer docker.Close()
	busybox, err := image.Obtain(t.Context(), image.Busybox.Ref(), t.Output())
	require.NoError(t, err)
	label := session.Process()
	all := client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", clean.Label+"="+label)}
	stop := count(t.Context(), docker, session.New())
	require.NoError(t, startAndRemove(t.Context(), docker, busybox.Ref, map[string]string{clean.Label: label}))
	_, others, err := stop()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, others, 1, "the engine should have told of the container that was made")
	left, err := docker.ContainerList(t.Context(), all)
	require.NoError(t, err)
	assert.Empty(t, left.Items)
}

func TestTheReportTellsFloorRatioAndWaits(t *testing.T) {
	run := performance{took: 30 * time.Second, compiled: 2 * time.Second, others: 3, memory: peak{bytes: 100 << 20, processes: 2},
		made: map[string]*tally{"module04": {80, 5, 7, 20, 60}, "faults": {1, 0, 0, 0, 0}}}
	var err error
	run.recorded, err = proof.Read(strings.NewReader(`{"Time":"2026-01-01T00:00:00Z","Action":"run","Package":"docker-proven/module04","Test":"TestOneIsTwo"}
{"Time":"2026-01-01T00:00:01Z","Action":"output","Package":"docker-proven/module04","Test":"TestOneIsTwo","Output":"    $ docker run a | b\n"}
{"Time":"2026-01-01T00:00:08Z","Action":"output","Package":"docker-proven/module04","Test":"TestOneIsTwo","Output":"    done\n"}
{"Time":"2026-01-01T00:00:08Z","Action":"output","Package":"docker-proven/module04","Test":"TestOneIsTwo","Output":"    $ docker compose up --build --detach\n"}
{"Time":"2026-01-01T00:00:11Z","Action":"output","Package":"docker-proven/module04","Test":"TestOneIsTwo","Output":"    done\n"}
{"Time":"2026-01-01T00:00:12Z","Action":"pass","Package":"docker-proven/module04","Test":"TestOneIsTwo","Elapsed":9}
{"Time":"2026-01-01T00:00:12Z","Action":"pass","Package":"docker-proven/module04","Elapsed":9.5}
{"Time":"2026-01-01T00:00:13Z","Action":"pass","Package":"docker-proven/internal/faults","Elapsed":1.5}
`))
	require.NoError(t, err)
	naive := performance{took: 90 * time.Second}
	r := report{args: []string{"./module04"}, before: []throughput{{1, 5}, {2, 8}, {4, 8.1}}, after: throughput{4, 10}, run: run, naive: &naive}
	page := r.String()
	for _, line := range []string{
		"# Measured: module04",
		"| 4 | 8.1 | 10.0 |",
		"| module04 | 80 | 20 | 60 | 5 | 7 | 9.5 |", "| faults | 1 | 0 | 0 | 0 | 0 | 1.5 |",
		"**Containers that others made on this engine meanwhile: 3**",
		"| the floor: 101 containers at 10.0 per second | 10.1 |",
		"| the run ÷ the floor | 3.0 |",
		"waited for a single command | 9.0 |",
		"| the run without the builds ÷ the floor | 2.1 |",
		"| the naive way ÷ the run | 3.0 |",
		"| 100 MiB |",
		"| module04: One is two | 9.0 | 7.0 | `` docker run a \\| b `` |",
	} {
		assert.Contains(t, page, line)
	}
	assert.NotContains(t, page, "Failed")

	run.recorded.Packages[1].Claims[0].Verdict = proof.Failed
	assert.Contains(t, r.String(), "**Failed in this run: module04 TestOneIsTwo.**")
}

func TestReportsAreNamedAfterWhatIsMeasured(t *testing.T) {
	for args, want := range map[string]string{
		"": "course", "./module04": "module04", "./module04 ./module05": "module04_module05",
		"./module04 -run=TestA|TestB": "module04_-run=TestA_TestB", "./...": "course",
	} {
		assert.Equal(t, want, name(strings.Fields(args)))
	}
}

func TestMemoryOfProcessesThatAreNoTestsDoesNotCount(t *testing.T) {
	stop := sample(t.Context(), session.New())
	time.Sleep(1100 * time.Millisecond)
	got := stop()
	if got.err != nil && runtime.GOOS != "linux" {
		t.Skipf("not provable here: %v", got.err)
	}
	assert.NoError(t, got.err)
	assert.Zero(t, got.bytes)
}

func TestAnInterruptedBenchSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	assert.NotZero(t, Run(ctx, nil, false, t.TempDir(), &out))
}
