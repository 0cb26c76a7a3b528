package module10

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
)

// Prune commands ask before they remove, and say what. Without --force and without an answer of yes, nothing goes.
func TestPruneAsksFirstAndRemovesNothingUnlessToldYes(t *testing.T) {
	w := newWorkbench(t, "prune-asks").apart(t)
	w.Docker(t, "create", "--name", w.name, w.busybox)
	unanswered := w.DockerTries(t, "container", "prune") // from version to version, that is a failure or isn't
	assert.Contains(t, unanswered.Output(), "Are you sure")
	assert.True(t, w.has(t, "container", w.name))

	w.DockerStdin(t, "y\n", "container", "prune")
	assert.False(t, w.has(t, "container", w.name))
}

// What is used is not pruned: the volume, the network and the image of a container that runs. Of one that doesn't run, the
// volume and the image stay, too. But its network goes, and then it can't be started any more.
func TestWhatAContainerUsesStays(t *testing.T) {
	w := newWorkbench(t, "prune-used").apart(t)
	used, unused := w.name+"-used", w.name+"-unused"
	for _, name := range []string{used, unused} {
		w.build(t, name, "LABEL name="+name)
		w.Docker(t, "volume", "create", name)
		w.Docker(t, "network", "create", name)
	}
	w.Docker(t, "run", "--detach", "--init", "--name", w.name, "--volume", used+":/data", "--network", used,
		used, "sleep", "1000")
	w.Docker(t, "image", "prune", "--force", "--all")
	w.Docker(t, "volume", "prune", "--force", "--all")
	w.Docker(t, "network", "prune", "--force")
	for _, kind := range []string{"image", "volume", "network"} {
		assert.True(t, w.has(t, kind, used), "the %s in use should stay", kind)
		assert.False(t, w.has(t, kind, unused), "the unused %s should be gone", kind)
	}
	for _, network := range []string{"bridge", "host", "none"} {
		assert.True(t, w.has(t, "network", network), "the networks that every engine has should stay")
	}
	course.Say(t, "The container is stopped, and all is pruned once more:")
	w.Docker(t, "kill", w.name)
	w.Docker(t, "image", "prune", "--force", "--all")
	w.Docker(t, "volume", "prune", "--force", "--all")
	assert.True(t, w.has(t, "image", used), "its image should stay")
	assert.True(t, w.has(t, "volume", used), "its volume should stay")
	w.Docker(t, "start", w.name)
	w.Docker(t, "kill", w.name)
	w.Docker(t, "network", "prune", "--force")
	assert.False(t, w.has(t, "network", used), "the network of a container that doesn't run should be gone")
	refused := w.DockerFails(t, "start", w.name)
	assert.Contains(t, refused.Stderr, "not found")
	w.Docker(t, "rm", w.name)
}

// Without --all, what has a name stays: image prune removes images without a tag only, volume prune the volumes that
// docker named only. Engines before 23 pruned volumes with names, too.
func TestWhatHasANameStaysUnlessAllIsPruned(t *testing.T) {
	w := newWorkbench(t, "prune-named").apart(t)
	w.build(t, w.name, "LABEL row=named")
	w.Docker(t, "volume", "create", w.name)
	w.Docker(t, "image", "prune", "--force")
	w.Docker(t, "volume", "prune", "--force")
	assert.True(t, w.has(t, "image", w.name))
	assert.True(t, w.has(t, "volume", w.name))

	w.Docker(t, "image", "prune", "--force", "--all")
	w.Docker(t, "volume", "prune", "--force", "--all")
	assert.False(t, w.has(t, "image", w.name))
	assert.False(t, w.has(t, "volume", w.name))
}

// Filters hold a prune back: with label=… it takes only what has the label, with label!=… it spares that, and with
// until=… it takes only what is older.
func TestAFilterHoldsAPruneBack(t *testing.T) {
	w := newWorkbench(t, "prune-filtered").apart(t)
	createKept := func() { w.Docker(t, "create", "--name", w.name+"-kept", "--label", "keep", w.busybox) }
	createOther := func() { w.Docker(t, "create", "--name", w.name+"-other", w.busybox) }
	createKept()
	createOther()
	w.Docker(t, "container", "prune", "--force", "--filter", "until=24h")
	assert.True(t, w.has(t, "container", w.name+"-kept"), "nothing is a day old")
	assert.True(t, w.has(t, "container", w.name+"-other"), "nothing is a day old")
	w.Docker(t, "container", "prune", "--force", "--filter", "label!=keep")
	assert.True(t, w.has(t, "container", w.name+"-kept"))
	assert.False(t, w.has(t, "container", w.name+"-other"))
	createOther()
	w.Docker(t, "container", "prune", "--force", "--filter", "label=keep")
	assert.False(t, w.has(t, "container", w.name+"-kept"))
	assert.True(t, w.has(t, "container", w.name+"-other"))

	createKept()
	w.Docker(t, "container", "prune", "--force", "--filter", "until=2100-01-01T00:00:00Z")
	assert.False(t, w.has(t, "container", w.name+"-kept"), "all are older than that")
	assert.False(t, w.has(t, "container", w.name+"-other"), "all are older than that")
}

// `docker system prune` is all prunes in one, except that of volumes, which needs --volumes and even then takes only
// those without a name. With --all it takes every image that no container uses, and of the build cache also what an
// image that stays has, too.
func TestSystemPruneSparesVolumesAndWithAllTakesUnusedImages(t *testing.T) {
	w := newWorkbench(t, "prune-system").apart(t)
	w.build(t, w.name, "LABEL row=system")
	w.Docker(t, "volume", "create", w.name)
	w.Docker(t, "run", "--name", w.name, "--volume", "/data", w.busybox)
	anonymous := w.about(t, "container", w.name, "{{(index .Mounts 0).Name}}")
	step := "echo " + w.name + " > /made"
	w.build(t, w.name+"-used", "RUN "+step)
	w.Docker(t, "run", "--detach", "--init", w.name+"-used", "sleep", "1000")

	w.Docker(t, "system", "prune", "--force")
	assert.False(t, w.has(t, "container", w.name))
	assert.True(t, w.has(t, "image", w.name))
	assert.True(t, w.has(t, "volume", anonymous))
	assert.Contains(t, w.Docker(t, "buildx", "du", "--verbose").Stdout, step, "the image has this step's layer, too")
	w.Docker(t, "system", "prune", "--force", "--all", "--volumes")
	assert.False(t, w.has(t, "image", w.name))
	assert.False(t, w.has(t, "volume", anonymous))
	assert.NotContains(t, w.Docker(t, "buildx", "du", "--verbose").Stdout, step, "the cache should have nothing of the image any more")
	assert.True(t, w.has(t, "image", w.name+"-used"), "the image itself is in use")
	assert.True(t, w.has(t, "volume", w.name), "it has a name")
	assert.Equal(t, "running", w.state(t, "keeper"), "and what runs, stays, with its image")
	assert.True(t, w.has(t, "image", w.busybox))
}

// A prune is about one engine: the one that the docker command talks to. What you have on yours is safe while another
// one is pruned of everything.
func TestAPruneOfOneEngineLeavesAnotherAlone(t *testing.T) {
	w := newWorkbench(t, "prune-other").apart(t)
	volume, network := course.NewVolume(t, "mine"), course.NewNetwork(t, "mine")
	container := course.Unique(t, "mine-")
	course.Docker(t, "create", "--name", container, w.busybox)
	w.Docker(t, "create", "--name", w.name, w.busybox)

	w.Docker(t, "system", "prune", "--force", "--all", "--volumes")
	require.False(t, w.has(t, "container", w.name))
	course.Docker(t, "container", "inspect", "--format", "{{.State.Status}}", container)
	course.Docker(t, "volume", "inspect", "--format", "{{.Name}}", volume)
	course.Docker(t, "network", "inspect", "--format", "{{.Name}}", network)
}
