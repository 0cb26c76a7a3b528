//go:build unix

package engine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/planted"
)

// fakeEngine is what an engine says about itself.
type fakeEngine struct {
	version, os, product string
	info                 string // what it tells besides, as JSON
	silent               bool
}

func (f fakeEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.silent {
		<-r.Context().Done()
		return
	}
	w.Header().Set("Api-Version", "1.43")
	w.Header().Set("Ostype", f.os)
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/_ping"):
		_, _ = fmt.Fprint(w, "OK")
	case strings.HasSuffix(path, "/version"):
		_, _ = fmt.Fprintf(w, `{"Version":%q,"ApiVersion":"1.43","Os":%q,"Arch":"amd64","Components":[{"Name":%q}]}`, f.version, f.os, f.product)
	case strings.HasSuffix(path, "/info"):
		_, _ = fmt.Fprint(w, `{"Driver":"overlay2","CgroupVersion":"2","OperatingSystem":"Docker Desktop"`+f.info+`}`)
	default:
		http.NotFound(w, r)
	}
}

var fit = fakeEngine{version: "24.0.9", os: "linux", product: "Engine"}

// overTCP serves the engine and returns its address.
func overTCP(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String()
}

// fakeDocker puts a docker command on an otherwise empty PATH. A plugin works unless the script before says otherwise.
func fakeDocker(t *testing.T, contextAnswer, before string) {
	t.Helper()
	script := before + "\ncase \"$*\" in\n" +
		"--version) echo 'Docker version 28.2.2, build 1234567';;\n" +
		"'context inspect'*) " + contextAnswer + ";;\n" +
		"*' version') echo v1;;\n" +
		"*) exit 1;;\nesac\n"
	planted.Put(t, "docker", script).Alone(t)
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CERT_PATH", "")
	t.Setenv("CI", "true")
}

func TestFindTellsTheFacts(t *testing.T) {
	host := overTCP(t, fit)
	want := Facts{
		ClientVersion: "28.2.2", ServerVersion: "24.0.9", APIVersion: "1.43", OS: "linux", Arch: "amd64",
		OperatingSystem: "Docker Desktop", Desktop: true,
		StorageDriver: "overlay2", CgroupVersion: "2", Host: host,
	}
	t.Run("of the engine in DOCKER_HOST", func(t *testing.T) {
		fakeDocker(t, "echo default unix:///nowhere", "")
		t.Setenv("DOCKER_HOST", host)
		facts, err := Find(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, facts)
		assert.Equal(t, "Docker Engine 24.0.9 (API 1.43, docker command 28.2.2) on Docker Desktop, linux/amd64, storage overlay2, cgroup v2, at "+host, facts.String())
	})
	t.Run("of the engine in the docker context", func(t *testing.T) {
		fakeDocker(t, "echo desktop-linux "+host, "")
		facts, err := Find(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, facts)
	})
	t.Run("of an engine without TLS, whatever certificates are left of another one", func(t *testing.T) {
		fakeDocker(t, "echo default "+host, "")
		t.Setenv("DOCKER_CERT_PATH", "/nowhere")
		t.Setenv("DOCKER_API_VERSION", "1.24")
		t.Setenv("SOURCE_DATE_EPOCH", "1")
		facts, err := Use(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, facts)
		for _, variable := range []string{"DOCKER_CERT_PATH", "DOCKER_API_VERSION", "SOURCE_DATE_EPOCH"} {
			assert.Empty(t, os.Getenv(variable))
		}
	})
	t.Run("of Podman, where tests run inside an engine that somebody asked for", func(t *testing.T) {
		fakeDocker(t, "", "")
		t.Setenv("DOCKER_HOST", overTCP(t, fakeEngine{version: "5.4.2", os: "linux", product: "Podman Engine"}))
		t.Setenv(Learners, "unix:///run/learners")
		facts, err := Find(t.Context())
		require.NoError(t, err)
		assert.True(t, facts.Podman)
		assert.Regexp(t, `^Podman 5\.4\.2 \(API`, facts.String())
	})
	t.Run("of the engine behind a unix socket", func(t *testing.T) {
		dir, err := os.MkdirTemp("", "e") // a socket's path must be short
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		socket, err := net.Listen("unix", filepath.Join(dir, "s"))
		require.NoError(t, err)
		server := &http.Server{Handler: fit}
		go func() { _ = server.Serve(socket) }()
		t.Cleanup(func() { _ = server.Close() })

		fakeDocker(t, "echo colima unix://"+socket.Addr().String(), "")
		facts, err := Find(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "24.0.9", facts.ServerVersion)
	})
}

func TestFindExplainsWhatIsWrong(t *testing.T) {
	nowhere := "tcp://127.0.0.1:1" // a privileged port that nothing listens on
	for _, test := range []struct {
		name          string
		host          string // DOCKER_HOST
		contextAnswer string // a shell command
		before        string // of the docker command: a shell command
		reason        Reason
		what, next    string
	}{
		{name: "engine too old", host: overTCP(t, fakeEngine{version: "23.0.6", os: "linux"}), reason: TooOld,
			what: "is version 23.0.6 (the docker command is 28.2.2), and the lessons need an engine of version 24 or newer.", next: "Upgrade"},
		{name: "Windows containers", host: overTCP(t, fakeEngine{version: "28.5.2", os: "windows"}), reason: WindowsContainers,
			what: "runs Windows containers", next: "Switch to Linux containers"},
		{name: "no control groups", host: overTCP(t, fakeEngine{version: "28.5.2", os: "linux", info: `,"CgroupDriver":"none"`}), reason: NoControlGroups,
			what: "has no control groups", next: "Start the system with cgroup v2"},
		{name: "users that are mapped", host: overTCP(t, fakeEngine{version: "28.5.2", os: "linux", info: `,"SecurityOptions":["name=userns"]`}), reason: RemapsUsers,
			what: "gives the users of containers other numbers outside (userns-remap)", next: "Take userns-remap out"},
		{name: "Podman", host: overTCP(t, fakeEngine{version: "5.4.0", os: "linux", product: "Podman Engine"}), reason: NotAnEngine,
			what: "Podman answers there", next: "Unset DOCKER_HOST"},
		{name: "something else listens", host: overTCP(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), reason: NotAnEngine,
			what: "something else answers there", next: "Unset DOCKER_HOST"},
		{name: "DOCKER_HOST points nowhere", host: nowhere, reason: WrongHost,
			what: "DOCKER_HOST is set to " + nowhere + ", but no engine answers there", next: "Unset DOCKER_HOST to use this machine's engine, or correct it."},
		{name: "DOCKER_HOST names a missing socket", host: "unix:///nowhere/docker.sock", reason: WrongHost,
			what: "DOCKER_HOST is set to unix:///nowhere/docker.sock, but no engine answers there", next: "Unset DOCKER_HOST"},
		{name: "DOCKER_HOST points to an engine that hangs", host: overTCP(t, fakeEngine{silent: true}), reason: WrongHost,
			what: "it said nothing within 1s", next: "Unset DOCKER_HOST"},
		{name: "DOCKER_HOST is garbage", host: "garbage", reason: MalformedHost,
			what: `DOCKER_HOST is set to "garbage", which the course can't use: an address is written like unix://`, next: "Unset DOCKER_HOST"},
		{name: "DOCKER_HOST has no port", host: "tcp://%zz", reason: MalformedHost,
			what: `DOCKER_HOST is set to "tcp://%zz"`, next: "Unset DOCKER_HOST"},
		{name: "DOCKER_HOST has an unknown scheme", host: "whale://x", reason: MalformedHost,
			what: "whale is no scheme of an engine's address", next: "Unset DOCKER_HOST"},
		{name: "DOCKER_HOST is reached through ssh", host: "ssh://me@there", reason: MalformedHost,
			what: "through a socket or TCP, not through ssh", next: "Unset DOCKER_HOST"},
		{name: "DOCKER_HOST is another machine", host: "tcp://192.168.49.2:2376", reason: MalformedHost,
			what: "the engine has to be on this machine", next: "Unset DOCKER_HOST"},
		{name: "the context points nowhere", contextAnswer: "echo mine " + nowhere, reason: WrongContext,
			what: "The docker context mine points to " + nowhere + ", but no engine answers there", next: "docker context use"},
		{name: "Docker Desktop's context points nowhere", contextAnswer: "echo desktop-linux unix:///nowhere/docker.sock", reason: WrongContext,
			what: "The docker context desktop-linux points to unix:///nowhere/docker.sock", next: "Start Docker Desktop"},
		{name: "the context does not exist", contextAnswer: `echo 'context "x": context not found: open /x' >&2; exit 1`, reason: WrongContext,
			what: `does not exist (context "x": context not found`, next: "Unset DOCKER_CONTEXT"},
		{name: "the context is reached through ssh", contextAnswer: "echo far ssh://me@there", reason: WrongContext,
			what: "not through ssh", next: "docker context use"},
		{name: "no engine", contextAnswer: "echo default " + nowhere, reason: NoEngine,
			what: "No Docker engine answers at " + nowhere + ".", next: here().noEngine(address{}).(*Error).Next},
		{name: "the engine hangs", contextAnswer: "echo default " + overTCP(t, fakeEngine{silent: true}), reason: Silent,
			what: "said nothing within 1s", next: "Restart"},
		{name: "no BuildKit plugin", host: overTCP(t, fit), before: `[ "$1" = buildx ] && { echo "unknown command: docker buildx" >&2; exit 1; }`, reason: NoPlugin,
			what: "`docker buildx version` fails: the docker command here has no BuildKit plugin", next: here().noPlugin("buildx", os.ErrNotExist).(*Error).Next},
		{name: "no Compose plugin", host: overTCP(t, fit), before: `[ "$1" = compose ] && exit 1`, reason: NoPlugin,
			what: "`docker compose version` fails", next: here().noPlugin("compose", os.ErrNotExist).(*Error).Next},
		{name: "the docker command does not run", host: overTCP(t, fit), before: "exit 1", reason: NoCommand,
			what: "The docker command, which the lessons type, does not run here", next: "nstall"},
	} {
		t.Run(test.name, func(t *testing.T) {
			impatient(t)
			fakeDocker(t, test.contextAnswer, test.before)
			t.Setenv("DOCKER_HOST", test.host)
			_, err := Find(t.Context())
			var why *Error
			require.ErrorAs(t, err, &why)
			assert.Equal(t, test.reason, why.Reason, why.Error())
			assert.Contains(t, why.What, test.what)
			assert.Contains(t, why.Next, test.next)
			assert.NotContains(t, why.Error(), "\n", "one paragraph")
		})
	}
}

func TestFindExplainsThatThereIsNoDockerCommand(t *testing.T) {
	for _, host := range []string{"", overTCP(t, fit)} {
		t.Setenv("PATH", t.TempDir())
		t.Setenv("DOCKER_HOST", host)
		_, err := Find(t.Context())
		var why *Error
		require.ErrorAs(t, err, &why)
		assert.Equal(t, NoCommand, why.Reason)
	}
}

func TestFindEndsWithItsContext(t *testing.T) {
	fakeDocker(t, "echo default "+overTCP(t, fakeEngine{silent: true}), "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := Find(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

// Root may open any socket, so the refusal is the dialler's; the client's wording is the real one.
func TestARefusedSocketIsExplained(t *testing.T) {
	refuse := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.EACCES)}
	}
	engine, err := client.New(client.WithDialContext(refuse))
	require.NoError(t, err)
	_, err = ask(t.Context(), engine, address{host: client.DefaultDockerHost}, platform{os: "linux"})
	assert.EqualError(t, err, "This user has no permission for the engine's socket at "+client.DefaultDockerHost+
		": it is open to root and to the group docker only. Join the group with `sudo usermod --append --groups docker $USER`, then log out and in again.")
}

func TestTheNextStepIsThePlatforms(t *testing.T) {
	bookworm := distribution{id: "debian", version: "12"}
	for _, test := range []struct {
		name                   string
		on                     platform
		noCommand, noEngine    string
		noPlugin, tooOldEngine string
	}{
		{"Debian as root", platform{"linux", bookworm, true}, "Run `make engine`", "Run `make engine`", "Run `make engine`", installDocs},
		{"Ubuntu as root", platform{"linux", distribution{id: "ubuntu", version: "24.04"}, true}, "Run `make engine`", "Run `make engine`", "Run `make engine`", installDocs},
		{"Debian as a user", platform{"linux", bookworm, false}, sudoMake, sudoMake, sudoMake, installDocs},
		{"an old Debian", platform{"linux", distribution{id: "debian", version: "11"}, true}, installDocs, installDocs, "docker-buildx-plugin", installDocs},
		{"another Linux", platform{"linux", distribution{id: "fedora", version: "42"}, true}, installDocs, "sudo systemctl start docker", "docker-buildx-plugin", installDocs},
		{"macOS", platform{os: "darwin"}, desktopDocs, "Start Docker Desktop", "Update Docker Desktop", "Upgrade Docker Desktop"},
		{"Windows", platform{os: "windows"}, desktopDocs, "Start Docker Desktop", "Update Docker Desktop", "Upgrade Docker Desktop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.ErrorContains(t, test.on.noCommand(os.ErrNotExist), test.noCommand)
			assert.ErrorContains(t, test.on.noEngine(address{}), test.noEngine)
			assert.ErrorContains(t, test.on.noPlugin("buildx", os.ErrNotExist), test.noPlugin)
			assert.ErrorContains(t, test.on.tooOld(Facts{ServerVersion: "23.0.6"}), test.tooOldEngine)
		})
	}
}

func TestStartWithAnEngineInstallsNothing(t *testing.T) {
	fakeDocker(t, "", "")
	marker := forbidInstalling(t)
	host := overTCP(t, fit)
	t.Setenv("DOCKER_HOST", host)
	var out strings.Builder
	require.NoError(t, Start(t.Context(), &out))
	assert.Equal(t, "using engine Docker Engine 24.0.9 (API 1.43, docker command 28.2.2) on Docker Desktop, linux/amd64, storage overlay2, cgroup v2, at "+host+"\n", out.String())
	assert.NoFileExists(t, marker)
}

func TestStartLeavesAWrongChoiceOfEngineToItsOwner(t *testing.T) {
	for name, choose := range map[string]func(t *testing.T){
		"DOCKER_HOST": func(t *testing.T) {
			fakeDocker(t, "", "")
			t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
		},
		"docker context": func(t *testing.T) { fakeDocker(t, "echo mine tcp://127.0.0.1:1", "") },
		"DOCKER_HOST without the docker command": func(t *testing.T) {
			fakeDocker(t, "", "exit 1")
			t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			choose(t)
			marker := forbidInstalling(t)
			var out strings.Builder
			var why *Error
			require.ErrorAs(t, Start(t.Context(), &out), &why)
			assert.Empty(t, out.String())
			assert.NoFileExists(t, marker)
		})
	}
}

// forbidInstalling plants programs that install and start an engine, and leave a file behind when they run.
func forbidInstalling(t *testing.T) (marker string) {
	t.Helper()
	marker = filepath.Join(t.TempDir(), "ran")
	for _, name := range []string{"apt-get", "dockerd", "systemctl"} {
		planted.Put(t, name, ": > "+marker)
	}
	return marker
}

// impatient makes a hanging engine cost a second instead of ten.
func impatient(t *testing.T) {
	patience := answerWithin
	answerWithin = time.Second
	t.Cleanup(func() { answerWithin = patience })
}
