package bench

import (
	"context"
	"sync"
	"time"

	"docker-proven/internal/session"
)

// A peak is the most memory that all test processes were seen to have at a time.
type peak struct {
	bytes     uint64
	processes int
	err       error // why it could not be measured on this system
}

// sample looks every second how much memory the session's test processes have together, until the function that it
// returns is called.
func sample(ctx context.Context, ours session.Session) (stop func() peak) {
	var highest peak
	ctx, cancel := context.WithCancel(ctx)
	var sampling sync.WaitGroup
	sampling.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now := peak{}
			processes, err := ours.Processes(ctx)
			if err != nil {
				if ctx.Err() == nil {
					highest.err = err
				}
				return
			}
			for _, p := range processes {
				if !session.IsTest(p) {
					continue
				}
				if used, err := p.MemoryInfoWithContext(ctx); err == nil {
					now.bytes += used.RSS
					now.processes++
				}
			}
			if now.bytes > highest.bytes {
				highest = now
			}
		}
	})
	return func() peak {
		cancel()
		sampling.Wait()
		return highest
	}
}
