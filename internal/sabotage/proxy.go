package sabotage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"docker-proven/internal/course"
)

// A Proxy stands before an engine and hands on what it is asked, byte for byte, except for the one thing that it alters in
// the requests of each test that a fault is planned for.
type Proxy struct {
	mutex   sync.Mutex
	plan    map[string]Fault           // by test; nil while recording
	applies map[string]map[string]bool // test → names of the faults that would alter something in its requests
	planted map[string]bool            // tests whose fault has altered something
	spared  []string                   // repositories of images in whose containers other engines are, and the reaper
	servers []*http.Server
}

// Record has the proxy alter nothing, and note which faults would alter something in the requests of which test.
func (p *Proxy) Record() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.plan, p.applies = nil, map[string]map[string]bool{}
}

// Plant has the proxy plant these faults, each into the requests of one test.
func (p *Proxy) Plant(plan map[string]Fault) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.plan, p.planted = plan, map[string]bool{}
}

// Applies are the names of the faults that would have altered something in each test since Record.
func (p *Proxy) Applies() map[string][]string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	found := map[string][]string{}
	for test, faults := range p.applies {
		found[test] = slices.Sorted(maps.Keys(faults))
	}
	return found
}

// Planted are the tests in whose requests something has been altered since Plant.
func (p *Proxy) Planted() map[string]bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return maps.Clone(p.planted)
}

// Close ends the proxy, and those before throwaway engines.
func (p *Proxy) Close() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, server := range p.servers {
		_ = server.Close()
	}
}

// before puts the proxy before one more engine, to which dial connects.
func (p *Proxy) before(listener net.Listener, throwaway bool, dial func(context.Context) (net.Conn, error)) {
	e := &engineProxy{Proxy: p, dial: dial, throwaway: throwaway, containers: map[string]string{}, listens: map[string]bool{}, sessions: map[string]string{}}
	e.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "localhost"
			r.Out.Header.Del(course.LessonHeader)
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 16, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			connection, err := dial(ctx)
			return halfClosed{connection}, err
		}},
		FlushInterval:  -1, // logs and events come when they happen
		ModifyResponse: e.learn,
		ErrorLog:       log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			answer(w, http.StatusBadGateway, "the proxy of make sabotage gets no answer from the engine: "+err.Error())
		},
	}
	server := &http.Server{Handler: e, ErrorLog: log.New(io.Discard, "", 0)}
	p.mutex.Lock()
	p.servers = append(p.servers, server)
	p.mutex.Unlock()
	go func() { _ = server.Serve(listener) }()
}

// A halfClosed connection takes no offence when it is half closed after the engine has closed it: what the engine said
// last is still to be read, and httputil.ReverseProxy would hang up.
type halfClosed struct{ net.Conn }

func (c halfClosed) CloseWrite() error {
	if half, can := c.Conn.(interface{ CloseWrite() error }); can {
		_ = half.CloseWrite()
	}
	return nil
}

// engineProxy is the proxy before one engine, which knows whose the containers there are.
type engineProxy struct {
	*Proxy
	dial       func(context.Context) (net.Conn, error)
	throwaway  bool
	forward    *httputil.ReverseProxy
	containers map[string]string // name or id → test; an empty one for those that are spared
	listens    map[string]bool   // id of an exec → whether it has a standard input
	sessions   map[string]string // id of a build's session → test
}

// A taciturn client has nothing to say, and that it says no more is not passed on: over TLS that takes some bytes, which
// an engine that doesn't listen leaves unread. When it then closes the connection, the kernel resets it, and what the
// engine has said last may be lost.
type taciturn struct{ http.ResponseWriter }

func (t taciturn) Unwrap() http.ResponseWriter { return t.ResponseWriter } // for flushing

func (t taciturn) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := http.NewResponseController(t.ResponseWriter).Hijack()
	return &muted{Conn: connection, closed: make(chan struct{})}, buffered, err
}

// muted is a connection that doesn't end before it is closed here.
type muted struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func (m *muted) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if n == 0 && err != nil {
		<-m.closed
	}
	return n, err
}

func (m *muted) Close() error {
	m.once.Do(func() { close(m.closed) })
	return m.Conn.Close()
}

// speaks is whether a client that takes over the connection has something to say to the engine.
func (e *engineProxy) speaks(r *http.Request) bool {
	op, name := operation(r)
	switch op {
	case "POST /containers/*/attach":
		return r.URL.Query().Get("stdin") == "1"
	case "POST /exec/*/start":
		e.mutex.Lock()
		defer e.mutex.Unlock()
		listens, known := e.listens[name]
		return listens || !known
	}
	return true
}

var version = regexp.MustCompile(`^/v\d+\.\d+/`)

// operation is the method and the path of a request, names and ids in it replaced by *, and the first of those.
func operation(r *http.Request) (operation, name string) {
	path := version.ReplaceAllString(r.URL.Path, "/")
	words := strings.Split(strings.Trim(path, "/"), "/")
	last := words[len(words)-1]
	if r.Method == http.MethodDelete && len(words) > 1 {
		return r.Method + " /" + words[0] + "/*", strings.Join(words[1:], "/")
	}
	if len(words) > 2 {
		name = strings.Join(words[1:len(words)-1], "/") // an image's name has slashes in it
		words = []string{words[0], "*", last}
	}
	return r.Method + " /" + strings.Join(words, "/"), name
}

func (e *engineProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == course.EnginesPath {
		e.another(w, r)
		return
	}
	if !e.speaks(r) {
		w = taciturn{w}
	}
	op, container := operation(r)
	switch op {
	case buildKit:
		e.build(w, r)
		return
	case session:
		e.session(w, r)
		return
	}
	cleans := r.Method == http.MethodDelete && r.Header.Get(course.LessonHeader) == "" // the course does, and no docker command
	if cleans || !slices.ContainsFunc(Faults, func(f Fault) bool { return f.on == op || f.sparing != nil && op == wait }) {
		e.forward.ServeHTTP(w, r)
		return
	}
	asked := &request{operation: op, query: r.URL.Query()}
	var sent []byte
	var err error
	described := !slices.Contains([]string{copyInto, pull, load}, op) // in JSON: these come with files
	if described {
		if sent, err = io.ReadAll(r.Body); err != nil {
			answer(w, http.StatusBadRequest, err.Error())
			return
		}
	}
	asked.body, err = parse(sent)
	if err != nil { // which is for the engine to say
		asked.body = object{}
	}
	test, spared := e.whose(r, asked, container)
	if spared {
		switch op { // of a container with a cluster in it
		case copyInto:
			r.Body = withManifests(r.Body, func(document object) bool {
				_, altered := e.consider(test, &request{operation: manifest, body: document})
				return altered
			})
			r.ContentLength = -1
			r.Header.Del("Content-Length")
			e.forward.ServeHTTP(w, r)
			return
		case exec:
			asked.operation = kubectl
		default:
			test = ""
		}
	}
	if op == create {
		r = r.WithContext(context.WithValue(r.Context(), made{}, made{test: test, container: asked.query.Get("name")}))
	}

	fault, altered := e.consider(test, asked)
	if op == exec {
		r = r.WithContext(context.WithValue(r.Context(), made{}, made{exec: true, listens: asked.body["AttachStdin"] == true}))
	}
	if altered && fault.nothing && fault.on == op {
		_, _ = io.Copy(io.Discard, r.Body) // docker takes offence when it can't send all of its files
		nothingDoneAnswer(w, op)
		if op == unpause {
			// With version 1 of control groups, an engine can't be removed while a container in it is paused.
			later := r.Clone(context.WithoutCancel(r.Context()))
			later.Body = http.NoBody
			time.AfterFunc(tooLate, func() { e.forward.ServeHTTP(httptest.NewRecorder(), later) })
		}
		return
	}
	if altered {
		r.URL.RawQuery = asked.query.Encode()
		if len(sent) > 0 {
			if sent, err = json.Marshal(asked.body); err != nil {
				answer(w, http.StatusInternalServerError, err.Error())
				return
			}
			r.ContentLength = int64(len(sent))
			r.Header.Set("Content-Length", strconv.Itoa(len(sent)))
		}
	}
	if described {
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	e.forward.ServeHTTP(w, r)
}

func (e *engineProxy) hits(fault Fault, operation string) bool {
	return fault.on == operation && (e.throwaway || !fault.inside)
}

// consider notes which faults could be planted into a test's request or, when one is planned, plants it. It returns that
// one, and whether the request is altered. What is no test's is left alone.
func (e *engineProxy) consider(test string, asked *request) (Fault, bool) {
	if test == "" {
		return Fault{}, false
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.plan == nil {
		for _, fault := range Faults {
			if !e.hits(fault, asked.operation) {
				continue
			}
			if fault.plant(asked.clone()) {
				if e.applies[test] == nil {
					e.applies[test] = map[string]bool{}
				}
				e.applies[test][fault.Name] = true
			}
		}
		return Fault{}, false
	}
	fault, planned := e.plan[test]
	if !planned {
		return Fault{}, false
	}
	if e.hits(fault, asked.operation) {
		if fault.plant(asked) {
			e.planted[test] = true
			return fault, true
		}
		return fault, false
	}
	if fault.sparing != nil {
		fault.sparing(asked)
		return fault, true
	}
	return fault, false
}

// whose is the test that a request belongs to, or nothing, and whether it is about a container that is spared. docker commands
// say it in a header; what a lesson makes in other ways has its label; and what it asks of a container is told by whose
// container that is.
func (e *engineProxy) whose(r *http.Request, asked *request, container string) (test string, spared bool) {
	e.mutex.Lock()
	owner, known := e.owner(container)
	e.mutex.Unlock()
	image, _ := asked.body["Image"].(string)
	spared = known && owner == "" || asked.operation == create && slices.Contains(e.spared, repository(image))
	if id := r.Header.Get(course.LessonHeader); id != "" {
		return course.LessonTest(id), spared
	}
	if labels, _ := asked.body["Labels"].(object); labels != nil {
		if id, _ := labels[course.LessonLabel].(string); id != "" {
			return course.LessonTest(id), spared
		}
	}
	return owner, spared
}

// owner is whose a container is, by its name, its id, or the beginning of that.
func (e *engineProxy) owner(container string) (test string, known bool) {
	if test, known = e.containers[container]; known || len(container) < 12 {
		return test, known
	}
	for id, test := range e.containers {
		if strings.HasPrefix(id, container) {
			return test, true
		}
	}
	return "", false
}

func repository(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if colon := strings.LastIndexByte(ref, ':'); colon > strings.LastIndexByte(ref, '/') {
		ref = ref[:colon]
	}
	return ref
}

// made is what a request makes: a container, for a test and under a name, or an exec.
type made struct {
	test, container string
	exec, listens   bool
}

// learn remembers what has been made.
func (e *engineProxy) learn(response *http.Response) error {
	what, ok := response.Request.Context().Value(made{}).(made)
	if !ok || response.StatusCode != http.StatusCreated {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var created struct{ Id string }
	if err := json.Unmarshal(body, &created); err != nil {
		return err
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if what.exec {
		e.listens[created.Id] = what.listens
		return nil
	}
	e.containers[created.Id] = what.test
	if what.container != "" {
		e.containers[what.container] = what.test
	}
	return nil
}

// another puts the proxy before a throwaway engine: at a port of its own, with the engine's own certificates.
func (e *engineProxy) another(w http.ResponseWriter, r *http.Request) {
	var at course.EngineAt
	err := json.NewDecoder(r.Body).Decode(&at)
	if err == nil {
		at.Address, err = e.beforeThrowaway(at)
	}
	if err != nil {
		answer(w, http.StatusBadRequest, err.Error())
		return
	}
	_ = json.NewEncoder(w).Encode(at)
}

func (p *Proxy) beforeThrowaway(at course.EngineAt) (address string, err error) {
	to, err := url.Parse(at.Address)
	if err != nil {
		return "", err
	}
	file := func(name string) string { return filepath.Join(at.Certificates, filepath.FromSlash(name)) }
	authority, err := os.ReadFile(file("ca.pem"))
	if err != nil {
		return "", err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	client, err := tls.LoadX509KeyPair(file("cert.pem"), file("key.pem"))
	if err != nil {
		return "", err
	}
	engine, err := tls.LoadX509KeyPair(file("server/cert.pem"), file("server/key.pem"))
	if err != nil {
		return "", err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{engine},
		ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return "", err
	}
	toEngine := &tls.Config{Certificates: []tls.Certificate{client}, RootCAs: trusted, ServerName: to.Hostname()}
	p.before(listener, true, func(ctx context.Context) (net.Conn, error) {
		return (&tls.Dialer{Config: toEngine}).DialContext(ctx, "tcp", to.Host)
	})
	return "tcp://" + listener.Addr().String(), nil
}

// parse reads a JSON object, and keeps its numbers as they are written.
func parse(text []byte) (object, error) {
	if len(text) == 0 {
		return object{}, nil
	}
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	var body object
	if err := numbers.Decode(&body); err != nil {
		return nil, err
	}
	if body == nil { // null
		return object{}, nil
	}
	return body, nil
}

// tooLate is after how long a container is unpaused whose lesson was told that it is: longer than any lesson's program waits for it.
const tooLate = 15 * time.Second

// nothingDoneAnswer is what the engine answers when it has done something.
func nothingDoneAnswer(w http.ResponseWriter, operation string) {
	switch operation {
	case update, updateService:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, `{"Warnings":[]}`)
	case removeImage:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, `[]`)
	case login:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, `{"Status":"Login Succeeded"}`)
	case pruneContainers, pruneVolumes, pruneNetworks, pruneImages, pruneBuilds:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, `{}`)
	case updateNode, copyInto, push, pull, load:
		w.WriteHeader(http.StatusOK)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// answer is an error as the engine words one.
func answer(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}
