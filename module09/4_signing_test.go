package module09

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
	"docker-proven/internal/registry"
)

// A tag is a name that whoever may push can give to another image: who runs the tag tomorrow may run something else.
// A digest is computed from the image itself, so it can't mean anything else. (The digest is what `docker push` prints.)
func TestAMovedTagRunsAnotherImageWhileADigestDoesNot(t *testing.T) {
	server := newShelf(t)
	digest := server.push(t, "app:1", "what we released")
	run := func(name string) string {
		return course.Docker(t, "run", "--rm", "--pull", "always", "--quiet", server.Address+"/"+name).Stdout
	}
	assert.Equal(t, "what we released\n", run("app:1"))

	course.Say(t, "Somebody else pushes an image of theirs under the same tag:")
	server.push(t, "app:1", "what they made of it")
	assert.Equal(t, "what they made of it\n", run("app:1"), "the tag has moved")
	assert.Equal(t, "what we released\n", run("app@"+digest), "the digest has not")
}

// A signature says who vouches for an image: the private key signs its digest, and the registry keeps the signature beside
// it. Before the image is used, whoever has the public key verifies it. An image that nobody signed is refused, by an
// exit status that stops a script. (Public projects put their signatures into a public log as well, Sigstore's. What is
// signed with a key of this lesson's own is in no log, which the tool is told.)
func TestASignedImageVerifiesAndAnUnsignedOneIsRefused(t *testing.T) {
	server, key := newShelf(t), newKey(t)
	signed := "app@" + server.push(t, "app:1", "signed")
	unsigned := "app@" + server.push(t, "app:2", "not signed")

	server.sign(t, key, signed)
	server.verify(t, key, signed)
	assert.Contains(t, server.verifyFails(t, key, unsigned), "no signatures found")
	assert.Contains(t, server.verifyFails(t, key, "app:2"), "no signatures found")
}

// What is signed is the digest, not the tag. When the tag is moved to an altered image, the signature doesn't come
// along: verification of the tag is refused from then on. The image that was signed still verifies.
func TestAnAlteredImageUnderASignedTagIsRefused(t *testing.T) {
	server, key := newShelf(t), newKey(t)
	digest := server.push(t, "app:1", "what we released")
	server.sign(t, key, "app@"+digest)
	server.verify(t, key, "app:1")

	server.push(t, "app:1", "what they made of it")
	assert.Contains(t, server.verifyFails(t, key, "app:1"), "no signatures found")
	server.verify(t, key, "app@"+digest)
}

// Everybody can make a key and sign with it. A signature is worth something only against the public key of the one whom
// you trust: the same image, verified with another key, is refused until the owner of that key has signed it, too.
func TestASignatureByAnotherKeyIsRefused(t *testing.T) {
	server, ours, theirs := newShelf(t), newKey(t), newKey(t)
	name := "app@" + server.push(t, "app:1", "signed by somebody")
	server.sign(t, theirs, name)
	server.verify(t, theirs, name)
	assert.Contains(t, server.verifyFails(t, ours, name), "failed to verify signature")
	assert.Contains(t, server.verifyFails(t, ours, "app:1"), "failed to verify signature")

	server.sign(t, ours, name)
	server.verify(t, ours, name)
}

// A signature says who vouches for an image; its provenance says what it was made of. The builder writes it down: the base,
// by its digest, and with mode=max all that the build was told, down to the Dockerfile. So it can be looked up later which
// images were made from a base that turned out to be bad. With an image that is pushed it goes along, for everybody to read
// (docker buildx imagetools inspect --format '{{json .Provenance}}'), and with it each build argument: one more reason to
// keep secrets out of those. What came in by --secret is not in it. (It takes an engine with the containerd image store, or
// a builder of its own: docker buildx create. Here the build's output is a directory, in which the provenance is a file.)
func TestProvenanceTellsWhatAnImageWasMadeOf(t *testing.T) {
	engine := course.NewThrowawayEngine(t, course.ContainerdStore(t))
	busybox := engine.Ref(t, image.Busybox)
	id := engine.Docker(t, "image", "inspect", "--format", "{{.Id}}", busybox).Stdout
	base := strings.TrimPrefix(strings.TrimSpace(id), "sha256:")
	argument, secret := course.Unique(t, "argument-"), course.Secret(t)
	dockerfile := "FROM " + busybox + ` AS build
ARG STAGE
RUN --mount=type=secret,id=token sha256sum /run/secrets/token > /made
FROM scratch
COPY --from=build /made /made
`
	source := course.Directory(t, map[string]string{"token": secret, ".dockerignore": "token\n", "Dockerfile": dockerfile})
	out := filepath.Join(course.HostDirectory(t), "out")
	build := func(provenance string) {
		engine.Docker(t, "build", "--quiet", "--provenance", provenance, "--build-arg", "STAGE="+argument,
			"--secret", "id=token,src="+filepath.Join(source, "token"), "--output", "type=local,dest="+out, source)
	}
	file := filepath.Join(out, "provenance.json")
	holds := func(text string) bool {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var found strings.Builder
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, text) {
				found.WriteString(line)
			}
		}
		course.Typed(t, found.String(), "grep", text, file)
		return found.Len() > 0
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(dockerfile))
	build("mode=min")
	assert.True(t, holds(base), "it should hold the digest of the base")
	assert.False(t, holds(argument), "it should not hold the build argument")
	assert.False(t, holds(encoded), "it should not hold the Dockerfile")
	build("mode=max")
	assert.True(t, holds(base), "it should hold the digest of the base")
	assert.True(t, holds(argument), "it should hold the build argument")
	assert.True(t, holds(encoded), "it should hold the Dockerfile, in base64")
	assert.False(t, holds(secret), "it should not hold the build secret")

	course.Say(t, "Without provenance:")
	require.NoError(t, os.Remove(file))
	build("false")
	assert.NoFileExists(t, file)
}

// A shelf is a registry of the lesson's own, for images and their signatures. The docker command finds it where its port is
// published; cosign, which runs in its network, at localhost.
type shelf struct{ *registry.Registry }

func newShelf(t *testing.T) shelf {
	t.Helper()
	return shelf{registry.Start(t)}
}

// push builds an image that prints a text, pushes it, and returns its digest.
func (s shelf) push(t *testing.T, name, text string) (digest string) {
	t.Helper()
	reference := s.Address + "/" + name
	course.DockerStdin(t, "FROM "+course.Ref(t, image.Busybox)+`
CMD ["echo", "`+text+`"]
`, "build", "--quiet", "--tag", reference, "-")
	return registry.Push(t, reference)
}

// A key is a pair, private and public, in a volume that goes with the lesson.
type key struct{ volume, password string }

func newKey(t *testing.T) key {
	t.Helper()
	k := key{course.NewVolume(t, "keys"), course.Secret(t)}
	course.Docker(t, k.cosign(t, "none", "generate-key-pair")...)
	course.Docker(t, k.cosign(t, "none", "signing-config", "create", "--out", "no-log.json")...)
	return k
}

// cosign is the command line of cosign in the directory with the key. As the volume is root's, so is the process.
func (k key) cosign(t *testing.T, network string, arguments ...string) []string {
	t.Helper()
	return append([]string{"run", "--rm", "--network", network, "--user", "0:0", "--volume", k.volume + ":/keys",
		"--workdir", "/keys", "--env", "COSIGN_PASSWORD=" + k.password, course.Ref(t, image.Cosign)}, arguments...)
}

func (s shelf) sign(t *testing.T, k key, name string) {
	t.Helper()
	course.Docker(t, k.cosign(t, "container:"+s.Name, "sign", "--key", "cosign.key", "--signing-config", "no-log.json",
		"localhost:5000/"+name)...)
}

func (s shelf) verification(t *testing.T, k key, name string) []string {
	t.Helper()
	return k.cosign(t, "container:"+s.Name, "verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "localhost:5000/"+name)
}

func (s shelf) verify(t *testing.T, k key, name string) {
	t.Helper()
	verified := course.Docker(t, s.verification(t, k, name)...)
	assert.Contains(t, verified.Stderr, "The signatures were verified against the specified public key")
}

func (s shelf) verifyFails(t *testing.T, k key, name string) (complaint string) {
	t.Helper()
	return course.DockerFails(t, s.verification(t, k, name)...).Stderr
}
