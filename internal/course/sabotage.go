package course

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Under `make sabotage` a proxy stands between the lessons and the engine, and plants a fault into some of their
// requests (see internal/sabotage). It has to know whose request is whose: what a lesson makes bears its LessonLabel, and
// what a docker command asks for bears the LessonHeader.
const (
	// SabotageVariable is set when there is such a proxy where the engine should be.
	SabotageVariable = "COURSE_SABOTAGE"

	// LessonHeader is the HTTP header that names the lesson, with the same value as its LessonLabel.
	LessonHeader = "Docker-Proven-Lesson"

	// EnginesPath is where the proxy is told of a throwaway engine, with an EngineAt, and answers with the EngineAt of the
	// proxy that it has put before it.
	EnginesPath = "/docker-proven/engines"
)

// An EngineAt is where a throwaway engine listens.
type EngineAt struct {
	Address      string // as DOCKER_HOST would have it
	Certificates string // the directory of the client's and, below server, of the engine's own
}

func sabotaged() bool { return os.Getenv(SabotageVariable) != "" }

// lessonID is a name for a test of this run, from which LessonTest gets the test again. It needs no quoting anywhere.
func lessonID(t *testing.T) string {
	directory, _ := os.Getwd() // a test runs in its package's
	return url.QueryEscape(filepath.Base(directory)+"."+t.Name()) + "." + randomWord(12)
}

// LessonTest is the test whose lesson has this id, as "module04.TestName/subtest".
func LessonTest(id string) string {
	test, err := url.QueryUnescape(id[:max(0, strings.LastIndexByte(id, '.'))])
	if err != nil {
		return ""
	}
	return test
}

// headers is the variable by which the docker command sends the lesson's header with all its requests.
func (l *lesson) headers() []string {
	if !sabotaged() {
		return nil
	}
	return []string{"DOCKER_CUSTOM_HEADERS=" + LessonHeader + "=" + l.id}
}

// named gives the lesson's label to what is built on a throwaway engine: buildx sends no header.
func (l *lesson) named(arguments []string) []string {
	if !sabotaged() {
		return arguments
	}
	return withFlags(arguments, [][]string{{"build"}, {"buildx", "build"}}, "--label", LessonLabel+"="+l.id)
}

// ForAll is the command for what all lessons use that share an engine, whichever of them comes first: no fault is planted
// into it.
func (c CLI) ForAll() CLI {
	c.forAll = true
	return c
}

// behindProxy has the proxy put another one before a throwaway engine, and returns where that one listens.
func behindProxy(t *testing.T, engine *Container, at EngineAt) EngineAt {
	t.Helper()
	Docker(t, "cp", "--quiet", engine.Name+":/certs/server", filepath.Join(at.Certificates, "server"))
	body, err := json.Marshal(at)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dialEngine(ctx) },
		DisableKeepAlives: true,
	}
	answer, err := (&http.Client{Transport: transport}).Post("http://localhost"+EnginesPath, "application/json", bytes.NewReader(body))
	if err == nil {
		defer answer.Body.Close()
		if body, err = io.ReadAll(answer.Body); err == nil && answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", answer.Status, body)
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &at)
	}
	if err != nil {
		t.Fatalf("no proxy before the throwaway engine: %v", err)
	}
	return at
}
