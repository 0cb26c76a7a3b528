package module10

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"docker-proven/internal/commands"
	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A row is one line of the reference card.
type row struct {
	command string // without the word docker
	does    string // what it does
	seen    string // what the test looks at, to see that it did
	perform func(t *testing.T, w workbench)
}

// A group is a page of the card: the rows of the commands that begin with one word.
type group struct {
	name string
	rows []row
}

// The card. A subcommand that the docker command lists and that has no row here fails
// TestTheCardHasEverySubcommandThatDockerLists, with its name.
var card = []group{
	{"image", imageRows},
	{"container", containerRows},
	{"volume", volumeRows},
	{"network", networkRows},
	{"system", systemRows},
	{"context", contextRows},
	{"buildx", buildxRows},
	{"compose", composeRows},
}

// performAll performs the rows of a group, each as a test of its own. They don't disturb each other: what a row makes
// bears the row's name.
func performAll(t *testing.T, groupName string) {
	course.Say(t, "docker %s:", groupName)
	n := slices.IndexFunc(card, func(g group) bool { return g.name == groupName })
	for _, row := range card[n].rows {
		t.Run(strings.ReplaceAll(row.command, " ", "_"), func(t *testing.T) {
			w := newWorkbench(t, row.command)
			course.Say(t, "docker %s: %s. Looked at: %s.", row.command, row.does, row.seen)
			if !slices.Contains(listed(t, groupName), row.command) && !commands.Has(help(t, "1"), row.command) {
				t.Skipf("not provable here: the docker command installed here has no `docker %s`", row.command)
			}
			row.perform(t, w)
		})
	}
}

// A workbench is where a row is performed: a docker command that talks to a throwaway engine, and a name for whatever
// the row makes there. Every row has a workbench of its own; the engine and its registry they share.
type workbench struct {
	course.CLI
	engine  *course.ThrowawayEngine
	command string // the row's
	name    string // which nothing of another row begins with
	busybox string // the image that containers are made of
}

// shared is a directory that the engine has, too, at the same path: where a command asks the engine to mount one.
var shared string

func newWorkbench(t *testing.T, command string) workbench {
	t.Helper()
	w := theWorkbench(t)
	w.command, w.name = command, strings.ReplaceAll(command, " ", "-")
	return w
}

var everyone course.Shared[workbench]

// theWorkbench is what the rows share.
func theWorkbench(t *testing.T) workbench {
	t.Helper()
	busybox, registry := course.Ref(t, image.Busybox), course.Ref(t, image.Registry)
	return everyone.Get(t, func() workbench {
		shared = course.HostDirectory(t)
		course.Say(t, "All rows are performed in an engine inside a container, so that nothing happens to yours:")
		engine := course.OneThrowawayEngine(t, course.Publish(0, 5000), course.Publish(0, 5001), course.Seen(shared))
		engine.Load(t, busybox, registry)
		engine.CLI = engine.CLI.WithOwnConfiguration(t)
		cli := engine.CLI
		// One registry for the rows that push and pull. The engine reaches it as localhost:5000.
		cli.ForAll().Docker(t, "run", "--detach", "--name", "registry", "--publish", "5000:5000", registry)
		course.Eventually(t, "the registry answers", func() bool {
			return cli.DockerTries(t, "exec", "registry", "wget", "-q", "-O", "-", "http://127.0.0.1:5000/v2/").ExitCode == 0
		})
		return workbench{CLI: cli, engine: engine, busybox: busybox}
	})
}

// registry is the registry's address for the engine. For a program on this machine it has another: registryFromHere.
const registry = "localhost:5000"

func (w workbench) registryFromHere(t *testing.T) string { return w.engine.Endpoint(t, 5000) }

// leaveOut is the variable under which the rows do everything except their own command. Each must fail then, which
// TestEveryRowFailsWhenItsCommandIsLeftOut sees to.
const leaveOut = "MODULE10_LEAVE_OUT"

// words are those of the row's own command, or of one that does nothing, when it is to be left out.
func (w workbench) words(t *testing.T, arguments []string) []string {
	if os.Getenv(leaveOut) != "" {
		t.Attr("left-out", w.command)
		return []string{"version"}
	}
	return append(strings.Fields(w.command), arguments...)
}

// do performs the row's own command, with these arguments. (Any other command is w.Docker.)
func (w workbench) do(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return w.Docker(t, w.words(t, arguments)...)
}

// doTries is do for a command that may fail.
func (w workbench) doTries(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return w.DockerTries(t, w.words(t, arguments)...)
}

// doFails is do for a command that must fail.
func (w workbench) doFails(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return w.DockerFails(t, w.words(t, arguments)...)
}

// doStdin is do with text on the command's standard input.
func (w workbench) doStdin(t *testing.T, stdin string, arguments ...string) course.Result {
	t.Helper()
	return w.DockerStdin(t, stdin, w.words(t, arguments)...)
}

// doTyped is do with lines typed at a keyboard.
func (w workbench) doTyped(t *testing.T, lines string, arguments ...string) course.Result {
	t.Helper()
	return w.DockerTyped(t, lines, w.words(t, arguments)...)
}

// doInBackground is do for a command that goes on.
func (w workbench) doInBackground(t *testing.T, arguments ...string) *course.Client {
	t.Helper()
	return w.DockerInBackground(t, w.words(t, arguments)...)
}

// has is whether there is an object of this kind (image, container, volume, network) and name.
func (w workbench) has(t *testing.T, kind, name string) bool {
	t.Helper()
	return w.DockerTries(t, kind, "inspect", "--format", "there is one", name).ExitCode == 0
}

// about is a part of what inspect tells about an object.
func (w workbench) about(t *testing.T, kind, name, format string) string {
	t.Helper()
	return strings.TrimSpace(w.Docker(t, kind, "inspect", "--format", format, name).Stdout)
}

// state is a container's: created, running, paused, exited.
func (w workbench) state(t *testing.T, container string) string {
	t.Helper()
	return w.about(t, "container", container, "{{.State.Status}}")
}

// start starts a container that sleeps, or runs the command given.
func (w workbench) start(t *testing.T, name string, command ...string) {
	t.Helper()
	if len(command) == 0 {
		command = []string{"sleep", "1000"}
	}
	line := []string{"run", "--detach", "--init", "--network", "none", "--hostname", name, "--name", name, w.busybox}
	w.Docker(t, append(line, command...)...)
}

// output is what a container of the image prints, which it never pulls.
func (w workbench) output(t *testing.T, image string, command ...string) string {
	t.Helper()
	line := []string{"run", "--rm", "--network", "none", "--pull", "never", image}
	return w.Docker(t, append(line, command...)...).Stdout
}

// build builds an image of w.busybox and these instructions of a Dockerfile.
func (w workbench) build(t *testing.T, tag string, instructions ...string) {
	t.Helper()
	w.buildFrom(t, instructions, "--tag", tag)
}

func (w workbench) buildWithoutName(t *testing.T, instructions ...string) (id string) {
	t.Helper()
	return strings.TrimSpace(w.buildFrom(t, instructions).Stdout)
}

func (w workbench) buildFrom(t *testing.T, instructions []string, flags ...string) course.Result {
	t.Helper()
	dockerfile := "FROM " + w.busybox + "\n" + strings.Join(instructions, "\n") + "\n"
	return w.DockerStdin(t, dockerfile, slices.Concat([]string{"build", "--quiet"}, flags, []string{"-"})...)
}

// inDirectory is the workbench in a new directory with these files.
func (w workbench) inDirectory(t *testing.T, files map[string]string) (inside workbench, directory string) {
	t.Helper()
	root, err := os.MkdirTemp(shared, "")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(root, 0o755))
	directory = filepath.Join(root, w.name)
	require.NoError(t, os.Mkdir(directory, 0o755))
	for name, content := range files {
		course.WriteHostFile(t, filepath.Join(directory, name), content)
	}
	w.CLI = w.In(directory)
	return w, directory
}

// project is the workbench in the directory of a compose project. Its one service, web, sleeps and has no network,
// which is quicker, unless more lines say otherwise.
func (w workbench) project(t *testing.T, more ...string) workbench {
	t.Helper()
	lines, all := []string{"name: " + w.name, "services:", "  web:"}, strings.Join(more, "\n")
	for _, setting := range []string{"image: " + w.busybox, "command: sleep 1000", "init: true", "network_mode: none"} {
		key, _, _ := strings.Cut(setting, ": ")
		if !strings.Contains(all, "    "+key+":") && !(key == "network_mode" && strings.Contains(all, "networks:")) {
			lines = append(lines, "    "+setting)
		}
	}
	file := strings.Join(append(lines, more...), "\n") + "\n"
	inside, _ := w.inDirectory(t, map[string]string{"compose.yaml": file})
	return inside
}

// web is the name of the container of a project's one service.
func (w workbench) web() string { return w.name + "-web-1" }

// listedAsStopped waits until a container that has stopped is not among the running ones any more: the list of a busy engine is
// a moment behind what happened.
func (w workbench) listedAsStopped(t *testing.T, container string) {
	t.Helper()
	w.DockerUntil(t, "^$", "ps", "--quiet", "--filter", "name="+container)
}

// apart is the workbench at a second throwaway engine, for the rows whose command is about everything an engine has:
// nobody else works there until the test ends. One container runs there, named keeper, of w.busybox.
func (w workbench) apart(t *testing.T) workbench {
	t.Helper()
	course.Say(t, "This one takes its turn in an engine of its own:")
	turn.Take(t)
	w.engine = second.Get(t, func() *course.ThrowawayEngine {
		engine := course.SharedThrowawayEngine(t, "one at a time")
		engine.Load(t, w.busybox)
		engine.CLI = engine.CLI.WithOwnConfiguration(t)
		return engine
	})
	w.CLI = w.engine.CLI
	if !w.has(t, "container", "keeper") {
		w.start(t, "keeper")
	}
	return w
}

var (
	turn   course.Turn // at the second engine
	second course.Shared[*course.ThrowawayEngine]
)

// help is the docker command's own help, with buildx's experiments (1) or without (0). Each is asked for once.
func help(t *testing.T, experiments string) commands.Help {
	return func(words ...string) string {
		key := experiments + " " + strings.Join(words, " ")
		once, _ := helps.LoadOrStore(key, sync.OnceValue(func() string {
			cli := theWorkbench(t).With("BUILDX_EXPERIMENTAL=" + experiments)
			return cli.DockerTries(t, append(slices.Clone(words), "--help")...).Output()
		}))
		return once.(func() string)()
	}
}

var helps sync.Map // experiments and words → func() string

// listed are the subcommands that the docker command lists for a group.
func listed(t *testing.T, groupName string) []string {
	t.Helper()
	return commands.Below(help(t, "0"), groupName)
}
