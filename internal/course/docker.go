package course

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"docker-proven/internal/image"
)

// Docker runs the docker command itself, for lessons that are about the command, and fails the test if it
// fails. Not shown to the learner are the labels by which the course finds again what was made.
func Docker(t *testing.T, arguments ...string) Result {
	t.Helper()
	return lessonOf(t).succeed(input{}, "docker", arguments...)
}

// DockerStdin is Docker with text on its standard input.
func DockerStdin(t *testing.T, stdin string, arguments ...string) Result {
	t.Helper()
	return lessonOf(t).succeed(input{text: stdin}, "docker", arguments...)
}

// DockerTyped is Docker with lines typed into it as at a keyboard: the command ends when it has been told to.
func DockerTyped(t *testing.T, lines string, arguments ...string) Result {
	t.Helper()
	return lessonOf(t).succeed(input{text: lines, typed: true}, "docker", arguments...)
}

// DockerFails is Docker for a command that the lesson expects to fail.
func DockerFails(t *testing.T, arguments ...string) Result {
	t.Helper()
	return lessonOf(t).fail(input{}, "docker", arguments...)
}

// DockerTries is Docker for a command that may do either.
func DockerTries(t *testing.T, arguments ...string) Result {
	t.Helper()
	return lessonOf(t).execute(input{}, "docker", arguments)
}

// Once runs a container in the foreground and removes it when it ends (`docker run --rm`). It fails the test
// unless the container's exit status is 0.
func Once(t *testing.T, i image.Image, options ...Option) Result {
	t.Helper()
	stdin, line := once(t, i, options)
	return lessonOf(t).succeed(input{text: stdin}, "docker", line...)
}

// OnceFails is Once for a container that the lesson expects to fail.
func OnceFails(t *testing.T, i image.Image, options ...Option) Result {
	t.Helper()
	stdin, line := once(t, i, options)
	return lessonOf(t).fail(input{text: stdin}, "docker", line...)
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

func (l *lesson) succeed(stdin input, program string, arguments ...string) Result {
	l.t.Helper()
	result := l.execute(stdin, program, arguments)
	if result.ExitCode != 0 {
		l.t.Fatalf("%s should have succeeded, but its exit status is %d: %s",
			shellQuote(append([]string{program}, arguments...)), result.ExitCode, result.Output())
	}
	return result
}

func (l *lesson) fail(stdin input, program string, arguments ...string) Result {
	l.t.Helper()
	result := l.execute(stdin, program, arguments)
	if result.ExitCode == 0 {
		l.t.Fatalf("%s should have failed, but it succeeded: %s",
			shellQuote(append([]string{program}, arguments...)), result.Output())
	}
	return result
}

func (l *lesson) execute(stdin input, program string, arguments []string) Result {
	l.t.Helper()
	shown := append([]string{program}, arguments...)
	switch text := strings.TrimSuffix(stdin.text, "\n"); {
	case text == "":
		l.command(shown...)
	case stdin.typed:
		l.command(shown...)
		l.write(indent(text, "< "))
	case program == "sh":
		l.write(indent(text, "$ "))
	case !strings.Contains(text, "\n"):
		l.write("$ echo " + shellQuote([]string{text}) + " | " + shellQuote(shown) + "\n")
	default:
		l.write("$ " + shellQuote(shown) + " <<'EOF'\n" + text + "\nEOF\n")
	}

	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, program, l.labelled(arguments)...)
	command.Dir = l.directory
	if err := stdin.feed(command); err != nil {
		l.t.Fatalf("%s: %v", shellQuote(shown), err)
	}
	return l.finish(ctx, command, shellQuote(shown))
}

// finish runs a command to its end, and narrates what came out.
func (l *lesson) finish(ctx context.Context, command *exec.Cmd, shown string) Result {
	l.t.Helper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if ctx.Err() != nil {
		l.t.Fatalf("%s should have ended, but was still running after %v; it had printed:\n%s%s",
			shown, patience, &stdout, &stderr)
	}
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatalf("%s: %v", shown, err)
	}
	result := Result{ExitCode: command.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	l.result(result)
	return result
}

// Commands that make something, and can label it.
var makers = [][]string{{"run"}, {"create"}, {"build"}, {"volume", "create"}, {"network", "create"}}

// labelled adds the lesson's labels to a docker command that makes something.
func (l *lesson) labelled(arguments []string) []string {
	for _, maker := range makers {
		if len(arguments) < len(maker) || !slices.Equal(arguments[:len(maker)], maker) {
			continue
		}
		flags := slices.Clone(maker)
		labels := l.labels()
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			flags = append(flags, "--label", key+"="+labels[key])
		}
		return append(flags, arguments[len(maker):]...)
	}
	return arguments
}
