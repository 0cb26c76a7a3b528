package module08

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/flags"
)

// Each row of the tables in this file is an experiment that is performed twice: with the flag, and without it. What is
// printed must be what the row says; `...` stands for any text, and ` | ` is between two possibilities. A row that
// would hold without its flag, too, fails. (What the columns mean, and how they are performed, is in internal/flags.)

// A container is a program, and these flags say which, as whom and where. Each is shown by asking the program itself.
func TestFlagsSetUpTheProgram(t *testing.T) { perform(t, "The program", programFlags) }

var programFlags = []flags.Row{
	{Flag: "--entrypoint echo", Changes: "what the command's words are given to",
		Shell: "pwd", With: "sh -c pwd", Without: "/"},
	{Flag: "--workdir /tmp", Changes: "the directory in which the program starts",
		Shell: "pwd", With: "/tmp", Without: "/"},
	{Flag: "--env COLOUR=blue", Changes: "an environment variable",
		Shell: "echo colour=$COLOUR", With: "colour=blue", Without: "colour="},
	{Flag: "--env-file $FILE", Changes: "environment variables, as many as the file has lines",
		Arrange: flags.File("COLOUR=blue\nSIZE=xl\n"),
		Shell:   "echo colour=$COLOUR size=$SIZE", With: "colour=blue size=xl", Without: "colour= size="},
	{Flag: "--user 1000", Changes: "who the program is",
		Shell: "id -u", With: "1000", Without: "0"},
	{Flag: "--group-add 4242", Changes: "a group that the user is in, besides its own",
		Shell: "id -G | tr ' ' '\\n' | grep -c 4242 || true", With: "1", Without: "0"},
	{Flag: "--hostname box", Changes: "what the container calls itself",
		Shell: "hostname", With: "box", Without: "/[0-9a-f]{12}/"},
	{Flag: "--domainname example.org", Changes: "the domain that it says it belongs to",
		Shell: "cat /proc/sys/kernel/domainname", With: "example.org", Without: "..."},
	{Flag: "--init", Changes: "process 1: a small init, which starts the program as its child",
		Shell: "cat /proc/1/comm", With: "docker-init", Without: "cat"},
	{Flag: "--interactive", Changes: "standard input stays open, so that the program can read", Stdin: "hello\n",
		Shell: "cat", With: "hello", Without: ""},
	{Flag: "--tty", Changes: "a terminal",
		Shell: "tty", With: "/dev/pts/...", Without: "not a tty\nexit status 1"},
	{Flag: "--attach stderr", Changes: "which of the program's streams docker shows",
		Shell: "echo out; echo err >&2", With: "err", Without: "out\nerr"},
	{Flag: "--detach", Changes: "docker starts the container, prints its id and doesn't wait", Also: " ",
		Shell: "echo hello", With: "/[0-9a-f]{64}/", Without: "hello"},
	{Flag: "--platform linux/s390x", Changes: "for which processor the image has to be", Also: "--rm --pull never",
		On: throwaway,
		// (With images in containerd, engines before 28 say of such an image that it isn't there.)
		Shell:   "uname -s",
		With:    "docker: ...was found but ...specified platform...\nexit status 125 | docker: ...No such image...\nexit status 125",
		Without: "Linux"},
}

// A container starts with its image's files and nothing else. These flags bring in more, or take the right to write
// away.
func TestFlagsBringFilesIn(t *testing.T) { perform(t, "Files", fileFlags) }

var fileFlags = []flags.Row{
	{Flag: "--volume $DIRECTORY:/site", Changes: "a directory of the host, or a volume",
		Arrange: flags.Directory("page", "from the host\n"),
		Shell:   "cat /site/page", With: "from the host", Without: "cat: ...No such file or directory\nexit status 1"},
	{Flag: "--mount type=bind,source=$DIRECTORY,target=/site", Changes: "the same, spelled out",
		Arrange: flags.Directory("page", "from the host\n"),
		Shell:   "cat /site/page", With: "from the host", Without: "cat: ...No such file or directory\nexit status 1"},
	{Flag: "--volumes-from $WORD", Changes: "the volumes that another container has",
		Before: []string{"run --name $WORD --volume /data $BUSYBOX touch /data/note"},
		Shell:  "ls /data", With: "note", Without: "ls: ...No such file or directory\nexit status 1"},
	{Flag: "--tmpfs /scratch", Changes: "a directory in memory",
		Shell: "awk '$2 == \"/scratch\" {print $3}' /proc/mounts", With: "tmpfs", Without: ""},
	{Flag: "--shm-size 1m", Changes: "the size of the shared memory in /dev/shm, in kilobytes",
		Shell: "df -k /dev/shm | awk 'NR == 2 {print $2}'", With: "1024", Without: "..."},
	{Flag: "--read-only", Changes: "the container's own files can't be written",
		Shell: "touch /note", With: "touch: ...Read-only file system\nexit status 1", Without: ""},
	{Flag: "--device /dev/null:/dev/void", Changes: "a device of the host",
		Shell: "test -c /dev/void && echo a device", With: "a device", Without: "exit status 1"},
}

// A container has a network of its own. These flags say which one it is connected to, as what, and what it knows of
// others.
func TestFlagsSetUpTheNetwork(t *testing.T) { perform(t, "The network", networkFlags) }

var networkFlags = []flags.Row{
	{Flag: "--network none", Changes: "the network: this one has no way out, and only loopback",
		Shell: "ip -o -4 address | awk '{print $2}'", With: "lo", Without: "lo\neth0"},
	{Flag: "--network-alias web", Changes: "another name on a user-defined network",
		Before: []string{"network create $WORD"}, Also: "--rm --network $WORD",
		Shell: "ping -c 1 web > /dev/null && echo found", With: "found", Without: "ping: bad address 'web'\nexit status 1"},
	{Flag: "--ip 10.99.0.77", Changes: "the address on a network whose addresses were chosen", On: throwaway,
		Before: []string{"network create --subnet 10.99.0.0/24 $WORD"}, After: []string{"network rm $WORD"},
		Also:  "--rm --network $WORD",
		Shell: "hostname -i", With: "10.99.0.77", Without: "10.99.0..."},
	{Flag: "--mac-address 02:00:00:00:00:08", Changes: "the network card's address",
		Shell: "cat /sys/class/net/eth0/address", With: "02:00:00:00:00:08", Without: "..."},
	{Flag: "--add-host db.example:192.0.2.7", Changes: "a line of /etc/hosts",
		Shell: "awk '/db.example/ {print $1}' /etc/hosts", With: "192.0.2.7", Without: ""},
	{Flag: "--dns 192.0.2.53", Changes: "the name server that is asked",
		Shell: "grep ^nameserver /etc/resolv.conf", With: "nameserver 192.0.2.53", Without: "nameserver ..."},
	{Flag: "--dns-search example.org", Changes: "the domain in which short names are looked up, too",
		Shell: "awk '/^search/' /etc/resolv.conf", With: "search example.org", Without: "..."},
	{Flag: "--dns-option ndots:7", Changes: "how names are looked up",
		Shell: "awk '/^options/' /etc/resolv.conf", With: "options ...ndots:7", Without: "..."},
	{Flag: "--publish-all", Changes: "every exposed port is published at a free port of the host", On: throwaway,
		Also: "--detach --expose 8080", Shell: "sleep 600", Then: "port $ID", With: "8080/tcp -> ...", Without: ""},
	{Flag: "--expose 8080", Changes: "a port that the program serves on; by itself it opens nothing", On: throwaway,
		Also: "--detach --publish-all", Shell: "sleep 600", Then: "port $ID", With: "8080/tcp -> ...", Without: ""},
	{Flag: "--sysctl net.core.somaxconn=123", Changes: "a setting of the kernel's that each container has for itself",
		Shell: "cat /proc/sys/net/core/somaxconn", With: "123", Without: "..."},
}

// A container may use all of the machine, unless it is limited. Most limits are numbers that Docker writes into files
// of the kernel's, and that the container can read there; the others are the process's own. (What happens at the limits of memory, processors and processes
// is in module02. The files' names and the numbers for "no limit" are not the same in both versions of control groups, which
// is why there are two of each.)
func TestFlagsLimitWhatAContainerUses(t *testing.T) { perform(t, "Limits", limitFlags) }

var limitFlags = []flags.Row{
	{Flag: "--memory 64m", Changes: "how much memory all its processes may have, in bytes",
		Needs:  flags.Limits(course.LimitMemory),
		Cgroup: [2]string{"memory/memory.limit_in_bytes", "memory.max"}, With: "67108864",
		Without: "max | 92233720368547..."},
	{Flag: "--memory-swap 96m",
		Changes: "how much memory and swap space together (the file of version 2 has swap space alone)",
		Also:    "--rm --memory 64m", Needs: flags.Limits(course.LimitMemory, course.LimitSwap),
		Cgroup: [2]string{"memory/memory.memsw.limit_in_bytes", "memory.swap.max"},
		With:   "100663296 | 33554432", Without: "134217728 | 67108864"},
	{Flag: "--memory-reservation 64m", Changes: "how much it keeps when memory gets short",
		Needs:  flags.Limits(course.LimitMemory),
		Cgroup: [2]string{"memory/memory.soft_limit_in_bytes", "memory.low"}, With: "67108864",
		Without: "0 | 92233720368547..."},
	{Flag: "--oom-score-adj 500", Changes: "how readily the kernel kills it when the machine's memory is used up",
		Shell: "cat /proc/self/oom_score_adj", With: "500", Without: "..."},
	{Flag: "--cpus 0.5", Changes: "how much of the processors: microseconds in each tenth of a second",
		Needs:  flags.Limits(course.LimitCPU),
		Cgroup: [2]string{"cpu/cpu.cfs_quota_us", "cpu.max"}, With: "50000 | 50000 100000", Without: "-1 | max 100000"},
	{Flag: "--cpu-quota 20000", Changes: "the same, in microseconds", Needs: flags.Limits(course.LimitCPU),
		Cgroup: [2]string{"cpu/cpu.cfs_quota_us", "cpu.max"}, With: "20000 | 20000 100000", Without: "-1 | max 100000"},
	{Flag: "--cpu-period 50000", Changes: "in each of how many microseconds", Needs: flags.Limits(course.LimitCPU),
		Cgroup: [2]string{"cpu/cpu.cfs_period_us", "cpu.max"}, With: "50000 | max 50000", Without: "100000 | max 100000"},
	{Flag: "--cpu-shares 2", Changes: "its weight against others when processors are busy (1024; in version 2: 100)",
		Needs: flags.Limits(course.LimitShares), Cgroup: [2]string{"cpu/cpu.shares", "cpu.weight"}, With: "2 | 1",
		Without: "1024 | 100"},
	{Flag: "--cpuset-cpus $CPU", Changes: "which of the processors", Needs: flags.TwoProcessors, Arrange: flags.Processor,
		Shell: "grep -cx 'Cpus_allowed_list:.$CPU' /proc/self/status || true", With: "1", Without: "0"},
	{Flag: "--pids-limit 20", Changes: "how many processes there may be", Needs: flags.Limits(course.LimitPids),
		Cgroup: [2]string{"pids/pids.max", "pids.max"}, With: "20", Without: "..."},
	{Flag: "--ulimit nofile=123", Changes: "a limit of each process: here, how many files it may open",
		Shell: "ulimit -n", With: "123", Without: "..."},
	{Flag: "--device-read-bps $DISK:1mb", Changes: "how many bytes a second it may read from a disk", Arrange: flags.Disk,
		Cgroup: [2]string{"blkio/blkio.throttle.read_bps_device", "io.max"}, With: "... 1048576 | ... rbps=1048576 ...",
		Without: ""},
	{Flag: "--device-write-bps $DISK:1mb", Changes: "how many bytes a second it may write", Arrange: flags.Disk,
		Cgroup: [2]string{"blkio/blkio.throttle.write_bps_device", "io.max"}, With: "... 1048576 | ... wbps=1048576 ...",
		Without: ""},
	{Flag: "--device-read-iops $DISK:100", Changes: "how often a second it may read", Arrange: flags.Disk,
		Cgroup: [2]string{"blkio/blkio.throttle.read_iops_device", "io.max"}, With: "... 100 | ... riops=100 ...",
		Without: ""},
	{Flag: "--device-write-iops $DISK:100", Changes: "how often a second it may write", Arrange: flags.Disk,
		Cgroup: [2]string{"blkio/blkio.throttle.write_iops_device", "io.max"}, With: "... 100 | ... wiops=100", Without: ""},
}

// Root in a container is not all that root is on a machine: Docker takes most of its privileges away, and forbids some
// calls to the kernel altogether. These flags take away more, or give back; seccomp=unconfined and --privileged, more than
// one should.
func TestFlagsGiveAndTakePrivileges(t *testing.T) { perform(t, "Privileges", privilegeFlags) }

var privilegeFlags = []flags.Row{
	{Flag: "--cap-drop CHOWN", Changes: "a privilege less: here, to give files away",
		Shell: "chown 1000 /tmp", With: "chown: ...Operation not permitted\nexit status 1", Without: ""},
	{Flag: "--cap-add NET_ADMIN", Changes: "a privilege more: here, to set up its own network",
		Shell: "ip link set lo mtu 1400 && cat /sys/class/net/lo/mtu", With: "1400",
		Without: "ip: ...Operation not permitted\nexit status ..."},
	{Flag: "--security-opt no-new-privileges", Changes: "no program that it starts gets more privileges, setuid or not",
		Shell: "awk '/^NoNewPrivs/ {print $2}' /proc/self/status", With: "1", Without: "0"},
	{Flag: "--security-opt seccomp=unconfined", Changes: "all calls to the kernel are let through", Needs: flags.Seccomp,
		Shell: "linux64 -R echo done", With: "done", Without: "linux64: ...Operation not permitted\nexit status 1"},
	{Flag: "--privileged", Changes: "nearly all walls fall", On: throwaway,
		Shell: "mount -t tmpfs none /tmp && echo mounted", With: "mounted", Without: "mount: ...denied...\nexit status ..."},
	{Flag: "--pid container:$WORD", Changes: "whose processes it sees",
		Before: []string{"run --detach --name $WORD $BUSYBOX sleep 604"},
		Shell:  "ps | grep -c '[s]leep 604' || true", With: "1", Without: "0"},
	{Flag: "--ipc container:$WORD", Changes: "whose shared memory it has",
		Before: []string{"run --detach --name $WORD --ipc shareable $BUSYBOX sleep 600", "exec $WORD touch /dev/shm/note"},
		Shell:  "ls /dev/shm", With: "note", Without: ""},
	{Flag: "--gpus all", Changes: "the host's graphics processors", Needs: flags.GPUs,
		Shell: "ls /dev | grep -E '^(nvidia[0-9]+|dxg|kfd)$' || true", With: "nvidia... | dxg... | kfd...", Without: ""},
}

// Some flags change nothing for the program. They are for those who have to find containers again, or to do without.
func TestFlagsHelpToKeepTrack(t *testing.T) { perform(t, "Keeping track", trackingFlags) }

var trackingFlags = []flags.Row{
	{Flag: "--name $WORD", Changes: "the name under which other commands find it", Also: "--detach",
		Shell: "sleep 600", Then: "exec $WORD echo here", With: "here", Without: "...No such container: ...\nexit status 1"},
	{Flag: "--label colour=$WORD", Changes: "a label, to filter by", Also: "--detach",
		Shell: "sleep 600", Then: "ps --filter label=colour=$WORD --format {{.State}}", With: "running", Without: ""},
	{Flag: "--label-file $FILE", Changes: "labels, as many as the file has lines", Also: "--detach",
		Arrange: flags.File("colour=$WORD\nsize=xl\n"),
		Shell:   "sleep 600", Then: "ps --filter label=colour=$WORD --filter label=size=xl --format {{.State}}", With: "running",
		Without: ""},
	{Flag: "--cidfile $DIRECTORY/id", Changes: "docker writes the container's id into a file",
		Arrange: flags.Directory("about", "cidfile\n"),
		Shell:   "true", File: "$DIRECTORY/id", With: "/[0-9a-f]{64}/", Without: "no such file"},
	{Flag: "--rm", Changes: "the container is removed when it has ended", Also: "--label colour=$WORD",
		Shell: "true", Then: "ps --all --filter label=colour=$WORD --format {{.Image}}", With: "", Without: "busybox:..."},
	{Flag: "--log-driver none", Changes: "where what it prints is kept: here, nowhere", Also: "--detach",
		Shell: "echo hello", Then: "logs --follow $ID", With: "...does not support reading\nexit status 1", Without: "hello"},
	{Flag: "--pull never",
		Changes: "whether the image is fetched: here, not even if it is missing", Image: "127.0.0.1:1/absent",
		Shell: "true", With: "docker: ...No such image: 127.0.0.1:1/absent...\nexit status 125",
		Without: "Unable to find image ...\nexit status 125"},
}

// perform performs a table, which the README has under that heading.
func perform(t *testing.T, heading string, table []flags.Row) {
	t.Helper()
	inREADME := rowsInREADME(t, heading)
	require.Len(t, inREADME, len(table), "the README's table %q should have the rows of the test's", heading)
	for n, row := range table {
		cells := strings.Split(strings.Trim(inREADME[n], "| "), " | ")
		require.Len(t, cells, 5, "in the README: %s", inREADME[n])
		value := regexp.MustCompile(`\\\$[A-Z]+`).ReplaceAllString(regexp.QuoteMeta(row.Flag), "[^ ]+")
		assert.Regexp(t, "^`"+value+"`", cells[0], "the README should have the rows in the order of the test's")
		for printed, cell := range map[string]string{row.With: cells[3], row.Without: cells[4]} {
			if strings.Count(cell, "`") == 2 && strings.HasPrefix(cell, "`") && strings.HasSuffix(cell, "`") { // not described in words
				assert.True(t, flags.Shows(printed, strings.Trim(cell, "`")),
					"the README says of %s: %s; the test: %s", row.Flag, cell, printed)
			}
		}
	}
	flags.Perform(t, table)
}

// rowsInREADME are the lines of the table under a heading of the README, without its first two.
func rowsInREADME(t *testing.T, heading string) (rows []string) {
	t.Helper()
	content, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(content), "\n### "+heading+"\n")
	_, table, _ := strings.Cut(section, "\n|---")
	for _, line := range strings.Split(table, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		rows = append(rows, line)
	}
	return rows
}
