package course

import "testing"

// BuildWith builds an image from a directory with the flags of `docker build` given, and returns its tag, which
// begins with name. The image goes when the test ends.
func BuildWith(t *testing.T, name, directory string, flags ...string) (tag string) {
	t.Helper()
	tag = Unique(t, name+":")
	Docker(t, append(append([]string{"build", "--tag", tag}, flags...), directory)...)
	return tag
}

// Unique is a name that nothing else has. It begins with prefix.
func Unique(t *testing.T, prefix string) string {
	t.Helper()
	lessonOf(t)
	return prefix + randomWord(5)
}

// BuildQuietly is Build for lessons that are not about building: it tells the learner the image's id, and not the
// steps. Should a step fail, docker says what it printed.
func BuildQuietly(t *testing.T, name, dockerfile string) (tag string) {
	t.Helper()
	tag = Unique(t, name+":")
	DockerStdin(t, dockerfile, "build", "--quiet", "--tag", tag, "-")
	return tag
}
