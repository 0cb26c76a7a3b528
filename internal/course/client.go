package course

import (
	"context"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"docker-proven/internal/group"
	"docker-proven/internal/shared"
	"docker-proven/internal/shell"
)

// A Client is a command, usually docker's, that goes on in the background, next to the lesson's other commands.
type Client struct {
	words   []string
	command *exec.Cmd
	ended   chan struct{}
	output  shared.Buffer

	keyboard io.Writer // nil for a command that nobody types into
	read     int       // how much of the output Reads has shown
}

// DockerInBackground is CLI.DockerInBackground in the learner's own surroundings.
func DockerInBackground(t *testing.T, arguments ...string) *Client {
	t.Helper()
	return CLI{}.DockerInBackground(t, arguments...)
}

// DockerInBackground starts a docker command like Docker, and doesn't wait for its end. A command that still runs
// when the test ends is killed then.
func (c CLI) DockerInBackground(t *testing.T, arguments ...string) *Client {
	t.Helper()
	return c.InBackground(t, "docker", arguments...)
}

// DockerAtKeyboard is DockerInBackground for a command that the lesson types into.
func (c CLI) DockerAtKeyboard(t *testing.T, arguments ...string) *Client {
	t.Helper()
	return c.start(t, true, "docker", arguments)
}

// InBackground is DockerInBackground for another program of this machine.
func (c CLI) InBackground(t *testing.T, program string, arguments ...string) *Client {
	t.Helper()
	return c.start(t, false, program, arguments)
}

func (c CLI) start(t *testing.T, typed bool, program string, arguments []string) *Client {
	t.Helper()
	l := lessonOf(t)
	client := &Client{words: append([]string{program}, arguments...), ended: make(chan struct{})}
	client.command = c.command(context.Background(), l, program, arguments)
	client.command.Stdout, client.command.Stderr = &client.output, &client.output
	background := " &"
	if typed {
		var err error
		if client.keyboard, err = client.command.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		background = ""
	}
	l.write(c.prompt() + c.shown(program, arguments) + background + "\n")
	group.Own(client.command)
	if err := client.command.Start(); err != nil {
		t.Fatal(err)
	}
	_, never := group.KillAfterwards(client.command)
	go func() {
		client.command.Wait()
		never()
		close(client.ended)
	}()
	t.Cleanup(func() {
		client.kill()
		<-client.ended
		if unread := client.Output()[client.read:]; t.Failed() && unread != "" {
			l.write("In the background, " + shell.Quote(client.words) + " has written:\n")
			l.result(Result{Stdout: unread})
		}
	})
	return client
}

// Type types a line into a command that DockerAtKeyboard has started.
func (c *Client) Type(t *testing.T, line string) {
	t.Helper()
	lessonOf(t).write("< " + line + "\n")
	if _, err := io.WriteString(c.keyboard, line+"\n"); err != nil {
		t.Fatalf("%s takes no more lines: %v; it wrote:\n%s", shell.Quote(c.words), err, c.Output())
	}
}

// Reads waits until the command has written text since the last time, and shows the learner all that it has written
// since then.
func (c *Client) Reads(t *testing.T, text string) (written string) {
	t.Helper()
	c.waitFor(t, text, c.read)
	written = c.Output()[c.read:]
	c.read += len(written)
	lessonOf(t).write(indent(strings.Trim(written, "\n"), "    "))
	return written
}

// PID is the command's process number on this machine.
func (c *Client) PID() int { return c.command.Process.Pid }

// Output is everything the command has written so far.
func (c *Client) Output() string { return c.output.String() }

// Kill ends the command so that it has no time to do anything about it, and waits until it has ended.
func (c *Client) Kill(t *testing.T) {
	t.Helper()
	Typed(t, "", "kill", "-KILL", "%1")
	if err := c.kill(); err != nil {
		t.Fatal(err)
	}
	c.wait(t)
}

// kill kills the command with what it has started: older docker commands don't tell their plugins, such as compose, to end.
func (c *Client) kill() error {
	if c.Ended() {
		return nil
	}
	return group.Kill(c.command)
}

// Interrupt does what Ctrl-C does at a terminal, and waits until the command has ended, which it may have before. Windows
// has no such signal: there the test is skipped, saying so.
func (c *Client) Interrupt(t *testing.T) {
	t.Helper()
	Typed(t, "", "kill", "-INT", "%1")
	if runtime.GOOS == "windows" {
		t.Skip("not provable here: this system can't interrupt a command")
	}
	if !c.Ended() {
		_ = group.Interrupt(c.command) // it may have ended meanwhile
	}
	c.wait(t)
}

func (c *Client) wait(t *testing.T) {
	t.Helper()
	Eventually(t, shell.Quote(c.words)+" ends", c.Ended)
}

// WaitForOutput waits until the command has written text. A command that ends before that fails the test.
func (c *Client) WaitForOutput(t *testing.T, text string) {
	t.Helper()
	c.waitFor(t, text, 0)
}

// waitFor waits until the command has written text, behind so much of its output.
func (c *Client) waitFor(t *testing.T, text string, behind int) {
	t.Helper()
	Eventually(t, shell.Quote(c.words)+" writes "+text, func() bool {
		ended := c.Ended() // asked first: what it wrote until then is there
		if strings.Contains(c.Output()[behind:], text) {
			return true
		}
		if ended {
			t.Fatalf("%s has ended, and never wrote %q; it wrote:\n%s", shell.Quote(c.words), text, c.Output())
		}
		return false
	})
}

// Ended is whether the command has ended.
func (c *Client) Ended() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// WaitUntilEnded waits until the command has ended by itself, and gives back what came of it.
func (c *Client) WaitUntilEnded(t *testing.T) Result {
	t.Helper()
	c.wait(t)
	return Result{ExitCode: c.command.ProcessState.ExitCode(), Stdout: c.Output()}
}

// Named is a container that a docker command has started under that name, for the words that need only its name.
func Named(name string) *Container { return &Container{Name: name} }
