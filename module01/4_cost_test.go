package module01

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A container takes no copy of its image: its own layer starts empty, and idle containers leave it so. Twenty of them
// need next to nothing on the disk, where twenty copies would need twenty times the image. How quickly they start
// depends on the machine, so it is told here and not claimed.
func TestTwentyIdleContainersAddNextToNothingToTheDisk(t *testing.T) {
	course.NeedsOverlay(t)
	const twenty = 20
	name, busybox := course.Unique(t, "idle-"), course.Ref(t, image.Busybox)
	began := time.Now()
	course.Script(t, "", fmt.Sprintf("for n in $(seq %d); do docker run --detach --interactive --network none --name %s-$n %s; done",
		twenty, name, busybox))
	each := time.Since(began) / twenty
	course.Say(t, "On this machine, now, a container starts every %v.", each.Round(time.Millisecond))

	course.Say(t, "What each has written itself, and in parentheses all that it sees, the files of its image included:")
	written, seen := sizes(t, name, twenty)
	course.Say(t, "Together they see %.3g MB of files, and have written %.3g MB.", seen/1e6, written/1e6)
	assert.Less(t, written, seen/twenty, "twenty containers should need less room than one copy of their image")

	course.Say(t, "To see that this counts what is written: the last of them writes a file of one megabyte.")
	last := fmt.Sprintf("%s-%d", name, twenty)
	course.Docker(t, "exec", last, "dd", "if=/dev/urandom", "of=/file", "bs=1000", "count=1000")
	written, _ = sizes(t, last, 1)
	assert.GreaterOrEqual(t, written, 1e6)
}

// "0B (virtual 1.98MB)": a container's own layer, and everything that it sees.
var size = regexp.MustCompile(`([0-9.]+)([kMG]?)B \(virtual ([0-9.]+)([kMG]?)B\)`)

// sizes adds up, in bytes, what the containers whose names contain part, so many of them, have written and what they see.
func sizes(t *testing.T, part string, count int) (written, seen float64) {
	t.Helper()
	list := course.Docker(t, "ps", "--size", "--filter", "name="+part, "--format", "{{.Names}}  {{.Size}}")
	unit := map[string]float64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
	lines := size.FindAllStringSubmatch(list.Stdout, -1)
	require.Len(t, lines, count, "docker ps --size should tell the sizes of each container")
	for _, found := range lines {
		own, _ := strconv.ParseFloat(found[1], 64)
		all, _ := strconv.ParseFloat(found[3], 64)
		written += own * unit[found[2]]
		seen += all * unit[found[4]]
	}
	require.NotZero(t, seen, "a container should see its image's files")
	return written, seen
}
