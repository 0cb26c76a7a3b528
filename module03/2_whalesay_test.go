package module03

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// The traditional first container is a whale that says something. Its image is built here from the Dockerfile
// beside this test: a distribution, one package, and a drawing. Letters from all over the world survive the
// way into the container and back, because the image sets a UTF-8 locale; without it the balloon is misshapen.
func TestWhalesaySaysItsPhraseEmojiIncluded(t *testing.T) {
	tag := course.BuildDirectory(t, "whalesay", "whalesay", "--progress", "plain",
		"--build-arg", "BASE="+course.Ref(t, image.Debian))
	const phrase = "Ahoy, proven Docker 🐳"

	whale := course.Docker(t, "run", "--rm", tag, phrase).Stdout
	assert.Contains(t, whale, "< "+phrase+" >")
	balloon, drawing, _ := strings.Cut(whale, "\\\n")
	assert.Contains(t, drawing, "~~~", "under the phrase there should be a whale in the water")
	border := strings.TrimSpace(strings.SplitN(balloon, "\n", 2)[0])
	assert.InDelta(t, utf8.RuneCountInString(phrase)+2, len(border), 1, "the balloon should fit the letters")

	misshapen := course.Docker(t, "run", "--rm", "--env", "LC_ALL=C", tag, phrase).Stdout
	wrong := strings.TrimSpace(strings.SplitN(misshapen, "\n", 2)[0])
	assert.NotEqual(t, len(border), len(wrong), "without the locale the balloon doesn't fit the letters")

	result := course.OnceFails(t, image.Debian, course.Command("cowsay", phrase))
	assert.Equal(t, 127, result.ExitCode, "the image underneath can't draw whales")
}

// The original docker/whalesay dates from 2015, and is stored in a manifest format that has since been retired.
// Engines from 27 on refuse to pull it: images rot, which is why this course runs all of them.
func TestTheOriginalWhalesayIsRefusedByEnginesOfToday(t *testing.T) {
	course.NeedsDockerHub(t)
	course.NeedsEngine(t, 27)
	result := course.DockerFails(t, "pull", "docker/whalesay:latest")
	require.NotEmpty(t, result.Stderr)
	assert.Regexp(t, `(?i)manifest|schema|media type|not supported|deprecated`, result.Stderr)
}
