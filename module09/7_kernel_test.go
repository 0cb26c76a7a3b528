package module09

import (
	"math/bits"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/flags"
	"docker-proven/internal/image"
)

// What root may do is divided into capabilities, and Docker gives a container's root about a dozen of them. Each is a
// kind of attack that works. With --cap-drop ALL none does, though the process is still root. --cap-add gives back the
// one that a program needs, and with it that one attack, and no other.
func TestDroppedCapabilitiesTakeRootsPowersAwayOneByOne(t *testing.T) {
	app := course.BuildQuietly(t, "app", "FROM "+course.Ref(t, image.Busybox)+`
RUN echo private > /home/private && chmod 600 /home/private && chown 1000 /home/private
`)
	type attack struct{ capability, line, does string }
	attacks := []attack{
		{"DAC_OVERRIDE", "cat /home/private", "read other people's files"},
		{"CHOWN", "chown 1000 /etc/passwd", "give files to somebody else"},
		{"FOWNER", "chmod 666 /home/private", "open other people's files to everybody"},
		{"MKNOD", "mknod /tmp/device c 1 3", "make a device"},
		{"SETUID", "su -s /bin/sh nobody -c id", "become somebody else"},
	}
	if strings.Contains(course.Docker(t, "info", "--format", "{{.SecurityOptions}}").Stdout, "name=rootless") {
		course.Say(t, "This engine runs without root, so that nobody makes a device, whatever capability he has.")
		attacks = slices.DeleteFunc(attacks, func(a attack) bool { return a.capability == "MKNOD" })
	}
	// Who changes the user changes the groups, too.
	with := map[string][]string{"SETUID": {"--cap-add", "SETGID"}}
	run := func(line string, flags ...string) []string {
		return append(append([]string{"run", "--rm"}, flags...), app, "sh", "-c", line)
	}
	for n, attack := range attacks {
		course.Say(t, "To %s:", attack.does)
		course.Docker(t, run(attack.line)...)
		refused := course.DockerFails(t, run(attack.line, "--cap-drop", "ALL")...)
		assert.Regexp(t, refusals, refused.Output())

		given := append([]string{"--cap-drop", "ALL", "--cap-add", attack.capability}, with[attack.capability]...)
		course.Docker(t, run(attack.line, given...)...)
		var others []string
		for m, other := range attacks {
			if m != n {
				others = append(others, other.line)
			}
		}
		course.Say(t, "And none of the others does:")
		denied := course.DockerFails(t, run(strings.Join(others, " || "), given...)...)
		assert.Equal(t, len(others), len(refusals.FindAllString(denied.Output(), -1)))
	}
}

// refusals is what programs say when the kernel doesn't let them.
var refusals = regexp.MustCompile("Operation not permitted|Permission denied")

// The kernel reports what a process has. That is the way to see which capabilities a container really got.
func TestTheKernelTellsWhichCapabilitiesAProcessHas(t *testing.T) {
	effective := func(flags ...string) string {
		line := append(append([]string{"run", "--rm"}, flags...), course.Ref(t, image.Busybox), "grep", "CapEff", "/proc/self/status")
		return strings.Fields(course.Docker(t, line...).Stdout)[1]
	}
	const none, chownOnly = "0000000000000000", "0000000000000001"
	byDefault, err := strconv.ParseUint(effective(), 16, 64)
	require.NoError(t, err)
	assert.InDelta(t, 14, bits.OnesCount64(byDefault), 3, "by default root has about a dozen")
	assert.Equal(t, none, effective("--cap-drop", "ALL"))
	assert.Equal(t, chownOnly, effective("--cap-drop", "ALL", "--cap-add", "CHOWN"))
	assert.Equal(t, none, effective("--user", "1000"), "an ordinary user has none in the first place")
}

// Every program talks to the kernel in system calls, several hundred kinds of them, and some dozens hardly any program
// uses. Docker's default seccomp profile refuses those. An attacker who wants to work
// with fixed addresses, as exploits do, asks the kernel to stop moving them about: refused, and without the profile it
// works. So does making namespaces of one's own, behind which many a mistake was found. (AppArmor, where the kernel has
// it, may refuse that, too. It is left out here, so that what is seen is seccomp's doing.)
func TestTheDefaultSeccompProfileRefusesWhatAttacksNeed(t *testing.T) {
	flags.Seccomp(t)
	for _, attack := range []struct{ name, line string }{
		{"fixed addresses", "setarch --addr-no-randomize true"},
		{"namespaces of one's own", "unshare --user true"},
	} {
		t.Run(attack.name, func(t *testing.T) {
			if strings.HasPrefix(attack.line, "unshare") {
				needsUserNamespaces(t)
			}
			run := func(flags ...string) []string {
				line := append([]string{"run", "--rm", "--security-opt", "apparmor=unconfined"}, flags...)
				return append(line, course.Ref(t, image.Debian), "sh", "-c", attack.line)
			}
			refused := course.DockerFails(t, run()...)
			assert.Contains(t, refused.Stderr, "Operation not permitted")

			course.Docker(t, run("--security-opt", "seccomp=unconfined")...)
		})
	}
}

// needsUserNamespaces skips the test, saying why, where the machine allows nobody but root to make user namespaces.
func needsUserNamespaces(t *testing.T) {
	t.Helper()
	settings := course.Once(t, image.Busybox, course.Shell("cd /proc/sys && grep . user/max_user_namespaces "+
		"kernel/unprivileged_userns_clone kernel/apparmor_restrict_unprivileged_userns 2>/dev/null || true")).Stdout
	for _, forbids := range []string{"max_user_namespaces:0\n", "userns_clone:0\n", "restrict_unprivileged_userns:1\n"} {
		if strings.Contains(settings, forbids) {
			t.Skipf("not provable here: the engine's machine allows only root to make user namespaces (%s)",
				strings.TrimSpace(forbids))
		}
	}
}

// A profile can be one of your own: module09/seccomp/no-chmod.json lets everything through but the calls named chmod, which
// change a file's permissions. There are several, for a file that is named and for one that is open, and an attacker takes
// any. With the profile, one who has written a tool can't make it executable so. (A file may be executable from the moment
// when it is made, as the copy of a program is; access control lists are set by another call, setxattr; and a call that is
// newer than the engine's libseccomp can't be refused by its name. It is one hole closed, and not all of them.) The docker
// command reads the profile, so that it works with an engine on another machine, too. (Where there is no call chmod, as on arm64,
// perl's chmod is fchmodat, too.)
func TestASeccompProfileOfYourOwnRefusesAnotherCall(t *testing.T) {
	run := func(line string, flags ...string) []string {
		return append(append([]string{"run", "--rm"}, flags...), course.Ref(t, image.Debian), "sh", "-c", line)
	}
	tool := func(chmod string) string {
		return "printf '#!/bin/sh\necho the tool runs\n' > /tmp/tool && " + chmod + " && /tmp/tool"
	}
	profile := filepath.Join("seccomp", "no-chmod.json")
	course.ReadHostFile(t, profile)
	for _, attack := range []struct{ call, line string }{
		{"fchmodat", "chmod 755 /tmp/tool"},
		{"chmod", `perl -e 'chmod 0755, "/tmp/tool" or die $!'`},
		{"fchmod", `perl -e 'open FILE, "/tmp/tool"; chmod 0755, *FILE or die $!'`},
	} {
		course.Say(t, "By the call %s:", attack.call)
		line := tool(attack.line)
		assert.Equal(t, "the tool runs\n", course.Docker(t, run(line)...).Stdout, "the default profile has nothing against it")
		refused := course.DockerFails(t, run(line, "--security-opt", "seccomp="+profile)...)
		assert.Contains(t, refused.Stderr, "Operation not permitted")
	}

	course.Say(t, "By the call fchmodat2, which has the number 452 and is there from Linux 6.6 on:")
	const newest = `perl -e '$tool = "/tmp/tool"; syscall(452, -100, $tool, 0755, 0) == 0 or die $!'`
	alone := "seccomp=" + course.File(t, "no-fchmodat2.json",
		`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["fchmodat2"], "action": "SCMP_ACT_ERRNO"}]}`)
	switch byDefault := course.DockerTries(t, run(tool(newest))...); {
	case byDefault.ExitCode != 0:
		assert.Regexp(t, "Function not implemented|Operation not permitted", byDefault.Stderr)
		course.Say(t, "This engine's machine doesn't perform it, or its default profile doesn't know it.")
	case course.DockerTries(t, run(tool(newest), "--security-opt", alone)...).ExitCode == 0:
		course.Say(t, "This engine's libseccomp is older than the call, and can't refuse it by its name.")
	default:
		refused := course.DockerFails(t, run(tool(newest), "--security-opt", "seccomp="+profile)...)
		assert.Contains(t, refused.Stderr, "Operation not permitted")
	}

	course.Say(t, "An engine on another machine, which hasn't got the file:")
	engine := course.OneThrowawayEngine(t)
	elsewhere := []string{engine.Ref(t, image.Busybox), "chmod", "700", "/tmp"}
	engine.Docker(t, append([]string{"run", "--rm"}, elsewhere...)...)
	refused := engine.DockerFails(t, append([]string{"run", "--rm", "--security-opt", "seccomp=" + profile}, elsewhere...)...)
	assert.Contains(t, refused.Stderr, "Operation not permitted")

	course.Say(t, "A copy of a program is executable without any of these calls:")
	const copied = "cp /bin/echo /tmp/tool && /tmp/tool the copy runs"
	assert.Equal(t, "the copy runs\n", course.Docker(t, run(copied, "--security-opt", "seccomp="+profile)...).Stdout)
}

// A profile of your own takes the place of the default one: what it doesn't mention, nobody refuses any more. A real one
// is therefore made from a copy of Docker's.
func TestASeccompProfileOfYourOwnReplacesTheDefaultOne(t *testing.T) {
	flags.Seccomp(t)
	attack := []string{course.Ref(t, image.Debian), "setarch", "--addr-no-randomize", "true"}
	course.DockerFails(t, append([]string{"run", "--rm"}, attack...)...)

	profile := filepath.Join("seccomp", "no-chmod.json")
	course.Docker(t, append([]string{"run", "--rm", "--security-opt", "seccomp=" + profile}, attack...)...)
}

// AppArmor confines a program by the names of files. Where the kernel has it, containers run under the profile
// docker-default, which denies writing nearly all of the kernel's settings in /proc/sys. Docker mounts them read-only anyway: two
// walls, and the second is seen when the first is taken away. (The attack opens a setting and writes nothing into it.)
func TestAppArmorDeniesWritingTheKernelsSettings(t *testing.T) {
	options := course.Docker(t, "info", "--format", "{{.SecurityOptions}}").Stdout
	if !strings.Contains(options, "name=apparmor") {
		t.Skipf("not provable here: this engine's kernel has no AppArmor (docker info says %s)", strings.TrimSpace(options))
	}
	const attack = ": >> /proc/sys/kernel/core_pattern"
	run := func(line string, flags ...string) []string {
		return append(append([]string{"run", "--rm"}, flags...), course.Ref(t, image.Busybox), "sh", "-c", line)
	}
	const confinement = "cat /proc/self/attr/current"
	assert.Contains(t, course.Docker(t, run(confinement)...).Stdout, "docker-default (enforce)")
	readOnly := course.DockerFails(t, run(attack)...)
	assert.Contains(t, readOnly.Stderr, "Read-only file system")

	denied := course.DockerFails(t, run(attack, "--security-opt", "systempaths=unconfined")...)
	assert.Contains(t, denied.Stderr, "Permission denied")

	unconfined := []string{"--security-opt", "systempaths=unconfined", "--security-opt", "apparmor=unconfined"}
	assert.NotContains(t, course.Docker(t, run(confinement, unconfined...)...).Stdout, "docker-default")
	course.Docker(t, run(attack, unconfined...)...)
}
