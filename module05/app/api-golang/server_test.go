package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

type fakeDatabase func(ctx context.Context) (time.Time, error)

func (f fakeDatabase) Now(ctx context.Context) (time.Time, error) { return f(ctx) }

var (
	answers = fakeDatabase(func(context.Context) (time.Time, error) {
		return time.Date(2026, 3, 1, 13, 0, 0, 0, time.FixedZone("CET", 3600)), nil
	})
	refuses = fakeDatabase(func(context.Context) (time.Time, error) {
		return time.Time{}, errors.New("cannot connect:\n\tconnection refused")
	})
	hangs = fakeDatabase(func(ctx context.Context) (time.Time, error) {
		<-ctx.Done()
		return time.Time{}, ctx.Err()
	})
)

func TestAnswers(t *testing.T) {
	const (
		plainText = "text/plain; charset=utf-8"
		jsonText  = "application/json; charset=utf-8"
	)
	tests := map[string]struct {
		database database
		method   string
		path     string
		status   int
		kind     string
		body     string
	}{
		"the time":                {answers, "GET", "/", 200, jsonText, `{"api":"golang","now":"2026-03-01T12:00:00Z"}`},
		"the database is away":    {refuses, "GET", "/", 503, jsonText, `{"error":"the database does not answer: cannot connect: connection refused"}`},
		"the database hangs":      {hangs, "GET", "/", 503, jsonText, `{"error":"the database does not answer: no answer within 10s"}`},
		"ping":                    {refuses, "GET", "/ping", 200, plainText, `pong`},
		"healthy":                 {answers, "GET", "/healthz", 200, jsonText, `{"status":"ok"}`},
		"unhealthy":               {refuses, "GET", "/healthz", 503, jsonText, `{"status":"unavailable","error":"the database does not answer: cannot connect: connection refused"}`},
		"unhealthy after a while": {hangs, "GET", "/healthz", 503, jsonText, `{"status":"unavailable","error":"the database does not answer: no answer within 2s"}`},
		"another path":            {answers, "GET", "/other", 404, jsonText, `{"error":"not found"}`},
		"another method":          {answers, "POST", "/", 404, jsonText, `{"error":"not found"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// In the bubble, time passes at once when all wait for it.
			synctest.Test(t, func(t *testing.T) {
				response := httptest.NewRecorder()
				request := httptest.NewRequest(test.method, test.path, nil)
				newHandler(test.database, slog.New(slog.DiscardHandler)).ServeHTTP(response, request)

				if response.Code != test.status {
					t.Errorf("status %d, want %d", response.Code, test.status)
				}
				if kind := response.Header().Get("Content-Type"); kind != test.kind {
					t.Errorf("content type %q, want %q", kind, test.kind)
				}
				if body := strings.TrimSpace(response.Body.String()); body != test.body {
					t.Errorf("body %s, want %s", body, test.body)
				}
			})
		})
	}
}

func TestTheDatabaseIsAskedOnRequestOnlyAndMayComeBack(t *testing.T) {
	questions, away := 0, true
	handler := newHandler(fakeDatabase(func(ctx context.Context) (time.Time, error) {
		questions++
		if away {
			return refuses(ctx)
		}
		return answers(ctx)
	}), slog.New(slog.DiscardHandler))

	get := func(path string) int {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequest("GET", path, nil))
		return response.Code
	}
	get("/ping")
	if questions != 0 {
		t.Errorf("%d questions without a request that needs one", questions)
	}
	if status := get("/"); status != 503 {
		t.Errorf("status %d while the database is away", status)
	}
	away = false
	if status := get("/"); status != 200 {
		t.Errorf("status %d after the database came back", status)
	}
}

func TestEachRequestIsLoggedWhenItArrivesAndWhenItIsAnswered(t *testing.T) {
	var out bytes.Buffer
	handler := newHandler(refuses, newLogger(&out, slog.LevelDebug))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))

	var got []string
	for line := range strings.Lines(out.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q is not JSON: %v", line, err)
		}
		if _, err := time.Parse(time.RFC3339, entry["time"].(string)); err != nil {
			t.Error(err)
		}
		got = append(got, entry["level"].(string)+" "+entry["msg"].(string))
		if entry["msg"] == "request" {
			if entry["method"] != "GET" || entry["path"] != "/" || entry["status"] != 503.0 || entry["duration_ms"] == nil {
				t.Errorf("logged %v", entry)
			}
		}
	}
	want := "debug request received, error the database does not answer, info request"
	if joined := strings.Join(got, ", "); joined != want {
		t.Errorf("logged %s, want %s", joined, want)
	}
}

func TestAClientThatLeftIsLoggedAsSuch(t *testing.T) {
	var out bytes.Buffer
	ctx, leave := context.WithCancel(t.Context())
	leave()
	request := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	newHandler(hangs, newLogger(&out, slog.LevelInfo)).ServeHTTP(httptest.NewRecorder(), request)
	if !strings.Contains(out.String(), `"status":499`) || strings.Contains(out.String(), "does not answer") {
		t.Errorf("logged %s", out.String())
	}
}

// running is a server with one request in flight, which is answered when the database is released.
type running struct {
	signals chan os.Signal
	release func()
	answer  chan string
	served  chan error
	logged  *bytes.Buffer // to be read when served has told its result
}

func start(t *testing.T, limit time.Duration) running {
	t.Helper()
	arrived, released := make(chan struct{}), make(chan struct{})
	database := fakeDatabase(func(ctx context.Context) (time.Time, error) {
		close(arrived)
		<-released
		return answers(ctx)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(database, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { server.Close() })

	r := running{
		signals: make(chan os.Signal, 1),
		release: sync.OnceFunc(func() { close(released) }),
		answer:  make(chan string, 1),
		served:  make(chan error, 1),
		logged:  new(bytes.Buffer),
	}
	t.Cleanup(r.release)
	go func() {
		r.served <- serve(server, listener, r.signals, limit, newLogger(r.logged, slog.LevelInfo))
	}()
	go func() {
		response, err := http.Get("http://" + listener.Addr().String() + "/")
		if err != nil {
			r.answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		r.answer <- string(body)
	}()
	<-arrived
	return r
}

func TestARequestInFlightIsFinishedBeforeTheServerStops(t *testing.T) {
	server := start(t, time.Minute)
	server.signals <- syscall.SIGTERM

	select {
	case err := <-server.served:
		t.Fatalf("stopped with a request in flight: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	server.release()
	if body := <-server.answer; !strings.Contains(body, `"api":"golang"`) {
		t.Errorf("the request in flight got %q", body)
	}
	if err := <-server.served; err != nil {
		t.Error(err)
	}
	if !strings.Contains(server.logged.String(), `"msg":"stopping","signal":"SIGTERM"`) {
		t.Errorf("logged %s", server.logged)
	}
}

func TestARequestThatNeverEndsDoesNotHoldUpTheStopForever(t *testing.T) {
	server := start(t, 50*time.Millisecond)
	server.signals <- syscall.SIGINT
	if err := <-server.served; err == nil || !strings.Contains(err.Error(), "some still ran after 50ms") {
		t.Errorf("error %v", err)
	}
}
