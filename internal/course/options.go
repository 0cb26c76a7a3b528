package course

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
)

// An Option is one flag of `docker run`, or the command that follows the image.
type Option func(*request)

// A request is a `docker run` line twice: as the words a learner types, and as what the engine's API is asked.
type request struct {
	flags   []string
	command []string
	stdin   string
	ports   []string // published ports of the container, as "5432/tcp"
	network string   // attach to this network instead of the default bridge
	aliases []string
	name    string // of the machine that the container seems to be, if it has been given one
	env     map[string]string
	shared  bool // by all lessons of the package: it goes when they have ended
	start   Starter
	config  []func(*container.Config)
	host    []func(*container.HostConfig)
}

func requestFor(options []Option) *request {
	r := &request{env: map[string]string{}, start: startDirectly}
	for _, option := range options {
		option(r)
	}
	return r
}

// Command is what the container runs instead of the image's own command, word by word.
func Command(words ...string) Option {
	return func(r *request) { r.command = words }
}

// Shell is Command for a line that a shell has to read.
func Shell(line string) Option { return Command("sh", "-c", line) }

// Piped is text on the standard input of the docker command. The container hears it only with Interactive.
func Piped(text string) Option {
	return func(r *request) { r.stdin = text }
}

// Interactive keeps the container's standard input open (--interactive).
func Interactive() Option {
	return func(r *request) {
		r.flags = append(r.flags, "--interactive")
		r.config = append(r.config, func(c *container.Config) { c.OpenStdin = true })
	}
}

// Terminal gives the container a terminal (--tty).
func Terminal() Option {
	return func(r *request) {
		r.flags = append(r.flags, "--tty")
		r.config = append(r.config, func(c *container.Config) { c.Tty = true })
	}
}

// Env sets an environment variable in the container (--env).
func Env(name, value string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--env", name+"="+value)
		r.env[name] = value
	}
}

// EnvFile sets the environment variables of a file of lines NAME=value (--env-file). It is the docker command
// that reads it, so it is for Once.
func EnvFile(path string) Option {
	return func(r *request) { r.flags = append(r.flags, "--env-file", path) }
}

// User is who the container's main process runs as: a name, a number, or user:group (--user).
func User(user string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--user", user)
		r.config = append(r.config, func(c *container.Config) { c.User = user })
	}
}

// Rm removes the container and its anonymous volumes as soon as it has stopped (--rm).
func Rm() Option {
	return func(r *request) {
		r.flags = append(r.flags, "--rm")
		r.host = append(r.host, func(h *container.HostConfig) { h.AutoRemove = true })
	}
}

// Volume is `--volume source:target[:mode]`: a volume's name or a host directory, and where it appears.
func Volume(source, target string, mode ...string) Option {
	spec := strings.Join(append([]string{source, target}, mode...), ":")
	return func(r *request) {
		r.flags = append(r.flags, "--volume", spec)
		r.host = append(r.host, func(h *container.HostConfig) { h.Binds = append(h.Binds, spec) })
	}
}

// Mount is `--mount type=…,source=…,target=…[,readonly]`.
func Mount(spec string) Option {
	var m mount.Mount
	for _, pair := range strings.Split(spec, ",") {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "type":
			m.Type = mount.Type(value)
		case "source":
			m.Source = value
		case "target":
			m.Target = value
		case "readonly":
			m.ReadOnly = true
		case "tmpfs-size":
			bytes, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				panic(fmt.Sprintf("course.Mount knows sizes in bytes only: %s", err))
			}
			m.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: bytes}
		default:
			panic(fmt.Sprintf("course.Mount doesn't know %q of %q yet", key, spec))
		}
	}
	return func(r *request) {
		r.flags = append(r.flags, "--mount", spec)
		r.host = append(r.host, func(h *container.HostConfig) { h.Mounts = append(h.Mounts, m) })
	}
}

// Publish makes a port of the container reachable at 127.0.0.1 of the host (--publish), at the same number on
// the host or, with hostPort 0, at one that is free.
func Publish(hostPort, containerPort int) Option {
	host := ""
	if hostPort != 0 {
		host = strconv.Itoa(hostPort)
	}
	port := network.MustParsePort(strconv.Itoa(containerPort) + "/tcp")
	binding := network.PortBinding{HostIP: loopbackAddress, HostPort: host}
	return func(r *request) {
		r.flags = append(r.flags, "--publish", fmt.Sprintf("127.0.0.1:%s:%d", host, containerPort))
		r.ports = append(r.ports, port.String())
		r.host = append(r.host, func(h *container.HostConfig) {
			if h.PortBindings == nil {
				h.PortBindings = network.PortMap{}
			}
			h.PortBindings[port] = append(h.PortBindings[port], binding)
		})
	}
}

// A Starter starts a container of the image ref, made to measure by customizers: testcontainers.Run is one, and
// each module of testcontainers-go has one for its image.
type Starter func(ctx context.Context, ref string, customizers ...testcontainers.ContainerCustomizer) (testcontainers.Container, error)

func startDirectly(ctx context.Context, ref string, customizers ...testcontainers.ContainerCustomizer) (testcontainers.Container, error) {
	return testcontainers.Run(ctx, ref, customizers...)
}

// StartedBy leaves the start to a module of testcontainers-go.
func StartedBy(start Starter) Option {
	return func(r *request) { r.start = start }
}

// Join attaches the container to a user-defined network, where others find it under alias (--network).
func Join(networkName, alias string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--network", networkName, "--network-alias", alias)
		r.network, r.aliases = networkName, []string{alias}
	}
}

// Privileged lifts the walls around the container (--privileged). For what needs it only, and never near
// anything of the learner's.
func Privileged() Option {
	return func(r *request) {
		r.flags = append(r.flags, "--privileged")
		r.host = append(r.host, func(h *container.HostConfig) { h.Privileged = true })
	}
}

// InMemory puts a directory of an engine in a container into memory (--tmpfs), where it is as it would be on a disk:
// programs in it can be run. Nothing is left of it when the container is stopped, which takes no time. More settings are
// those of the mount command, such as its size.
func InMemory(directory string, more ...string) Option {
	settings := strings.Join(append([]string{"exec", "suid", "dev"}, more...), ",")
	return func(r *request) {
		r.flags = append(r.flags, "--tmpfs", directory+":"+settings)
		r.host = append(r.host, func(h *container.HostConfig) {
			if h.Tmpfs == nil {
				h.Tmpfs = map[string]string{}
			}
			h.Tmpfs[directory] = settings
		})
	}
}

// outlivingTheLesson keeps the container until the last lesson of the package has ended.
func outlivingTheLesson() Option {
	return func(r *request) { r.shared = true }
}

// Options are several options as one.
func Options(options ...Option) Option {
	return func(r *request) {
		for _, option := range options {
			option(r)
		}
	}
}
