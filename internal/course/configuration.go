package course

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"docker-proven/internal/shell"
)

// WithOwnConfiguration is the command with an empty configuration of its own: what it keeps there (logins, contexts,
// builders) is not the learner's. The learner's plugins are still found.
func (c CLI) WithOwnConfiguration(t *testing.T) CLI {
	t.Helper()
	l := lessonOf(t)
	directory := HostDirectory(t)
	content, err := json.Marshal(map[string]any{"cliPluginsExtraDirs": pluginDirectories(),
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

// A configuration is what the course wants to know of the learner's own.
type configuration struct {
	CLIPluginsExtraDirs []string
	Proxies             map[string]any
}

// learners reads the configuration of the learner's docker command, and returns its directory, too, which is empty where there
// can't be one.
func learners() (directory string, c configuration) {
	directory = os.Getenv("DOCKER_CONFIG")
	if directory == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", c
		}
		directory = filepath.Join(home, ".docker")
	}
	if content, err := os.ReadFile(filepath.Join(directory, "config.json")); err == nil {
		_ = json.Unmarshal(content, &c) // the docker command complains about a broken one
	}
	return directory, c
}

// pluginDirectories is where the learner's docker command looks for plugins, besides the directories of the system.
func pluginDirectories() []string {
	directory, configuration := learners()
	if directory == "" {
		return nil
	}
	return append([]string{filepath.Join(directory, "cli-plugins")}, configuration.CLIPluginsExtraDirs...)
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
