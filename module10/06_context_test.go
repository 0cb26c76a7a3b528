package module10

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Contexts: which engine the docker command talks to. Each of these rows has a configuration of its own, in which no
// engine is named.
var contextRows = []row{
	{"context create", "writes down under a name how to reach an engine", "by that name, docker reaches it",
		func(t *testing.T, w workbench) {
			named := w.withoutContexts(t)
			named.DockerFails(t, "--context", w.name, "info")
			named.do(t, w.name, "--docker", w.engine.ContextEndpoint())
			name := named.Docker(t, "--context", w.name, "info", "--format", "{{.Name}}").Stdout
			assert.Equal(t, w.engine.Exec(t, "hostname").Stdout, name)
		}},

	{"context export", "writes a context with its private key to a file, for another machine",
		"the file has the engine's address, the certificates and the key",
		func(t *testing.T, w workbench) {
			inside, directory := w.withContext(t).inDirectory(t, nil)
			inside.do(t, w.name, "out.tar")
			files := filesInArchive(t, filepath.Join(directory, "out.tar"))
			address := inside.Docker(t, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", w.name).Stdout
			assert.Contains(t, files["meta.json"], `"`+strings.TrimSpace(address)+`"`)
			assert.Contains(t, files["tls/docker/cert.pem"], "BEGIN CERTIFICATE")
			assert.Regexp(t, "BEGIN .*PRIVATE KEY", files["tls/docker/key.pem"])
		}},

	{"context import", "reads such a file", "the context is there under its new name, and reaches the engine",
		func(t *testing.T, w workbench) {
			inside, _ := w.withContext(t).inDirectory(t, nil)
			inside.Docker(t, "context", "export", w.name, "out.tar")
			require.False(t, inside.has(t, "context", "imported"))
			inside.do(t, "imported", "out.tar")
			inside.Docker(t, "--context", "imported", "version")
		}},

	{"context inspect", "shows everything about a context", "the description that it was made with",
		func(t *testing.T, w workbench) {
			named := w.withContext(t)
			assert.Contains(t, named.do(t, "--format", "{{json .Metadata}}", w.name).Stdout, "throwaway")
		}},

	{"context ls", "lists contexts", "the new one, beside the default one",
		func(t *testing.T, w workbench) {
			named := w.withContext(t)
			assert.Equal(t, w.name+"\ndefault\n", named.do(t, "--format", "{{.Name}}").Stdout)
		}},

	{"context rm", "removes contexts", "it was there, and is gone",
		func(t *testing.T, w workbench) {
			named := w.withContext(t)
			require.True(t, named.has(t, "context", w.name))
			named.do(t, w.name)
			assert.False(t, named.has(t, "context", w.name))
		}},

	{"context show", "prints the name of the context in use", "default, and then the one that is used",
		func(t *testing.T, w workbench) {
			named := w.withContext(t)
			assert.Equal(t, "default\n", named.do(t).Stdout)
			named.Docker(t, "context", "use", w.name)
			assert.Equal(t, w.name+"\n", named.do(t).Stdout)
		}},

	{"context update", "changes a context", "its description before and after",
		func(t *testing.T, w workbench) {
			named := w.withContext(t)
			require.Contains(t, named.about(t, "context", w.name, "{{json .Metadata}}"), "throwaway")
			named.do(t, w.name, "--description", "changed")
			assert.Contains(t, named.about(t, "context", w.name, "{{json .Metadata}}"), "changed")
		}},

	{"context use", "makes a context the one in use", "docker reaches its engine without being told",
		func(t *testing.T, w workbench) {
			named := w.withContext(t)
			named.do(t, w.name)
			name := named.Docker(t, "info", "--format", "{{.Name}}").Stdout
			assert.Equal(t, w.engine.Exec(t, "hostname").Stdout, name)
		}},
}

// withoutContexts is the workbench with a docker command that no environment variable tells which engine to use.
func (w workbench) withoutContexts(t *testing.T) workbench {
	t.Helper()
	w.CLI = w.CLI.WithoutEngine().WithOwnConfiguration(t)
	return w
}

// withContext is that with a context for the throwaway engine, which has the row's name.
func (w workbench) withContext(t *testing.T) workbench {
	t.Helper()
	w = w.withoutContexts(t)
	w.Docker(t, "context", "create", w.name, "--description", "throwaway", "--docker", w.engine.ContextEndpoint())
	return w
}

// A context is a name for how to reach an engine: an address and, where the engine asks for them, certificates and a private
// key. The docker command keeps contexts in its configuration; these rows have one of their own.
func TestEveryContextSubcommandDoesWhatTheCardSays(t *testing.T) { performAll(t, "context") }
