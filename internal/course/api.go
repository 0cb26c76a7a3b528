package course

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

// An Answer is what a server answered to an HTTP request.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Into reads the answer's JSON into value, and fails the test when it is none.
func (a Answer) Into(t *testing.T, value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), value); err != nil {
		t.Fatalf("the answer should be JSON: %v: %s", err, a.Body)
	}
}

// EngineHost is the address of the engine, as DOCKER_HOST would have it.
func EngineHost(t *testing.T) string {
	lessonOf(t)
	return theEngine.Host
}

// API sends the engine a plain HTTP request, with Go's own HTTP client and nothing of Docker's. A body, which may be
// nil, goes as JSON; what it creates gets the lesson's labels, which the learner isn't shown.
func API(t *testing.T, method, path string, body map[string]any) Answer {
	t.Helper()
	l := lessonOf(t)
	words := append([]string{"curl", "--include"}, l.curlTo(path)...)
	if method != http.MethodGet {
		words = append(words, "--request", method)
	}
	var sent io.Reader
	if body != nil {
		shown, _ := json.Marshal(body)
		words = append(words, "--json", string(shown))
		if method == http.MethodPost && strings.Contains(path, "/create") {
			body = maps.Clone(body)
			body["Labels"] = l.labels()
		}
		full, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		sent = bytes.NewReader(full)
	}
	l.command(words...)

	ctx, cancel := patiently(t)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, sent)
	if err != nil {
		t.Fatal(err)
	}
	if sent != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dialEngine(ctx) },
		DisableKeepAlives: true,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	answer := Answer{Status: response.StatusCode, Header: response.Header, Body: string(received)}
	l.write(indent(fmt.Sprintf("%s %s\n...", response.Proto, response.Status), "    "))
	l.write(indent(beginning(answer.Body), "    "))
	return answer
}

// SpeakToEngine writes text into a connection to the engine, and returns what comes back until the engine hangs up.
func SpeakToEngine(t *testing.T, text string) string {
	t.Helper()
	l := lessonOf(t)
	quoted := strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(text)
	l.write("$ printf '" + quoted + "' | " + l.netcat() + "\n")
	ctx, cancel := patiently(t)
	defer cancel()
	connection, err := dialEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { connection.Close() })()
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(bufio.NewReader(connection))
	if err != nil && len(reply) == 0 {
		t.Fatalf("the engine answered nothing: %v", err)
	}
	l.write(indent(strings.ReplaceAll(string(reply), "\r", ""), "    "))
	return string(reply)
}

// dialEngine opens a connection to the engine: a socket file or a TCP port, which needs nothing of Docker's. Only
// Windows' named pipes and connections with client certificates are left to Docker's own library.
func dialEngine(ctx context.Context) (net.Conn, error) {
	at, err := client.ParseHostURL(theEngine.Host)
	if err != nil {
		return nil, err
	}
	if at.Scheme == "unix" || at.Scheme == "tcp" && os.Getenv(client.EnvOverrideCertPath) == "" {
		var plain net.Dialer
		return plain.DialContext(ctx, at.Scheme, at.Host)
	}
	return docker.Dialer()(ctx)
}

// curlTo is how curl would be told where the engine is. Windows' named pipes it doesn't know: then it is told where WSL has the
// engine's socket.
func (l *lesson) curlTo(path string) []string {
	at := l.engineAddress()
	switch {
	case at.Scheme == "tcp" && certificates() != nil:
		files := certificates()
		return []string{"--cacert", files[0], "--cert", files[1], "--key", files[2], "https://" + at.Host + path}
	case at.Scheme == "tcp":
		return []string{"http://" + at.Host + path}
	}
	return []string{"--unix-socket", at.Host, "http://localhost" + path}
}

// certificates are the files by which an engine behind TLS and its clients know each other, if it is behind TLS: the authority's
// certificate, the client's, and its key.
func certificates() []string {
	directory := os.Getenv(client.EnvOverrideCertPath)
	if directory == "" {
		return nil
	}
	return []string{filepath.Join(directory, "ca.pem"), filepath.Join(directory, "cert.pem"), filepath.Join(directory, "key.pem")}
}

// netcat is how nc would be told where the engine is.
func (l *lesson) netcat() string {
	at := l.engineAddress()
	switch {
	case at.Scheme == "tcp" && certificates() != nil:
		files := certificates()
		return "openssl s_client -quiet -connect " + at.Host + " -CAfile " + files[0] + " -cert " + files[1] + " -key " + files[2]
	case at.Scheme == "tcp":
		return "nc " + at.Hostname() + " " + at.Port()
	}
	return "nc -U " + at.Host
}

// engineAddress is the address of the engine for programs that know sockets and TCP, with a word to the learner where its own is
// something else.
func (l *lesson) engineAddress() *url.URL {
	at, err := client.ParseHostURL(theEngine.Host)
	if err == nil && (at.Scheme == "unix" || at.Scheme == "tcp") {
		return at
	}
	l.write("(The engine is at " + theEngine.Host + " here, which the test asks. A shell of WSL would ask:)\n")
	return &url.URL{Scheme: "unix", Host: "/var/run/docker.sock"}
}

// beginning is as much of a text as a learner wants to read.
func beginning(text string) string {
	const enough = 200
	text = strings.TrimSpace(text)
	if len(text) <= enough {
		return text
	}
	return strings.ToValidUTF8(text[:enough], "") + fmt.Sprintf(" ... (%d bytes)", len(text))
}
