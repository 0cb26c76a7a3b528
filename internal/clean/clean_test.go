//go:build unix

package clean

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/planted"
)

// fakeEngine has one of each kind of thing, and records what it is asked to remove.
type fakeEngine struct {
	mutex   sync.Mutex
	filters []string
	removed []string
}

func (f *fakeEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	w.Header().Set("Api-Version", "1.43")
	w.Header().Set("Content-Type", "application/json")
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method == http.MethodDelete {
		f.removed = append(f.removed, path)
		if strings.HasSuffix(path, "busy") {
			w.WriteHeader(http.StatusConflict)
			_, _ = fmt.Fprint(w, `{"message":"in use"}`)
			return
		}
		_, _ = fmt.Fprint(w, "[]")
		return
	}
	if filters := r.URL.Query().Get("filters"); filters != "" {
		f.filters = append(f.filters, filters)
	}
	answers := map[string]string{
		"version":         `{"Version":"28.5.2","ApiVersion":"1.43","Os":"linux"}`,
		"info":            `{}`,
		"containers/json": `[{"Id":"c1","Names":["/lesson"]}]`,
		"networks":        `[{"Id":"busy","Name":"net"}]`,
		"volumes":         `{"Volumes":[{"Name":"vol"}]}`,
		"images/json": `[{"Id":"base","Created":1,"RepoTags":["docker-proven/debian:12"]},{"Id":"standin","Created":2,"RepoTags":["ubuntu:22.04"]},` +
			`{"Id":"learners","Created":3,"RepoTags":["mine:1"]},{"Id":"superseded","Created":4,"RepoTags":[]}]`,
	}
	_, _ = fmt.Fprint(w, answers[path])
}

func start(t *testing.T) *fakeEngine {
	t.Helper()
	engine := new(fakeEngine)
	server := httptest.NewServer(engine)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	planted.Put(t, "docker", "echo 'Docker version 28.5.2, build 1'").Alone(t)
	t.Setenv("DOCKER_HOST", "tcp://"+address.Host)
	t.Setenv("DOCKER_CERT_PATH", "")
	return engine
}

func TestMadeRemovesByLabelAndGoesOnAfterAFailure(t *testing.T) {
	engine := start(t)
	var out strings.Builder
	err := Made(t.Context(), &out)
	assert.ErrorContains(t, err, "network net could not be removed")
	assert.Equal(t, []string{"containers/c1", "networks/busy", "volumes/vol", "images/base", "images/standin", "images/learners", "images/superseded"}, engine.removed)
	assert.Contains(t, out.String(), "removed container lesson\nremoved volume vol\n")
	require.Len(t, engine.filters, 4, "each list is asked for by label")
	for _, filter := range engine.filters {
		assert.JSONEq(t, `{"label":{"docker-proven":true}}`, filter)
	}
}

func TestStandInsLeavesWhatOthersBuiltFromThem(t *testing.T) {
	engine := start(t)
	var out strings.Builder
	require.NoError(t, StandIns(t.Context(), &out, []string{"ubuntu:22.04"}))
	assert.Equal(t, []string{"images/superseded", "images/standin", "images/base"}, engine.removed)
	assert.Contains(t, out.String(), "left image mine:1: built from a stand-in, not one itself\n")
	require.Len(t, engine.filters, 1)
	assert.JSONEq(t, `{"label":{"docker-proven.standin":true}}`, engine.filters[0])
}
