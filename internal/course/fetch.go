package course

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// Get asks a server by HTTP, and fails the test when it gives no answer.
func Get(t *testing.T, url string) Answer {
	t.Helper()
	return GetInBackground(t, url).Answer(t)
}

// A Request is one that a server has not answered yet.
type Request struct {
	done   chan struct{}
	answer Answer
	proto  string
	err    error
}

// GetInBackground asks a server by HTTP, and doesn't wait for the answer.
func GetInBackground(t *testing.T, url string) *Request {
	t.Helper()
	lessonOf(t).command("curl", "--include", url)
	r := &Request{done: make(chan struct{})}
	ctx, cancel := patiently(t)
	go func() {
		defer cancel()
		defer close(r.done)
		r.err = r.get(ctx, url)
	}()
	return r
}

func (r *Request) get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	r.answer = Answer{Status: response.StatusCode, Header: response.Header, Body: string(body)}
	r.proto = response.Proto
	return err
}

// Answer waits for the answer, and fails the test when there is none.
func (r *Request) Answer(t *testing.T) Answer {
	t.Helper()
	<-r.done
	if r.err != nil {
		t.Fatalf("there should be an answer: %v", r.err)
	}
	l := lessonOf(t)
	l.write(indent(fmt.Sprintf("%s %d\n...\n%s", r.proto, r.answer.Status, beginning(r.answer.Body)), "    "))
	return r.answer
}

// Fails waits for the end of a request that the lesson expects to get no answer, and returns why it got none.
func (r *Request) Fails(t *testing.T) error {
	t.Helper()
	<-r.done
	if r.err == nil {
		t.Fatalf("there should be no answer, but it is %d: %s", r.answer.Status, r.answer.Body)
	}
	lessonOf(t).write(indent(r.err.Error(), "    "))
	return r.err
}
