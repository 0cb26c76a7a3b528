package commands_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/commands"
)

// Help texts in the forms that docker's own commands, buildx and compose have printed over the years.
var texts = map[string]string{
	"volume": `
Usage:  docker volume COMMAND

Manage volumes

Commands:
  create      Create a volume
  rm          Remove one or more volumes

Run 'docker volume COMMAND --help' for more information on a command.
`,
	"buildx": `
Usage:  docker buildx [OPTIONS] COMMAND

Extended build capabilities with BuildKit

Options:
      --builder string   Override the configured builder instance
  -D, --debug            Enable debug logging

Management Commands:
  history     Commands to work on build records
  replay      Replay a build from its provenance (EXPERIMENTAL)

Commands:
  bake        Build from a file, with a description that goes on
              and on
  dial-stdio  Proxy current stdio streams to builder instance

Run 'docker buildx COMMAND --help' for more information on a command.

Experimental commands and flags are hidden. Set BUILDX_EXPERIMENTAL=1 to show them.
`,
	"buildx history": `Usage:  docker buildx history [OPTIONS] COMMAND

Management Commands:
  inspect     Inspect a build record

Commands:
  ls          List build records
`,
	"buildx history inspect": `Usage:  docker buildx history inspect [OPTIONS] [REF]

Commands:
  attachment*  Inspect a build record attachment
`,
	"compose bridge": `Usage:  docker compose bridge CMD [OPTIONS] COMMAND

Management Commands:
  transformations Manage transformation images

Commands:
  convert         Convert compose files
`,
	"compose bridge transformations": "Usage:  docker compose bridge transformations COMMAND\n\nCommands:\n  list   List\n",
	"system dial-stdio":              "\nUsage:  docker system dial-stdio\n\nProxy the stdio stream to the daemon connection.\n",
}

func help(words ...string) string {
	for n := len(words); n > 0; n-- { // as docker does: of what it doesn't know, the help of the group
		if text, ok := texts[strings.Join(words[:n], " ")]; ok {
			return text
		}
	}
	return "docker: unknown command\n"
}

func TestSubcommandsAreReadFromTheHelp(t *testing.T) {
	assert.Equal(t, []string{"volume create", "volume rm"}, commands.Below(help, "volume"))
	assert.Equal(t, []string{"buildx history inspect attachment", "buildx history ls", "buildx bake", "buildx dial-stdio"},
		commands.Below(help, "buildx"))
	assert.Equal(t, []string{"compose bridge transformations list", "compose bridge convert"},
		commands.Below(help, "compose bridge"))
	assert.Empty(t, commands.Below(help, "nonsense"))
}

func TestACommandIsTakenForPresentOnlyByItsOwnHelp(t *testing.T) {
	assert.True(t, commands.Has(help, "system dial-stdio"), "also when no list has it")
	assert.True(t, commands.Has(help, "buildx history inspect"), "also when others are below it")
	assert.False(t, commands.Has(help, "buildx history inspect teleport"))
	assert.False(t, commands.Has(help, "volume teleport"))
	assert.False(t, commands.Has(help, "nonsense"))
}
