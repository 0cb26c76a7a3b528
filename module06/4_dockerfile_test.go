package module06

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/buildkit"
	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
	"docker-proven/internal/saved"
	"docker-proven/internal/shell"
)

// A heredoc gives an instruction several lines: a script for RUN, which stops at the first line that fails if it is told
// to, or a file for COPY. It is one instruction and makes one layer, where a RUN for each line would make many.
func TestAHeredocGivesAnInstructionSeveralLines(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	base := "FROM " + engine.Ref(t, image.Busybox) + "\n"
	build := func(instructions string) (output string, layers int) {
		tag := engine.Showing(example.Progress).Build(t, "heredoc", base+instructions)
		layers = len(engine.Layers(t, tag))
		return engine.Docker(t, "run", "--rm", tag, "cat", "/greeting").Stdout, layers
	}
	oneLayer, with := build("RUN <<EOF\nset -e\necho hello > /greeting\necho world >> /greeting\nEOF\n")
	assert.Equal(t, "hello\nworld\n", oneLayer)
	twoLayers, without := build("RUN echo hello > /greeting\nRUN echo world >> /greeting\n")
	assert.Equal(t, oneLayer, twoLayers, "the same files")
	assert.Equal(t, with+1, without, "by one layer more")

	file, _ := build("COPY <<EOF /greeting\nhello from a file\nEOF\n")
	assert.Equal(t, "hello from a file\n", file)

	course.Say(t, "A line of the script fails, with set -e and without:")
	const failing = "false\necho too late > /greeting\nEOF\n"
	engine.Showing(example.Progress).DockerStdinFails(t, base+"RUN <<EOF\nset -e\n"+failing, "build", "--progress", "plain", "-")
	goesOn, _ := build("RUN <<EOF\n" + failing)
	assert.Equal(t, "too late\n", goesOn, "what counts is how the last line has ended")
}

// The first line of a Dockerfile may be a directive, which looks like a comment. `# syntax=` names an image that holds
// the program to read the Dockerfile with: so the language doesn't depend on how old the engine is. Further down, the
// same line is a comment like any other.
func TestTheSyntaxDirectiveChoosesWhoReadsTheDockerfile(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox, frontend := engine.Ref(t, image.Busybox), engine.Ref(t, image.DockerfileFrontend)
	read := func(dockerfile string) string {
		return engine.DockerStdin(t, dockerfile, "build", "--progress", "plain", "-").Stderr
	}
	assert.Contains(t, read("# syntax="+frontend+"\nFROM "+busybox+"\n"), "docker-image://docker.io/"+frontend)
	assert.NotContains(t, read("FROM "+busybox+"\n# syntax="+frontend+"\n"), "docker-image://docker.io/"+frontend)

	course.Say(t, "A program that doesn't exist can't read anything:")
	const nobody = "# syntax=127.0.0.1:1/nobody:1\n"
	refused := engine.DockerStdinFails(t, nobody+"FROM "+busybox+"\n", "build", "--progress", "plain", "-")
	assert.Contains(t, refused.Stderr, "127.0.0.1:1/nobody:1")
	read("FROM " + busybox + "\n" + nobody)
}

// `# escape=` chooses the character that continues an instruction on the next line. Usually that is the backslash; where
// paths are written with backslashes, as on Windows, a backtick serves better.
func TestTheEscapeDirectiveChoosesTheContinuationCharacter(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	printed := func(dockerfile string) string {
		tag := engine.Showing(example.Progress).Build(t, "escape", dockerfile)
		return engine.Docker(t, "run", "--rm", tag).Stdout
	}
	busybox := "FROM " + engine.Ref(t, image.Busybox) + "\n"
	assert.Equal(t, "one two\n", printed("# escape=`\n"+busybox+"CMD echo one `\n two\n"))
	assert.Equal(t, "one two\n", printed(busybox+"CMD echo one \\\n two\n"))

	course.Say(t, "A path with a backslash, with the directive and without it:")
	const path = "ENV FOLDER=C:\\new\nCMD [\"env\"]\n"
	assert.Contains(t, printed("# escape=`\n"+busybox+path), "FOLDER=C:\\new\n")
	assert.Contains(t, printed(busybox+path), "FOLDER=C:new\n")
}

// WORKDIR is the directory in which the instructions below it happen, and in the end the container's program, unless
// docker run has --workdir. It is made where there is none; without a slash in front it begins at the one before. A cd is
// no substitute: each RUN has a shell of its own, and where that one went is forgotten.
func TestWorkdirIsWhereTheInstructionsBelowItHappen(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	build := func(instructions string) (tag string) {
		dockerfile := "FROM " + busybox + "\n" + instructions + "RUN pwd > built-in\n"
		return engine.Showing(example.Progress).Build(t, "where", dockerfile)
	}
	read := []string{"sh", "-c", "pwd; cat built-in"}
	run := func(tag string) string {
		return engine.Docker(t, append([]string{"run", "--rm", tag}, read...)...).Stdout
	}

	tag := build("WORKDIR /app\nWORKDIR data\n")
	assert.Equal(t, "/app/data\n/app/data\n", run(tag))
	assert.Equal(t, "/tmp\n", engine.Docker(t, "run", "--rm", "--workdir", "/tmp", tag, "pwd").Stdout)

	course.Say(t, "With cd in its place:")
	assert.Equal(t, "/\n/\n", run(build("RUN mkdir -p /app/data && cd /app/data\n")))
}

// What COPY brings belongs to root, whoever USER says the program is: so the program can read it and not change it, which is
// what one wants of its code. --chown gives a file to somebody, and --chmod says who may do what with it.
func TestCopyGivesFilesToRootUnlessChownSaysToWhom(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	context := course.Directory(t, map[string]string{"settings": "colour: blue\n",
		"Dockerfile": "FROM " + engine.Ref(t, image.Busybox) + "\nUSER 1000\n" +
			"COPY --chmod=644 settings /of-root\nCOPY --chmod=644 --chown=1000 settings /of-the-user\nCOPY --chmod=400 settings /closed\n"})
	tag := engine.Showing(example.Progress).BuildDirectory(t, "owned", context, "--progress", "plain")
	run := []string{"run", "--rm", tag}
	owners := engine.Docker(t, append(run, "stat", "-c", "%u %a %n", "/of-root", "/of-the-user", "/closed")...).Stdout
	assert.Equal(t, "0 644 /of-root\n1000 644 /of-the-user\n0 400 /closed\n", owners)
	write := func(file string) []string {
		return append(run, "sh", "-c", "echo 'colour: red' > "+file+" && cat "+file)
	}
	assert.Equal(t, "colour: red\n", engine.Docker(t, write("/of-the-user")...).Stdout)
	assert.Contains(t, engine.DockerFails(t, write("/of-root")...).Stderr, "Permission denied")
	assert.Contains(t, engine.DockerFails(t, append(run, "cat", "/closed")...).Stderr, "Permission denied")
}

// RUN --mount lends an instruction something for as long as it runs: with type=bind, files of the context or of another
// stage; with type=tmpfs, room to work in. Nothing of it is in the image, where what COPY brings stays for good.
func TestWhatAnInstructionMountsIsNoPartOfTheImage(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	context := course.Directory(t, map[string]string{"source.txt": "hello, world\n"})
	files := func(instructions string) []string {
		course.WriteHostFile(t, filepath.Join(context, "Dockerfile"), "FROM "+busybox+" AS first\n"+instructions+"\n")
		tag := engine.Showing(example.Progress).BuildDirectory(t, "mounted", context, "--progress", "plain")
		return strings.Fields(engine.Docker(t, "run", "--rm", tag, "find", "/", "-xdev", "-name", "*.txt").Stdout)
	}
	const work = "cp /from/source.txt /work/draft.txt && tr a-z A-Z < /work/draft.txt > /product.txt"
	assert.Equal(t, []string{"/product.txt"}, files("RUN --mount=type=bind,target=/from --mount=type=tmpfs,target=/work "+work))
	course.Say(t, "Of another stage:")
	assert.Equal(t, []string{"/product.txt"}, files("COPY source.txt /stage/\nFROM "+busybox+"\n"+
		"RUN --mount=type=bind,from=first,source=/stage,target=/from --mount=type=tmpfs,target=/work "+work))
	course.Say(t, "Without the mounts:")
	assert.ElementsMatch(t, []string{"/from/source.txt", "/work/draft.txt", "/product.txt"}, files("COPY source.txt /from/\nRUN mkdir /work && "+work))
}

// An ARG above the first FROM is for the FROM lines: which base it shall be, for example. The stages below don't know it,
// unless they declare it again, without a value.
func TestAnARGAboveFROMIsUnknownBelowUnlessDeclaredAgain(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox, alpine := engine.Ref(t, image.Busybox), engine.Ref(t, image.Alpine)
	seen := func(dockerfile string, flags ...string) string {
		tag := engine.Showing(example.Progress).Build(t, "based", dockerfile, flags...)
		return engine.Docker(t, "run", "--rm", tag, "sh", "-c", "cat /seen; test -e /etc/os-release && echo with a distribution || true").Stdout
	}
	above := "ARG BASE=" + busybox + "\nFROM ${BASE}\n"
	const step = "RUN echo base=${BASE} > /seen\n"
	assert.Equal(t, "base=\n", seen(above+step))
	assert.Equal(t, "base="+busybox+"\n", seen(above+"ARG BASE\n"+step))
	course.Say(t, "Another base:")
	assert.Equal(t, "base="+alpine+"\nwith a distribution\n", seen(above+"ARG BASE\n"+step, "--build-arg", "BASE="+alpine))
}

// ADD brings files of the context into the image, as COPY does. But an archive it unpacks on the way, so that a reader has
// to know which files are archives. Where a copy is meant, COPY says so.
func TestAddUnpacksAnArchiveWhichCopyTakesAsItIs(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	context := course.Directory(t, map[string]string{"index.html": "hello\n"})
	course.CLI{}.In(context).Program(t, "tar", "-c", "-f", "pages.tar", "index.html")
	pages := func(instruction string) string {
		course.WriteHostFile(t, filepath.Join(context, "Dockerfile"), "FROM "+busybox+"\n"+instruction+"\n")
		tag := engine.Showing(example.Progress).BuildDirectory(t, "pages", context, "--progress", "plain")
		return engine.Docker(t, "run", "--rm", tag, "ls", "/pages").Stdout
	}
	assert.Equal(t, "index.html\n", pages("ADD pages.tar /pages/"))
	assert.Equal(t, "pages.tar\n", pages("COPY pages.tar /pages/"))
}

// ADD fetches what is a URL, which COPY can't. What is fetched may be another file tomorrow. With --checksum the build
// goes on only with the file that was meant. (BuildKit tells such an ADD twice: it fetches the file, and then adds it.)
func TestAddFetchesAFileAndWithAChecksumNoOtherThanTheOneMeant(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	server := course.Unique(t, "downloads-")
	course.Say(t, "A web server (httpd is busybox's) from which a build can fetch a file:")
	engine.Docker(t, "run", "--detach", "--name", server, "--publish", "127.0.0.1:18082:8080", busybox,
		"sh", "-c", "mkdir /www && cd /www && echo original > tool && exec httpd -f -p 8080")
	engine.DockerUntil(t, "original", "exec", server, "wget", "-q", "-O", "-", "127.0.0.1:8080/tool")
	sum := strings.Fields(engine.Docker(t, "exec", server, "sha256sum", "/www/tool").Stdout)[0]

	const url = "http://127.0.0.1:18082/tool"
	dockerfile := func(instruction string) string { return "FROM " + busybox + "\n" + instruction + " /tool\n" }
	unchecked, checked := dockerfile("ADD "+url), dockerfile("ADD --checksum=sha256:"+sum+" "+url)
	built := func(dockerfile string) string {
		tag := engine.Showing(example.Progress).Build(t, "fetched", dockerfile)
		return engine.Docker(t, "run", "--rm", tag, "cat", "/tool").Stdout
	}
	fails := func(dockerfile string) string {
		return engine.Showing(example.Progress).DockerStdinFails(t, dockerfile, "build", "--progress", "plain", "-").Stderr
	}
	assert.Contains(t, fails(dockerfile("COPY "+url)), "source can't be a URL for COPY")
	assert.Equal(t, "original\n", built(unchecked))

	course.Say(t, "Somebody replaces the file:")
	engine.Docker(t, "exec", server, "sh", "-c", "echo replaced by somebody > /www/tool")
	assert.Equal(t, "replaced by somebody\n", built(unchecked))
	assert.Contains(t, fails(checked), "digest mismatch")

	course.Say(t, "And puts the one that was meant back:")
	engine.Docker(t, "exec", server, "sh", "-c", "echo original > /www/tool")
	assert.Equal(t, "original\n", built(checked))
}

// VOLUME names a directory whose content is not the container's own business, like a database's. Each container gets an
// anonymous volume there, filled with what the image has, unless docker run mounts something else. Without it, what is
// written there is a change of the container, and goes with it.
func TestVolumeGivesEachContainerAVolumeOfItsOwn(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	build := func(instructions string) (tag string) {
		return engine.Showing(example.Progress).Build(t, "guests", "FROM "+busybox+"\n"+
			"RUN mkdir /data && echo the host > /data/guests\n"+instructions+
			"CMD echo a visitor >> /data/guests && cat /data/guests\n")
	}
	run := func(tag string, flags ...string) (mounted, changes string) {
		name := course.Unique(t, "guests-")
		line := append(append([]string{"run", "--name", name}, flags...), tag)
		assert.Equal(t, "the host\na visitor\n", engine.Docker(t, line...).Stdout)
		const volumes = "{{range .Mounts}}{{.Destination}} is {{.Name}}{{end}}"
		return engine.Docker(t, "inspect", "--format", volumes, name).Stdout, engine.Docker(t, "diff", name).Stdout
	}
	declaring := build("VOLUME /data\n")
	first, changes := run(declaring)
	assert.Regexp(t, `^/data is [0-9a-f]{64}\n$`, first)
	assert.Empty(t, changes, "what is written should be on the volume, and not in the container's layer")
	second, _ := run(declaring)
	assert.Regexp(t, `^/data is [0-9a-f]{64}\n$`, second)
	assert.NotEqual(t, first, second)
	named := course.Unique(t, "guests-")
	third, _ := run(declaring, "--volume", named+":/data")
	assert.Equal(t, "/data is "+named+"\n", third)

	course.Say(t, "The same without VOLUME:")
	none, changes := run(build(""))
	assert.Equal(t, "\n", none)
	assert.Equal(t, "C /data\nC /data/guests\n", changes)
}

// STOPSIGNAL is what docker stop sends to the program first, where that wants to hear something else than SIGTERM. docker
// run --stop-signal overrules it.
func TestStopsignalIsWhatDockerStopSends(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	heard := func(instructions string, flags ...string) string {
		tag := engine.Showing(example.Progress).Build(t, "hearing", "FROM "+busybox+"\n"+instructions+`COPY <<'EOF' /program
for signal in TERM USR1; do trap "echo heard $signal; exit" $signal; done
echo ready; while :; do sleep 0.1; done
EOF
CMD ["sh", "/program"]
`)
		name := course.Unique(t, "hearing-")
		engine.Docker(t, append(append([]string{"run", "--detach", "--name", name}, flags...), tag)...)
		engine.DockerUntil(t, "^ready\n$", "logs", name)
		engine.Docker(t, "stop", name)
		return engine.Docker(t, "logs", name).Stdout
	}
	assert.Equal(t, "ready\nheard USR1\n", heard("STOPSIGNAL USR1\n"))
	assert.Equal(t, "ready\nheard TERM\n", heard(""))
	assert.Equal(t, "ready\nheard TERM\n", heard("STOPSIGNAL USR1\n", "--stop-signal", "TERM"))
}

// SHELL is what runs the instructions in shell form below it, and in the end a CMD in shell form. Usually that is /bin/sh
// -c, to which a pipe has succeeded when its last command has: a download that failed goes unnoticed. With pipefail it
// doesn't.
func TestShellRunsWhatIsInShellForm(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	const pipefail = "SHELL [\"/bin/sh\", \"-o\", \"pipefail\", \"-c\"]\n"
	dockerfile := func(shell, run string) string {
		return "FROM " + engine.Ref(t, image.Busybox) + "\n" + shell + "RUN " + run + "\nCMD echo hello\n"
	}
	command := func(tag string) string {
		return engine.Docker(t, "image", "inspect", "--format", "{{json .Config.Cmd}}", tag).Stdout
	}
	build := func(dockerfile string) (tag string) {
		return engine.Showing(example.Progress).Build(t, "shell", dockerfile)
	}
	const download = "wget -q -O - http://127.0.0.1:1/list | sort > /list"
	assert.Equal(t, `["/bin/sh","-c","echo hello"]`+"\n", command(build(dockerfile("", download))))

	course.Say(t, "With pipefail the same download fails the build, and one that succeeds doesn't:")
	engine.Showing(example.Progress).DockerStdinFails(t, dockerfile(pipefail, download), "build", "--progress", "plain", "-")
	tag := build(dockerfile(pipefail, "echo downloaded | sort > /list"))
	assert.Equal(t, `["/bin/sh","-o","pipefail","-c","echo hello"]`+"\n", command(tag))
}

// ONBUILD keeps an instruction for later: it is performed not in this build, but in the one that is FROM this image, and
// not in the one after that. A Dockerfile doesn't show what its base has kept for it; docker inspect does.
func TestOnbuildIsPerformedInTheNextBuild(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	build := func(base, instructions string) (tag, performed string) {
		tag = engine.Showing(example.Progress).Build(t, "onbuild", "FROM "+base+"\n"+instructions)
		performed = engine.Docker(t, "run", "--rm", tag, "sh", "-c", "cat /performed 2> /dev/null || echo never").Stdout
		return tag, performed
	}
	kept := func(tag string) string {
		return engine.Docker(t, "image", "inspect", "--format", "{{.Config.OnBuild}}", tag).Stdout
	}
	const instruction = "RUN echo once >> /performed"
	parent, performed := build(engine.Ref(t, image.Busybox), "ONBUILD "+instruction+"\n")
	assert.Equal(t, "never\n", performed)
	assert.Equal(t, "["+instruction+"]\n", kept(parent))

	child, performed := build(parent, "")
	assert.Equal(t, "once\n", performed)
	assert.Equal(t, "[]\n", kept(child))
	_, performed = build(child, "")
	assert.Equal(t, "once\n", performed)

	course.Say(t, "Without the word ONBUILD it is performed at once:")
	_, performed = build(engine.Ref(t, image.Busybox), instruction+"\n")
	assert.Equal(t, "once\n", performed)
}

// ARG is a variable of the build, ENV one of the container. What was given as ARG is not in the container's environment;
// but it is in the image's history, for everybody to read. ENV is in both.
func TestARGIsInTheHistoryAndENVInTheEnvironmentToo(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	tag := engine.Showing(example.Progress).Build(t, "variables", "FROM "+engine.Ref(t, image.Busybox)+`
ARG RELEASE
ENV STAGE=testing
RUN echo release $RELEASE, stage $STAGE > /built
`, "--build-arg", "RELEASE=4711")
	course.Say(t, "While the image was built, both were set:")
	assert.Equal(t, "release 4711, stage testing\n", engine.Docker(t, "run", "--rm", tag, "cat", "/built").Stdout)

	environment := engine.Docker(t, "run", "--rm", tag, "env").Stdout
	history := engine.Docker(t, "history", "--no-trunc", "--format", "{{.CreatedBy}}", tag).Stdout
	assert.Contains(t, environment, "STAGE=testing")
	assert.NotContains(t, environment, "RELEASE")
	assert.Contains(t, history, "STAGE=testing")
	assert.Contains(t, history, "RELEASE=4711")
}

// Building may need a secret: a token for a private registry of libraries, say. A secret mount hands it to one
// instruction, and nothing of it gets into the image. The same secret given as ARG is in the history, and copied in and
// deleted again it still is in a layer: everybody who has the image has it. The lesson looks for it in all of the image.
func TestABuildSecretIsNowhereInTheImage(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	token := course.Secret(t)
	context := course.HostDirectory(t)
	course.WriteHostFile(t, filepath.Join(context, "token"), token)
	found := func(instructions string, flags ...string) []string {
		course.WriteHostFile(t, filepath.Join(context, "Dockerfile"), "FROM "+busybox+"\n"+instructions)
		tag := engine.Showing(example.Progress).BuildDirectory(t, "secret", context, append(flags, "--progress", "plain")...)
		proof := engine.Docker(t, "run", "--rm", tag, "cat", "/length")
		require.Equal(t, fmt.Sprintln(len(token)), proof.Stdout, "the build should have had the secret")
		return places(t, engine.CLI, tag, token)
	}
	secret := found("RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length\n",
		"--secret", "id=token,src="+filepath.Join(context, "token"))
	assert.Empty(t, secret, "a build secret should be in no layer, no history and no configuration")

	argument := found("ARG TOKEN\nRUN printf %s \"$TOKEN\" | wc -c > /length\n", "--build-arg", "TOKEN="+token)
	assert.Regexp(t, `(?m)^history: `, strings.Join(argument, "\n"), "given as ARG it is in the history")

	copied := found("COPY token /token\nRUN wc -c < /token > /length && rm /token\n")
	assert.Regexp(t, `(?m)^layer \d+: /token$`, strings.Join(copied, "\n"), "copied in and deleted it is in a layer")
}

// places are where in an image a text is.
func places(t *testing.T, docker course.CLI, tag, text string) []string {
	t.Helper()
	archive := filepath.Join(course.HostDirectory(t), "image.tar")
	docker.Docker(t, "save", "--output", archive, tag)
	image, err := saved.Open(archive)
	require.NoError(t, err)
	places, err := image.Search(text)
	require.NoError(t, err)
	course.Say(t, "Looked for it in all files of all layers, in the history and in the configuration. Found it in %d "+
		"places: %s", len(places), strings.Join(places, "; "))
	return places
}

// A build that fetches sources over SSH (git clone git@...) needs a key. With --ssh it gets the use of one: an SSH agent on
// your side holds the key, and in the step that mounts it there is a socket, through which the agent is asked to sign. The
// key itself never comes near the build. Here a program asks the agent to sign the word hello, and who has the public key sees
// that it was signed by this one.
func TestAnSSHAgentSignsForABuildThatNeverHasTheKey(t *testing.T) {
	signing := newSigning(t)
	tag, showing := course.Unique(t, "signed:"), course.CLI{}.Showing(example.Progress)
	showing.Docker(t, signing.build(tag, "--ssh", "default="+signing.file)...)
	signing.assertSigned(t, tag)
	course.Say(t, "Is a line of the key anywhere in the image, and in one into which it is copied and deleted again?")
	content, err := os.ReadFile(signing.file)
	require.NoError(t, err)
	line := strings.Split(string(content), "\n")[1]
	assert.Empty(t, places(t, course.CLI{}, tag, line))
	course.WriteHostFile(t, filepath.Join(filepath.Dir(signing.file), "Dockerfile"), "FROM "+course.Ref(t, image.Busybox)+"\n"+
		"COPY id_rsa /id_rsa\nRUN rm /id_rsa\n")
	copied := showing.BuildDirectory(t, "copied", filepath.Dir(signing.file), "--progress", "plain")
	assert.Regexp(t, `(?m)^layer \d+: /id_rsa$`, strings.Join(places(t, course.CLI{}, copied, line), "\n"))

	course.Say(t, "Without --ssh there is no agent:")
	failed := showing.DockerFails(t, signing.build(tag)...)
	assert.Regexp(t, "FileNotFoundError|KeyError", failed.Stderr)
}

// Most people have an agent that runs already, and keeps their keys as long as they are logged in: SSH_AUTH_SOCK says where.
// Without a file, --ssh default hands that one on. (Here it is another one than yours: ssh-agent starts one for as long as a
// command runs, and ssh-add gives it the key.)
func TestSSHDefaultHandsOnTheAgentThatRunsAlready(t *testing.T) {
	if _, err := exec.LookPath("ssh-agent"); err != nil || runtime.GOOS == "windows" {
		t.Skip("not provable here: this machine has no ssh-agent, or, as Windows has it, one that can't be started for a command")
	}
	signing := newSigning(t)
	tag, showing := course.Unique(t, "signed:"), course.CLI{}.Showing(example.Progress)
	build := signing.build(tag, "--ssh", "default")
	line := shell.Quote([]string{"ssh-add", signing.file}) + " && " + shell.Quote(append([]string{"docker"}, build...))
	showing.Script(t, shell.Quote([]string{"ssh-agent", "sh", "-c", line}))
	signing.assertSigned(t, tag)

	course.Say(t, "Where none runs, there is nothing to hand on:")
	failed := course.CLI{}.With("SSH_AUTH_SOCK=").DockerFails(t, build...)
	assert.Contains(t, failed.Stderr, "SSH_AUTH_SOCK")
}

// A signing is a key, and a build in which a program has an SSH agent sign with it.
type signing struct {
	key           *rsa.PrivateKey
	file, context string // where the key is, and the build context
}

func newSigning(t *testing.T) signing {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	file := filepath.Join(course.HostDirectory(t), "id_rsa")
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	require.NoError(t, os.WriteFile(file, text, 0o600))
	course.Say(t, "A key, such as `ssh-keygen -t rsa` makes: %s", file)
	course.Say(t, "And a program that speaks the agent's protocol: https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/")
	return signing{key, file, course.Directory(t, map[string]string{
		// What two builds do alike at the same time, BuildKit does once, by one's agent. So no two have the same file.
		"sign.py": "# " + course.Unique(t, "of ") + `
import os, socket, struct
agent = socket.socket(socket.AF_UNIX)
agent.connect(os.environ["SSH_AUTH_SOCK"])
answers = agent.makefile("rb")
def text(content): return struct.pack(">I", len(content)) + content
def number(content): return struct.unpack(">I", content)[0]
def ask(question):
    agent.sendall(text(question))
    return answers.read(number(answers.read(4)))
keys = ask(b"\x0b")  # which keys have you?
print("keys:", number(keys[1:5]))
key = keys[9:9 + number(keys[5:9])]
signed = ask(b"\x0d" + text(key) + text(b"hello") + struct.pack(">I", 2))  # sign hello with this one, by SHA-256
print("signature:", signed[-256:].hex())  # of 2048 bits, as the key
`,
		"Dockerfile": "FROM " + course.Ref(t, image.Python) + `
COPY sign.py /sign.py
RUN --mount=type=ssh python /sign.py > /answer
RUN echo "socket: $SSH_AUTH_SOCK" >> /answer
`})}
}

// build is the command that builds it, with these flags. The cache is of no use: it doesn't ask who had an agent.
func (s signing) build(tag string, flags ...string) []string {
	return append(append([]string{"build", "--no-cache", "--progress", "plain", "--tag", tag}, flags...), s.context)
}

// assertSigned looks into the image: the step that mounts the agent, and no other, had one that signs with the key.
func (s signing) assertSigned(t *testing.T, tag string) {
	t.Helper()
	answer := course.Docker(t, "run", "--rm", tag, "cat", "/answer").Stdout
	found := regexp.MustCompile(`^keys: 1\nsignature: ([0-9a-f]{512})\nsocket: \n$`).FindStringSubmatch(answer)
	require.NotNil(t, found, "the step that mounts it should have the agent, and no other; the answer is\n%s", answer)
	signature, err := hex.DecodeString(found[1])
	require.NoError(t, err)
	verify := func(text string) error {
		sum := sha256.Sum256([]byte(text))
		return rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], signature)
	}
	assert.NoError(t, verify("hello"), "the signature should be by the key")
	assert.Error(t, verify("goodbye"), "and of that word alone")
	course.Say(t, "By the public key, it is a signature of the word hello, and of no other one.")
}

// ENTRYPOINT is the program that the image is for, CMD what it is told unless docker run is told otherwise: words after
// the image's name take CMD's place. In exec form, a list of words, the program is run as it is; in shell form, a line,
// a shell runs it, and as ENTRYPOINT that shell gets all other words and ignores them. Here is the whole table: what docker
// inspect says is run, and what that prints.
func TestEntrypointAndCmdMakeTheCommand(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	const (
		none       = ""
		entryExec  = `ENTRYPOINT ["show", "entry"]`
		entryShell = `ENTRYPOINT show entry`
		cmdExec    = `CMD ["show", "cmd"]`
		cmdShell   = `CMD show cmd`
		nothing    = "no command specified"
	)
	type ran struct{ command, prints string }
	table := []struct {
		entrypoint, cmd  string
		alone, withWords ran // docker run IMAGE, and docker run IMAGE show words
	}{
		{none, none, ran{}, ran{`show ["words"]`, "[show] [words]"}},
		{none, cmdExec, ran{`show ["cmd"]`, "[show] [cmd]"}, ran{`show ["words"]`, "[show] [words]"}},
		{none, cmdShell, ran{`/bin/sh ["-c","show cmd"]`, "[show] [cmd]"}, ran{`show ["words"]`, "[show] [words]"}},
		{entryExec, none, ran{`show ["entry"]`, "[show] [entry]"},
			ran{`show ["entry","show","words"]`, "[show] [entry] [show] [words]"}},
		{entryExec, cmdExec, ran{`show ["entry","show","cmd"]`, "[show] [entry] [show] [cmd]"},
			ran{`show ["entry","show","words"]`, "[show] [entry] [show] [words]"}},
		{entryExec, cmdShell, ran{`show ["entry","/bin/sh","-c","show cmd"]`, "[show] [entry] [/bin/sh] [-c] [show cmd]"},
			ran{`show ["entry","show","words"]`, "[show] [entry] [show] [words]"}},
		{entryShell, none, ran{`/bin/sh ["-c","show entry"]`, "[show] [entry]"},
			ran{`/bin/sh ["-c","show entry","show","words"]`, "[show] [entry]"}},
		{entryShell, cmdExec, ran{`/bin/sh ["-c","show entry","show","cmd"]`, "[show] [entry]"},
			ran{`/bin/sh ["-c","show entry","show","words"]`, "[show] [entry]"}},
		{entryShell, cmdShell, ran{`/bin/sh ["-c","show entry","/bin/sh","-c","show cmd"]`, "[show] [entry]"},
			ran{`/bin/sh ["-c","show entry","show","words"]`, "[show] [entry]"}},
	}
	course.Say(t, "A program to try it with: show prints its name and the words it is given, each in brackets. (CMD [] takes back the base's own command.)")
	const show = `#!/bin/sh\nprintf "[show]"; for word; do printf " [%%s]" "$word"; done; echo\n`
	base := course.Unique(t, "show:")
	engine.DockerStdin(t, "FROM "+engine.Ref(t, image.Busybox)+"\nCMD []\n"+
		"RUN printf '"+show+"' > /bin/show && chmod +x /bin/show\n", "build", "--quiet", "--tag", base, "-")
	build := func(instructions ...string) (tag string) {
		tag = course.Unique(t, "row:")
		lines := "FROM " + base + "\n"
		for _, line := range instructions {
			if line != none {
				lines += line + "\n"
			}
		}
		engine.DockerStdin(t, lines, "build", "--quiet", "--tag", tag, "-")
		return tag
	}
	prints := func(tag string, words ...string) string {
		return strings.TrimSpace(engine.Docker(t, append([]string{"run", "--rm", tag}, words...)...).Stdout)
	}
	run := func(tag string, words ...string) ran {
		name := course.Unique(t, "row-")
		engine.Docker(t, append([]string{"create", "--name", name, tag}, words...)...)
		command := engine.Docker(t, "inspect", "--format", "{{.Path}} {{json .Args}}", name).Stdout
		return ran{strings.TrimSpace(command), prints(tag, words...)}
	}
	for _, row := range table {
		tag := build(row.entrypoint, row.cmd)
		if row.entrypoint == none && row.cmd == none {
			refused := engine.DockerFails(t, "run", "--rm", tag).Stderr
			assert.Regexp(t, nothing+`\.?\n`, refused) // a period, where it is a sentence of an older docker command
		} else {
			assert.Equal(t, row.alone, run(tag))
		}
		assert.Equal(t, row.withWords, run(tag, "show", "words"))
	}

	course.Say(t, "It is the shell that knows variables. Where none is run, nobody replaces them:")
	assert.Equal(t, "[show] [blue]", prints(build("ENV COLOUR=blue", "CMD show $COLOUR")))
	assert.Equal(t, "[show] [$COLOUR]", prints(build("ENV COLOUR=blue", `CMD ["show", "$COLOUR"]`)))
}

// What docker stop sends goes to process 1. In exec form that is the program. In shell form it may be the shell, which hands
// nothing on: the program never hears that it should end, and is killed when the grace is over (137 is 128 and 9, the number
// of SIGKILL). Some shells let the program take their place when there is nothing to do after it, and a line can insist on
// that with exec. (Where the program hears nothing, the grace is a second, so that the lesson need not wait.)
func TestInShellFormTheProgramMayNotHearThatItShouldEnd(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	stopped := func(cmd string, flags ...string) (wrote, exitCode string) {
		tag := engine.Showing(example.Progress).Build(t, "ending", "FROM "+busybox+`
COPY --chmod=755 <<'EOF' /bin/program
#!/bin/sh
trap "echo heard TERM; exit" TERM
echo ready; while :; do sleep 0.1; done
EOF
`+cmd+"\n")
		name := course.Unique(t, "ending-")
		engine.Docker(t, "run", "--detach", "--name", name, tag)
		engine.DockerUntil(t, "^ready\n$", "logs", name)
		engine.Docker(t, append(append([]string{"stop"}, flags...), name)...)
		wrote = engine.Docker(t, "logs", name).Stdout
		return wrote, engine.Docker(t, "inspect", "--format", "{{.State.ExitCode}}", name).Stdout
	}
	wrote, exitCode := stopped(`CMD ["program"]`)
	assert.Equal(t, "ready\nheard TERM\n", wrote)
	assert.Equal(t, "0\n", exitCode)

	course.Say(t, "In shell form, with something to do after it:")
	wrote, exitCode = stopped("CMD program; echo ended", "-t", "1")
	assert.Equal(t, "ready\n", wrote, "the program should have heard nothing")
	assert.Equal(t, "137\n", exitCode)

	course.Say(t, "In shell form, in the shell's place:")
	wrote, exitCode = stopped("CMD exec program")
	assert.Equal(t, "ready\nheard TERM\n", wrote)
	assert.Equal(t, "0\n", exitCode)

	course.Say(t, "How the Node API is started, in the image before the Dockerfile says it in exec form, and from then on:")
	command := func(step int) string {
		tag := example.APINode.Build(t, engine, step)
		return engine.Docker(t, "inspect", "--type", "image", "--format", "{{json .Config.Cmd}}", tag).Stdout
	}
	assert.Equal(t, `["/bin/sh","-c","npm start"]`+"\n", command(4))
	for step := 5; step <= example.APINode.Last; step++ {
		assert.Equal(t, `["node","src/main.js"]`+"\n", command(step))
	}

	course.Say(t, "The Go API's last image is for its program alone: what stands behind the image's name is told to it, and no command of its own.")
	last := example.APIGolang.Build(t, engine, example.APIGolang.Last)
	told := engine.DockerFails(t, "run", "--rm", last, "nonsense")
	assert.Contains(t, told.Stderr, `api-golang: unknown arguments ["nonsense"]`)
	before := example.APIGolang.Build(t, engine, example.APIGolang.Last-1)
	notFound := engine.DockerFails(t, "run", "--rm", before, "nonsense")
	assert.Contains(t, notFound.Stderr, "executable file not found")
}

// A stage can be built by itself: --target names the last one to build. BuildKit builds what that stage needs, and
// nothing else: so a Dockerfile can have a stage for tests besides the one for production.
func TestTargetPicksAStage(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	dockerfile := "FROM " + engine.Ref(t, image.Busybox) + ` AS made
RUN echo made > /stage
FROM made AS tested
RUN echo tested > /stage
FROM made AS production
RUN echo production > /stage
`
	build := func(flags ...string) (stage string, steps []buildkit.Step) {
		tag := course.Unique(t, "stage:")
		line := append(append([]string{"build", "--progress", "plain", "--tag", tag}, flags...), "-")
		result := engine.Showing(example.Progress).DockerStdin(t, dockerfile, line...)
		return engine.Docker(t, "run", "--rm", tag, "cat", "/stage").Stdout, buildkit.Steps(result.Stderr)
	}
	stage, steps := build("--target", "tested")
	assert.Equal(t, "tested\n", stage)
	_, others := buildkit.Find(steps, "RUN echo production")
	assert.False(t, others, "no other stage should be built")

	stage, steps = build()
	assert.Equal(t, "production\n", stage, "without --target it is the last")
	_, others = buildkit.Find(steps, "RUN echo tested")
	assert.False(t, others, "a stage that the last one doesn't need should not be built")
}

// HEALTHCHECK is a command that Docker runs in the container every now and then. While it succeeds the container is
// healthy; when it has failed a few times in a row, unhealthy. Docker does nothing about it by itself; but docker ps
// shows it, and others wait for it. A check that takes too long has failed, too, as with the page, whose nginx is made to
// stand still. (Here the check is made every second, so that the lesson need not wait.)
func TestAHealthcheckTurnsHealthyAndUnhealthyWhenTheServiceBreaks(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	for _, service := range example.Services {
		t.Run(service.Name, func(t *testing.T) {
			place := example.NewPlace(t, engine, service)
			tag := service.Build(t, engine, service.Last)
			without := service.Build(t, engine, service.Last-1)

			course.Say(t, "What the image says: a check every 10 seconds, and for the first minute, until one succeeds, every second:")
			times := regexp.MustCompile(`"(Interval|Timeout|StartPeriod|StartInterval)": \d+`) // in nanoseconds
			told := func(result course.Result) []string { return times.FindAllString(result.Stdout, -1) }
			// Without --format: with it, a docker command of version 24 leaves out what it doesn't know, such as the last one.
			says := engine.Showing(func(result course.Result) string { return strings.Join(told(result), "\n") }).
				Docker(t, "image", "inspect", tag)
			assert.Subset(t, told(says), []string{`"Interval": 10000000000`, `"Timeout": 3000000000`,
				`"StartPeriod": 60000000000`, `"StartInterval": 1000000000`})

			container := place.Run(t, tag, "--health-interval", "1s", "--health-retries", "2")
			events := engine.DockerInBackground(t, "events", "--since", "0", "--format", "{{.Action}}",
				"--filter", "container="+container, "--filter", "event=health_status")
			events.WaitForOutput(t, "health_status: healthy")
			if service.Name == example.Client.Name {
				course.Say(t, "nginx stands still:")
				engine.Docker(t, "exec", container, "sh", "-c", "kill -STOP -1")
			} else {
				course.Say(t, "The database goes away:")
				engine.Docker(t, "kill", place.Network+"-db")
			}
			events.WaitForOutput(t, "health_status: unhealthy")
			course.Show(t, events.Output())
			status := engine.Docker(t, "ps", "--filter", "name="+container, "--format", "{{.Status}}")
			assert.Contains(t, status.Stdout, "(unhealthy)")

			course.Say(t, "A container of the step before says nothing about its health:")
			silent := place.Run(t, without)
			status = engine.Docker(t, "ps", "--filter", "name="+silent, "--format", "{{.Status}}")
			assert.Contains(t, status.Stdout, "Up")
			assert.NotContains(t, status.Stdout, "health")
		})
	}
}
