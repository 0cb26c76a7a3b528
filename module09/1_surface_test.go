package module09

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/saved"
)

// What the programs of module09/tokens make of a token of Ada's.
const adasToken = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."

// Whatever is in an image is there for those who break into its container, too: packages, each with its own mistakes,
// shells to type into, and setuid programs, which run as root whoever starts them. This attack surface can be measured.
// The same two programs are put on a compiler's image, on a distribution, on a handful of commands, and on nothing. All
// four do the same work; the last has next to nothing to attack.
func TestTheLessIsInAnImageTheLessThereIsToAttack(t *testing.T) {
	var surfaces []saved.Surface
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "IMAGE\tFILES\tPACKAGES\tSETUID PROGRAMS\tSHELLS")
	for _, target := range []string{"on-golang", "on-debian", "on-busybox", "on-nothing"} {
		tag := build(t, target, "v5.2.2")
		answer := course.Docker(t, "run", "--rm", tag, "reads", adasToken)
		assert.Equal(t, "ada\n", answer.Stdout, "%s should do the same work", target)
		_, contents := open(t, tag)
		surface, err := contents.Surface()
		require.NoError(t, err)
		surfaces = append(surfaces, surface)
		fmt.Fprintf(columns, "%s\t%d\t%d\t%d\t%d\n", target,
			surface.Files, len(surface.Packages), len(surface.Setuid), len(surface.Shells))
	}
	columns.Flush()
	course.Say(t, "What is in them, side by side:")
	course.Show(t, table.String())

	debian, nothing := surfaces[1], surfaces[len(surfaces)-1]
	course.Say(t, "The setuid programs of the distribution: %s", strings.Join(debian.Setuid, " "))
	assert.NotEmpty(t, debian.Packages)
	assert.NotEmpty(t, debian.Setuid)
	assert.NotEmpty(t, debian.Shells)
	assert.Equal(t, saved.Surface{Files: 2}, nothing, "the two programs, and nothing else")
	for n := 1; n < len(surfaces); n++ {
		assert.Less(t, surfaces[n].Files, surfaces[n-1].Files, "each image should hold less than the one before")
	}
}

// Most attacks end in a shell: the program is tricked into starting one, and from there on the attacker types. Where
// the image has no shell, the same trick has nothing to start.
func TestWhereThereIsNoShellAnAttackerGetsNone(t *testing.T) {
	attack := func(tag string) []string { return []string{"run", "--rm", "--entrypoint", "sh", tag, "-c", "id"} }
	assert.Contains(t, course.Docker(t, attack(build(t, "on-debian", "v5.2.2"))...).Stdout, "uid=0(root)")

	refused := course.DockerFails(t, attack(build(t, "on-nothing", "v5.2.2"))...)
	assert.Equal(t, 127, refused.ExitCode, "127 is docker's word for: no such program")
	assert.Contains(t, refused.Stderr, "executable file not found")
}
