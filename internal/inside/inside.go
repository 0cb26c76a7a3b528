// Package inside runs the course's tests inside an engine that is started for them in a container, and thrown away:
// ports are published there, and bind mounts and temporary directories are there, too. `go test -exec` does the work: it
// compiles the tests for the engine's machine and hands each program to Test, and tells what came out as always.
package inside

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"docker-proven/internal/clean"
	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/pipe"
	"docker-proven/internal/shared"
)

// Where things are in the engine's container.
const (
	checkout  = "/course"
	programs  = "/tests"
	ownSocket = "/var/run/docker.sock"
	learners  = "/run/docker-proven/docker.sock" // the socket of the learner's engine, which hands images over
)

// startsWithin is how long an engine may take until it answers.
const startsWithin = 2 * time.Minute

// An Engine is one that was started for a run.
type Engine struct {
	name, arch string
	lifeline   io.Closer // the engine lives until this is closed, or this process ends
	ended      <-chan struct{}
	log        *shared.Buffer
}

// enginesProgram starts the engine that an image has, as the container's first process: that of a docker:…-dind image, or
// Podman's service, which speaks Docker's language. Podman is given settings: those that its own image brings are for
// containers without networks and limits of their own; and Docker's clients know the default network by another name. On a
// machine with version 1 of control groups, it wants to be told that it is meant.
const enginesProgram = `if command -v podman > /dev/null; then
  printf '[containers]\nlog_driver = "k8s-file"\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[network]\ndefault_network = "bridge"\n' > /etc/course.conf
  export CONTAINERS_CONF=/etc/course.conf PODMAN_IGNORE_CGROUPSV1_WARNING=1
  exec podman system service --time=0 unix://` + ownSocket + `
fi
exec dockerd-entrypoint.sh dockerd`

// Start starts the engine of a docker:…-dind image, or of one of Podman, and copies the checkout in the working directory
// into its container. The images that the course needs, the learner's engine hands over. The engine goes with Close, and
// also when this process is killed: it ends when its standard input does, and its container is removed when it ends.
func Start(ctx context.Context, ref string, progress io.Writer) (*Engine, error) {
	facts, err := engine.Use(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := image.Obtain(ctx, ref, progress); err != nil {
		return nil, err
	}
	e := &Engine{name: "docker-proven-engine-" + strings.ToLower(rand.Text()[:8]), arch: facts.Arch, log: new(shared.Buffer)}
	script := "mkdir -p " + programs + " /var/run; exec 3<&0; { cat <&3 > /dev/null; kill $$; } &\n" + enginesProgram
	// What an engine forbids all containers (no-new-privileges in its daemon.json), those in there would inherit.
	keeper := exec.Command("docker", "run", "--rm", "--interactive", "--sig-proxy=false", "--name", e.name,
		"--label", clean.Label+"="+e.name, "--privileged", "--security-opt", "no-new-privileges=false", "--volume", socketOf(facts)+":"+learners, "--entrypoint", "sh",
		ref, "-c", script)
	keeper.Stdout, keeper.Stderr = e.log, e.log
	if e.lifeline, err = keeper.StdinPipe(); err == nil {
		err = keeper.Start()
	}
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	e.ended = ended
	go func() {
		_ = keeper.Wait()
		close(ended)
	}()
	if err := e.furnish(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("an engine of %s does not start: %w", ref, err), e.Close())
	}
	return e, nil
}

// furnish gives the container a docker command, where its image has none, waits until the engine answers, and copies the
// checkout into its container.
func (e *Engine) furnish(ctx context.Context) error {
	patient, cancel := context.WithTimeoutCause(ctx, startsWithin, fmt.Errorf("it gives no answer within %v", startsWithin))
	defer cancel()
	if err := e.succeeds(patient, "true"); err != nil {
		return err
	}
	if _, err := output(patient, "docker", "exec", e.name, "docker", "--version"); err != nil {
		if err := e.lendCommand(ctx); err != nil {
			return cmp.Or(e.succeeds(patient, "true"), err) // it may have ended meanwhile, which is why
		}
	}
	if err := e.succeeds(patient, "docker", "version"); err != nil {
		return err
	}
	_, err := output(ctx, "docker", "cp", "--quiet", ".", e.name+":"+checkout)
	return err
}

// succeeds waits until a command succeeds in the engine's container.
func (e *Engine) succeeds(ctx context.Context, command ...string) error {
	for exec.CommandContext(ctx, "docker", append([]string{"exec", e.name}, command...)...).Run() != nil {
		select {
		case <-e.ended:
			return fmt.Errorf("its container ended; the last that it said was\n%s", lastWords(e.log.String(), 10))
		case <-ctx.Done():
			return fmt.Errorf("%w; the last that it said was\n%s", context.Cause(ctx), lastWords(e.log.String(), 10))
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil
}

// lendCommand copies the docker command with its plugins from the image of a throwaway engine, to the places where it is there.
func (e *Engine) lendCommand(ctx context.Context) error {
	ref := image.DockerInDocker.Ref()
	if _, err := image.Obtain(ctx, ref, e.log); err != nil {
		return err
	}
	const collect = `cd / && tar -c -h -f - "$(command -v docker | cut -c 2-)" $(ls -d usr/*/docker/cli-plugins usr/local/*/docker/cli-plugins 2> /dev/null)`
	from := exec.CommandContext(ctx, "docker", "run", "--rm", "--label", clean.Label+"="+e.name, "--entrypoint", "sh", ref, "-c", collect)
	to := exec.CommandContext(ctx, "docker", "cp", "-", e.name+":/")
	if err := pipe.Run(from, to); err != nil {
		return fmt.Errorf("copying the docker command of %s into it: %w", ref, err)
	}
	return nil
}

// Ended is an error that says how the engine has ended, if it has: while it is in use, nothing but itself ends it.
func (e *Engine) Ended() error {
	select {
	case <-e.ended:
		return fmt.Errorf("the engine ended while tests ran on it, which is why what came after failed; the last that it said was\n%s",
			lastWords(e.log.String(), 10))
	default:
		return nil
	}
}

// Close ends the engine and removes it with everything in it.
func (e *Engine) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := output(ctx, "docker", "kill", e.name) // it is removed when it has ended
	_ = e.lifeline.Close()
	select {
	case <-e.ended:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("the container %s is still there; `docker rm --force --volumes %[1]s` removes it", e.name), err)
	}
}

// socketOf is where the socket of the learner's engine is on the engine's own machine, as far as this one can know: in a
// virtual machine, it is where Docker has it by default.
func socketOf(facts engine.Facts) string {
	if socket, local := strings.CutPrefix(facts.Host, "unix://"); local && !facts.Desktop && runtime.GOOS == "linux" {
		return socket
	}
	return ownSocket
}

// GoTest is what makes `go test` perform its programs in the engine by the program given, whose command `within` calls Test:
// a flag, and variables of the environment.
func (e *Engine) GoTest(program, root string) (flag string, environment map[string]string) {
	words := []string{quoted(program), "within", e.name, quoted(root)}
	return "-exec=" + strings.Join(words, " "), map[string]string{"GOOS": "linux", "GOARCH": e.arch, "CGO_ENABLED": "0", "GOFLAGS": "-race=false"}
}

// quoted is a word as `go test -exec` splits words.
func quoted(word string) string {
	if strings.Contains(word, "'") {
		return `"` + word + `"`
	}
	return "'" + word + "'"
}

// Test performs a test program with its flags in the engine of a container, in the directory that corresponds to the
// working directory, and returns its exit code. Root is the checkout's directory here.
func Test(ctx context.Context, name, root, program string, flags []string) int {
	here, err := os.Getwd()
	if err == nil {
		here, err = filepath.Rel(root, here)
	}
	there := path.Join(programs, strings.ReplaceAll(filepath.ToSlash(here), "/", "_")+".test")
	if err == nil {
		_, err = output(ctx, "docker", "cp", "--quiet", program, name+":"+there)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	line := append([]string{"exec", "--workdir", path.Join(checkout, filepath.ToSlash(here))}, settings(os.Environ())...)
	command := exec.CommandContext(ctx, "docker", append(append(line, name, there), flags...)...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	err = command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		return exit.ExitCode()
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// settings are the flags of `docker exec` that hand on the course's settings.
func settings(environment []string) []string {
	flags := []string{"--env", engine.Learners + "=unix://" + learners}
	for _, variable := range environment {
		if strings.HasPrefix(variable, "COURSE_") {
			flags = append(flags, "--env", variable)
		}
	}
	return flags
}

// output runs a command and returns what it printed; an error has what it complained about.
func output(ctx context.Context, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	answer, err := command.Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, arguments[0], err, strings.TrimSpace(complaint.String()))
	}
	return string(answer), nil
}

// lastWords are the last lines that a program has printed, or the first in which it says why it gives up.
func lastWords(text string, most int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	gaveUp := slices.IndexFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") // as Go does
	})
	if gaveUp >= 0 {
		return strings.Join(lines[gaveUp:min(gaveUp+most, len(lines))], "\n")
	}
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
