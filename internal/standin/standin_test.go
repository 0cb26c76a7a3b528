//go:build unix

package standin

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/planted"
)

// What a failed command printed becomes one line that says what to do; what nothing explains is told as it is.
func TestAFailureIsExplainedInOneSentence(t *testing.T) {
	for name, example := range map[string]struct{ program, output, explanation string }{
		"full disk": {"docker",
			"#5 3.1 tar: /usr/bin/x: Cannot write: No space left on device\n#5 3.2 E: Sub-process returned an error code\n",
			"the disk is full (tar: /usr/bin/x: Cannot write: No space left on device); make room, " +
				"`docker system df` tells what takes it, and run the same command again"},
		"apt's mirror": {"mmdebstrap",
			"I: running apt-get update...\nReading package lists...\nE: Failed to fetch http://mirror.example/InRelease  " +
				"Unable to connect to 127.0.0.1:9:\nE: apt-get update failed\nE: mmdebstrap failed to run\n",
			"its source could not be reached (E: Failed to fetch http://mirror.example/InRelease  Unable to connect to " +
				"127.0.0.1:9:); nothing half-made is left: run the same command again when it can"},
		"apt's mirror within a build": {"docker",
			"#5 7.1 W: Failed to fetch http://mirror.example/InRelease\n#5 7.2 E: Unable to locate package jq\n" +
				"#5 ERROR: process \"/bin/sh -c apt-get …\" did not complete successfully: exit code: 100\n",
			"its source could not be reached (W: Failed to fetch http://mirror.example/InRelease); " +
				"nothing half-made is left: run the same command again when it can"},
		"Go's proxy": {"go",
			"go: example.com/x@v1: Get \"https://modules.example/…\": dial tcp: lookup modules.example: no such host\n",
			"its source could not be reached (go: example.com/x@v1: Get \"https://modules.example/…\": dial tcp: lookup " +
				"modules.example: no such host); nothing half-made is left: run the same command again when it can"},
		"no engine": {"docker",
			"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
			"the Docker engine does not answer (Cannot connect to the Docker daemon at unix:///var/run/docker.sock. " +
				"Is the docker daemon running?); start it and run the same command again"},
		"a package that is gone": {"docker",
			"#5 7.1 Reading package lists...\n#5 7.2 E: Unable to locate package jq\n#5 ERROR: process failed\n------\n" +
				"7.2 E: Unable to locate package jq\n------\n",
			"docker: exit status 1: E: Unable to locate package jq; ERROR: process failed"},
		"anything else": {"docker", "one\ntwo\n\nthree\n", "docker: exit status 1: two; three"},
		"nothing":       {"docker", "", "docker: exit status 1: "},
	} {
		t.Run(name, func(t *testing.T) {
			err := explain(example.program, errors.New("exit status 1"), example.output)
			assert.EqualError(t, err, example.explanation)
		})
	}
}

// Every recipe has a Dockerfile and serves a reference, and every reference has a recipe.
func TestRecipesAndReferencesBelongTogether(t *testing.T) {
	folders, err := fs.ReadDir(recipes, "recipes")
	require.NoError(t, err)
	have := map[string]bool{}
	for _, folder := range folders {
		have[folder.Name()] = true
		_, err := fs.Stat(recipes, "recipes/"+folder.Name()+"/Dockerfile")
		assert.NoError(t, err)
	}
	used := map[string]bool{}
	for ref, recipe := range table {
		used[recipe.name] = true
		assert.True(t, recipe.release != "" || recipe.program != "", "%s is made from something", ref)
	}
	assert.Equal(t, slices.Sorted(maps.Keys(have)), slices.Sorted(maps.Keys(used)))
}

// A recipe that differs has another sum, be it by a file, an argument or the release it starts from; and the sources of the
// course's own programs, which are part of some, are where Recipe looks for them.
func TestAnotherRecipeHasAnotherSum(t *testing.T) {
	assert.Equal(t, Recipe("mariadb:10.11"), Recipe("mariadb:10.11"))
	sums := map[string]string{}
	for _, ref := range []string{"mariadb:10.11", "mariadb:11.8", "php:8.2-cli", "node:22", "node:22-slim", "node:24"} {
		sum := Recipe(ref)
		assert.Empty(t, sums[sum], "%s has the same sum", ref)
		sums[sum] = ref
	}
	assert.Equal(t, []string{"recipes/ryuk", "reaper"}, table["testcontainers/ryuk:0.14.0"].sources())
	for ref, recipe := range table {
		for _, source := range recipe.sources() {
			entries, err := recipes.ReadDir(source)
			assert.NoError(t, err, ref)
			assert.NotEmpty(t, entries, ref)
		}
	}
}

// Scripts of a recipe can be executed in the image, by any user, whatever the mask of whoever builds it.
func TestUnpackedScriptsAreExecutable(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	directory := t.TempDir()
	require.NoError(t, unpack("redis", directory))
	for file, mode := range map[string]fs.FileMode{"docker-entrypoint.sh": 0o755, "Dockerfile": 0o644} {
		info, err := os.Stat(filepath.Join(directory, file))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode(), file)
	}
	assert.Error(t, unpack("no-such-recipe", directory))
}

// A build is not begun on a disk that it would fill.
func TestRoomIsLookedAtBeforeABuild(t *testing.T) {
	assert.NoError(t, room(t.TempDir(), 0))
	assert.ErrorContains(t, room(t.TempDir(), 1<<62), "make room")
	assert.NoError(t, room(filepath.Join(t.TempDir(), "missing"), 1<<62), "not known is not full")
}

// A mirror that can't be reached in the middle of a build leaves nothing half-made: no image, no tag, no files. The
// next run, when it can be reached, starts from the beginning and succeeds.
func TestABuildThatLosesItsMirrorStartsOverCleanly(t *testing.T) {
	const ref = "ghcr.io/jqlang/jq:1.7.1"
	docker := plant(t, "docker", `case "$1 $2" in "image inspect") exit 1 ;; esac`)
	plant(t, "mmdebstrap", `for archive; do :; done; echo half > "$archive"; mkdir "$TMPDIR/mmdebstrap.root"
		echo 'E: Failed to fetch http://mirror.example/debian/dists/trixie/InRelease' >&2; exit 25`)

	var progress bytes.Buffer
	err := Build(t.Context(), ref, &progress)
	assert.EqualError(t, err, "building the stand-in for "+ref+" failed: its source could not be reached "+
		"(E: Failed to fetch http://mirror.example/debian/dists/trixie/InRelease); "+
		"nothing half-made is left: run the same command again when it can")
	assert.NotContains(t, progress.String(), "built")
	assert.Equal(t, []string{"image inspect"}, commands(t, docker), "docker is not asked to make anything")
	assert.Empty(t, left(t))

	plant(t, "mmdebstrap", `for archive; do :; done; echo whole > "$archive"`)
	require.NoError(t, Build(t.Context(), ref, &progress))
	assert.Contains(t, progress.String(), ref+": stand-in built")
	assert.Equal(t, []string{"image inspect", "image inspect", "import --change", "build --progress"}, commands(t, docker))
	assert.Empty(t, left(t))
}

// The same goes for a mirror that is lost when the base is there already and the recipe installs its packages.
func TestAFailedRecipeLeavesNoFiles(t *testing.T) {
	docker := plant(t, "docker", `case "$1" in build) echo '#5 1.0 E: Failed to fetch http://x' >&2; exit 1 ;; esac`)
	err := Build(t.Context(), "ghcr.io/jqlang/jq:1.7.1", io.Discard)
	assert.ErrorContains(t, err, "its source could not be reached (E: Failed to fetch http://x)")
	assert.Equal(t, []string{"image inspect", "build --progress"}, commands(t, docker))
	assert.Empty(t, left(t))
}

// An apt source that fails to update doesn't matter as long as the install works; what is reported is the install's
// own failure.
func TestMmdebstrapIsInstalledWhenItCanBe(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not provable here: only root installs packages")
	}
	apt := plant(t, "apt-get", `case "$1" in update) echo 'E: one source is gone' >&2; exit 100 ;; esac`)
	apt.Alone(t)
	assert.NoError(t, ensureMmdebstrap(t.Context(), io.Discard))
	assert.Equal(t, []string{"update", "install --yes"}, commands(t, apt))

	plant(t, "apt-get", `echo "E: $1 fails" >&2; exit 100`).Alone(t)
	assert.EqualError(t, ensureMmdebstrap(t.Context(), io.Discard), "apt-get: exit status 100: E: install fails")

	plant(t, "mmdebstrap", "")
	assert.NoError(t, ensureMmdebstrap(t.Context(), io.Discard), "what is there is not installed")
}

// plant plants a program. Temporary files and locks go to places of the test.
func plant(t *testing.T, name, script string) planted.Program {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	return planted.Put(t, name, script)
}

// commands are the first two words of each call of a program.
func commands(t *testing.T, p planted.Program) (commands []string) {
	t.Helper()
	for _, call := range p.Calls(t) {
		words := strings.Fields(call)
		commands = append(commands, strings.Join(words[:min(2, len(words))], " "))
	}
	return commands
}

func left(t *testing.T) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	return entries
}
