package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	aptLog    = "/var/log/docker-proven/apt.log"
	aptFolder = "/etc/apt"
	roomBytes = 1 << 30 // the packages unpacked, their archives, and a first image

	defaultMirror = "http://deb.debian.org/debian"
)

// packageNames is what a distribution calls what the course needs.
type packageNames struct {
	engine                   []string // with the docker command
	command, buildx, compose string
}

func (d distribution) packages() packageNames {
	switch {
	case d.id == "ubuntu":
		return packageNames{[]string{"docker.io", "iptables", "ca-certificates"}, "docker.io", "docker-buildx", "docker-compose-v2"}
	case d.fromTesting():
		// The engine of Debian 12 is older than the lessons need; testing's runs on Debian 12 too.
		return packageNames{[]string{"docker.io/testing", "containerd/testing", "docker-cli/testing", "iptables", "ca-certificates"},
			"docker-cli/testing", "docker-buildx/testing", "docker-compose/testing"}
	}
	return packageNames{[]string{"docker.io", "containerd", "docker-cli", "iptables", "ca-certificates"}, "docker-cli", "docker-buildx", "docker-compose"}
}

func (d distribution) fromTesting() bool { return d.id == "debian" && d.version == "12" }

// missing lists the packages to install; running tells whether an engine answers already.
func missing(ctx context.Context, d distribution, running bool) []string {
	names := d.packages()
	var packages []string
	switch {
	case !running && dockerd(ctx) == "":
		packages = names.engine
	case !works(ctx, "--version"):
		packages = []string{names.command} // on Ubuntu the engine's package has it
	}
	if !works(ctx, "buildx", "version") {
		packages = append(packages, names.buildx)
	}
	if !works(ctx, "compose", "version") {
		packages = append(packages, names.compose)
	}
	return packages
}

func works(ctx context.Context, args ...string) bool {
	_, err := docker(ctx, args...)
	return err == nil
}

// install gets the packages with apt-get, whose own output goes to a log.
func install(ctx context.Context, out io.Writer, d distribution, packages []string) error {
	for _, dir := range []string{"/usr", "/var/lib"} {
		if err := room(dir); err != nil {
			return err
		}
	}
	if d.fromTesting() {
		_, _ = fmt.Fprintf(out, "Debian %s has an engine older than %d: asking for Debian testing's, with everything else kept as it is\n", d.version, Oldest)
		if err := offerTesting(aptFolder, d.codename); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintln(out, "apt-get update: reading which packages there are")
	// A source that is out of reach is no matter if the packages can be had from the others.
	outdated := apt(ctx, "update")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, _ = fmt.Fprintf(out, "apt-get install: about half a minute, log in %s\n", aptLog)
	if err := apt(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		what := fmt.Sprintf("The engine's packages could not be installed (%v):\n%s", err, tail(aptLog))
		if outdated != nil {
			what += fmt.Sprintf("`apt-get update` had failed before (%v).\n", outdated)
		}
		return cannot(what, "Mend what apt-get complains about, or install an engine as "+installDocs+" describes.")
	}
	return nil
}

// apt runs apt-get. Its output goes to a file, as a service that a package starts would hold a pipe open.
func apt(ctx context.Context, args ...string) error {
	log, err := create(aptLog)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{
		"-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = log, log
	// Let dpkg finish what it is doing: a killed one leaves packages half configured.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	return cmd.Run()
}

// room checks that the disk has space for an engine.
func room(dir string) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return fmt.Errorf("ask how much room %s has: %w", dir, err)
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < roomBytes {
		return cannot(fmt.Sprintf("The disk of %s has %d MB free, and an engine needs about %d MB.", dir, free>>20, roomBytes>>20), "Free some, then run `make engine` again.")
	}
	return nil
}

// offerTesting makes the packages of Debian testing available to those who ask for them by suite, and
// pins them below the rest, so that nothing else is ever upgraded to them.
func offerTesting(etc, codename string) error {
	mirror := defaultMirror
	for _, s := range readSources(etc) {
		switch {
		case slices.Contains(s.suites, "testing") && filepath.Base(s.file) != "docker-proven.sources":
			return nil // the owner of this machine has arranged for it
		case slices.Contains(s.suites, codename+"-updates"):
			// Only Debian itself has this suite; others name theirs like Debian's releases too.
			mirror = s.uri
		}
	}
	source := strings.Join([]string{
		"# Written by `make engine` of the Docker course, for an engine newer than this Debian's.",
		"Types: deb",
		"URIs: " + mirror,
		"Suites: testing",
		"Components: main",
		"Check-Valid-Until: no",
		"Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
		""}, "\n")
	pin := "# Written by `make engine` of the Docker course: testing is for those who ask for it.\nPackage: *\nPin: release a=testing\nPin-Priority: 100\n"
	// The pin first: without it the source would be open to every upgrade.
	if err := os.WriteFile(filepath.Join(etc, "preferences.d", "docker-proven"), []byte(pin), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(etc, "sources.list.d", "docker-proven.sources"), []byte(source), 0o644)
}

// aptSource is one place that apt gets packages from.
type aptSource struct {
	file   string
	uri    string
	suites []string
}

// readSources reads the sources in both of apt's formats: a line each, and paragraphs of fields.
func readSources(etc string) []aptSource {
	var sources []aptSource
	lists, _ := filepath.Glob(filepath.Join(etc, "sources.list.d", "*.list"))
	for _, file := range append(lists, filepath.Join(etc, "sources.list")) {
		text, _ := os.ReadFile(file)
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, "#")
			if from, to := strings.Index(line, "["), strings.Index(line, "]"); from >= 0 && to > from {
				line = line[:from] + line[to+1:]
			}
			if words := strings.Fields(line); len(words) > 2 && words[0] == "deb" {
				sources = append(sources, aptSource{file, words[1], words[2:3]})
			}
		}
	}
	paragraphs, _ := filepath.Glob(filepath.Join(etc, "sources.list.d", "*.sources"))
	for _, file := range paragraphs {
		text, _ := os.ReadFile(file)
		var s aptSource
		for line := range strings.Lines(string(text) + "\n\n") {
			key, value, _ := strings.Cut(line, ":")
			words := strings.Fields(value)
			switch {
			case strings.TrimSpace(line) == "":
				if s.uri != "" {
					sources = append(sources, s)
				}
				s = aptSource{}
			case strings.EqualFold(key, "URIs") && len(words) > 0:
				s.file, s.uri = file, words[0]
			case strings.EqualFold(key, "Suites"):
				s.suites = words
			}
		}
	}
	return sources
}
