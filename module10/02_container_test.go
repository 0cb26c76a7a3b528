package module10

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
)

// Containers: their life (create, start, pause, stop, kill, rm), what goes on in them (exec, logs, top, stats), and
// their files (cp, diff, commit, export).
var containerRows = []row{
	{"container attach", "connects the terminal to a container's main process",
		"what is typed reaches the container's shell",
		func(t *testing.T, w workbench) {
			w.Docker(t, "run", "--detach", "--interactive", "--name", w.name, "--hostname", w.name, w.busybox, "sh")
			typed := w.doTyped(t, "echo typed in $(hostname)\nexit\n", w.name)
			assert.Contains(t, typed.Stdout, "typed in "+w.name)
			assert.Equal(t, "exited", w.state(t, w.name), "its shell was told to exit")
		}},

	{"container commit", "makes an image of a container's files", "the file that the container made is in the image",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "sh", "-c", "echo kept > /made && sleep 1000")
			w.until(t, w.name, "test -s /made")
			require.False(t, w.has(t, "image", w.name))
			w.do(t, w.name, w.name)
			assert.Equal(t, "kept\n", w.output(t, w.name, "cat", "/made"))
		}},

	{"container cp", "copies files between a container and this machine",
		"the file is here afterwards, with its content",
		func(t *testing.T, w workbench) {
			inside, directory := w.inDirectory(t, nil)
			inside.start(t, w.name, "sh", "-c", "echo carried > /made && sleep 1000")
			inside.until(t, w.name, "test -s /made")
			inside.do(t, w.name+":/made", "copy.txt")
			assert.Equal(t, "carried\n", course.ReadHostFile(t, filepath.Join(directory, "copy.txt")))
		}},

	{"container create", "makes a container and doesn't start it", "its state is: created",
		func(t *testing.T, w workbench) {
			require.False(t, w.has(t, "container", w.name))
			w.do(t, "--name", w.name, w.busybox, "sleep", "1000")
			assert.Equal(t, "created", w.state(t, w.name))
		}},

	{"container diff", "lists the files that differ from the image's", "the file that was made is marked A, for added",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "sh", "-c", "touch /made && sleep 1000")
			w.until(t, w.name, "test -e /made")
			assert.Contains(t, w.do(t, w.name).Stdout, "A /made\n")
		}},

	{"container exec", "runs one more command in a running container", "the file it made is in the container",
		func(t *testing.T, w workbench) {
			w.start(t, w.name)
			require.NotContains(t, w.Docker(t, "diff", w.name).Stdout, "/made")
			w.do(t, w.name, "touch", "/made")
			assert.Contains(t, w.Docker(t, "diff", w.name).Stdout, "A /made\n")
		}},

	{"container export", "writes all files of a container to a tar archive",
		"the file that the container made is in it",
		func(t *testing.T, w workbench) {
			inside, directory := w.inDirectory(t, nil)
			inside.start(t, w.name, "sh", "-c", "echo kept > /made && sleep 1000")
			inside.until(t, w.name, "test -s /made")
			inside.do(t, "--output", "files.tar", w.name)
			assert.Equal(t, "kept\n", filesInArchive(t, filepath.Join(directory, "files.tar"))["made"])
		}},

	{"container inspect", "shows everything about a container", "its host name, as it was asked for",
		func(t *testing.T, w workbench) {
			w.start(t, w.name)
			assert.Equal(t, w.name+"\n", w.do(t, "--format", "{{.Config.Hostname}}", w.name).Stdout)
		}},

	{"container kill", "ends a container at once, by SIGKILL", "running before, exit status 137 after (128 + 9)",
		func(t *testing.T, w workbench) {
			w.start(t, w.name)
			require.Equal(t, "running", w.state(t, w.name))
			w.do(t, w.name)
			assert.Equal(t, "137", w.about(t, "container", w.name, "{{.State.ExitCode}}"))
		}},

	{"container logs", "shows what a container's main process has written", "its one line",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "echo", "written by "+w.name)
			w.Docker(t, "wait", w.name)
			assert.Equal(t, "written by "+w.name+"\n", w.do(t, w.name).Stdout)
		}},

	{"container ls", "lists running containers; with --all, the others, too",
		"the stopped one is in the second list only",
		func(t *testing.T, w workbench) {
			w.start(t, w.name+"-running")
			w.start(t, w.name+"-stopped", "true")
			w.Docker(t, "wait", w.name+"-stopped")
			w.listedAsStopped(t, w.name+"-stopped")
			only := []string{"--filter", "name=" + w.name, "--format", "{{.Names}}"}
			assert.Equal(t, w.name+"-running\n", w.do(t, only...).Stdout)
			all := w.do(t, append(only, "--all")...).Stdout
			assert.ElementsMatch(t, []string{w.name + "-running", w.name + "-stopped"}, strings.Fields(all))
		}},

	{"container pause", "freezes all processes of a container", "its state is: paused, and its counting stands still",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "sh", "-c", "while :; do echo tick; sleep 0.05; done")
			w.logged(t, w.name, "tick\n")
			defer w.DockerTries(t, "unpause", w.name) // what is frozen can't be killed with its engine
			w.do(t, w.name)
			assert.Equal(t, "paused", w.state(t, w.name))
			// What it has written last is in the log some moments later.
			w.Docker(t, "run", "--rm", w.busybox, "sleep", "0.3")
			before := w.Docker(t, "logs", w.name).Stdout
			w.Docker(t, "run", "--rm", w.busybox, "sleep", "0.3")
			assert.Equal(t, before, w.Docker(t, "logs", w.name).Stdout)
		}},

	{"container port", "tells where a container's ports are published", "the port it was given, which answers there",
		func(t *testing.T, w workbench) {
			w.Docker(t, "run", "--detach", "--init", "--name", w.name, "--publish", "127.0.0.1:8081:80", w.busybox,
				"sh", "-c", "echo "+w.name+" > /index.html && exec httpd -f -h /")
			assert.Equal(t, "127.0.0.1:8081\n", w.do(t, w.name, "80/tcp").Stdout)
			w.engine.WaitFor(t, "wget -q -O - http://127.0.0.1:8081/ | grep "+w.name)
		}},

	{"container prune", "removes all stopped containers", "the stopped one is gone, the running one is not",
		func(t *testing.T, w workbench) {
			w = w.apart(t)
			w.start(t, w.name, "true")
			w.Docker(t, "wait", w.name)
			w.do(t, "--force")
			assert.False(t, w.has(t, "container", w.name))
			assert.Equal(t, "running", w.state(t, "keeper"))
		}},

	{"container rename", "gives a container another name", "the same id under the new name, and none under the old",
		func(t *testing.T, w workbench) {
			w.start(t, w.name)
			id := w.about(t, "container", w.name, "{{.Id}}")
			w.do(t, w.name, w.name+"-new")
			assert.False(t, w.has(t, "container", w.name))
			assert.Equal(t, id, w.about(t, "container", w.name+"-new", "{{.Id}}"))
		}},

	{"container restart", "stops a container and starts it again", "its main process has begun a second time",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "sh", "-c", "echo begun; exec sleep 1000")
			w.logged(t, w.name, "begun\n")
			const began = "{{.State.StartedAt}}"
			first := w.about(t, "container", w.name, began)
			w.do(t, w.name)
			assert.Equal(t, "running", w.state(t, w.name))
			assert.NotEqual(t, first, w.about(t, "container", w.name, began))
		}},

	{"container rm", "removes containers", "it was there, and is gone",
		func(t *testing.T, w workbench) {
			w.Docker(t, "create", "--name", w.name, w.busybox)
			require.True(t, w.has(t, "container", w.name))
			w.do(t, w.name)
			assert.False(t, w.has(t, "container", w.name))
		}},

	{"container run", "makes a container of an image and starts it",
		"what it printed, and its exit status, which is docker's",
		func(t *testing.T, w workbench) {
			assert.Equal(t, "hello\n", w.do(t, "--name", w.name, w.busybox, "echo", "hello").Stdout)
			assert.Equal(t, "exited", w.state(t, w.name))
			assert.Equal(t, 7, w.doFails(t, "--rm", w.busybox, "sh", "-c", "exit 7").ExitCode)
		}},

	{"container start", "starts a container that was made or has stopped", "created before, running after",
		func(t *testing.T, w workbench) {
			w.Docker(t, "create", "--init", "--name", w.name, w.busybox, "sleep", "1000")
			require.Equal(t, "created", w.state(t, w.name))
			w.do(t, w.name)
			assert.Equal(t, "running", w.state(t, w.name))
		}},

	{"container stats", "shows what containers use of the machine, again and again",
		"a line with the container's processes",
		func(t *testing.T, w workbench) {
			w.start(t, w.name)
			stream := w.doInBackground(t, "--format", "{{.Name}} runs {{.PIDs}}", w.name)
			stream.WaitForOutput(t, w.name+" runs 2")
		}},

	{"container stop", "asks a container to end (SIGTERM), and kills it if it doesn't",
		"the container heard the signal",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "sh", "-c",
				"trap 'echo asked to end; exit 7' TERM; echo ready; while :; do sleep 0.05; done")
			w.logged(t, w.name, "ready\n")
			w.do(t, w.name)
			assert.Equal(t, "7", w.about(t, "container", w.name, "{{.State.ExitCode}}"))
			assert.Contains(t, w.Docker(t, "logs", w.name).Stdout, "asked to end\n")
		}},

	{"container top", "lists the processes of a container, as its host sees them",
		"the command that it was started with",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "sleep", "1001")
			assert.Contains(t, w.do(t, w.name).Stdout, "sleep 1001\n")
		}},

	{"container unpause", "lets a paused container go on", "paused before, running after",
		func(t *testing.T, w workbench) {
			w.start(t, w.name)
			w.Docker(t, "pause", w.name)
			defer w.DockerTries(t, "unpause", w.name)
			require.Equal(t, "paused", w.state(t, w.name))
			w.do(t, w.name)
			assert.Equal(t, "running", w.state(t, w.name))
		}},

	{"container update", "changes limits and restart policy of a container", "the policy before and after",
		func(t *testing.T, w workbench) {
			const policy = "{{.HostConfig.RestartPolicy.Name}}"
			w.start(t, w.name)
			require.Equal(t, "no", w.about(t, "container", w.name, policy))
			w.do(t, "--restart", "unless-stopped", w.name)
			assert.Equal(t, "unless-stopped", w.about(t, "container", w.name, policy))
		}},

	{"container wait", "waits until containers end, and prints their exit statuses",
		"the status is the one it ended with",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "sh", "-c", "until test -e /over; do sleep 0.05; done; exit 42")
			waiting := w.doInBackground(t, w.name)
			w.Docker(t, "exec", w.name, "touch", "/over")
			assert.Equal(t, "42\n", waiting.WaitUntilEnded(t).Stdout)
		}},
}

// until waits until a command succeeds in a container.
func (w workbench) until(t *testing.T, container, line string) {
	t.Helper()
	course.Eventually(t, container+": "+line, func() bool {
		return w.DockerTries(t, "exec", container, "sh", "-c", line).ExitCode == 0
	})
}

// logged waits until a container has written a text.
func (w workbench) logged(t *testing.T, container, text string) {
	t.Helper()
	w.DockerInBackground(t, "logs", "--follow", container).WaitForOutput(t, text)
}

// A container is created and started, it can be looked into while it runs, and it stays after its end, until it is
// removed. For each step there is a command, and `docker run` is the first two in one.
func TestEveryContainerSubcommandDoesWhatTheCardSays(t *testing.T) { performAll(t, "container") }
