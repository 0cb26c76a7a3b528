package course

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/pipe"
	"docker-proven/internal/shell"
)

// A ThrowawayEngine is a Docker engine inside a container: nothing that happens there reaches the learner's own engine,
// and all of it goes with the container. The docker command talks to it as it would to an engine on another machine.
type ThrowawayEngine struct {
	*Container // the one that the engine runs in; Exec is at home on the engine's machine
	CLI        // the docker command, pointed at this engine

	address      string
	certificates string   // the directory of the client's
	images       sync.Map // reference → *delivery
}

// A delivery is whether an engine has been given an image. Whoever needs the image while it is on its way waits.
type delivery struct {
	mutex sync.Mutex
	done  atomic.Bool
}

// NewThrowawayEngine starts an engine, which goes when the test ends. Command hands options to dockerd. With Hostname, its name
// stands before the commands that go to it, so that several are told apart.
func NewThrowawayEngine(t *testing.T, options ...Option) *ThrowawayEngine {
	t.Helper()
	l := lessonOf(t)
	Say(t, "A throwaway engine, in a container: what is done there reaches nothing of yours, and goes with it.")
	options = slices.Concat([]Option{Privileged(), Publish(0, 2376)}, options, []Option{apart()})
	container := Run(t, image.DockerInDocker, options...)
	container.WaitForLog(t, "API listen on ", ":2376") // at [::], or without IPv6 at 0.0.0.0

	certificates := filepath.Join(HostDirectory(t), "certificates")
	Docker(t, "cp", "--quiet", container.Name+":/certs/client", certificates)
	address := "tcp://" + container.Endpoint(t, 2376)
	if sabotaged() {
		address = behindProxy(t, container, EngineAt{Address: address, Certificates: certificates}).Address
	}
	environment := []string{"DOCKER_HOST=" + address, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + certificates}
	state := filepath.Join(HostDirectory(t), "buildx") // of builds, which the learner's has nothing to do with
	engine := &ThrowawayEngine{Container: container, address: address, certificates: certificates,
		CLI: CLI{environment: append(slices.Clip(environment), "BUILDX_CONFIG="+state), container: container.Name,
			engine: cmp.Or(requestFor(options).name, "throwaway")}}
	l.write("# A command after `" + engine.engine + " $` goes to that engine, as with these settings:\n" +
		indent("export "+shell.Quote(environment), "    "))
	return engine
}

// apart gives a throwaway engine addresses of its own, where this test itself runs inside an engine in a container. Docker takes
// the first that it sees nobody use, and in the third engine those are the first one's. When that one then says that a packet is
// too large for the machine's network (ICMP), the third takes it for forged, and the connection hangs.
func apart() Option {
	return func(r *request) {
		if os.Getenv(engine.Learners) != "" {
			r.command = append(slices.Clip(r.command), "--default-address-pool", "base=10.213.0.0/16,size=24")
		}
	}
}

// Seen is a directory of the host that an engine in a container has, too, at the same path, as Docker Desktop's has: for
// compose files and mounts that name files in there. (Such an engine puts a tmpfs over a /tmp that is not a mount, and so
// over what is mounted below.) On Windows it sees none: see NeedsPathsOfEngines.
func Seen(directory string) Option {
	if runtime.GOOS == "windows" {
		return Options()
	}
	return Options(Mount("type=tmpfs,target=/tmp"), Volume(directory, directory))
}

// ContainerdStore is for a throwaway engine that keeps its images in containerd, as freshly installed ones do from version 29
// on, and not in a directory of its own: https://docs.docker.com/engine/storage/containerd/
func ContainerdStore(t *testing.T) Option {
	t.Helper()
	settings := File(t, "daemon.json", `{"features": {"containerd-snapshotter": true}}`+"\n")
	return Volume(settings, "/etc/docker/daemon.json", "ro")
}

var sharedEngines sync.Map // use → *sharedEngine

// OneThrowawayEngine is an engine that all lessons of the package use together, for what takes long to fill: the first
// to ask starts it, with its options, and it goes when the package's lessons have ended.
func OneThrowawayEngine(t *testing.T, options ...Option) *ThrowawayEngine {
	t.Helper()
	return SharedThrowawayEngine(t, "", options...)
}

// SharedThrowawayEngine is OneThrowawayEngine for lessons that need a second one, for a use that has this name.
func SharedThrowawayEngine(t *testing.T, use string, options ...Option) *ThrowawayEngine {
	t.Helper()
	known, _ := sharedEngines.LoadOrStore(use, &sharedEngine{})
	shared := known.(*sharedEngine)
	return shared.Get(t, func() *ThrowawayEngine {
		if shared.last != nil {
			shared.last.Remove(t) // nobody uses it any more
		}
		shared.last = NewThrowawayEngine(t, append(options, outlivingTheLesson(), InPlenty(t))...)
		return shared.last
	})
}

// A sharedEngine knows the last engine that was made, as with -count there is one for each round.
type sharedEngine struct {
	Shared[*ThrowawayEngine]
	last *ThrowawayEngine
}

// InPlenty is for a throwaway engine that is given many images: on a machine with memory to spare it keeps them there,
// where they are unpacked in half the time, and its programs, which are written in Go, collect their garbage less often.
func InPlenty(t *testing.T) Option {
	lessonOf(t)
	if theEngine.Memory < plentyOfMemory {
		return Options()
	}
	Say(t, "There is memory to spare: the engine that comes next keeps its images there, and its programs, written in Go, collect garbage less often (GOGC).")
	return Options(InMemory("/var/lib/docker"), Env("GOGC", "400"))
}

// plentyOfMemory is that of a machine, in bytes, on which such engines keep their images in memory: several at a time
// take up to 3 GiB each.
const plentyOfMemory = 20 << 30

// ContextEndpoint is the engine as `docker context create --docker` is told of it.
func (e *ThrowawayEngine) ContextEndpoint() string {
	return "host=" + e.address + ",ca=" + e.Certificate("ca.pem") + ",cert=" + e.Certificate("cert.pem") +
		",key=" + e.Certificate("key.pem")
}

// Certificate is a file of those with which a client shows the engine who it is: ca.pem, cert.pem or key.pem.
func (e *ThrowawayEngine) Certificate(name string) string { return filepath.Join(e.certificates, name) }

// WithoutEngine is the command with no engine named in its environment, so that its configuration decides: the
// context in use.
func (c CLI) WithoutEngine() CLI {
	c.environment = append(slices.Clip(c.environment), "DOCKER_HOST=", "DOCKER_TLS_VERIFY=", "DOCKER_CERT_PATH=")
	c.engine = ""
	return c
}

// Ref is the image's reference, after giving the image to the engine.
func (e *ThrowawayEngine) Ref(t *testing.T, i image.Image) string {
	t.Helper()
	return e.Refs(t, i)[0]
}

// Refs are the references of several images, after giving to the engine, in one go, those that it hasn't got.
func (e *ThrowawayEngine) Refs(t *testing.T, images ...image.Image) (refs []string) {
	t.Helper()
	for _, i := range images {
		refs = append(refs, Ref(t, i))
	}
	var missing []string
	for _, ref := range slices.Compact(slices.Sorted(slices.Values(refs))) { // whoever else waits for some of them does so in the same order
		delivered := e.delivery(ref)
		delivered.mutex.Lock()
		defer delivered.mutex.Unlock()
		if !delivered.done.Load() {
			missing = append(missing, ref)
		}
	}
	if len(missing) > 0 {
		e.Load(t, missing...)
	}
	return refs
}

func (e *ThrowawayEngine) delivery(ref string) *delivery {
	known, _ := e.images.LoadOrStore(ref, new(delivery))
	return known.(*delivery)
}

// Load gives the engine images of the learner's engine. Several at once take less time than one after another: what they
// share goes once.
func (e *ThrowawayEngine) Load(t *testing.T, refs ...string) {
	t.Helper()
	Pipe(t, append([]string{"docker", "save"}, refs...), []string{"docker", "exec", "--interactive", e.Name, "docker", "load"})
	for _, ref := range refs {
		e.delivery(ref).done.Store(true)
	}
}

// Pipe runs two commands, the second of which reads what the first writes, and fails the test unless both succeed.
func Pipe(t *testing.T, from, to []string) {
	t.Helper()
	lessonOf(t).write("$ " + shell.Quote(from) + " | " + shell.Quote(to) + "\n")
	ctx, cancel := context.WithTimeout(t.Context(), longPatience)
	defer cancel()
	first, second := exec.CommandContext(ctx, from[0], from[1:]...), exec.CommandContext(ctx, to[0], to[1:]...)
	if err := pipe.Run(first, second); err != nil {
		t.Fatalf("%s | %s should have succeeded: %v", shell.Quote(from), shell.Quote(to), err)
	}
}
