// Package registry gives lessons a registry of their own, and a client that asks its HTTP API.
package registry

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A Registry is one in a container.
type Registry struct {
	*course.Container
	Address string            // where this machine and its engine reach it: 127.0.0.1 and a port
	network *course.Container // the one whose network it has
}

// Start runs a registry, published on the host, and returns when it serves.
func Start(t *testing.T, options ...course.Option) *Registry {
	t.Helper()
	container := course.Run(t, image.Registry, append([]course.Option{course.Publish(0, 5000)}, options...)...)
	container.WaitForLog(t, "listening on")
	return &Registry{Container: container, network: container, Address: container.Endpoint(t, 5000)}
}

// StartOn runs a registry in the network of another container, as if on its machine: the registry listens on port 5000
// of that container's localhost, and of its address. It has an Address if the other container publishes that port.
func StartOn(t *testing.T, machine *course.Container, options ...course.Option) *Registry {
	t.Helper()
	options = append([]course.Option{course.Network("container:" + machine.Name)}, options...)
	container := course.Run(t, image.Registry, options...)
	container.WaitForLog(t, "listening on")
	r := &Registry{Container: container, network: machine}
	if published := course.Docker(t, "port", machine.Name).Stdout; regexp.MustCompile(`(?m)^5000/tcp `).MatchString(published) {
		r.Address = machine.Endpoint(t, 5000)
	}
	return r
}

// AddressOf is a container's address in the network, by which other containers of the same engine reach it.
func AddressOf(t *testing.T, container *course.Container) string {
	t.Helper()
	format := "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
	return strings.TrimSpace(course.Docker(t, "inspect", "--format", format, container.Name).Stdout)
}

// AddressInside is where other containers of the same engine reach the registry.
func (r *Registry) AddressInside(t *testing.T) string {
	t.Helper()
	return AddressOf(t, r.network) + ":5000"
}

// Password makes a registry ask who is there: it lets in user, with that password.
func Password(t *testing.T, user, password string) course.Option {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	directory := course.Directory(t, map[string]string{"htpasswd": user + ":" + string(hash) + "\n"})
	return course.Options(
		course.Volume(directory, "/auth", "ro"),
		course.Env("REGISTRY_AUTH", "htpasswd"),
		course.Env("REGISTRY_AUTH_HTPASSWD_REALM", "course"),
		course.Env("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"))
}

// Get asks for a path of the registry's API with Go's own HTTP client. A header is "Name: value".
func (r *Registry) Get(t *testing.T, path string, headers ...string) course.Answer {
	t.Helper()
	return r.ask(t, http.MethodGet, path, headers)
}

// Delete asks the registry to delete what is at a path of its API.
func (r *Registry) Delete(t *testing.T, path string) course.Answer {
	t.Helper()
	return r.ask(t, http.MethodDelete, path, nil)
}

func (r *Registry) ask(t *testing.T, method, path string, headers []string) course.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	url := "http://" + r.Address + path
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	require.NoError(t, err)
	words := []string{"curl", "--include"}
	if method != http.MethodGet {
		words = append(words, "--request", method)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
		words = append(words, "--header", header)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)

	telling := response.Proto + " " + response.Status + "\n"
	for _, name := range []string{"Content-Type", "Docker-Content-Digest", "Www-Authenticate"} {
		if value := response.Header.Get(name); value != "" {
			telling += name + ": " + value + "\n"
		}
	}
	shown := string(body)
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/octet-stream") {
		shown = fmt.Sprintf("(%d bytes)", len(body))
	}
	course.Typed(t, telling+"\n"+shown, append(words, url)...)
	return course.Answer{Status: response.StatusCode, Header: response.Header, Body: string(body)}
}

// AcceptAnyManifest is the header by which a client says that it understands each kind of manifest and index. A
// registry may answer those who don't say so with an older kind, or not at all.
const AcceptAnyManifest = "Accept: application/vnd.oci.image.index.v1+json, " +
	"application/vnd.oci.image.manifest.v1+json, " +
	"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"

// BasicAuth is the header by which a client says who it is.
func BasicAuth(t *testing.T, user, password string) string {
	return "Authorization: Basic " + Base64(t, user+":"+password)
}

// Base64 is a secret in another spelling, which the lesson's transcript doesn't show either.
func Base64(t *testing.T, secret string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	course.Hide(t, encoded)
	return encoded
}

// Digest is what the registry, or anybody, calls content: the SHA-256 of its bytes.
func Digest(content string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))) }

var digest = regexp.MustCompile(`[Dd]igest: (sha256:[0-9a-f]{64})`)

// DigestIn is the digest that `docker push` or `docker pull` has printed.
func DigestIn(t *testing.T, result course.Result) string {
	t.Helper()
	found := digest.FindStringSubmatch(result.Stdout)
	require.NotNil(t, found, "docker should have printed a digest: %s", result.Output())
	return found[1]
}

// Push pushes an image and returns its digest.
func Push(t *testing.T, reference string) (digest string) {
	t.Helper()
	return DigestIn(t, course.Docker(t, "push", reference))
}

// Uploads is how many blobs, layers and configurations alike, clients have uploaded to a repository, as told by the
// registry's own log. It waits until the log tells of the manifest with that tag, which is pushed last, and of as many
// uploads as are expected: lines about requests that overlap may be in any order.
func (r *Registry) Uploads(t *testing.T, repository, tag string, expected int) (count int) {
	t.Helper()
	r.WaitForLog(t, `"PUT /v2/`+repository+"/manifests/"+tag+` HTTP/1.1" 201`)
	line := regexp.MustCompile(`"PUT /v2/` + repository + `/blobs/uploads/[^"]*" 201 `)
	course.Eventually(t, fmt.Sprintf("the log tells of %d uploads to %s", expected, repository), func() bool {
		count = len(line.FindAllString(r.Logs(t).Stdout, -1))
		return count >= expected
	})
	course.Say(t, "The log tells of %d uploads to %s.", count, repository)
	return count
}

// BlobPath is where the registry keeps a blob in its storage.
func BlobPath(digest string) string {
	hash := strings.TrimPrefix(digest, "sha256:")
	return "/var/lib/registry/docker/registry/v2/blobs/sha256/" + hash[:2] + "/" + hash + "/data"
}

// StoredKilobytes is how much room the blobs take in the registry's storage.
func (r *Registry) StoredKilobytes(t *testing.T) int {
	t.Helper()
	size, _, _ := strings.Cut(r.Exec(t, "du -sk /var/lib/registry/docker/registry/v2/blobs").Stdout, "\t")
	kilobytes, err := strconv.Atoi(size)
	require.NoError(t, err)
	return kilobytes
}

// Requests is how often clients have read a path of the API, as told by the registry's own log.
func (r *Registry) Requests(t *testing.T, path string) int {
	t.Helper()
	line := regexp.MustCompile(`"(GET|HEAD) ` + regexp.QuoteMeta(path) + `[ ?]`)
	return len(line.FindAllString(r.Logs(t).Stdout, -1))
}

// WaitUntilStored waits until all blobs of an image are in the registry's storage: a cache answers before they are.
func (r *Registry) WaitUntilStored(t *testing.T, repository, tag string) {
	t.Helper()
	var manifest Manifest
	r.Get(t, "/v2/"+repository+"/manifests/"+tag, AcceptAnyManifest).Into(t, &manifest)
	for _, blob := range append(manifest.Layers, manifest.Config) {
		r.WaitFor(t, "test -e "+BlobPath(blob.Digest))
	}
}
