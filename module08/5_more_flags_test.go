package module08

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/flags"
	"docker-proven/internal/image"
)

// A container's ports are its own. --publish makes one of them a port of the host: 127.0.0.1:9000:8080 would make port 8080
// of the container port 9000 of the host, for programs on the host only; 9000:8080, for everyone who reaches the host. (Engines before 28 keep out nobody who is on the same
// local network and sets out to get in: https://github.com/moby/moby/issues/45610.) With nothing between the colons, as here,
// the engine chooses a port that is free. Without --publish no port of the host leads in. That is no wall: a neighbour on the
// same network reaches the container by its own address, and so does the host, where it is Linux. (Shown on the machine of a
// throwaway engine, where nobody else uses port 9000.)
func TestAPublishedPortIsReachedFromTheHost(t *testing.T) {
	const serve = "echo welcome > /index.html; exec httpd -f -p 8080 -h /"
	const welcome = "^welcome\n$"
	published := background(t, []string{"--publish", "127.0.0.1::8080"}, serve)
	address := strings.TrimSpace(course.Docker(t, "port", published.Name, "8080").Stdout)
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, address)
	var page string
	course.Eventually(t, "http://"+address+"/ answers", func() bool {
		answer, err := http.Get("http://" + address + "/index.html")
		if err != nil {
			return false // the server is still starting
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		page = string(body)
		return err == nil
	})
	course.Typed(t, page, "curl", "http://"+address+"/index.html")
	assert.Equal(t, "welcome\n", page)

	course.Say(t, "Without --publish the same server is there, and no port of the host (here, the container of a throwaway engine) leads to it:")
	engine := throwaway(t)
	busybox := engine.Ref(t, image.Busybox)
	start := func(flags ...string) (name string) {
		name = course.Unique(t, "server-")
		line := append([]string{"run", "--detach", "--name", name}, flags...)
		engine.Docker(t, append(line, busybox, "sh", "-c", serve)...)
		engine.DockerUntil(t, welcome, "exec", name, "wget", "-q", "-O", "-", "http://127.0.0.1:8080/index.html")
		return name
	}
	fromHost := func(address string) []string {
		return []string{"exec", engine.Container.Name, "wget", "-q", "-O", "-", "http://" + address + "/index.html"}
	}
	private := start()
	unpublished := engine.DockerFails(t, "port", private, "8080")
	assert.Contains(t, strings.ToLower(unpublished.Stderr), "no public port")
	refused := course.DockerFails(t, fromHost("127.0.0.1:9000")...)
	assert.Contains(t, refused.Stderr, "Connection refused")

	course.Say(t, "By the container's own address, a neighbour reaches it, and the machine does:")
	const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
	own := strings.TrimSpace(engine.Docker(t, "inspect", "--format", format, private).Stdout) + ":8080"
	neighbour := engine.Docker(t, "run", "--rm", busybox, "wget", "-q", "-O", "-", "http://"+own+"/index.html")
	assert.Regexp(t, welcome, neighbour.Stdout)
	assert.Regexp(t, welcome, course.Docker(t, fromHost(own)...).Stdout)

	course.Say(t, "And with --publish, the port that refused leads to a server:")
	open := start("--publish", "127.0.0.1:9000:8080")
	course.DockerUntil(t, welcome, fromHost("127.0.0.1:9000")...)

	course.Say(t, "From another machine (here: another container beside that of the engine) there is nothing at this port:")
	host := strings.TrimSpace(course.Docker(t, "inspect", "--format", format, engine.Container.Name).Stdout)
	fromElsewhere := []string{"run", "--rm", course.Ref(t, image.Busybox), "wget", "-q", "-O", "-", "http://" + host + ":9000/index.html"}
	closed := course.DockerFails(t, fromElsewhere...)
	assert.Contains(t, closed.Stderr, "Connection refused")
	engine.Docker(t, "rm", "--force", open) // the port is free again

	course.Say(t, "Without an address before the port, everyone who reaches the machine is let in:")
	everyones := start("--publish", "9000:8080")
	course.DockerUntil(t, welcome, fromElsewhere...)
	engine.Docker(t, "rm", "--force", everyones)
}

// What a container prints, Docker keeps, for as long as the container exists and as much as there is: a program that
// talks a lot can fill the disk. --log-opt max-size makes it keep the newest only.
func TestALogOptionKeepsTheNewestLinesOnly(t *testing.T) {
	lines := func(flags ...string) string {
		c := background(t, append([]string{"--log-driver", "json-file"}, flags...), "seq 2000")
		c.WaitUntilEnded(t)
		return "\n" + course.Docker(t, "logs", c.Name).Stdout
	}
	bounded := lines("--log-opt", "max-size=10k")
	assert.Contains(t, bounded, "\n2000\n")
	assert.NotContains(t, bounded, "\n1\n")

	all := lines()
	assert.Contains(t, all, "\n1\n")
	assert.Contains(t, all, "\n2000\n")
}

// A program that writes to a disk faster than it may is not refused: it waits. (The kernel writes most files a
// while after the program has. With version 1 of control groups nobody counts that, so this one writes to the disk itself:
// oflag=direct. Six megabytes at two in a second take about three seconds, by /proc/uptime, whose first number is the seconds
// since the machine was started.)
func TestAtTheLimitOfADiskAProgramWaits(t *testing.T) {
	disk := flags.Disk(t, "")["$DISK"]
	write := func(flags ...string) time.Duration {
		line := append([]string{"run", "--rm", "--mount", "type=volume,target=/data"}, flags...)
		uptimes := course.Docker(t, append(line, course.Ref(t, image.Busybox), "sh", "-c",
			"cat /proc/uptime; dd if=/dev/zero of=/data/file bs=64k count=96 oflag=direct; cat /proc/uptime")...).Stdout
		var began, ended, idle float64 // seconds
		_, err := fmt.Sscan(uptimes, &began, &idle, &ended, &idle)
		require.NoError(t, err)
		return time.Duration((ended - began) * float64(time.Second))
	}
	limited := write("--device-write-bps", disk+":2mb")
	assert.Greater(t, limited, 2*time.Second)
	course.TakesLessThan(t, limited, "Without the limit", func() time.Duration { return write() })
}

// Processors that are idle serve whoever comes. When they are busy, --cpu-shares decides: a container without the flag gets
// several times as long as one with 64 on the same processor. With version 1 of control groups it is sixteen times, as the
// usual is 1024. Version 2 has weights in place of shares, and it is about 8 or 33 times: the versions of runc convert them
// in two ways.
func TestSharesDecideWhoGetsABusyProcessor(t *testing.T) {
	flags.TwoProcessors(t)
	course.NeedsLimits(t, course.LimitShares)
	processor := flags.FirstProcessor(t)
	// ratio is how many times as much of the processor a container gets as another one with these flags, while both
	// take what they can get.
	ratio := func(flags ...string) float64 {
		sameProcessor := []string{"--cpuset-cpus", processor}
		const compute = "echo computing; while :; do :; done"
		first := background(t, sameProcessor, compute)
		second := background(t, append(sameProcessor, flags...), compute)
		first.WaitForLog(t, "computing")
		second.WaitForLog(t, "computing")
		stats := course.Docker(t, "stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}}", first.Name, second.Name).Stdout
		course.Docker(t, "kill", first.Name, second.Name)
		percent := func(c *course.Container) (n float64) {
			_, line, _ := strings.Cut(stats, c.Name+" ")
			_, err := fmt.Sscanf(line, "%f%%", &n)
			require.NoError(t, err)
			return n
		}
		ratio := percent(first) / percent(second)
		course.Say(t, "The first has %.1f times as much.", ratio)
		return ratio
	}
	small := ratio("--cpu-shares", "64")
	course.Say(t, "With the same shares:")
	same := ratio() // about 1; and at another moment, while others want that processor, also 2 or 3
	assert.Greater(t, small, 2*same)
}

// On an engine that is started with --userns-remap, root in a container is nobody on the machine: the numbers of its
// users are mapped to others. --userns host does without, for one container. (Shown on a throwaway engine of its own.)
func TestUsernsHostDoesWithoutTheMappingOfUsers(t *testing.T) {
	engine := course.NewThrowawayEngine(t, course.Command("--userns-remap", "default"))
	busybox := engine.Ref(t, image.Busybox)
	mapping := func(flags ...string) []string {
		line := append(append([]string{"run", "--rm"}, flags...), busybox, "cat", "/proc/self/uid_map")
		return strings.Fields(engine.Docker(t, line...).Stdout)
	}
	mapped := mapping()
	require.Len(t, mapped, 3, "the first number inside, the first outside, and how many")
	assert.Equal(t, "0", mapped[0])
	assert.NotEqual(t, "0", mapped[1], "root should be somebody else outside")

	unmapped := mapping("--userns", "host")
	assert.Equal(t, []string{"0", "0"}, unmapped[:2], "root should be root")
}

// A program can read which control groups it is in. With --cgroupns private it sees its own as the root of all; with
// host it sees where it really is, below the groups of the machine. (Which of them is the rule, the engine decides:
// private with version 2 of control groups.)
func TestCgroupnsDecidesWhetherAContainerSeesWhereItIs(t *testing.T) {
	groups := func(mode string) string {
		list := course.Shell("cut -d : -f 3 /proc/self/cgroup | sort -u")
		return course.Once(t, image.Busybox, course.Cgroupns(mode), list).Stdout
	}
	assert.Equal(t, "/\n", groups("private"))
	assert.Contains(t, groups("host"), "docker")
}

// What `docker run` can do, it says itself: docker run --help. Here that list is compared with this lesson's. A flag
// that the lesson doesn't know is news, which the summary of `make test` tells; it is no mistake, and neither is a
// flag that this docker command doesn't have yet or any more.
func TestTheLessonKnowsTheFlagsThatDockerRunHas(t *testing.T) {
	var known []string
	for _, table := range [][]flags.Row{programFlags, fileFlags, networkFlags, limitFlags, privilegeFlags, trackingFlags} {
		for _, row := range table {
			known = append(known, row.Name())
		}
	}
	known = slices.Concat(known, slices.Collect(maps.Keys(stories)), slices.Collect(maps.Keys(notShown)))
	unknown := func(help string) []string {
		return slices.DeleteFunc(flags.InHelp(help), func(flag string) bool { return slices.Contains(known, flag) })
	}

	help := course.Docker(t, "run", "--help").Stdout
	has := flags.InHelp(help)
	require.Greater(t, len(has), 80, "the help should have been understood")
	for _, flag := range []string{"--detach", "--restart", "--health-cmd", "--memory"} {
		assert.Contains(t, has, flag)
	}
	if news := unknown(help); len(news) > 0 {
		course.Notice(t, "docker run has flags that module08 doesn't know yet: %s", strings.Join(news, " "))
	}

	course.Say(t, "A new one would be noticed:")
	news := unknown(help + "\n  -z, --brand-new string     Does something new\n")
	course.Show(t, strings.Join(news, " "))
	assert.Contains(t, news, "--brand-new")
	assert.NotContains(t, news, "--detach")
}

// Flags with a longer story, and the test that tells it.
var stories = map[string]func(*testing.T){
	"--cgroupns":              TestCgroupnsDecidesWhetherAContainerSeesWhereItIs,
	"--health-cmd":            TestAHealthCommandTellsWhetherAContainerIsOfUse,
	"--health-interval":       TestAHealthCommandTellsWhetherAContainerIsOfUse,
	"--health-retries":        TestHealthRetriesAreHowManyFailuresInARowCount,
	"--health-start-interval": TestTheStartIntervalIsThePauseBetweenChecksInTheStartPeriod,
	"--health-start-period":   TestFailuresInTheStartPeriodDoNotCount,
	"--health-timeout":        TestAHealthCheckThatTakesTooLongHasFailed,
	"--log-opt":               TestALogOptionKeepsTheNewestLinesOnly,
	"--no-healthcheck":        TestNoHealthcheckSwitchesTheImagesOwnOff,
	"--publish":               TestAPublishedPortIsReachedFromTheHost,
	"--restart":               TestOnFailureRestartsAProgramThatFailsAndGivesUp,
	"--stop-signal":           TestTheStopSignalIsWhatAProgramHearsFirst,
	"--stop-timeout":          TestTheStopTimeoutIsHowLongAProgramMayTake,
	"--userns":                TestUsernsHostDoesWithoutTheMappingOfUsers,
}

// Flags that are not shown in this lesson, and why.
var notShown = map[string]string{
	"--annotation":            "for the program that starts the container; nothing in it can see it",
	"--blkio-weight":          "few kernels have the scheduler that it is for",
	"--blkio-weight-device":   "few kernels have the scheduler that it is for",
	"--cgroup-parent":         "for programs that start containers",
	"--cpu-rt-period":         "needs an engine that is set up for real-time programs",
	"--cpu-rt-runtime":        "needs an engine that is set up for real-time programs",
	"--cpuset-mems":           "needs a machine with several memory nodes",
	"--detach-keys":           "for the keys that are pressed at a terminal",
	"--device-cgroup-rule":    "for devices that come and go",
	"--disable-content-trust": "content trust is being retired",
	"--help":                  "prints the list that the lesson is compared with",
	"--ip6":                   "as --ip, where there is IPv6",
	"--isolation":             "for Windows containers",
	"--kernel-memory":         "does nothing any more",
	"--link":                  "replaced by user-defined networks",
	"--link-local-ip":         "as --ip, for addresses that only neighbours see",
	"--memory-swappiness":     "for version 1 of control groups only",
	"--oom-kill-disable":      "for version 1 of control groups only",
	"--quiet":                 "for what docker shows while it pulls",
	"--runtime":               "needs a second runtime",
	"--sig-proxy":             "for what becomes of Ctrl-C, which module02 shows",
	"--storage-opt":           "for some storage drivers only",
	"--use-api-socket":        "an experiment of Docker's",
	"--uts":                   "shown in module02",
	"--volume-driver":         "needs a volume plugin",
}
