package module06

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"regexp"
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
		result := engine.Showing(example.Progress).Docker(t, slices.Concat(build, flags, []string{"--provenance=false",
			"--platform", platforms, "--output", "type=oci,tar=false,dest=" + index, source})...)
		if strings.Contains(platforms, ",") { // of a build for one platform it isn't told where its steps run
			oneMachineBuilds(t, result.Stderr)
		}
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

	course.Say(t, "What a browser reads is for no processor. The page's files are made on the machine that builds, too:")
	build = example.Client.Prepare(t, engine, example.Client.Last)
	result := engine.Showing(example.Progress).Docker(t, append(build, "--target", "build",
		"--platform", "linux/amd64,linux/arm64", smallPage(t))...)
	oneMachineBuilds(t, result.Stderr)
}

// oneMachineBuilds looks for steps of the stage named build in what a build for several platforms tells. [linux/amd64 build 3/6] is
// performed on amd64, and so is [linux/amd64->arm64 build 3/6], for arm64; but [linux/arm64 build 3/6] on arm64, by emulation if
// the machine is another one.
func oneMachineBuilds(t *testing.T, progress string) {
	t.Helper()
	on := map[string]bool{}
	for _, step := range builtOn.FindAllStringSubmatch(progress, -1) {
		on[step[1]] = true
	}
	assert.Len(t, on, 1, "all that the stage build runs should run on the machine that builds: %v", on)
}

var builtOn = regexp.MustCompile(`\[(linux/\w+)(?:->\S+)? build +\d+/\d+\] RUN`)

// smallPage is an application that the Dockerfiles of the page build in a moment.
func smallPage(t *testing.T) (directory string) {
	t.Helper()
	directory = course.Directory(t, map[string]string{
		"package.json": `{"name": "page", "version": "1.0.0", "scripts": {"build": "mkdir dist && echo hello > dist/index.html"}}
`,
		"package-lock.json": `{"name": "page", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "page", "version": "1.0.0"}}}
`})
	require.NoError(t, os.Mkdir(filepath.Join(directory, "nginx"), 0o755))
	course.WriteHostFile(t, filepath.Join(directory, "nginx", "default.conf.template"), "# nothing\n")
	return directory
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
// here with touch. Then the same inputs give the same image, down to the last bit, as its id tells. (An engine that keeps images
// in containerd adds a record of the build, its provenance, in which is when it was. --provenance=false leaves it out.)
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
	const touch = ` && if [ -n "$SOURCE_DATE_EPOCH" ]; then touch -d "@$SOURCE_DATE_EPOCH" /greeting; fi`
	touched, untouched := dockerfile(touch), dockerfile("")
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

	course.Say(t, "On an engine that keeps images in containerd, without a record of the build, and with one:")
	engine = engineWithContainerdStore(t)
	touched = dockerfile(touch)
	assert.Equal(t, build(touched, fixed...), build(touched, fixed...))
	recorded := append(fixed, "--provenance=true")
	assert.NotEqual(t, build(touched, recorded...), build(touched, recorded...))
}

// waitForAnotherSecond waits until the time of what is made now differs from that of what was made before: the files in layers have
// times in whole seconds.
func waitForAnotherSecond(t *testing.T, made time.Time) {
	t.Helper()
	course.Eventually(t, "the second is over", func() bool { return time.Since(made) > time.Second })
}
