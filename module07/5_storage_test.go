package module07

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
	"docker-proven/internal/registry"
)

// A registry keeps blobs as files. Should one change, by a failing disk or by an intruder, its bytes no longer add up
// to the digest by which the manifest names it. The engine that pulls computes it again, and refuses: one doesn't need
// to trust a registry to get the image of a digest. An image whose blobs are whole comes from the same registry.
func TestATamperedBlobIsRefusedOnPull(t *testing.T) {
	server := registry.Start(t)
	for _, name := range []string{"/whole", "/tampered"} {
		build(t, server.Address+name, "RUN head -c 10000 /dev/urandom > "+name)
		course.Docker(t, "push", server.Address+name)
	}
	var manifest registry.Manifest
	server.Get(t, "/v2/tampered/manifests/latest", registry.AcceptAnyManifest).Into(t, &manifest)
	layer := manifest.Layers[len(manifest.Layers)-1].Digest
	flipABit := fmt.Sprintf(`file=%s
byte=$(dd if=$file bs=1 skip=5000 count=1 2>/dev/null | od -A n -t u1)
printf "\\$(printf %%o $((byte ^ 1)))" | dd of=$file bs=1 seek=5000 conv=notrunc 2>/dev/null`, registry.BlobPath(layer))
	server.Exec(t, flipABit)

	engine := theOtherMachine(t)
	address := server.AddressInside(t)
	engine.Docker(t, "pull", address+"/whole")
	refused := engine.DockerFails(t, "pull", address+"/tampered")
	assert.Regexp(t, "verification failed|unexpected commit digest", refused.Stderr)
	assert.Contains(t, refused.Stderr, layer)
	engine.DockerFails(t, "image", "inspect", address+"/tampered")

	course.Say(t, "The bit flipped back, the layer is what it was:")
	server.Exec(t, flipABit)
	engine.Docker(t, "pull", address+"/tampered")
	engine.Docker(t, "image", "rm", address+"/tampered", address+"/whole") // as they were not there before
}

// Deleting, as the API has it, takes a manifest out of its repository; the tag leads nowhere then. The blobs stay until
// somebody collects the garbage: what no manifest names any more. Only then there is room again. A layer that another
// image has, too, is no garbage.
func TestDeletingAndCollectingFreesTheSpace(t *testing.T) {
	server := registry.Start(t, course.Env("REGISTRY_STORAGE_DELETE_ENABLED", "true"))
	small, large := server.Address+"/small", server.Address+"/large"
	build(t, small, "RUN echo small > /small")
	course.Docker(t, "push", small)
	before := server.StoredKilobytes(t)
	course.DockerStdin(t, "FROM "+small+"\nRUN dd if=/dev/urandom of=/big bs=1024 count=4096\n",
		"build", "--quiet", "--provenance=false", "--tag", large, "-")
	digest := registry.Push(t, large)
	full := server.StoredKilobytes(t)
	assert.Greater(t, full, before+4000, "four megabytes have arrived")

	assert.Equal(t, http.StatusAccepted, server.Delete(t, "/v2/large/manifests/"+digest).Status)
	assert.Equal(t, http.StatusNotFound, server.Get(t, "/v2/large/manifests/latest", registry.AcceptAnyManifest).Status)
	assert.InDelta(t, full, server.StoredKilobytes(t), 100, "deleted, the image should take as much room as before")

	server.Exec(t, "registry garbage-collect /etc/docker/registry/config.yml")
	assert.InDelta(t, before, server.StoredKilobytes(t), 100, "collected, it should take none")
	engine, address := theOtherMachine(t), server.AddressInside(t)
	engine.Docker(t, "pull", address+"/small")
	engine.DockerFails(t, "pull", address+"/large")
}

// The collector is another process than the registry that serves, which keeps in memory which blobs it has and is told of
// nothing. Pushed again, what was collected is to it what it has already, and it stores nothing: the push succeeds, the tag
// is there, and nobody can pull it. Once the registry has been restarted it looks, and the same push brings everything.
func TestWhatWasCollectedCanBePushedAgainOnceTheRegistryIsRestarted(t *testing.T) {
	machine := course.Run(t, image.Busybox, course.Publish(0, 5000)) // it stays, and with it the registry's address
	server := registry.StartOn(t, machine, course.Env("REGISTRY_STORAGE_DELETE_ENABLED", "true"))
	hello := server.Address + "/hello"
	build(t, hello, "RUN head -c 100 /dev/urandom > /unique")
	digest := registry.Push(t, hello)
	assert.Equal(t, http.StatusAccepted, server.Delete(t, "/v2/hello/manifests/"+digest).Status)
	server.Exec(t, "registry garbage-collect /etc/docker/registry/config.yml")

	engine, address := theOtherMachine(t), server.AddressInside(t)
	assert.NotContains(t, course.Docker(t, "push", hello).Stdout, ": Pushed\n", "it should believe that it has the layer")
	var tags struct{ Tags []string }
	server.Get(t, "/v2/hello/tags/list").Into(t, &tags)
	assert.Equal(t, []string{"latest"}, tags.Tags)
	assert.Regexp(t, "manifest unknown|not found", engine.DockerFails(t, "pull", address+"/hello").Stderr)

	course.Say(t, "Restarted, the registry looks at what it has:")
	server.Stop(t)
	server.Start(t)
	server.WaitFor(t, "wget -q -O - http://localhost:5000/v2/")
	assert.Contains(t, course.Docker(t, "push", hello).Stdout, ": Pushed\n")
	engine.Docker(t, "pull", address+"/hello")
}

// Collecting by itself removes nothing that a manifest still names. Nor does pushing another image under the tag make
// room: the one before has lost its name, and is still there under its digest, for whoever pulls by that.
func TestWhatHasLostItsTagIsNotCollectedUnlessAskedFor(t *testing.T) {
	server := registry.Start(t)
	hello := server.Address + "/hello"
	build(t, hello, saying("the first"))
	first := registry.Push(t, hello)
	build(t, hello, saying("the second"))
	second := registry.Push(t, hello)

	has := func(digest string) bool {
		answer := server.Get(t, "/v2/hello/manifests/"+digest, registry.AcceptAnyManifest)
		return answer.Status == http.StatusOK
	}
	server.Exec(t, "registry garbage-collect /etc/docker/registry/config.yml")
	assert.True(t, has(first), "without a tag, it is still there")

	server.Exec(t, "registry garbage-collect --delete-untagged /etc/docker/registry/config.yml")
	assert.False(t, has(first), "what has no tag should be gone")
	assert.True(t, has(second), "what has one should be there")
}

// A registry refuses to delete unless it is set up to allow it, which is how registry:2 comes.
func TestDeletingIsRefusedUnlessTheRegistryAllowsIt(t *testing.T) {
	push := func(server *registry.Registry) (digest string) {
		build(t, server.Address+"/hello", saying("hello"))
		return registry.Push(t, server.Address+"/hello")
	}
	strict := registry.Start(t)
	digest := push(strict)
	refused := strict.Delete(t, "/v2/hello/manifests/"+digest)
	assert.Equal(t, http.StatusMethodNotAllowed, refused.Status)
	assert.Contains(t, refused.Body, "UNSUPPORTED")
	course.Docker(t, "pull", strict.Address+"/hello@"+digest)

	lenient := registry.Start(t, course.Env("REGISTRY_STORAGE_DELETE_ENABLED", "true"))
	digest = push(lenient)
	assert.Equal(t, http.StatusAccepted, lenient.Delete(t, "/v2/hello/manifests/"+digest).Status)
	course.DockerFails(t, "pull", lenient.Address+"/hello@"+digest)
}
