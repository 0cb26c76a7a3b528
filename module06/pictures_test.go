package module06

import (
	"sync"
	"testing"
	"time"

	"docker-proven/internal/example"
)

type rebuilds struct {
	mutex sync.Mutex
	took  map[string]map[int]time.Duration
}

func (r *rebuilds) note(service example.Service, step int, took time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.took == nil {
		r.took = map[string]map[int]time.Duration{}
	}
	if r.took[service.Name] == nil {
		r.took[service.Name] = map[int]time.Duration{}
	}
	r.took[service.Name][step] = took
}

func (r *rebuilds) draw(t *testing.T) { t.Log(r.took) }
