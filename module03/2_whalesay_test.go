package module03

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

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

	course.Say(t, "The list of all packages, which apt-get needs and the whale doesn't, was removed again:")
	assert.Empty(t, course.Docker(t, "run", "--rm", "--entrypoint", "ls", tag, "-A", "/var/lib/apt/lists").Stdout)
}

// The original docker/whalesay dates from 2015, and is stored in a manifest format that has since been retired (schema 1).
// Engines from 26 on refuse to pull it, and name the format: images rot, which is why this course runs all of them.
func TestTheOriginalWhalesayIsRefusedByEnginesOfToday(t *testing.T) {
	course.NeedsDockerHub(t)
	course.NeedsEngine(t, 26)
	result := course.DockerFails(t, "pull", "docker/whalesay:latest")
	// dockerd's own words, and those of containerd, which names the format by its media type.
	assert.Regexp(t, `(?i)manifest version 2, schema 1|manifest\.v1\+(prettyjws|json)`, result.Output())
}
