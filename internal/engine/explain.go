package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
)

// Reason is why the course can't run on what it found.
type Reason int

// The reasons.
const (
	NoCommand         Reason = iota + 1 // the docker command is not on PATH, or does not run
	NoPlugin                            // the docker command lacks buildx or compose
	NoEngine                            // nothing answers where an engine of this machine listens
	NoPermission                        // the engine's socket is closed to this user
	Silent                              // connected, but no answer in time
	NotAnEngine                         // something answers that is not Docker Engine
	WrongHost                           // DOCKER_HOST names a place where no engine answers
	MalformedHost                       // DOCKER_HOST is not an address
	WrongContext                        // the current docker context names no usable engine
	TooOld                              // the engine is older than Oldest
	WindowsContainers                   // the engine runs Windows containers
	NoControlGroups                     // the engine can't limit, pause or measure containers
	RemapsUsers                         // root in the engine's containers is another user outside
	CannotStart                         // an engine is wanted, and could not be installed or started
)

// Error says what is wrong in one sentence, and what to do about it on this platform.
type Error struct {
	Reason Reason
	What   string // one sentence, and the end of a log where that tells more
	Next   string // the next step
}

func (e *Error) Error() string {
	if strings.HasSuffix(e.What, "\n") { // it ends with the lines of a log
		return e.What + e.Next
	}
	return e.What + " " + e.Next
}

// platform is what the next step depends on.
type platform struct {
	os     string // as runtime.GOOS has it
	distro distribution
	root   bool
}

func here() platform {
	return platform{os: runtime.GOOS, distro: readDistribution("/etc/os-release"), root: os.Geteuid() == 0}
}

// distribution is what /etc/os-release says; its zero value is an unknown one.
type distribution struct{ id, version, codename string }

func readDistribution(file string) distribution {
	f, err := os.Open(file)
	if err != nil {
		return distribution{}
	}
	defer func() { _ = f.Close() }()
	var d distribution
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			d.id = value
		case "VERSION_ID":
			d.version = value
		case "VERSION_CODENAME":
			d.codename = value
		}
	}
	return d
}

// installs tells whether `make engine` can install an engine from this distribution's packages.
// Debian testing and unstable have no version, and new enough packages.
func (d distribution) installs() bool {
	switch d.id {
	case "debian":
		return d.version == "" || Major(d.version) >= 12
	case "ubuntu":
		return Major(d.version) >= 22
	}
	return false
}

const (
	installDocs = "https://docs.docker.com/engine/install/"
	desktopDocs = "https://docs.docker.com/desktop/"

	// root's PATH often lacks go, hence env.
	sudoMake = "`sudo env \"PATH=$PATH\" make engine`"
)

func (on platform) desktop() bool { return on.os == "darwin" || on.os == "windows" }

// install is the next step when something is not installed.
func (on platform) install(what string) string {
	switch {
	case on.desktop():
		return fmt.Sprintf("Install Docker Desktop, which has %s, from %s and start it.", what, desktopDocs)
	case on.os == "linux" && on.distro.installs() && on.root:
		return fmt.Sprintf("Run `make engine`: it installs %s from the distribution's packages.", what)
	case on.os == "linux" && on.distro.installs():
		return fmt.Sprintf("Run %s: it installs %s from the distribution's packages.", sudoMake, what)
	}
	return fmt.Sprintf("Install %s as %s describes.", what, installDocs)
}

func (on platform) noCommand(cause error) error {
	return &Error{NoCommand,
		fmt.Sprintf("The docker command, which the lessons type, does not run here (%v).", cause),
		on.install("the docker command and an engine")}
}

func (on platform) noPlugin(tool string, cause error) error {
	names := map[string]string{"buildx": "BuildKit plugin, which the lessons build images with", "compose": "Compose plugin, which the lessons start applications with"}
	next := fmt.Sprintf("Install docker-%[1]s-plugin if docker came from Docker's own packages, else the distribution's docker-%[1]s (%[2]s).", tool, installDocs)
	switch {
	case on.desktop():
		next = "Update Docker Desktop, which has it, from " + desktopDocs + "."
	case on.os == "linux" && on.distro.installs():
		next = on.install("it")
	}
	return &Error{NoPlugin, fmt.Sprintf("`docker %s version` fails: the docker command here has no %s (%v).", tool, names[tool], firstLine(cause)), next}
}

func (on platform) noEngine(at address) error {
	var next string
	switch {
	case on.desktop():
		next = "Start Docker Desktop and wait until it says that the engine is running; it can be installed from " + desktopDocs + "."
	case on.distro.installs() && on.root:
		next = "Run `make engine`: it starts the installed engine, or installs one from the distribution's packages."
	case on.distro.installs():
		next = "Start it with `sudo systemctl start docker` if it is installed; else run " + sudoMake + "."
	default:
		next = "Start it with `sudo systemctl start docker`; if it is not installed, " + installDocs + " tells how."
	}
	return &Error{NoEngine, fmt.Sprintf("No Docker engine answers at %s.", at.host), next}
}

// unanswered explains why asking the engine failed.
func (on platform) unanswered(at address, cause error) error {
	// The client keeps the wording of a refused socket, but not its error value.
	refused := errors.Is(cause, os.ErrPermission) || strings.Contains(cause.Error(), "permission denied")
	late := errors.Is(cause, context.DeadlineExceeded)
	why := firstLine(cause)
	if late {
		why = fmt.Sprintf("it said nothing within %v", answerWithin)
	}
	switch {
	case refused:
		next := "Join the group with `sudo usermod --append --groups docker $USER`, then log out and in again."
		if on.desktop() {
			next = "Start Docker Desktop as the user you are now."
		}
		return &Error{NoPermission, fmt.Sprintf("This user has no permission for the engine's socket at %s: it is open to root and to the group docker only.", at.host), next}
	case at.fromEnv:
		return &Error{WrongHost, fmt.Sprintf("DOCKER_HOST is set to %s, but no engine answers there (%s).", at.host, why), unsetOrCorrect}
	case at.context != "":
		next := "Go back to this machine's engine with `docker context use default`, or start the engine that the context names."
		if on.desktop() || strings.HasPrefix(at.context, "desktop-") {
			next = "Start Docker Desktop, or choose another context of `docker context ls` with `docker context use`."
		}
		return &Error{WrongContext, fmt.Sprintf("The docker context %s points to %s, but no engine answers there (%s).", at.context, at.host, why), next}
	case late:
		next := "Restart it with `sudo systemctl restart docker`; its log is `journalctl --unit docker`."
		if on.desktop() {
			next = "Restart Docker Desktop."
		}
		return &Error{Silent, fmt.Sprintf("The engine at %s said nothing within %v.", at.host, answerWithin), next}
	}
	return on.noEngine(at)
}

const unsetOrCorrect = "Unset DOCKER_HOST to use this machine's engine, or correct it."

// wellFormed tells whether the address is one that the course can connect to.
func (on platform) wellFormed(at address) error {
	scheme, rest, found := strings.Cut(at.host, "://")
	switch {
	case !found || rest == "":
		return on.malformed(at, errors.New("an address is written like unix:///var/run/docker.sock or tcp://127.0.0.1:2375"))
	case scheme == "ssh":
		return on.malformed(at, errors.New("the lessons reach an engine through a socket or TCP, not through ssh"))
	case scheme == "tcp" && !thisMachine(rest):
		return on.malformed(at, errors.New("the lessons mount directories of this machine, and reach ports that are published on its 127.0.0.1 only, so that "+
			"the engine has to be on this machine"))
	case scheme != "unix" && scheme != "tcp" && scheme != "npipe":
		return on.malformed(at, fmt.Errorf("%s is no scheme of an engine's address, unix and tcp are", scheme))
	}
	return nil
}

// thisMachine tells whether a host and its port are an address of this machine's own. A name other than localhost isn't looked up.
func thisMachine(hostAndPort string) bool {
	host, _, err := net.SplitHostPort(hostAndPort)
	if err != nil {
		return true // which the client complains of
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

func (on platform) malformed(at address, cause error) error {
	if at.context != "" {
		return &Error{WrongContext, fmt.Sprintf("The docker context %s points to %q, which the course can't use: %v.", at.context, at.host, cause),
			"Choose another context of `docker context ls` with `docker context use`."}
	}
	return &Error{MalformedHost, fmt.Sprintf("DOCKER_HOST is set to %q, which the course can't use: %v.", at.host, cause), unsetOrCorrect}
}

func (on platform) noContext(cause error) error {
	return &Error{WrongContext, fmt.Sprintf("The current docker context does not exist (%s).", firstLine(cause)),
		"Unset DOCKER_CONTEXT if it is set, or choose a context of `docker context ls` with `docker context use`."}
}

func (on platform) notAnEngine(at address, what string) error {
	next := "Stop what listens there and start Docker Engine (" + installDocs + ")."
	if at.fromEnv {
		next = unsetOrCorrect
	}
	return &Error{NotAnEngine, fmt.Sprintf("No Docker engine answers at %s: %s.", at.host, what), next}
}

func (on platform) tooOld(f Facts) error {
	next := "Upgrade the engine; " + installDocs + " tells how."
	if on.desktop() || f.Desktop {
		next = "Upgrade Docker Desktop from " + desktopDocs + "."
	}
	return &Error{TooOld, fmt.Sprintf("The engine at %s is version %s (the docker command is %s), and the lessons need an engine of version %d or newer.", f.Host, f.ServerVersion, f.ClientVersion, Oldest), next}
}

func (on platform) windowsContainers(f Facts) error {
	return &Error{WindowsContainers, fmt.Sprintf("The engine at %s runs Windows containers, and the lessons are about Linux containers.", f.Host),
		"Choose \"Switch to Linux containers\" in the menu of Docker Desktop's icon."}
}

func withoutControlGroups(f Facts) error {
	return &Error{NoControlGroups, fmt.Sprintf("The engine at %s has no control groups, so that it can't limit, pause or measure containers: "+
		"it runs without root on a system with cgroup v1.", f.Host),
		"Start the system with cgroup v2 (https://docs.docker.com/engine/security/rootless/), or " + chooseAnother}
}

func remapsUsers(f Facts) error {
	return &Error{RemapsUsers, fmt.Sprintf("The engine at %s gives the users of containers other numbers outside (userns-remap), so that the "+
		"reaper, which is a container, may not ask it to remove what an interrupted lesson leaves.", f.Host),
		"Take userns-remap out of its daemon.json and restart it, or " + chooseAnother}
}

const chooseAnother = "choose another engine of `docker context ls` with `docker context use`."

// firstLine keeps an error quoted in a sentence short, and free of the full stop that the sentence has.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimRight(strings.TrimSpace(line), ".:")
}
