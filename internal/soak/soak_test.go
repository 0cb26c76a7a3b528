package soak

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/clean"
	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/proof"
)

// somewhere is a place, removed when the test ends.
func somewhere(t *testing.T) *place {
	t.Helper()
	within = 2 * time.Second // after a run; what is left in these tests is left for good
	docker, _, err := engine.Connect(t.Context())
	require.NoError(t, err)
	busybox, err := image.Obtain(t.Context(), image.Busybox.Ref(), t.Output())
	require.NoError(t, err)
	here, err := prepare(t.Context(), docker, busybox.Ref)
	t.Cleanup(func() {
		here.remove()
		docker.Close()
	})
	require.NoError(t, err)
	return here
}

func TestWhatIsLeftIsNoticed(t *testing.T) {
	here := somewhere(t)
	process := string(here.session) + ".module01.abc"
	name := "soak-test-" + string(here.session)
	find := func(words string) bool {
		left, err := here.left(t.Context())
		require.NoError(t, err)
		return slices.ContainsFunc(left, func(thing string) bool { return strings.HasPrefix(thing, words) })
	}
	for _, thing := range []string{"container ", "volume ", "network ", "image ", "file ", "process "} {
		assert.False(t, find(thing), thing)
	}
	ours := map[string]string{clean.Label: process}
	_, err := here.docker.VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: name, Labels: ours})
	require.NoError(t, err)
	_, err = here.docker.NetworkCreate(t.Context(), name, client.NetworkCreateOptions{Labels: ours})
	require.NoError(t, err)
	assert.True(t, find("volume "+name))
	assert.True(t, find("network "))
	require.NoError(t, clean.Labelled(t.Context(), here.docker, func(string, string) {}, clean.Label+"="+process))
	assert.False(t, find("volume "))
	assert.False(t, find("network "))

	require.NoError(t, os.WriteFile(filepath.Join(here.temporary, "leftover"), nil, 0o600))
	assert.True(t, find("file "))

	_, err = here.docker.VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: name})
	require.NoError(t, err)
	assert.True(t, find("without a label of the course's: volume "+name))
	_, err = here.docker.VolumeRemove(t.Context(), name, client.VolumeRemoveOptions{})
	require.NoError(t, err)
}

func TestWhatHappensToTheLearnersThingsIsNoticed(t *testing.T) {
	here := somewhere(t)
	learners := "learners-" + string(here.session)
	changed := func() (changed []string) {
		left, err := here.left(t.Context())
		require.NoError(t, err)
		for _, thing := range left {
			if strings.HasPrefix(thing, "of the learner's, changed:") {
				changed = append(changed, thing)
			}
		}
		return changed
	}
	about := func(words string) bool {
		return slices.ContainsFunc(changed(), func(thing string) bool { return strings.Contains(thing, words) })
	}
	assert.False(t, about(learners), "%v", changed())
	_, err := here.docker.ContainerRestart(t.Context(), learners, client.ContainerRestartOptions{Timeout: new(int)})
	require.NoError(t, err)
	assert.False(t, about(learners), "a container that looks as before is the same: %v", changed())
	_, err = here.docker.ContainerPause(t.Context(), learners, client.ContainerPauseOptions{})
	require.NoError(t, err)
	assert.True(t, about("running"))
	_, err = here.docker.ContainerUnpause(t.Context(), learners, client.ContainerUnpauseOptions{})
	require.NoError(t, err)

	_, err = here.docker.ImageTag(t.Context(), client.ImageTagOptions{Source: learners + ":1", Target: learners + ":2"})
	require.NoError(t, err)
	assert.False(t, about(learners+":1"), "it is the same image as before, by one more name: %v", changed())
	_, err = here.docker.ImageRemove(t.Context(), learners+":2", client.ImageRemoveOptions{})
	require.NoError(t, err)
	_, err = here.docker.ImageRemove(t.Context(), learners+":1", client.ImageRemoveOptions{})
	require.NoError(t, err)
	assert.True(t, about(learners+":1"))
	here.planted = here.planted[1:]
	settings := filepath.Join(here.configuration, "config.json")
	assert.False(t, about(settings))
	require.NoError(t, os.WriteFile(settings, []byte("{}"), 0o600))
	assert.True(t, about(settings))
}

const leaving = `package p
import ("os"; "testing"; "path/filepath")
func TestFails(t *testing.T) { t.Fatal("no") }
func TestLeaves(t *testing.T) { os.WriteFile(filepath.Join(os.TempDir(), "forgotten"), nil, 0o600) }
`

func TestARoundCountsFailuresAndLeftovers(t *testing.T) {
	here := somewhere(t)
	inModule(t, leaving)
	var out bytes.Buffer
	bad, ran := here.round(t.Context(), 1, 1, 2, nil, &out)
	if runtime.GOOS == "windows" {
		t.Skip("not provable here: Windows has another name for TMPDIR; what is left is looked for on macOS and Linux")
	}
	if assert.Len(t, ran, 2, "a package of each copy") {
		assert.Equal(t, "module01", ran[0].Name)
		assert.Positive(t, ran[0].Took)
	}
	assert.GreaterOrEqual(t, bad, 3, "of each copy a failure, and a file of both")
	assert.Contains(t, out.String(), "claims proven: 2, failures: 2, left: ")
	assert.Contains(t, out.String(), "module01 TestFails")
	assert.Contains(t, out.String(), "file "+filepath.Join(here.temporary, "forgotten"))
	out.Reset()
	here.round(t.Context(), 1, 1, 2, nil, &out)
	assert.NotContains(t, out.String(), "forgotten", "what was told is not told again")
}

func TestAKilledCopyAndItsProcessesAreGone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("not provable here: Windows has no process groups")
	}
	here := somewhere(t)
	inModule(t, "package p\nimport \"testing\"\nfunc TestHangs(t *testing.T) { select {} }\n")
	for n := range 2 {
		var out bytes.Buffer
		_, killed := here.kill(t.Context(), n+1, 2, []proof.Package{{Name: "module01", Took: 2 * time.Second}}, nil, &out)
		assert.True(t, killed, "it counts, for it would not have ended: %s", out.String())
		assert.NotContains(t, out.String(), "process ")
	}
}

func TestAKillComesInAPackageAsOftenAsItTakesLong(t *testing.T) {
	packages := []proof.Package{{Name: "of no tests"}, {Name: "long", Took: 3 * time.Second}, {Name: "short", Took: time.Second}}
	times := map[string]int{}
	for range 4000 {
		in, after := randomMoment(packages)
		times[packages[in].Name]++
		require.LessOrEqual(t, after, packages[in].Took)
	}
	assert.Zero(t, times["of no tests"])
	assert.InDelta(t, 3000, times["long"], 200, "of 4000") // seven times the standard deviation
	assert.NotPanics(t, func() { randomMoment(packages[:1]) })
}

func TestThePackageInWhichTheKillComesIsTheFirstToRun(t *testing.T) {
	here := somewhere(t)
	note := func(module string) string {
		return "package p\nimport (\"os\"; \"testing\")\nfunc TestIsNoted(t *testing.T) { " +
			"f, _ := os.OpenFile(\"../order\", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); f.WriteString(\"" + module + " \"); f.Close() }\n"
	}
	inModule(t, note("module01"))
	require.NoError(t, os.Mkdir("module02", 0o755))
	require.NoError(t, os.WriteFile(filepath.Join("module02", "a_test.go"), []byte(note("module02")), 0o644))
	var out bytes.Buffer
	// The moment is so late that all has ended before.
	packages := []proof.Package{{Name: "module01"}, {Name: "module02", Took: 10_000 * time.Hour}}
	_, killed := here.kill(t.Context(), 1, 1, packages, []string{"-p=1", "./..."}, &out)
	assert.False(t, killed)
	assert.Less(t, packages[1].Took, time.Hour, "the next moment comes earlier")
	order, err := os.ReadFile("order")
	require.NoError(t, err, out.String())
	assert.Equal(t, "module02 module01 ", string(order))
}

// inModule moves into a module of one package with one file of tests.
func inModule(t *testing.T, tests string) {
	t.Helper()
	directory := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(directory, "module01"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "go.mod"), []byte("module docker-proven\n\ngo 1.26\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "module01", "a_test.go"), []byte(tests), 0o644))
	t.Chdir(directory)
}
