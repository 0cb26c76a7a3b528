package course

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// WithConfig is the docker command with a configuration of its own, config.json, so that the learner's is neither read
// nor written: it returns the file's path, too. The file has the content given.
func (c CLI) WithConfig(t *testing.T, content string) (configured CLI, file string) {
	t.Helper()
	directory := Directory(t, map[string]string{"config.json": content})
	return c.With("DOCKER_CONFIG=" + directory), filepath.Join(directory, "config.json")
}

// WithProgramsIn is the command with a directory in which programs are found before all others (PATH).
func (c CLI) WithProgramsIn(t *testing.T, directory string) CLI {
	lessonOf(t).write("$ export PATH=" + directory + string(os.PathListSeparator) + "$PATH\n")
	c.environment = append(slices.Clip(c.environment), "PATH="+directory+string(os.PathListSeparator)+os.Getenv("PATH"))
	return c
}

// Conceal keeps a text out of the lesson's transcript: a secret in another spelling than the one that Secret knows.
func Conceal(t *testing.T, text string) {
	l := lessonOf(t)
	l.secrets = append(l.secrets, text)
}

// Options are several options as one.
func Options(options ...Option) Option {
	return func(r *request) {
		for _, option := range options {
			option(r)
		}
	}
}
