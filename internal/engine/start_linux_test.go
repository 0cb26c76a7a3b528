package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func TestTestingComesFromTheMirrorThatDebianItselfComesFrom(t *testing.T) {
	for name, test := range map[string]struct{ file, text, mirror string }{
		"one line": {"sources.list", "# deb http://old.test/debian bookworm-updates main\n" +
			"deb-src http://source.test/debian bookworm-updates main\n" +
			"deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm-updates main\n" +
			"deb http://security.test/ bookworm-security main\n", "http://mirror.test/debian"},
		"paragraphs": {"sources.list.d/debian.sources", "Types: deb\n# a comment: of many\nURIs: http://mirror.test/x\nSuites: bookworm bookworm-updates\nComponents: main\n\n" +
			"Types: deb\nURIs: http://security.test\nSuites: bookworm-security\n", "http://mirror.test/x"},
		"another's packages": {"sources.list.d/other.list", "deb https://other.test/linux/debian bookworm stable\n", defaultMirror},
		"nothing":            {"sources.list", "", defaultMirror},
	} {
		t.Run(name, func(t *testing.T) {
			etc := t.TempDir()
			write(t, filepath.Join(etc, test.file), test.text)
			written := filepath.Join(etc, "sources.list.d", "docker-proven.sources")
			write(t, written, "Types: deb\nURIs: http://stale.test\nSuites: testing\n")
			pin := write(t, filepath.Join(etc, "preferences.d", "docker-proven"), "")
			require.NoError(t, offerTesting(etc, "bookworm"))

			source, err := os.ReadFile(written)
			require.NoError(t, err)
			assert.Contains(t, string(source), "\nURIs: "+test.mirror+"\nSuites: testing\n")
			assert.Contains(t, string(source), "\nCheck-Valid-Until: no\n")
			pinned, err := os.ReadFile(pin)
			require.NoError(t, err)
			assert.Contains(t, string(pinned), "Package: *\nPin: release a=testing\nPin-Priority: 100\n")
		})
	}
}

func TestAMachineThatHasTestingKeepsItsOwnSources(t *testing.T) {
	etc := t.TempDir()
	write(t, filepath.Join(etc, "sources.list"), "deb http://mirror.test/debian testing main\n")
	require.NoError(t, offerTesting(etc, "bookworm"))
	assert.NoFileExists(t, filepath.Join(etc, "sources.list.d", "docker-proven.sources"))
}

func TestTheDistributionIsRead(t *testing.T) {
	d := readDistribution(write(t, filepath.Join(t.TempDir(), "os-release"), "NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n"))
	assert.Equal(t, distribution{"ubuntu", "24.04", "noble"}, d)
	assert.True(t, d.installs())
	assert.False(t, d.fromTesting())
	assert.False(t, readDistribution("/nowhere").installs())
}

// A process number in a file is believed only if the process is the command it should be.
func TestAStaleProcessFileNamesNoProcess(t *testing.T) {
	sleep := exec.Command("sleep", "60")
	require.NoError(t, sleep.Start())
	t.Cleanup(func() { _ = sleep.Process.Kill(); _ = sleep.Wait() })
	file := func(text string) string { return write(t, filepath.Join(t.TempDir(), "pid"), text) }
	number := strconv.Itoa(sleep.Process.Pid)

	assert.Equal(t, sleep.Process.Pid, process(file(number+"\n"), "sleep"))
	assert.Zero(t, process(file(number), "dockerd"), "another command has the number now")
	assert.Zero(t, process(file("garbage"), "sleep"))
	assert.Zero(t, process("/nowhere", "sleep"))
}

func TestControlGroupsAreSeenInBothVersions(t *testing.T) {
	assert.True(t, cgroupMounted("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"))
	assert.True(t, cgroupMounted("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n"))
	assert.False(t, cgroupMounted("sysfs /sys sysfs rw 0 0\ntmpfs /sys/fs/cgroup tmpfs rw 0 0\n"))
}

func TestAnErrorShowsTheEndOfALog(t *testing.T) {
	log := write(t, filepath.Join(t.TempDir(), "log"), strings.Repeat("early\n", 20)+"failed to start daemon: bad config\n")
	assert.Contains(t, tail(log), "  failed to start daemon: bad config\n")
	assert.Equal(t, 15, strings.Count(tail(log), "\n"))
}
