package course

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"docker-proven/internal/configuration"
	"docker-proven/internal/shell"
)

// WithOwnConfiguration is the command with an empty configuration of its own: what it keeps there (logins, contexts,
// builders) is not the learner's. The learner's plugins are still found.
func (c CLI) WithOwnConfiguration(t *testing.T) CLI {
	t.Helper()
	l := lessonOf(t)
	directory := HostDirectory(t)
	content, err := json.Marshal(map[string]any{"cliPluginsExtraDirs": configuration.Learners().PluginDirectories(),
		// With a configuration in which nobody has logged in, docker would keep logins in the system's keychain.
		"auths": map[string]any{"registry.invalid": map[string]any{}}})
	if err == nil {
		err = os.WriteFile(filepath.Join(directory, "config.json"), content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	environment := []string{"DOCKER_CONFIG=" + directory, "BUILDX_CONFIG=" + filepath.Join(directory, "buildx"),
		// Where `docker compose watch` keeps a lock per project, by the number of its process: it has no setting of
		// its own (compose's internal/locker).
		"XDG_RUNTIME_DIR=" + directory}
	c.environment = append(slices.Clip(c.environment), environment...)
	l.write("# The docker command's configuration is in a directory of its own, as with:\n" +
		indent("export "+shell.Quote(environment[:2]), "    "))
	return c
}

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
