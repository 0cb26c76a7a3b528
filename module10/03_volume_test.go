package module10

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Volumes: directories that the engine keeps for containers.
var volumeRows = []row{
	{"volume create", "makes a volume", "inspect finds it, and didn't before",
		func(t *testing.T, w workbench) {
			require.False(t, w.has(t, "volume", w.name))
			w.do(t, w.name)
			assert.True(t, w.has(t, "volume", w.name))
		}},

	{"volume inspect", "shows everything about a volume", "the label that it was made with",
		func(t *testing.T, w workbench) {
			w.Docker(t, "volume", "create", "--label", "colour=blue", w.name)
			assert.Equal(t, "blue\n", w.do(t, "--format", "{{.Labels.colour}}", w.name).Stdout)
		}},

	{"volume ls", "lists volumes", "the volume is in the list once it is made",
		func(t *testing.T, w workbench) {
			require.NotContains(t, w.Docker(t, "volume", "ls").Stdout, w.name)
			w.Docker(t, "volume", "create", w.name)
			assert.Contains(t, w.do(t).Stdout, w.name+"\n")
		}},

	{"volume prune", "removes volumes that no container uses and that nobody gave a name",
		"the named one is still there",
		func(t *testing.T, w workbench) {
			w = w.apart(t)
			w.Docker(t, "volume", "create", w.name)
			w.Docker(t, "run", "--name", w.name, "--volume", "/data", w.busybox)
			anonymous := w.about(t, "container", w.name, "{{(index .Mounts 0).Name}}")
			w.Docker(t, "rm", w.name) // and not its volume, as --volumes would
			require.True(t, w.has(t, "volume", anonymous))
			w.do(t, "--force")
			assert.False(t, w.has(t, "volume", anonymous))
			assert.True(t, w.has(t, "volume", w.name))
		}},

	{"volume rm", "removes volumes", "it was there, and is gone",
		func(t *testing.T, w workbench) {
			w.Docker(t, "volume", "create", w.name)
			require.True(t, w.has(t, "volume", w.name))
			w.do(t, w.name)
			assert.False(t, w.has(t, "volume", w.name))
		}},
}

// A volume is there from its creation to its removal, whichever containers come and go.
func TestEveryVolumeSubcommandDoesWhatTheCardSays(t *testing.T) { performAll(t, "volume") }
