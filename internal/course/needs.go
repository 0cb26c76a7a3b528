package course

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/lock"
)

// Original skips the test, saying why, where the image is only a stand-in: its claim is about the original.
func Original(t *testing.T, i image.Image) {
	t.Helper()
	l := lessonOf(t)
	if facts := l.images[l.obtain(i)]; facts.IsStandIn() {
		t.Skipf("not provable here: the claim is about the original %s, and this is a %s", facts.Ref, facts.Origin)
	}
}

// NeedsDockerHub skips the test, saying why, where Docker Hub serves nothing to the engine.
func NeedsDockerHub(t *testing.T) {
	t.Helper()
	lessonOf(t)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := image.RegistryServes(ctx, "hello-world"); err != nil {
		t.Skipf("not provable here: Docker Hub serves nothing (%v)", err)
	}
}

// EngineIsFrom is whether the engine's major version is the one given, or newer.
func EngineIsFrom(t *testing.T, major int) bool {
	t.Helper()
	lessonOf(t)
	return engine.Major(theEngine.ServerVersion) >= major
}

// NeedsEngine skips the test, saying why, on an engine whose major version is below the one given.
func NeedsEngine(t *testing.T, major int) {
	t.Helper()
	if !EngineIsFrom(t, major) {
		t.Skipf("not provable here: the claim is about engines from %d on, and this is %s", major, theEngine.ServerVersion)
	}
}

// NeedsNativeFileOwners skips the test, saying why, on Docker Desktop: its file sharing shows every container
// its own user as the owner of the host's files.
func NeedsNativeFileOwners(t *testing.T) {
	t.Helper()
	lessonOf(t)
	if theEngine.Desktop {
		t.Skip("not provable here: Docker Desktop's file sharing translates owners between host and container")
	}
}

// NeedsPathsOfEngines skips the test, saying why, on Windows, whose paths an engine in a container can't have, too: see Seen.
func NeedsPathsOfEngines(t *testing.T) {
	t.Helper()
	lessonOf(t)
	if runtime.GOOS == "windows" {
		t.Skip("not provable here: an engine in a container can't mount a directory of Windows")
	}
}

// NeedsHostPort reserves a port of the host that the lesson names, until the test ends. Other tests of the
// course wait for their turn; where a program that isn't ours listens, the test is skipped, saying why.
func NeedsHostPort(t *testing.T, port int) {
	t.Helper()
	l := lessonOf(t)
	release, err := lock.Hold(t.Context(), fmt.Sprintf("host port %d", port), func() {
		Say(t, "Another run of the course uses port %d of this machine just now, and is waited for.", port)
	})
	if err != nil {
		t.Fatal(err)
	}
	l.after = append(l.after, release)
	connection, err := net.DialTimeout("tcp", fmt.Sprintf("localhost:%d", port), time.Second)
	if err == nil {
		connection.Close()
		t.Skipf("not provable here: another program listens on port %d of this machine; stop it to prove this, too", port)
	}
}

// ThisLesson runs one test of the package in a process of its own, with an environment of its own, and returns
// what it printed.
func ThisLesson(t *testing.T, test string, environment ...string) Result {
	t.Helper()
	l := lessonOf(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l.write("$ " + strings.Join(append(environment, "go test -v -run", test), " ") + "\n")
	command := exec.CommandContext(t.Context(), program, "-test.v", "-test.run", test)
	command.Env = append(os.Environ(), environment...)
	output, _ := command.CombinedOutput()
	result := Result{ExitCode: command.ProcessState.ExitCode(), Stdout: string(output)}
	l.result(result)
	return result
}

// NeedsInternet skips the test, saying why, where this machine doesn't reach a host's HTTPS port. Lessons do without,
// but for claims about what is out there.
func NeedsInternet(t *testing.T, host string) {
	t.Helper()
	lessonOf(t)
	connection, err := net.DialTimeout("tcp", net.JoinHostPort(host, "443"), 10*time.Second)
	if err != nil {
		t.Skipf("not provable here: %s can't be reached: %v", host, err)
	}
	connection.Close()
}

// NeedsGo skips the test, saying why, where its process has no go command, as inside another engine.
func NeedsGo(t *testing.T) {
	t.Helper()
	lessonOf(t)
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("not provable here: there is no go command on PATH where this test runs")
	}
}
