package module09

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// What an attacker brings along has to be put somewhere. --read-only leaves no place for it among the image's files: nothing
// there can be created or changed, not even by root. What remains is /dev, which is a tmpfs that each container has: root may
// write there, and run what it wrote. So --read-only goes with --user: an ordinary user finds /dev/shm alone, where no
// program is executed. And volumes remain, also those that an image declares: the flag isn't about them. Who has to write
// there may run what he wrote; one who only reads gets them with :ro.
func TestAReadOnlyRootLeavesAnAttackersToolsNoPlace(t *testing.T) {
	const attack = "cp /bin/busybox /usr/ && /usr/busybox echo the tool runs"
	assert.Equal(t, "the tool runs\n", course.Docker(t, "run", "--rm", course.Ref(t, image.Busybox), "sh", "-c", attack).Stdout)

	refused := course.DockerFails(t, "run", "--rm", "--read-only", course.Ref(t, image.Busybox), "sh", "-c", attack)
	assert.Contains(t, refused.Stderr, "Read-only file system")

	course.Say(t, "In /dev, root has a place. An ordinary user hasn't:")
	device := func(place string, flags ...string) []string {
		line := append([]string{"run", "--rm", "--read-only"}, flags...)
		return append(line, course.Ref(t, image.Busybox), "sh", "-c", "cp /bin/busybox "+place+" && "+place+"/busybox echo the tool runs")
	}
	assert.Equal(t, "the tool runs\n", course.Docker(t, device("/dev")...).Stdout)
	asUser := course.DockerFails(t, device("/dev", "--user", "1000")...)
	assert.Contains(t, asUser.Stderr, "can't create '/dev/busybox': Permission denied")
	inShm := course.DockerFails(t, device("/dev/shm", "--user", "1000")...)
	assert.Contains(t, inShm.Stderr, "sh: /dev/shm/busybox: Permission denied", "written, and not executed")

	course.Say(t, "On a volume, the tool runs, unless that is read-only, too:")
	data := course.NewVolume(t, "data")
	assert.Equal(t, "the tool runs\n", course.Docker(t, device("/data", "--volume", data+":/data")...).Stdout)
	readOnly := course.DockerFails(t, device("/data", "--volume", data+":/data:ro")...)
	assert.Contains(t, readOnly.Stderr, "Read-only file system")
}

// Most programs need to write a little: a lock, a cache, an upload. They get a tmpfs for just that directory, which is
// memory and empty after each start. --tmpfs also forbids to execute what lies there, so that a program which an attacker
// puts there doesn't run. A script does, where the image has a program that reads it, such as a shell: that one is executed,
// and not the script.
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

	course.Say(t, "A script is only read, by a shell that lies elsewhere:")
	const script = "echo 'echo the script runs' > /tmp/script; sh /tmp/script"
	assert.Equal(t, "the script runs\n", course.Docker(t, run(script, "--tmpfs", "/tmp")...).Stdout)

	course.Say(t, "Where executing is allowed, the tool runs:")
	assert.Equal(t, "the tool runs\n", course.Docker(t, run(attack, "--tmpfs", "/tmp:exec")...).Stdout)
}
