package module10

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/commands"
	"docker-proven/internal/course"
)

// missing are the subcommands that the docker command lists for a group, and for which these rows have none.
func missing(help commands.Help, g group) (names []string) {
	for _, command := range commands.Below(help, g.name) {
		if !slices.ContainsFunc(g.rows, func(r row) bool { return r.command == command }) {
			names = append(names, command)
		}
	}
	return names
}

// Docker grows, and a card that was complete isn't any more. So the card is held against what the docker command itself
// lists with --help: a subcommand without a row is named here. This is about the card, not about your machine.
func TestTheCardHasEverySubcommandThatDockerLists(t *testing.T) {
	newWorkbench(t, "card")
	for _, g := range card {
		for _, name := range missing(help(t, "0"), g) {
			t.Errorf("the docker command installed here has `docker %s`, and the card has no row for it. Nothing is wrong "+
				"with this machine. To mend it: add a row to %sRows in module10, which performs the command and looks at one "+
				"effect of it, and the row's line to the README.", name, g.name)
		}
	}
}

// The control of the claim above: with a subcommand that docker doesn't have put into its help, or with a row taken out
// of the card, the name of that one is what comes out.
func TestASubcommandThatTheCardLacksIsNamed(t *testing.T) {
	newWorkbench(t, "control")
	before := map[string][]string{}
	for _, g := range card {
		before[g.name] = missing(help(t, "0"), g)
		pretending := func(words ...string) string {
			text := help(t, "0")(words...)
			if strings.Join(words, " ") != g.name {
				return text
			}
			const list = "\nCommands:\n"
			require.Contains(t, text, list)
			return strings.Replace(text, list, list+"  teleport    Move somewhere else at once\n", 1)
		}
		assert.ElementsMatch(t, append(before[g.name], g.name+" teleport"), missing(pretending, g))
	}
	course.Say(t, "And with a row taken out, also one of a group within a group:")
	for _, name := range []string{"volume rm", "buildx imagetools create", "compose up"} {
		groupName, _, _ := strings.Cut(name, " ")
		for _, g := range card {
			if g.name == groupName {
				g.rows = slices.DeleteFunc(slices.Clone(g.rows), func(r row) bool { return r.command == name })
				assert.ElementsMatch(t, append(before[g.name], name), missing(help(t, "0"), g))
			}
		}
	}
	assert.False(t, commands.Has(help(t, "1"), "volume teleport"), "a row for it would be skipped")
}

// A command that is older than the groups has a short name, which is an alias: both names are in the one list that the help
// of either shows.
func TestAShortNameIsAnAliasOfACommandInAGroup(t *testing.T) {
	newWorkbench(t, "aliases")
	list := regexp.MustCompile(`(?m)^Aliases:\r?\n +(docker .*\S)`)
	aliases := func(command string) []string {
		found := list.FindStringSubmatch(help(t, "0")(strings.Fields(command)...))
		require.NotNil(t, found, "the help of docker %s should have such a list", command)
		return strings.Split(found[1], ", ")
	}
	for short, inGroup := range map[string]string{
		"ps": "container ls", "images": "image ls", "rmi": "image rm", "run": "container run",
	} {
		assert.Subset(t, aliases(short), []string{"docker " + short, "docker " + inGroup})
		assert.Equal(t, aliases(short), aliases(inGroup))
	}
}

// How does one know that a row would notice if its command did nothing? By leaving the command out. Here all rows are
// performed once more, in an engine of their own, with `docker version` in the place of the row's command. Every one
// must fail: one that doesn't has looked at something that the command had no part in.
func TestEveryRowFailsWhenItsCommandIsLeftOut(t *testing.T) {
	if os.Getenv(leaveOut) != "" {
		t.Skip("not provable here: this is the run with the commands left out")
	}
	course.Say(t, "%s=1 go test ./module10 -run DoesWhatTheCardSays", leaveOut)
	program, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program, "-test.v=test2json", "-test.run", "DoesWhatTheCardSays$")
	command.Env = append(os.Environ(), leaveOut+"=1")
	output, _ := command.CombinedOutput()

	reached := submatches(`=== ATTR +(\S+) left-out`, output)
	failed := submatches(`--- FAIL: (\S+/\S+) \(`, output)
	skipped := submatches(`--- SKIP: (\S+/\S+) \(`, output)
	rows := 0
	for _, g := range card {
		for _, r := range g.rows {
			rows++
			name := strings.ReplaceAll(r.command, " ", "_")
			if has(skipped, name) {
				continue
			}
			assert.True(t, has(reached, name), "the row should get as far as its command: %s", r.command)
			assert.True(t, has(failed, name), "without its command, the row should fail: %s", r.command)
		}
	}
	require.Less(t, len(skipped), rows)
	course.Say(t, "%d rows, of which %d failed as they should, and %d are not provable here.",
		rows, len(failed), len(skipped))
	if t.Failed() {
		course.Show(t, string(output))
	}
}

// submatches are what the parenthesis of an expression matches in a text, each once.
func submatches(expression string, text []byte) (found []string) {
	for _, match := range regexp.MustCompile(expression).FindAllSubmatch(text, -1) {
		found = append(found, string(match[1]))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func has(tests []string, row string) bool {
	return slices.ContainsFunc(tests, func(test string) bool { return strings.HasSuffix(test, "/"+row) })
}

// The README shows the same card, and names the flags. Where it doesn't, this says which lines it should have.
func TestTheReadmeShowsTheCard(t *testing.T) {
	content := course.ReadHostFile(t, "README.md")
	for _, g := range card {
		table := "| command | what it does | looked at |\n|---|---|---|\n"
		for _, r := range g.rows {
			table += "| `docker " + r.command + "` | " + r.does + " | " + r.seen + " |\n"
		}
		if !strings.Contains(content, table) {
			t.Errorf("the README's table of docker %s should be:\n%s", g.name, table)
		}
	}
	for _, row := range slices.Concat(execFlags, logFlags, objectFlags, buildFlags) {
		assert.Contains(t, content, "`"+row.Name(), "the README's table of flags should have it")
	}
}
