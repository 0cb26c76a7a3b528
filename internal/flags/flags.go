// Package flags performs tables of flags, of `docker run` and of other docker commands. Each row is an experiment that is
// performed twice, with the flag and without it, and that must give the two different results that the row states. So no row
// can hold whose flag makes no difference.
package flags

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A Row is a flag, and the experiment that shows what it does. In the columns, $WORD is a word made up for each
// performance, $BUSYBOX is the image, and $ID is the container that was started with --detach; Arrange adds others.
type Row struct {
	Flag    string // as a learner types it, its value included
	Changes string // what the flag changes

	Before []string  // docker commands that come first
	After  []string  // docker commands that come last, so that the experiment can be repeated
	Line   string    // the docker command, with $FLAG where the flag goes, unless it is docker run
	Also   string    // flags of docker run that are there with and without this one; when there are none, --rm
	Image  string    // of docker run, unless it is busybox
	Shell  string    // what a shell does in the container
	Cgroup [2]string // a file of the control group, in version 1 and 2, which is shown by docker run; for others it is $CGROUP
	Stdin  string    // standard input of the command
	Then   string    // a docker command that comes afterwards: what it prints is what counts
	File   string    // a file of the host that is read afterwards: what it holds is what counts

	// With and Without are what is printed with the flag and without it: `...` stands for any text, ` | ` is between
	// two possibilities, and text between slashes is a regular expression. An exit status that isn't 0 is the last line.
	With, Without string

	Needs   func(t *testing.T)                                         // skips the row where it can't be shown
	Arrange func(t *testing.T, word string) (values map[string]string) // what other words in the columns stand for
	On      func(t *testing.T) *course.ThrowawayEngine                 // the engine, unless it is the learner's own
}

// Name is the flag without its value.
func (r Row) Name() string {
	name, _, _ := strings.Cut(r.Flag, " ")
	return name
}

// title is the flag after the command that it is one of, unless that is docker run.
func (r Row) title() string {
	var title []string
	for _, word := range strings.Fields(r.Line) {
		if strings.HasPrefix(word, "-") || strings.HasPrefix(word, "$") {
			break
		}
		title = append(title, word)
	}
	return strings.Join(append(title, r.Flag), " ")
}

// Perform shows the learner the table, and performs each of its rows as a subtest.
func Perform(t *testing.T, table []Row) {
	course.Show(t, text(table))
	for _, row := range table {
		t.Run(strings.NewReplacer(" ", "_", "/", "_").Replace(row.title()), row.perform)
	}
}

func (r Row) perform(t *testing.T) {
	course.Say(t, "%s: %s.", r.title(), r.Changes)
	if r.Needs != nil {
		r.Needs(t)
	}
	with := r.observe(t, r.Flag)
	course.Say(t, "The same without %s:", r.Name())
	without := r.observe(t, "")
	r.Prove(t, with, without)
}

// Prove fails the test unless the row holds, and would not hold if the flag made no difference.
func (r Row) Prove(t *testing.T, with, without string) {
	t.Helper()
	require.NoError(t, r.verdict(with, without))
	require.Error(t, r.verdict(without, without), "with %s taken away, this row should fail", r.Flag)
}

// verdict is whether the row holds, when this was observed with the flag and that without.
func (r Row) verdict(with, without string) error {
	var errs []error
	if !matches(r.With, with) {
		errs = append(errs, fmt.Errorf("with %s it should have printed %q, but it was %q", r.Flag, r.With, with))
	}
	if !matches(r.Without, without) {
		errs = append(errs, fmt.Errorf("without %s it should have printed %q, but it was %q", r.Flag, r.Without, without))
	}
	return errors.Join(errs...)
}

// observe performs the experiment with the flags given, and returns what was printed.
func (r Row) observe(t *testing.T, flag string) string {
	t.Helper()
	cli, busybox := course.CLI{}, ""
	if r.On == nil {
		busybox = course.Ref(t, image.Busybox)
	} else {
		engine := r.On(t)
		cli, busybox = engine.CLI, engine.Ref(t, image.Busybox)
	}
	word := course.Unique(t, "word-")
	values := []string{"$WORD", word, "$BUSYBOX", busybox}
	if r.Arrange != nil {
		for name, value := range r.Arrange(t, word) {
			values = append(values, name, value)
		}
	}
	fill := func(text string) string { return strings.NewReplacer(values...).Replace(text) }
	words := func(line string) []string {
		words := strings.Fields(line)
		for n := range words {
			words[n] = fill(words[n])
		}
		return words
	}
	for _, line := range r.Before {
		cli.Docker(t, words(line)...)
	}

	also, ref, shell := r.Also, r.Image, r.Shell
	if also == "" {
		also = "--rm"
	}
	if ref == "" {
		ref = busybox
	}
	if r.Cgroup != [2]string{} {
		file := course.CgroupFile(t, r.Cgroup[0], r.Cgroup[1])
		values = append(values, "$CGROUP", file)
		if r.Line == "" {
			shell = "cat " + file
		}
	}
	command := r.Line
	if command == "" {
		command = "run " + also + " $FLAG " + ref
	}
	line := words(strings.Replace(command, "$FLAG", flag, 1))
	if shell != "" {
		line = append(line, "sh", "-c", fill(shell))
	}
	defer func() { // also when the command fails the test
		for _, line := range r.After {
			cli.Docker(t, words(line)...)
		}
	}()
	var result course.Result
	if r.Stdin != "" {
		result = cli.DockerStdin(t, fill(r.Stdin), line...)
	} else {
		result = cli.DockerTries(t, line...)
	}
	switch {
	case r.Then != "":
		values = append(values, "$ID", strings.TrimSpace(result.Stdout))
		result = cli.DockerTries(t, words(r.Then)...)
	case r.File != "":
		path := words(r.File)[0]
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			content = []byte("no such file")
		} else if err != nil {
			t.Fatal(err)
		}
		course.Typed(t, string(content), "cat", path)
		return strings.TrimSpace(string(content))
	}
	return Observed(result)
}

// Observed is what a command has printed, as a row's columns describe it.
func Observed(result course.Result) string {
	observed := strings.TrimSpace(strings.ReplaceAll(result.Output(), "\r", ""))
	if result.ExitCode != 0 {
		observed = strings.TrimSpace(fmt.Sprintf("%s\nexit status %d", observed, result.ExitCode))
	}
	return observed
}

// matches is whether a text is what a column says. `...` doesn't stand for a failure: a command that has failed must be
// expected to.
func matches(column, text string) bool {
	for _, possibility := range strings.Split(column, " | ") {
		failed := strings.Contains(text, "exit status ")
		if failed == strings.Contains(possibility, "exit status ") && pattern(possibility).MatchString(text) {
			return true
		}
	}
	return false
}

// Shows is whether a text that shortens what is printed, `...` standing for what it leaves out, fits a column.
func Shows(column, short string) bool {
	for _, possibility := range strings.Split(column, " | ") {
		left, fits := possibility, true
		for _, part := range strings.Split(short, "...") {
			_, after, found := strings.Cut(left, strings.TrimSpace(part))
			left, fits = after, fits && found
		}
		if fits || pattern(possibility).MatchString(short) {
			return true
		}
	}
	return false
}

func pattern(possibility string) *regexp.Regexp {
	if len(possibility) > 1 && strings.HasPrefix(possibility, "/") && strings.HasSuffix(possibility, "/") {
		return regexp.MustCompile("^" + strings.Trim(possibility, "/") + "$")
	}
	parts := strings.Split(possibility, "...")
	for n, part := range parts {
		parts[n] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}

// text is the table as a learner reads it.
func text(table []Row) string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "FLAG\tWHAT IT CHANGES\tIN THE CONTAINER, OR AFTERWARDS\tPRINTS WITH IT\tAND WITHOUT")
	cell := func(text string) string {
		if text == "" {
			return "(nothing)"
		}
		return strings.ReplaceAll(text, "\n", `\n`)
	}
	for _, row := range table {
		cells := []string{row.Flag, row.Changes, cell(row.experiment()), cell(row.With), cell(row.Without)}
		fmt.Fprintln(columns, strings.Join(cells, "\t"))
	}
	columns.Flush()
	return text.String()
}

// experiment is the experiment in short.
func (r Row) experiment() string {
	switch {
	case r.Line != "":
		line := "docker " + strings.Replace(r.Line, "$FLAG", "["+r.Flag+"]", 1)
		if r.Shell != "" {
			line += " sh -c '" + r.Shell + "'"
		}
		if r.Then != "" {
			line += "; docker " + r.Then
		}
		return line
	case r.Then != "":
		return "docker " + r.Then
	case r.File != "":
		return "cat " + r.File
	case r.Cgroup != [2]string{}:
		return "cat /sys/fs/cgroup/" + r.Cgroup[1]
	}
	return r.Shell
}

var inHelp = regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z0-9-]+)`)

// InHelp are the flags that a command's help lists.
func InHelp(help string) (names []string) {
	for _, found := range inHelp.FindAllStringSubmatch(help, -1) {
		names = append(names, found[1])
	}
	return names
}
