package sabotage

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// takenOver is a connection that the engine behind the proxy has given away.
func (e *anEngine) takenOver(t *testing.T, path, session string) net.Conn {
	t.Helper()
	connection, err := e.dial()
	require.NoError(t, err)
	t.Cleanup(func() { connection.Close() })
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nX-Docker-Expose-Session-Uuid: %s\r\n\r\n", path, session)
	reader := bufio.NewReader(connection)
	answer, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
	return over{connection, reader}
}

// calling makes gRPC calls over a connection, and returns the first message of an answer.
func calling(t *testing.T, connection net.Conn) func(path, directory string, body io.Reader) message {
	client, err := clientOver(connection)
	require.NoError(t, err)
	return func(path, directory string, body io.Reader) message {
		call, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x"+path, body)
		require.NoError(t, err)
		call.Header.Set("Dir-Name", directory)
		answer, err := client.RoundTrip(call)
		require.NoError(t, err)
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		assert.Equal(t, "0", answer.Trailer.Get("Grpc-Status"))
		return unframed(t, content)
	}
}

func framed(parts ...part) []byte {
	content := message(parts).encode()
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(content))), content...)
}

func unframed(t *testing.T, content []byte) message {
	require.GreaterOrEqual(t, len(content), 5)
	m, err := parseMessage(content[5:])
	require.NoError(t, err)
	return m
}

// aBuilder is an engine in which a build asks for a secret, an SSH agent and a Dockerfile before it is done, and notes the
// options that it was given, and what it got.
func aBuilder(t *testing.T) (e *anEngine, build func(options ...part) (heard []string)) {
	e = newEngine(t)
	var heard []string
	sessions := make(chan net.Conn, 1)
	e.taken = func(path string, connection net.Conn) {
		if path == "/session" {
			sessions <- connection
			<-t.Context().Done()
			return
		}
		serveOver(connection, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content, _ := io.ReadAll(r.Body)
			asked := map[string]string{}
			for _, one := range unframed(t, content) {
				if one.number == 7 {
					name, value := one.entry()
					asked[name] = value
				}
			}
			heard = append(heard, fmt.Sprint(asked))
			ask := calling(t, <-sessions)
			heard = append(heard, ask("/moby.buildkit.secrets.v1.Secrets/GetSecret", "", bytes.NewReader(framed(textField(1, "token")))).text(1))
			heard = append(heard, ask("/moby.sshforward.v1.SSH/CheckAgent", "", bytes.NewReader(framed(textField(1, "default")))).text(1))
			// Of files, it asks for as long as it takes the answer to come.
			for _, directory := range []string{"dockerfile", "context"} {
				unfinished, _ := io.Pipe()
				heard = append(heard, ask("/moby.filesync.v1.FileSync/DiffCopy", directory, unfinished).text(4))
			}
			w.Header().Set("Trailer", "Grpc-Status")
			_, _ = w.Write(framed())
			w.Header().Set("Grpc-Status", "0")
		}))
	}
	return e, func(options ...part) []string {
		heard = nil
		go serveOver(e.takenOver(t, "/session", "session-1"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "Grpc-Status")
			defer w.Header().Set("Grpc-Status", "0")
			if strings.HasSuffix(r.URL.Path, "GetSecret") || strings.HasSuffix(r.URL.Path, "CheckAgent") {
				content, _ := io.ReadAll(r.Body)
				_, _ = w.Write(framed(textField(1, "of "+unframed(t, content).text(1))))
				return
			}
			_, _ = w.Write(framed(textField(4, "FROM busybox\nUSER 1000\n")))
		}))
		solve := calling(t, e.takenOver(t, "/grpc", ""))
		call := framed(append(options, textField(5, "session-1"), textField(6, "dockerfile.v0"))...)
		solve("/moby.buildkit.v1.Control/Solve", "", bytes.NewReader(call))
		return heard
	}
}

func TestWhatABuildIsAskedForIsAltered(t *testing.T) {
	const lesson = "module06.TestA.random"
	for fault, expected := range map[string][]string{
		"":                {"target:a", "build-arg:WHAT:word", "of token", "of default", "FROM busybox\nUSER 1000\n", "FROM busybox\nUSER 1000\n"},
		"target":          {"", "build-arg:WHAT:word", "of token", "of default", "FROM busybox\nUSER 1000\n", "FROM busybox\nUSER 1000\n"},
		"build-arg":       {"target:a", "", "of token", "of default", "FROM busybox\nUSER 1000\n", "FROM busybox\nUSER 1000\n"},
		"secret":          {"target:a", "build-arg:WHAT:word", "of no-such-secret", "of default", "FROM busybox\nUSER 1000\n", "FROM busybox\nUSER 1000\n"},
		"build-ssh":       {"target:a", "build-arg:WHAT:word", "of token", "of no-such-agent", "FROM busybox\nUSER 1000\n", "FROM busybox\nUSER 1000\n"},
		"dockerfile-user": {"target:a", "build-arg:WHAT:word", "of token", "of default", "FROM busybox\n#SER 1000\n", "FROM busybox\nUSER 1000\n"},
	} {
		e, build := aBuilder(t)
		plan := map[string]Fault{"module06.TestB": faultNamed(t, "no-cache")}
		if fault != "" {
			plan["module06.TestA"] = faultNamed(t, fault)
		}
		e.proxy.Plant(plan)
		heard := build(entry(7, "target", "a"), entry(7, "build-arg:WHAT", "word"), entry(7, lessonOption, lesson))
		require.Len(t, heard, 5, fault)
		assert.Contains(t, heard[0], lesson, fault)
		assert.Equal(t, expected[0] != "", strings.Contains(heard[0], "target:a"), fault)
		assert.Equal(t, expected[1] != "", strings.Contains(heard[0], "build-arg:WHAT:word"), fault)
		assert.Equal(t, expected[2:], heard[1:], fault)
		assert.Equal(t, fault != "", e.proxy.Planted()["module06.TestA"], fault)
	}
}

func TestWhatABuildCouldMissIsNoted(t *testing.T) {
	e, build := aBuilder(t)
	e.proxy.Record()
	build(entry(7, "target", "a"), entry(7, lessonOption, "module06.TestA.random"), entry(7, "label:org.testcontainers", "true"))
	assert.Equal(t, map[string][]string{"module06.TestA": {"build-ssh", "dockerfile-user", "secret", "target"}}, e.proxy.Applies())
}

func TestWhenDockerHangsUpBuildKitIsTold(t *testing.T) {
	for _, path := range []string{"/grpc", "/session"} {
		e, told := newEngine(t), make(chan error, 1)
		e.taken = func(_ string, connection net.Conn) {
			_, err := io.Copy(io.Discard, connection)
			told <- err
		}
		docker := e.takenOver(t, path, "session-1")
		require.NoError(t, docker.Close())
		select {
		case <-told:
		case <-time.After(5 * time.Second):
			t.Fatal(path + " should be closed at the other end, too")
		}
	}
}

func TestAnInstructionBecomesAComment(t *testing.T) {
	const text = `FROM busybox
# CMD is below
HEALTHCHECK --interval=1s \
  # often
  CMD true
run <<EOF
CMD here
EOF
CMD ["sh"]
`
	for instruction, expected := range map[string]string{
		"CMD":         strings.Replace(text, `CMD ["sh"]`, `#MD ["sh"]`, 1),
		"HEALTHCHECK": strings.Replace(text, "HEALTHCHECK --interval=1s \\\n  # often\n  CMD true", "#EALTHCHECK --interval=1s \\\n# # often\n# CMD true", 1),
		"RUN":         strings.Replace(text, "run <<EOF\nCMD here\nEOF", "#un <<EOF\n#MD here\n#OF", 1),
		"USER":        text,
	} {
		assert.Equal(t, expected, commented(text, instruction), instruction)
	}
}
