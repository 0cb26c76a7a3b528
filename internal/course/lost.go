package course

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"

	"docker-proven/internal/image"
)

// comesBack is how long an engine that is being restarted may take.
const comesBack = 30 * time.Second

// lost is whether the engine, when it was last asked for a sign of life, was gone for longer than comesBack.
var lost atomic.Bool

// signOfLife asks the engine, which answered when this run began, whether it still does, and waits for it if it is being
// restarted. The error is one sentence with the next step.
func signOfLife() (restarted bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), comesBack)
	defer cancel()
	answersWithin := comesBack / 2
	if lost.Load() {
		answersWithin = time.Second
	}
	for ctx.Err() == nil {
		if answers(ctx, answersWithin) {
			lost.Store(false)
			return restarted, nil
		}
		if lost.Load() { // it has been waited for
			break
		}
		restarted = true
		time.Sleep(200 * time.Millisecond)
	}
	lost.Store(true)
	return false, fmt.Errorf("the engine at %s answered when this run began, and doesn't any more: start it again, which "+
		"`make engine` does or says how, and then `make clean` removes what this run has left on it", theEngine.Host)
}

// answers is whether the engine answers in that time.
func answers(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_, err := docker.Client.Ping(ctx, client.PingOptions{})
	return err == nil
}

// littleRoom is what a lesson may fill in no time, in bytes.
const littleRoom = 64 << 20

// A state is what a look at the engine shows.
type state struct {
	free     int64    // of the disk on which it keeps its containers, in bytes; -1 if that can't be told
	settings []string // of its configuration that make lessons come out otherwise, as daemon.json has them
}

var latest struct {
	sync.Mutex
	state
	seen time.Time
}

// engineState looks at the engine. As that costs a container, lessons that fail within five seconds look once.
func (l *lesson) engineState() state {
	latest.Lock()
	defer latest.Unlock()
	if time.Since(latest.seen) > 5*time.Second {
		latest.state = l.look()
		latest.seen = time.Now()
	}
	return latest.state
}

// look asks the engine what it says of itself and of its default bridge, and a container what it sees.
// https://docs.docker.com/reference/cli/dockerd/
func (l *lesson) look() (s state) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	bridge, err := docker.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if err == nil && bridge.Network.Options["com.docker.network.bridge.enable_icc"] == "false" {
		s.settings = append(s.settings, `"icc": false`)
	}
	if told, err := docker.Info(ctx, client.InfoOptions{}); err == nil {
		if told.Info.LoggingDriver == "none" {
			s.settings = append(s.settings, `"log-driver": "none"`)
		}
		if slices.Contains(told.Info.SecurityOptions, "name=no-new-privileges") {
			s.settings = append(s.settings, `"no-new-privileges": true`)
		}
	}

	output, err := exec.CommandContext(ctx, "docker", l.labelled([]string{"run", "--rm", "--pull", "never", "--network", "none",
		image.Busybox.Ref(), "sh", "-c", "df -P -k /; cat /proc/1/comm"})...).CombinedOutput()
	if strings.Contains(string(output), "no space left on device") {
		return s
	}
	s.free = -1
	words := strings.Fields(string(output)) // … Available Capacity Mounted-on, and the name of the first process
	if err != nil || len(words) < 6 {
		return s
	}
	if words[len(words)-1] == "docker-init" { // which the engine doesn't tell
		s.settings = append(s.settings, `"init": true`)
	}
	if kilobytes, err := strconv.ParseInt(words[len(words)-4], 10, 64); err == nil {
		s.free = kilobytes << 10
	}
	return s
}

// meaning is what there is to say about an exit status that a program did not choose.
func meaning(exitStatus int) string {
	if exitStatus == 137 {
		return " (it was killed, which the kernel does when memory runs out: end other programs, or give the engine's machine more)"
	}
	return ""
}
