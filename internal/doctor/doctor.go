// Package doctor examines a Docker installation with the docker command itself, the way a person would, and
// knows the mend for what it finds missing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"docker-proven/internal/engine"
)

// A Finding is one line of the examination.
type Finding struct {
	Check string // what was looked at
	Value string // what was found, or why nothing was
	Mend  string // what to do about it; empty when nothing has to be done
}

// OK is whether nothing has to be done.
func (f Finding) OK() bool { return f.Mend == "" }

func (f Finding) String() string {
	if f.OK() {
		return fmt.Sprintf("ok    %-15s %s", f.Check, f.Value)
	}
	return fmt.Sprintf("MEND  %-15s %s\n      %-15s → %s", f.Check, f.Value, "", f.Mend)
}

// roomGB is the disk room that the course's images and containers take.
const roomGB = 5

// Examine looks at the installation that the docker command uses under the environment: "DOCKER_HOST=…" and the
// like, added to this process's own. Every check is made and reported, also when an earlier one failed. For one of them a
// container is needed, which docker run makes with these flags, such as "--label", "mine=yes".
func Examine(ctx context.Context, busybox string, flags []string, environment ...string) []Finding {
	docker := func(arguments ...string) (string, error) {
		patient, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		command := exec.CommandContext(patient, "docker", arguments...)
		command.Env = append(command.Environ(), environment...)
		output, err := command.Output()
		if exit, ok := err.(*exec.ExitError); ok {
			lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
			err = fmt.Errorf("%s", lines[0])
		}
		return strings.TrimSpace(string(output)), err
	}
	var findings []Finding
	check := func(name, mend string, look func() (string, error)) {
		value, err := look()
		finding := Finding{Check: name, Value: value}
		if err != nil {
			finding.Value, finding.Mend = err.Error(), mend
		}
		findings = append(findings, finding)
	}
	ask := func(arguments ...string) func() (string, error) {
		return func() (string, error) { return docker(arguments...) }
	}

	check("docker command", "install it: https://docs.docker.com/engine/install/ (Debian and Ubuntu: make engine)",
		ask("--version"))
	check("buildx", "install the buildx plugin (Debian: docker-buildx; Docker's own packages: docker-buildx-plugin)",
		ask("buildx", "version"))
	check("compose", "install the compose plugin (Debian: docker-compose; Docker's own packages: docker-compose-plugin)",
		ask("compose", "version"))
	check("engine", "start it: Docker Desktop, `sudo systemctl start docker`, or `make engine`; is DOCKER_HOST right?",
		func() (string, error) {
			version, err := docker("version", "--format", "{{.Server.Version}}")
			if major, _, _ := strings.Cut(version, "."); err == nil {
				if n, _ := strconv.Atoi(major); n < engine.Oldest {
					return "", fmt.Errorf("%s is older than %d: upgrade it", version, engine.Oldest)
				}
			}
			return version, err
		})
	answers := findings[len(findings)-1].OK()
	checkEngine := func(name, mend string, look func() (string, error)) {
		if !answers {
			mend, look = "mend the engine first", func() (string, error) { return "", errors.New("not known") }
		}
		check(name, mend, look)
	}
	const wrong = "ask `docker info` what is wrong"
	checkEngine("API version", wrong, ask("version", "--format", "{{.Server.APIVersion}} (the docker command speaks {{.Client.APIVersion}})"))
	checkEngine("storage driver", wrong, ask("info", "--format", "{{.Driver}}"))
	checkEngine("cgroup version", wrong, ask("info", "--format", "{{.CgroupVersion}}"))
	checkEngine("disk room", fmt.Sprintf("make room: `docker system df` tells what takes it; the course needs %d GB", roomGB),
		func() (string, error) {
			// The engine's disk need not be this machine's: ask from a container.
			table, err := docker(slices.Concat([]string{"run", "--rm", "--pull", "never"}, flags, []string{busybox, "df", "-k", "/"})...)
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
		})
	checkEngine("registry", "behind a proxy, tell the engine: https://docs.docker.com/engine/daemon/proxy/ "+
		"(until then the course builds stand-ins for the images that have one)",
		func() (string, error) {
			// Docker Hub's answer about a tag that it doesn't have costs nothing, and comes the way images come.
			_, err := docker("pull", "hello-world:there-is-no-such-tag")
			if err != nil && strings.Contains(err.Error(), "not found") {
				return "Docker Hub answers", nil
			}
			return "", err
		})
	return findings
}
