// Package engine finds the Docker engine the course runs on, checks that it is one the lessons can be
// proven on, and says in one paragraph what to do when it is not. Where the course may, on Debian and
// Ubuntu as root, it also installs an engine from the distribution's packages, starts it and stops it.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
)

// Oldest is the first major version of Docker Engine that the lessons are written for.
const Oldest = 24

// Learners is the variable with the address of the learner's engine, for tests that run inside another one, which was
// started for them: what images the learner's has, it hands over, and the other one may be Podman.
const Learners = "COURSE_LEARNERS_ENGINE"

// answerWithin is how long an engine, or the docker command, may take to answer: on an emulated machine, a plugin has been
// seen to take longer than ten seconds for its version. Tests shorten it.
var answerWithin = 30 * time.Second

// Facts is what an engine and the docker command say about themselves.
type Facts struct {
	ClientVersion string // of the docker command
	ServerVersion string // of the engine
	APIVersion    string // the newest the engine speaks
	OS            string // of the containers: linux
	Arch          string // in Go's words: amd64, arm64

	OperatingSystem string // of the engine's machine, in words
	Desktop         bool   // Docker Desktop, so the engine runs in a virtual machine
	Podman          bool   // not Docker's engine, but Podman's service

	StorageDriver string
	CgroupVersion string // 1 or 2
	CgroupDriver  string // none where there are no control groups
	RemapsUsers   bool   // root in a container is another user outside
	Memory        int64  // of the engine's machine, in bytes
	Host          string // address of the engine, as DOCKER_HOST would have it
}

// String is one line for a summary.
func (f Facts) String() string {
	name := "Docker Engine"
	if f.Podman {
		name = "Podman"
	}
	return fmt.Sprintf("%s %s (API %s, docker command %s) on %s, %s/%s, storage %s, cgroup v%s, at %s",
		name, f.ServerVersion, f.APIVersion, f.ClientVersion, f.OperatingSystem, f.OS, f.Arch, f.StorageDriver, f.CgroupVersion, f.Host)
}

// Find asks the engine that the docker command would use. The error is an *Error when the engine or the
// docker command is missing or not fit for the course, and the context's own when that has ended.
func Find(ctx context.Context) (Facts, error) {
	engine, facts, err := connect(ctx)
	if err != nil {
		return Facts{}, err
	}
	return facts, engine.Close()
}

// Use is Find, and makes the engine found the one that everything in this process speaks to, the docker commands
// that it starts included: also when a docker context, which not all programs know, has chosen it. What the learner's
// environment says of builders, projects and platforms, for other purposes, these commands don't hear.
func Use(ctx context.Context) (Facts, error) {
	facts, err := Find(ctx)
	if err != nil {
		return Facts{}, err
	}
	return facts, facts.use()
}

// Connect is Use for a caller that goes on talking to the engine, and closes the client when done.
func Connect(ctx context.Context) (*client.Client, Facts, error) {
	engine, facts, err := connect(ctx)
	if err != nil {
		return nil, Facts{}, err
	}
	if err := facts.use(); err != nil {
		_ = engine.Close()
		return nil, Facts{}, err
	}
	return engine, facts, nil
}

// use is what Use does about the environment.
func (f Facts) use() error {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch {
		case name == "BUILDX_CONFIG": // where builds keep a diary, which may have to be elsewhere
		case strings.HasPrefix(name, "COMPOSE_"), strings.HasPrefix(name, "BUILDX_"), strings.HasPrefix(name, "BUILDKIT_"),
			slices.Contains([]string{"DOCKER_API_VERSION", "DOCKER_BUILDKIT", "DOCKER_CONTENT_TRUST", "DOCKER_CONTEXT", "DOCKER_DEFAULT_PLATFORM",
				"DOCKER_HIDE_LEGACY_COMMANDS", "SOURCE_DATE_EPOCH"}, name):
			os.Unsetenv(name)
		}
	}
	if !encrypted(f.Host) { // what is left of another engine's certificates would count for some programs, and not for others
		os.Unsetenv(client.EnvOverrideCertPath)
		os.Unsetenv(client.EnvTLSVerify)
		os.Unsetenv("DOCKER_TLS")
	}
	return os.Setenv(client.EnvOverrideHost, f.Host)
}

func connect(ctx context.Context) (*client.Client, Facts, error) {
	on := here()
	at, err := choose(ctx, on)
	if err != nil {
		return nil, Facts{}, err
	}
	commandVersion, noCommand := docker(ctx, "--version")
	if ctx.Err() != nil {
		return nil, Facts{}, ctx.Err()
	}
	if noCommand != nil && at.local() {
		return nil, Facts{}, on.noCommand(noCommand) // whether there is an engine is the second question
	}
	engine, err := at.dial()
	if err != nil {
		return nil, Facts{}, on.malformed(at, err)
	}
	facts, err := ask(ctx, engine, at, on)
	facts.ClientVersion = version(commandVersion)
	if err == nil {
		err = on.fits(facts)
	}
	if err == nil && noCommand != nil {
		err = on.noCommand(noCommand)
	}
	if err == nil {
		err = plugins(ctx, on)
	}
	if err != nil {
		_ = engine.Close()
		return nil, Facts{}, err
	}
	return engine, facts, nil
}

// address is where an engine should be, and who says so.
type address struct {
	host    string
	fromEnv bool   // DOCKER_HOST says so
	context string // the docker context that says so, if it is not the default one
}

// local tells whether nobody asked for this address: it is where an engine of this machine listens.
func (a address) local() bool { return !a.fromEnv && a.context == "" }

// choose follows the docker command's own order: DOCKER_HOST, then the current context.
func choose(ctx context.Context, on platform) (address, error) {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		at := address{host: host, fromEnv: true}
		return at, on.wellFormed(at)
	}
	if _, err := exec.LookPath("docker"); err != nil {
		return address{}, on.noCommand(err)
	}
	answer, err := docker(ctx, "context", "inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}")
	if err != nil {
		if ctx.Err() != nil {
			return address{}, ctx.Err()
		}
		if strings.Contains(err.Error(), "context not found") {
			return address{}, on.noContext(err)
		}
	}
	at := address{host: client.DefaultDockerHost}
	if name, host, ok := strings.Cut(answer, " "); ok && host != "" {
		at.host = host
		if name != "default" {
			at.context = name
		}
	}
	return at, on.wellFormed(at)
}

func (a address) dial() (*client.Client, error) {
	options := []client.Opt{client.WithHost(a.host)}
	if encrypted(a.host) {
		options = append(options, client.WithTLSClientConfigFromEnv())
	}
	return client.New(options...)
}

// encrypted is whether the docker command would talk to an engine by TLS: there are certificates only if it is told to, too.
func encrypted(host string) bool {
	return strings.HasPrefix(host, "tcp://") && (os.Getenv(client.EnvTLSVerify) != "" || os.Getenv("DOCKER_TLS") != "")
}

// ask collects what the engine says about itself, and turns its silence into an explanation.
func ask(ctx context.Context, engine *client.Client, at address, on platform) (Facts, error) {
	patient, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	explain := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return on.unanswered(at, err)
	}

	ping, err := engine.Ping(patient, client.PingOptions{})
	if err != nil {
		return Facts{}, explain(err)
	}
	if ping.APIVersion == "" {
		return Facts{}, on.notAnEngine(at, "something else answers there")
	}
	server, err := engine.ServerVersion(patient, client.ServerVersionOptions{})
	if err != nil {
		return Facts{}, explain(err)
	}
	podman := slices.ContainsFunc(server.Components, func(c system.ComponentVersion) bool { return strings.HasPrefix(c.Name, "Podman") })
	if podman && os.Getenv(Learners) == "" {
		return Facts{}, on.notAnEngine(at, "Podman answers there")
	}
	told, err := engine.Info(patient, client.InfoOptions{})
	if err != nil {
		return Facts{}, explain(err)
	}
	return Facts{
		ServerVersion: server.Version,
		APIVersion:    server.APIVersion,
		OS:            server.Os,
		Arch:          server.Arch,

		OperatingSystem: told.Info.OperatingSystem,
		Desktop:         told.Info.OperatingSystem == "Docker Desktop",
		Podman:          podman,

		StorageDriver: told.Info.Driver,
		CgroupVersion: told.Info.CgroupVersion,
		CgroupDriver:  told.Info.CgroupDriver,
		RemapsUsers:   slices.Contains(told.Info.SecurityOptions, "name=userns"),
		Memory:        told.Info.MemTotal,
		Host:          at.host,
	}, nil
}

// fits tells whether the lessons can be proven on this engine.
func (on platform) fits(f Facts) error {
	if f.OS == "windows" {
		return on.windowsContainers(f)
	}
	if !f.Podman && Major(f.ServerVersion) < Oldest {
		return on.tooOld(f)
	}
	if f.CgroupDriver == "none" {
		return withoutControlGroups(f)
	}
	if f.RemapsUsers {
		return remapsUsers(f)
	}
	return nil
}

// tools are the plugins of the docker command that lessons type.
var tools = []string{"buildx", "compose"}

func plugins(ctx context.Context, on platform) error {
	for _, tool := range tools {
		if _, err := docker(ctx, tool, "version"); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return on.noPlugin(tool, err)
		}
	}
	return nil
}

// docker runs the docker command and returns the one line it prints; an error has what it complained about.
func docker(ctx context.Context, args ...string) (string, error) {
	patient, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	cmd := exec.CommandContext(patient, "docker", args...)
	cmd.WaitDelay = time.Second // a plugin left behind may hold the pipe
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	answer, err := cmd.Output()
	switch {
	case err == nil:
		return strings.TrimSpace(string(answer)), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case patient.Err() != nil:
		return "", fmt.Errorf("no answer within %v", answerWithin)
	case errors.Is(err, exec.ErrNotFound):
		return "", err
	}
	if said := strings.TrimSpace(complaint.String()); said != "" {
		return "", errors.New(said)
	}
	return "", err
}

// version picks 28.5.2 out of "Docker version 28.5.2, build 1234567".
func version(line string) string {
	_, rest, _ := strings.Cut(line, "version ")
	number, _, _ := strings.Cut(rest, ",")
	return strings.TrimSpace(number)
}

// Major is 28 for 28.5.2, and 0 for what is not a version.
func Major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(first)
	return n
}
