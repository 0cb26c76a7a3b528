package module10

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
)

// A query is a list command with a filter, and which of the lesson's objects it lists.
type query struct {
	list    string // the command, without docker
	filters string // of the form KEY=VALUE, separated by blanks; NAME stands for the lesson's name
	expect  string // what is listed of the lesson's own, without its name and a dash
}

// Several values of one filter mean: any of them; different filters mean: all of them. Labels are the exception, of
// which an object must have each.
var queries = []query{
	{"container ls --all", "status=exited", "failed done"},
	{"container ls --all", "exited=3", "failed"},
	{"container ls --all", "exited=3 exited=0", "failed done"},
	{"container ls --all", "name=NAME-b", "blue"},
	{"container ls --all", "label=colour", "blue green"},
	{"container ls --all", "label=colour=green", "green"},
	{"container ls --all", "label=colour label=size=big", "blue"},
	{"container ls --all", "label=colour status=exited", ""},
	{"container ls --all", "volume=NAME-used", "blue"},
	{"container ls --all", "network=NAME-net", "green"},
	{"container ls --all", "publish=8083", "green"},
	{"container ls --all", "ancestor=NAME-image:1", "blue"},
	{"container ls --all", "before=NAME-done", "blue green failed"},
	{"container ls --all", "since=NAME-green", "failed done"},
	{"volume ls", "dangling=true", "unused"},
	{"volume ls", "dangling=false", "used"},
	{"volume ls", "label=keep", "unused"},
	{"network ls", "label=colour=blue", "other"},
	{"network ls", "name=NAME-net driver=bridge", "net"},
	{"image ls", "reference=NAME-image:2", "image:2"},
	{"image ls", "label=edition", "image:1 image:2"},
	{"image ls", "label=edition=first", "image:1"},
}

// Nearly every list command takes --filter. A filter narrows the list, which each query here shows twice: it lists what it
// should of the lesson's objects, and without its filters the same command lists more of them.
func TestAFilterListsWhatMatchesAndNothingElse(t *testing.T) {
	w := newWorkbench(t, "queries")
	w.makeObjects(t)
	for _, q := range queries {
		everything := w.listOwn(t, q.list)
		var filters []string
		for _, filter := range strings.Fields(q.filters) {
			filters = append(filters, "--filter", strings.ReplaceAll(filter, "NAME", w.name))
		}
		found := w.listOwn(t, q.list, filters...)
		assert.ElementsMatch(t, strings.Fields(q.expect), found, "docker %s with %s", q.list, q.filters)
		assert.Subset(t, everything, found)
		assert.Less(t, len(found), len(everything), "without its filters, docker %s should list more", q.list)
	}

	course.Say(t, "Of objects that nobody has given such a name:")
	assert.Equal(t, "none\n", w.Docker(t, "network", "ls", "--filter", "driver=null", "--format", "{{.Name}}").Stdout)
	nameless := w.buildWithoutName(t, "LABEL edition=none")
	dangling := func(is string) string {
		return w.Docker(t, "image", "ls", "--quiet", "--no-trunc", "--filter", "dangling="+is).Stdout
	}
	assert.Contains(t, dangling("true"), nameless)
	assert.NotContains(t, dangling("false"), nameless)
}

// What a list prints for each object is a Go template: --format '{{.Names}} is {{.State}}'. With the word table before
// it, there is a heading; with json, each line is a JSON object for a program to read. Functions such as upper, join,
// split, len and json work on the values.
func TestFormatPrintsWhatIsAskedForInTheFormAskedFor(t *testing.T) {
	w := newWorkbench(t, "formats")
	w.Docker(t, "run", "--detach", "--init", "--name", w.name, "--label", "colour=blue", "--env", "A=1",
		w.busybox, "sleep", "1000")
	list := func(format string) string {
		return w.Docker(t, "container", "ls", "--filter", "name=^"+w.name+"$", "--format", format).Stdout
	}
	assert.Equal(t, "formats is running\n", list("{{.Names}} is {{.State}}"))
	assert.Equal(t, "FORMATS\n", list("{{upper .Names}}"))
	assert.Equal(t, "blue\n", list(`{{.Label "colour"}}`))
	assert.Equal(t, "busybox\n", list(`{{index (split .Image ":") 0}}`))
	assert.Equal(t, "up\n", list(`{{if eq .State "running"}}up{{else}}down{{end}}`))
	assert.Regexp(t, `^NAMES +STATE\nformats +running\n$`, list("table {{.Names}}\t{{.State}}"))
	var read struct{ Names, State string }
	require.NoError(t, json.Unmarshal([]byte(list("json")), &read))
	assert.Equal(t, "formats", read.Names)

	inspect := func(format string) string {
		return w.Docker(t, "container", "inspect", "--format", format, w.name).Stdout
	}
	assert.Equal(t, "sleep 1000\n", inspect(`{{join .Config.Cmd " "}}`))
	assert.Equal(t, "[\"sleep\",\"1000\"]\n", inspect("{{json .Config.Cmd}}"))
	assert.Equal(t, "1\n", inspect("{{len .NetworkSettings.Networks}}"))
	assert.Equal(t, "bridge\n", inspect("{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}"))
	assert.Contains(t, inspect("{{range .Config.Env}}{{println .}}{{end}}"), "A=1\n")
	assert.Contains(t, w.DockerFails(t, "container", "inspect", "--format", "{{.Colour}}", w.name).Stderr, "Colour",
		"of a field that isn't there, the template's complaint names it")
}

// makeObjects makes the things that the queries are about.
func (w workbench) makeObjects(t *testing.T) {
	t.Helper()
	w.build(t, w.name+"-image:1", "LABEL edition=first")
	w.build(t, w.name+"-image:2", "LABEL edition=second")
	w.Docker(t, "tag", w.busybox, w.name+"-image:plain")
	w.Docker(t, "volume", "create", w.name+"-used")
	w.Docker(t, "volume", "create", "--label", "keep", w.name+"-unused")
	w.Docker(t, "network", "create", w.name+"-net")
	w.Docker(t, "network", "create", "--label", "colour=blue", w.name+"-other")
	run := func(name string, words ...string) {
		w.Docker(t, append([]string{"run", "--detach", "--init", "--name", w.name + "-" + name}, words...)...)
	}
	run("blue", "--label", "colour=blue", "--label", "size=big", "--volume", w.name+"-used:/data",
		w.name+"-image:1", "sleep", "1000")
	run("green", "--label", "colour=green", "--network", w.name+"-net", "--publish", "127.0.0.1:8083:80",
		w.busybox, "sleep", "1000")
	run("failed", w.busybox, "sh", "-c", "exit 3")
	run("done", w.busybox, "true")
	w.Docker(t, "wait", w.name+"-failed", w.name+"-done")
	w.listedAsStopped(t, w.name+"-failed")
	w.listedAsStopped(t, w.name+"-done")
}

// listOwn is what a list command prints of the lesson's own objects, without the lesson's name.
func (w workbench) listOwn(t *testing.T, list string, filters ...string) (own []string) {
	t.Helper()
	words := slices.Concat(strings.Fields(list), filters, []string{"--format", map[string]string{
		"container": "{{.Names}}", "volume": "{{.Name}}", "network": "{{.Name}}", "image": "{{.Repository}}:{{.Tag}}",
	}[strings.Fields(list)[0]]})
	for _, name := range strings.Fields(w.Docker(t, words...).Stdout) {
		if rest, ok := strings.CutPrefix(name, w.name+"-"); ok {
			own = append(own, rest)
		}
	}
	return own
}
