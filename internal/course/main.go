// Package course holds the words that lessons are written in: run, exec, build, volume, network, and what they
// tell the learner while they do it. Every word takes the test it is spoken in; what it makes is labelled,
// narrated as the docker command a learner would type, and removed when the test ends.
package course

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"

	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/session"
)

// LessonLabel is on everything a lesson makes; its value is that lesson of that run.
const LessonLabel = "docker-proven.lesson"

// thisRun names this test process: nothing of two processes can be mistaken for each other, and each has a
// reaper of its own. (testcontainers-go gives all packages of one `go test` one reaper by default, which can
// leave between the end of one package and the start of the next.)
var thisRun = session.Process()

// The engine that Main found, and the connection to it.
var (
	theEngine engine.Facts
	docker    *testcontainers.DockerClient
)

// keeping is whether COURSE_KEEP asks for containers to stay up after their test.
func keeping() bool { return os.Getenv("COURSE_KEEP") != "" }

// naive is whether COURSE_NAIVE asks for containers to be stopped as `docker stop` does it by default, with ten seconds of
// grace for those that don't listen, one after the other. It is what `make bench` compares the course with.
func naive() bool { return os.Getenv("COURSE_NAIVE") != "" }

// Main is the TestMain of every module: it finds the engine or says what to do about it, runs the lessons, and
// leaves nothing behind, also when it is interrupted. What is given besides is done when the lessons have ended.
func Main(m *testing.M, afterwards ...func()) {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run())
	}
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		interruption.Store(true)
		if keeping() {
			fmt.Fprintln(os.Stderr, "\ninterrupted: what this run has made stays, as COURSE_KEEP says")
			os.Exit(130)
		}
		fmt.Fprintln(os.Stderr, "\ninterrupted: removing this run's containers, volumes and networks …")
		if !answers(context.Background(), 10*time.Second) {
			fmt.Fprintln(os.Stderr, "The engine gives no answer. What is left on it goes with `make clean`, when it is well again.")
			os.Exit(130)
		}
		// All but the reaper: what a lesson is making in this very moment, it removes when this process is gone. But for
		// volumes: a docker run whose volume is gone already makes another one, which has no label. So there is a second look.
		if err := errors.Join(sweep("org.testcontainers.reap=true"), sweepAgain("org.testcontainers.reap=true")); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(130)
	}()

	code := m.Run()
	for _, do := range afterwards {
		do()
	}
	if err := sweep(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func prepare() error {
	if err := errors.Join(image.CheckSettings(), badPatience); err != nil {
		return err
	}
	found, err := engine.Use(context.Background())
	if err != nil {
		return err
	}
	theEngine = found
	// The flags with which Go builds the learner's own programs. Those of lessons are for the engine's machine, where the race
	// detector, for one, can't be built.
	os.Setenv("GOFLAGS", "-race=false") // what is empty counts as not set, and then a file of the learner's does: go env -w
	setAside()
	openToContainers()
	if err := seenByDesktop(); err != nil {
		return err
	}

	if os.Getenv("GOGC") == "" {
		// The docker command and its plugins run for moments, hundreds of times: collecting their garbage less often
		// they take a sixth less of the processor.
		os.Setenv("GOGC", "400")
	}
	directory, err := hostDirectories()
	if err != nil {
		return err
	}
	// Builds keep a diary, which would be the learner's otherwise, and insist on a place that can be written; and a builder
	// that is chosen there might not leave the images where the lessons run them.
	os.Setenv("BUILDX_CONFIG", filepath.Join(directory, "buildx"))
	os.Setenv("TESTCONTAINERS_SESSION_ID", thisRun)
	// Left to itself, testcontainers-go takes a machine with /.dockerenv for a container, and looks for published ports at the
	// bridge's gateway. The engine is on this machine, wherever it listens, and that is where the lessons publish them.
	os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", loopbackAddress.String())
	if os.Getenv("TESTCONTAINERS_RYUK_CONNECTION_TIMEOUT") == "" {
		// A process that is killed before it has connected to its reaper leaves it waiting: a minute, left to itself. Fifteen
		// seconds are enough, but on machines so slow that they are given more patience.
		os.Setenv("TESTCONTAINERS_RYUK_CONNECTION_TIMEOUT", max(15*time.Second, patience/12).String())
	}
	if os.Getenv("TESTCONTAINERS_RYUK_RECONNECTION_TIMEOUT") == "" {
		// This process is connected to its reaper until it ends, and does not come back: ten seconds, left to itself.
		os.Setenv("TESTCONTAINERS_RYUK_RECONNECTION_TIMEOUT", "3s")
	}
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", strconv.FormatBool(keeping())) // whatever is said for other purposes
	os.Unsetenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX")
	os.Unsetenv("TESTCONTAINERS_PROVIDER")
	if err := loopback(); err != nil {
		return err
	}
	readSettingsIn(directory)
	tclog.SetDefault(tclog.NewNoopLogger())
	if docker, err = testcontainers.NewDockerClientWithOpts(context.Background()); err != nil {
		return err
	}

	if _, err := image.Obtain(context.Background(), image.Reaper.Ref(), os.Stderr); err != nil {
		return fmt.Errorf("the reaper, which removes what a killed test leaves, is missing: %w", err)
	}
	if !aloud() && !given("test.parallel") {
		// Lessons wait for the engine far more than they compute. It starts the most containers per second with about
		// four asking at a time, however few processors this machine has; and a few lessons wait for something else.
		flag.Set("test.parallel", strconv.Itoa(max(6, parallelism())))
	}
	return nil
}

// setAside removes what the learner has set for other programs and would reach those that lessons run: the settings of Postgres'
// clients (PGSSLMODE and others) and of the reaper, and those of an application such as the course's, which its compose files
// know, too.
func setAside() {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "RYUK_") || slices.Contains([]string{"DATABASE_URL",
			"DATABASE_URL_FILE", "LOG_LEVEL", "PORT", "API_PORT", "DLV_PORT", "INSPECT_PORT"}, name) {
			os.Unsetenv(name)
		}
	}
}

// readSettingsIn has testcontainers-go look for its settings in a directory that has none. The learner's, in the file
// .testcontainers.properties of the home directory, are for other programs: they may name another engine than the docker command
// uses, or another registry, or do without the reaper. One counts here, too: where SELinux keeps containers away from the engine's
// socket, it lets the reaper have it.
func readSettingsIn(directory string) {
	if home, err := os.UserHomeDir(); err == nil {
		if file, err := os.ReadFile(filepath.Join(home, ".testcontainers.properties")); err == nil && privilegedReaper.Match(file) {
			os.Setenv("TESTCONTAINERS_RYUK_CONTAINER_PRIVILEGED", "true")
		}
	}
	for _, home := range []string{"HOME", "USERPROFILE"} { // the second on Windows
		if learners, set := os.LookupEnv(home); set {
			os.Setenv(home, directory)
			defer os.Setenv(home, learners)
		}
	}
	testcontainers.ReadConfig() // keeps what it has read
}

var privilegedReaper = regexp.MustCompile(`(?m)^\s*ryuk\.container\.privileged\s*[=:]\s*true\s*$`)

// seenByDesktop puts files of lessons below the home directory where it is Docker Desktop on Linux that containers get them from:
// of all directories it shows them that one, unless it has been told to share more.
// https://docs.docker.com/desktop/settings-and-maintenance/settings/#file-sharing
func seenByDesktop() error {
	if !theEngine.Desktop || runtime.GOOS != "linux" || os.Getenv("TMPDIR") != "" {
		return nil
	}
	cache, err := os.UserCacheDir()
	if err == nil {
		err = os.MkdirAll(cache, 0o755)
	}
	if err != nil {
		return fmt.Errorf("no place for files that Docker Desktop's containers see: %w; set TMPDIR to a directory that it shares", err)
	}
	return os.Setenv("TMPDIR", cache)
}

// starting is held by who starts the reaper.
var starting sync.Mutex

// lives is how often the reaper has been started. More than once, that is because the engine was restarted, which has ended
// all containers.
var lives atomic.Int32

// startReaper starts the container that removes what this process leaves when it is killed, unless it runs. testcontainers-go
// would start it with the first container, but a lesson may begin with a volume, a network or a build; and it would publish its port
// for everybody.
func startReaper() error {
	if keeping() {
		return nil
	}
	starting.Lock()
	defer starting.Unlock()
	if lives.Load() > 0 && reaperRuns() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return err
	}
	//lint:ignore SA1019 it is what testcontainers-go's own modules use, and there is no other way
	reaper, err := testcontainers.NewReaper(ctx, thisRun, onLoopback{provider}, "")
	if err != nil {
		return err
	}
	if _, err = reaper.Connect(); err == nil { // until this process ends
		lives.Add(1)
	}
	return err
}

// reaperRuns is whether the reaper runs still, as far as the engine tells. An engine that is being restarted is waited for; what
// there is to say of one that is gone, the lesson's first command says.
func reaperRuns() bool {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), comesBack/2)
		// By the name that testcontainers-go gives it.
		found, err := docker.ContainerInspect(ctx, "reaper_"+thisRun, client.ContainerInspectOptions{})
		cancel()
		if err == nil || errdefs.IsNotFound(err) {
			return err == nil && found.Container.State.Running
		}
		if _, gone := signOfLife(); gone != nil {
			return true
		}
	}
}

// onLoopback publishes the reaper's port as lessons publish theirs: for programs of this machine only. testcontainers-go would
// publish it for everybody, and the reaper removes what anybody asks it to.
type onLoopback struct{ *testcontainers.DockerProvider }

func (p onLoopback) RunContainer(ctx context.Context, reaper testcontainers.ContainerRequest) (testcontainers.Container, error) {
	set := reaper.HostConfigModifier
	reaper.HostConfigModifier = func(h *container.HostConfig) {
		set(h)
		h.PortBindings = network.PortMap{}
		for _, port := range reaper.ExposedPorts {
			h.PortBindings[network.MustParsePort(port)] = []network.PortBinding{{HostIP: loopbackAddress}}
		}
	}
	return p.DockerProvider.RunContainer(ctx, reaper)
}

// loopbackAddress is where ports are published.
var loopbackAddress = netip.MustParseAddr("127.0.0.1")

// aloud is whether a person reads along: under -v but not under -json, where test.v says "test2json".
func aloud() bool { return flag.Lookup("test.v").Value.String() == "true" }

// loopback tells whether there is the address at which lessons reach what they publish on this machine.
func loopback() error {
	listener, err := net.Listen("tcp", loopbackAddress.String()+":0")
	if err != nil {
		return fmt.Errorf("the lessons publish ports on 127.0.0.1, and this machine has no such address (%w): give it to the "+
			"loopback interface again, on Linux with `sudo ip address add 127.0.0.1/8 dev lo`", err)
	}
	return listener.Close()
}

func given(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

func parallelism() int {
	n, _ := strconv.Atoi(flag.Lookup("test.parallel").Value.String())
	return n
}

// interruption is set when this process is to end at once. A lesson doesn't begin anything more then.
var interruption atomic.Bool

// sweepAgain removes what was being made during a sweep, a moment after it, and volumes also by their names.
func sweepAgain(labels ...string) error {
	if keeping() {
		return nil
	}
	time.Sleep(time.Second)
	err := sweep(labels...)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	volumes.Range(func(name, _ any) bool {
		_, _ = docker.VolumeRemove(ctx, name.(string), client.VolumeRemoveOptions{Force: true}) // nearly all are gone
		return true
	})
	return err
}

// sweep removes everything this process made and still finds: also its reaper, unless more labels say otherwise.
func sweep(labels ...string) error {
	if keeping() {
		return nil
	}
	err := removeAll(append(labels, "org.testcontainers.sessionId="+thisRun)...)
	return errors.Join(err, removeHostDirectories()) // now that nobody writes there any more
}
