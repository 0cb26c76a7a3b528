package module06

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/buildkit"
	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
	"docker-proven/internal/saved"
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

	stopped := base + "RUN <<EOF\nset -e\nfalse\necho too late > /greeting\nEOF\n"
	engine.Showing(example.Progress).DockerStdinFails(t, stopped, "build", "--progress", "plain", "-")
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
		tag := course.Unique(t, "secret:")
		course.WriteHostFile(t, filepath.Join(context, "Dockerfile"), "FROM "+busybox+"\n"+instructions)
		line := append([]string{"build", "--progress", "plain", "--tag", tag}, flags...)
		engine.Showing(example.Progress).Docker(t, append(line, context)...)
		proof := engine.Docker(t, "run", "--rm", tag, "cat", "/length")
		require.Equal(t, fmt.Sprintln(len(token)), proof.Stdout, "the build should have had the secret")
		archive := filepath.Join(course.HostDirectory(t), "image.tar")
		engine.Docker(t, "save", "--output", archive, tag)
		image, err := saved.Open(archive)
		require.NoError(t, err)
		places, err := image.Search(token)
		require.NoError(t, err)
		course.Say(t, "Looked for it in all files of all layers, in the history and in the configuration. Found it in %d "+
			"places: %s", len(places), strings.Join(places, "; "))
		return places
	}
	secret := found("RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length\n",
		"--secret", "id=token,src="+filepath.Join(context, "token"))
	assert.Empty(t, secret, "a build secret should be in no layer, no history and no configuration")

	argument := found("ARG TOKEN\nRUN printf %s \"$TOKEN\" | wc -c > /length\n", "--build-arg", "TOKEN="+token)
	assert.NotEmpty(t, argument, "given as ARG it is in the history")

	copied := found("COPY token /token\nRUN wc -c < /token > /length && rm /token\n")
	assert.NotEmpty(t, copied, "copied in and deleted it is in a layer")
}

// ENTRYPOINT is the program that the image is for, CMD what it is told unless docker run is told otherwise: words after
// the image's name take CMD's place. In exec form, a list of words, the program is run as it is; in shell form, a line,
// a shell runs it, and as ENTRYPOINT that shell ignores all other words. Here is the whole table.
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
	table := []struct{ entrypoint, cmd, alone, withWords string }{
		//                      docker run IMAGE                      docker run IMAGE show words
		{none, none, nothing, "[show] [words]"},
		{none, cmdExec, "[show] [cmd]", "[show] [words]"},
		{none, cmdShell, "[show] [cmd]", "[show] [words]"},
		{entryExec, none, "[show] [entry]", "[show] [entry] [show] [words]"},
		{entryExec, cmdExec, "[show] [entry] [show] [cmd]", "[show] [entry] [show] [words]"},
		{entryExec, cmdShell, "[show] [entry] [/bin/sh] [-c] [show cmd]", "[show] [entry] [show] [words]"},
		{entryShell, none, "[show] [entry]", "[show] [entry]"},
		{entryShell, cmdExec, "[show] [entry]", "[show] [entry]"},
		{entryShell, cmdShell, "[show] [entry]", "[show] [entry]"},
	}
	// The program shows the words it was started with; and the base's own command is taken back.
	const show = `#!/bin/sh\nprintf "[show]"; for word; do printf " [%%s]" "$word"; done; echo\n`
	base := course.Unique(t, "show:")
	engine.DockerStdin(t, "FROM "+engine.Ref(t, image.Busybox)+"\nCMD []\n"+
		"RUN printf '"+show+"' > /bin/show && chmod +x /bin/show\n", "build", "--quiet", "--tag", base, "-")
	// An engine that is short of time has been known to lose what a brief container prints, so it may be asked again.
	prints := func(pattern, tag string, words ...string) {
		engine.DockerUntil(t, pattern, append([]string{"run", "--rm", tag}, words...)...)
	}
	for _, row := range table {
		tag := course.Unique(t, "row:")
		lines := "FROM " + base + "\n"
		for _, line := range []string{row.entrypoint, row.cmd} {
			if line != none {
				lines += line + "\n"
			}
		}
		engine.DockerStdin(t, lines, "build", "--quiet", "--tag", tag, "-")
		prints(regexp.QuoteMeta(row.alone)+`\n`, tag)
		prints("^"+regexp.QuoteMeta(row.withWords)+`\n$`, tag, "show", "words")
	}
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
	assert.False(t, others)
}

// HEALTHCHECK is a command that Docker runs in the container every now and then. While it succeeds the container is
// healthy; when it has failed a few times in a row, unhealthy. Docker does nothing about it by itself; but docker ps
// shows it, and others wait for it. (Here the check is made every second, so that the lesson need not wait.)
func TestAHealthcheckTurnsHealthyAndUnhealthyWhenTheServiceBreaks(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	place := example.NewPlace(t, engine, example.APIGolang)
	tag := example.APIGolang.Build(t, engine, example.APIGolang.Last)
	without := example.APIGolang.Build(t, engine, example.APIGolang.Last-1)

	container := place.Run(t, tag, "--health-interval", "1s", "--health-retries", "2")
	events := engine.DockerInBackground(t, "events", "--since", "0", "--format", "{{.Action}}",
		"--filter", "container="+container, "--filter", "event=health_status")
	events.WaitForOutput(t, "health_status: healthy")
	course.Say(t, "The database goes away:")
	engine.Docker(t, "kill", place.Network+"-db")
	events.WaitForOutput(t, "health_status: unhealthy")
	course.Show(t, events.Output())
	status := engine.Docker(t, "ps", "--filter", "name="+container, "--format", "{{.Status}}")
	assert.Contains(t, status.Stdout, "(unhealthy)")

	course.Say(t, "A container of the step before says nothing about its health:")
	silent := place.Run(t, without)
	status = engine.Docker(t, "ps", "--filter", "name="+silent, "--format", "{{.Status}}")
	assert.Contains(t, status.Stdout, "Up")
	assert.NotContains(t, status.Stdout, "health")
}
