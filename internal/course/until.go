package course

import (
	"bytes"
	"context"
	"regexp"
	"testing"
)

// DockerUntil is CLI.DockerUntil in the learner's own surroundings.
func DockerUntil(t *testing.T, pattern string, arguments ...string) Result {
	t.Helper()
	return CLI{}.DockerUntil(t, pattern, arguments...)
}

// DockerUntil runs a docker command again and again, until what it prints matches a regular expression. The learner is
// shown the command once, and the output that matched.
func (c CLI) DockerUntil(t *testing.T, pattern string, arguments ...string) Result {
	t.Helper()
	l := lessonOf(t)
	l.write(c.prompt() + c.shown("docker", arguments) + "\n  (again and again, until it prints what is expected)\n")
	expected := regexp.MustCompile(pattern)
	limit := patienceFor(arguments)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var result Result
	defer func() {
		if t.Failed() {
			l.write("It printed at last:\n" + indent(result.Output(), "    "))
		}
	}()
	eventually(t, limit, c.shown("docker", arguments)+" prints "+pattern, func() bool {
		var stdout, stderr bytes.Buffer
		command := c.command(ctx, l, "docker", arguments)
		command.Stdout, command.Stderr = &stdout, &stderr
		_ = command.Run() // a failure prints what is not expected, or is
		if attempt := outcome(command, &stdout, &stderr); ctx.Err() == nil || result.Output() == "" {
			result = attempt // one that was cut off tells less than the one before
		}
		return expected.MatchString(result.Output())
	})
	c.show(l, result)
	return result
}
