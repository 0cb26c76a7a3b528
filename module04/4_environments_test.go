package module04

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Any distribution is one command away, to try something and throw it away. All of them run on one kernel,
// that of the engine's machine, and each brings its own files.
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

// A language's interpreter need not be installed to run a line of it. The program goes in as an argument, the
// answer comes out, and nothing stays behind but the image. (Busybox has none of these four.)
func TestEveryLanguageRunsAOneLiner(t *testing.T) {
	for _, language := range []struct {
		image   image.Image
		command course.Option
		wrong   course.Option
	}{
		{image.Python, course.Command("python", "-c", "print(sum(range(101)))"), course.Command("python", "-c", "nonsense")},
		{image.Node, course.Command("node", "-e", "console.log(100 * 101 / 2)"), course.Command("node", "-e", "nonsense")},
		{image.PHP, course.Command("php", "-r", `echo array_sum(range(1, 100)), "\n";`), course.Command("php", "-r", "nonsense();")},
		{image.Ruby, course.Command("ruby", "-e", "puts (1..100).sum"), course.Command("ruby", "-e", "nonsense")},
	} {
		t.Run(language.image.Name, func(t *testing.T) {
			assert.Equal(t, "5050\n", course.Once(t, language.image, language.command).Stdout)

			result := course.OnceFails(t, language.image, language.wrong)
			assert.Contains(t, result.Output(), "nonsense", "a mistake is the interpreter's to report")
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
