package course

import (
	"sync"
	"testing"
)

// A Shared value is what the lessons of a package use together, because it takes long to make: the first lesson that
// needs it makes it, and whoever needs it meanwhile waits.
type Shared[T any] struct {
	mutex sync.Mutex
	made  bool
	value T
}

// Get is the value, after making it if nobody has. A lesson that fails while it makes it leaves that to the next one.
func (s *Shared[T]) Get(t *testing.T, prepare func() T) T {
	t.Helper()
	lessonOf(t) // begins before the mutex is held: lessons that wait for their turn must not hold it
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.made {
		s.value = prepare()
		s.made = true
	}
	return s.value
}
