package standin_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// startEngine runs an engine in a container and gives it busybox.
func startEngine(t *testing.T, options ...course.Option) (engine *course.Container, busybox string) {
	t.Helper()
	engine = course.Run(t, image.DockerInDocker, append(options, course.Privileged())...)
	engine.WaitForLog(t, "API listen on /var/run/docker.sock")
	busybox = course.Ref(t, image.Busybox)
	course.Script(t, t.TempDir(), "docker save "+busybox+" | docker exec --interactive "+engine.Name+" docker load")
	return engine, busybox
}

// An engine in a container runs containers of its own, which find each other on a network of its own, publish their
// ports, and are held to limits. None of it is seen by the engine outside (official images: docker-dind).
func TestAnEngineRunsInAContainer(t *testing.T) {
	engine, busybox := startEngine(t)
	engine.Exec(t, "docker network create inner")
	engine.Exec(t, "docker run --detach --name web --network inner --publish 8000:80 "+busybox+
		" sh -c 'echo hello > index.html && httpd -f -p 80'")
	fetch := "docker run --rm --network inner " + busybox + " wget -q -O - http://web/"
	engine.WaitFor(t, fetch)
	assert.Equal(t, "hello\n", engine.Exec(t, fetch).Stdout)
	assert.Equal(t, "hello\n", engine.Exec(t, "wget -q -O - http://127.0.0.1:8000/").Stdout)
	engine.ExecFails(t, "docker run --rm "+busybox+" wget -q -O - http://web/")

	limit := "cat /sys/fs/cgroup/memory.max || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
	result := engine.Exec(t, "docker run --rm --memory 64m --cpus 0.5 --pids-limit 50 "+busybox+" sh -c '"+limit+"'")
	assert.Equal(t, "67108864\n", result.Stdout)

	engine.ExecFails(t, "docker run --rm "+busybox+" sh -c 'exit 1'")
	engine.Exec(t, "docker run --detach --name other "+busybox+" sleep 600")
	assert.Equal(t, "other\nweb\n", engine.Exec(t, "docker ps --format '{{.Names}}' | sort").Stdout)
	engine.Exec(t, "docker rm --force web other")
	outside := course.Docker(t, "network", "ls", "--quiet", "--filter", "name=^inner$")
	assert.Empty(t, outside.Stdout)
}

// The engine comes with build and compose, and says which version it is.
func TestAnEngineInAContainerBuildsAndComposes(t *testing.T) {
	engine, busybox := startEngine(t)
	engine.Exec(t, `printf 'FROM `+busybox+`\nRUN echo built > /made\nCMD ["cat", "/made"]\n' | docker build --tag made -`)
	assert.Equal(t, "built\n", engine.Exec(t, "docker run --rm made").Stdout)

	engine.Exec(t, `mkdir /tmp/p && printf 'services:\n  a:\n    image: made\n' > /tmp/p/compose.yaml`)
	assert.Contains(t, engine.Exec(t, "cd /tmp/p && docker compose up").Output(), "built")
	engine.Exec(t, "docker buildx version && docker-compose version")
	engine.ExecFails(t, "docker no-such-command")

	version := strings.TrimSpace(engine.Exec(t, "echo $DOCKER_VERSION").Stdout)
	assert.NotEmpty(t, version)
	said := engine.Exec(t, "docker version --format '{{.Client.Version}}\n{{.Server.Version}}'").Stdout
	for line := range strings.Lines(said) {
		assert.True(t, strings.HasPrefix(line, version), "%s should begin with %s", line, version)
	}
}

// An engine that was killed starts again, and still has its images and containers.
func TestAKilledEngineStartsAgain(t *testing.T) {
	engine, busybox := startEngine(t)
	engine.Exec(t, "docker create --name kept "+busybox+" true")
	engine.Stop(t)
	engine.Start(t)
	engine.WaitFor(t, "docker version")
	assert.Equal(t, "kept\n", engine.Exec(t, "docker ps --all --format '{{.Names}}'").Stdout)
	engine.Exec(t, "docker start --attach kept")
}

// The engine serves other containers on port 2376, to those who hold the certificates that it makes. A client of the
// same image finds both by itself.
func TestAnEngineInAContainerServesOthersWithCertificates(t *testing.T) {
	network := course.NewNetwork(t, "contract")
	certificates := course.NewVolume(t, "certificates")
	engine := course.Run(t, image.DockerInDocker, course.Privileged(), course.Join(network, "docker"),
		course.Volume(certificates, "/certs/client"))
	engine.WaitForLog(t, "API listen on /var/run/docker.sock")

	client, list := course.Join(network, "client"), course.Command("docker", "volume", "ls", "--quiet")
	engine.Exec(t, "docker volume create seen")
	mounted := course.Volume(certificates, "/certs/client", "ro")
	assert.Equal(t, "seen\n", course.Once(t, image.DockerInDocker, client, mounted, list).Stdout)

	course.OnceFails(t, image.DockerInDocker, client, list)
	plain := course.OnceFails(t, image.DockerInDocker, client, course.Env("DOCKER_HOST", "tcp://docker:2376"), list)
	assert.Contains(t, plain.Output(), "HTTP request to an HTTPS server")
}

// With an empty DOCKER_TLS_CERTDIR it serves on port 2375 without certificates. Options are the engine's: this one
// spares the wait with which it warns of that.
func TestAnEngineInAContainerServesWithoutCertificatesWhenTold(t *testing.T) {
	network := course.NewNetwork(t, "contract")
	none := course.Env("DOCKER_TLS_CERTDIR", "")
	engine := course.Run(t, image.DockerInDocker, course.Privileged(), course.Join(network, "docker"), none,
		course.Command("--tls=false", "--label=course=contract"))
	engine.WaitForLog(t, "API listen on /var/run/docker.sock")
	found := course.Once(t, image.DockerInDocker, course.Join(network, "client"), none,
		course.Command("docker", "info", "--format", "{{.Labels}}"))
	assert.Equal(t, "[course=contract]\n", found.Stdout)
}

// A command of docker can be given without the word docker, and needs no privilege.
func TestTheEnginesImageRunsDockerCommands(t *testing.T) {
	for _, words := range [][]string{{"compose", "version"}, {"docker", "compose", "version"}} {
		assert.Contains(t, course.Once(t, image.DockerInDocker, course.Command(words...)).Stdout, "Docker Compose version")
	}
	alone := course.OnceFails(t, image.DockerInDocker, course.Command("docker", "version"))
	assert.Contains(t, alone.Stderr, "docker:2375", "without an engine it looks for one on a host named docker")
}

// What is pushed to a registry can be pulled from it, byte for byte (official images: docker-registry-push-pull).
func TestARegistryGivesBackWhatWasPushed(t *testing.T) {
	network := course.NewNetwork(t, "contract")
	registry := course.Run(t, image.Registry, course.Join(network, "registry"))
	registry.WaitFor(t, "wget -q -O - http://127.0.0.1:5000/v2/")
	engine, busybox := startEngine(t, course.Join(network, "engine"),
		course.Command("--insecure-registry", "registry:5000"))

	engine.Exec(t, "docker tag "+busybox+" registry:5000/mine/box:1 && docker push registry:5000/mine/box:1")
	const inspect = "docker inspect --format '{{index .RepoDigests 0}}' registry:5000/mine/box:1"
	digest := engine.Exec(t, inspect).Stdout
	engine.Exec(t, "docker image rm --force "+busybox+" registry:5000/mine/box:1")
	engine.ExecFails(t, "docker image inspect registry:5000/mine/box:1")

	engine.Exec(t, "docker run --rm registry:5000/mine/box:1 true")
	assert.Equal(t, digest, engine.Exec(t, inspect).Stdout)
	engine.Exec(t, "docker pull "+strings.TrimSpace(digest))
	engine.ExecFails(t, "docker pull registry:5000/mine/box:2")
	catalog := registry.Exec(t, "wget -q -O - http://127.0.0.1:5000/v2/_catalog")
	assert.JSONEq(t, `{"repositories": ["mine/box"]}`, catalog.Stdout)
	registry.Exec(t, "test -d /var/lib/registry/docker/registry/v2/repositories/mine/box")
}

// A registry takes another configuration file as its command, and environment variables override what is in it.
func TestARegistryIsConfiguredByFileAndEnvironment(t *testing.T) {
	config := "version: 0.1\nstorage: {inmemory: {}}\nhttp: {addr: ':5001', headers: {X-Course: [configured]}}\n"
	mounted := course.Volume(filepath.Dir(course.File(t, "other.yml", config)), "/course", "ro")
	probe := "wget -S -O - http://127.0.0.1:5001/v2/ 2>&1"

	file := course.Run(t, image.Registry, mounted, course.Command("/course/other.yml"))
	file.WaitFor(t, probe)
	assert.Contains(t, file.Exec(t, probe).Output(), "configured")

	variable := course.Run(t, image.Registry, course.Env("REGISTRY_HTTP_ADDR", ":5001"))
	variable.WaitFor(t, probe)
	assert.NotContains(t, variable.Exec(t, probe).Output(), "configured")
	variable.ExecFails(t, "wget -q -O - http://127.0.0.1:5000/v2/")

	help := course.Once(t, image.Registry, course.Command("help"))
	assert.Contains(t, help.Output(), "garbage-collect", "a subcommand is the registry's")
}
