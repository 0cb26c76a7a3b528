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
)

// A tag is a name that whoever may push can give to another image: who runs the tag tomorrow may run something else.
// A digest is computed from the image itself, so it can't mean anything else. (The digest is what `docker push` prints.)
func TestAMovedTagRunsAnotherImageWhileADigestDoesNot(t *testing.T) {
	registry := startRegistry(t)
	digest := registry.push(t, "app:1", "what we released")
	run := func(name string) string {
		return course.Docker(t, "run", "--rm", "--pull", "always", "--quiet", registry.published+"/"+name).Stdout
	}
	assert.Equal(t, "what we released\n", run("app:1"))

	course.Say(t, "Somebody else pushes an image of theirs under the same tag:")
	registry.push(t, "app:1", "what they made of it")
	assert.Equal(t, "what they made of it\n", run("app:1"), "the tag has moved")
	assert.Equal(t, "what we released\n", run("app@"+digest), "the digest has not")
}

// A signature says who vouches for an image: the private key signs its digest, and the registry keeps the signature beside
// it. Before the image is used, whoever has the public key verifies it. An image that nobody signed is refused, by an
// exit status that stops a script. (Public projects put their signatures into a public log as well, Sigstore's. What is
// signed with a key of this lesson's own is in no log, which the tool is told.)
func TestASignedImageVerifiesAndAnUnsignedOneIsRefused(t *testing.T) {
	registry, key := startRegistry(t), newKey(t)
	signed := "app@" + registry.push(t, "app:1", "signed")
	unsigned := "app@" + registry.push(t, "app:2", "not signed")

	registry.sign(t, key, signed)
	registry.verify(t, key, signed)
	assert.Contains(t, registry.verifyFails(t, key, unsigned), "no signatures found")
	assert.Contains(t, registry.verifyFails(t, key, "app:2"), "no signatures found")
}

// What is signed is the digest, not the tag. When the tag is moved to an altered image, the signature doesn't come
// along: verification of the tag is refused from then on. The image that was signed still verifies.
func TestAnAlteredImageUnderASignedTagIsRefused(t *testing.T) {
	registry, key := startRegistry(t), newKey(t)
	digest := registry.push(t, "app:1", "what we released")
	registry.sign(t, key, "app@"+digest)
	registry.verify(t, key, "app:1")

	registry.push(t, "app:1", "what they made of it")
	assert.Contains(t, registry.verifyFails(t, key, "app:1"), "no signatures found")
	registry.verify(t, key, "app@"+digest)
}

// Everybody can make a key and sign with it. A signature is worth something only against the public key of the one whom
// you trust: the same image, verified with another key, is refused until the owner of that key has signed it, too.
func TestASignatureByAnotherKeyIsRefused(t *testing.T) {
	registry, ours, theirs := startRegistry(t), newKey(t), newKey(t)
	name := "app@" + registry.push(t, "app:1", "signed by somebody")
	registry.sign(t, theirs, name)
	registry.verify(t, theirs, name)
	assert.Contains(t, registry.verifyFails(t, ours, name), "failed to verify signature")
	assert.Contains(t, registry.verifyFails(t, ours, "app:1"), "failed to verify signature")

	registry.sign(t, ours, name)
	registry.verify(t, ours, name)
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

// A registry of the lesson's own. The docker command finds it where its port is published; cosign, which runs in its
// network, at localhost.
type registry struct {
	*course.Container
	published string
}

func startRegistry(t *testing.T) registry {
	t.Helper()
	container := course.Run(t, image.Registry, course.Publish(0, 5000))
	container.WaitFor(t, "wget -q -O - http://127.0.0.1:5000/v2/")
	return registry{container, container.Endpoint(t, 5000)}
}

// push builds an image that prints a text, pushes it, and returns its digest.
func (r registry) push(t *testing.T, name, text string) (digest string) {
	t.Helper()
	reference := r.published + "/" + name
	course.DockerStdin(t, "FROM "+course.Ref(t, image.Busybox)+`
CMD ["echo", "`+text+`"]
`, "build", "--quiet", "--tag", reference, "-")
	said := course.Docker(t, "push", reference).Stdout // its last line is "TAG: digest: sha256:… size: …"
	_, digest, _ = strings.Cut(said, " digest: ")
	digest, _, _ = strings.Cut(digest, " ")
	return digest
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

func (r registry) sign(t *testing.T, k key, name string) {
	t.Helper()
	course.Docker(t, k.cosign(t, "container:"+r.Name, "sign", "--key", "cosign.key", "--signing-config", "no-log.json",
		"localhost:5000/"+name)...)
}

func (r registry) verification(t *testing.T, k key, name string) []string {
	t.Helper()
	return k.cosign(t, "container:"+r.Name, "verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "localhost:5000/"+name)
}

func (r registry) verify(t *testing.T, k key, name string) {
	t.Helper()
	verified := course.Docker(t, r.verification(t, k, name)...)
	assert.Contains(t, verified.Stderr, "The signatures were verified against the specified public key")
}

func (r registry) verifyFails(t *testing.T, k key, name string) (complaint string) {
	t.Helper()
	return course.DockerFails(t, r.verification(t, k, name)...).Stderr
}
