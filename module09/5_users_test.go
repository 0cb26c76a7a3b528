package module09

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Unless told otherwise, a container's process is root: number 0, and where the engine is root, too, and maps no users, the
// same number as root on the machine. So somebody who breaks into it may overwrite the program, read every file, and write into
// every volume. As an ordinary user, with USER in the Dockerfile or --user, the same attack is refused at every step.
func TestAsRootAnAttackerChangesTheProgramAndAsAUserNothing(t *testing.T) {
	data := course.NewVolume(t, "data")
	app := course.BuildQuietly(t, "app", "FROM "+course.Ref(t, image.Busybox)+`
RUN mkdir /app && printf '#!/bin/sh\necho hello\n' > /app/serve && chmod 755 /app/serve
`)
	course.Docker(t, "run", "--rm", "--volume", data+":/data", app, "sh", "-c", "echo salaries > /data/private; chmod 600 /data/private")
	attacks := []string{
		"echo 'echo your password, please' >> /app/serve",
		"cat /data/private",
		"echo nothing > /data/private",
		"cp /bin/busybox /bin/backdoor",
	}
	root := course.RunBuilt(t, app, course.Volume(data, "/data"))
	for _, attack := range attacks[:2] {
		root.Exec(t, attack)
	}
	assert.Equal(t, "hello\nyour password, please\n", root.Exec(t, "/app/serve").Stdout)
	for _, attack := range attacks[2:] {
		root.Exec(t, attack)
	}

	course.Say(t, "The same as an ordinary user:")
	user := course.RunBuilt(t, app, course.Volume(data, "/data"), course.User("1000:1000"))
	for _, attack := range attacks {
		refused := user.ExecFails(t, attack)
		assert.Contains(t, refused.Stderr, "Permission denied")
	}
	assert.Equal(t, "hello\n", user.Exec(t, "/app/serve").Stdout, "what the program needs, it can still do")
}

// A setuid program runs as its owner, whoever starts it; that is how an ordinary user may change his password. One that
// belongs to root and can be talked into more is a way back to root. no-new-privileges closes it for all of them: what
// a process starts has no more rights than itself. To drop all capabilities (see below) is not enough for this: root
// without any of them still owns root's files.
func TestNoNewPrivilegesDefeatsASetuidProgram(t *testing.T) {
	app := course.BuildQuietly(t, "app", "FROM "+course.Ref(t, image.Debian)+`
RUN echo 'for root only' > /secret && chmod 600 /secret \
 && cp /bin/cat /usr/local/bin/show && chmod 4755 /usr/local/bin/show
USER nobody
`)
	refused := course.DockerFails(t, "run", "--rm", app, "cat", "/secret")
	assert.Contains(t, refused.Stderr, "Permission denied", "nobody may not read it")
	attack := []string{app, "show", "/secret"}
	run := func(flags ...string) []string { return append(append([]string{"run", "--rm"}, flags...), attack...) }

	course.Say(t, "With the setuid program somebody may:")
	assert.Equal(t, "for root only\n", course.Docker(t, run()...).Stdout)
	powerless := course.Docker(t, append(run("--cap-drop", "ALL"), "/proc/self/status")...).Stdout
	assert.Contains(t, powerless, "for root only\n")
	assert.Regexp(t, `(?m)^CapEff:\s+0+$`, powerless, "no capability should be left")

	defeated := course.DockerFails(t, run("--security-opt", "no-new-privileges")...)
	assert.Contains(t, defeated.Stderr, "Permission denied")
}
