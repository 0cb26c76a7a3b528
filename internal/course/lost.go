package course

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"
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
	for ctx.Err() == nil {
		patient, cancel := context.WithTimeout(ctx, comesBack/2) // one that hangs is not waited for twice
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
