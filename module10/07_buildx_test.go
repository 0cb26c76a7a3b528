package module10

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Buildx: building images, on the builder that every engine has (named default) or on others; its cache, the records
// that it keeps of builds, and images that stay in their registry.
var buildxRows = []row{
	{"buildx bake", "builds what a file describes, one or many images", "the image that the file names is there",
		func(t *testing.T, w workbench) {
			inside, _ := w.inDirectory(t, map[string]string{
				"Dockerfile":      "FROM " + w.busybox + "\nRUN echo baked > /made\n",
				"docker-bake.hcl": "target \"default\" {\n  tags = [\"" + w.name + "\"]\n}\n",
			})
			inside.do(t)
			assert.Equal(t, "baked\n", inside.output(t, w.name, "cat", "/made"))
		}},

	{"buildx build", "builds an image, or files", "the file that a step made is on this machine",
		func(t *testing.T, w workbench) {
			inside, directory := w.inDirectory(t, map[string]string{
				"Dockerfile": "FROM " + w.busybox + " AS steps\nRUN echo built > /made\nFROM scratch\nCOPY --from=steps /made /\n"})
			inside.do(t, "--output", "out", ".")
			assert.Equal(t, "built\n", course.ReadHostFile(t, filepath.Join(directory, "out", "made")))
		}},

	{"buildx create", "makes a builder", "a BuildKit of its own runs in a container",
		func(t *testing.T, w workbench) {
			named, builder := w.withContext(t), w.name+"-builder"
			require.False(t, w.has(t, "container", "buildx_buildkit_"+builder+"0"))
			named.do(t, "--name", builder, "--driver", "docker-container", "--driver-opt", w.buildKit(t), "--bootstrap", w.name)
			assert.Equal(t, "running", w.state(t, "buildx_buildkit_"+builder+"0"))
		}},

	{"buildx dap build", "builds under a debugger's control", "told to launch, it built the image",
		func(t *testing.T, w workbench) {
			inside, _ := w.inDirectory(t, map[string]string{"Dockerfile": "FROM " + w.busybox + "\nRUN echo built > /made\n"})
			inside.CLI = inside.With("BUILDX_EXPERIMENTAL=1")
			inside.doStdin(t, debugAdapter("initialize")+debugAdapter("launch")+debugAdapter("configurationDone"),
				"--tag", w.name, ".")
			assert.Equal(t, "built\n", inside.output(t, w.name, "cat", "/made"))
		}},

	{"buildx debug build", "builds, and opens a monitor where a step fails (experimental)",
		"no step failed: the image is there",
		func(t *testing.T, w workbench) {
			inside, _ := w.inDirectory(t, map[string]string{"Dockerfile": "FROM " + w.busybox + "\nRUN echo built > /made\n"})
			inside.CLI = inside.With("BUILDX_EXPERIMENTAL=1")
			inside.do(t, "--tag", w.name, ".")
			assert.Equal(t, "built\n", inside.output(t, w.name, "cat", "/made"))
		}},

	{"buildx dial-stdio", "connects standard input and output with the builder's BuildKit",
		"it answers in HTTP/2, which BuildKit speaks",
		func(t *testing.T, w workbench) {
			const hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // and no settings
			var answer string
			course.Eventually(t, "BuildKit answers before its input has ended", func() bool {
				answer = w.doStdin(t, hello).Stdout
				return len(answer) > 9
			})
			assert.Equal(t, byte(4), answer[3], "the first frame should be of the type that holds settings")
		}},

	{"buildx du", "lists what the build cache holds", "the step that was built",
		func(t *testing.T, w workbench) {
			step := "echo " + w.name + " > /made"
			require.NotContains(t, w.Docker(t, "buildx", "du", "--verbose").Stdout, step)
			w.build(t, w.name, "RUN "+step)
			assert.Contains(t, w.do(t, "--verbose").Stdout, step)
		}},

	{"buildx history export", "writes the record of a build to a file, for others to look at",
		"the file is such an archive",
		func(t *testing.T, w workbench) {
			record := w.sharedRecord(t)
			inside, directory := w.inDirectory(t, nil)
			inside.do(t, "--output", "build.dockerbuild", record)
			assert.Contains(t, filesInCompressedArchive(t, filepath.Join(directory, "build.dockerbuild")), "index.json")
		}},

	{"buildx history import", "shows such a file in Docker Desktop", "what listens in its place is sent the file",
		func(t *testing.T, w workbench) {
			record := w.sharedRecord(t)
			inside, directory := w.inDirectory(t, nil)
			inside.Docker(t, "buildx", "history", "export", "--output", "build.dockerbuild", record)
			inside, desktop := inside.besideAPretendedDesktop(t)
			inside.do(t, "--file", "build.dockerbuild")
			sent, err := os.ReadFile(filepath.Join(directory, "build.dockerbuild"))
			require.NoError(t, err)
			assert.Equal(t, sent, desktop.got(t))
			assert.Contains(t, desktop.opened(t), "the-imported-build")
		}},

	{"buildx history inspect", "describes a build", "its record has this build's Dockerfile argument",
		func(t *testing.T, w workbench) {
			record := w.sharedRecord(t)
			assert.Contains(t, w.do(t, record).Stdout, recordedArgument)
		}},

	{"buildx history inspect attachment", "shows what belongs to a build, such as the image's configuration",
		"it is a JSON document",
		func(t *testing.T, w workbench) {
			record := w.sharedRecord(t)
			_, attachments, _ := strings.Cut(w.Docker(t, "buildx", "history", "inspect", record).Stdout, "Attachments:")
			digest := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(attachments)
			require.NotEmpty(t, digest)
			attachment := w.do(t, record, digest).Stdout
			assert.Regexp(t, `(?s)^\{.*"(architecture|mediaType|buildType|predicateType)".*\}\s*$`, attachment)
		}},

	{"buildx history logs", "prints again what a build printed", "the line that a step printed",
		func(t *testing.T, w workbench) {
			record := w.sharedRecord(t)
			assert.Contains(t, w.do(t, record).Output(), "building "+recordedArgument)
		}},

	{"buildx history ls", "lists the builds that the builder remembers", "this build is among them",
		func(t *testing.T, w workbench) {
			record := w.sharedRecord(t)
			assert.Contains(t, w.do(t).Stdout, record)
		}},

	{"buildx history open", "shows a build in Docker Desktop", "the address that a browser is told to open",
		func(t *testing.T, w workbench) {
			record := w.sharedRecord(t)
			inside, desktop := w.besideAPretendedDesktop(t)
			inside.do(t, record)
			assert.Regexp(t, `^docker-desktop://.*`+record, desktop.opened(t))
		}},

	{"buildx history rm", "forgets a build", "listed before, not listed after",
		func(t *testing.T, w workbench) {
			record := w.recordedBuild(t, w.name)
			require.Contains(t, w.Docker(t, "buildx", "history", "ls").Stdout, record)
			w.do(t, record)
			assert.NotContains(t, w.Docker(t, "buildx", "history", "ls").Stdout, record)
		}},

	{"buildx history trace", "shows how long each part of a build took", "the build's trace, as JSON",
		func(t *testing.T, w workbench) {
			record := w.sharedRecord(t)
			trace := w.doTries(t, record)
			if strings.Contains(trace.Stderr, "is missing a trace") {
				t.Skip("not provable here: this engine's own builder keeps no traces")
			}
			assert.Contains(t, trace.Stdout, `"traceID"`)
		}},

	{"buildx imagetools create", "gives images in a registry another name, or makes one of several",
		"the new tag is in the registry",
		func(t *testing.T, w workbench) {
			w.build(t, registry+"/"+w.name+":blue", "LABEL row=create")
			w.Docker(t, "push", "--quiet", registry+"/"+w.name+":blue")
			require.NotContains(t, w.tagsInRegistry(t, w.name), "green")
			here := w.registryFromHere(t) + "/" + w.name
			w.do(t, "--tag", here+":green", here+":blue")
			assert.Contains(t, w.tagsInRegistry(t, w.name), "green")
		}},

	{"buildx imagetools inspect", "describes an image that is in a registry",
		"its digest is the one that the push told",
		func(t *testing.T, w workbench) {
			w.build(t, registry+"/"+w.name+":blue", "LABEL row=inspect")
			pushed := w.Docker(t, "push", registry+"/"+w.name+":blue").Stdout
			digest := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(pushed[strings.LastIndex(pushed, "digest:"):])
			assert.Contains(t, w.do(t, w.registryFromHere(t)+"/"+w.name+":blue").Stdout, digest)
		}},

	{"buildx inspect", "describes a builder", "where its BuildKit is, as it was told",
		func(t *testing.T, w workbench) {
			named, builder := w.withBuilder(t)
			assert.Regexp(t, `Endpoint: +tcp://127\.0\.0\.1:1\s`, named.do(t, builder).Stdout)
		}},

	{"buildx ls", "lists builders", "the new one is in the list",
		func(t *testing.T, w workbench) {
			named, builder := w.withBuilder(t)
			assert.Regexp(t, `(?m)^`+builder+`\*? +remote`, named.do(t).Stdout)
		}},

	{"buildx policy eval", "asks a build policy whether a source is allowed", "yes for one image, no for another",
		func(t *testing.T, w workbench) {
			inside, _ := w.inDirectory(t, map[string]string{"Dockerfile.rego": onlyBusybox})
			inside.do(t, "docker-image://busybox:1")
			denied := inside.doFails(t, "docker-image://alpine:3")
			assert.Contains(t, denied.Stderr, "policy denied")
		}},

	{"buildx policy test", "runs the tests of a build policy", "the test that is right passes, the wrong one fails",
		func(t *testing.T, w workbench) {
			inside, _ := w.inDirectory(t, map[string]string{
				"Dockerfile.rego": onlyBusybox, "policy_test.rego": testsOfOnlyBusybox})
			results := inside.doFails(t, ".").Stdout
			assert.Contains(t, results, "test_busybox_is_allowed: PASS")
			assert.Contains(t, results, "test_alpine_is_allowed: FAIL")
		}},

	{"buildx prune", "removes what the build cache can spare; with --all, all of it",
		"the step whose layer an image has goes with --all only",
		func(t *testing.T, w workbench) {
			w = w.apart(t)
			step := "echo " + w.name + " > /made"
			w.build(t, w.name, "RUN "+step)
			w.do(t, "--force")
			require.Contains(t, w.Docker(t, "buildx", "du", "--verbose").Stdout, step)
			w.do(t, "--force", "--all")
			assert.NotContains(t, w.Docker(t, "buildx", "du", "--verbose").Stdout, step)
			assert.True(t, w.has(t, "image", w.name), "the image that was built is no part of the cache")
		}},

	{"buildx rm", "removes a builder", "listed before, not listed after",
		func(t *testing.T, w workbench) {
			named, builder := w.withBuilder(t)
			require.Contains(t, named.Docker(t, "buildx", "ls").Stdout, builder)
			named.do(t, builder)
			assert.NotContains(t, named.Docker(t, "buildx", "ls").Stdout, builder)
		}},

	{"buildx stop", "stops a builder's BuildKit; its next build starts it again",
		"its container ran, has exited, and runs after a build",
		func(t *testing.T, w workbench) {
			named, builder := w.withContext(t), w.name+"-builder"
			named.Docker(t, "buildx", "create", "--name", builder, "--driver", "docker-container",
				"--driver-opt", w.buildKit(t), "--bootstrap", w.name)
			require.Equal(t, "running", w.state(t, "buildx_buildkit_"+builder+"0"))
			named.do(t, builder)
			assert.Equal(t, "exited", w.state(t, "buildx_buildkit_"+builder+"0"))
			named.DockerStdin(t, "FROM scratch\nLABEL row=stop\n", "buildx", "build", "--builder", builder, "-")
			assert.Equal(t, "running", w.state(t, "buildx_buildkit_"+builder+"0"))
		}},

	{"buildx use", "makes a builder the one in use", "inspect, not told of which, describes it",
		func(t *testing.T, w workbench) {
			named, builder := w.withBuilder(t)
			require.NotContains(t, named.Docker(t, "buildx", "inspect").Stdout, "remote")
			named.do(t, builder)
			assert.Regexp(t, `Name: +`+builder+`\nDriver: +remote\n`, named.Docker(t, "buildx", "inspect").Stdout)
		}},

	{"buildx version", "prints the version of buildx", "it is the one that docker knows of its plugin",
		func(t *testing.T, w workbench) {
			assert.Contains(t, w.do(t).Stdout, w.pluginVersion(t, "buildx"))
		}},
}

// onlyBusybox is a build policy: of images, nothing but busybox may be built on.
const onlyBusybox = `package docker

default allow := false

allow if input.local
allow if input.image.repo == "busybox"

decision := {"allow": allow}
`

const testsOfOnlyBusybox = `package docker

test_busybox_is_allowed if {
	decision.allow with input as {"image": {"repo": "busybox"}}
}

test_alpine_is_allowed if {
	decision.allow with input as {"image": {"repo": "alpine"}}
}
`

// withBuilder is the workbench with a configuration of its own, and the name of a builder in it. The builder's BuildKit
// would be at an address where nobody listens: whoever builds nothing needs none.
func (w workbench) withBuilder(t *testing.T) (named workbench, builder string) {
	t.Helper()
	named, builder = w.withContext(t), w.name+"-builder"
	named.Docker(t, "context", "use", w.name)
	named.Docker(t, "buildx", "create", "--name", builder, "--driver", "remote", "tcp://127.0.0.1:1")
	return named, builder
}

// buildKit is the option that names the image of BuildKit, which the engine then has.
func (w workbench) buildKit(t *testing.T) string { return "image=" + w.engine.Ref(t, image.BuildKit) }

// recordedBuild builds something, which prints a line with this word, and tells under which name the builder keeps its
// record.
func (w workbench) recordedBuild(t *testing.T, word string) (record string) {
	t.Helper()
	inside, directory := w.inDirectory(t, map[string]string{
		"Dockerfile": "FROM " + w.busybox + "\nARG WHAT\nRUN echo building $WHAT\n"})
	inside.Docker(t, "build", "--build-arg", "WHAT="+word, "--metadata-file", "metadata.json", ".")
	metadata := course.ReadHostFile(t, filepath.Join(directory, "metadata.json"))
	ref := regexp.MustCompile(`"buildx.build.ref": "[^"]*/(\w+)"`).FindStringSubmatch(metadata)
	require.NotNil(t, ref, "the build should say what its record is called")
	return ref[1]
}

// sharedRecord is the name of the record of one build, for all rows that only look at it.
func (w workbench) sharedRecord(t *testing.T) string {
	t.Helper()
	name := recorded.Get(t, func() string { return w.recordedBuild(t, recordedArgument) })
	course.Say(t, "The builder remembers a build with the argument WHAT=%s, as %s.", recordedArgument, name)
	return name
}

const recordedArgument = "is-remembered"

var recorded course.Shared[string]

// debugAdapter is a request as an editor sends it to a debugger, in the Debug Adapter Protocol.
func debugAdapter(command string) string {
	request := `{"seq": 1, "type": "request", "command": "` + command + `", "arguments": {"adapterID": "course"}}`
	return "Content-Length: " + strconv.Itoa(len(request)) + "\r\n\r\n" + request
}

// A pretendedDesktop stands where buildx looks for Docker Desktop, and for a browser.
type pretendedDesktop struct {
	received chan []byte // the files that it was sent
	browser  string      // the file in which the browser writes what it was to open
}

func (d pretendedDesktop) opened(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(course.ReadHostFile(t, d.browser))
}

// got is the file that it was sent.
func (d pretendedDesktop) got(t *testing.T) []byte {
	t.Helper()
	select {
	case content := <-d.received:
		return content
	default:
		t.Fatal("nothing was sent to Docker Desktop")
		return nil
	}
}

// besideAPretendedDesktop is the workbench with a home directory in which a pretended Docker Desktop listens, and with
// a pretended browser. The learner's own see nothing of it.
func (w workbench) besideAPretendedDesktop(t *testing.T) (workbench, pretendedDesktop) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("not provable here: buildx would open Docker Desktop itself, which on Windows nothing can stand in for")
	}
	temporary := ""
	if runtime.GOOS == "darwin" {
		temporary = "/tmp" // and not in $TMPDIR, which is long there: a socket's path must be short
	}
	home, err := os.MkdirTemp(temporary, "d")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(home) })
	desktop := pretendedDesktop{received: make(chan []byte, 1), browser: filepath.Join(home, "opened")}
	for _, name := range []string{"xdg-open", "open"} { // on Linux, on macOS
		script := "#!/bin/sh\necho \"$1\" > " + desktop.browser + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(home, name), []byte(script), 0o755))
	}
	socket := filepath.Join(home, ".docker/desktop")
	if runtime.GOOS == "darwin" {
		socket = filepath.Join(home, "Library/Containers/com.docker.docker/Data")
	}
	require.NoError(t, os.MkdirAll(socket, 0o755))
	listener, err := net.Listen("unix", filepath.Join(socket, "docker-desktop-build.sock"))
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		content, _ := io.ReadAll(request.Body)
		desktop.received <- content
		io.WriteString(answer, `["the-imported-build"]`)
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	course.Say(t, "In a home directory where something listens in Docker Desktop's place, and a script is the browser:")
	w.CLI = w.With("HOME=" + home).With("PATH=" + home).With("WSL_DISTRO_NAME=")
	return w, desktop
}

// filesInCompressedArchive are the names of the files in a tar archive that is compressed by gzip.
func filesInCompressedArchive(t *testing.T, path string) (names []string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	archive, err := gzip.NewReader(file)
	require.NoError(t, err)
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		require.NoError(t, err)
		names = append(names, header.Name)
	}
}

// pluginVersion is the version of a plugin, as docker info tells it.
func (w workbench) pluginVersion(t *testing.T, plugin string) string {
	t.Helper()
	format := `{{range .ClientInfo.Plugins}}{{if eq .Name "` + plugin + `"}}{{.Version}}{{end}}{{end}}`
	version := strings.TrimSpace(w.Docker(t, "info", "--format", format).Stdout)
	require.NotEmpty(t, version)
	return version
}

// Building is a business of its own: BuildKit does it, inside the engine or elsewhere, and buildx is how the docker
// command talks to BuildKit. A builder is a place where BuildKit runs.
func TestEveryBuildxSubcommandDoesWhatTheCardSays(t *testing.T) { performAll(t, "buildx") }
