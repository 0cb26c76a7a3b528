package module09

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Root in a container has the number of the machine's root, 0, and where a directory of the machine is mounted that is
// what counts: it reads root's files and writes new ones. An engine with --userns-remap shifts the numbers. Root inside
// is still 0 for itself; for the machine it is some number that owns nothing, and the same attack is refused. That protects
// from what runs inside a container, and not from those who may start one: with --userns host they do without. (The machine
// is that of a throwaway engine, here and in what follows.)
func TestWithRemappedUsersRootInsideIsNobodyOutside(t *testing.T) {
	plain, remapped := theHost(t), course.NewThrowawayEngine(t, course.Command("--userns-remap=default"))
	plantSecret(t, remapped)
	for _, attack := range []string{"cat /host/root/secret", "echo hello > /host/root/from-a-container"} {
		run := []string{"run", "--rm", "--volume", "/:/host", "", "sh", "-c", attack}
		run[4] = plain.Ref(t, image.Busybox)
		plain.Docker(t, run...)
		run[4] = remapped.Ref(t, image.Busybox)
		refused := remapped.DockerFails(t, run...)
		assert.Contains(t, refused.Stderr, "Permission denied")
	}
	course.Say(t, "--privileged and remapped users exclude each other:")
	privileged := remapped.DockerFails(t, "run", "--rm", "--privileged", remapped.Ref(t, image.Busybox), "true")
	assert.Contains(t, privileged.Stderr, "privileged mode is incompatible with user namespaces")
	course.Say(t, "But whoever starts a container may ask for one that isn't remapped:")
	around := []string{"run", "--rm", "--userns", "host", "--volume", "/:/host", remapped.Ref(t, image.Busybox)}
	assert.Equal(t, "for the host's root only\n", remapped.Docker(t, append(around, "cat", "/host/root/secret")...).Stdout)

	course.Say(t, "Who that root is for the machine:")
	for engine, number := range map[*course.ThrowawayEngine]string{plain: `^0\n$`, remapped: `^\d{5,}\n$`} {
		engine.Docker(t, "run", "--detach", "--name", "sleeper", engine.Ref(t, image.Busybox), "sleep", "600")
		assert.Equal(t, "0\n", engine.Docker(t, "exec", "sleeper", "id", "-u").Stdout, "inside it is root")
		pid := strings.TrimSpace(engine.Docker(t, "inspect", "--format", "{{.State.Pid}}", "sleeper").Stdout)
		outside := engine.Exec(t, "stat -c %u /proc/"+pid).Stdout
		assert.Regexp(t, number, outside)
		engine.Docker(t, "rm", "--force", "sleeper")
	}
}

// --privileged takes down nearly all walls at once: all capabilities, no seccomp, all devices of the machine (and where the kernel
// has AppArmor, which is not looked at here, none of it).
// The namespaces stay, and --pid host opens the one that hides the machine's processes. With both, to be root in the
// container is to be root on the machine: the attack enters the namespaces of the machine's first process, reads what only
// root may, and leaves a file. Without --privileged the same commands fail. Without --pid host this attack finds no way
// either: process 1 is then one of the container's own.
func TestAPrivilegedContainerIsRootOnTheHost(t *testing.T) {
	host := theHost(t)
	run := func(line string, flags ...string) []string {
		return append(append([]string{"run", "--rm", "--pid", "host"}, flags...), host.Ref(t, image.Busybox), "sh", "-c", line)
	}
	const enter = "nsenter --target 1 --mount -- "
	refused := host.DockerFails(t, run(enter+"cat /root/secret")...)
	assert.Regexp(t, "Permission denied|Operation not permitted", refused.Stderr)

	assert.Equal(t, "for the host's root only\n", host.Docker(t, run(enter+"cat /root/secret", "--privileged")...).Stdout)
	host.Docker(t, run(enter+"sh -c 'echo I was here > /root/privileged'", "--privileged")...)
	assert.Equal(t, "I was here\n", host.Exec(t, "cat /root/privileged").Stdout)

	course.Say(t, "Without --pid host it enters the namespaces that it is in already, and finds no such file:")
	enclosed := host.DockerFails(t, "run", "--rm", "--privileged", host.Ref(t, image.Busybox), "sh", "-c", enter+"cat /root/secret")
	assert.Contains(t, enclosed.Stderr, "No such file or directory")

	course.Say(t, "What --privileged gave, read from the kernel: capabilities, no seccomp filter, and devices such as the kernel's log.")
	const walls = "grep -E '^(CapEff|Seccomp):' /proc/self/status"
	within := strings.Fields(host.Docker(t, run(walls)...).Stdout)
	without := strings.Fields(host.Docker(t, run(walls, "--privileged")...).Stdout)
	require.Len(t, within, 4)
	require.Len(t, without, 4)
	assert.Greater(t, without[1], within[1], "more capabilities")
	all := strings.Fields(host.Exec(t, "grep CapEff /proc/1/status").Stdout)[1]
	assert.Equal(t, all, without[1], "all capabilities that the machine's first process has")
	assert.Equal(t, []string{"2", "0"}, []string{within[3], without[3]}, "2 is the kernel's word for a filter, 0 for none")
	device := []string{"--rm", "--pid", "host", host.Ref(t, image.Busybox), "test", "-e", "/dev/kmsg"}
	host.DockerFails(t, append([]string{"run"}, device...)...)
	host.Docker(t, append([]string{"run", "--privileged"}, device...)...)
}

// Whoever may talk to the engine may have it start any container, also one with the machine's whole disk in it. So a
// container with the engine's socket mounted is root on the machine, though it is not privileged. This one has the
// docker command and uses it; a plain HTTP request would do as well. Without the mount there is nobody to talk to.
func TestAContainerWithTheEnginesSocketIsRootOnTheHost(t *testing.T) {
	host, client := theHost(t), theClient(t)
	const socket = "/var/run/docker.sock:/var/run/docker.sock"
	attack := []string{client, "run", "--rm", "--volume", "/:/host", host.Ref(t, image.Busybox), "cat", "/host/root/secret"}
	run := func(flags ...string) []string { return append(append([]string{"run", "--rm"}, flags...), attack...) }

	refused := host.DockerFails(t, run()...)
	assert.Regexp(t, "(?i)cannot connect to the docker daemon|failed to connect to the docker API", refused.Stderr)

	assert.Equal(t, "for the host's root only\n", host.Docker(t, run("--volume", socket)...).Stdout)
}

// To mount the socket read-only is no protection: it forbids to change the file, not to talk to who listens there. What
// helps is that the file belongs to root: an ordinary user in the container can't open it.
func TestAReadOnlySocketIsNoProtectionAndAnOrdinaryUserIsSome(t *testing.T) {
	host, client := theHost(t), theClient(t)
	attack := []string{client, "run", "--rm", "--volume", "/:/host", host.Ref(t, image.Busybox), "cat", "/host/root/secret"}
	const socket = "/var/run/docker.sock"
	mounted := []string{"run", "--rm", "--volume", socket + ":" + socket + ":ro"}
	run := func(flags ...string) []string { return slices.Concat(mounted, flags, attack) }
	unchanged := host.DockerFails(t, append(slices.Clip(mounted), host.Ref(t, image.Busybox), "chmod", "660", socket)...)
	assert.Contains(t, unchanged.Stderr, "Read-only file system")
	assert.Equal(t, "for the host's root only\n", host.Docker(t, run()...).Stdout)

	refused := host.DockerFails(t, run("--user", "1000:1000")...)
	assert.Contains(t, refused.Stderr, "permission denied")
}

// theHost is a throwaway engine, whose machine has a secret that only root may read.
func theHost(t *testing.T) *course.ThrowawayEngine {
	t.Helper()
	engine := course.OneThrowawayEngine(t)
	plantSecret(t, engine)
	return engine
}

func plantSecret(t *testing.T, engine *course.ThrowawayEngine) {
	t.Helper()
	engine.Exec(t, "mkdir -p /root && chmod 700 /root && echo \"for the host's root only\" > /root/secret && chmod 600 /root/secret")
}

// theClient is an image with the docker command and nothing else, made of the throwaway engine's own.
func theClient(t *testing.T) string {
	t.Helper()
	theHost(t).Exec(t, `docker=$(command -v docker)
tar -chf - -C / $docker $(ldd $docker 2>/dev/null | grep -o '/[^ ]*') 2>/dev/null |
docker import --change 'ENTRYPOINT ["'$docker'"]' - docker-client`)
	return "docker-client"
}
