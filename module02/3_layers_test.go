package module02

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A union filesystem lays directories on top of each other and shows them as one. An image is a list of such layers,
// each named by the digest of its content. An image built on another begins with the other's layers and adds its own.
func TestImagesOnOneBaseShareItsLayers(t *testing.T) {
	base := course.Ref(t, image.Busybox)
	one := course.BuildQuietly(t, "one", "FROM "+base+"\nRUN echo one > /name\n")
	other := course.BuildQuietly(t, "other", "FROM "+base+"\nRUN echo other > /name\n")

	below := course.Layers(t, base)
	first, second := course.Layers(t, one), course.Layers(t, other)
	require.Len(t, first, len(below)+1, "each should have one layer more than its base")
	require.Len(t, second, len(below)+1)
	assert.Equal(t, below, first[:len(below)], "its lower layers should be the base's")
	assert.Equal(t, below, second[:len(below)])
	assert.NotEqual(t, first[len(below)], second[len(below)], "the layer on top is its own")

	course.Say(t, "An image on another base shares nothing with them:")
	for _, layer := range course.Layers(t, course.Ref(t, image.Debian)) {
		assert.NotContains(t, below, layer)
	}
}

// A layer is a directory on the engine's machine, stored once, however many images and containers use it. The kernel
// tells each container what its root directory is made of: the directories below (lowerdir), which are only read, and
// the one on top (upperdir), which takes what it writes. Two containers have the image's in common.
func TestLayersAreStoredOnce(t *testing.T) {
	course.NeedsOverlay(t)
	base := course.Ref(t, image.Busybox)
	tag := course.BuildQuietly(t, "child", "FROM "+base+"\nRUN echo child > /name\n")
	parent, sibling := course.Run(t, image.Busybox), course.Run(t, image.Busybox)
	child, stranger := course.RunBuilt(t, tag), course.Run(t, image.Debian)

	below, top := directories(t, parent)
	belowSibling, topSibling := directories(t, sibling)
	belowChild, topChild := directories(t, child)
	belowStranger, topStranger := directories(t, stranger)
	shared := len(course.Layers(t, base))
	assert.Equal(t, shared, common(below, belowSibling), "containers of one image should use the same directories")
	assert.Equal(t, shared, common(below, belowChild), "so should one of an image that is built on it")
	assert.Len(t, belowChild, len(below)+1, "and one more, which is that image's own")
	assert.Zero(t, common(below, belowStranger), "a container of another image has nothing in common with them")
	tops := []string{top, topSibling, topChild, topStranger}
	slices.Sort(tops)
	assert.Len(t, slices.Compact(tops), 4, "on top each should have a directory of its own")
}

// directories are what a container's root directory is laid together from.
func directories(t *testing.T, c *course.Container) (lower []string, upper string) {
	t.Helper()
	mount := c.Exec(t, `tr , '\n' < /proc/self/mounts | sed -n '/^lowerdir/p; /^upperdir/p'`)
	for option := range strings.Lines(mount.Stdout) {
		name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		switch name {
		case "lowerdir", "lowerdir+":
			lower = append(lower, strings.Split(value, ":")...)
		case "upperdir":
			upper = value
		}
	}
	require.NotEmpty(t, lower)
	require.NotEmpty(t, upper)
	return lower, upper
}

func common(some, others []string) (count int) {
	for _, one := range some {
		if slices.Contains(others, one) {
			count++
		}
	}
	return count
}

// What a container changes goes into its own layer: a new file is simply there, a changed one is copied up and
// changed, and a deleted one is covered by a mark that says so. `docker diff` reads that layer: added, changed,
// deleted. The image underneath has not changed, as its next container shows.
func TestDockerDiffTellsWhatAContainerAddedChangedAndDeleted(t *testing.T) {
	container := course.Run(t, image.Busybox)
	diff := func(c *course.Container) string { return course.Docker(t, "diff", c.Name).Stdout }
	assert.Empty(t, diff(container), "a container that has written nothing has changed nothing")

	container.Exec(t, "echo hello > /greeting && echo '# a comment' >> /etc/group && rm /bin/vi")
	lines := strings.Fields(strings.ReplaceAll(diff(container), " /", "/"))
	slices.Sort(lines)
	assert.Equal(t, []string{"A/greeting", "C/bin", "C/etc", "C/etc/group", "D/bin/vi"}, lines,
		"three files, and the directories that two of them are in")

	next := course.Run(t, image.Busybox)
	next.Exec(t, "ls /bin/vi && ! grep comment /etc/group && ! ls /greeting")
	assert.Empty(t, diff(next), "what one container changes, the next one should not have")
}

// A layer can't take anything out of the layers below; it can only hide it. A file deleted in a later step is still in
// the image, and still comes along with every pull. Deleted in the step that made it, it never gets into a layer.
func TestDeletingAFileInALaterLayerDoesNotMakeTheImageSmaller(t *testing.T) {
	base := course.Ref(t, image.Busybox)
	const create, remove = "dd if=/dev/urandom of=/big bs=1024 count=4096", "rm /big"
	kept := course.BuildQuietly(t, "kept", "FROM "+base+"\nRUN "+create+"\n")
	later := course.BuildQuietly(t, "later", "FROM "+base+"\nRUN "+create+"\nRUN "+remove+"\n")
	atOnce := course.BuildQuietly(t, "at-once", "FROM "+base+"\nRUN "+create+" && "+remove+"\n")

	course.Say(t, "The file is gone from both that deleted it:")
	course.RunBuilt(t, kept).Exec(t, "ls /big")
	course.RunBuilt(t, later).ExecFails(t, "ls /big")
	course.RunBuilt(t, atOnce).ExecFails(t, "ls /big")

	course.Say(t, "But the sizes, and what each step has added:")
	course.Docker(t, "history", "--format", "{{.Size}}  {{.CreatedBy}}", later)
	course.Docker(t, "history", "--format", "{{.Size}}  {{.CreatedBy}}", atOnce)
	const file = 4 << 20
	empty := imageSize(t, base)
	assert.Greater(t, imageSize(t, kept), empty+file-1)
	assert.Greater(t, imageSize(t, later), empty+file-1, "the later image should still carry the file")
	assert.Less(t, imageSize(t, atOnce), empty+file/4, "deleted in the same step, the file should be in no layer")
}

func imageSize(t *testing.T, tag string) int {
	t.Helper()
	size, err := strconv.Atoi(strings.TrimSpace(course.Docker(t, "image", "inspect", "--format", "{{.Size}}", tag).Stdout))
	require.NoError(t, err)
	return size
}

// A container's own layer holds only what the container wrote, however large its image.
func TestAContainersOwnLayerHoldsOnlyWhatItWrote(t *testing.T) {
	idle, writing := course.Run(t, image.Debian), course.Run(t, image.Debian)
	writing.Exec(t, "dd if=/dev/urandom of=/mine bs=1024 count=1024 && cat /bin/* > /dev/null")

	course.Say(t, "In bytes, what each of the two has in its own layer: reading the image's files hasn't added to it.")
	assert.Less(t, written(t, idle), 1<<16, "a container that writes nothing should take no room")
	assert.InDelta(t, 1<<20, written(t, writing), 1<<16, "a megabyte was written")
}

// There is a catch: layers consist of whole files. To change a file of the image, be it by one byte, the container
// first copies it up into its own layer, all of it. Files that change much, like a database's, belong on a volume.
func TestChangingOneByteOfAFileCopiesAllOfIt(t *testing.T) {
	course.NeedsOverlay(t)
	tag := course.BuildQuietly(t, "large", "FROM "+course.Ref(t, image.Busybox)+
		"\nRUN dd if=/dev/urandom of=/big bs=1024 count=4096\n")
	reading, changing := course.RunBuilt(t, tag), course.RunBuilt(t, tag)
	reading.Exec(t, "md5sum /big")
	changing.Exec(t, "echo >> /big")

	course.Say(t, "In bytes, what each of the two has in its own layer:")
	assert.Less(t, written(t, reading), 1<<16)
	assert.InDelta(t, 4<<20, written(t, changing), 1<<16, "the whole file should have been copied")
}

// written is the size of a container's own layer in bytes.
func written(t *testing.T, c *course.Container) int {
	t.Helper()
	layer := course.Docker(t, "inspect", "--size", "--format", "{{.SizeRw}}", c.Name)
	size, err := strconv.Atoi(strings.TrimSpace(layer.Stdout))
	require.NoError(t, err)
	return size
}
