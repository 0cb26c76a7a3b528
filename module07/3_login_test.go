package module07

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/registry"
)

// loggedOut is a configuration for the docker command in which nobody is logged in. (With an empty one docker would use
// the system's keychain where it finds a helper for it, and these lessons stay out of yours.)
const loggedOut = `{"auths": {"registry.invalid": {}}}`

// locked is a registry that lets in one user, and an image to push there.
func locked(t *testing.T) (server *registry.Registry, password, hello string) {
	t.Helper()
	password = course.Secret(t)
	registry.Base64(t, "course:"+password) // that it isn't shown in this spelling, either
	server = registry.Start(t, registry.Password(t, "course", password))
	hello = server.Address + "/hello:1"
	build(t, hello, saying("hello"))
	return server, password, hello
}

// login logs in as the user course.
func login(t *testing.T, docker course.CLI, server *registry.Registry, password string) {
	t.Helper()
	result := docker.DockerStdin(t, password, "login", "--username", "course", "--password-stdin", server.Address)
	assert.Contains(t, result.Stdout, "Login Succeeded")
}

// A registry that asks who is there answers 401 to those who don't say. `docker login` has the password checked, and
// docker sends it along from then on. (--password-stdin keeps it off the command line, where others could read it.)
func TestAnAnonymousPushIsRefusedAndAfterLoginItIsAccepted(t *testing.T) {
	server, password, hello := locked(t)
	docker, _ := course.CLI{}.WithConfig(t, loggedOut)

	assert.Equal(t, http.StatusUnauthorized, server.Get(t, "/v2/").Status)
	refused := docker.DockerFails(t, "push", hello)
	assert.Regexp(t, "no basic auth credentials|unauthorized|authorization failed", refused.Stderr)
	me := registry.BasicAuth(t, "course", password)
	assert.JSONEq(t, `{"repositories": []}`, server.Get(t, "/v2/_catalog", me).Body, "nothing should have arrived")

	login(t, docker, server, password)
	docker.Docker(t, "push", hello)
	assert.JSONEq(t, `{"repositories": ["hello"]}`, server.Get(t, "/v2/_catalog", me).Body)

	course.Say(t, "A registry that asks nobody lets in everybody:")
	open := registry.Start(t)
	course.Docker(t, "tag", hello, open.Address+"/hello:1")
	stranger, _ := course.CLI{}.WithConfig(t, loggedOut)
	stranger.Docker(t, "push", open.Address+"/hello:1")
}

// A wrong password is refused at once, and docker doesn't keep it.
func TestAWrongPasswordIsRefused(t *testing.T) {
	server, password, hello := locked(t)
	docker, file := course.CLI{}.WithConfig(t, loggedOut)
	guess := func(user, password string) {
		refused := docker.DockerStdinFails(t, password, "login", "--username", user, "--password-stdin", server.Address)
		assert.Regexp(t, "(?i)unauthorized", refused.Stderr)
	}
	guess("course", "guessed")
	guess("somebody", password)
	assert.NotContains(t, course.ReadHostFile(t, file), server.Address)
	docker.DockerFails(t, "push", hello)

	login(t, docker, server, password)
	docker.Docker(t, "push", hello)
}

// `docker logout` forgets the password of one registry, and keeps the others'.
func TestLogoutForgets(t *testing.T) {
	server, password, hello := locked(t)
	another, anothersPassword, anothersHello := locked(t)
	docker, file := course.CLI{}.WithConfig(t, loggedOut)
	login(t, docker, server, password)
	login(t, docker, another, anothersPassword)
	docker.Docker(t, "push", hello)
	docker.Docker(t, "pull", hello)

	docker.Docker(t, "logout", server.Address)
	kept := slices.Collect(maps.Keys(auths(t, course.ReadHostFile(t, file))))
	assert.NotContains(t, kept, server.Address)
	docker.DockerFails(t, "push", hello)
	docker.DockerFails(t, "pull", hello)
	assert.Contains(t, kept, another.Address)
	docker.Docker(t, "push", anothersHello)
}

// Where no credential helper is set up, docker keeps passwords in its config.json, in Base64. That is a spelling and no
// lock: it is undone without any key. Whoever reads the file has the password, and docker says so when it writes it.
func TestConfigJSONHoldsThePasswordInBase64(t *testing.T) {
	server, password, _ := locked(t)
	docker, file := course.CLI{}.WithConfig(t, loggedOut)
	warned := docker.DockerStdin(t, password, "login", "--username", "course", "--password-stdin", server.Address)
	assert.Contains(t, warned.Stderr, "stored unencrypted")

	config := course.ReadHostFile(t, file)
	assert.NotContains(t, config, password, "not letter by letter")
	decoded, err := base64.StdEncoding.DecodeString(auths(t, config)[server.Address].Auth)
	require.NoError(t, err)
	course.Say(t, "The stars stand for the secret, which lessons never show. Decoded they are: %s", decoded)
	assert.Equal(t, "course:"+password, string(decoded))
}

// A credential helper is a program to which docker leaves its passwords: "credsStore": "NAME" in config.json makes it
// call docker-credential-NAME, to store them at login, to get them when they are needed, and to erase them at logout.
// Docker Desktop brings one for the system's keychain. This lesson has a small one of its own, which notes how it is
// called (see credential-helper/main.go).
func TestACredentialHelperHoldsThePasswordInstead(t *testing.T) {
	server, password, hello := locked(t)
	programs := registry.InstallHelper(t, "credential-helper", "course")
	docker, file := course.CLI{}.WithProgramsIn(t, programs).WithConfig(t, `{"credsStore": "course"}`)
	calls := func() []string {
		lines := strings.Split(strings.TrimSpace(course.ReadHostFile(t, filepath.Join(programs, "calls.log"))), "\n")
		for _, line := range lines {
			require.Regexp(t, "^(store|get|erase) (https?://)?"+server.Address+"$", line)
		}
		return lines
	}

	result := docker.DockerStdin(t, password, "login", "--username", "course", "--password-stdin", server.Address)
	assert.Contains(t, result.Stdout, "Login Succeeded")
	assert.NotContains(t, result.Stderr, "unencrypted")
	stored, config := calls(), course.ReadHostFile(t, file)
	assert.Contains(t, stored, "store "+server.Address)
	assert.NotContains(t, config, password, "the password should not be in config.json")
	assert.NotContains(t, config, registry.Base64(t, "course:"+password), "in no spelling")
	assert.Empty(t, auths(t, config)[server.Address].Auth, "config.json should only say that there is a login")
	secrets := filepath.Join(programs, "secrets.json")
	assert.Contains(t, course.ReadHostFile(t, secrets), password, "but with the helper")

	docker.Docker(t, "push", hello)
	assert.Contains(t, calls()[len(stored):], "get "+server.Address)

	docker.Docker(t, "logout", server.Address)
	assert.Contains(t, calls(), "erase "+server.Address)
	assert.NotContains(t, course.ReadHostFile(t, secrets), password)
	docker.DockerFails(t, "push", hello)

	course.Say(t, "The helper alone knew the password: what it forgets is forgotten.")
	login(t, docker, server, password)
	docker.Docker(t, "push", hello)
	course.Typed(t, "", "rm", secrets)
	require.NoError(t, os.Remove(secrets))
	docker.DockerFails(t, "push", hello)
}

// auths is what docker's configuration holds for each registry.
func auths(t *testing.T, config string) map[string]struct{ Auth string } {
	t.Helper()
	var read struct {
		Auths map[string]struct{ Auth string }
	}
	require.NoError(t, json.Unmarshal([]byte(config), &read))
	return read.Auths
}
