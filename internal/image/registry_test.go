package image_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
	"docker-proven/internal/registry"
)

func TestMain(m *testing.M) { course.Main(m) }

// A registry's no means that the course names an image that isn't there: that must fail. No answer at all means
// that this machine can't get the image: that must be told apart.
func TestARegistrysNoIsAFailureThatNamesTheImage(t *testing.T) {
	absent := registry.Start(t).Address + "/absent:1"
	var unavailable *image.UnavailableError

	_, err := image.Obtain(t.Context(), absent, t.Output())
	assert.ErrorContains(t, err, "the registry refuses "+absent)
	assert.NotErrorAs(t, err, &unavailable)

	_, err = image.Obtain(t.Context(), "127.0.0.1:1/absent:1", t.Output())
	assert.ErrorAs(t, err, &unavailable)
	assert.ErrorContains(t, err, "127.0.0.1:1/absent:1")
}

// An image that is here already is not asked for again, and what it is can be told.
func TestAnImageThatIsPresentIsUsedAsItIs(t *testing.T) {
	ref := course.Ref(t, image.Busybox)
	var progress strings.Builder
	facts, err := image.Obtain(t.Context(), ref, &progress)
	assert.NoError(t, err)
	assert.Empty(t, progress.String())
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", facts.Digest)

	built := course.Build(t, "of-mine", "FROM "+ref+"\nLABEL docker-proven.standin=\n")
	facts, err = image.Obtain(t.Context(), built, &progress)
	assert.NoError(t, err)
	assert.Contains(t, origins(t, "local"), facts.Origin)
	assert.False(t, facts.IsStandIn())
}

// An image that is not here is pulled, with a word to the learner, and it is told where it comes from.
func TestAnImageThatIsAbsentIsPulled(t *testing.T) {
	built := course.Build(t, "of-mine", "FROM "+course.Ref(t, image.Busybox)+"\nLABEL docker-proven.standin=\n")
	absent := registry.Start(t).Address + "/of-mine:1"
	course.Docker(t, "tag", built, absent)
	registry.Push(t, absent)
	course.Docker(t, "image", "rm", absent, built)
	defer course.Docker(t, "image", "rm", absent)

	var progress strings.Builder
	facts, err := image.Obtain(t.Context(), absent, &progress)
	assert.NoError(t, err)
	assert.Contains(t, progress.String(), "docker pull "+absent)
	assert.Contains(t, origins(t, "pulled"), facts.Origin)
}

// origins are what may be said of an image with this origin: of one in the containerd store, not every engine tells.
func origins(t *testing.T, origin string) []string {
	t.Helper()
	if strings.Contains(course.Docker(t, "info", "--format", "{{.DriverStatus}}").Stdout, "io.containerd.snapshotter") {
		return []string{origin, "pulled or local"}
	}
	return []string{origin}
}
