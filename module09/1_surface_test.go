package module09

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/saved"
)

// Whatever is in an image is there for those who break into its container, too: packages, each with its own mistakes,
// shells to type into, and setuid programs, which run as root whoever starts them. This attack surface can be measured.
// Along the Dockerfiles of module06 it shrinks: of the service in Go, whose last images start from nothing, the program
// alone is left; of the one in Node, which needs its runtime, a distribution stays, and less of it.
func TestTheLessIsInAnImageTheLessThereIsToAttack(t *testing.T) {
	golang := surfaces(t, example.APIGolang, 0, 3, 4, 5) // 1 and 2 are about the time that a build takes
	assert.NotEmpty(t, golang[0].Packages, "the first image should have packages")
	assert.NotEmpty(t, golang[0].Shells, "and a shell")
	for _, surface := range golang[1:] {
		assert.Equal(t, saved.Surface{Files: 1}, surface, "the program, and nothing else")
	}
	node := surfaces(t, example.APINode, 0, example.APINode.Last)
	assert.NotEmpty(t, node[0].Setuid, "the first image should have setuid programs")
	assert.Less(t, len(node[1].Packages), len(node[0].Packages))
	assert.Less(t, node[1].Files, node[0].Files)
}

// surfaces measures the images of some of a service's steps, and shows them side by side.
func surfaces(t *testing.T, service example.Service, steps ...int) (found []saved.Surface) {
	t.Helper()
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "IMAGE\tFILES\tPACKAGES\tSETUID PROGRAMS\tSHELLS")
	for _, step := range steps {
		_, contents := open(t, service.BuildHere(t, step))
		surface, err := contents.Surface()
		require.NoError(t, err)
		found = append(found, surface)
		fmt.Fprintf(columns, "%s\t%d\t%d\t%d\t%d\n", service.Tag(step),
			surface.Files, len(surface.Packages), len(surface.Setuid), len(surface.Shells))
	}
	columns.Flush()
	course.Say(t, "What is in them, side by side:")
	course.Show(t, table.String())
	return found
}

// Most attacks end in a shell: the program is tricked into starting one, and from there on the attacker types. Where
// the image has no shell, the same trick has nothing to start. The programs that it is for work as before, and not as root.
func TestWhereThereIsNoShellAnAttackerGetsNone(t *testing.T) {
	attack := func(tag string) []string { return []string{"run", "--rm", "--entrypoint", "sh", tag, "-c", "id"} }
	onDebian, onNothing := build(t, "on-debian", "v5.2.2"), build(t, "on-nothing", "v5.2.2")
	assert.Contains(t, course.Docker(t, attack(onDebian)...).Stdout, "uid=0(root)")

	refused := course.DockerFails(t, attack(onNothing)...)
	assert.Equal(t, 127, refused.ExitCode, "127 is docker's word for: no such program")
	assert.Contains(t, refused.Stderr, "executable file not found")

	course.Say(t, "What the image is for works without a shell:")
	token := strings.TrimSpace(course.Docker(t, "run", "--rm", onNothing, "makes", "ada").Stdout)
	assert.Equal(t, "ada\n", course.Docker(t, "run", "--rm", onNothing, "reads", token).Stdout)
	course.Say(t, "Which user the images name. The first names none, which means root; the other one a number that belongs to nobody:")
	user := func(tag string) string {
		return course.Docker(t, "image", "inspect", "--format", "{{.Config.User}}", tag).Stdout
	}
	assert.Equal(t, "\n", user(onDebian), "no user is root")
	assert.Equal(t, "65534\n", user(onNothing))
}
