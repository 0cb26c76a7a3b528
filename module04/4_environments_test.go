package module04

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Any distribution is one command away, to try something and throw it away.
func TestEveryDistributionIsOneCommandAway(t *testing.T) {
	for _, distribution := range []image.Image{image.Ubuntu, image.Debian, image.Alpine, image.Busybox} {
		t.Run(distribution.Name, func(t *testing.T) {
			answer := course.Once(t, distribution, course.Interactive(), course.Piped("echo $((6 * 7))\nexit\n"))
			assert.Equal(t, "42\n", answer.Stdout, "the image's own command should be a shell that reads what we type")
		})
	}
	deaf := course.Once(t, image.Busybox, course.Piped("echo $((6 * 7))\nexit\n"))
	assert.Empty(t, deaf.Stdout, "without --interactive the shell hears nothing and ends at once")
}

// An image says in /etc/os-release which distribution it holds.
func TestEachDistributionBringsItsOwnFiles(t *testing.T) {
	for distribution, id := range map[image.Image]string{
		image.Ubuntu: "ID=ubuntu", image.Debian: "ID=debian", image.Alpine: "ID=alpine",
	} {
		t.Run(distribution.Name, func(t *testing.T) {
			course.Original(t, distribution)
			assert.Contains(t, course.Once(t, distribution, course.Command("cat", "/etc/os-release")).Stdout, id)
		})
	}
}

// A language's interpreter need not be installed to run a line of it. The program goes in as an argument, and the
// answer comes out. (Busybox has none of these four.)
func TestEveryLanguageRunsAOneLiner(t *testing.T) {
	for _, language := range []struct {
		image   image.Image
		command []string
	}{
		{image.Python, []string{"python", "-c", "print(sum(range(101)))"}},
		{image.Node, []string{"node", "-e", "console.log(100 * 101 / 2)"}},
		{image.PHP, []string{"php", "-r", `echo array_sum(range(1, 100)), "\n";`}},
		{image.Ruby, []string{"ruby", "-e", "puts (1..100).sum"}},
	} {
		t.Run(language.image.Name, func(t *testing.T) {
			assert.Equal(t, "5050\n", course.Once(t, language.image, course.Command(language.command...)).Stdout)
		})
	}
	course.OnceFails(t, image.Busybox, course.Shell("command -v python || command -v node || command -v php || command -v ruby"))
}

// --tty gives the container a terminal. Programs notice: prompts, colours and line editing depend on it, which
// is why people type -it for a shell. Without it there is none, and output is a plain stream.
func TestTtyGivesATerminalAndWithoutItThereIsNone(t *testing.T) {
	with := course.Once(t, image.Debian, course.Terminal(), course.Command("tty"))
	assert.Contains(t, with.Stdout, "/dev/pts/")

	without := course.OnceFails(t, image.Debian, course.Command("tty"))
	assert.Equal(t, "not a tty\n", without.Stdout)
}
