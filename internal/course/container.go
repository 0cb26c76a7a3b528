package course

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"

	"docker-proven/internal/image"
)

// A Container is one that a lesson started in the background.
type Container struct {
	Name string // as docker commands know it
	tc   testcontainers.Container
}

// A Result is what a command gave back.
type Result struct {
	ExitCode       int
	Stdout, Stderr string

	expected bool // that it fails, which the learner is told
}

// Output is what the command wrote, standard output first.
func (r Result) Output() string { return r.Stdout + r.Stderr }

// Run starts a container of the image in the background, like `docker run --detach`. A shell or a REPL stays up
// because its standard input is kept open. The container is killed and removed when the test ends.
func Run(t *testing.T, i image.Image, options ...Option) *Container {
	t.Helper()
	l := lessonOf(t)
	return l.run(i.Name, l.obtain(i), i.Interactive, options)
}

// RunBuilt is Run for an image that this lesson built on one whose own command is a shell.
func RunBuilt(t *testing.T, tag string, options ...Option) *Container {
	t.Helper()
	name, _, _ := strings.Cut(tag, ":")
	return lessonOf(t).run(name, tag, true, options)
}

func (l *lesson) run(baseName, ref string, interactive bool, options []Option) *Container {
	l.t.Helper()
	r := requestFor(options)
	if interactive && len(r.command) == 0 {
		Interactive()(r)
	}
	c := &Container{Name: baseName + "-" + randomWord(5)}
	l.command(append(append(append([]string{"docker", "run", "--detach", "--name", c.Name}, r.flags...), ref), r.command...)...)

	labels := l.labels()
	if r.shared {
		delete(labels, LessonLabel)
	}
	ctx, cancel := patiently(l.t)
	defer cancel()
	var onCreate *container.HostConfig
	var published network.PortMap
	customize := []testcontainers.ContainerCustomizer{
		testcontainers.WithLogger(l),
		testcontainers.WithName(c.Name),
		testcontainers.WithLabels(labels),
		testcontainers.WithEnv(r.env),
		testcontainers.WithCmd(r.command...),
		testcontainers.WithConfigModifier(func(config *container.Config) {
			for _, modify := range r.config {
				modify(config)
			}
		}),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
			for _, modify := range r.host {
				modify(host)
			}
			for n := range host.Mounts {
				// A volume without a name outlives its container when docker rm isn't told of it. By its labels it is found
				// then, however the lesson ends.
				if m := &host.Mounts[n]; m.Type == mount.TypeVolume && m.Source == "" {
					m.VolumeOptions = &mount.VolumeOptions{Labels: labels}
				}
			}
			onCreate, published = host, host.PortBindings
		}),
		// testcontainers-go publishes every port that the image exposes. Docker doesn't, and the lessons are
		// about what Docker does, so the ports asked for are put back at the last moment.
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PreCreates: []testcontainers.ContainerRequestHook{
				func(context.Context, testcontainers.ContainerRequest) error {
					onCreate.PortBindings = published
					return nil
				},
			},
		}),
	}
	for _, port := range r.ports {
		customize = append(customize, testcontainers.WithExposedPorts(port))
	}
	if r.network != "" {
		customize = append(customize, tcnetwork.WithNetworkName(r.aliases, r.network))
	}
	started, err := r.start(ctx, ref, customize...)
	if err != nil {
		ctx, cancel := patiently(l.t) // the first one may have ended by now
		defer cancel()
		l.t.Fatalf("docker run %s: %v%s", ref, err, c.lastWords(ctx))
	}
	c.tc = started
	l.result(Result{Stdout: started.GetContainerID()})
	if keeping() {
		l.t.Cleanup(func() {
			l.write(fmt.Sprintf("kept:  docker exec -it %s sh\nremove: docker rm --force --volumes %s\n", c.Name, c.Name))
		})
	}
	return c
}

// lastWords is what a container that did not start well has written, where it came so far.
func (c *Container) lastWords(ctx context.Context) string {
	words, err := logs(ctx, c.Name, client.ContainerLogsOptions{Tail: "10"})
	if err != nil || words == "" {
		return ""
	}
	return "; what it wrote:\n" + strings.TrimSpace(words)
}

// logs is what a container has written so far, to both of its streams.
func logs(ctx context.Context, container string, which client.ContainerLogsOptions) (string, error) {
	which.ShowStdout, which.ShowStderr = true, true
	stream, err := docker.ContainerLogs(ctx, container, which)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	var words bytes.Buffer
	_, err = stdcopy.StdCopy(&words, &words, stream)
	return words.String(), err
}

// Exec runs a shell line in the container, like `docker exec … sh -c`, and fails the test if the line fails.
func (c *Container) Exec(t *testing.T, line string) Result {
	t.Helper()
	result := c.exec(t, line, false)
	if result.ExitCode != 0 {
		t.Fatalf("in %s, %q should have succeeded, but its exit status is %d%s: %s",
			c.Name, line, result.ExitCode, meaning(result.ExitCode), result.Output())
	}
	return result
}

// ExecFails is Exec for a line that the lesson expects to fail: the test fails if it succeeds.
func (c *Container) ExecFails(t *testing.T, line string) Result {
	t.Helper()
	result := c.exec(t, line, true)
	if result.ExitCode == 0 {
		t.Fatalf("in %s, %q should have failed, but it succeeded: %s", c.Name, line, result.Output())
	}
	return result
}

func (c *Container) exec(t *testing.T, line string, toFail bool) Result {
	t.Helper()
	l := lessonOf(t)
	l.command("docker", "exec", c.Name, "sh", "-c", line)
	patience := patienceFor([]string{line})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code, output, err := c.tc.Exec(ctx, []string{"sh", "-c", line})
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("docker exec %s: %q should have ended, but was still running after %v", c.Name, line, patience)
	}
	if err != nil {
		t.Fatalf("docker exec %s: %v", c.Name, err)
	}
	result := Result{ExitCode: code, expected: toFail}
	result.Stdout, result.Stderr = demultiplex(t, output)
	l.result(result)
	return result
}

// demultiplex takes apart the stream in which the engine sends standard output and standard error.
func demultiplex(t *testing.T, stream io.Reader) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if _, problem := stdcopy.StdCopy(&out, &err, stream); problem != nil {
		t.Fatalf("the engine's output stream: %v", problem)
	}
	return out.String(), err.String()
}

// Stop ends the container's main process without grace (`docker stop -t 0`): a stopped container still
// is there, files and all.
func (c *Container) Stop(t *testing.T) {
	t.Helper()
	lessonOf(t).command("docker", "stop", "-t", "0", c.Name)
	immediately := time.Duration(0)
	grace := &immediately
	if naive() {
		grace = nil
	}
	ctx, cancel := patiently(t)
	defer cancel()
	if err := c.tc.Stop(ctx, grace); err != nil {
		t.Fatal(err)
	}
	lessonOf(t).result(Result{Stdout: c.Name})
}

// stopNaively stops the lesson's containers with the default grace, one after the other.
func (l *lesson) stopNaively() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ours := make(client.Filters).Add("label", LessonLabel+"="+l.id)
	running, err := docker.ContainerList(ctx, client.ContainerListOptions{Filters: ours})
	for _, c := range running.Items {
		_, stopped := docker.ContainerStop(ctx, c.ID, client.ContainerStopOptions{})
		err = errors.Join(err, stopped)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		l.t.Error(err)
	}
}

// Start starts a stopped container again.
func (c *Container) Start(t *testing.T) {
	t.Helper()
	lessonOf(t).command("docker", "start", c.Name)
	ctx, cancel := patiently(t)
	defer cancel()
	if err := c.tc.Start(ctx); err != nil {
		t.Fatal(err)
	}
	lessonOf(t).result(Result{Stdout: c.Name})
}

// StopAndWaitUntilRemoved is Stop for a container with Rm: it returns when the engine has removed it.
func (c *Container) StopAndWaitUntilRemoved(t *testing.T) {
	t.Helper()
	c.Stop(t)
	Eventually(t, c.Name+" is removed", func() bool {
		ctx, cancel := patiently(t)
		defer cancel()
		_, err := docker.ContainerInspect(ctx, c.Name, client.ContainerInspectOptions{})
		return errdefs.IsNotFound(err)
	})
}

// Remove removes the container, running or not, with its anonymous volumes. Named volumes stay.
func (c *Container) Remove(t *testing.T) {
	t.Helper()
	lessonOf(t).command("docker", "rm", "--force", "--volumes", c.Name)
	ctx, cancel := patiently(t)
	defer cancel()
	if _, err := docker.ContainerRemove(ctx, c.Name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
		t.Fatal(err)
	}
	lessonOf(t).result(Result{Stdout: c.Name})
}

// Logs is everything the container's main process has written so far.
func (c *Container) Logs(t *testing.T) Result {
	t.Helper()
	ctx, cancel := patiently(t)
	defer cancel()
	stream, err := docker.ContainerLogs(ctx, c.Name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var result Result
	result.Stdout, result.Stderr = demultiplex(t, stream)
	return result
}

// WaitForLog waits until the container's main process has written the texts, in this order. A container that
// ends before that fails the test.
func (c *Container) WaitForLog(t *testing.T, texts ...string) {
	t.Helper()
	lessonOf(t).command("docker", "logs", "--follow", c.Name)
	ctx, cancel := patiently(t)
	defer cancel()
	stream, err := docker.ContainerLogs(ctx, c.Name,
		client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	seen := &awaited{texts: texts}
	stdcopy.StdCopy(seen, seen, stream)
	if len(seen.texts) > 0 {
		t.Fatalf("%s never wrote %q; it wrote:\n%s", c.Name, seen.texts[0], seen.all)
	}
	lessonOf(t).write(indent("...\n"+strings.Join(seen.lines, "\n"), "    "))
}

// awaited is a writer that refuses to take more once it has seen its texts, each after the one before.
type awaited struct {
	texts []string // not seen yet
	lines []string // in which the others were
	all   string
	begin int // of what no text was found in yet
}

func (a *awaited) Write(p []byte) (int, error) {
	a.all += string(p)
	for len(a.texts) > 0 {
		at := strings.Index(a.all[a.begin:], a.texts[0])
		if at < 0 {
			return len(p), nil
		}
		at += a.begin
		line, _, _ := strings.Cut(a.all[strings.LastIndexByte(a.all[:at], '\n')+1:], "\n")
		a.lines = append(a.lines, strings.TrimSpace(line))
		a.begin = at + len(a.texts[0])
		a.texts = a.texts[1:]
	}
	return len(p), io.ErrShortWrite
}

// Endpoint is where the host reaches a published port: "127.0.0.1:32768".
func (c *Container) Endpoint(t *testing.T, containerPort int) string {
	t.Helper()
	ctx, cancel := patiently(t)
	defer cancel()
	endpoint, err := c.tc.PortEndpoint(ctx, fmt.Sprintf("%d/tcp", containerPort), "")
	if err != nil {
		t.Fatalf("port %d of %s is not published: %v", containerPort, c.Name, err)
	}
	lessonOf(t).command("docker", "port", c.Name, fmt.Sprintf("%d/tcp", containerPort))
	lessonOf(t).write(indent(endpoint, "    "))
	return endpoint
}

// WaitFor waits until a shell line succeeds in the container, which is how a lesson knows that a service is
// ready to serve.
func (c *Container) WaitFor(t *testing.T, line string) {
	t.Helper()
	l := lessonOf(t)
	l.command("docker", "exec", c.Name, "sh", "-c", line)
	l.write("  (again and again, until it succeeds)\n")
	Eventually(t, c.Name+": "+line, func() bool {
		c.MustRun(t)
		ctx, cancel := patiently(t)
		defer cancel()
		code, _, err := c.tc.Exec(ctx, []string{"sh", "-c", line})
		return err == nil && code == 0
	})
}

// MustRun fails the test when the container has ended, with its last words.
func (c *Container) MustRun(t *testing.T) {
	t.Helper()
	ctx, cancel := patiently(t)
	defer cancel()
	state, err := c.tc.State(ctx)
	if err != nil {
		t.Fatalf("docker inspect %s: %v", c.Name, err)
	}
	if !state.Running {
		t.Fatalf("%s has ended with exit status %d; its last words:\n%s", c.Name, state.ExitCode, c.Logs(t).Output())
	}
}

// WaitUntilEnded waits until the container's main process has ended, however it ends.
func (c *Container) WaitUntilEnded(t *testing.T) {
	t.Helper()
	l := lessonOf(t)
	l.command("docker", "wait", c.Name)
	ctx, cancel := patiently(t)
	defer cancel()
	waiting := docker.ContainerWait(ctx, c.Name, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case ended := <-waiting.Result:
		l.write(indent(fmt.Sprint(ended.StatusCode), "    "))
	case err := <-waiting.Error:
		t.Fatalf("waiting until %s has ended: %v", c.Name, err)
	}
}

// WaitForInspect waits until `docker inspect` prints the text expected for the format.
func (c *Container) WaitForInspect(t *testing.T, format, expected string) {
	t.Helper()
	l := lessonOf(t)
	l.command("docker", "inspect", "--format", format, c.Name)
	Eventually(t, fmt.Sprintf("docker inspect of %s says %s for %s", c.Name, expected, format), func() bool {
		ctx, cancel := patiently(t)
		defer cancel()
		output, err := exec.CommandContext(ctx, "docker", "inspect", "--format", format, c.Name).Output()
		return err == nil && strings.TrimSpace(string(output)) == expected
	})
	l.write(indent(expected, "    "))
}
