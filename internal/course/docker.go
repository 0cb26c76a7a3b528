package course

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"docker-proven/internal/group"
	"docker-proven/internal/image"
	"docker-proven/internal/shell"
)

// A CLI is the docker command in certain surroundings: pointed at an engine, with a configuration, in a directory. The
// zero value has the learner's own surroundings, in the module's directory.
type CLI struct {
	environment []string // variables besides the learner's own, "NAME=value"
	told        []string // those of them that the learner sees in front of the command
	directory   string   // empty for the module's
	engine      string   // the name of a throwaway engine; empty for the learner's
	container   string   // the one that the throwaway engine runs in
	alias       []string // words that the learner has a shorter word for, which is the last of them

	forAll bool // for what all lessons use that share an engine

	showing func(Result) string // nil for the telling lines of the output
	toFail  bool                // the lesson expects it to
}

// With is the command with an environment variable of its own, "NAME=value".
func (c CLI) With(variable string) CLI {
	c.environment = append(slices.Clip(c.environment), variable)
	c.told = append(slices.Clip(c.told), variable)
	return c
}

// In is the command run in a directory.
func (c CLI) In(directory string) CLI {
	c.directory = directory
	return c
}

// Showing is the command of whose output the learner sees what show makes of it.
func (c CLI) Showing(show func(Result) string) CLI {
	c.showing = show
	return c
}

// Alias is the command for which the learner has a shorter word when it begins with these words: the last of them, which is
// a program in a container.
func (c CLI) Alias(t *testing.T, words ...string) CLI {
	t.Helper()
	lessonOf(t).write("$ alias " + words[len(words)-1] + "=" + shell.Quote([]string{strings.Join(words, " ")}) + "\n")
	c.alias = words
	return c
}

// Docker runs the docker command itself, for lessons that are about the command, and fails the test if it
// fails. Not shown to the learner are the labels by which the course finds again what was made.
func (c CLI) Docker(t *testing.T, arguments ...string) Result {
	t.Helper()
	return c.succeed(t, input{}, "docker", arguments...)
}

// DockerStdin is Docker with text on its standard input.
func (c CLI) DockerStdin(t *testing.T, stdin string, arguments ...string) Result {
	t.Helper()
	return c.succeed(t, input{text: stdin}, "docker", arguments...)
}

// DockerStdinFails is DockerStdin for a command that the lesson expects to fail.
func (c CLI) DockerStdinFails(t *testing.T, stdin string, arguments ...string) Result {
	t.Helper()
	return c.fail(t, input{text: stdin}, "docker", arguments...)
}

// DockerTyped is Docker with lines typed into it as at a keyboard: the command ends when it has been told to.
func (c CLI) DockerTyped(t *testing.T, lines string, arguments ...string) Result {
	t.Helper()
	return c.succeed(t, input{text: lines, typed: true}, "docker", arguments...)
}

// DockerFails is Docker for a command that the lesson expects to fail.
func (c CLI) DockerFails(t *testing.T, arguments ...string) Result {
	t.Helper()
	return c.fail(t, input{}, "docker", arguments...)
}

// DockerTries is Docker for a command that may do either.
func (c CLI) DockerTries(t *testing.T, arguments ...string) Result {
	t.Helper()
	return c.execute(t, input{}, "docker", arguments)
}

// Program runs another program of this machine, and fails the test if it fails.
func (c CLI) Program(t *testing.T, program string, arguments ...string) Result {
	t.Helper()
	return c.succeed(t, input{}, program, arguments...)
}

// ProgramFails is Program for one that the lesson expects to fail.
func (c CLI) ProgramFails(t *testing.T, program string, arguments ...string) Result {
	t.Helper()
	return c.fail(t, input{}, program, arguments...)
}

// Script runs a script of the host's POSIX shell, which ends at the first command that fails, and fails the test if it
// fails. Where there is no such shell (Windows without one), the test is skipped with that reason.
func (c CLI) Script(t *testing.T, script string) Result {
	t.Helper()
	needsShell(t)
	return c.succeed(t, input{text: script}, "sh", "-e", "-s")
}

// ScriptFails is Script for a script that the lesson expects to fail.
func (c CLI) ScriptFails(t *testing.T, script string) Result {
	t.Helper()
	needsShell(t)
	return c.fail(t, input{text: script}, "sh", "-e", "-s")
}

// ScriptTries is Script for a script that may do either.
func (c CLI) ScriptTries(t *testing.T, script string) Result {
	t.Helper()
	needsShell(t)
	return c.execute(t, input{text: script}, "sh", []string{"-e", "-s"})
}

func needsShell(t *testing.T) {
	t.Helper()
	lessonOf(t)
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("not provable here: this machine has no POSIX shell (sh)")
	}
}

// The words that follow are those of the docker command in the learner's own surroundings.

// Docker is CLI.Docker.
func Docker(t *testing.T, arguments ...string) Result {
	t.Helper()
	return CLI{}.Docker(t, arguments...)
}

// DockerStdin is CLI.DockerStdin.
func DockerStdin(t *testing.T, stdin string, arguments ...string) Result {
	t.Helper()
	return CLI{}.DockerStdin(t, stdin, arguments...)
}

// DockerTyped is CLI.DockerTyped.
func DockerTyped(t *testing.T, lines string, arguments ...string) Result {
	t.Helper()
	return CLI{}.DockerTyped(t, lines, arguments...)
}

// DockerFails is CLI.DockerFails.
func DockerFails(t *testing.T, arguments ...string) Result {
	t.Helper()
	return CLI{}.DockerFails(t, arguments...)
}

// DockerTries is CLI.DockerTries.
func DockerTries(t *testing.T, arguments ...string) Result {
	t.Helper()
	return CLI{}.DockerTries(t, arguments...)
}

// Script is CLI.Script in a directory.
func Script(t *testing.T, directory, script string) Result {
	t.Helper()
	return CLI{}.In(directory).Script(t, script)
}

// ScriptFails is CLI.ScriptFails in a directory.
func ScriptFails(t *testing.T, directory, script string) Result {
	t.Helper()
	return CLI{}.In(directory).ScriptFails(t, script)
}

// Once runs a container in the foreground and removes it when it ends (`docker run --rm`). It fails the test
// unless the container's exit status is 0.
func Once(t *testing.T, i image.Image, options ...Option) Result {
	t.Helper()
	stdin, line := once(t, i, options)
	return CLI{}.succeed(t, input{text: stdin}, "docker", line...)
}

// OnceFails is Once for a container that the lesson expects to fail.
func OnceFails(t *testing.T, i image.Image, options ...Option) Result {
	t.Helper()
	stdin, line := once(t, i, options)
	return CLI{}.fail(t, input{text: stdin}, "docker", line...)
}

func once(t *testing.T, i image.Image, options []Option) (stdin string, line []string) {
	t.Helper()
	ref := lessonOf(t).obtain(i)
	r := requestFor(append([]Option{Rm()}, options...))
	return r.stdin, slices.Concat([]string{"run"}, r.flags, []string{ref}, r.command)
}

// input is what a command reads: a file's worth of text that ends, or lines typed at a keyboard, which never ends.
type input struct {
	text  string
	typed bool
}

func (i input) feed(command *exec.Cmd) error {
	if !i.typed {
		command.Stdin = strings.NewReader(i.text)
		return nil
	}
	keyboard, err := command.StdinPipe() // closed when the command has ended
	if err == nil {
		go io.WriteString(keyboard, i.text)
	}
	return err
}

func (c CLI) succeed(t *testing.T, stdin input, program string, arguments ...string) Result {
	t.Helper()
	result := c.execute(t, stdin, program, arguments)
	if result.ExitCode != 0 {
		line := shell.Quote(append([]string{program}, arguments...))
		t.Fatal(lessonOf(t).masked(fmt.Sprintf("%s should have succeeded, but its exit status is %d%s: %s",
			line, result.ExitCode, meaning(result.ExitCode), result.Output())))
	}
	return result
}

func (c CLI) fail(t *testing.T, stdin input, program string, arguments ...string) Result {
	t.Helper()
	c.toFail = true
	result := c.execute(t, stdin, program, arguments)
	if result.ExitCode == 0 {
		line := shell.Quote(append([]string{program}, arguments...))
		t.Fatal(lessonOf(t).masked(fmt.Sprintf("%s should have failed, but it succeeded: %s", line, result.Output())))
	}
	return result
}

// execute tells the learner a command, runs it to its end, and tells what came out.
func (c CLI) execute(t *testing.T, stdin input, program string, arguments []string) Result {
	t.Helper()
	l := lessonOf(t)
	shown := c.shown(program, arguments)
	switch text := strings.TrimSuffix(stdin.text, "\n"); {
	case text == "":
		l.write(c.prompt() + shown + "\n")
	case stdin.typed:
		l.write(c.prompt() + shown + "\n" + indent(text, "< "))
	case program == "sh":
		l.write(indent(text, c.prompt()))
	case !strings.Contains(text, "\n"):
		l.write(c.prompt() + "echo " + shell.Quote([]string{text}) + " | " + shown + "\n")
	default:
		l.write(c.prompt() + shown + heredoc(text))
	}

	limit := patienceFor(arguments)
	if strings.Contains(stdin.text, "docker build") || fetches.MatchString(stdin.text) || program == "go" {
		limit = longPatience
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for lost := 0; ; {
		began := time.Now()
		result := c.perform(ctx, t, stdin, program, arguments, limit)
		switch {
		case program == "docker" && tooBusy(result):
		case program == "docker" && lost < oftenEnough && c.lostOutput(ctx, arguments, result, began):
			lost++
		default:
			return result
		}
		l.write(onceMore)
	}
}

const (
	onceMore    = "  (the machine was too busy for that, so once more:)\n" // is said before a command is performed again
	oftenEnough = 2                                                        // times, when it is its output that is lost
)

// perform runs a command that the learner has been told, to its end, and tells what came out.
func (c CLI) perform(ctx context.Context, t *testing.T, stdin input, program string, arguments []string, limit time.Duration) Result {
	t.Helper()
	l, shown := lessonOf(t), c.shown(program, arguments)
	command := c.command(ctx, l, program, arguments)
	if err := stdin.feed(command); err != nil {
		t.Fatalf("%s: %v", shown, err)
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	var err error
	if slices.Contains(arguments, "build") {
		err = runWhileThisProcessDoes(command)
	} else {
		err = command.Run()
	}
	var exit *exec.ExitError
	if ctx.Err() != nil {
		t.Fatal(l.masked(fmt.Sprintf("%s should have ended, but was still running after %v; it had printed:\n%s%s",
			shown, limit, &stdout, &stderr)))
	}
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", shown, err)
	}
	result := outcome(command, &stdout, &stderr)
	result.expected = c.toFail && !tooBusy(result)
	c.show(l, result)
	return result
}

// runWhileThisProcessDoes runs a build, which would go on when this process is killed, and leave an image after the reaper has
// gone. (With --quiet it doesn't even notice that nobody reads what it prints.)
func runWhileThisProcessDoes(build *exec.Cmd) error {
	group.Own(build)
	if err := build.Start(); err != nil {
		return err
	}
	_, never := group.KillAfterwards(build)
	defer never()
	return build.Wait()
}

// show writes a result, or what Showing makes of it.
func (c CLI) show(l *lesson, result Result) {
	if c.showing == nil {
		l.result(result)
	} else if shown := c.showing(result); shown != "" {
		l.write(indent(shown, "    "))
	}
}

// tooBusy is whether a docker command failed because the machine took its time, and for no other reason.
//
// With control groups of version 1, runc gives up a docker pause when the processes of a container are not all frozen after a
// thousand tries, which take it 200 milliseconds, as while a program waits for a busy disk; it thaws them then. See
// https://github.com/opencontainers/cgroups/blob/main/fs/freezer.go.
//
// The program that a Dockerfile's syntax line names runs in a container, from which BuildKit wants to hear within ten seconds:
// that is how long golang.org/x/net/http2 waits for the first bytes of a connection. See https://github.com/moby/buildkit/issues/991.
func tooBusy(r Result) bool {
	return r.ExitCode != 0 && (theEngine.CgroupVersion == "1" && strings.Contains(r.Stderr, "unable to freeze") ||
		strings.Contains(r.Stderr, FrontendWasLate))
}

// FrontendWasLate is what a build in the background says that failed for this reason: its lesson performs it once more.
const FrontendWasLate = "frontend grpc server closed unexpectedly"

// lostOutput is whether a throwaway engine says that it has lost what a container printed that was run in the foreground and is
// gone.
//
// dockerd reads it from FIFOs, each of which a thread opens and then hands on. When the container has ended, containerd's client
// closes those that haven't been handed on yet: on a busy machine a thread gets no processor for some tens of milliseconds, and
// that is how long a brief container lives. The docker command is told of no error. See Delete in
// https://github.com/containerd/containerd/blob/main/client/task.go and https://github.com/containerd/fifo/blob/main/fifo.go.
func (c CLI) lostOutput(ctx context.Context, arguments []string, r Result, since time.Time) bool {
	ran := slices.Contains(arguments, "run") && slices.Contains(arguments, "--rm") // docker run, docker compose run
	neverBegan := r.ExitCode >= 125 && r.ExitCode <= 127                           // for which dockerd says the same
	if c.container == "" || r.Stdout != "" || !ran || neverBegan {
		return false
	}
	said, err := logs(ctx, c.container, client.ContainerLogsOptions{Since: since.Format(time.RFC3339Nano)})
	return err == nil && strings.Contains(said, "reading from a closed fifo")
}

// outcome is what came of a command that has ended. The Compose of Docker 26 writes the sign that clears a terminal's line
// before each line of a log, also where there is no terminal: it is left out.
func outcome(command *exec.Cmd, stdout, stderr *bytes.Buffer) Result {
	const clearLine = "\x1b[2K"
	return Result{ExitCode: command.ProcessState.ExitCode(),
		Stdout: strings.ReplaceAll(stdout.String(), clearLine, ""), Stderr: stderr.String()}
}

func (c CLI) command(ctx context.Context, l *lesson, program string, arguments []string) *exec.Cmd {
	if c.engine == "" && program == "docker" { // what is made on a throwaway engine goes with it
		arguments = l.labelled(arguments)
	} else if program == "docker" && !c.forAll {
		arguments = l.named(arguments)
	}
	command := exec.CommandContext(ctx, program, arguments...)
	command.WaitDelay = lingers
	command.Dir = c.directory
	command.Env = os.Environ()
	if directory, err := hostDirectories(); err == nil && runtime.GOOS == "linux" {
		// A docker build that is killed leaves files where temporary ones are. (Elsewhere docker has sockets there, too, and
		// their paths must be short.)
		command.Env = append(command.Env, "TMPDIR="+directory)
	}
	command.Env = append(command.Env, c.environment...)
	if !c.forAll {
		command.Env = append(command.Env, l.headers()...)
	}
	if program == "sh" {
		// The shells of Windows would take a container's path for one of theirs: /work for C:/Program Files/Git/work.
		command.Env = append(command.Env, "MSYS_NO_PATHCONV=1", "MSYS2_ARG_CONV_EXCL=*")
		if c.engine == "" {
			command.Env = append(command.Env, "PATH="+l.labellingDirectory()+string(os.PathListSeparator)+path(command.Env))
		}
	}
	return command
}

// lingers is how long the plugin of a docker command may print when the command itself has been killed: older ones leave it alone,
// and some plugins, such as compose events, never end then.
const lingers = 5 * time.Second

// path is the last PATH of an environment, which is the one that counts. (On Windows it may be called Path.)
func path(environment []string) (path string) {
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if name == "PATH" || runtime.GOOS == "windows" && strings.EqualFold(name, "PATH") {
			path = value
		}
	}
	return path
}

// labellingDirectory has a program docker in it for the lesson's scripts, which adds the lesson's labels and hands on to
// the docker command.
func (l *lesson) labellingDirectory() string {
	l.t.Helper()
	if l.labelling != "" {
		return l.labelling
	}
	docker, err := exec.LookPath("docker")
	if err != nil {
		l.t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("#!/bin/sh\ncase \"$1 $2\" in\n")
	for _, maker := range makers {
		pattern := shell.Quote([]string{strings.Join(maker, " ")})
		if len(maker) == 1 {
			pattern = maker[0] + "' '*"
		}
		labelled := append([]string{"exec", filepath.ToSlash(docker)}, l.labelled(maker)...)
		fmt.Fprintf(&script, "%s) shift %d; %s \"$@\" ;;\n", pattern, len(maker), shell.Quote(labelled))
	}
	fmt.Fprintf(&script, "esac\nexec %s \"$@\"\n", shell.Quote([]string{filepath.ToSlash(docker)}))
	directory := HostDirectory(l.t)
	if err := os.WriteFile(filepath.Join(directory, "docker"), []byte(script.String()), 0o755); err != nil {
		l.t.Fatal(err)
	}
	l.labelling = directory
	return directory
}

// shown is the command as the learner would type it.
func (c CLI) shown(program string, arguments []string) string {
	words := append([]string{program}, arguments...)
	if n := len(c.alias); n > 0 && len(words) >= n && slices.Equal(words[:n], c.alias) {
		words = words[n-1:]
	}
	return shell.Quote(append(slices.Clip(c.told), words...))
}

// prompt is what a shell prints before a command: which engine it is for and where it is run, unless both are the
// learner's own.
func (c CLI) prompt() string {
	words := c.engine
	if c.directory != "" {
		words = strings.TrimSpace(words + " " + filepath.Base(c.directory))
	}
	return strings.TrimSpace(words+" $") + " "
}

// Commands that make something, and can label it.
var makers = [][]string{{"run"}, {"create"}, {"build"}, {"volume", "create"}, {"network", "create"}}

// labelled adds the lesson's labels to a docker command that makes something.
func (l *lesson) labelled(arguments []string) []string {
	return withFlags(arguments, makers, flagsFor(l.labels())...)
}

// flagsFor are the flags of a docker command that makes something with these labels.
func flagsFor(labels map[string]string) (flags []string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		flags = append(flags, "--label", key+"="+labels[key])
	}
	return flags
}

// withFlags adds flags to a docker command if it is one of these.
func withFlags(arguments []string, commands [][]string, flags ...string) []string {
	for _, command := range commands {
		if n := len(command); len(arguments) >= n && slices.Equal(arguments[:n], command) {
			return slices.Concat(command, flags, arguments[n:])
		}
	}
	return arguments
}
