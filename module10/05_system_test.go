package module10

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// System: the engine as a whole.
var systemRows = []row{
	{"system df", "tells how much room images, containers, volumes and build cache take",
		"a volume's size, before and after writing 1 MB",
		func(t *testing.T, w workbench) {
			w = w.apart(t)
			w.Docker(t, "volume", "create", w.name)
			write := func(megabytes string) {
				w.Docker(t, "run", "--rm", "--volume", w.name+":/data", w.busybox,
					"dd", "if=/dev/zero", "of=/data/file", "bs=1000000", "count="+megabytes)
			}
			write("0")
			sizes := []string{"--verbose", "--format", "{{range .Volumes}}{{.Name}} takes {{.Size}};{{end}}"}
			require.Contains(t, w.do(t, sizes...).Stdout, w.name+" takes 0B;")
			write("1")
			assert.Contains(t, w.do(t, sizes...).Stdout, w.name+" takes 1MB;")
		}},

	{"system dial-stdio", "connects standard input and output with the engine (unlisted: docker over ssh uses it)",
		"the engine answers a request",
		func(t *testing.T, w workbench) {
			const ping = "GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
			assert.Regexp(t, `(?s)^HTTP/1.1 200 OK\r\n.*\r\n\r\nOK$`, w.doStdin(t, ping).Stdout)
		}},

	{"system events", "tells what happens at the engine, while it happens; with --since, also what has happened",
		"the making of two volumes is told, one before and one while it listens",
		func(t *testing.T, w workbench) {
			w.Docker(t, "volume", "create", w.name+"-before")
			told := w.doInBackground(t, "--since", "1", "--filter", "type=volume",
				"--format", "{{.Actor.ID}}: {{.Action}}")
			told.WaitForOutput(t, w.name+"-before: create\n")
			w.Docker(t, "volume", "create", w.name)
			told.WaitForOutput(t, w.name+": create\n")
		}},

	{"system info", "describes the engine", "the name of the engine's machine is the one that the machine gives itself",
		func(t *testing.T, w workbench) {
			name := w.engine.Exec(t, "hostname").Stdout
			assert.Equal(t, name, w.do(t, "--format", "{{.Name}}").Stdout)
		}},

	{"system prune", "removes stopped containers, unused networks, dangling images and build cache",
		"they are gone, and what is in use and a volume are not",
		func(t *testing.T, w workbench) {
			w = w.apart(t)
			w.Docker(t, "volume", "create", w.name)
			w.Docker(t, "network", "create", w.name)
			w.Docker(t, "create", "--name", w.name, w.busybox)
			unnamed := w.buildWithoutName(t, "LABEL edition=unnamed")
			const step = "COPY <<EOF /made" // of a stage that shares no layer with an image
			w.build(t, w.name, "FROM scratch AS note", step, w.name, "EOF", "FROM "+w.busybox, "COPY --from=note /made /")
			require.True(t, w.has(t, "image", unnamed))
			require.Contains(t, w.Docker(t, "buildx", "du", "--verbose").Stdout, step)
			w.do(t, "--force")
			assert.False(t, w.has(t, "container", w.name), "the stopped container should be gone")
			assert.False(t, w.has(t, "network", w.name), "the unused network should be gone")
			assert.False(t, w.has(t, "image", unnamed), "the image without a name should be gone")
			assert.True(t, w.has(t, "image", w.name))
			assert.NotContains(t, w.Docker(t, "buildx", "du", "--verbose").Stdout, step, "the build cache should be gone")
			assert.True(t, w.has(t, "volume", w.name))
			assert.Equal(t, "running", w.state(t, "keeper"))
		}},
}

// These are about everything that an engine has at once: how much room it takes, what happens to it, and how to be rid
// of what nobody uses.
func TestEverySystemSubcommandDoesWhatTheCardSays(t *testing.T) { performAll(t, "system") }
