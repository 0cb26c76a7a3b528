package module10

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/flags"
)

// Module08 shows the flags of `docker run`. These are of the other commands: those that one types every day, and those
// that one is glad to know on a bad one. As there, each row is performed twice, with the flag and without it, and must
// print the two things that it says: `...` stands for any text. A row that would hold without its flag, too, fails.

// performHere performs a table on the engine of the card.
func performHere(t *testing.T, table []flags.Row) {
	course.Say(t, "$WORD is a name that is made up for each performance, and $BUSYBOX is the image.")
	for n := range table {
		table[n].On = func(t *testing.T) *course.ThrowawayEngine { return theWorkbench(t).engine }
	}
	flags.Perform(t, table)
}

const running = "run --detach --init --name $WORD $BUSYBOX sleep 1000"

// A command that docker exec runs is a guest in a container that is there already. It gets the user, the directory and the
// variables that the container was made with, no terminal and no input, unless it is told otherwise; and as it is new, it
// may be told more than the container was.
func TestFlagsOfExecSayHowACommandRunsInAContainer(t *testing.T) { performHere(t, execFlags) }

var execFlags = []flags.Row{
	{Flag: "--interactive", Changes: "standard input stays open, so that the command can read", Before: []string{running},
		Line: "exec $FLAG $WORD", Stdin: "hello\n", Shell: "cat", With: "hello", Without: ""},
	{Flag: "--tty", Changes: "a terminal", Before: []string{running},
		Line: "exec $FLAG $WORD", Shell: "tty", With: "/dev/pts/...", Without: "not a tty\nexit status 1"},
	{Flag: "--user 1000", Changes: "who the command is", Before: []string{running},
		Line: "exec $FLAG $WORD", Shell: "id -u", With: "1000", Without: "0"},
	{Flag: "--workdir /tmp", Changes: "the directory in which the command starts", Before: []string{running},
		Line: "exec $FLAG $WORD", Shell: "pwd", With: "/tmp", Without: "/"},
	{Flag: "--env COLOUR=blue", Changes: "a variable, for this command alone", Before: []string{running},
		Line: "exec $FLAG $WORD", Shell: "echo colour=$COLOUR", With: "colour=blue", Without: "colour="},
	{Flag: "--env-file $FILE", Changes: "variables, as many as the file has lines", Before: []string{running},
		Arrange: flags.File("COLOUR=blue\nSIZE=xl\n"),
		Line:    "exec $FLAG $WORD", Shell: "echo colour=$COLOUR size=$SIZE", With: "colour=blue size=xl", Without: "colour= size="},
	{Flag: "--detach", Changes: "docker doesn't wait for the command: it shows neither what it prints nor how it ends", Before: []string{running},
		Line: "exec $FLAG $WORD", Shell: "echo hello; exit 7", With: "", Without: "hello\nexit status 7"},
	{Flag: "--privileged", Changes: "all powers of root, though the container hasn't them", Before: []string{running},
		Line: "exec $FLAG $WORD", Shell: "ip link set lo mtu 1400 && cat /sys/class/net/lo/mtu",
		With: "1400", Without: "ip: ...Operation not permitted\nexit status ..."},
}

// Who hands a command over doesn't wait for its end, and the command is performed all the same. (This one waits for a file,
// which the next command makes.)
func TestExecDetachHandsACommandOverAndDoesNotWait(t *testing.T) {
	w := newWorkbench(t, "handed over")
	w.Docker(t, "run", "--detach", "--init", "--name", w.name, w.busybox, "sleep", "1000")
	const waits = "until test -e /begin; do sleep 0.1; done; touch /ended"
	assert.Empty(t, w.Docker(t, "exec", "--detach", w.name, "sh", "-c", waits).Stdout)
	w.DockerFails(t, "exec", w.name, "ls", "/ended")
	w.Docker(t, "exec", w.name, "touch", "/begin")
	w.DockerUntil(t, "^/ended\n$", "exec", w.name, "ls", "/ended")
}

const counted = "run --name $WORD $BUSYBOX seq 3"

// What a container has written is kept, with the time of each line, for as long as there is the container. docker logs
// prints all of it; on a bad day that is too much.
func TestFlagsOfLogsSayWhichLinesAreShown(t *testing.T) { performHere(t, logFlags) }

var logFlags = []flags.Row{
	{Flag: "--tail 1", Changes: "only so many lines, the last ones", Before: []string{counted},
		Line: "logs $FLAG $WORD", With: "3", Without: "1\n2\n3"},
	{Flag: "--timestamps", Changes: "when each line was written", Before: []string{counted},
		Line: "logs $FLAG $WORD", With: `/20\S+Z 1\n20\S+Z 2\n20\S+Z 3/`, Without: "1\n2\n3"},
	{Flag: "--since 2100-01-01T00:00:00Z", Changes: "only what was written after this (or 10m: in the last ten minutes)",
		Before: []string{counted}, Line: "logs $FLAG $WORD", With: "", Without: "1\n2\n3"},
	{Flag: "--until 2000-01-01T00:00:00Z", Changes: "only what was written before this",
		Before: []string{counted}, Line: "logs $FLAG $WORD", With: "", Without: "1\n2\n3"},
	{Flag: "--details", Changes: "what the container's log options say of it, in front of each line",
		Before: []string{"run --name $WORD --log-opt labels=team --label team=blue $BUSYBOX seq 3"},
		Line:   "logs $FLAG $WORD", With: "team=blue 1\nteam=blue 2\nteam=blue 3", Without: "1\n2\n3"},
}

// A time cuts a log in two: --since shows what was written then or later, and --until what was written then or before. Times
// are written as --timestamps shows them.
func TestSinceAndUntilCutALogInTwo(t *testing.T) {
	w := newWorkbench(t, "cut")
	w.Docker(t, "run", "--name", w.name, w.busybox, "sh", "-c", "echo first; sleep 0.2; echo second")
	written := strings.Fields(w.Docker(t, "logs", "--timestamps", w.name).Stdout)
	require.Len(t, written, 4)
	require.Equal(t, []string{"first", "second"}, []string{written[1], written[3]})
	assert.Equal(t, "second\n", w.Docker(t, "logs", "--since", written[2], w.name).Stdout)
	assert.Equal(t, "first\n", w.Docker(t, "logs", "--until", written[0], w.name).Stdout)
}

// The other commands have few flags each, and these are the ones that are asked for most.
func TestFlagsChangeWhatACommandDoesToAnObject(t *testing.T) { performHere(t, objectFlags) }

var objectFlags = []flags.Row{
	{Flag: "--all", Changes: "the containers that don't run, too", Before: []string{counted},
		Line: "ps $FLAG --filter name=$WORD --format {{.State}}", With: "exited", Without: ""},
	{Flag: "--quiet", Changes: "ids alone, for another command to take", Before: []string{running},
		Line: "ps $FLAG --filter name=$WORD", With: "/[0-9a-f]{12}/", Without: "CONTAINER ID ..."},
	{Flag: "--no-trunc", Changes: "nothing is shortened", Before: []string{running},
		Line: "ps $FLAG --filter name=$WORD --format {{.ID}}", With: "/[0-9a-f]{64}/", Without: "/[0-9a-f]{12}/"},
	{Flag: "--last 1", Changes: "the newest only, so many of them, whether they run or not",
		Before: []string{"run --detach --init --name $WORD-older $BUSYBOX sleep 1000", "create --name $WORD-newest $BUSYBOX"},
		Line:   "ps $FLAG --filter name=$WORD --format {{.Names}}", With: "word-...-newest", Without: "word-...-older"},
	{Flag: "--attach", Changes: "what the container prints is shown, and docker waits for its end", Before: []string{"create --name $WORD $BUSYBOX seq 3"},
		Line: "start $FLAG $WORD", With: "1\n2\n3", Without: "word-..."},
	{Flag: "--force", Changes: "a container that runs is killed first", Before: []string{running},
		Line: "rm $FLAG $WORD", With: "word-...", Without: "Error response from daemon: ...\nexit status 1"},
	{Flag: "--volumes", Changes: "the volumes of the container that have no name go with it",
		Before: []string{"create --name $WORD --mount type=volume,target=/data,volume-label=of=$WORD $BUSYBOX"},
		Line:   "rm $FLAG $WORD", Then: "volume ls --quiet --filter label=of=$WORD", With: "", Without: "/[0-9a-f]{64}/"},
	{Flag: "--signal KILL", Changes: "what a container is sent that is to stop (a moment after docker run, when its program is there)",
		Before: []string{running, "exec $WORD ps -o args"},
		Line:   "stop $FLAG $WORD", Then: "inspect --format {{.State.ExitCode}} $WORD", With: "137", Without: "143"},
	{Flag: "--pids-limit 20", Changes: "how many processes a running container may have (--restart no is there as docker update wants a flag)", Before: []string{running},
		Needs: flags.Limits(course.LimitPids), Cgroup: [2]string{"pids/pids.max", "pids.max"},
		Line: "update $FLAG --restart no $WORD", Then: "exec $WORD cat $CGROUP", With: "20", Without: "max"},
	{Flag: "--memory 64m --memory-swap 64m", Changes: "how much memory it may have, and together with swap space", Before: []string{running},
		Needs:  flags.Limits(course.LimitMemory, course.LimitSwap),
		Cgroup: [2]string{"memory/memory.limit_in_bytes", "memory.max"},
		Line:   "update $FLAG --restart no $WORD", Then: "exec $WORD cat $CGROUP", With: "67108864", Without: "max | 9223..."},
	{Flag: "--author Ada", Changes: "who made it, which the image keeps", Before: []string{counted},
		Line: "commit $FLAG $WORD $WORD", Then: "inspect --type image --format {{.Author}} $WORD", With: "Ada", Without: ""},
	{Flag: "--message kept", Changes: "a remark, which the image keeps", Before: []string{counted},
		Line: "commit $FLAG $WORD $WORD", Then: "inspect --type image --format {{.Comment}} $WORD", With: "kept", Without: ""},
	{Flag: "--change $INSTRUCTION", Changes: "a setting, as an instruction of a Dockerfile makes it: here ENV COLOUR=blue",
		Before: []string{counted},
		Arrange: func(*testing.T, string) map[string]string {
			return map[string]string{"$INSTRUCTION": "ENV COLOUR=blue"}
		},
		Line: "commit $FLAG $WORD $WORD", Then: "run --rm $WORD env", With: "...COLOUR=blue...", Without: "PATH=..."},
	{Flag: "--digests", Changes: "the digest of each image, one column more", Before: []string{"tag $BUSYBOX $WORD"},
		Line: "image ls $FLAG $WORD", With: "REPOSITORY ... DIGEST ...", Without: "..."},
	{Flag: "--no-trunc", Changes: "nothing is shortened", Before: []string{"tag $BUSYBOX $WORD"},
		Line: "image ls $FLAG --quiet $WORD", With: "/sha256:[0-9a-f]{64}/", Without: "/[0-9a-f]{12}/"},
	{Flag: "--force", Changes: "the name goes, though a container, which doesn't run, was made from it",
		Before: []string{counted, "commit $WORD $WORD", "create --name $WORD-of-it $WORD"},
		Line:   "image rm $FLAG $WORD", With: "Untagged: ...", Without: "Error response from daemon: conflict: ...\nexit status 1"},
	{Flag: "--all-tags", Changes: "all tags that a repository has here", Before: []string{"tag $BUSYBOX " + registry + "/$WORD:1", "tag $BUSYBOX " + registry + "/$WORD:2"},
		Line: "push $FLAG " + registry + "/$WORD", Then: "exec registry wget -q -O - http://127.0.0.1:5000/v2/$WORD/tags/list",
		With: `/.*"tags":\["[12]","[12]"\].*/`, Without: "wget: ...404 Not Found\nexit status 1"},
	{Flag: "--force", Changes: "one that isn't there is no error", Line: "volume rm $FLAG $WORD",
		With: "word-...", Without: "Error response from daemon: ...no such volume\nexit status 1"},
	{Flag: "--opt type=tmpfs --opt device=tmpfs --opt o=size=1m", Changes: "where a volume is: here in memory; a directory of another machine (NFS) is asked for in the same way",
		Line: "volume create $FLAG $WORD", Then: "run --rm --volume $WORD:/data $BUSYBOX df -k /data",
		With: "/(?s).*tmpfs +1024 .*/", Without: "Filesystem ..."},
	{Flag: "--opt com.docker.network.driver.mtu=1400", Changes: "a setting of the network's driver: here how long a packet may be",
		Line: "network create $FLAG $WORD", Then: "run --rm --network $WORD $BUSYBOX cat /sys/class/net/eth0/mtu", With: "1400", Without: "..."},
	{Flag: "--gateway 192.0.2.99", Changes: "the address of the bridge itself, by which containers reach the world",
		Line: "network create --subnet 192.0.2.0/25 $FLAG $WORD", Then: "run --rm --network $WORD $BUSYBOX ip route",
		With: "default via 192.0.2.99 ...", Without: "default via 192.0.2.1 ...", After: []string{"network rm $WORD"}},
	{Flag: "--ip-range 198.51.100.128/25", Changes: "where the addresses of containers are taken from; the others are for those that have one of their own",
		Line: "network create --subnet 198.51.100.0/24 --gateway 198.51.100.1 $FLAG $WORD", Then: "run --rm --network $WORD $BUSYBOX ip -4 -o address show eth0",
		With: `/.* inet 198\.51\.100\.(12[89]|1[3-9]\d|2\d\d)/24 .*/`, Without: "...inet 198.51.100.2/24...", After: []string{"network rm $WORD"}},
	{Flag: "--aux-address printer=203.0.113.2", Changes: "an address that something else has, and no container gets",
		Line: "network create --subnet 203.0.113.0/24 $FLAG $WORD", Then: "run --rm --network $WORD $BUSYBOX ip -4 -o address show eth0",
		With: "...inet 203.0.113.3/24...", Without: "...inet 203.0.113.2/24...", After: []string{"network rm $WORD"}},
	{Flag: "--ip 192.0.2.200", Changes: "the container's address in this network, which must have a --subnet",
		Before: []string{"network create --subnet 192.0.2.128/25 $WORD", running},
		Line:   "network connect $FLAG $WORD $WORD", Then: "exec $WORD ip -4 -o address show eth1",
		With: "...inet 192.0.2.200/25...", Without: "...inet 192.0.2.130/25...", After: []string{"rm --force $WORD", "network rm $WORD"}},
	{Flag: "--alias web", Changes: "one more name, in this network",
		Before: []string{"network create $WORD", "run --detach --init --name $WORD $BUSYBOX sleep 1000",
			"run --detach --init --name $WORD-other --network $WORD $BUSYBOX sleep 1000"},
		Line: "network connect $FLAG $WORD $WORD", Then: "exec $WORD-other ping -c 1 web",
		With: "PING web ...", Without: "ping: bad address 'web'\nexit status 1"},
}

// What the steps of a build find around them is not only a matter of the Dockerfile. (Module06 has the rest: --build-arg,
// --target, --secret, --platform and others.)
func TestFlagsOfBuildSayWhatItsStepsFindAroundThem(t *testing.T) { performHere(t, buildFlags) }

const (
	buildSeen = "build $FLAG --quiet --tag $WORD -"
	seen      = "run --rm $WORD cat /seen"
)

var buildFlags = []flags.Row{
	{Flag: "--build-context notes=$DIRECTORY", Changes: "a directory that takes the place of a stage or an image of this name",
		Arrange: flags.Directory("note", "of the host\n"), Line: buildSeen,
		Stdin: "FROM $BUSYBOX AS notes\nRUN echo of the stage > /note\nFROM $BUSYBOX\nCOPY --from=notes /note /seen\n",
		Then:  seen, With: "of the host", Without: "of the stage"},
	{Flag: "--add-host db.example:192.0.2.7", Changes: "a name that the steps know", Line: buildSeen,
		Stdin: "FROM $BUSYBOX\nRUN grep db.example /etc/hosts > /seen || true # $WORD\n",
		Then:  seen, With: "192.0.2.7...db.example", Without: ""},
	{Flag: "--shm-size 1m", Changes: "the size of the steps' shared memory, in kilobytes", Line: buildSeen,
		Stdin: "FROM $BUSYBOX\nRUN df -k /dev/shm | awk 'NR == 2 {print $2}' > /seen # $WORD\n",
		Then:  seen, With: "1024", Without: "65536"},
	{Flag: "--ulimit nofile=123", Changes: "a limit of the steps, here of open files", Line: buildSeen,
		Stdin: "FROM $BUSYBOX\nRUN ulimit -n > /seen # $WORD\n",
		Then:  seen, With: "123", Without: "..."},
}
