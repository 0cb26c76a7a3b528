package course

import "github.com/moby/moby/api/types/container"

// Pid is whose process numbers the container shares: "host", or "container:" and a name (--pid).
func Pid(mode string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--pid", mode)
		r.host = append(r.host, func(h *container.HostConfig) { h.PidMode = container.PidMode(mode) })
	}
}

// Ipc is whose shared memory the container shares: "host", or "container:" and the name of one that is
// "shareable" (--ipc).
func Ipc(mode string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--ipc", mode)
		r.host = append(r.host, func(h *container.HostConfig) { h.IpcMode = container.IpcMode(mode) })
	}
}

// Uts is whose host name the container shares: "host" (--uts).
func Uts(mode string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--uts", mode)
		r.host = append(r.host, func(h *container.HostConfig) { h.UTSMode = container.UTSMode(mode) })
	}
}

// Network is whose network the container has: "none", "host", or "container:" and a name (--network). To attach
// it to a network that the lesson made, see Join.
func Network(mode string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--network", mode)
		r.host = append(r.host, func(h *container.HostConfig) { h.NetworkMode = container.NetworkMode(mode) })
	}
}

// Hostname is what the container calls itself (--hostname).
func Hostname(name string) Option {
	return func(r *request) {
		r.name = name
		r.flags = append(r.flags, "--hostname", name)
		r.config = append(r.config, func(c *container.Config) { c.Hostname = name })
	}
}

// Cgroupns is whose view of the control groups the container has: "host" or "private" (--cgroupns).
func Cgroupns(mode string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--cgroupns", mode)
		r.host = append(r.host, func(h *container.HostConfig) { h.CgroupnsMode = container.CgroupnsMode(mode) })
	}
}
