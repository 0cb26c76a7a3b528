package module12

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"docker-proven/internal/course"
)

// Visitors ask for an address all the time, and count.
type visitors struct {
	url, expected string
	leaving       chan struct{}
	gone          sync.WaitGroup

	mutex sync.Mutex
	tally
}

// A tally is what became of requests.
type tally struct {
	asked, lost int
	slowest     time.Duration
	firstLost   string // why, or what came instead
}

func (c tally) String() string {
	return fmt.Sprintf("%d requests, %d lost, the slowest answer took %v", c.asked, c.lost, c.slowest.Round(time.Millisecond))
}

// visit sends four visitors, each of whom asks again as soon as he is answered, at most 20 times a second, and each time
// over a connection of its own. Every answer counts but the one expected: lost is a request that gets no answer within
// half a minute, or another one than status 200 and a body with the text expected.
func visit(t *testing.T, url, expected string) *visitors {
	t.Helper()
	course.Say(t, "Four visitors, who are parts of this test, ask for %s from now on, each of them up to 20 times a second.", url)
	v := &visitors{url: url, expected: expected, leaving: make(chan struct{})}
	for range 4 {
		v.gone.Go(v.visit)
	}
	t.Cleanup(v.leave)
	return v
}

var visitor = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (v *visitors) visit() {
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		select {
		case <-v.leaving:
			return
		case <-pause.C:
		}
		began := time.Now()
		problem := ask(v.url, v.expected)
		took := time.Since(began)
		v.mutex.Lock()
		v.asked++
		v.slowest = max(v.slowest, took)
		if problem != "" {
			v.lost++
			if v.firstLost == "" {
				v.firstLost = problem
			}
		}
		v.mutex.Unlock()
	}
}

// ask is what is wrong with the answer, or nothing.
func ask(url, expected string) string {
	response, err := visitor.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	if response.StatusCode != http.StatusOK || !strings.Contains(string(body), expected) {
		return response.Status + ": " + strings.TrimSpace(string(body))
	}
	return ""
}

func (v *visitors) leave() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	select {
	case <-v.leaving:
	default:
		close(v.leaving)
	}
}

// soFar is the tally until now.
func (v *visitors) soFar() tally {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return v.tally
}

// untilOneIsLost waits until a request has been lost.
func (v *visitors) untilOneIsLost(t *testing.T) {
	t.Helper()
	course.Eventually(t, "a request is lost", func() bool { return v.soFar().lost > 0 })
}

// count sees to it that at least that many requests have been made, sends the visitors away, and waits for the answers to
// their last requests.
func (v *visitors) count(t *testing.T, atLeast int) tally {
	t.Helper()
	course.Eventually(t, fmt.Sprintf("%d requests have been made", atLeast), func() bool { return v.soFar().asked >= atLeast })
	v.leave()
	v.gone.Wait()
	counted := v.soFar()
	course.Say(t, "The visitors count: %v.", counted)
	if counted.lost > 0 {
		course.Say(t, "What the first of them got: %s", counted.firstLost)
	}
	return counted
}
