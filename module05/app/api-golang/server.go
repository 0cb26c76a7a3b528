package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	queryTimeout  = 10 * time.Second
	healthTimeout = 2 * time.Second

	// stopLimit is below the 10 seconds after which docker stop kills.
	stopLimit = 8 * time.Second

	// statusClientLeft is nginx's number for a client that hung up before it was answered.
	statusClientLeft = 499
)

type api struct {
	database database
	log      *slog.Logger
}

func newServer(database database, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           newHandler(database, log),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
}

func newHandler(database database, log *slog.Logger) http.Handler {
	a := api{database, log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.now)
	mux.HandleFunc("GET /ping", a.ping)
	mux.HandleFunc("GET /healthz", a.health)
	mux.HandleFunc("/", a.notFound)
	return logRequests(mux, log)
}

type nowAnswer struct {
	API string    `json:"api"`
	Now time.Time `json:"now"`
}

type healthAnswer struct {
	Status string `json:"status"`
	Error  string `json:"error,omitempty"`
}

type errorAnswer struct {
	Error string `json:"error"`
}

func (a api) now(w http.ResponseWriter, r *http.Request) {
	now, err := a.ask(r.Context(), queryTimeout)
	switch {
	case r.Context().Err() != nil:
		w.WriteHeader(statusClientLeft)
	case err != nil:
		writeJSON(w, http.StatusServiceUnavailable, errorAnswer{err.Error()})
	default:
		writeJSON(w, http.StatusOK, nowAnswer{API: "golang", Now: now.UTC()})
	}
}

// ping tells that the program runs. It doesn't need the database.
func (a api) ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "pong")
}

// health tells whether the program can do its work, so it asks the database.
func (a api) health(w http.ResponseWriter, r *http.Request) {
	_, err := a.ask(r.Context(), healthTimeout)
	switch {
	case r.Context().Err() != nil:
		w.WriteHeader(statusClientLeft)
	case err != nil:
		writeJSON(w, http.StatusServiceUnavailable, healthAnswer{Status: "unavailable", Error: err.Error()})
	default:
		writeJSON(w, http.StatusOK, healthAnswer{Status: "ok"})
	}
}

func (a api) notFound(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, errorAnswer{"not found"})
}

// oneLine joins what the driver says about each address that it tried.
var oneLine = strings.NewReplacer(":\n\t", ": ", "\n\t", "; ", "\n", "; ")

// ask gets the time of the database, or an error that may be shown to clients.
func (a api) ask(parent context.Context, limit time.Duration) (time.Time, error) {
	ctx, cancel := context.WithTimeoutCause(parent, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()

	now, err := a.database.Now(ctx)
	if err == nil {
		return now, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause // in plainer words than the driver's
	}
	reason := oneLine.Replace(err.Error())
	if parent.Err() == nil {
		a.log.Error("the database does not answer", "error", reason)
	}
	return time.Time{}, fmt.Errorf("the database does not answer: %s", reason)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// An error here means that the client is gone, and then there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}

func logRequests(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		log.Debug("request received", "method", r.Method, "path", r.URL.Path)
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		log.Info("request", "method", r.Method, "path", r.URL.Path, "status", recorder.status,
			"duration_ms", float64(time.Since(start).Microseconds())/1000)
	})
}

// statusRecorder remembers the status, which a ResponseWriter doesn't tell.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

var signalNames = map[os.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"}

// serve answers until a signal comes. Then it accepts no more, and lets the requests in flight finish.
func serve(server *http.Server, listener net.Listener, signals <-chan os.Signal, limit time.Duration, log *slog.Logger) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()

	select {
	case err := <-failed:
		return fmt.Errorf("cannot serve: %w", err)
	case received := <-signals:
		log.Info("stopping", "signal", signalNames[received])
	}

	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("stopped without finishing all requests: some still ran after %v", limit)
	}
	return nil
}
