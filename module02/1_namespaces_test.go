package module02

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A namespace is the kernel's way of showing processes a part of the machine as if it were all of it. There is a kind
// for process numbers, for the network, for mounts, and so on, and every process is in one of each kind. The kernel
// lists them, by number, in /proc/self/ns. Two containers are in different ones, unless they were asked to share.
func TestTwoContainersAreInDifferentNamespacesUnlessAskedToShare(t *testing.T) {
	one := course.Run(t, image.Busybox, course.Ipc("shareable"))
	other := course.Run(t, image.Busybox)
	shared := "container:" + one.Name
	sharing := course.Run(t, image.Busybox, course.Pid(shared), course.Network(shared), course.Ipc(shared))
	const list = "for kind in /proc/self/ns/*; do readlink $kind; done"
	first, second := namespaces(one.Exec(t, list)), namespaces(other.Exec(t, list))
	third := namespaces(sharing.Exec(t, list))
	course.Say(t, "And a container in the namespaces of the engine's machine, all but mnt (and time, where containers have their own), "+
		"which can't be shared:")
	ofTheMachine := course.Options(course.Pid("host"), course.Network("host"), course.Ipc("host"), course.Uts("host"),
		course.Cgroupns("host"))
	machine := namespaces(course.Once(t, image.Busybox, ofTheMachine, course.Shell(list)))
	assert.NotEqual(t, first["mnt"], machine["mnt"], "not even this one should be in the first's: mnt")
	machine["mnt"] = "its own"
	course.Say(t, "The machine has one of each kind, so the next container that asks is in the same:")
	again := namespaces(course.Once(t, image.Busybox, ofTheMachine, course.Shell(list)))
	for _, kind := range []string{"pid", "net", "uts", "ipc", "cgroup"} {
		assert.Equal(t, machine[kind], again[kind], "both asked for the machine's: %s", kind)
	}

	course.Say(t, "The kernel's numbers side by side:")
	course.Show(t, table(first, second, third, machine))
	for _, kind := range []string{"pid", "net", "mnt", "uts", "ipc"} {
		for _, container := range []map[string]string{first, second, third, machine} {
			require.NotEmpty(t, container[kind], "the kernel should know namespaces of this kind: %s", kind)
		}
		assert.NotEqual(t, first[kind], second[kind], "two containers should each have their own: %s", kind)
	}
	for _, kind := range []string{"pid", "net", "uts", "ipc"} {
		assert.NotEqual(t, first[kind], machine[kind], "a container should not be in the machine's own: %s", kind)
	}
	for _, kind := range []string{"pid", "net", "ipc"} {
		assert.Equal(t, first[kind], third[kind], "asked to share it, the third should be in the first's: %s", kind)
	}
	for _, kind := range []string{"mnt", "uts"} {
		assert.NotEqual(t, first[kind], third[kind], "nobody asked to share this one: %s", kind)
	}
	course.Say(t, "A user namespace of its own a container has where the engine maps users, as this one doesn't; and a time namespace where "+
		"engine and kernel can:")
	assert.Equal(t, machine["user"], first["user"], "there should be one user namespace for all")
	assert.Equal(t, first["time"] != machine["time"], first["time"] != second["time"], "both should have their own, or both the machine's")
	course.Say(t, "Of the cgroup kind the engine may give each its own (private, the rule with cgroup v2) or none (host):")
	private := course.Docker(t, "inspect", "--format", "{{.HostConfig.CgroupnsMode}}", one.Name, other.Name)
	ownCgroups := private.Stdout == "private\nprivate\n"
	assert.Equal(t, ownCgroups, first["cgroup"] != second["cgroup"], "own cgroup namespaces where the engine says private")
}

// namespaces reads lines like "pid:[4026531836]": a kind, and the kernel's number of the one that the process is in.
func namespaces(list course.Result) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(list.Stdout) {
		if kind, number, ok := strings.Cut(strings.TrimSpace(line), ":["); ok {
			found[kind] = strings.TrimSuffix(number, "]")
		}
	}
	return found
}

func table(first, second, third, machine map[string]string) string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "NAMESPACE\tFIRST\tSECOND\tASKED TO SHARE\tMACHINE\tFIRST AND SECOND")
	for _, kind := range slices.Sorted(maps.Keys(first)) {
		verdict := "have their own"
		switch first[kind] {
		case machine[kind]:
			verdict = "are in the machine's"
		case second[kind]:
			verdict = "share one"
		}
		shared := third[kind]
		if shared == first[kind] && shared != machine[kind] {
			shared += " (first's)"
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\t%s\t%s\n", kind, first[kind], second[kind], shared, machine[kind], verdict)
	}
	columns.Flush()
	return text.String()
}

// In its pid namespace a container's first process is number 1, and what runs in other containers doesn't exist.
// Outside it is an ordinary process of the machine, with an ordinary number. The kernel knows both numbers (NSpid).
func TestAContainersFirstProcessIsNumberOneInsideAndAnotherOutside(t *testing.T) {
	one := course.Run(t, image.Busybox, course.Command("sleep", "601"))
	other := course.Run(t, image.Busybox, course.Command("sleep", "602"))
	processes := one.Exec(t, "ps").Stdout
	assert.Regexp(t, `(?m)^ +1 .* sleep 601$`, processes)
	assert.NotContains(t, processes, "sleep 602", "the other container's process should not be visible")

	course.Say(t, "The engine knows which number it is outside:")
	pid := strings.TrimSpace(course.Docker(t, "inspect", "--format", "{{.State.Pid}}", one.Name).Stdout)
	assert.NotEqual(t, "1", pid)
	status := "grep -E '^Name|^NSpid' /proc/" + pid + "/status"
	course.Say(t, "A container that shares the machine's process numbers (--pid host) finds it there, with both numbers:")
	outside := course.Once(t, image.Busybox, course.Pid("host"), course.Shell(status))
	assert.Regexp(t, `(?m)^Name:\s+sleep\nNSpid:.*\b`+pid+`\s+1\n`, outside.Stdout)

	course.Say(t, "For an ordinary container there is no process of that number:")
	result := other.ExecFails(t, status)
	assert.Contains(t, result.Stderr, "/proc/"+pid)
}

// --pid container:NAME puts a container into another one's pid namespace. It sees the other's processes and may even
// stop them, which is how one debugs a container that has no tools in it. Its files are still its own: that is
// another namespace. (The other's are a door further: /proc/1/root is the root directory of process 1, which nobody in the
// namespace can kill.)
func TestASharedPidNamespaceShowsTheOthersProcessesAndNotItsFiles(t *testing.T) {
	watched := course.Run(t, image.Busybox, course.Shell("echo 'found me' > /notes; sleep 603; echo somebody stopped it; exec sleep 604"))
	watched.WaitFor(t, "test -s /notes && pidof sleep")
	with := course.Run(t, image.Busybox, course.Pid("container:"+watched.Name))
	without := course.Run(t, image.Busybox)

	assert.Contains(t, with.Exec(t, "ps").Stdout, "sleep 603")
	assert.NotContains(t, without.Exec(t, "ps").Stdout, "sleep 603", "without --pid a container sees only its own")

	with.ExecFails(t, "cat /notes")
	assert.Equal(t, "found me\n", with.Exec(t, "cat /proc/1/root/notes").Stdout)
	without.ExecFails(t, "cat /proc/1/root/notes")

	course.Say(t, "Without --pid there is nothing that it could stop; with it, there is the other's sleep:")
	without.ExecFails(t, "kill $(pidof sleep)")
	with.Exec(t, "kill $(pidof sleep)")
	watched.WaitForLog(t, "somebody stopped it")

	course.Say(t, "Process 1 doesn't hear of it, not even of KILL:")
	with.Exec(t, "kill -KILL 1")
	assert.Contains(t, with.Exec(t, "ps").Stdout, "sleep 604")
}

// Every container has a network of its own, ports included. So two web servers listen on port 80 at once, and each
// answers with its own page. Two programs in one network can't: the second is told that the address is in use.
func TestTwoContainersListenOnTheSamePortAtOnce(t *testing.T) {
	website := func(page string) course.Option {
		return course.Shell("echo " + page + " > /index.html && httpd -f -p 80 -h /")
	}
	one := course.Run(t, image.Busybox, website("one"))
	other := course.Run(t, image.Busybox, website("other"))
	const read = "wget -q -O - http://127.0.0.1/"
	one.WaitFor(t, read)
	other.WaitFor(t, read)
	assert.Equal(t, "one\n", one.Exec(t, read).Stdout)
	assert.Equal(t, "other\n", other.Exec(t, read).Stdout)

	course.Say(t, "A third server, in the first one's network:")
	third := course.OnceFails(t, image.Busybox, course.Network("container:"+one.Name),
		course.Shell("timeout 10 httpd -f -p 80 || exit 1"))
	assert.Contains(t, third.Stderr, "Address already in use")
}

// In a network of its own a container's localhost is itself, and nobody else. With --network container:NAME it shares
// the other's network, and the other's localhost is its own.
func TestASharedNetworkIsReachedOverLocalhost(t *testing.T) {
	server := course.Run(t, image.Busybox, course.Shell("echo at home > /index.html && httpd -f -p 80 -h /"))
	const read = "wget -q -O - http://127.0.0.1/"
	server.WaitFor(t, read)

	with := course.Once(t, image.Busybox, course.Network("container:"+server.Name), course.Shell(read))
	assert.Equal(t, "at home\n", with.Stdout)
	without := course.OnceFails(t, image.Busybox, course.Shell(read))
	assert.Contains(t, without.Stderr, "Connection refused", "its own localhost, where nothing listens")
}

// --network none leaves a container alone with its loopback address: there is no way out.
func TestNetworkNoneHasLoopbackAlone(t *testing.T) {
	const addresses = "ip -o -4 address | awk '{print $2, $4}'"
	alone := course.Once(t, image.Busybox, course.Network("none"), course.Shell(addresses))
	assert.Equal(t, "lo 127.0.0.1/8\n", alone.Stdout)

	connected := course.Once(t, image.Busybox, course.Shell(addresses))
	assert.Contains(t, connected.Stdout, "lo 127.0.0.1/8\n")
	assert.Contains(t, connected.Stdout, "eth0 ", "by default a container is on the bridge network")

	neighbour := course.Run(t, image.Busybox)
	ping := course.Command("ping", "-c", "1", strings.TrimSpace(neighbour.Exec(t, "hostname -i").Stdout))
	course.Once(t, image.Busybox, ping)
	course.OnceFails(t, image.Busybox, course.Network("none"), ping)
}

// The mnt namespace is why a container has a root directory and mounts of its own: what is mounted here isn't there.
// The uts namespace holds the host name. Each container has its own, unless both are told to use the machine's.
func TestEachContainerHasItsOwnMountsAndHostName(t *testing.T) {
	one := course.Run(t, image.Busybox, course.Hostname("one"), course.Mount("type=tmpfs,target=/scratch"))
	other := course.Run(t, image.Busybox, course.Hostname("other"))
	assert.Equal(t, "one\n", one.Exec(t, "hostname").Stdout)
	assert.Equal(t, "other\n", other.Exec(t, "hostname").Stdout)

	const mounted = "grep ' /scratch ' /proc/self/mounts"
	one.Exec(t, mounted)
	other.ExecFails(t, mounted)

	course.Say(t, "Asked to use the name of the engine's machine, two containers have the same, and it is the machine's:")
	first := course.Once(t, image.Busybox, course.Uts("host"), course.Command("hostname"))
	second := course.Once(t, image.Busybox, course.Uts("host"), course.Command("hostname"))
	machines := course.Docker(t, "info", "--format", "{{.Name}}").Stdout
	assert.Equal(t, machines, first.Stdout)
	assert.Equal(t, machines, second.Stdout)
}

// Programs on one machine can talk through shared memory, which is below /dev/shm. In the ipc namespace of a container
// that is its own. --ipc container:NAME shares it, if the other has agreed by --ipc shareable.
func TestSharedMemoryIsSharedOnlyWhenBothAgree(t *testing.T) {
	const read = "cat /dev/shm/note"
	willing := course.Run(t, image.Busybox, course.Ipc("shareable"))
	willing.Exec(t, "echo 'in memory' > /dev/shm/note")
	with := course.Once(t, image.Busybox, course.Ipc("container:"+willing.Name), course.Shell(read))
	assert.Equal(t, "in memory\n", with.Stdout)

	course.Say(t, "Not asked to share, a container has another, empty one:")
	course.OnceFails(t, image.Busybox, course.Shell(read))

	course.Say(t, "And one that hasn't agreed is left alone:")
	unwilling := course.Run(t, image.Busybox, course.Ipc("private"))
	refused := course.OnceFails(t, image.Busybox, course.Ipc("container:"+unwilling.Name), course.Shell(read))
	assert.Contains(t, refused.Stderr, "non-shareable IPC")
}
