package module01

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A container looks like a machine and is none: there is no kernel in an image, and nothing boots. Containers of two
// different distributions report the same kernel release, and the same boot, as everything on one kernel must. The
// kernel draws the boot's id by lot when it starts; the number next to it is drawn anew each time it is read.
func TestContainersOfDifferentDistributionsShareOneKernel(t *testing.T) {
	debian := course.Run(t, image.Debian)
	alpine := course.Run(t, image.Alpine)
	const distribution = "grep PRETTY_NAME /etc/os-release"
	assert.NotEqual(t, debian.Exec(t, distribution).Stdout, alpine.Exec(t, distribution).Stdout,
		"the two should be different distributions")

	course.Say(t, "Different files, and no kernel among them. (Its file would be called vmlinuz or vmlinux.)")
	const kernels = "find / -xdev -name 'vmlinu*'"
	assert.Empty(t, debian.Exec(t, kernels).Stdout+alpine.Exec(t, kernels).Stdout, "there should be no kernel in an image")
	course.Say(t, "And the kernel that each of them runs on?")
	for _, fact := range []struct{ line, same string }{
		{"uname -r", "the kernel's release should be the same"},
		{"grep btime /proc/stat", "the kernel should have booted at the same second"},
		{"cat /proc/sys/kernel/random/boot_id", "it should be the very same boot"},
	} {
		assert.Equal(t, debian.Exec(t, fact.line).Stdout, alpine.Exec(t, fact.line).Stdout, fact.same)
	}
	engine := course.Docker(t, "info", "--format", "{{.KernelVersion}}")
	assert.Equal(t, engine.Stdout, alpine.Exec(t, "uname -r").Stdout, "it is the kernel of the engine's machine")

	course.Say(t, "To see that such a number says something, the one beside it, which is drawn by lot at each reading:")
	const drawn = "cat /proc/sys/kernel/random/uuid"
	assert.NotEqual(t, debian.Exec(t, drawn).Stdout, alpine.Exec(t, drawn).Stdout)
}

// A container lasts as long as its main process, the one that was started with it. When that ends, by itself or
// otherwise, the container has ended, and whatever else ran in it is gone. Other processes may come and go.
func TestWhenTheMainProcessEndsTheContainerHasEnded(t *testing.T) {
	ones, others := fmt.Sprint(1e6+rand.IntN(1e6)), fmt.Sprint(2e6+rand.IntN(1e6)) // seconds that nobody else here sleeps for
	const untilTold = "sleep %s & until [ -e /end ]; do sleep 0.1; done; exit 7"
	ending := course.Run(t, image.Busybox, course.Shell(fmt.Sprintf(untilTold, ones)))
	staying := course.Run(t, image.Busybox, course.Shell(fmt.Sprintf(untilTold, others)))
	status := func(c *course.Container) string {
		format := "{{.State.Status}} with status {{.State.ExitCode}}"
		return course.Docker(t, "inspect", "--format", format, c.Name).Stdout
	}

	course.Say(t, "Both wait for a file named /end, with another process beside them, which is among those of the machine:")
	look := []string{"run", "--rm", "--pid", "host", course.Ref(t, image.Busybox),
		"sh", "-c", `ps -o args | grep -E "^sleep (` + ones + "|" + others + `)$" | sort`}
	course.DockerUntil(t, "^sleep "+ones+"\nsleep "+others+"\n$", look...)

	course.Say(t, "One of them gets the file:")
	course.Docker(t, "exec", "--detach", ending.Name, "touch", "/end") // as the container ends, it may take touch with it
	ending.WaitUntilEnded(t)
	assert.Equal(t, "exited with status 7\n", status(ending), "the container's exit status should be its main process's")
	assert.Equal(t, "sleep "+others+"\n", course.Docker(t, look...).Stdout, "what ran beside its main process should be gone")
	refused := course.DockerFails(t, "exec", ending.Name, "ps")
	assert.Contains(t, refused.Output(), "is not running", "nothing can run in it any more")

	course.Say(t, "The other container loses the process beside its main one, and takes no harm:")
	staying.Exec(t, `kill -KILL $(pidof sleep | tr ' ' '\n' | sort -n | head -n 1)`)
	course.DockerUntil(t, "^$", look...)
	assert.Equal(t, "running with status 0\n", status(staying))
}
