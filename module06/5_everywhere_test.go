package module06

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// A processor runs only programs made for its kind. One build can make an image for each of several kinds, and an index
// that says which is for whom; a machine that pulls it gets its own. A compiler such as Go's makes programs for any kind
// on any kind: FROM --platform=$BUILDPLATFORM runs it on the machine that builds, and $TARGETARCH tells it what for.
// Nothing has to be emulated. The lesson reads in the programs themselves what they were made for.
func TestOneBuildForTwoPlatformsGivesAnIndexWithProgramsForEach(t *testing.T) {
	engine := engineWithContainerdStore(t)
	course.Say(t, "The Dockerfile is the last one of the Go API, and the program is a smaller one, which is sooner made:")
	source := course.Directory(t, map[string]string{"go.mod": "module hello\n\ngo 1.25\n", "go.sum": "",
		"hello.go": "package main\n\nfunc main() { println(\"hello\") }\n"})
	build := example.APIGolang.Prepare(t, engine, example.APIGolang.Last)
	machines := func(platforms string, flags ...string) map[string]elf.Machine {
		index := filepath.Join(course.HostDirectory(t), "index")
		engine.Showing(example.Progress).Docker(t, slices.Concat(build, flags, []string{"--provenance=false",
			"--platform", platforms, "--output", "type=oci,tar=false,dest=" + index, source})...)
		return programs(t, index)
	}
	course.Say(t, "For two platforms, of which at least one is not this machine's:")
	assert.Equal(t, map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64},
		machines("linux/amd64,linux/arm64"))
	course.Say(t, "For one of them:")
	assert.Equal(t, map[string]elf.Machine{"linux/arm64": elf.EM_AARCH64}, machines("linux/arm64"))

	course.Say(t, "Without $TARGETARCH, Go makes programs for the machine that builds, whatever the index says:")
	dockerfile := course.ReadHostFile(t, example.APIGolang.Dockerfile(example.APIGolang.Last))
	const told = " GOARCH=$TARGETARCH"
	require.Contains(t, dockerfile, told)
	made := machines("linux/amd64,linux/arm64", "--file", course.File(t, "Dockerfile", strings.Replace(dockerfile, told, "", 1)))
	assert.Len(t, made, 2)
	assert.Equal(t, made["linux/amd64"], made["linux/arm64"])
}

// programs are, for each platform in an index, the kind of machine that its program named api-golang was made for.
func programs(t *testing.T, directory string) map[string]elf.Machine {
	t.Helper()
	index, err := layout.ImageIndexFromPath(directory)
	require.NoError(t, err)
	top, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, top.Manifests, 1)
	if top.Manifests[0].MediaType.IsIndex() { // the file names what the build made, which is an index if it is for several
		index, err = index.ImageIndex(top.Manifests[0].Digest)
		require.NoError(t, err)
		top, err = index.IndexManifest()
		require.NoError(t, err)
	}
	found := map[string]elf.Machine{}
	for _, manifest := range top.Manifests {
		one, err := index.Image(manifest.Digest)
		require.NoError(t, err)
		config, err := one.ConfigFile()
		require.NoError(t, err)
		files := mutate.Extract(one)
		defer files.Close()
		archive := tar.NewReader(files)
		for header, err := archive.Next(); err == nil; header, err = archive.Next() {
			if header.Name != "api-golang" {
				continue
			}
			content, err := io.ReadAll(archive)
			require.NoError(t, err)
			program, err := elf.NewFile(bytes.NewReader(content))
			require.NoError(t, err)
			found[config.Platform().String()] = program.Machine
		}
	}
	course.Say(t, "What the programs say they were made for: %v", found)
	return found
}

// Who rebuilds an image wants to know whether it is still the same. For that nothing may depend on when it was built: but
// files carry times, and so does an image. SOURCE_DATE_EPOCH is the time, as seconds since 1970, that a build shall put in
// for the image's own. The files that RUN writes have the time of writing all the same, unless the Dockerfile sees to it, as
// here with touch. Then the same inputs give the same image, down to the last bit, as its id tells.
func TestTheSameInputsGiveTheSameImageTwice(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	dockerfile := func(touch string) string {
		return `FROM ` + engine.Ref(t, image.Busybox) + ` AS build
ARG SOURCE_DATE_EPOCH
RUN echo hello > /greeting` + touch + `
FROM scratch
COPY --from=build /greeting /greeting
`
	}
	touched := dockerfile(` && if [ -n "$SOURCE_DATE_EPOCH" ]; then touch -d "@$SOURCE_DATE_EPOCH" /greeting; fi`)
	untouched := dockerfile("")
	build := func(dockerfile string, flags ...string) (id string) {
		line := append([]string{"build", "--quiet", "--no-cache", "--provenance=false"}, flags...)
		return engine.DockerStdin(t, dockerfile, append(line, "-")...).Stdout
	}
	fixed := []string{"--build-arg", "SOURCE_DATE_EPOCH=1700000000"}
	first, writtenFirst := build(touched, fixed...), build(untouched, fixed...)
	began := time.Now()
	course.Say(t, "Now for the second time, at another second:")
	waitForAnotherSecond(t, began)
	assert.Equal(t, first, build(touched, fixed...), "built twice from nothing, the image should be the same")
	course.Say(t, "Without the touch, the file has another time:")
	assert.NotEqual(t, writtenFirst, build(untouched, fixed...))
	course.Say(t, "And without a fixed time, the image has, too:")
	assert.NotEqual(t, build(touched), build(touched))
	course.Say(t, "Another time is another input:")
	assert.NotEqual(t, first, build(touched, "--build-arg", "SOURCE_DATE_EPOCH=1600000000"))
}

// waitForAnotherSecond waits until the time of what is made now differs from that of what was made before: images and the files
// in their layers have times in whole seconds.
func waitForAnotherSecond(t *testing.T, made time.Time) {
	t.Helper()
	course.Eventually(t, "the second is over", func() bool { return time.Since(made) > time.Second })
}
