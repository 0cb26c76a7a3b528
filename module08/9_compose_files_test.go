package module08

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
)

// Compose reads the whole file before it does anything. A file that makes no sense is refused, and the message says
// where the mistake is. `docker compose config` does this and no more. Each of these files is the lesson's own with
// one mistake in it; the file without the mistake is accepted.
func TestAnInvalidFileIsRefusedWithAMessage(t *testing.T) {
	content, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	file := string(content)
	course.Say(t, "Without a mistake:")
	accepted := newProject(t, course.CLI{}, file).compose(t, "config", "--quiet")
	assert.Empty(t, accepted.Output())

	for _, mistake := range []struct {
		name, right, wrong string
		message            string // what docker compose says, as a regular expression
	}{
		{"unknown key", "    restart: unless-stopped\n", "    restarts: unless-stopped\n",
			`additional propert.* '?restarts'? .*not allowed`},
		{"wrong type", "    networks: [frontend]\n", "    networks: 8080\n",
			`services\.client-react\.networks must be a`},
		{"no image", "    image: postgres:15.1-alpine\n    environment:", "    environment:",
			`service "db" has neither an image nor a build context specified`},
		{"undefined network", "    networks: [frontend]\n", "    networks: [frontend, moon]\n",
			`service "client-react" refers to undefined network moon`},
		{"undefined volume", "      - pgdata:/var", "      - pgdate:/var",
			`service "db" refers to undefined volume pgdate`},
		{"undefined secret", "    secrets: [db-password]\n", "    secrets: [password]\n",
			`service "db" refers to undefined secret password`},
		{"undefined service", "      db: { condition", "      database: { condition",
			`depends on undefined service "?database`},
		{"variable that is not set", "${PORT-8080}", "${PORT_OF_THE_PAGE:?say where}",
			`required variable PORT_OF_THE_PAGE is missing a value: say where`},
		{"cycle", "    networks: [backend]\n    healthcheck:",
			"    networks: [backend]\n    depends_on: [client-react]\n    healthcheck:", `dependency cycle detected`},
		{"no port", "127.0.0.1:${PORT-8080}:8080", "127.0.0.1:8080:http",
			`invalid containerPort: http`},
		{"indentation", "    image: client-react\n", "   image: client-react\n",
			`yaml: `},
	} {
		t.Run(mistake.name, func(t *testing.T) {
			require.Contains(t, file, mistake.right)
			p := newProject(t, course.CLI{}, strings.Replace(file, mistake.right, mistake.wrong, 1))
			course.Say(t, "In place of %q: %q", strings.TrimSpace(mistake.right), strings.TrimSpace(mistake.wrong))
			refused := p.DockerFails(t, "compose", "config", "--quiet")
			assert.Regexp(t, "(?i)"+mistake.message, refused.Stderr)
		})
	}
}
