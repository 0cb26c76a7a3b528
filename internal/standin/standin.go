// Package standin builds, where no registry is reached, an image that stands in for the original: the
// distribution's own package of the program with the original image's contract (entrypoint, environment
// variables, user, volume, ports, working directory, log lines), under the original's name. It is labelled,
// and a run that uses one says so.
package standin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"docker-proven/internal/lock"
	"docker-proven/internal/scratch"
)

// Label is on every stand-in and its base, and on what anybody builds from them; its value says what a stand-in was built from.
const Label = "docker-proven.standin"

// RecipeLabel is on every stand-in; its value is what Recipe said when it was built.
const RecipeLabel = "docker-proven.standin.recipe"

// Bases begins the references of the images that stand-ins are built on.
const Bases = "docker-proven/"

// The recipes, and the course's own programs that are part of some.
//
//go:embed all:recipes reaper pause
var recipes embed.FS

// A recipe is a directory of recipes/ with a Dockerfile, the Debian release it starts from, and build arguments.
type recipe struct {
	name      string
	release   string // "12", "13", "testing", or "" for an image that starts from nothing
	arguments []string
	program   string // a Go package that is compiled and put beside the Dockerfile as "program"
	programs  string // Go packages for which the same is done, under their own names
	module    string // a Go module of the recipe, in a directory of that name after a "_", for whose tools the same is done
	version   string // what the linker puts into them, as variables and their values
}

// The references that have a stand-in. Pinned ones come from Debian 12 or 13, current ones from testing, so
// that the two are two real versions.
var table = map[string]recipe{
	"ubuntu:22.04":                 {name: "ubuntu", release: "12"},
	"ubuntu:latest":                {name: "ubuntu", release: "testing"},
	"debian:12":                    {name: "debian", release: "12"},
	"debian:latest":                {name: "debian", release: "13"},
	"busybox:1.36":                 {name: "busybox", release: "12"},
	"busybox:latest":               {name: "busybox", release: "testing"},
	"busybox:1.36-musl":            {name: "busybox", release: "12"},
	"busybox:musl":                 {name: "busybox", release: "testing"},
	"alpine:3.20":                  {name: "busybox", release: "12", arguments: []string{"LIKE=alpine"}},
	"alpine:latest":                {name: "busybox", release: "testing", arguments: []string{"LIKE=alpine"}},
	"mariadb:10.11":                {name: "mariadb", release: "12"},
	"mariadb:11.8":                 {name: "mariadb", release: "testing"},
	"php:8.2-cli":                  {name: "php", release: "12"},
	"php:8.4-cli":                  {name: "php", release: "testing"},
	"docker:26-dind":               {name: "dind", release: "13", arguments: []string{"DOCKER_VERSION=26.1.5"}},
	"docker:28-dind":               {name: "dind", release: "testing", arguments: []string{"DOCKER_VERSION=28.5.2"}},
	"docker:29-dind":               docker29,
	"quay.io/podman/stable:v5.4.2": {name: "podman", release: "13"},

	"registry:2":     {name: "registry", release: "12"},
	"registry:2.8":   {name: "registry", release: "testing"},
	"redis:8-alpine": {name: "redis", release: "testing"},
	"ruby:3.1-slim":  {name: "ruby", release: "12"},
	"ruby:3.3-slim":  {name: "ruby", release: "testing"},

	"redis:7.0-alpine":         {name: "redis", release: "12"},
	"python:3.11-slim":         {name: "python", release: "12"},
	"python:3.14-slim":         {name: "python", release: "testing"},
	"postgres:15.1-alpine":     {name: "postgres", release: "12", arguments: []string{"PG_MAJOR=15"}},
	"postgres:17-alpine":       {name: "postgres", release: "13", arguments: []string{"PG_MAJOR=17"}},
	"postgres:18-alpine":       {name: "postgres", release: "testing", arguments: []string{"PG_MAJOR=18"}},
	"ghcr.io/jqlang/jq:1.7.1":  {name: "jq", release: "13"},
	"ghcr.io/jqlang/jq:latest": {name: "jq", release: "testing"},
	"mikefarah/yq:4.47.1":      {name: "yq", program: "github.com/mikefarah/yq/v4@v4.47.1"},
	"mikefarah/yq:latest":      {name: "yq", program: "github.com/mikefarah/yq/v4@v4.47.1"},

	"node:22":            {name: "node", release: "12", arguments: []string{"NODE_MAJOR=22", "NPM_MAJOR=10", "LIKE=debian"}},
	"node:22-slim":       {name: "node", release: "12", arguments: []string{"NODE_MAJOR=22", "NPM_MAJOR=10"}},
	"node:24":            {name: "node", release: "12", arguments: []string{"NODE_MAJOR=24", "NPM_MAJOR=11", "LIKE=debian"}},
	"node:24-slim":       {name: "node", release: "12", arguments: []string{"NODE_MAJOR=24", "NPM_MAJOR=11"}},
	"golang:1.26-alpine": {name: "golang", release: "testing", arguments: []string{"GO_VERSION=1.26"}},
	"golang:1.27-alpine": {name: "golang", release: "testing", arguments: []string{"GO_VERSION=1.27"}},

	"nginxinc/nginx-unprivileged:1.26-alpine": {name: "nginx", release: "13"},
	"nginxinc/nginx-unprivileged:1.30-alpine": {name: "nginx", release: "testing"},
	"chromedp/headless-shell:latest":          {name: "headless-shell", release: "12"},
	"chromedp/headless-shell:stable":          {name: "headless-shell", release: "12"},
	"docker/dockerfile:1":                     {name: "dockerfile", program: "github.com/moby/buildkit/frontend/dockerfile/cmd/dockerfile-frontend@v0.34.2"},

	"moby/buildkit:buildx-stable-1": {name: "buildkit", release: "13", programs: buildKit},
	"moby/buildkit:latest":          {name: "buildkit", release: "testing", programs: buildKit},

	"ghcr.io/google/osv-scanner:latest":     {name: "osv-scanner", program: "github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.6.0"},
	"ghcr.io/google/osv-scanner:v2.6.0":     {name: "osv-scanner", program: "github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.6.0"},
	"ghcr.io/sigstore/cosign/cosign:v3.1.3": {name: "cosign", program: "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3"},

	"rancher/k3s:v1.34.4-k3s1": k3s,
	"rancher/k3s:latest":       k3s,

	"testcontainers/ryuk:0.14.0": {name: "ryuk", program: "docker-proven/internal/standin/reaper"},
}

var k3s = recipe{name: "k3s", release: "testing", module: "k3s", programs: "docker-proven/internal/standin/pause",
	version: "k8s.io/component-base/version.gitVersion=v1.34.4+k3s1"}

// The engine's tags and those of its Go module differ: v2.0.0-beta.24 is 29.8.1.
var docker29 = recipe{name: "dind", release: "testing", arguments: []string{"DOCKER_VERSION=29.8.1"}, module: "engine",
	version: "github.com/docker/cli/cli/version.Version=29.8.1 github.com/moby/moby/v2/dockerversion.Version=29.8.1"}

const buildKit = "github.com/moby/buildkit/cmd/buildkitd@v0.34.2 github.com/moby/buildkit/cmd/buildctl@v0.34.2"

// The room on the disk that building one stand-in takes at most, its base system included; and what the source of a module,
// and what the compiler keeps of it, take besides.
const (
	needed          = 1500 << 20
	neededByAModule = 4 << 30
)

// Has is whether a stand-in for ref can be built.
func Has(ref string) bool { _, ok := table[ref]; return ok }

// Refs are all references that have a stand-in, in order.
func Refs() []string {
	var refs []string
	for ref := range table {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	return refs
}

// Recipe is a sum of all that the stand-in for ref is built from, as far as the course has it: another one says that the
// recipe has changed. Packages that the distribution has renewed since don't change it, and neither does what makes the base
// of all, for which `make clean-standins` has to be said.
func Recipe(ref string) string {
	r := table[ref]
	sum := sha256.New()
	fmt.Fprintf(sum, "%#v", r)
	for _, source := range r.sources() {
		_ = fs.WalkDir(recipes, source, func(name string, entry fs.DirEntry, err error) error { // what is embedded can be read
			if err == nil && !entry.IsDir() {
				content, _ := recipes.ReadFile(name)
				fmt.Fprintf(sum, "%s %d %s", name, len(content), content)
			}
			return nil
		})
	}
	return fmt.Sprintf("%x", sum.Sum(nil))[:12]
}

// sources are the directories of the course that a stand-in is built from.
func (r recipe) sources() []string {
	sources := []string{"recipes/" + r.name}
	for _, program := range strings.Fields(r.program + " " + r.programs) {
		if own, ok := strings.CutPrefix(program, "docker-proven/internal/standin/"); ok {
			sources = append(sources, own)
		}
	}
	return sources
}

// Build builds the stand-in for ref and tags it with that name, which appears only when the image is whole.
// Lines about the progress go to progress. The error is one sentence with the next step.
func Build(ctx context.Context, ref string, progress io.Writer) error {
	r, ok := table[ref]
	if !ok {
		return fmt.Errorf("%s has no stand-in", ref)
	}
	began := time.Now()
	enough := uint64(needed)
	if r.module != "" {
		enough += neededByAModule
	}
	if err := room(os.TempDir(), enough); err != nil {
		return fmt.Errorf("no stand-in for %s is built: %w", ref, err)
	}
	directory, err := scratch.Directory("standin")
	if err != nil {
		return err
	}
	scratch.RemoveAfterwards(directory)
	defer os.RemoveAll(directory)

	fmt.Fprintf(progress, "%s: building a stand-in from %s …\n", ref, r.source())
	// With --quiet, docker would not say what a failed step printed.
	arguments := []string{"build", "--progress", "plain", "--tag", ref,
		"--label", Label + "=" + r.source(), "--label", RecipeLabel + "=" + Recipe(ref)}
	if r.release != "" {
		if err := ensureBase(ctx, r.release, directory, progress); err != nil {
			return fmt.Errorf("building the stand-in for %s failed: %w", ref, err)
		}
		arguments = append(arguments, "--build-arg", "BASE="+baseTag(r.release))
	}
	for _, argument := range r.arguments {
		arguments = append(arguments, "--build-arg", argument)
	}
	programs := map[string]string{}
	for _, program := range strings.Fields(r.programs) {
		name, _, _ := strings.Cut(path.Base(program), "@")
		programs[name] = program
	}
	if r.program != "" {
		programs["program"] = r.program
	}
	for name, program := range programs {
		if err := compile(ctx, program, directory, name); err != nil {
			return fmt.Errorf("building the stand-in for %s failed: %w", ref, err)
		}
	}
	if err := unpack(r.name, directory); err != nil {
		return err
	}
	if r.module != "" {
		fmt.Fprintf(progress, "%s: compiling it from its source, a few minutes the first time …\n", ref)
		if err := compileModule(ctx, directory, r.module, r.version); err != nil {
			return fmt.Errorf("building the stand-in for %s failed: %w", ref, err)
		}
	}
	if err := run(ctx, nil, "docker", append(arguments, directory)...); err != nil {
		return fmt.Errorf("building the stand-in for %s failed: %w", ref, err)
	}
	fmt.Fprintf(progress, "%s: stand-in built in %.0f s\n", ref, time.Since(began).Seconds())
	return nil
}

func (r recipe) source() string {
	switch {
	case r.release == "":
		return "Go source"
	case r.program+r.programs+r.module != "":
		return "Debian " + r.release + " and Go source"
	}
	return "Debian " + r.release
}

func unpack(name, directory string) error {
	from, err := fs.Sub(recipes, "recipes/"+name)
	if err != nil {
		return err
	}
	return fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if bytes.HasPrefix(content, []byte("#!")) {
			mode = 0o755
		}
		file := filepath.Join(directory, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return errors.Join(os.WriteFile(file, content, mode), os.Chmod(file, mode)) // whatever the umask
	})
}

// compile builds a Go program for the engine's processor. One of another module, "path@version", is built as a
// dependency of an empty module, because `go install` can't cross-compile to a place of our choice.
func compile(ctx context.Context, program, directory, name string) error {
	environment, err := crossCompiling(ctx)
	if err != nil {
		return err
	}
	in := ""
	path, version, foreign := strings.Cut(program, "@")
	if foreign {
		in = filepath.Join(directory, "module")
		if err := os.Mkdir(in, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(in, "go.mod"), []byte("module standin\n"), 0o644); err != nil {
			return err
		}
		environment = append(environment, "GOFLAGS=-mod=mod", "GOTOOLCHAIN=auto") // it may need a newer Go than the one that is here
		if err := runIn(ctx, in, environment, "go", "get", path+"@"+version); err != nil {
			return err
		}
	}
	err = runIn(ctx, in, environment, "go", "build", "-trimpath", "-ldflags", "-s -w",
		"-o", filepath.Join(directory, name), path)
	if foreign {
		err = errors.Join(err, os.RemoveAll(in))
	}
	return err
}

// compileModule is compile for what a module of the recipe, which has been unpacked, is for: the tools that it names, or the
// program that it is. What go.mod says is in another file, for the go command takes a directory with a go.mod out of the
// course's own module.
func compileModule(ctx context.Context, directory, name, version string) error {
	in := filepath.Join(directory, "_"+name)
	if err := os.Rename(filepath.Join(in, "go.mod.txt"), filepath.Join(in, "go.mod")); err != nil {
		return err
	}
	environment, err := crossCompiling(ctx)
	if err != nil {
		return err
	}
	environment = append(environment, "GOFLAGS=-mod=mod", "GOTOOLCHAIN=auto") // it may need a newer Go than the one that is here
	flags := "-s -w"
	for _, variable := range strings.Fields(version) {
		flags += " -X " + variable
	}
	// The docker command has no go.mod to say which Go it is written in, and then one of long ago is assumed.
	const recent = "github.com/docker/cli/...=-lang=go1.25"
	err = runIn(ctx, in, environment, "go", "build", "-trimpath", "-gcflags", recent, "-ldflags", flags,
		"-o", directory+"/", "./...", "tool")
	return errors.Join(err, os.RemoveAll(in))
}

// crossCompiling is the environment in which go compiles for the engine's processor.
func crossCompiling(ctx context.Context) ([]string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, errors.New("it is compiled from Go source, and there is no go command here; " +
			"install Go from https://go.dev/dl/")
	}
	arch, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Arch}}").Output()
	if err != nil {
		return nil, fmt.Errorf("docker version: %w", err)
	}
	// The learner's GOFLAGS are for other programs: the race detector, for one, can't be built for another machine. (Where the
	// variable is empty, what `go env -w` has written counts.)
	return []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + strings.TrimSpace(string(arch)), "GOFLAGS=-race=false"}, nil
}

func run(ctx context.Context, environment []string, program string, arguments ...string) error {
	return runIn(ctx, "", environment, program, arguments...)
}

func runIn(ctx context.Context, directory string, environment []string, program string, arguments ...string) error {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir, command.Env = directory, append(command.Environ(), environment...)
	command.Env = append(command.Env, "LC_ALL=C") // explain reads English
	command.Cancel = func() error { return interrupt(command.Process) }
	command.WaitDelay = 20 * time.Second
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return explain(program, err, output.String())
}

// interrupt asks a process to end; where that is not possible it kills it.
func interrupt(process *os.Process) error {
	if runtime.GOOS == "windows" {
		return process.Kill()
	}
	return process.Signal(os.Interrupt)
}

// Words by which apt, Go, BuildKit and the docker command say why they failed, the most telling first, and what
// to tell the reader about it. What none of them explains is told as it is.
var failures = []struct {
	words  *regexp.Regexp
	advice string // takes the lines with these words
}{
	{regexp.MustCompile(`(?i)no space left on device`),
		"the disk is full (%s); make room, `docker system df` tells what takes it, and run the same command again"},
	{regexp.MustCompile(`(?i)cannot connect to the docker daemon|error during connect`),
		"the Docker engine does not answer (%s); start it and run the same command again"},
	{regexp.MustCompile(`(?i)failed to fetch|unable to fetch|temporary failure resolving|could not resolve|` +
		`could not connect|unable to connect|connection failed|connection refused|connection timed out|no such host|` +
		`network is unreachable|no route to host|i/o timeout|tls handshake timeout|x509:`),
		"its source could not be reached (%s); nothing half-made is left: run the same command again when it can"},
	{regexp.MustCompile(`^E: |(?i)\berror\b`), ""},
}

// BuildKit puts a step's number and the time in front of what the step prints.
var stepPrefix = regexp.MustCompile(`^(#\d+ )?(\d+\.\d+ )?`)

// explain makes one sentence of what a failed command printed.
func explain(program string, err error, output string) error {
	const most = 2 // lines: what comes after the first is mostly its consequence
	var lines []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(stepPrefix.ReplaceAllString(line, ""))
		if line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	for _, failure := range failures {
		var telling []string
		for _, line := range lines {
			if failure.words.MatchString(line) {
				telling = append(telling, line)
			}
		}
		switch said := strings.Join(telling[:min(most, len(telling))], "; "); {
		case len(telling) == 0:
		case failure.advice == "":
			return fmt.Errorf("%s: %w: %s", program, err, said)
		default:
			return fmt.Errorf(failure.advice, said)
		}
	}
	return fmt.Errorf("%s: %w: %s", program, err, strings.Join(lines[max(0, len(lines)-most):], "; "))
}

func baseTag(release string) string { return Bases + "debian:" + release }

// As in the official image of Debian, apt keeps no archive and no index of what it installs. (And dpkg doesn't wait
// for the disk after each file, and no service starts because its package is installed.)
const aptSettings = `APT::Keep-Downloaded-Packages "false"; Acquire::Languages "none"; ` +
	`Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";`

// ensureBase makes the Debian system that recipes start from, once, however many processes ask.
func ensureBase(ctx context.Context, release, directory string, progress io.Writer) error {
	unlock, err := lock.Hold(ctx, "base "+release, func() {
		fmt.Fprintf(progress, "Debian %s is just being made by another run of the course, which is waited for\n", release)
	})
	if err != nil {
		return err
	}
	defer unlock()
	if exec.CommandContext(ctx, "docker", "image", "inspect", baseTag(release)).Run() == nil {
		return nil
	}
	return makeBase(ctx, release, directory, progress)
}

func makeBase(ctx context.Context, release, directory string, progress io.Writer) error {
	if err := ensureMmdebstrap(ctx, progress); err != nil {
		return err
	}
	fmt.Fprintf(progress, "the stand-ins' base system, Debian %s: fetching its packages (about half a minute, once) …\n",
		release)
	suite := map[string]string{"12": "bookworm", "13": "trixie", "testing": "testing"}[release]
	archive := filepath.Join(directory, "base.tar")
	hook := func(shell string) string { return "--customize-hook=" + shell }
	arguments := []string{"--variant=minbase", "--include=ca-certificates",
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=force-unsafe-io", "--skip=chroot/policy-rc.d",
		hook(`printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d" && chmod 0755 "$1/usr/sbin/policy-rc.d"`),
		hook(`echo '` + aptSettings + `' > "$1/etc/apt/apt.conf.d/90container"`)}
	if release == "12" {
		// To join /bin with /usr/bin takes a package that needs all of Perl, 50 MB. It has done so, and the original
		// image has another in its place, which is empty.
		arguments = append(arguments, hook(`chroot "$1" apt-get purge --yes `+
			`usr-is-merged+ usrmerge perl libperl5.36 perl-modules-5.36 libfile-find-rule-perl libgdbm6 libgdbm-compat4`))
	}
	if release == "testing" {
		// The mirror's index of testing can be past the date it carries.
		const aged = `Acquire::Check-Valid-Until "false";`
		arguments = append(arguments, "--aptopt="+strings.TrimSuffix(aged, ";"),
			hook(`echo '`+aged+`' > "$1/etc/apt/apt.conf.d/90aged-index"`))
	}
	if bundle := hostCertificates(); bundle != "" {
		// One file of several certificates is not what update-ca-certificates expects, so they are taken apart.
		const program = `/BEGIN CERT/{n++} n{print > (directory "/host-" n ".crt")}`
		arguments = append(arguments,
			hook(`mkdir -p "$1/usr/local/share/ca-certificates"`),
			hook(`awk -v directory="$1/usr/local/share/ca-certificates" '`+program+`' `+bundle),
			hook(`chroot "$1" update-ca-certificates >/dev/null 2>&1`))
	}
	arguments = append(arguments,
		hook(`cd "$1" && rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/log/*.log etc/hostname etc/resolv.conf`),
		suite, archive)
	// mmdebstrap's own directory is in ours: whatever ends it, it goes.
	if err := run(ctx, []string{"TMPDIR=" + directory}, "mmdebstrap", arguments...); err != nil {
		return err
	}
	defer os.Remove(archive)
	return run(ctx, nil, "docker", "import", "--change", "LABEL "+Label+"=base", "--change", `CMD ["bash"]`,
		archive, baseTag(release))
}

// hostCertificates is this machine's bundle of certificate authorities, so that apt, go and npm inside trust
// whom the machine trusts, an inspecting proxy included.
func hostCertificates() string {
	for _, bundle := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"} {
		if _, err := os.Stat(bundle); bundle != "" && err == nil {
			return bundle
		}
	}
	return ""
}

func ensureMmdebstrap(ctx context.Context, progress io.Writer) error {
	if _, err := exec.LookPath("mmdebstrap"); err == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("a stand-in is built from Debian packages, which needs mmdebstrap and so a Debian or Ubuntu " +
			"machine; let this machine reach a registry instead, or copy the images here with `docker save` and `docker load`")
	}
	if os.Geteuid() != 0 {
		return errors.New("a stand-in needs mmdebstrap, and installing it needs root: sudo apt-get install mmdebstrap")
	}
	unlock, err := lock.Hold(ctx, "install mmdebstrap", func() {
		fmt.Fprintln(progress, "mmdebstrap is just being installed by another run of the course, which is waited for")
	})
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := exec.LookPath("mmdebstrap"); err == nil {
		return nil // another process installed it while this one waited
	}
	fmt.Fprintln(progress, "installing mmdebstrap, which makes the stand-ins' base systems …")
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	// One source of several that doesn't answer fails the update, which matters only if the install fails, too.
	_ = run(ctx, quiet, "apt-get", "update")
	return run(ctx, quiet, "apt-get", "install", "--yes", "--no-install-recommends", "mmdebstrap")
}
