package module02

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/configuration"
	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Containers need a Linux kernel. Docker Engine on Linux uses the one that is there; Docker Desktop, on every system,
// brings one in a virtual machine and runs the engine inside. `docker info` tells which of the two this is; that a virtual
// machine is between shows when the kernel that containers see is asked for the id of its boot: under Docker Engine that is
// this machine's own.
func TestThisIsDockerDesktopOrDockerEngine(t *testing.T) {
	system := strings.TrimSpace(course.Docker(t, "info", "--format", "{{.OperatingSystem}}").Stdout)
	const bootID = "/proc/sys/kernel/random/boot_id"
	inContainer := course.Once(t, image.Busybox, course.Command("cat", bootID)).Stdout
	require.NotEmpty(t, inContainer)
	here, err := os.ReadFile(bootID)
	if err == nil {
		course.Typed(t, string(here), "cat", bootID)
	} else {
		course.Say(t, "On this machine, which is %s, there is no such file to read.", runtime.GOOS)
	}
	sameKernel := inContainer == string(here)

	switch {
	case system == "Docker Desktop" && os.Getenv("WSL_DISTRO_NAME") != "":
		course.Say(t, "This is Docker Desktop on Windows, asked from WSL: both may be in one virtual machine. The same kernel: %t.", sameKernel)
	case system == "Docker Desktop":
		course.Say(t, "This is Docker Desktop: the engine runs in a virtual machine, and its host is not this machine.")
		assert.False(t, sameKernel, "Docker Desktop's containers should see another kernel than this machine")
	case strings.HasPrefix(course.EngineHost(t), "unix://") && runtime.GOOS == "linux":
		course.Say(t, "This is Docker Engine, on %s: containers use the kernel of this machine.", system)
		assert.True(t, sameKernel, "an engine behind a socket file of this machine should use its kernel")
	default:
		course.Say(t, "This is Docker Engine, on %s, reached at %s. Its containers use this machine's kernel: %t.",
			system, course.EngineHost(t), sameKernel)
	}
	course.Say(t, "Of what Docker Desktop brings along, there is here:")
	course.Show(t, "virtual machine    "+yes(!sameKernel, "between this machine and the containers")+"\n"+
		"credential helper  "+credentialHelper()+"\nKubernetes         "+kubernetes())
}

func yes(is bool, what string) string {
	if is {
		return what
	}
	return "none"
}

// credentialHelper is the program that keeps the passwords of registries for the docker command, if it uses one.
func credentialHelper() string {
	store := configuration.Learners().CredsStore
	if store == "" {
		return "none configured"
	}
	program := "docker-credential-" + store
	if _, err := exec.LookPath(program); err != nil {
		return program + " is configured, and not on PATH: docker login fails, and with newer commands docker pull, too"
	}
	return program
}

// kubernetes is whether Docker Desktop's own cluster has been switched on.
func kubernetes() string {
	contexts, err := exec.Command("kubectl", "config", "get-contexts", "--output", "name").Output()
	if err != nil {
		return "none (no kubectl that knows of a cluster)"
	}
	return yes(strings.Contains(string(contexts), "docker-desktop"), "a cluster named docker-desktop")
}

// buildx and compose, and what Docker Desktop adds, are plugins: programs in certain directories, named docker-
// something, that introduce themselves when asked. So each one listed says the same of itself when it is asked without
// docker; and a script of a few lines, in the right place, is a docker command, too.
func TestADockerPluginIsAProgramInTheRightPlace(t *testing.T) {
	format := "{{range .ClientInfo.Plugins}}{{.Name}}|{{.Version}}|{{.Path}}{{println}}{{end}}"
	list := course.Docker(t, "info", "--format", format)
	require.Contains(t, list.Stdout, "buildx|")
	for line := range strings.Lines(strings.TrimSpace(list.Stdout)) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if fields[1] == "" {
			continue // it is broken, and docker info says so, too
		}
		introduction, err := exec.CommandContext(t.Context(), fields[2], "docker-cli-plugin-metadata").Output()
		course.Typed(t, string(introduction), fields[2], "docker-cli-plugin-metadata")
		if assert.NoError(t, err) {
			var plugin struct{ Version string }
			require.NoError(t, json.Unmarshal(introduction, &plugin))
			assert.Equal(t, fields[1], plugin.Version)
		}
	}

	if runtime.GOOS == "windows" {
		t.Skip("not provable here: the plugin that the lesson writes is a shell script")
	}
	directory := course.HostDirectory(t)
	plugins := filepath.Join(directory, "cli-plugins")
	require.NoError(t, os.Mkdir(plugins, 0o755))
	course.WriteHostFile(t, filepath.Join(plugins, "docker-greet"), `#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
  exec echo '{"SchemaVersion": "0.1.0", "Vendor": "this lesson", "Version": "1"}'
fi
for name; do :; done # the last word
echo "Hello, $name"
`)
	course.Typed(t, "", "chmod", "+x", filepath.Join(plugins, "docker-greet"))
	require.NoError(t, os.Chmod(filepath.Join(plugins, "docker-greet"), 0o755))
	course.Say(t, "Nobody looks for it there, until the docker command is told that this is the directory of its configuration:")
	unknown := course.DockerFails(t, "greet", "Grace")
	assert.Regexp(t, "not a docker command|unknown command", unknown.Output())
	greeting := course.CLI{}.With("DOCKER_CONFIG="+directory).Docker(t, "greet", "Grace")
	assert.Equal(t, "Hello, Grace\n", greeting.Stdout, "the plugin should be found and run")
}
