package module10

import (
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Compose: several containers, networks and volumes as one project, which a file describes. The project of each row has
// one service, web, unless the row says otherwise.
var composeRows = []row{
	{"compose alpha generate", "writes a compose file for containers that are there (unlisted, experimental)",
		"the container is a service there, with its image",
		func(t *testing.T, w workbench) {
			w.start(t, w.name, "sleep", "1002")
			assert.Regexp(t, `(?s)services:\n  `+w.name+`:\n.*image: `+w.busybox, w.do(t, w.name).Stdout)
		}},

	{"compose alpha viz", "draws a project as a graph, for graphviz (unlisted, experimental)", "the service is in it",
		func(t *testing.T, w workbench) {
			assert.Regexp(t, `(?s)^digraph "`+w.name+`" \{.*"web"`, w.project(t).do(t).Stdout)
		}},

	{"compose attach", "connects the terminal to a service's main process", "what is typed reaches the service's shell",
		func(t *testing.T, w workbench) {
			inside := w.up(t, "    hostname: "+w.name, "    command: sh", "    stdin_open: true")
			typed := inside.doTyped(t, "echo typed in $(hostname)\nexit\n", "web")
			assert.Contains(t, typed.Stdout, "typed in "+w.name)
		}},

	{"compose bridge convert", "hands the project to a transformation, which makes files for Kubernetes or others of it",
		"the file that our transformation makes of it",
		func(t *testing.T, w workbench) {
			course.NeedsPathsOfEngines(t)
			w.transformation(t)
			inside, directory := w.inDirectory(t, map[string]string{
				"compose.yaml": "name: " + w.name + "\nservices:\n  web:\n    image: " + w.busybox + "\n"})
			inside.CLI = inside.With("TMPDIR=" + directory) // which the engine has, too
			inside.do(t, "--transformation", w.name, "--output", "out")
			made := course.ReadHostFile(t, filepath.Join(directory, "out", "images.txt"))
			assert.Contains(t, made, "image: "+w.busybox)
		}},

	{"compose bridge transformations create", "makes a directory from which to build a transformation of one's own",
		"the templates of the one it began with are in it",
		func(t *testing.T, w workbench) {
			w.transformation(t)
			inside, directory := w.inDirectory(t, nil)
			inside.do(t, "--from", w.name, "mine")
			assert.Equal(t, "made from "+w.name+"\n",
				course.ReadHostFile(t, filepath.Join(directory, "mine", "templates", "example.tmpl")))
		}},

	{"compose bridge transformations list", "lists the transformations that the engine has", "ours, once it is built",
		func(t *testing.T, w workbench) {
			require.NotContains(t, w.do(t).Stdout, w.name)
			w.transformation(t)
			assert.Contains(t, w.do(t).Stdout, w.name)
		}},

	{"compose build", "builds the images of services", "the image has the file that a step made",
		func(t *testing.T, w workbench) {
			inside := w.project(t, "    image: "+w.name, "    build:", "      dockerfile_inline: |",
				"        FROM "+w.busybox, "        RUN echo built > /made")
			inside.do(t)
			assert.Equal(t, "built\n", w.output(t, w.name, "cat", "/made"))
		}},

	{"compose commit", "makes an image of the files of a service's container", "the file that it made is in the image",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			inside.Docker(t, "exec", w.web(), "sh", "-c", "echo kept > /made")
			inside.do(t, "web", w.name)
			assert.Equal(t, "kept\n", w.output(t, w.name, "cat", "/made"))
		}},

	{"compose config", "prints the compose file as compose understands it", "the variable in it is filled in",
		func(t *testing.T, w workbench) {
			inside := w.project(t, "    environment:", "      STAGE: ${STAGE}")
			inside.CLI = inside.With("STAGE=testing")
			assert.Contains(t, inside.do(t).Stdout, "STAGE: testing\n")
		}},

	{"compose cp", "copies files between a service's container and this machine", "the file is in the container",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			inside.do(t, "compose.yaml", "web:/copied")
			assert.Contains(t, w.Docker(t, "exec", w.web(), "cat", "/copied").Stdout, "name: "+w.name)
		}},

	{"compose create", "makes the containers of a project and doesn't start them", "their state is: created",
		func(t *testing.T, w workbench) {
			w.project(t).do(t)
			assert.Equal(t, "created", w.state(t, w.web()))
		}},

	{"compose down", "removes a project's containers and networks", "they were there, and are gone",
		func(t *testing.T, w workbench) {
			inside := w.up(t, "    networks: [default]")
			require.True(t, w.has(t, "network", w.name+"_default"))
			inside.do(t)
			assert.False(t, w.has(t, "container", w.web()))
			assert.False(t, w.has(t, "network", w.name+"_default"))
		}},

	{"compose events", "tells what happens to a project's containers", "a signal that is sent to one is told",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			told := inside.doInBackground(t)
			course.Eventually(t, "a signal to the container is told", func() bool {
				require.False(t, told.Ended(), told.Output())
				w.DockerTries(t, "kill", "--signal", "WINCH", w.web()) // again, until compose has begun to listen
				return strings.Contains(told.Output(), "container kill")
			})
		}},

	{"compose exec", "runs one more command in a service's container", "the file it made is in the container",
		func(t *testing.T, w workbench) {
			w.up(t).do(t, "-T", "web", "touch", "/made")
			assert.Contains(t, w.Docker(t, "diff", w.web()).Stdout, "A /made\n")
		}},

	{"compose export", "writes all files of a service's container to a tar archive", "the file that it made is in it",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			inside.Docker(t, "exec", w.web(), "sh", "-c", "echo kept > /made")
			_, directory := w.inDirectory(t, nil)
			archive := filepath.Join(directory, "files.tar")
			inside.do(t, "--output", archive, "web")
			assert.Equal(t, "kept\n", filesInArchive(t, archive)["made"])
		}},

	{"compose images", "lists the images that a project's containers were made of", "the service's image",
		func(t *testing.T, w workbench) {
			w.Docker(t, "tag", w.busybox, "named-"+w.name)
			assert.Contains(t, w.up(t, "    image: named-"+w.name).do(t).Stdout, "named-"+w.name)
		}},

	{"compose kill", "ends a project's containers at once", "running before, exit status 137 after",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			require.Equal(t, "running", w.state(t, w.web()))
			inside.do(t)
			assert.Equal(t, "137", w.about(t, "container", w.web(), "{{.State.ExitCode}}"))
		}},

	{"compose logs", "shows what services have written, each line after the service's name", "the service's line",
		func(t *testing.T, w workbench) {
			inside := w.up(t, "    command: echo written by "+w.name)
			w.Docker(t, "wait", w.web())
			assert.Regexp(t, `(?m)^web-1 +\| written by `+w.name+`$`, inside.do(t, "--no-color").Stdout)
		}},

	{"compose ls", "lists the projects that run; with --all, the stopped ones, too",
		"the project, once it is up; when it is stopped, with --all only",
		func(t *testing.T, w workbench) {
			require.NotContains(t, w.Docker(t, "compose", "ls").Stdout, w.name)
			inside := w.up(t)
			assert.Regexp(t, `(?m)^`+w.name+` +running\(1\)`, w.do(t).Stdout)
			inside.Docker(t, "compose", "stop")
			w.listedAsStopped(t, w.web())
			assert.NotContains(t, w.do(t).Stdout, w.name)
			assert.Regexp(t, `(?m)^`+w.name+` +exited\(1\)`, w.do(t, "--all").Stdout)
		}},

	{"compose pause", "freezes a project's containers", "running before, paused after",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			require.Equal(t, "running", w.state(t, w.web()))
			defer w.DockerTries(t, "unpause", w.web())
			inside.do(t)
			assert.Equal(t, "paused", w.state(t, w.web()))
		}},

	{"compose port", "tells where a service's port is published", "the port that the file asks for",
		func(t *testing.T, w workbench) {
			inside := w.up(t, "    networks: [default]", `    ports: ["127.0.0.1:8082:80"]`)
			assert.Equal(t, "127.0.0.1:8082\n", inside.do(t, "web", "80").Stdout)
		}},

	{"compose ps", "lists a project's running containers; with --all, the others, too",
		"the one of its service; when it is stopped, with --all only",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			assert.Contains(t, inside.do(t).Stdout, w.web())
			inside.Docker(t, "compose", "stop")
			w.listedAsStopped(t, w.web())
			assert.NotContains(t, inside.do(t).Stdout, w.web())
			assert.Contains(t, inside.do(t, "--all").Stdout, w.web())
		}},

	{"compose publish", "sends a project's file to a registry, from which others can run it",
		"it can be read from there",
		func(t *testing.T, w workbench) {
			inside, registry := w.project(t, "    labels: {colour: blue}").withRegistryOverTLS(t)
			inside.DockerFails(t, "compose", "--file", "oci://"+registry+"/"+w.name+":1", "config")
			inside.do(t, "--yes", registry+"/"+w.name+":1")
			read := inside.Docker(t, "compose", "--file", "oci://"+registry+"/"+w.name+":1", "config").Stdout
			assert.Contains(t, read, "colour: blue")
		}},

	{"compose pull", "fetches the images of services", "the image, removed before, is there again",
		func(t *testing.T, w workbench) {
			ref := registry + "/" + w.name + ":1"
			w.build(t, ref, "LABEL row=compose-pull")
			w.Docker(t, "push", "--quiet", ref)
			w.Docker(t, "image", "rm", ref)
			w.project(t, "    image: "+ref).do(t)
			assert.True(t, w.has(t, "image", ref))
		}},

	{"compose push", "sends the images of services that are built here to their registry", "the registry lists the tag",
		func(t *testing.T, w workbench) {
			ref := registry + "/" + w.name + ":blue"
			w.build(t, ref, "LABEL row=compose-push")
			require.NotContains(t, w.tagsInRegistry(t, w.name), "blue")
			w.project(t, "    image: "+ref, "    build: .").do(t)
			assert.Contains(t, w.tagsInRegistry(t, w.name), "blue")
		}},

	{"compose restart", "stops a project's containers and starts them again",
		"their main process has begun a second time",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			const began = "{{.State.StartedAt}}"
			first := w.about(t, "container", w.web(), began)
			inside.do(t)
			assert.Equal(t, "running", w.state(t, w.web()))
			assert.NotEqual(t, first, w.about(t, "container", w.web(), began))
		}},

	{"compose rm", "removes a project's stopped containers", "it was there, and is gone",
		func(t *testing.T, w workbench) {
			inside := w.project(t)
			inside.Docker(t, "compose", "create")
			require.True(t, w.has(t, "container", w.web()))
			inside.do(t, "--force")
			assert.False(t, w.has(t, "container", w.web()))
		}},

	{"compose run", "runs one command in a new container of a service", "what it printed, with the service's settings",
		func(t *testing.T, w workbench) {
			inside := w.project(t, "    environment:", "      STAGE: testing")
			assert.Equal(t, "testing\n", inside.do(t, "--rm", "-T", "web", "sh", "-c", "echo $STAGE").Stdout)
		}},

	{"compose scale", "makes the number of a service's containers the one asked for", "one before, three after",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			count := func() int {
				ofProject := "label=com.docker.compose.project=" + w.name
				return strings.Count(w.Docker(t, "ps", "--quiet", "--filter", ofProject).Stdout, "\n")
			}
			require.Equal(t, 1, count())
			inside.do(t, "web=3")
			assert.Equal(t, 3, count())
		}},

	{"compose start", "starts a project's containers, which are there already", "created before, running after",
		func(t *testing.T, w workbench) {
			inside := w.project(t)
			inside.Docker(t, "compose", "create")
			require.Equal(t, "created", w.state(t, w.web()))
			inside.do(t)
			assert.Equal(t, "running", w.state(t, w.web()))
		}},

	{"compose stats", "shows what a project's containers use of the machine", "a line with the container's processes",
		func(t *testing.T, w workbench) {
			stream := w.up(t).doInBackground(t, "--format", "{{.Name}} runs {{.PIDs}}")
			stream.WaitForOutput(t, w.web()+" runs 2")
		}},

	{"compose stop", "stops a project's containers, and keeps them", "running before, exited after",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			require.Equal(t, "running", w.state(t, w.web()))
			inside.do(t)
			assert.Equal(t, "exited", w.state(t, w.web()))
		}},

	{"compose top", "lists the processes of a project's containers", "the service's command",
		func(t *testing.T, w workbench) {
			assert.Regexp(t, `(?m)sleep 1003 *$`, w.up(t, "    command: sleep 1003").do(t).Stdout)
		}},

	{"compose unpause", "lets a project's paused containers go on", "paused before, running after",
		func(t *testing.T, w workbench) {
			inside := w.up(t)
			w.Docker(t, "pause", w.web())
			defer w.DockerTries(t, "unpause", w.web())
			require.Equal(t, "paused", w.state(t, w.web()))
			inside.do(t)
			assert.Equal(t, "running", w.state(t, w.web()))
		}},

	{"compose up", "makes and starts all that a project needs", "container, network and volume are there, and weren't",
		func(t *testing.T, w workbench) {
			inside := w.project(t, "    networks: [default]", "    volumes: ['data:/data']", "volumes:", "  data:")
			require.False(t, w.has(t, "container", w.web()))
			require.False(t, w.has(t, "network", w.name+"_default"))
			require.False(t, w.has(t, "volume", w.name+"_data"))
			inside.do(t, "--detach")
			assert.Equal(t, "running", w.state(t, w.web()))
			assert.True(t, w.has(t, "network", w.name+"_default"))
			assert.True(t, w.has(t, "volume", w.name+"_data"))
		}},

	{"compose version", "prints the version of compose", "it is the one that docker knows of its plugin",
		func(t *testing.T, w workbench) {
			assert.Contains(t, w.do(t).Stdout, w.pluginVersion(t, "compose"))
		}},

	{"compose volumes", "lists a project's volumes", "the one that the file names",
		func(t *testing.T, w workbench) {
			inside := w.project(t, "    volumes: ['data:/data']", "volumes:", "  data:")
			inside.Docker(t, "compose", "create")
			assert.Contains(t, inside.do(t).Stdout, w.name+"_data\n")
		}},

	{"compose wait", "waits until a service's container ends", "it ends with the container's exit status",
		func(t *testing.T, w workbench) {
			inside := w.project(t, "    command: sh -c 'sleep $LASTS; exit 42'")
			for _, seconds := range []string{"1", "5", "25"} { // on a slow machine it may have ended before compose waits
				inside.CLI = inside.With("LASTS=" + seconds)
				inside.Docker(t, "compose", "up", "--detach")
				waited := inside.doTries(t, "web")
				if !strings.Contains(waited.Output(), "no container") {
					assert.Equal(t, 42, waited.ExitCode)
					return
				}
			}
			t.Fatal("the container had always ended before")
		}},

	{"compose watch", "copies files into containers as they are edited, or builds anew",
		"an edit arrives in the container",
		func(t *testing.T, w workbench) {
			inside, directory := w.inDirectory(t, map[string]string{
				"page":       "first\n",
				"Dockerfile": "FROM " + w.busybox + "\nWORKDIR /site\nCOPY page .\nCMD [\"sleep\", \"1000\"]\n",
				"compose.yaml": "name: " + w.name + `
services:
  web:
    build: .
    init: true
    network_mode: none
    develop:
      watch:
        - {action: sync, path: page, target: /site/page}
`})
			watching := inside.doInBackground(t)
			course.Eventually(t, "the container is there, with the page as it was built", func() bool {
				require.False(t, watching.Ended(), watching.Output())
				return w.DockerTries(t, "exec", w.web(), "grep", "first", "page").ExitCode == 0
			})
			course.Eventually(t, "compose watches", func() bool {
				require.False(t, watching.Ended(), watching.Output())
				return watches.MatchString(watching.Output())
			})
			course.WriteHostFile(t, filepath.Join(directory, "page"), "second\n")
			course.Eventually(t, "the edit is in the container", func() bool {
				return w.DockerTries(t, "exec", w.web(), "grep", "second", "page").ExitCode == 0
			})
		}},
}

// watches is what compose says when it has begun to watch, in the words of its versions.
var watches = regexp.MustCompile(`(?i)watch enabled|watch configuration|watching`)

// up is the workbench in the directory of a project that is up. Its service has no network, which is quicker, unless
// it says otherwise.
func (w workbench) up(t *testing.T, more ...string) workbench {
	t.Helper()
	inside := w.project(t, more...)
	inside.Docker(t, "compose", "up", "--detach", "--quiet-pull")
	return inside
}

// withRegistryOverTLS is the workbench beside a second registry: compose publish speaks TLS only. It has the throwaway
// engine's certificate, which the docker command is told to trust.
func (w workbench) withRegistryOverTLS(t *testing.T) (workbench, string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("not provable here: only on Linux can one command be told to trust a registry's certificate")
	}
	w.Docker(t, "run", "--detach", "--name", "registry-over-tls", "--publish", "5001:5000",
		"--volume", "/certs/server:/certs:ro", "--env", "REGISTRY_HTTP_TLS_CERTIFICATE=/certs/cert.pem",
		"--env", "REGISTRY_HTTP_TLS_KEY=/certs/key.pem", course.Ref(t, image.Registry))
	w.DockerInBackground(t, "logs", "--follow", "registry-over-tls").WaitForOutput(t, "listening on")
	w.CLI = w.With("SSL_CERT_FILE=" + w.engine.Certificate("ca.pem")).With("XDG_CACHE_HOME=" + course.HostDirectory(t))
	return w, w.engine.Endpoint(t, 5001)
}

// transformation builds an image that compose bridge can use: a program that reads the project from /in and writes to
// /out whatever it makes of it. Those that compose brings make files for Kubernetes.
func (w workbench) transformation(t *testing.T) {
	t.Helper()
	w.build(t, w.name, "LABEL com.docker.compose.bridge=transformation",
		"RUN mkdir /templates && echo made from "+w.name+" > /templates/example.tmpl",
		`CMD ["sh", "-c", "grep image: /in/compose.yaml > /out/images.txt"]`)
}

// A project is a directory with a compose file. Its commands do to all services at once, or to one that is named, what
// the commands above do to one container.
func TestEveryComposeSubcommandDoesWhatTheCardSays(t *testing.T) { performAll(t, "compose") }
