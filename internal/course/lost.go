package course

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"

	"docker-proven/internal/image"
)

// comesBack is how long an engine that is being restarted may take.
const comesBack = 20 * time.Second

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
		patient, cancel := context.WithTimeout(ctx, answersWithin)
		_, err := docker.Client.Ping(patient, client.PingOptions{})
		cancel()
		if err == nil {
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

// littleRoom is what a lesson may fill in no time, in bytes.
const littleRoom = 64 << 20

// room is what was seen when the engine's disk was last looked at.
var room struct {
	sync.Mutex
	free  int64
	known bool
	seen  time.Time
}

// roomOnTheEngine is how much the disk has free, in bytes, on which the engine keeps its containers. To look costs a
// container, so lessons that fail within five seconds look once.
func (l *lesson) roomOnTheEngine() (free int64, known bool) {
	room.Lock()
	defer room.Unlock()
	if time.Since(room.seen) > 5*time.Second {
		room.free, room.known = l.lookForRoom()
		room.seen = time.Now()
	}
	return room.free, room.known
}

func (l *lesson) lookForRoom() (free int64, known bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	output, err := exec.CommandContext(ctx, "docker", l.labelled([]string{"run", "--rm", "--pull", "never",
		"--network", "none", image.Busybox.Ref(), "df", "-P", "-k", "/"})...).CombinedOutput()
	if strings.Contains(string(output), "no space left on device") {
		return 0, true
	}
	if words := strings.Fields(string(output)); err == nil && len(words) > 5 {
		kilobytes, err := strconv.ParseInt(words[len(words)-3], 10, 64) // … Available Capacity Mounted-on
		return kilobytes << 10, err == nil
	}
	return 0, false
}

// meaning is what there is to say about an exit status that a program did not choose.
func meaning(exitStatus int) string {
	if exitStatus == 137 {
		return " (it was killed, which the kernel does when memory runs out: end other programs, or give the engine's machine more)"
	}
	return ""
}
