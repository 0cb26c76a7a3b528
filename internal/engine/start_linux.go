package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"
)

const (
	pidFile   = "/run/docker-proven/dockerd.pid"
	daemonLog = "/var/log/docker-proven/dockerd.log"

	startWithin = 60 * time.Second
	stopWithin  = 60 * time.Second
	pollEvery   = 200 * time.Millisecond
)

// repair installs what is missing and starts the engine, or returns why it may not.
func repair(ctx context.Context, out io.Writer, why *Error) error {
	on := here()
	if !on.distro.installs() || !on.root {
		return why
	}
	// An engine that someone has chosen answers, or the reason would be another.
	running := why.Reason == NoPlugin || os.Getenv("DOCKER_HOST") != "" || answers(ctx) == nil
	if !running {
		if err := allowed(); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintln(out, why.What)
	packages := missing(ctx, on.distro, running)
	var steps []string
	if len(packages) > 0 {
		steps = append(steps, "install "+strings.Join(packages, " ")+" from the distribution's packages")
	}
	if !running {
		steps = append(steps, "start the engine")
	}
	if err := agree(ctx, out, strings.Join(steps, ", then "), why); err != nil {
		return err
	}
	if len(packages) > 0 {
		if err := install(ctx, out, on.distro, packages); err != nil {
			return err
		}
	}
	if running || answers(ctx) == nil { // the package may have started it
		return nil
	}
	return launch(ctx, out)
}

// answers is nil if an engine answers where this machine's engine listens.
func answers(ctx context.Context) error {
	engine, err := client.New(client.WithHost(client.DefaultDockerHost))
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }()
	patient, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err = engine.Ping(patient, client.PingOptions{})
	return err
}

// agree asks the person at the terminal, if there is one; why is the error for a refusal.
func agree(ctx context.Context, out io.Writer, steps string, why *Error) error {
	_, notTerminal := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	if os.Getenv("CI") != "" || notTerminal != nil {
		_, err := fmt.Fprintf(out, "about to %s\n", steps)
		return err
	}
	_, _ = fmt.Fprintf(out, "May the course %s? [Y/n] ", steps)
	answer := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil {
			line = "no"
		}
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case said := <-answer:
		if said == "" || said == "y" || said == "yes" {
			return nil
		}
		return why
	}
}

// dockerd is the path of an installed engine that is new enough, or "". It need not be on an ordinary
// user's PATH.
func dockerd(ctx context.Context) string {
	path, err := exec.LookPath("dockerd")
	if err != nil {
		path = "/usr/sbin/dockerd"
	}
	said, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil || Major(version(string(said))) < Oldest {
		return ""
	}
	return path
}

// launch starts the installed engine and waits until it answers.
func launch(ctx context.Context, out io.Writer) error {
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		_, _ = fmt.Fprintln(out, "starting the engine: systemctl start docker")
		if said, err := exec.CommandContext(ctx, "systemctl", "start", "docker").CombinedOutput(); err != nil {
			return cannot("`systemctl start docker` failed: "+strings.TrimSpace(string(said))+".", "Read `journalctl --unit docker`.")
		}
		return await(ctx, nil, "`journalctl --unit docker`")
	}

	if pid := process("/var/run/docker.pid", "dockerd"); pid != 0 {
		_, _ = fmt.Fprintf(out, "waiting for dockerd, process %d, which runs but does not answer yet\n", pid)
		return await(ctx, nil, "its own log")
	}
	path := dockerd(ctx)
	if path == "" {
		return cannot(fmt.Sprintf("No dockerd of version %d or newer is installed.", Oldest), "Install one as "+installDocs+" describes.")
	}
	_, _ = fmt.Fprintf(out, "starting the engine in the background, as systemd does not run here: %s, log in %s\n", path, daemonLog)
	return background(ctx, path)
}

// allowed tells whether the kernel lets this process run an engine, which it does not in most containers.
func allowed() error {
	var caps [2]unix.CapUserData // 32 capabilities each
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &caps[0]); err == nil && caps[0].Effective&(1<<unix.CAP_SYS_ADMIN) == 0 {
		return cannot("An engine can't be started here: this root has no right to mount filesystems, as in a container.",
			"Run this container with --privileged, or set DOCKER_HOST to an engine outside of it.")
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	if !cgroupMounted(string(mounts)) {
		return cannot("An engine can't be started here: the kernel's control groups are not mounted.",
			"Mount them with `mount -t cgroup2 cgroup2 /sys/fs/cgroup`, or run this container with --privileged.")
	}
	return nil
}

// background starts dockerd in a session of its own, so that it outlives this command, survives Ctrl-C
// at its terminal, and holds none of its files.
func background(ctx context.Context, path string, args ...string) error {
	// After a kill these can name a process that is something else by now, which dockerd would
	// take for a running engine.
	for file, command := range map[string]string{"/var/run/docker.pid": "dockerd", "/var/run/docker/containerd/containerd.pid": "containerd"} {
		if process(file, command) == 0 {
			_ = os.Remove(file)
		}
	}
	log, err := create(daemonLog)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(path, args...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return cannot(fmt.Sprintf("%s could not be started: %v.", path, err), "Reinstall it as "+installDocs+" describes.")
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()

	pid, err := create(pidFile)
	if err == nil {
		_, err = fmt.Fprintln(pid, cmd.Process.Pid)
		err = errors.Join(err, pid.Close())
	}
	if err == nil {
		err = await(ctx, exited, daemonLog)
	}
	if err != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = os.Remove(pidFile)
	}
	return err
}

// await polls until the engine answers, exited is closed or the time is over.
func await(ctx context.Context, exited <-chan struct{}, log string) error {
	patient, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for poll := time.NewTicker(pollEvery); ; {
		err := answers(patient)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-exited:
			return cannot("dockerd ended instead of starting. Its last words:\n"+tail(log), "All of them are in "+log+".")
		case <-patient.Done():
			return cannot(fmt.Sprintf("The engine did not answer within %v of its start (%s).\n%s", startWithin, firstLine(err), tail(log)), "Its log is "+log+".")
		case <-poll.C:
		}
	}
}

func stop(ctx context.Context, out io.Writer) error {
	pid := process(pidFile, "dockerd")
	if pid == 0 {
		_ = os.Remove(pidFile)
		return notOurs(ctx, out)
	}
	_, _ = fmt.Fprintf(out, "stopping the engine that the course started: dockerd, process %d\n", pid)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop dockerd, process %d: %w; try as root", pid, err)
	}
	patient, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	for poll := time.NewTicker(pollEvery); process(pidFile, "dockerd") != 0; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patient.Done():
			return fmt.Errorf("dockerd, process %d, has not ended within %v of being told to; its log is %s", pid, stopWithin, daemonLog)
		case <-poll.C:
		}
	}
	_, _ = fmt.Fprintln(out, "the engine has stopped")
	return os.Remove(pidFile)
}

// process is the process named in the file, if it runs and is that command; else 0. A number alone is
// no proof: another process may have it by now.
func process(file, command string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0
	}
	// "1234 (dockerd) S …": the command's name, then the state, where Z is an ended process.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), "(")
	name, state, _ := strings.Cut(rest, ") ")
	if name != command || strings.HasPrefix(state, "Z") {
		return 0
	}
	return pid
}

// cgroupMounted reads what /proc/self/mounts has: device, directory, type, and so on.
func cgroupMounted(mounts string) bool {
	for line := range strings.Lines(mounts) {
		if fields := strings.Fields(line); len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") {
			return true
		}
	}
	return false
}

// create makes a file anew, with its directory.
func create(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.Create(path)
}

// tail is the end of a log, for an error; empty if there is no such file.
func tail(path string) string {
	const most = 15
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-most):], "\n  ") + "\n"
}

func cannot(what, next string) error { return &Error{CannotStart, what, next} }
