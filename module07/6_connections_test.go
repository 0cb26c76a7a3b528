package module07

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
	"docker-proven/internal/registry"
)

// A registry without TLS could be anybody, and the network could read and change what goes by. So an engine speaks
// plain HTTP to registries on its own machine only. The same registry under another address is refused, unless that
// address is listed in the engine's settings. (--insecure-registry is the same setting as an option of dockerd.)
func TestPlainHTTPIsAcceptedOnLoopbackOnly(t *testing.T) {
	engine := course.NewThrowawayEngine(t)
	registry.StartOn(t, engine.Container)
	busybox, address := engine.Ref(t, image.Busybox), registry.AddressOf(t, engine.Container)+":5000"
	for _, host := range []string{"localhost:5000", "127.0.0.1:5000", "127.1.2.3:5000", address} {
		engine.Docker(t, "tag", busybox, host+"/box")
	}
	engine.Docker(t, "push", "localhost:5000/box")
	engine.Docker(t, "pull", "127.0.0.1:5000/box")
	engine.Docker(t, "pull", "127.1.2.3:5000/box")

	const complaint = "server gave HTTP response to HTTPS client"
	assert.Contains(t, engine.DockerFails(t, "push", address+"/box").Stderr, complaint)
	assert.Contains(t, engine.DockerFails(t, "pull", address+"/box").Stderr, complaint)

	course.Say(t, "With an exception for this address, which the engine reads when it gets the signal HUP:")
	engine.Exec(t, `mkdir -p /etc/docker && echo '{"insecure-registries": ["`+address+`"]}' > /etc/docker/daemon.json && killall -HUP dockerd`)
	engine.WaitFor(t, "docker info --format '{{json .RegistryConfig.IndexConfigs}}' | grep "+address)
	engine.Docker(t, "push", address+"/box")
	engine.Docker(t, "pull", address+"/box")
}

// With TLS a registry may be anywhere, provided that the engine trusts whoever has signed its certificate. A company's
// own certificate authority goes into a directory named after the registry, /etc/docker/certs.d/HOST:PORT, where the
// engine looks at each connection. Until it is there, the engine refuses; and it refuses a certificate that was made
// out to somebody else, whoever has signed it.
func TestARegistryWithTLSIsAcceptedWhenItsAuthorityIsTrusted(t *testing.T) {
	const name = "registry.course"
	engine := course.NewThrowawayEngine(t, course.Hostname(name))
	serve, authority := registry.TLS(t, name)
	registry.StartOn(t, engine.Container, serve)
	busybox, address := engine.Ref(t, image.Busybox), registry.AddressOf(t, engine.Container)
	for _, host := range []string{name, address} {
		engine.Docker(t, "tag", busybox, host+":5000/box")
	}
	trust := func(host string) {
		directory := "/etc/docker/certs.d/" + host + ":5000"
		engine.Exec(t, "mkdir -p "+directory)
		course.Docker(t, "cp", "--quiet", authority, engine.Name+":"+directory+"/ca.crt")
	}
	const unknown = "certificate signed by unknown authority"
	assert.Contains(t, engine.DockerFails(t, "push", name+":5000/box").Stderr, unknown)
	trust(name)
	engine.Docker(t, "push", name+":5000/box")
	engine.Docker(t, "pull", name+":5000/box")

	course.Say(t, "The same registry by its address, to which the certificate isn't made out. Its authority is trusted there, too:")
	trust(address)
	signed := engine.Exec(t, "openssl s_client -connect "+address+":5000 -CAfile /etc/docker/certs.d/"+address+":5000/ca.crt "+
		"< /dev/null 2> /dev/null | grep -m 1 'Verify return code'")
	assert.Contains(t, signed.Stdout, "0 (ok)", "nothing but the name should be wrong")
	stranger := engine.DockerFails(t, "push", address+":5000/box").Stderr
	assert.Contains(t, stranger, "x509: cannot validate certificate for "+address)
}

// A pull-through cache is a registry that has nothing of its own. What it is asked for and doesn't have, it fetches
// from another registry, and keeps for a week. So what it has it fetches no more, however many pull it, and the images that
// have come by are there when the other registry is not. Without the cache they are gone with it, as are those that nobody has asked
// for.
func TestAPullThroughCacheServesAnImageAfterItsUpstreamIsGone(t *testing.T) {
	machine := course.Run(t, image.Busybox, course.Publish(0, 5000)) // it stays, and with it the upstream's address
	upstream := registry.StartOn(t, machine)
	for _, name := range []string{"/hello", "/rare"} {
		// All in one layer, which the engine below has from nowhere else.
		build(t, upstream.Address+name,
			"RUN head -c 100 /dev/urandom > /unique\nFROM scratch\nCOPY --from=0 / /\n"+saying(name))
		course.Docker(t, "push", upstream.Address+name)
	}
	direct := upstream.AddressInside(t)
	cache := registry.Start(t, course.Env("REGISTRY_PROXY_REMOTEURL", "http://"+direct))
	cached := cache.AddressInside(t)

	engine := theOtherMachine(t)
	run := func(reference string) string {
		said := engine.Docker(t, "run", "--rm", "--pull", "always", "--quiet", reference).Stdout
		engine.Docker(t, "image", "rm", reference)
		return said
	}
	assert.Equal(t, "/hello\n", run(direct+"/hello"))
	assert.Equal(t, "/hello\n", run(cached+"/hello"))
	course.Say(t, "The cache keeps what it passes on:")
	cache.WaitUntilStored(t, "hello", "latest")

	var manifest registry.Manifest
	upstream.Get(t, "/v2/hello/manifests/latest", registry.AcceptAnyManifest).Into(t, &manifest)
	fetched := func() int {
		mark := "/v2/" + course.Unique(t, "mark-") + "/tags/list" // a line of the log is written after the answer
		upstream.Get(t, mark)
		course.Eventually(t, "the other registry's log tells of the mark", func() bool { return upstream.Requests(t, mark) > 0 })
		return upstream.Requests(t, "/v2/hello/blobs/"+manifest.Layers[0].Digest)
	}
	course.Say(t, "Pulled three times more from the cache, the layer isn't fetched from the other registry:")
	before := fetched()
	for range 3 {
		run(cached + "/hello")
	}
	assert.Equal(t, before, fetched())
	course.Say(t, "Pulled from the other registry itself, it is:")
	run(direct + "/hello")
	assert.Greater(t, fetched(), before)

	course.Say(t, "It has the other image, too, which nobody asks the cache for:")
	assert.Equal(t, "/rare\n", run(direct+"/rare"))

	upstream.Remove(t)
	assert.Equal(t, "/hello\n", run(cached+"/hello"), "the cache should still have it")
	engine.DockerFails(t, "pull", direct+"/hello")
	engine.DockerFails(t, "pull", cached+"/rare")
}
