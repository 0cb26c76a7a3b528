package module06

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/buildkit"
	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// BuildKit reuses the result of an instruction as long as the instruction, what came before it, and the files that it copies
// are the same, with their content and their permissions. When a file was written is nothing to it, and neither is the world
// outside: a RUN whose result would be another today is not performed again, unless --no-cache says so. Here that is a number
// from the kernel, which is never the same twice; elsewhere it is what a package manager fetches.
func TestAStepIsCachedUntilItsInstructionWhatIsBeforeItOrItsFilesChange(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	settings, busybox := course.Unique(t, "colour: blue, "), engine.Ref(t, image.Busybox)
	context := course.Directory(t, map[string]string{"settings.txt": settings + "\n"})
	file := filepath.Join(context, "settings.txt")
	built := func(stage string, flags ...string) (number string, cached bool) {
		course.WriteHostFile(t, filepath.Join(context, "Dockerfile"), "FROM "+busybox+"\nRUN echo "+stage+" > /stage\n"+
			"COPY settings.txt /\nRUN cat /proc/sys/kernel/random/uuid > /number\n")
		tag := course.Unique(t, "cached:")
		line := slices.Concat([]string{"build", "--progress", "plain", "--tag", tag}, flags, []string{context})
		steps := buildkit.Steps(engine.Showing(example.Progress).Docker(t, line...).Stderr)
		step, found := buildkit.Find(steps, "RUN cat")
		require.True(t, found)
		return engine.Docker(t, "run", "--rm", tag, "cat", "/number").Stdout, step.Cached
	}
	first, cached := built("production")
	assert.False(t, cached)
	same, cached := built("production")
	assert.True(t, cached)
	assert.Equal(t, first, same, "the kernel's number is another by now, and nobody has asked it")

	course.Say(t, "The file has another time and the same content:")
	course.Typed(t, "", "touch", "-t", "197001020000", file)
	longAgo := time.Unix(86400, 0)
	require.NoError(t, os.Chtimes(file, longAgo, longAgo))
	same, cached = built("production")
	assert.True(t, cached)
	assert.Equal(t, first, same)

	if runtime.GOOS != "windows" { // whose files don't have these permissions
		course.Say(t, "The same content is for its owner alone:")
		permit := func(mode os.FileMode) {
			course.Typed(t, "", "chmod", fmt.Sprintf("%o", mode), file)
			require.NoError(t, os.Chmod(file, mode))
		}
		permit(0o600)
		other, cached := built("production")
		assert.False(t, cached)
		assert.NotEqual(t, first, other)
		permit(0o644) // as it was
	}

	course.Say(t, "An instruction above is another one:")
	other, cached := built("testing")
	assert.False(t, cached)
	assert.NotEqual(t, first, other)

	course.Say(t, "The file has another content:")
	course.EditHostFile(t, file, "blue", "green")
	other, cached = built("production")
	assert.False(t, cached)
	assert.NotEqual(t, first, other)

	course.Say(t, "Everything is as it was, and then BuildKit is told not to use what it has:")
	course.EditHostFile(t, file, "green", "blue")
	same, cached = built("production")
	assert.True(t, cached)
	assert.Equal(t, first, same)
	other, cached = built("production", "--no-cache")
	assert.False(t, cached)
	assert.NotEqual(t, first, other)
}

// BuildKit reuses the result of an instruction as long as the instruction, what came before it, and the files that it
// copies are the same. So it matters what comes before what. While the Dockerfile copies everything first, any edit of
// the source code makes it fetch all libraries again. From the step on that copies the list of libraries first, it
// fetches them again only when the list has changed. BuildKit itself says which results it reused: CACHED. (When it has
// come to the libraries, the build is stopped: fetching and compiling take long, and tell nothing new.)
func TestAfterAnEditTheLibrariesAreCachedFromTheStepThatCopiesTheirListFirst(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	var times figures
	times.draw(t, engine, "rebuilds.svg", "How long a build takes after an edit, step by step",
		func(seconds float64) string { return fmt.Sprintf("%.1f s", seconds) })
	for _, sequence := range []struct {
		service      example.Service
		dependencies string // in the instruction that fetches them
		cachedFrom   int    // the step that copies the list first
		edited       string // a file of the source code
	}{
		{example.APIGolang, "go mod download", 2, "main.go"},
		{example.APINode, " npm ", 2, "src/main.js"},
		{example.Client, " npm ", 1, "src/main.jsx"},
	} {
		t.Run(sequence.service.Name, func(t *testing.T) {
			source := sequence.service.Copy(t)
			for step := range sequence.service.Last + 1 {
				sequence.service.Build(t, engine, step)
			}
			course.Say(t, "All steps are built. Now for the edits:")
			for step := range sequence.service.Last + 1 {
				edit(t, filepath.Join(source, sequence.edited))
				line := append(sequence.service.Prepare(t, engine, step), source)
				cached := step >= sequence.cachedFrom
				var dependencies buildkit.Step
				for reached := false; !reached; {
					began := time.Now()
					build := engine.DockerInBackground(t, line...)
					look := func() {
						dependencies, reached = buildkit.Find(buildkit.Steps(build.Output()), sequence.dependencies)
					}
					course.Eventually(t, "BuildKit is at the libraries", func() bool {
						look()
						return reached && (dependencies.Cached || !cached) || build.Ended()
					})
					if !picturesWanted() && runtime.GOOS != "windows" { // which has no Ctrl-C for another program
						build.Interrupt(t)
					}
					course.Eventually(t, "the build has ended", build.Ended)
					times.note(sequence.service, step, time.Since(began).Seconds())
					look()
					require.True(t, reached || strings.Contains(build.Output(), course.FrontendWasLate), build.Output())
				}
				course.Say(t, "%s%s", map[bool]string{true: "CACHED ", false: "not cached: "}[dependencies.Cached], dependencies.Instruction)
				assert.Equal(t, cached, dependencies.Cached, dependencies.Instruction)
			}
		})
	}
}

// edit adds a line to a file, another one each time.
func edit(t *testing.T, file string) {
	t.Helper()
	line := fmt.Sprintf("// %s\n", course.Unique(t, "an edit, "))
	course.Typed(t, "", "sh", "-c", "echo '"+strings.TrimSpace(line)+"' >> "+file)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(content, line...), 0o644))
}

// When the list of libraries has changed, they have to be fetched again; but most of them were there before. A cache
// mount keeps what was fetched from one build to the next, beside the images. So this build needs no network (and gets
// none), where the one without a cache mount fails. Nothing of the cache is in the image.
func TestWithACacheMountTheNextBuildDownloadsNothing(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	const without = 0
	example.APIGolang.Build(t, engine, without)
	edited := map[string]string{} // the directory with a service's source code
	for _, libraries := range []struct {
		service example.Service
		list    string
		fetch   string // the instruction that fetches what is on the list
		offline string // the same, for who has no network: npm would ask for advisories about the libraries
	}{
		{example.Client, "package.json", "npm ci", "npm ci --offline"},
		{example.APINode, "package.json", "npm ci", "npm ci --offline"},
		{example.APIGolang, "go.mod", "go mod download", "go mod download"},
	} {
		service := libraries.service
		service.Build(t, engine, service.Last)
		source := service.Copy(t)
		edited[service.Name] = source
		course.Say(t, "The list of libraries has changed, by an empty line, so what comes after it is done again, with the cache mount and no network:")
		list := filepath.Join(source, libraries.list)
		course.WriteHostFile(t, list, course.ReadHostFile(t, list)+"\n")
		dockerfile := course.ReadHostFile(t, service.Dockerfile(service.Last))
		require.Contains(t, dockerfile, libraries.fetch)
		offline := course.File(t, "Dockerfile", strings.Replace(dockerfile, libraries.fetch, libraries.offline, 1))
		steps := service.BuildFrom(t, engine, service.Last, source, "--file", offline, "--network", "none")
		for _, instruction := range []string{"COPY " + libraries.list, libraries.fetch} {
			step, found := buildkit.Find(steps, instruction)
			require.True(t, found)
			assert.False(t, step.Cached, "it should have been done again: %s", instruction)
		}
	}

	course.Say(t, "Without the cache mount:")
	line := append(example.APIGolang.Prepare(t, engine, without), "--network", "none", edited[example.APIGolang.Name])
	failed := engine.Showing(example.Progress).DockerFails(t, line...)
	assert.Contains(t, failed.Stderr, "go mod download")
	assert.Regexp(t, "lookup|dial|network is unreachable", failed.Stderr)

	course.Say(t, "What of the caches is in the image, or in the stage that builds, with a cache mount and without:")
	for _, sequence := range []struct {
		service example.Service
		without int    // the last step without a cache mount
		stage   int    // the first step that builds in a stage of its own; the Node API has none
		caches  string // of the compiler and the package manager
	}{
		{example.APIGolang, without, 3, "/go/pkg/mod /root/.cache"},
		{example.APINode, 1, example.APINode.Last + 1, "/root/.npm/_cacache"},
		{example.Client, 0, 2, "/root/.npm/_cacache"},
	} {
		cached := func(step int) string {
			tag := course.Unique(t, "stage:")
			if step < sequence.stage {
				tag = sequence.service.Build(t, engine, step)
			} else {
				sequence.service.BuildFrom(t, engine, step, sequence.service.Source(), "--target", "build", "--tag", tag)
			}
			count := "find " + sequence.caches + " -type f 2> /dev/null | wc -l"
			return engine.Docker(t, "run", "--rm", "--user", "0", tag, "sh", "-c", count).Stdout
		}
		assert.NotEqual(t, "0\n", cached(sequence.without), "%s without a cache mount should have files there", sequence.service.Name)
		for step := sequence.without + 1; step <= sequence.service.Last; step++ {
			assert.Equal(t, "0\n", cached(step), "%s of step %d should have none", sequence.service.Name, step)
		}
	}
}

// An ordinary COPY builds on the files below it: another base, and it is done again. COPY --link makes a layer for
// itself, which is laid on top whatever is below. So it survives a new version of the base, and an image built on the
// new one has the very same layer. (It takes an engine with the containerd image store, the default of a fresh installation
// since version 29.)
func TestCopyLinkLayersSurviveAChangeOfBase(t *testing.T) {
	engine := engineWithContainerdStore(t)
	busybox, alpine := engine.Ref(t, image.Busybox), engine.Ref(t, image.Alpine)
	topLayer := func(base, copy string) string {
		dockerfile := "FROM " + busybox + " AS made\nRUN echo hello > /greeting\n" +
			"FROM " + base + "\n" + copy + " --from=made /greeting /made/here/\n"
		layers := engine.Layers(t, engine.Showing(example.Progress).Build(t, "linked", dockerfile))
		return layers[len(layers)-1]
	}
	linked, plain := topLayer(busybox, "COPY --link"), topLayer(busybox, "COPY")
	began := time.Now()
	course.Say(t, "On another base, and at another second, which is the time of a directory that is made now:")
	waitForAnotherSecond(t, began)
	assert.Equal(t, linked, topLayer(alpine, "COPY --link"), "with --link the layer on top should be the same")
	assert.NotEqual(t, plain, topLayer(alpine, "COPY"), "with COPY alone it is made again, and is another one")

	course.Say(t, "So does the layer with the page's files, in the Dockerfile that the page ends with. (Here they are those of a smaller page.)")
	build := example.Client.Prepare(t, engine, example.Client.Last)
	dockerfile := course.ReadHostFile(t, example.Client.Dockerfile(example.Client.Last))
	require.Contains(t, dockerfile, "\nFROM "+image.Nginx.Pinned+"\n")
	page := smallPage(t)
	files := func(base string) string {
		based := strings.Replace(dockerfile, "\nFROM "+image.Nginx.Pinned+"\n", "\nFROM "+base+"\n", 1)
		tag := course.Unique(t, "page:")
		engine.Showing(example.Progress).Docker(t, append(slices.Clip(build), "--file", course.File(t, "Dockerfile", based), "--tag", tag, page)...)
		layers := engine.Layers(t, tag)
		return layers[len(layers)-1]
	}
	assert.Equal(t, files(engine.Ref(t, image.Nginx)), files(alpine))
}

// The cache stays on the machine that has built, and in a CI that is another one each time. With --cache-to a build writes
// down what it has cached, here in a directory, and with --cache-from another machine makes use of it: with mode=max, also of
// stages that stay behind. Each step here writes
// a number that is never the same twice, so that it shows who has performed it. (It takes an engine with the containerd image
// store, or a builder of its own: docker buildx create.)
func TestAnExportedCacheSparesAnotherMachineTheSteps(t *testing.T) {
	machine, another := engineWithContainerdStore(t), course.NewThrowawayEngine(t, course.ContainerdStore(t))
	cache := filepath.Join(course.HostDirectory(t), "cache")
	made := func(on *course.ThrowawayEngine, step, path string, flags ...string) string {
		base := "FROM " + on.Ref(t, image.Busybox)
		dockerfile := base + " AS stage\nRUN echo " + step + " $(cat /proc/sys/kernel/random/uuid) > /number\n" +
			base + "\nCOPY --from=stage /number " + path + "\n"
		tag := on.Showing(example.Progress).Build(t, "made", dockerfile, flags...)
		return on.Docker(t, "run", "--rm", tag, "cat", path).Stdout
	}
	course.Say(t, "On one machine:")
	first := made(machine, "exported", "/made", "--cache-to", "type=local,mode=max,dest="+cache)
	course.Say(t, "On another one, with what the first has written down. (The last stage is another one there, but the one before is not.)")
	assert.Equal(t, first, made(another, "exported", "/elsewhere", "--cache-from", "type=local,src="+cache))

	course.Say(t, "Without the flags, each machine performs the step itself:")
	first = made(machine, "kept", "/made")
	assert.NotEqual(t, first, made(another, "kept", "/elsewhere"))
}

// engineWithContainerdStore is an engine that keeps images in containerd, and not in a directory of its own.
func engineWithContainerdStore(t *testing.T) *course.ThrowawayEngine {
	t.Helper()
	return course.SharedThrowawayEngine(t, "containerd", course.ContainerdStore(t))
}
