package course

import (
	"sync"
	"testing"
)

// A Shared value is what the lessons of a package use together, because it takes long to make: the first lesson that
// needs it makes it, and whoever needs it meanwhile waits.
type Shared[T any] struct {
	mutex    sync.Mutex
	made     bool
	round    int   // in which it was made; see lesson
	life     int32 // of the engine, in which it was made; see lives
	value    T
	failedIn string // the lesson that could not make it
}

// Get is the value, after making it if nobody has. When the lesson that makes it fails, those that need it, too, fail at
// once and say which one it was: what is made by halves would only mislead them. A lesson that is skipped while it makes
// it leaves that to the next one. When all lessons are performed once more (-count), it is made anew: names that they gave are free.
// So it is after the engine has been restarted, which has ended the containers that it may be made of.
func (s *Shared[T]) Get(t *testing.T, prepare func() T) T {
	t.Helper()
	l := lessonOf(t) // begins before the mutex is held: lessons that wait for their turn must not hold it
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if life := lives.Load(); l.round > s.round || life > s.life {
		s.made, s.failedIn, s.round, s.life = false, "", max(l.round, s.round), life
	}
	if s.failedIn != "" {
		t.Fatalf("%s has failed to prepare what this lesson needs, too: what it says is the reason", s.failedIn)
	}
	if !s.made {
		defer func() {
			if !s.made && !t.Skipped() {
				s.failedIn = t.Name()
			}
		}()
		s.value = prepare()
		s.made = true
	}
	return s.value
}

// A Turn is had by one lesson of a package at a time.
type Turn struct{ mutex sync.Mutex }

// Take waits until no other lesson has the turn. The lesson has it until it has ended, and what it made is removed.
func (turn *Turn) Take(t *testing.T) {
	t.Helper()
	l := lessonOf(t) // see Shared.Get
	turn.mutex.Lock()
	l.after = append(l.after, turn.mutex.Unlock)
}
