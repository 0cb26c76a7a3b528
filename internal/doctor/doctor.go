// Package doctor examines a Docker installation with the docker command itself, the way a person would, and
// knows the mend for what it finds missing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"docker-proven/internal/engine"
	"docker-proven/internal/shell"
)

// A Finding is one line of the examination.
type Finding struct {
	Check   string // what was looked at
	Command string // what a person would type to see it
	Value   string // what was found, or why nothing was
	Mend    string // what to do about it; empty when nothing has to be done
}

// OK is whether nothing has to be done.
func (f Finding) OK() bool { return f.Mend == "" }

func (f Finding) String() string {
	if f.OK() {
		return fmt.Sprintf("ok    %-15s %s   (%s)", f.Check, f.Value, f.Command)
	}
	return fmt.Sprintf("MEND  %-15s %s   (%s)\n      %-15s → %s", f.Check, f.Value, f.Command, "", f.Mend)
}

// roomGB is the disk room that lessons take while they run, for throwaway engines and what is built, say. Images come on top.
const roomGB = 5

// patience is how long the docker command may take for an answer.
var patience = 30 * time.Second

// A check is a question to the docker command.
type check struct {
	name      string
	arguments []string // of the docker command
	engine    bool     // whether it takes an engine to answer
	// read is what the answer means, where the output is not the value itself. An error is something to mend.
	read func(output string, err error) (value string, _ error)
	mend string
}

func checks(busybox string) []check {
	const wrong = "ask `docker info` what is wrong"
	return []check{
		{name: "docker command", arguments: []string{"--version"},
			mend: "install it: https://docs.docker.com/engine/install/ (Debian and Ubuntu: make engine)"},
		{name: "buildx", arguments: []string{"buildx", "version"},
			mend: "install the buildx plugin (Debian: docker-buildx; Docker's own packages: docker-buildx-plugin)"},
		{name: "compose", arguments: []string{"compose", "version", "--short"}, read: composeNotTooOld,
			mend: "install or upgrade the compose plugin (Debian: docker-compose; Docker's own packages: docker-compose-plugin)"},
		{name: "engine", arguments: []string{"version", "--format", "{{.Server.Version}}"}, read: notTooOld,
			mend: "start it: Docker Desktop, `sudo systemctl start docker`, or `make engine`; is DOCKER_HOST right?"},
		{name: "API version", engine: true, mend: wrong,
			arguments: []string{"version", "--format", "{{.Server.APIVersion}} (client: {{.Client.APIVersion}})"}},
		{name: "storage driver", arguments: []string{"info", "--format", "{{.Driver}}"}, engine: true, mend: wrong},
		{name: "cgroup version", arguments: []string{"info", "--format", "{{.CgroupVersion}}"}, engine: true, mend: wrong},
		// The engine's disk need not be this machine's: ask from a container.
		{name: "disk room", engine: true, arguments: []string{"run", "--rm", "--pull", "never", busybox, "df", "-k", "/"},
			read: enoughRoom, mend: fmt.Sprintf("make room: `docker system df` tells what takes it; lessons take up to %d GB while they run", roomGB)},
		// Docker Hub's answer about a tag that it doesn't have costs nothing, and comes the way images come.
		{name: "registry", arguments: []string{"pull", "hello-world:there-is-no-such-tag"}, engine: true, read: noSuchTag,
			mend: "behind a proxy, tell the engine: https://docs.docker.com/engine/daemon/proxy/; after too many requests, " +
				"`docker login` raises the limit (until then the course builds stand-ins for the images that have one)"},
	}
}

// Examine looks at the installation that the docker command uses under the environment: "DOCKER_HOST=…" and the
// like, added to this process's own. Every check is made and reported, also when an earlier one failed. For one of them a
// container of the busybox image is needed, which docker run makes with these flags, such as "--label", "mine=yes"; the
// finding doesn't tell of them.
func Examine(ctx context.Context, busybox string, flags []string, environment ...string) []Finding {
	var findings []Finding
	answers := true
	for _, check := range checks(busybox) {
		finding := Finding{Check: check.name, Command: shell.Quote(append([]string{"docker"}, check.arguments...))}
		if check.engine && !answers {
			finding.Value, finding.Mend = "not known", "mend the engine first"
			findings = append(findings, finding)
			continue
		}
		arguments := check.arguments
		if arguments[0] == "run" {
			arguments = slices.Insert(slices.Clone(arguments), 1, flags...)
		}
		value, err := docker(ctx, environment, arguments)
		if check.read != nil {
			value, err = check.read(value, err)
		}
		finding.Value = value
		if err != nil {
			finding.Value, finding.Mend = err.Error(), check.mend
		}
		if check.name == "engine" {
			answers = finding.OK()
		}
		findings = append(findings, finding)
	}
	return findings
}

// docker is what the docker command says, or the first line of its complaint as the error.
func docker(ctx context.Context, environment, arguments []string) (string, error) {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command := exec.CommandContext(patient, "docker", arguments...)
	command.Env = append(command.Environ(), environment...)
	command.WaitDelay = time.Second // a plugin may outlive the docker command, and keep its output open
	output, err := command.Output()
	if patient.Err() != nil {
		return "", fmt.Errorf("no answer in %v", patience)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		complaint, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		err = errors.New(complaint)
	}
	return strings.TrimSpace(string(output)), err
}

// composeNotTooOld: `docker compose ps` prints what a template says from 2.21 on, and from 2.24 on !reset counts for more than one
// service (https://github.com/docker/compose/issues/10656).
func composeNotTooOld(version string, err error) (string, error) {
	var major, minor int
	if _, problem := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d", &major, &minor); err != nil || problem != nil {
		return version, err
	}
	if major < 2 || major == 2 && minor < 24 {
		return "", fmt.Errorf("%s is older than 2.24: upgrade it", version)
	}
	return version, nil
}

func notTooOld(version string, err error) (string, error) {
	if err == nil && engine.Major(version) < engine.Oldest {
		return "", fmt.Errorf("%s is older than %d: upgrade it", version, engine.Oldest)
	}
	return version, err
}

func enoughRoom(table string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	fields := strings.Fields(table)
	if len(fields) < 4 {
		return "", fmt.Errorf("df says %q", table)
	}
	kilobytes, _ := strconv.Atoi(fields[len(fields)-3])
	room := fmt.Sprintf("%.1f GB free", float64(kilobytes)/(1<<20))
	if kilobytes < roomGB<<20 {
		return "", errors.New(room)
	}
	return room, nil
}

// tagNotFound is the registry's answer that there is no such tag: "manifest for busybox:there-is-no-such-tag not found", or with
// containerd's store "docker.io/library/busybox:there-is-no-such-tag: not found". What the docker command misses itself, such
// as a program that keeps passwords, is another matter.
var tagNotFound = regexp.MustCompile("there-is-no-such-tag:? not found")

func noSuchTag(_ string, err error) (string, error) {
	if err != nil && !tagNotFound.MatchString(err.Error()) {
		return "", err
	}
	return "Docker Hub answers", nil
}
