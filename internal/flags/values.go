package flags

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// File arranges that $FILE is a file of the host with that content, in which $WORD is the row's word.
func File(content string) func(*testing.T, string) map[string]string {
	return func(t *testing.T, word string) map[string]string {
		return map[string]string{"$FILE": course.File(t, "file", strings.ReplaceAll(content, "$WORD", word))}
	}
}

// Directory arranges that $DIRECTORY is a directory of the host with a file in it.
func Directory(name, content string) func(*testing.T, string) map[string]string {
	return func(t *testing.T, _ string) map[string]string {
		return map[string]string{"$DIRECTORY": filepath.Dir(course.File(t, name, content))}
	}
}

// Disk arranges that $DISK is the disk on which the engine keeps volumes, and skips the row where that is not on a
// disk which can be limited, or the kernel can't limit any. It looks for the disk once.
func Disk(t *testing.T, _ string) map[string]string {
	found := theDisk.Get(t, func() disk { return findDisk(t) })
	if found.problem != "" {
		t.Skip("not provable here: " + found.problem)
	}
	return map[string]string{"$DISK": found.name}
}

var theDisk course.Shared[disk]

// A disk has a name, or there is a problem with it.
type disk struct{ name, problem string }

func findDisk(t *testing.T) disk {
	t.Helper()
	// The kernel tells where a directory is mounted from by the number of the device. A partition is limited as a
	// part of its disk.
	const find = `device=$(awk '$5 == "/data" {print $3}' /proc/self/mountinfo)
path=$(readlink -f /sys/dev/block/$device)
[ -d "$path" ] || exit 0
[ ! -e $path/partition ] || path=${path%/*}
echo /dev/${path##*/}`
	found := course.Once(t, image.Busybox, course.Mount("type=volume,target=/data"), course.Shell(find))
	name := strings.TrimSpace(found.Stdout)
	if name == "" {
		return disk{problem: "the engine's files are not on a disk of their own that could be limited"}
	}
	// https://github.com/docker/cli/issues/5321
	if version := course.Docker(t, "version", "--format", "{{.Client.Version}}").Stdout; dropsDevices.MatchString(version) {
		return disk{problem: "the docker command " + strings.TrimSpace(version) + " drops such flags without a word, as those " +
			"from 25.0.0 to 27.1.1 do; with 27.1.2 they are back"}
	}
	probe := course.CLI{}.DockerTries(t, "run", "--rm", "--device-read-bps", name+":1mb", course.Ref(t, image.Busybox),
		"cat", course.CgroupFile(t, "blkio/blkio.throttle.read_bps_device", "io.max"))
	if probe.ExitCode != 0 || strings.Contains(probe.Stderr, "WARNING") {
		return disk{problem: "this engine can't limit the use of " + name + ": " + strings.TrimSpace(probe.Stderr)}
	}
	return disk{name: name}
}

// dropsDevices are versions of the docker command that do not hand limits of devices on.
var dropsDevices = regexp.MustCompile(`^(25\.0\.[0-6]|26\.\d+\.\d+|27\.0\.\d+|27\.1\.[01])\b`)

// Limits skips the row where the engine can't set these limits.
func Limits(limits ...course.Limit) func(*testing.T) {
	return func(t *testing.T) { course.NeedsLimits(t, limits...) }
}

// TwoProcessors skips the row where the engine has only one.
func TwoProcessors(t *testing.T) {
	course.NeedsLimits(t, course.LimitCPUSet)
	if strings.TrimSpace(course.Docker(t, "info", "--format", "{{.NCPU}}").Stdout) == "1" {
		t.Skip("not provable here: the engine's machine has only one processor to choose from")
	}
}

// Processor arranges that $CPU is the first processor that the engine may use.
func Processor(t *testing.T, _ string) map[string]string {
	return map[string]string{"$CPU": FirstProcessor(t)}
}

// FirstProcessor is the number of the first processor that the engine may use: another than 0 where the engine itself is given only
// some of the machine's.
func FirstProcessor(t *testing.T) string {
	t.Helper()
	allowed := course.Once(t, image.Busybox, course.Command("grep", "Cpus_allowed_list", "/proc/self/status")).Stdout
	_, list, _ := strings.Cut(allowed, ":")
	return firstNumber.FindString(list)
}

var firstNumber = regexp.MustCompile(`[0-9]+`)

// Seccomp skips the row where the engine filters no calls to the kernel.
func Seccomp(t *testing.T) {
	options := course.Docker(t, "info", "--format", "{{.SecurityOptions}}").Stdout
	if !strings.Contains(options, "name=seccomp,profile=builtin") {
		t.Skip("not provable here: this engine doesn't filter calls to the kernel (seccomp) as Docker does by default")
	}
}

// GPUs skips the row where the engine has no graphics processors to give.
func GPUs(t *testing.T) {
	answer := course.DockerTries(t, "run", "--rm", "--gpus", "all", course.Ref(t, image.Busybox), "true")
	if answer.ExitCode != 0 && noGPUs.MatchString(answer.Stderr) {
		t.Skipf("not provable here: this engine has no GPUs to give: %s", firstLine(answer.Stderr))
	}
}

// noGPUs is what an engine says that has none to give. On Docker Desktop for Windows it is NVIDIA's program that says so:
// "nvidia-container-cli: initialization error: WSL environment detected but no adapters were found".
var noGPUs = regexp.MustCompile(`(?i)gpu|nvidia`)

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
