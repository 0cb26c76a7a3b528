package module02

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// The docker command does none of the work. It asks the engine, and the question is an HTTP request like that of a web
// browser, sent not to a web server but into the engine's socket. Anybody who can write there can ask; no secret tongue
// is spoken. What isn't HTTP isn't understood.
func TestTheEngineSpeaksPlainHTTP(t *testing.T) {
	answer := course.SpeakToEngine(t, "GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
	assert.Regexp(t, `^HTTP/1\.1 200 OK\r\n`, answer)
	assert.Contains(t, answer, "\r\n\r\n", "after the headers comes the answer itself, which is: OK")
	assert.Regexp(t, `OK\s*(0\s*)?$`, answer)

	misunderstood := course.SpeakToEngine(t, "Good morning!\r\n\r\n")
	assert.Regexp(t, `^HTTP/1\.1 400 Bad Request\r\n`, misunderstood)
}

// What `docker version` and `docker inspect` print, the engine tells every HTTP client, as JSON. Here Go's own client
// asks, which knows nothing of Docker.
func TestAPlainHTTPRequestTellsTheSameAsTheDockerCommand(t *testing.T) {
	var server struct{ Version, APIVersion string }
	course.API(t, http.MethodGet, "/version", nil).Into(t, &server)
	told := course.Docker(t, "version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}")
	assert.Equal(t, told.Stdout, server.Version+" "+server.APIVersion+"\n")

	container := course.Run(t, image.Busybox)
	inspect := func() string {
		format := "{{.Id}} {{.Config.Image}} {{.State.Status}}"
		return course.Docker(t, "inspect", "--format", format, container.Name).Stdout
	}
	ask := func() string {
		var told struct {
			ID     string `json:"Id"`
			Config struct{ Image string }
			State  struct{ Status string }
		}
		course.API(t, http.MethodGet, "/containers/"+container.Name+"/json", nil).Into(t, &told)
		return fmt.Sprintln(told.ID, told.Config.Image, told.State.Status)
	}
	running := inspect()
	require.Contains(t, running, "running")
	assert.Equal(t, running, ask(), "both clients should tell the same")

	course.Say(t, "And when the container has stopped, both know it:")
	container.Stop(t)
	stopped := inspect()
	require.Contains(t, stopped, "exited")
	assert.Equal(t, stopped, ask())
}

// There is one engine and any number of clients. A container that a plain HTTP client creates and starts, the docker
// command lists; and when the docker command removes it, the HTTP client is told that there is no such container.
func TestWhatOneClientStartsAnotherSees(t *testing.T) {
	name := course.Unique(t, "by-http-")
	list := func() string {
		return course.Docker(t, "ps", "--all", "--filter", "name="+name, "--format", "{{.Names}} {{.State}}").Stdout
	}
	assert.Empty(t, list(), "there should be no such container yet")

	created := course.API(t, http.MethodPost, "/containers/create?name="+name,
		map[string]any{"Image": course.Ref(t, image.Busybox), "Cmd": []string{"sleep", "600"}})
	require.Equal(t, http.StatusCreated, created.Status, created.Body)
	assert.Equal(t, name+" created\n", list())
	started := course.API(t, http.MethodPost, "/containers/"+name+"/start", nil)
	require.Equal(t, http.StatusNoContent, started.Status, started.Body)
	assert.Equal(t, name+" running\n", list())

	course.Docker(t, "rm", "--force", name)
	gone := course.API(t, http.MethodGet, "/containers/"+name+"/json", nil)
	assert.Equal(t, http.StatusNotFound, gone.Status)
}

// A container is the engine's, not the client's. `docker run` in the foreground only shows what the container prints.
// Killed without warning, the client is gone and the container counts on. Interrupted, as by Ctrl-C, the client passes
// the signal on: then it is the container's own program that decides to end.
func TestAContainerOutlivesTheClientThatStartedIt(t *testing.T) {
	const counting = "trap 'exit 7' INT; n=0; while :; do n=$((n+1)); echo tick $n; sleep 0.1; done"
	start := func(name string) *course.Client {
		client := course.DockerInBackground(t, "run", "--name", name, course.Ref(t, image.Busybox), "sh", "-c", counting)
		client.WaitForOutput(t, "tick 3\n")
		course.Show(t, client.Output())
		return client
	}
	orphan := course.Unique(t, "orphan-")
	start(orphan).Kill(t)
	seen := strings.Count(course.Docker(t, "logs", orphan).Stdout, "\n")
	course.Named(orphan).WaitForLog(t, fmt.Sprintf("tick %d\n", seen+3))
	assert.Equal(t, "true\n", course.Docker(t, "inspect", "--format", "{{.State.Running}}", orphan).Stdout)

	course.Say(t, "Another one, whose client has the time to pass the signal on:")
	obedient := course.Unique(t, "obedient-")
	start(obedient).Interrupt(t)
	course.Named(obedient).WaitUntilEnded(t)
	assert.Equal(t, "7\n", course.Docker(t, "inspect", "--format", "{{.State.ExitCode}}", obedient).Stdout,
		"7 is how the container's program ends when it is told to")
}

// Client and engine are installed apart, so each has a version of its own. What they have to agree on is the version
// of the API: the newest that both know. With another engine, which may be older than the command, that is another one.
func TestClientAndServerAgreeOnAnAPIVersion(t *testing.T) {
	for _, docker := range []course.CLI{{}, course.NewThrowawayEngine(t).CLI} {
		ask := func(format string) string {
			return strings.TrimSpace(docker.Docker(t, "version", "--format", format).Stdout)
		}
		course.Say(t, "The client's own version, and the newest API that it knows:")
		client := strings.Fields(ask("{{.Client.Version}} {{.Client.DefaultAPIVersion}}"))
		course.Say(t, "The engine's own version, and the newest API that it knows:")
		server := strings.Fields(ask("{{.Server.Version}} {{.Server.APIVersion}}"))
		require.Len(t, client, 2)
		require.Len(t, server, 2)

		course.Say(t, "What they have agreed on:")
		agreed := ask("{{.Client.APIVersion}}")
		assert.Equal(t, min(minor(t, client[1]), minor(t, server[1])), minor(t, agreed), "the older of the two")
	}
}

// minor is 51 for the API version 1.51.
func minor(t *testing.T, apiVersion string) int {
	t.Helper()
	number, err := strconv.Atoi(strings.TrimPrefix(apiVersion, "1."))
	require.NoError(t, err, "an API version should be 1 and a number: %s", apiVersion)
	return number
}

// An engine speaks a range of API versions, so that older clients go on working, and some newer ones, too. A request
// names its version in the path. One outside the range is refused in words, instead of being half understood.
func TestAnAPIVersionThatTheServerDoesNotSpeakIsRefused(t *testing.T) {
	var server struct{ APIVersion, MinAPIVersion string }
	course.API(t, http.MethodGet, "/version", nil).Into(t, &server)
	newest, oldest := minor(t, server.APIVersion), minor(t, server.MinAPIVersion)
	course.Say(t, "This engine speaks the versions from 1.%d to 1.%d.", oldest, newest)
	ping := func(version int) course.Answer {
		return course.API(t, http.MethodGet, fmt.Sprintf("/v1.%d/_ping", version), nil)
	}
	assert.Equal(t, http.StatusOK, ping(newest).Status)
	assert.Equal(t, http.StatusOK, ping(oldest).Status)

	tooNew := ping(newest + 1)
	assert.Equal(t, http.StatusBadRequest, tooNew.Status)
	assert.Contains(t, tooNew.Body, "too new")
	tooOld := ping(oldest - 1)
	assert.Equal(t, http.StatusBadRequest, tooOld.Status)
	assert.Contains(t, tooOld.Body, "too old")

	course.Say(t, "The docker command, told to speak that old version, fares no better:") // from 29 on it avoids too new ones
	refused := course.CLI{}.With(fmt.Sprintf("DOCKER_API_VERSION=1.%d", oldest-1)).DockerFails(t, "ps")
	assert.Contains(t, refused.Stderr, fmt.Sprintf("1.%d", oldest))
}

// The engine itself is several programs. dockerd serves the API, builds images and makes networks; containerd sees to
// running containers; runc sets up namespaces and cgroups and starts the process. Each tells its version through
// dockerd. A client that reaches no engine knows only of itself.
func TestDockerdContainerdAndRuncReportIn(t *testing.T) {
	format := "{{range .Server.Components}}{{println .Name .Version}}{{end}}"
	report := course.Docker(t, "version", "--format", format).Stdout
	for _, part := range []string{"Engine", "containerd", "runc"} {
		assert.Regexp(t, `(?m)^`+part+` \S+$`, report, "each should report its version")
	}

	course.Say(t, "Where no engine answers, there is nobody to report:")
	alone := course.DockerFails(t, "--host", "tcp://127.0.0.1:1", "version")
	assert.Contains(t, alone.Stdout, "Client:")
	assert.NotContains(t, alone.Output(), "containerd")
}

// Usually the process that a program starts is its child. Not so here: runc has started the container's process and
// left, and a small program of containerd's, the shim, is the parent. Each container has a shim of its own, which
// passes on what the process prints and, in the end, its exit status. The client is of another family altogether.
func TestAContainersProcessHangsUnderAShimAndNotUnderTheClient(t *testing.T) {
	name := course.Unique(t, "sleeper-")
	client := course.DockerInBackground(t, "run", "--name", name, course.Ref(t, image.Busybox),
		"sh", "-c", "sleep 600 & echo started; wait")
	client.WaitForOutput(t, "started\n")
	format := "{{.State.Pid}} {{.Id}}"
	pid, id, _ := strings.Cut(strings.TrimSpace(course.Docker(t, "inspect", "--format", format, name).Stdout), " ")

	course.Say(t, "From the sleep upwards, parent by parent, as seen by a container with the machine's process numbers:")
	const climb = `pid=$(grep -ls "^PPid:.%s$" /proc/[0-9]*/status | grep -o "[0-9]*")
while [ "$pid" -gt 0 ]; do
  echo $pid $(tr "\0" " " < /proc/$pid/cmdline)
  pid=$(sed -n "s/^PPid:.//p" /proc/$pid/status)
done`
	ancestors := strings.Split(strings.TrimSpace(course.Once(t, image.Busybox, course.Pid("host"),
		course.Shell(fmt.Sprintf(climb, pid))).Stdout), "\n")
	require.GreaterOrEqual(t, len(ancestors), 3)
	assert.Contains(t, ancestors[0], " sleep 600", "the child of the container's main process")
	assert.Regexp(t, "^"+pid+" sh -c sleep 600", ancestors[1], "the container's main process, by its number outside")
	assert.Contains(t, ancestors[2], "containerd-shim", "the main process's parent should be a shim")
	assert.Contains(t, ancestors[2], id, "and that of this very container")
	for _, ancestor := range ancestors {
		assert.NotContains(t, ancestor, "--name "+name, "the client is not among them, though it is there, as number %d here",
			client.PID())
	}
	if sharesProcessNumbers(t) {
		course.Say(t, "The client is there, too, and the same container would see it:")
		there := course.Once(t, image.Busybox, course.Pid("host"),
			course.Shell(fmt.Sprintf(`tr "\0" " " < /proc/%d/cmdline`, client.PID())))
		assert.Contains(t, there.Stdout, "--name "+name)
	}

	course.Say(t, "Another container has another shim. No other process is about the two: runc, which was, has left.")
	other := course.Run(t, image.Busybox)
	ids := []string{id, strings.TrimSpace(course.Docker(t, "inspect", "--format", "{{.Id}}", other.Name).Stdout)}
	slices.Sort(ids)
	course.DockerUntil(t, fmt.Sprintf(`^\S*containerd-shim\S* .*%s.*\n\S*containerd-shim\S* .*%s.*\n$`, ids[0], ids[1]),
		"run", "--rm", "--pid", "host", course.Ref(t, image.Busybox), "sh", "-c",
		fmt.Sprintf(`ps -o args | grep -E "%s|%s" | grep -v grep | sort`, ids[0], ids[1]))
}

// sharesProcessNumbers is whether a process has the same number here as for a container with --pid host: where the engine is
// in no virtual machine, and this test in no container.
func sharesProcessNumbers(t *testing.T) bool {
	t.Helper()
	const bootID, namespace = "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"
	boot, _ := os.ReadFile(bootID)
	here, err := os.Readlink(namespace)
	there := course.Once(t, image.Busybox, course.Pid("host"), course.Shell("cat "+bootID+"; readlink "+namespace))
	return err == nil && there.Stdout == string(boot)+here+"\n"
}

// The engine tells whoever listens what happens to its containers. Tools that react to containers work this way. Two clients
// listen here for one container, and both hear of it; a third listens for another one, and hears of that alone. What has
// happened can also be asked for afterwards.
func TestTheEventStreamTellsWhoeverListens(t *testing.T) {
	name, another := course.Unique(t, "short-lived-"), course.Unique(t, "another-")
	beginning := engineTime(t)
	listen := func(container string) *course.Client {
		return course.DockerInBackground(t, "events", "--since", beginning,
			"--format", "{{.Action}} {{.Actor.Attributes.name}}",
			"--filter", "container="+container, "--filter", "event=create", "--filter", "event=start", "--filter", "event=die")
	}
	one, two, third := listen(name), listen(name), listen(another)

	course.Docker(t, "run", "--name", name, course.Ref(t, image.Busybox), "echo", "hello")
	course.Docker(t, "run", "--name", another, course.Ref(t, image.Busybox), "echo", "hello")
	course.Say(t, "What the three have heard:")
	for _, heard := range []struct {
		by *course.Client
		of string
	}{{one, name}, {two, name}, {third, another}} {
		heard.by.WaitForOutput(t, "die "+heard.of+"\n")
		course.Show(t, heard.by.Output())
		assert.Equal(t, fmt.Sprintf("create %s\nstart %[1]s\ndie %[1]s\n", heard.of), heard.by.Output())
	}

	// The last 256 events: https://github.com/moby/moby/blob/v28.5.2/daemon/events/events.go
	course.Say(t, "And over plain HTTP, what has happened until now. (The engine remembers its last 256 events, so that on a busy one it is a "+
		"question of being quick:)")
	course.Eventually(t, "the engine remembers the end of a container", func() bool {
		last := course.Unique(t, "short-lived-")
		course.Docker(t, "run", "--name", last, course.Ref(t, image.Busybox), "echo", "hello")
		history := course.API(t, http.MethodGet, "/events?since="+beginning+"&until="+engineTime(t), nil)
		return regexp.MustCompile(`"die".*"name":"` + last + `"`).MatchString(history.Body)
	})
	before := course.API(t, http.MethodGet, "/events?since=0&until="+beginning, nil)
	assert.NotContains(t, before.Body, name, "nothing of it should have happened before")
}

// engineTime is the time on the engine's clock, which need not be this machine's: seconds since 1970.
func engineTime(t *testing.T) string {
	t.Helper()
	text := strings.TrimSpace(course.Docker(t, "info", "--format", "{{.SystemTime}}").Stdout)
	now, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return fmt.Sprintf("%d.%09d", now.Unix(), now.Nanosecond())
}
