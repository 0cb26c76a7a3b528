package course

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"docker-proven/internal/group"
	"docker-proven/internal/shell"
)

// A Session is a POSIX shell of the host into which commands are typed one after the other: it remembers directories,
// variables and functions.
type Session struct {
	t        *testing.T
	cli      CLI
	keyboard io.Writer
	screen   *bufio.Reader
	command  string // the file in which it reads the command
}

// Session starts a shell. It ends with the test. Where there is no such shell (Windows without one), the test is skipped
// with that reason.
func (c CLI) Session(t *testing.T) *Session {
	t.Helper()
	needsShell(t)
	process := c.command(context.Background(), lessonOf(t), "sh", nil)
	group.Own(process)
	keyboard, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	screen, screenWriter, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	process.Stdout, process.Stderr = screenWriter, screenWriter // one file, so that what is written to both keeps its order
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	screenWriter.Close()
	// What is typed may wait for a container in a loop, and would wait for ever when this process is gone.
	kill, _ := group.KillAfterwards(process)
	t.Cleanup(func() {
		kill()
		process.Process.Kill() // where there are no process groups
		process.Wait()
		screen.Close()
	})
	return &Session{t: t, cli: c, keyboard: keyboard, screen: bufio.NewReader(screen),
		command: filepath.Join(HostDirectory(t), "command")}
}

// ended is what the shell writes behind the output of a command, and nobody else does.
const ended = '\x04'

// Type has the shell perform a command, which may be several lines, and returns what it wrote.
func (s *Session) Type(command string) (output string) {
	s.t.Helper()
	l := lessonOf(s.t)
	l.write(s.cli.prompt() + command + "\n")
	for lost := 0; ; lost++ {
		began := time.Now()
		output = s.perform(command)
		if lost == oftenEnough || !s.cli.lostOutput(s.t.Context(), strings.Fields(command), Result{Stdout: output}, began) {
			return output
		}
		l.write(onceMore)
	}
}

// perform has the shell perform a command that the learner has been told.
func (s *Session) perform(command string) (output string) {
	s.t.Helper()
	if err := os.WriteFile(s.command, []byte(command+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	// The command's own input is empty, and not what is typed after it.
	fmt.Fprintf(s.keyboard, ". %s < /dev/null; printf '\\004'\n", shell.Quote([]string{s.command}))
	type reading struct {
		text string
		err  error
	}
	read := make(chan reading, 1)
	go func() {
		text, err := s.screen.ReadString(ended)
		read <- reading{strings.TrimSuffix(text, string(ended)), err}
	}()
	select {
	case r := <-read:
		if r.err != nil {
			s.t.Fatalf("the shell has ended: %v; it wrote:\n%s", r.err, r.text)
		}
		lessonOf(s.t).result(Result{Stdout: r.text})
		return r.text
	case <-time.After(longPatience):
		s.t.Fatalf("%s should have ended, but was still running after %v", command, longPatience)
		return ""
	}
}
