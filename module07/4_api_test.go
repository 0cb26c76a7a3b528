package module07

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
	"docker-proven/internal/registry"
)

// A registry is a web server: whatever docker does there it does by HTTP, and so can curl. The catalog lists the
// repositories, and each repository lists its tags. What nobody has pushed isn't there.
func TestTheCatalogListsRepositoriesAndEachOfThemItsTags(t *testing.T) {
	server := registry.Start(t)
	assert.JSONEq(t, `{"repositories": []}`, server.Get(t, "/v2/_catalog").Body)

	hello := course.Unique(t, "hello-")
	build(t, hello, saying("hello"))
	for _, name := range []string{"/hello:1", "/hello:2", "/crew/greeter:latest"} {
		course.Docker(t, "tag", hello, server.Address+name)
		course.Docker(t, "push", "--quiet", server.Address+name)
	}
	assert.JSONEq(t, `{"repositories": ["crew/greeter", "hello"]}`, server.Get(t, "/v2/_catalog").Body)
	var hellos struct{ Tags []string }
	server.Get(t, "/v2/hello/tags/list").Into(t, &hellos)
	assert.ElementsMatch(t, []string{"1", "2"}, hellos.Tags)

	missing := server.Get(t, "/v2/goodbye/tags/list")
	assert.Equal(t, http.StatusNotFound, missing.Status)
	assert.Contains(t, missing.Body, "NAME_UNKNOWN")
}

// A manifest is what a registry knows about an image: a JSON document with the digests of its configuration (the
// command, the environment, the platform) and of its layers. Under each digest the registry has a blob, which is those
// bytes: the digest is what they add up to. Three kinds of things, each found by the digest in the one before.
func TestAManifestNamesTheConfigurationAndTheLayersByTheirDigests(t *testing.T) {
	server := registry.Start(t)
	hello := server.Address + "/hello:1"
	build(t, hello, "RUN echo hello > /greeting\nCMD [\"cat\", \"/greeting\"]")
	course.Docker(t, "push", hello)

	var manifest registry.Manifest
	server.Get(t, "/v2/hello/manifests/1", registry.AcceptAnyManifest).Into(t, &manifest)
	assert.Len(t, manifest.Layers, len(course.Layers(t, hello)))
	for _, part := range append(manifest.Layers, manifest.Config) {
		blob := server.Get(t, "/v2/hello/blobs/"+part.Digest)
		assert.Equal(t, http.StatusOK, blob.Status)
		assert.Len(t, blob.Body, part.Size)
		assert.Equal(t, part.Digest, registry.Digest(blob.Body))
	}
	var configuration struct{ Config struct{ Cmd []string } }
	server.Get(t, "/v2/hello/blobs/"+manifest.Config.Digest).Into(t, &configuration)
	assert.Equal(t, []string{"cat", "/greeting"}, configuration.Config.Cmd)

	absent := server.Get(t, "/v2/hello/blobs/"+registry.Digest("what nobody has pushed"))
	assert.Equal(t, http.StatusNotFound, absent.Status)
}

// One name can stand for an image on each platform. Then the tag points to an index, which lists a manifest for each
// operating system and processor, and an engine takes the one that is for it, or the one that --platform asks for. A
// tag that points to a single manifest has one image for all, whatever is asked for. (Neither image runs anything while
// it is built, so that it can be built for any processor.)
func TestAnIndexHasAnImageForEachPlatform(t *testing.T) {
	server := registry.Start(t)
	mine := strings.TrimSpace(course.Docker(t, "version", "--format", "{{.Server.Arch}}").Stdout)
	other := map[string]string{"amd64": "arm64"}[mine]
	if other == "" {
		other = "amd64"
	}
	name := server.Address + "/hello"
	digests := map[string]string{}
	for _, architecture := range []string{mine, other} {
		course.DockerStdin(t, "FROM scratch\nCMD [\"/hello\"]\n", "build", "--quiet", "--provenance=false",
			"--platform", "linux/"+architecture, "--tag", name+":"+architecture, "-")
		digests[architecture] = registry.Push(t, name+":"+architecture)
		course.Docker(t, "image", "rm", name+":"+architecture)
	}
	course.Docker(t, "buildx", "imagetools", "create", "--tag", name+":1", name+":"+mine, name+":"+other)

	var index registry.Index
	server.Get(t, "/v2/hello/manifests/1", registry.AcceptAnyManifest).Into(t, &index)
	require.Len(t, index.Manifests, 2)
	for _, entry := range index.Manifests {
		assert.Equal(t, digests[entry.Platform.Architecture], entry.Digest, "the index should point to what was pushed")
	}

	course.Say(t, "An image's platform shows in the containers that can be made of it: for the other platform docker refuses. (--pull "+
		"never keeps it from pulling that one, and none is started, for which this machine may have the wrong processor.)")
	pull := func(tag string, flags ...string) (architectures []string) {
		course.DockerTries(t, append(append([]string{"pull"}, flags...), name+":"+tag)...)
		for _, architecture := range []string{mine, other} {
			created := course.DockerTries(t, "create", "--pull", "never", "--platform", "linux/"+architecture, name+":"+tag)
			if created.ExitCode == 0 {
				architectures = append(architectures, architecture)
				course.Docker(t, "rm", strings.TrimSpace(created.Stdout))
			}
		}
		course.DockerTries(t, "image", "rm", name+":"+tag)
		return architectures
	}
	assert.Equal(t, []string{mine}, pull("1"), "pulled without --platform, the image should be for the engine's")
	assert.Equal(t, []string{other}, pull("1", "--platform", "linux/"+other), "the image should be for the platform asked for")
	course.Say(t, "The single manifest has nothing for the other platform (engines warn or refuse):")
	assert.Equal(t, []string{mine}, pull(mine))
	assert.NotContains(t, pull(mine, "--platform", "linux/"+other), other)
}

// The tag of an image for one platform leads to its manifest, if the build was told so. By itself BuildKit adds an attestation:
// a second document, of what the image was made and how, which one can read and doesn't run. Where the engine keeps its images in
// containerd, as freshly installed ones do since version 29, it goes with the image, and so there is an index for two.
func TestABuildAddsAnAttestationAndWithItAnIndexUnlessToldNotTo(t *testing.T) {
	server := registry.Start(t)
	engine := course.NewThrowawayEngine(t, course.ContainerdStore(t), course.Command("--insecure-registry", "0.0.0.0/0"))
	busybox, address := engine.Ref(t, image.Busybox), server.AddressInside(t)
	platforms := func(tag string, flags ...string) (platforms []string) {
		name := address + "/hello:" + tag
		line := append(append([]string{"build", "--quiet"}, flags...), "--tag", name, "-")
		engine.DockerStdin(t, "FROM "+busybox+"\n"+saying("hello")+"\n", line...)
		engine.Docker(t, "push", "--quiet", name)
		var index registry.Index
		server.Get(t, "/v2/hello/manifests/"+tag, registry.AcceptAnyManifest).Into(t, &index)
		for _, entry := range index.Manifests {
			platforms = append(platforms, entry.Platform.OS)
		}
		return platforms
	}
	assert.Empty(t, platforms("plain", "--provenance=false"), "without an attestation there should be a manifest and no index")
	assert.ElementsMatch(t, []string{"linux", "unknown"}, platforms("attested"), "the attestation is for no platform")

	course.Say(t, "It tells what the image was made of, to everybody who may pull it:")
	told := func(tag string) string {
		return course.Docker(t, "buildx", "imagetools", "inspect", "--format", "{{json .Provenance}}", server.Address+"/hello:"+tag).Stdout
	}
	assert.Contains(t, told("attested"), "pkg:docker/busybox")
	assert.NotContains(t, told("plain"), "pkg:docker")
}
