package module10

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Networks: who can reach whom, by which name.
var networkRows = []row{
	{"network connect", "connects a running container to one more network",
		"it finds the other one by name, and didn't before",
		func(t *testing.T, w workbench) {
			w.twoOnNetworks(t)
			w.DockerFails(t, "exec", w.name, "ping", "-c", "1", "-W", "2", w.name+"-other")
			w.do(t, w.name, w.name)
			w.Docker(t, "exec", w.name, "ping", "-c", "1", w.name+"-other")
		}},

	{"network create", "makes a network", "inspect finds it, and didn't before",
		func(t *testing.T, w workbench) {
			require.False(t, w.has(t, "network", w.name))
			w.do(t, w.name)
			assert.Equal(t, "bridge", w.about(t, "network", w.name, "{{.Driver}}"))
		}},

	{"network disconnect", "takes a container off a network", "it doesn't find the other one any more, and did before",
		func(t *testing.T, w workbench) {
			w.twoOnNetworks(t)
			w.Docker(t, "network", "connect", w.name, w.name)
			w.Docker(t, "exec", w.name, "ping", "-c", "1", w.name+"-other")
			w.do(t, w.name, w.name)
			w.DockerFails(t, "exec", w.name, "ping", "-c", "1", "-W", "2", w.name+"-other")
		}},

	{"network inspect", "shows everything about a network", "the name of the container that is on it",
		func(t *testing.T, w workbench) {
			w.Docker(t, "network", "create", w.name)
			w.Docker(t, "run", "--detach", "--init", "--network", w.name, "--name", w.name, w.busybox, "sleep", "1000")
			assert.Equal(t, w.name+"\n", w.do(t, "--format", "{{range .Containers}}{{.Name}}{{end}}", w.name).Stdout)
		}},

	{"network ls", "lists networks", "the network is in the list once it is made",
		func(t *testing.T, w workbench) {
			require.NotContains(t, w.Docker(t, "network", "ls").Stdout, w.name)
			w.Docker(t, "network", "create", w.name)
			assert.Regexp(t, `(?m)^\w+ +`+w.name+` +bridge +local$`, w.do(t).Stdout)
		}},

	{"network prune", "removes networks that no running container is on", "the one in use is still there",
		func(t *testing.T, w workbench) {
			w = w.apart(t)
			w.Docker(t, "network", "create", w.name)
			w.Docker(t, "network", "create", w.name+"-used")
			w.Docker(t, "run", "--detach", "--init", "--network", w.name+"-used", w.busybox, "sleep", "1000")
			w.do(t, "--force")
			assert.False(t, w.has(t, "network", w.name))
			assert.True(t, w.has(t, "network", w.name+"-used"))
		}},

	{"network rm", "removes networks", "it was there, and is gone",
		func(t *testing.T, w workbench) {
			w.Docker(t, "network", "create", w.name)
			require.True(t, w.has(t, "network", w.name))
			w.do(t, w.name)
			assert.False(t, w.has(t, "network", w.name))
		}},
}

// twoOnNetworks makes a network with the container other on it, and a container on the default network.
func (w workbench) twoOnNetworks(t *testing.T) {
	t.Helper()
	w.Docker(t, "network", "create", w.name)
	w.Docker(t, "run", "--detach", "--init", "--name", w.name+"-other", "--network", w.name, w.busybox, "sleep", "1000")
	w.Docker(t, "run", "--detach", "--init", "--name", w.name, w.busybox, "sleep", "1000")
}

// A container is on a network from its start, or it is connected and disconnected while it runs. On a user-defined
// network containers find each other by name.
func TestEveryNetworkSubcommandDoesWhatTheCardSays(t *testing.T) { performAll(t, "network") }
