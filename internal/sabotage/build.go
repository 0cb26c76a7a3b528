package sabotage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"docker-proven/internal/course"
)

// For a build docker takes over two connections, over which goes HTTP/2, and over that gRPC. On one it asks the engine's
// BuildKit to build, and on the other BuildKit asks docker for what the build needs: files, secrets.
const (
	buildKit = "POST /grpc"
	session  = "POST /session"
)

// The calls that faults are planted in: for a build with its options, in two ways, for a secret and for an SSH agent by their
// names, and for files, of which one is the Dockerfile.
const (
	build      = "/moby.buildkit.v1.Control/Solve"
	rebuild    = "/moby.buildkit.v1.frontend.LLBBridge/Solve"
	secret     = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
	agent      = "/moby.sshforward.v1.SSH/CheckAgent"
	dockerfile = "/moby.filesync.v1.FileSync/DiffCopy"
)

// optionsIn is the field of a build's options. Source of these numbers: control.proto, gateway.proto, secrets.proto and
// ssh.proto of moby/buildkit, wire.proto of tonistiigi/fsutil.
var optionsIn = map[string]protowire.Number{build: 7, rebuild: 3}

// And others' fields.
const (
	sessionIn protowire.Number = 5 // of build
	nameIn    protowire.Number = 1 // of secret and agent
	fileIn    protowire.Number = 2 // of dockerfile: what is said of a file before it is sent
	timeIn    protowire.Number = 6 // of that
	contentIn protowire.Number = 4 // of dockerfile
)

// lessonOption is the option of a build by which the course finds again what it has built.
const lessonOption = "label:" + course.LessonLabel

// build hands on what docker asks of BuildKit.
func (e *engineProxy) build(w http.ResponseWriter, r *http.Request) {
	docker, engine, ok := e.between(w, r)
	if !ok {
		return
	}
	relay(docker, engine, func(call *http.Request) {
		options := optionsIn[call.URL.Path]
		if options == 0 {
			return
		}
		alter(call, func(m message) message {
			asked := &request{operation: build, body: object{}}
			rest := slices.DeleteFunc(slices.Clone(m), func(f part) bool {
				if f.number == options {
					name, value := f.entry()
					asked.body[name] = value
				}
				return f.number == options
			})
			id, _ := asked.body[lessonOption].(string)
			test := course.LessonTest(id)
			if call.URL.Path == build {
				e.mutex.Lock()
				e.sessions[m.text(sessionIn)] = test
				e.mutex.Unlock()
			}
			if _, altered := e.consider(test, asked); !altered {
				return m
			}
			for _, name := range slices.Sorted(maps.Keys(asked.body)) {
				value, _ := asked.body[name].(string)
				rest = append(rest, entry(options, name, value))
			}
			return rest
		})
	}, nil)
}

// session hands on what BuildKit asks of docker.
func (e *engineProxy) session(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Docker-Expose-Session-Uuid")
	docker, engine, ok := e.between(w, r)
	if !ok {
		return
	}
	test := func() string {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		return e.sessions[id]
	}
	relay(engine, docker, func(call *http.Request) {
		if call.URL.Path != secret && call.URL.Path != agent {
			return
		}
		alter(call, func(m message) message {
			asked := &request{operation: call.URL.Path, body: object{"ID": m.text(nameIn)}}
			if _, altered := e.consider(test(), asked); !altered {
				return m
			}
			name, _ := asked.body["ID"].(string)
			m = slices.DeleteFunc(m, func(f part) bool { return f.number == nameIn }) // which an agent called default needn't have
			return append(m, textField(nameIn, name))
		})
	}, func(answer *http.Response) error {
		if answer.Request.URL.Path != dockerfile || answer.Request.Header.Get("Dir-Name") != "dockerfile" {
			return nil
		}
		answer.Body = altered(answer.Body, func(m message) message {
			// BuildKit keeps files, and doesn't ask for one again that is as old as what it has. Each Dockerfile that has passed
			// here is of another time, so that no later build makes do with one that was tampered with.
			for n, f := range m {
				if f.number == fileIn {
					stat, _ := parseMessage(f.value)
					stat = slices.DeleteFunc(stat, func(f part) bool { return f.number == timeIn })
					stat = append(stat, numberField(timeIn, uint64(time.Now().UnixNano())))
					m[n] = textField(fileIn, string(stat.encode()))
				}
			}
			if text := m.text(contentIn); text != "" {
				asked := &request{operation: dockerfile, body: object{"Dockerfile": text}}
				if _, altered := e.consider(test(), asked); altered {
					m.set(contentIn, asked.body["Dockerfile"])
				}
			}
			return m
		})
		return nil
	})
}

// between asks the engine for a connection to take over, as docker does, and returns both sides.
func (e *engineProxy) between(w http.ResponseWriter, r *http.Request) (docker, engine net.Conn, ok bool) {
	fail := func(err error) (net.Conn, net.Conn, bool) {
		answer(w, http.StatusBadGateway, err.Error())
		return nil, nil, false
	}
	engine, err := e.dial(r.Context())
	if err != nil {
		return fail(err)
	}
	r.Header.Del(course.LessonHeader)
	var upgraded *http.Response
	fromEngine := bufio.NewReader(engine)
	if err = r.Write(engine); err == nil {
		upgraded, err = http.ReadResponse(fromEngine, r)
	}
	if err != nil {
		_ = engine.Close()
		return fail(err)
	}
	docker, fromDocker, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = engine.Close()
		return fail(err)
	}
	if upgraded.Write(docker) != nil || upgraded.StatusCode != http.StatusSwitchingProtocols {
		_, _ = engine.Close(), docker.Close()
		return nil, nil, false
	}
	return over{docker, fromDocker}, over{engine, fromEngine}, true
}

// relay hands on gRPC calls from one side to the other one, until one of them hangs up. Each call, and each answer, may be
// altered.
func relay(from, to net.Conn, call func(*http.Request), answer func(*http.Response) error) {
	defer from.Close()
	defer to.Close()
	client, err := clientOver(to)
	if err != nil {
		return
	}
	defer client.Close()
	client.SetStateHook(func(c *http.ClientConn) {
		if c.Err() != nil {
			_ = from.Close()
		}
	})
	serveOver(from, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "localhost"
			// A call may be answered for good before all of it is there. The client then closes what it still reads of it, which the
			// body that ReverseProxy has put here ignores, and both would wait for each other.
			r.Out.Body = r.In.Body
			call(r.Out)
		},
		Transport:      client,
		FlushInterval:  -1,
		ModifyResponse: answer,
		ErrorLog:       log.New(io.Discard, "", 0),
	})
}

func withoutTLS() *http.Protocols {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &protocols
}

// clientOver makes gRPC calls over a connection.
func clientOver(connection net.Conn) (*http.ClientConn, error) {
	dial := func(context.Context, string, string) (net.Conn, error) { return connection, nil }
	return (&http.Transport{Protocols: withoutTLS(), DialContext: dial}).NewClientConn(context.Background(), "http", "localhost:80")
}

// serveOver answers the gRPC calls that come over a connection, until it ends.
func serveOver(connection net.Conn, handler http.Handler) {
	server := &http.Server{Protocols: withoutTLS(), Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	_ = server.Serve(&single{Conn: connection, ended: make(chan struct{})})
}

// alter reads a call's messages, and has them sent as they are then.
func alter(call *http.Request, as func(message) message) {
	call.Body = altered(call.Body, as)
	call.ContentLength = -1
	call.Header.Del("Content-Length")
}

// altered is a stream of gRPC messages, each altered in passing.
func altered(body io.ReadCloser, as func(message) message) io.ReadCloser {
	read, write := io.Pipe()
	go func() {
		defer body.Close()
		for {
			var prefix [5]byte // whether it is compressed, and how long it is
			if _, err := io.ReadFull(body, prefix[:]); err != nil {
				_ = write.CloseWithError(err) // io.EOF when there are no more
				return
			}
			content := make([]byte, binary.BigEndian.Uint32(prefix[1:]))
			if _, err := io.ReadFull(body, content); err != nil {
				_ = write.CloseWithError(err)
				return
			}
			if m, err := parseMessage(content); err == nil && prefix[0] == 0 {
				content = as(m).encode()
				binary.BigEndian.PutUint32(prefix[1:], uint32(len(content)))
			}
			if _, err := write.Write(append(prefix[:], content...)); err != nil {
				return
			}
		}
	}()
	return read
}

// A message is one of Protocol Buffers, whose fields' meaning isn't known here.
type message []part

// A part is a field of a message, or one of several with its number.
type part struct {
	number protowire.Number
	whole  []byte // with its number
	value  []byte // if it has bytes, or a text
}

func parseMessage(content []byte) (m message, err error) {
	for len(content) > 0 {
		number, kind, start := protowire.ConsumeTag(content)
		if start < 0 {
			return nil, protowire.ParseError(start)
		}
		length := protowire.ConsumeFieldValue(number, kind, content[start:])
		if length < 0 {
			return nil, protowire.ParseError(length)
		}
		one := part{number: number, whole: content[:start+length]}
		if kind == protowire.BytesType {
			one.value, _ = protowire.ConsumeBytes(content[start:])
		}
		m, content = append(m, one), content[start+length:]
	}
	return m, nil
}

func (m message) encode() (content []byte) {
	for _, f := range m {
		content = append(content, f.whole...)
	}
	return content
}

// text is what the field with a number holds.
func (m message) text(number protowire.Number) string {
	for _, f := range m {
		if f.number == number {
			return string(f.value)
		}
	}
	return ""
}

func (m message) set(number protowire.Number, value any) {
	text, _ := value.(string)
	for n, f := range m {
		if f.number == number {
			m[n] = textField(number, text)
		}
	}
}

func textField(number protowire.Number, text string) part {
	return part{number: number, value: []byte(text),
		whole: protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), text)}
}

func numberField(number protowire.Number, value uint64) part {
	return part{number: number, whole: protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), value)}
}

// entry is a field that is one name and its value, of many.
func (p part) entry() (name, value string) {
	m, _ := parseMessage(p.value)
	return m.text(1), m.text(2)
}

func entry(number protowire.Number, name, value string) part {
	return textField(number, string(message{textField(1, name), textField(2, value)}.encode()))
}

// optionDropped drops the options of a build that have this name, or this name and a colon before what they are about.
func optionDropped(name string) func(*request) bool {
	return eachOption(name, func(r *request, option string) { delete(r.body, option) })
}

func eachOption(name string, do func(r *request, option string)) func(*request) bool {
	return func(r *request) (found bool) {
		for _, option := range slices.Collect(maps.Keys(r.body)) {
			kind, of, _ := strings.Cut(option, ":")
			if kind == name && !(kind == "label" && needed(of)) {
				do(r, option)
				found = true
			}
		}
		return found
	}
}

// instructions are faults of one kind: an instruction is a comment, wherever it is in a Dockerfile.
func instructions(names ...string) (faults []Fault) {
	for _, name := range names {
		faults = append(faults, Fault{Name: "dockerfile-" + strings.ToLower(name), What: name + " in a Dockerfile is a comment", on: dockerfile,
			plant: func(r *request) bool {
				text, _ := r.body["Dockerfile"].(string)
				without := commented(text, name)
				r.body["Dockerfile"] = without
				return without != text
			}})
	}
	return faults
}

var hereDocument = regexp.MustCompile(`<<-?["']?(\w+)`)

// commented makes comments of the lines that are an instruction: those that continue it, and its here-documents, too. The
// length stays the same, for the engine has been told it.
func commented(text, instruction string) string {
	lines := bytes.SplitAfter([]byte(text), []byte("\n"))
	within, continues := false, false
	var documents []string // whose ends are still to come
	for _, line := range lines {
		words := strings.Fields(string(line))
		switch {
		case !continues && len(documents) > 0: // in one
			if len(words) == 1 && words[0] == documents[0] {
				documents = documents[1:]
			}
		case len(words) == 0 || strings.HasPrefix(words[0], "#"): // which may stand between the lines of an instruction
		default:
			if !continues {
				within = strings.EqualFold(words[0], instruction)
			}
			for _, found := range hereDocument.FindAllSubmatch(line, -1) {
				documents = append(documents, string(found[1]))
			}
			continues = strings.HasSuffix(words[len(words)-1], `\`)
		}
		if within && len(words) > 0 {
			line[0] = '#'
		}
	}
	return string(bytes.Join(lines, nil))
}

// over is a connection of which something has been read already.
type over struct {
	net.Conn
	from io.Reader
}

func (o over) Read(p []byte) (int, error) { return o.from.Read(p) }

// single is a connection, and the listener that it is the only one of.
type single struct {
	net.Conn
	accepted bool
	ended    chan struct{}
	end      sync.Once
}

func (s *single) Accept() (net.Conn, error) {
	if !s.accepted {
		s.accepted = true
		return s, nil
	}
	<-s.ended
	return nil, net.ErrClosed
}

func (s *single) Addr() net.Addr { return s.LocalAddr() }

func (s *single) Close() error {
	s.end.Do(func() { close(s.ended) })
	return s.Conn.Close()
}
