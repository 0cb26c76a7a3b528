package sabotage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
)

// anEngine is a server in an engine's place, which notes what it is asked, behind a proxy.
type anEngine struct {
	proxy *Proxy
	asked []string                               // method, path with query, body
	taken func(path string, connection net.Conn) // what becomes of connections that are taken over, if not speak's
	to    *http.Client
	dial  func() (net.Conn, error)
}

func newEngine(t *testing.T) *anEngine {
	t.Helper()
	return engineBehindProxy(t, false)
}

func engineBehindProxy(t *testing.T, throwaway bool) *anEngine {
	t.Helper()
	e := &anEngine{proxy: &Proxy{spared: []string{"docker"}}}
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			e.speak(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		e.asked = append(e.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		assert.Empty(t, r.Header.Get(course.LessonHeader), "the engine needn't know")
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"Id":"0123456789abcdef%d"}`, len(e.asked))
		}
	}))
	t.Cleanup(engine.Close)
	directory, err := os.MkdirTemp("", "") // t.TempDir has the test's name in it: no socket's path may be that long
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	socket := filepath.Join(directory, "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(e.proxy.Close)
	to := strings.TrimPrefix(engine.URL, "http://")
	e.proxy.before(listener, throwaway, func(context.Context) (net.Conn, error) { return net.Dial("tcp", to) })
	e.dial = func() (net.Conn, error) { return net.Dial("unix", socket) }
	e.to = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return e.dial() }}}
	return e
}

// speak answers in capitals, as soon as the other side has said all that it has to say: as docker run --interactive.
func (e *anEngine) speak(w http.ResponseWriter, r *http.Request) {
	connection, buffered, _ := w.(http.Hijacker).Hijack()
	defer connection.Close()
	fmt.Fprintf(connection, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
	if e.taken != nil {
		connection.SetDeadline(time.Time{})
		e.taken(r.URL.Path, over{connection, buffered})
		return
	}
	if r.Header.Get("Upgrade") == "last-words" {
		connection.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := buffered.ReadByte()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			io.WriteString(connection, "no more was heard")
		}
		return
	}
	heard, _ := io.ReadAll(buffered)
	io.WriteString(connection, strings.ToUpper(string(heard)))
}

// ask sends a request, with the header of a test's docker command if there is a test.
func (e *anEngine) ask(t *testing.T, test, method, path, body string) (status int) {
	t.Helper()
	r, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	require.NoError(t, err)
	if test != "" {
		r.Header.Set(course.LessonHeader, test+".random")
	}
	answer, err := e.to.Do(r)
	require.NoError(t, err)
	answer.Body.Close()
	return answer.StatusCode
}

func (e *anEngine) last() string { return e.asked[len(e.asked)-1] }

func faultNamed(t *testing.T, name string) Fault {
	t.Helper()
	chosen, err := choose([]string{name})
	require.NoError(t, err)
	return chosen.faults[0]
}

const memoryAndMount = `{"Image":"busybox","HostConfig":{"Memory":9007199254740993,"Unknown":{"a":1.50},"Mounts":[{"Type":"tmpfs","Target":"/a"}]}}`

func TestWithoutAPlanRequestsPassAsTheyAreAndTheirFaultsAreNoted(t *testing.T) {
	e := newEngine(t)
	e.proxy.Record()
	e.ask(t, "module04.TestA", "POST", "/v1.51/containers/create?name=a&platform=", memoryAndMount)
	assert.Equal(t, "POST /v1.51/containers/create?name=a&platform= "+memoryAndMount, e.last())
	e.ask(t, "", "GET", "/v1.51/info", "")
	assert.Equal(t, "GET /v1.51/info", e.last())

	assert.Equal(t, map[string][]string{"module04.TestA": {"limit-altered", "memory", "mount", "mount-elsewhere", "name"}}, e.proxy.Applies())
}

func TestWhatIsGivenByItsNameAloneCanBeDroppedToo(t *testing.T) {
	e := newEngine(t)
	e.proxy.Record()
	e.ask(t, "module04.TestA", "POST", "/containers/create", `{"ExposedPorts":{"80/tcp":{}},"Volumes":{"/data":{}},"HostConfig":{"Tmpfs":{"/a":""}}}`)
	assert.Equal(t, map[string][]string{"module04.TestA": {"anonymous-volume", "expose", "tmpfs"}}, e.proxy.Applies())
}

func TestAFaultAltersOneThingOfOneTest(t *testing.T) {
	e := newEngine(t)
	e.proxy.Plant(map[string]Fault{"module04.TestA": faultNamed(t, "memory")})
	e.ask(t, "module04.TestA", "POST", "/v1.51/containers/create?name=a", memoryAndMount)
	assert.Equal(t, `POST /v1.51/containers/create?name=a {"HostConfig":{"Mounts":[{"Target":"/a","Type":"tmpfs"}],`+
		`"Unknown":{"a":1.50}},"Image":"busybox"}`, e.last())
	assert.Equal(t, map[string]bool{"module04.TestA": true}, e.proxy.Planted())

	e.ask(t, "module04.TestB", "POST", "/v1.51/containers/create?name=b", memoryAndMount)
	assert.Equal(t, "POST /v1.51/containers/create?name=b "+memoryAndMount, e.last())
	e.ask(t, "module04.TestA", "POST", "/v1.51/containers/create", strings.Replace(memoryAndMount, "busybox", "docker:26-dind", 1))
	assert.Contains(t, e.last(), `"Memory":9007199254740993`, "the container of a throwaway engine is spared")
}

func TestWhoseARequestIsIsKnownByLabelAndByContainerToo(t *testing.T) {
	e := newEngine(t)
	e.proxy.Plant(map[string]Fault{"module04.TestA/b c": faultNamed(t, "exec-user")})
	e.ask(t, "", "POST", "/containers/create?name=here", `{"Labels":{"docker-proven.lesson":"module04.TestA%2Fb+c.random"}}`)
	for _, container := range []string{"here", "0123456789abcdef1", "0123456789ab"} {
		e.ask(t, "", "POST", "/containers/"+container+"/exec", `{"User":"1000"}`)
		assert.Equal(t, "POST /containers/"+container+"/exec {}", e.last())
	}
	e.ask(t, "", "POST", "/containers/other/exec", `{"User":"1000"}`)
	assert.Equal(t, `POST /containers/other/exec {"User":"1000"}`, e.last())
}

func TestWhatIsNotPerformedDoesNotReachTheEngine(t *testing.T) {
	e := newEngine(t)
	e.proxy.Plant(map[string]Fault{"module04.TestA": faultNamed(t, "tag")})
	assert.Equal(t, http.StatusNoContent, e.ask(t, "module04.TestA", "POST", "/v1.51/images/host:5000/a/b/tag?repo=c", ""))
	assert.Empty(t, e.asked)
	e.ask(t, "module04.TestB", "POST", "/v1.51/images/host:5000/a/b/tag?repo=c", "")
	assert.Len(t, e.asked, 1)
}

func TestFilesThatAreSentToNobodyAreTakenAllTheSame(t *testing.T) {
	e := newEngine(t)
	e.proxy.Plant(map[string]Fault{"module07.TestA": faultNamed(t, "load"), "module07.TestB": faultNamed(t, "login")})
	files := strings.Repeat("files", 1<<20)
	assert.Equal(t, http.StatusOK, e.ask(t, "module07.TestA", "POST", "/images/load", files))
	assert.Equal(t, http.StatusOK, e.ask(t, "module07.TestB", "POST", "/auth", `{"password":"wrong"}`))
	assert.Empty(t, e.asked)
	e.ask(t, "module07.TestB", "POST", "/images/load", files)
	assert.Equal(t, "POST /images/load "+files, e.last())
}

func TestAFilterIsDroppedOnThrowawayEnginesOnly(t *testing.T) {
	plan := map[string]Fault{"module10.TestA": faultNamed(t, "container-prune-filter"), "module10.TestB": faultNamed(t, "ps-filter")}
	const prune = "/containers/prune?filters=%7B%22label%22%3A%7B%22keep%22%3Atrue%7D%7D"
	learners := newEngine(t)
	learners.proxy.Plant(plan)
	learners.ask(t, "module10.TestA", "POST", prune, "")
	assert.Equal(t, "POST "+prune, learners.last())

	throwaway := engineBehindProxy(t, true)
	throwaway.proxy.Plant(plan)
	throwaway.ask(t, "module10.TestA", "POST", prune, "")
	assert.Equal(t, "POST /containers/prune", throwaway.last())
	const composes = "/containers/json?filters=%7B%22label%22%3A%7B%22com.docker.compose.project%3Dshop%22%3Atrue%7D%7D"
	throwaway.ask(t, "module10.TestB", "GET", composes, "")
	assert.Equal(t, "GET "+composes, throwaway.last(), "by these Compose knows what it has made")
}

func TestLimitsPoliciesAndPortsCanBeOthersThanAskedFor(t *testing.T) {
	e := newEngine(t)
	for name, bodies := range map[string][2]string{
		"limit-altered": {`{"HostConfig":{"Memory":1024,"PidsLimit":-1,"Ulimits":[{"Hard":3,"Name":"nofile","Soft":2}]}}`,
			`{"HostConfig":{"Memory":2048,"PidsLimit":-1,"Ulimits":[{"Hard":6,"Name":"nofile","Soft":4}]}}`},
		"restart-altered": {`{"HostConfig":{"RestartPolicy":{"MaximumRetryCount":3,"Name":"on-failure"}}}`,
			`{"HostConfig":{"RestartPolicy":{"Name":"always"}}}`},
		"publish-anywhere": {`{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]}}}`,
			`{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"0"}]}}}`},
	} {
		e.proxy.Plant(map[string]Fault{"module08.TestA": faultNamed(t, name)})
		e.ask(t, "module08.TestA", "POST", "/containers/create", bodies[0])
		assert.Equal(t, "POST /containers/create "+bodies[1], e.last(), name)
	}
}

func TestWhatASwarmIsAskedForIsAlteredToo(t *testing.T) {
	e := newEngine(t)
	e.proxy.Plant(map[string]Fault{"module12.TestA": faultNamed(t, "secret-altered"), "module12.TestB": faultNamed(t, "service-publish-mode"),
		"module12.TestC": faultNamed(t, "service-update")})
	e.ask(t, "module12.TestA", "POST", "/v1.51/secrets/create", `{"Name":"a","Data":"aGVsbG8="}`)
	assert.Equal(t, `POST /v1.51/secrets/create {"Data":"eHh4eHg=","Name":"a"}`, e.last())
	e.ask(t, "module12.TestB", "POST", "/services/create", `{"EndpointSpec":{"Ports":[{"PublishMode":"ingress"},{"PublishMode":"host","TargetPort":80}]}}`)
	assert.Equal(t, `POST /services/create {"EndpointSpec":{"Ports":[{"PublishMode":"ingress"},{"TargetPort":80}]}}`, e.last())
	assert.Equal(t, http.StatusOK, e.ask(t, "module12.TestC", "POST", "/services/x/update?version=12", `{"Name":"x"}`))
	assert.Len(t, e.asked, 2)
}

func TestWhoeverWaitsForARemovalThatWillNotComeIsToldOfTheEnd(t *testing.T) {
	e := newEngine(t)
	e.proxy.Plant(map[string]Fault{"module04.TestA": faultNamed(t, "rm")})
	e.ask(t, "module04.TestA", "POST", "/containers/create", `{"HostConfig":{"AutoRemove":true}}`)
	assert.Equal(t, `POST /containers/create {"HostConfig":{}}`, e.last())
	e.ask(t, "module04.TestA", "POST", "/containers/x/wait?condition=removed", "")
	assert.Equal(t, "POST /containers/x/wait?condition=next-exit", e.last())
}

// attach, exec, and builds take over the connection, and one side may have said all while the other one still speaks.
func TestConnectionsThatAreTakenOverPassUnharmed(t *testing.T) {
	e := newEngine(t)
	for _, protocol := range []string{"tcp", "h2c"} {
		connection, err := e.dial()
		require.NoError(t, err)
		defer connection.Close()
		fmt.Fprintf(connection, "POST /containers/x/attach?stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol)
		reader := bufio.NewReader(connection)
		answer, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
		_, err = io.WriteString(connection, "hello")
		require.NoError(t, err)
		require.NoError(t, connection.(*net.UnixConn).CloseWrite())
		said, err := io.ReadAll(reader)
		require.NoError(t, err)
		assert.Equal(t, "HELLO", string(said))
	}
}

// Who attaches without a standard input is done speaking at once, which the engine, who doesn't listen, needn't know.
func TestTheLastWordsReachWhoHasNothingToSay(t *testing.T) {
	e := newEngine(t)
	connection, err := e.dial()
	require.NoError(t, err)
	defer connection.Close()
	fmt.Fprint(connection, "POST /containers/x/attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: last-words\r\n\r\n")
	reader := bufio.NewReader(connection)
	_, err = http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.NoError(t, connection.(*net.UnixConn).CloseWrite())
	said, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Equal(t, "no more was heard", string(said))
}

// A fault that is none would be caught by nothing, and one that breaks the request by everything.
func TestEachFaultHasANameOfItsOwnAndLeavesAnEmptyRequestAlone(t *testing.T) {
	known := map[string]bool{}
	for _, fault := range Faults {
		assert.False(t, known[fault.Name], fault.Name)
		known[fault.Name] = true
		if !fault.nothing {
			var body object
			require.NoError(t, json.Unmarshal([]byte(`{"Env":null,"HostConfig":{"Memory":0,"RestartPolicy":{"Name":"no","MaximumRetryCount":0},`+
				`"NetworkMode":"default","LogConfig":{"Type":"","Config":{}}},"NetworkingConfig":{"EndpointsConfig":{"default":{"Aliases":[]}}}}`), &body))
			assert.False(t, fault.plant(&request{operation: fault.on, body: body, query: map[string][]string{}}), fault.Name)
		}
	}
}
