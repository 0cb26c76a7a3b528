package module01

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Image and container are like class and instance, or like a recipe and the cakes made from it. Two containers of one
// image start from the same files, each file of them; yet they are two, each with an id, a host name, a list of
// processes and a network address of its own.
func TestTwoContainersOfOneImageHaveTheSameFilesAndAreYetTwo(t *testing.T) {
	one := course.Run(t, image.Busybox)
	other := course.Run(t, image.Busybox)

	course.Say(t, "A checksum of all files, names and contents, but for three that Docker writes for each container:")
	files := `find / -xdev -type f ! -path '/etc/host*' ! -path /etc/resolv.conf -exec md5sum {} + | sort | md5sum`
	sum := one.Exec(t, files).Stdout
	assert.Equal(t, sum, other.Exec(t, files).Stdout, "both should start from the image's files")
	course.Say(t, "A container of another image, for comparison:")
	assert.NotEqual(t, sum, course.Run(t, image.Alpine).Exec(t, files).Stdout, "another image has other files")

	course.Say(t, "And what each of the two has for itself:")
	id := func(c *course.Container) string {
		return course.Docker(t, "inspect", "--format", "{{.Id}}", c.Name).Stdout
	}
	assert.NotEqual(t, id(one), id(other), "each has its own id")
	assert.NotEqual(t, one.Exec(t, "hostname").Stdout, other.Exec(t, "hostname").Stdout, "each has its own host name")
	assert.NotEqual(t, one.Exec(t, "hostname -i").Stdout, other.Exec(t, "hostname -i").Stdout, "each has its own address")
	one.Exec(t, "sleep 600 > /dev/null 2>&1 &")
	assert.Contains(t, one.Exec(t, "ps").Stdout, "sleep 600")
	assert.NotContains(t, other.Exec(t, "ps").Stdout, "sleep 600", "a container doesn't list the other's processes")
}

// Whatever one container does to its files is its own affair. The other container of the same image doesn't see it,
// whether it was started before or after, and the image is as it was. Within the one container everybody sees it.
func TestWhatOneContainerWritesTheOtherAndTheImageNeverSee(t *testing.T) {
	const changed = "cat /etc/motto && ! grep nobody /etc/passwd && ! ls /bin/vi"
	before := course.Run(t, image.Busybox)
	writer := course.Run(t, image.Busybox)
	writer.Exec(t, "echo 'mine alone' > /etc/motto && sed -i /nobody/d /etc/passwd && rm /bin/vi")
	course.Say(t, "A file added, one changed, one deleted. The writer itself sees all three, also from another command:")
	assert.Equal(t, "mine alone\n", writer.Exec(t, changed).Stdout)

	after := course.Run(t, image.Busybox)
	const unchanged = "ls /bin/vi && grep nobody /etc/passwd && ! cat /etc/motto"
	course.Say(t, "The container that was there before sees none of it:")
	before.Exec(t, unchanged)
	course.Say(t, "Nor does one that is made of the image now, so the image is unchanged, too:")
	after.Exec(t, unchanged)
}

// A language's runtime doesn't like company of another version of itself: both want the same file names, and the
// same command must mean one or the other. In containers they run side by side, and neither knows of the other.
func TestTwoVersionsOfOneRuntimeRunSideBySide(t *testing.T) {
	idle := course.Command("sleep", "600")
	one := course.Run(t, image.Python, idle)
	other := course.Run(t, image.PythonOther, idle)

	version := func(c *course.Container) string { return strings.TrimSpace(c.Exec(t, "python --version").Stdout) }
	first, second := version(one), version(other)
	assert.NotEqual(t, first, second, "the same command should be another version in each")
	course.Say(t, "The first again, now that the other has run: it has not become the other.")
	assert.Equal(t, first, version(one))
}

// What breaks in one container breaks there. Here one loses all its programs and its configuration, as by a command
// that nobody should ever type. It is beyond help; its sibling and the image haven't noticed.
func TestWreckingOneContainerLeavesItsSiblingAndItsImageWhole(t *testing.T) {
	victim := course.Run(t, image.Busybox)
	sibling := course.Run(t, image.Busybox)
	const works = "test -s /etc/passwd && echo intact"
	victim.Exec(t, works)

	victim.Exec(t, "rm -rf /home /root /usr /var /etc/passwd /etc/group /bin")
	wrecked := course.DockerFails(t, "exec", victim.Name, "sh", "-c", works)
	assert.Regexp(t, "executable file.*not found", wrecked.Output(), "there should be no shell left to run anything")

	course.Say(t, "The sibling, and a new container of the same image:")
	assert.Equal(t, "intact\n", sibling.Exec(t, works).Stdout)
	assert.Equal(t, "intact\n", course.Once(t, image.Busybox, course.Shell(works)).Stdout)
	victim.MustRun(t)
	course.Say(t, "The wrecked one even runs on: its main process had its program in memory.")
}
