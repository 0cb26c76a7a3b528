// Package configuration reads how the learner's docker command is configured.
package configuration

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// A Configuration is what the course wants to know of a docker command's.
type Configuration struct {
	Directory string `json:"-"` // where it is kept; empty where there can't be one

	CLIPluginsExtraDirs []string
	CredsStore          string // the program that keeps passwords is docker-credential- and this
	Proxies             map[string]any
}

// Learners is the learner's configuration. A file that can't be read counts as one that says nothing: the docker command
// complains about it.
func Learners() (c Configuration) {
	if c.Directory = os.Getenv("DOCKER_CONFIG"); c.Directory == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return c
		}
		c.Directory = filepath.Join(home, ".docker")
	}
	if content, err := os.ReadFile(filepath.Join(c.Directory, "config.json")); err == nil {
		_ = json.Unmarshal(content, &c)
	}
	return c
}

// PluginDirectories is where the docker command looks for plugins, besides the directories of the system.
func (c Configuration) PluginDirectories() []string {
	if c.Directory == "" {
		return nil
	}
	return append([]string{filepath.Join(c.Directory, "cli-plugins")}, c.CLIPluginsExtraDirs...)
}
