package module09

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// What an attacker brings along has to be put somewhere. --read-only leaves no place for it: nothing in the container
// can be created or changed, not even by root.
func TestAReadOnlyRootLeavesAnAttackersToolsNoPlace(t *testing.T) {
	const attack = "cp /bin/busybox /usr/ && /usr/busybox echo the tool runs"
	assert.Equal(t, "the tool runs\n", course.Docker(t, "run", "--rm", course.Ref(t, image.Busybox), "sh", "-c", attack).Stdout)

	refused := course.DockerFails(t, "run", "--rm", "--read-only", course.Ref(t, image.Busybox), "sh", "-c", attack)
	assert.Contains(t, refused.Stderr, "Read-only file system")
}

// Most programs need to write a little: a lock, a cache, an upload. They get a tmpfs for just that directory, which is
// memory and empty after each start. --tmpfs also forbids to execute what lies there, so that the one place where an
// attacker can still put a tool is of no use for it.
func TestATmpfsTakesAProgramsFilesAndRunsNoTools(t *testing.T) {
	const work = "echo working > /tmp/lock && cat /tmp/lock"
	const attack = "cp /bin/busybox /tmp/ && /tmp/busybox echo the tool runs"
	run := func(line string, flags ...string) []string {
		return append(append([]string{"run", "--rm", "--read-only"}, flags...), course.Ref(t, image.Busybox), "sh", "-c", line)
	}
	stuck := course.DockerFails(t, run(work)...)
	assert.Contains(t, stuck.Stderr, "Read-only file system", "without a place to write the program can't work")

	assert.Equal(t, "working\n", course.Docker(t, run(work, "--tmpfs", "/tmp")...).Stdout)
	refused := course.DockerFails(t, run(attack, "--tmpfs", "/tmp")...)
	assert.Contains(t, refused.Stderr, "Permission denied")

	course.Say(t, "Where executing is allowed, the tool runs:")
	assert.Equal(t, "the tool runs\n", course.Docker(t, run(attack, "--tmpfs", "/tmp:exec")...).Stdout)
}
