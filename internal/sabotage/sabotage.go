// Package sabotage measures whether the course can fail. It puts a proxy between the lessons and the engine, which plants
// one fault into the requests of a test: a mount is dropped, a limit, a variable, and nobody says so. A test that fails
// then has caught the fault. A fault that no test catches is a hole in the course.
//
// First a run without faults tells which fault could be planted where: a test whose containers have no mount can't miss
// one. Then the tests are run in rounds, and in each round each test has one fault of its own, until all have been
// planted. What came out is kept in File, from which the next run goes on, and written to Table.
package sabotage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"docker-proven/internal/course"
	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/proof"
	"docker-proven/internal/scratch"
)

const (
	// File is where the recording and the verdicts are kept: all faults in all tests take hours. Without it everything is
	// done anew.
	File = "internal/sabotage/findings.json"

	// Table is where they can be read.
	Table = "internal/sabotage/README.md"
)

// patience is how long a lesson may wait for something in vain, unless COURSE_PATIENCE says it: with a fault in its requests
// that is to be expected.
const patience = 45 * time.Second

// apart are tests into which no faults are planted: they run other tests.
const apart = "TestEveryRowFailsWhenItsCommandIsLeftOut|TestAnUnreachableEngine"

// Run plants faults into lessons, and writes File and Table. It tells out what it does. Each word names a fault, a module
// ("module04") or a test ("TestName"), which are those that count; without any, it is all faults in all tests. The error
// names the faults that nothing has noticed; it is the context's own when that has ended, and what was found in the rounds
// before is kept.
func Run(ctx context.Context, out io.Writer, words []string) (err error) {
	which, err := choose(words)
	if err != nil {
		return err
	}
	found, err := read(File)
	if err != nil {
		return err
	}
	proxy, facts, err := start(ctx)
	if err != nil {
		return err
	}
	defer proxy.close()
	found.Engine, _, _ = strings.Cut(facts.String(), ", at ") // whose address is nobody else's

	unknown := slices.Clone(which.tests)
	for _, module := range which.modules {
		if found.Recorded[module] == today() && len(which.tests) == 0 {
			continue
		}
		fmt.Fprintf(out, "%s without faults, to see what could be planted where:\n", module)
		ran, err := found.record(ctx, out, proxy.Proxy, module, which.tests)
		if err != nil {
			return err
		}
		unknown = slices.DeleteFunc(unknown, func(test string) bool { return slices.Contains(ran, module+"."+test) })
		if err := found.write(File); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("no test of %s is called %s; each test is a word of its own, whole",
			strings.Join(which.modules, ", "), strings.Join(unknown, ", "))
	}
	if which.named || len(which.tests) > 0 { // asked for by name, they are planted again
		found.forget(which)
	}
	defer func() { err = errors.Join(err, os.WriteFile(Table, []byte(found.table()), 0o644)) }()
	for number := 1; ; number++ {
		plan := found.next(which)
		found.again(which, plan)
		if len(plan) == 0 {
			break
		}
		fmt.Fprintf(out, "\nRound %d: %d tests, with a fault in each.\n", number, len(plan))
		if err := found.round(ctx, out, proxy.Proxy, plan); err != nil {
			return err
		}
		if err := found.write(File); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%s\nThe table of faults and claims is in %s.\n", found.summary(), Table)
	if holes := found.holes(); len(holes) > 0 {
		return fmt.Errorf("no claim has noticed: %s. Add to a lesson what would fail, or to internal/sabotage why nothing can",
			strings.Join(holes, ", "))
	}
	return nil
}

// A choice is what is planted where.
type choice struct {
	faults  []Fault
	named   bool     // whether faults were asked for by name
	modules []string // "module04"
	tests   []string // "TestName"; none for all
}

func choose(words []string) (which choice, err error) {
	for _, word := range words {
		n := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == word })
		switch {
		case strings.HasPrefix(word, "module"):
			if _, err := os.Stat(word); err != nil {
				return which, fmt.Errorf("there is no %s here", word)
			}
			which.modules = append(which.modules, word)
		case strings.HasPrefix(word, "Test"):
			which.tests = append(which.tests, word)
		case n < 0:
			var all []string
			for _, fault := range Faults {
				all = append(all, fault.Name)
			}
			return which, fmt.Errorf("there is no fault %q; there are: %s", word, strings.Join(all, " "))
		default:
			which.faults, which.named = append(which.faults, Faults[n]), true
		}
	}
	if !which.named {
		which.faults = Faults
	}
	if len(which.modules) == 0 {
		which.modules, err = filepath.Glob("module??")
	}
	return which, err
}

// has is whether a test, or the one that it is a subtest of, was chosen.
func (c choice) has(name string) bool {
	module, test, _ := strings.Cut(name, ".")
	test, _, _ = strings.Cut(test, "/")
	return slices.Contains(c.modules, module) && (len(c.tests) == 0 || slices.Contains(c.tests, test))
}

// A running proxy is one before the engine that the course uses.
type running struct {
	*Proxy
	engine    *client.Client
	directory string
}

func (r running) close() {
	r.Close()
	_ = r.engine.Close()
	_ = os.RemoveAll(r.directory)
}

// start puts a proxy before the engine, and points this process' environment, which the tests inherit, to it.
func start(ctx context.Context) (running, engine.Facts, error) {
	docker, facts, err := engine.Connect(ctx)
	if err != nil {
		return running{}, facts, err
	}
	directory, err := scratch.Directory("sabotage")
	if err != nil {
		return running{}, facts, err
	}
	r := running{&Proxy{}, docker, directory}
	for _, i := range []image.Image{image.Reaper, image.DockerInDocker, image.K3s, image.BuildKit} {
		r.spared = append(r.spared, repository(i.Ref()))
	}
	network, at := "unix", filepath.Join(directory, "engine.sock")
	if runtime.GOOS == "windows" { // where docker knows no such sockets
		network, at = "tcp", "127.0.0.1:0"
	}
	listener, err := net.Listen(network, at)
	if err != nil {
		r.close()
		return running{}, facts, fmt.Errorf("no place for the proxy to listen: %w", err)
	}
	r.before(listener, false, docker.Dialer())

	environment := map[string]string{
		client.EnvOverrideHost:     network + "://" + listener.Addr().String(),
		client.EnvOverrideCertPath: "", client.EnvTLSVerify: "", // which the proxy knows itself
		course.SabotageVariable: "1",
	}
	if os.Getenv("COURSE_PATIENCE") == "" {
		environment["COURSE_PATIENCE"] = patience.String()
	}
	if host, err := url.Parse(facts.Host); err == nil && host.Scheme != "tcp" && os.Getenv("TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE") == "" {
		// The reaper mounts the engine's socket, and not the proxy's: whatever happens, it has to clean up.
		environment["TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE"] = "/var/run/docker.sock"
		if host.Scheme == "unix" && !facts.Desktop {
			environment["TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE"] = host.Path
		}
	}
	for name, value := range environment {
		if err := os.Setenv(name, value); err != nil {
			r.close()
			return running{}, facts, err
		}
	}
	return r, facts, nil
}

// findings is what File holds.
type findings struct {
	Engine   string
	Recorded map[string]string // module → day
	Tests    map[string]*test  // "module04.TestName/subtest"
	Unusable map[string]string // tests that fail without a fault, through the proxy, and why
}

// A test is one that passes without a fault.
type test struct {
	Applies  []string           // faults that can be planted
	Verdicts map[string]verdict // by fault
}

// A verdict is what came of a fault.
type verdict struct {
	Caught    bool
	Said      string `json:",omitempty"` // how the failure begins
	Again     bool   `json:",omitempty"` // it has been planted twice, and caught twice
	Unreached bool   `json:",omitempty"` // the test never made the request: another one did it before, or it failed before
	On        string // the day
}

func today() string { return time.Now().Format(time.DateOnly) }

func read(file string) (*findings, error) {
	f := &findings{Recorded: map[string]string{}, Tests: map[string]*test{}, Unusable: map[string]string{}}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(content, f)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; remove %s, and everything is done anew", err, file)
	}
	return f, nil
}

func (f *findings) write(file string) error {
	content, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

func module(name string) string {
	module, _, _ := strings.Cut(name, ".")
	return module
}

// forget drops verdicts.
func (f *findings) forget(which choice) {
	for name, test := range f.Tests {
		for _, fault := range which.faults {
			if which.has(name) {
				delete(test.Verdicts, fault.Name)
			}
		}
	}
}

// record runs the tests of a module, or those named, and notes which faults can be planted. It returns the names of the
// tests that ran ("module04.TestName").
func (f *findings) record(ctx context.Context, out io.Writer, proxy *Proxy, module string, tests []string) (ran []string, err error) {
	proxy.Record()
	var events bytes.Buffer
	run := "."
	if len(tests) > 0 {
		run = "^(" + strings.Join(tests, "|") + ")$"
	}
	proof.Run(ctx, []string{"./" + module, "-skip=" + apart, "-run=" + run}, out, &events)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	ended := endings(&events)
	if len(ended) == 0 && len(tests) == 0 {
		return nil, fmt.Errorf("%s: no test has run", module)
	}
	applies := proxy.Applies()
	for name, ending := range ended {
		delete(f.Unusable, name)
		switch {
		case ending.action == "fail":
			delete(f.Tests, name)
			f.Unusable[name] = ending.said
		case ending.action == "pass" && len(applies[name]) > 0:
			if f.Tests[name] == nil {
				f.Tests[name] = &test{Verdicts: map[string]verdict{}}
			}
			f.Tests[name].Applies = applies[name]
		}
	}
	if len(tests) == 0 {
		f.Recorded[module] = today()
		f.forgetGone(module, ended)
	}
	return slices.Sorted(maps.Keys(ended)), nil
}

// forgetGone drops what a module that was recorded whole hasn't any more: tests, and verdicts of faults that don't apply.
func (f *findings) forgetGone(of string, ended map[string]ending) {
	for name, test := range f.Tests {
		if module(name) != of {
			continue
		}
		parent, _, _ := strings.Cut(name, "/")
		if _, ran := ended[name]; !ran && ended[parent].action != "fail" { // which may have ended before its subtests began
			delete(f.Tests, name)
			continue
		}
		if ended[name].action == "pass" {
			maps.DeleteFunc(test.Verdicts, func(fault string, _ verdict) bool { return !slices.Contains(test.Applies, fault) })
		}
	}
}

// next plans a fault for each test that has some left: that which has the fewest tests. A test and its subtests take turns.
func (f *findings) next(which choice) map[string]Fault {
	number := map[string]int{}
	for _, test := range f.Tests {
		for _, fault := range test.Applies {
			number[fault]++
		}
	}
	rarest := slices.Clone(which.faults)
	slices.SortStableFunc(rarest, func(a, b Fault) int { return number[a.Name] - number[b.Name] })
	plan := map[string]Fault{}
	for _, name := range slices.Sorted(maps.Keys(f.Tests)) {
		inTheWay := func(other string) bool { return related(name, other) }
		if !which.has(name) || slices.ContainsFunc(slices.Collect(maps.Keys(plan)), inTheWay) {
			continue
		}
		for _, fault := range rarest {
			_, done := f.Tests[name].Verdicts[fault.Name]
			if !done && slices.Contains(f.Tests[name].Applies, fault.Name) {
				plan[name] = fault
				break
			}
		}
	}
	return plan
}

// again adds to a plan the faults that only one test has caught so far, and only once: it might have failed for another
// reason.
func (f *findings) again(which choice, plan map[string]Fault) {
	for _, fault := range which.faults {
		caught := f.tally(fault.Name).caught
		if len(caught) != 1 || !which.has(caught[0]) || f.Tests[caught[0]].Verdicts[fault.Name].Again {
			continue
		}
		inTheWay := func(other string) bool { return related(caught[0], other) || caught[0] == other }
		if !slices.ContainsFunc(slices.Collect(maps.Keys(plan)), inTheWay) {
			plan[caught[0]] = fault
		}
	}
}

// related is whether one of two tests is a subtest of the other.
func related(one, other string) bool {
	return strings.HasPrefix(one, other+"/") || strings.HasPrefix(other, one+"/")
}

// round plants what is planned, and notes what came of it.
func (f *findings) round(ctx context.Context, out io.Writer, proxy *Proxy, plan map[string]Fault) error {
	proxy.Plant(plan)
	var patterns, packages []string
	for _, name := range slices.Sorted(maps.Keys(plan)) {
		patterns = append(patterns, pattern(name))
		if packageName := "./" + module(name); !slices.Contains(packages, packageName) {
			packages = append(packages, packageName)
		}
	}
	var events bytes.Buffer
	tell := &live{out: out, plan: plan, proxy: proxy}
	proof.Run(ctx, append(packages, "-run="+strings.Join(patterns, "|"), "-timeout=30m"), io.Discard, io.MultiWriter(&events, tell))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ended, planted := endings(&events), proxy.Planted()
	if len(ended) == 0 {
		return errors.New("no test has run: does everything compile?")
	}
	for name, fault := range plan {
		before := f.Tests[name].Verdicts[fault.Name]
		now := judge(ended[name], planted[name])
		now.Again, now.On = before.Caught && now.Caught, today()
		f.Tests[name].Verdicts[fault.Name] = now
	}
	return nil
}

func judge(e ending, planted bool) verdict {
	switch {
	case !planted:
		return verdict{Unreached: true}
	case e.action == "fail", e.action == "":
		return verdict{Caught: true, Said: e.said}
	}
	return verdict{}
}

// pattern is what go test -run takes for this test alone.
func pattern(name string) string {
	_, path, _ := strings.Cut(name, ".")
	parts := strings.Split(path, "/")
	for n, part := range parts {
		parts[n] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// live tells how a planned test has ended as soon as it has.
type live struct {
	out     io.Writer
	plan    map[string]Fault
	proxy   *Proxy
	partial []byte
}

func (l *live) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		line, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.partial = slices.Clone(rest)
		e, ok := parseEvent(line)
		fault, planned := l.plan[e.name()]
		if !ok || !planned {
			continue
		}
		said := map[string]string{"pass": "NOT NOTICED", "skip": "NOT NOTICED", "fail": "caught"}[e.Action]
		if said != "" && !l.proxy.Planted()[e.name()] {
			said = "not reached"
		}
		if said != "" {
			fmt.Fprintf(l.out, "  %-12s %-22s %s\n", said, fault.Name, e.name())
		}
	}
}

// event is a line of `go test -json`.
type event struct{ Action, Package, Test, Output string }

func parseEvent(line []byte) (e event, ok bool) {
	return e, json.Unmarshal(line, &e) == nil && e.Test != ""
}

// name is how this package names a test.
func (e event) name() string {
	return e.Package[strings.LastIndexByte(e.Package, '/')+1:] + "." + e.Test
}

// ending is how a test has ended, and how its failure began.
type ending struct{ action, said string }

// endings reads what go test -json says. A test that has begun and not ended has no action.
func endings(events io.Reader) map[string]ending {
	found, output := map[string]ending{}, map[string][]string{}
	content, _ := io.ReadAll(events)
	for line := range bytes.Lines(content) {
		e, ok := parseEvent(line)
		if !ok {
			continue
		}
		switch e.Action {
		case "run":
			found[e.name()] = ending{said: "did not finish"}
		case "output":
			output[e.name()] = append(output[e.name()], e.Output)
		case "pass", "fail", "skip":
			found[e.name()] = ending{e.Action, complaint(strings.Join(output[e.name()], ""))}
		}
	}
	return found
}

// place is where a run of the course keeps its files, which has another name each time.
var place = regexp.MustCompile(`(/tmp|/var/folders|[A-Z]:\\Users)[^\s"'\x60]*`)

// complaint is how a failure begins, in one line.
func complaint(output string) string {
	return place.ReplaceAllString(proof.InOneLine(proof.Complaint(output), 160), "$1/…")
}
