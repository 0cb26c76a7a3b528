package module11

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
)

// A debugger is two programs: one is beside what is being debugged, and the other, often a part of an editor, asks it to
// stop there and to tell the value of that. So the first one goes into the container, and its port is published. Here the
// second one is Delve's own, in a terminal on the engine's machine. It stops the API in the middle of a request, which
// gets its answer when the program may go on. (Neither the capability SYS_PTRACE nor a weaker seccomp profile is needed
// for this, as one often reads: Delve has started the program itself, and since Linux 4.8 seccomp lets it look.)
func TestDelveStopsAGoServiceAndReadsAVariable(t *testing.T) {
	debug := debugging(t)
	assert.Contains(t, debug.get(t, example.APIGolang, "/?who=nobody"), `"api":"golang"`, "nothing stops it yet")

	delve := debug.attach(t, "api-golang-dev", "dlv", "connect", debug.port(t, "api-golang", "40000"))
	delve.Type(t, "break main.api.now")
	delve.Reads(t, "Breakpoint 1 set")
	delve.Type(t, "continue")
	request := debug.engine.DockerInBackground(t, debug.visit(t, example.APIGolang, "/?who=ada")...)
	delve.Reads(t, "main.api.now() ./server.go")
	delve.Type(t, "print r.URL.RawQuery")
	delve.Reads(t, `"who=ada"`)
	assert.False(t, request.Ended(), "nobody has answered it yet")
	assert.NotContains(t, delve.Output(), "optimized", "the compiler should have left every variable where it was")

	delve.Type(t, "clearall")
	delve.Reads(t, "Breakpoint 1 cleared")
	delve.Type(t, "exit -c") // and let it continue
	assert.Contains(t, request.WaitUntilEnded(t).Stdout, `"api":"golang"`)
	assert.Contains(t, debug.get(t, example.APIGolang, "/?who=nobody"), `"api":"golang"`, "nothing stops it any more")
}

// Node has its debugger's first part within it: --inspect opens the port. The second one may be Chrome, an editor, or Node
// again.
func TestTheInspectorStopsANodeServiceAndReadsAVariable(t *testing.T) {
	debug := debugging(t)
	assert.Contains(t, debug.get(t, example.APINode, "/?who=nobody"), `"api":"node"`, "nothing stops it yet")

	inspector := debug.attach(t, "api-node-dev", "node", "inspect", debug.port(t, "api-node", "9229"))
	inspector.Reads(t, "debug>")
	inspector.Type(t, fmt.Sprintf("setBreakpoint('app.js', %d)", line(t, debug.source(example.APINode, "src/app.js"), "await ask(queryTimeout)")))
	inspector.Reads(t, "await ask(queryTimeout)")
	request := debug.engine.DockerInBackground(t, debug.visit(t, example.APINode, "/?who=ada")...)
	inspector.Reads(t, "break in")
	inspector.Type(t, "exec('req.query.who')")
	inspector.Reads(t, "'ada'")
	assert.False(t, request.Ended(), "nobody has answered it yet")
	course.Say(t, "Who reaches this port can do what the program can, such as read the file with the password:")
	inspector.Type(t, "exec(\"process.getBuiltinModule('fs').readFileSync('/run/secrets/database-url', 'utf8')\")")
	inspector.Reads(t, "'postgres://")

	inspector.Type(t, "cont")
	assert.Contains(t, request.WaitUntilEnded(t).Stdout, `"api":"node"`)
	inspector.Type(t, ".exit")
	inspector.WaitUntilEnded(t)
}

var debugged course.Shared[*repository]

// debugging is the two APIs with their debuggers, and the database, started once for both lessons.
func debugging(t *testing.T) *repository {
	t.Helper()
	return debugged.Get(t, func() *repository {
		r := newRepository(t, theEngine(t), "compose.dev.yaml", "compose.debug.yaml")
		r.up(t, "api-golang", "api-node")
		return r
	})
}

// attach starts a program of an image on the engine's machine, as if it were installed there, to be typed into.
func (r *repository) attach(t *testing.T, image string, command ...string) *course.Client {
	t.Helper()
	return r.engine.DockerAtKeyboard(t, append([]string{"run", "--rm", "--interactive", "--env", "TERM=dumb", "--network", "host", image}, command...)...)
}

// port is where the engine's machine finds a service's port. It is reached from there only.
func (r *repository) port(t *testing.T, service, port string) string {
	t.Helper()
	address := strings.TrimSpace(r.compose(t, "port", service, port).Stdout)
	assert.True(t, strings.HasPrefix(address, "127.0.0.1:"), address)
	return address
}

// line is the number of the first line of a file that contains text.
func line(t *testing.T, file, text string) int {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	before, _, found := strings.Cut(string(content), text)
	require.True(t, found, text)
	return strings.Count(before, "\n") + 1
}
