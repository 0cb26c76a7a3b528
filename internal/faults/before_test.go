package faults_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// What is missing or wrong on the learner's machine before the run is told in one sentence with the next step, before any
// lesson begins.
func TestWhatIsInTheWayBeforeARunIsSaidInOneSentence(t *testing.T) {
	m := newMachine(t)
	const lesson = "exec /usr/local/bin/lesson -test.v -test.run TestAContainerRuns"
	assert.Contains(t, m.lesson(t, lesson).Stdout, "--- PASS: TestAContainerRuns", "with nothing in the way")
	without := func(plugin string) string { // on a machine that has it
		return "unshare -m sh -c 'mount --bind /dev/null $(docker info --format \"{{range .ClientInfo.Plugins}}{{if eq .Name \\\"" +
			plugin + "\\\"}}{{.Path}}{{end}}{{end}}\") && " + lesson + "'"
	}
	for fault, example := range map[string]struct{ line, sentence string }{
		"no docker command": {"PATH=/nowhere " + lesson,
			`The docker command, which the lessons type, does not run here \(exec: "docker": executable file not found in \$PATH\)\. .*[Ii]nstall.*`},
		"no buildx": {without("buildx"),
			"`docker buildx version` fails: the docker command here has no BuildKit plugin, which the lessons build images with .*[Ii]nstall.*"},
		"no compose": {without("compose"),
			"`docker compose version` fails: the docker command here has no Compose plugin, which the lessons start applications with .*[Ii]nstall.*"},
		"no engine": {"unshare -m sh -c 'mount --bind /dev/null /var/run/docker.sock && " + lesson + "'",
			`No Docker engine answers at unix:///var/run/docker\.sock\. .*([Ss]tart|make engine).*`},
		"an engine's address where nothing answers": {"DOCKER_HOST=tcp://127.0.0.1:1 " + lesson,
			`DOCKER_HOST is set to tcp://127\.0\.0\.1:1, but no engine answers there \(.*\)\. Unset DOCKER_HOST to use this machine's engine, or correct it\.`},
		"an engine's address that is none": {"DOCKER_HOST=nonsense " + lesson,
			`DOCKER_HOST is set to "nonsense", which the course can't use: .* Unset DOCKER_HOST to use this machine's engine, or correct it\.`},
		"a wrong value in COURSE_IMAGES": {"COURSE_IMAGES=latest " + lesson,
			`COURSE_IMAGES="latest" means nothing to the course: set it to one of pinned, current, or unset it for pinned`},
		"a wrong value in COURSE_STANDINS": {"COURSE_STANDINS=sometimes " + lesson,
			`COURSE_STANDINS="sometimes" means nothing to the course: set it to one of auto, never, always, or unset it for auto`},
		"a TMPDIR that is missing": {"TMPDIR=/nowhere " + lesson,
			`no place for temporary files: stat /nowhere: no such file or directory; set TMPDIR to a directory that can be written and has room`},
		"a TMPDIR that is a file": {"TMPDIR=/etc/passwd " + lesson,
			`no place for temporary files: mkdir /etc/passwd/.*: not a directory; set TMPDIR to a directory that can be written and has room`},
		"a TMPDIR that is full": {"unshare -m sh -c 'mount -t tmpfs -o size=64k none /media && TMPDIR=/media " + lesson + "'",
			`no place for temporary files: write /media/.*: no space left on device; set TMPDIR to a directory that can be written and has room`},
		"only the loopback address of IPv6": {"unshare -n sh -c 'ip link set lo up; ip address del 127.0.0.1/8 dev lo; " + lesson + "'",
			`the lessons publish ports on 127\.0\.0\.1, and this machine has no such address \(.*\): give it to the loopback interface again, ` +
				"on Linux with `sudo ip address add 127.0.0.1/8 dev lo`"},
	} {
		result := m.lesson(t, example.line)
		assert.Equal(t, 1, result.ExitCode, fault)
		assert.Regexp(t, "^"+example.sentence+"\n$", result.Output(), "%s: this and nothing else", fault)
	}
	m.hasNothingLeft(t)
}

// Where the docker command gives each container a proxy, as in some companies, a program may ask that for a neighbour, too.
func TestProxiesThatContainersAreGivenAreNamed(t *testing.T) {
	m := newMachine(t)
	const lesson = "lesson -test.v -test.run TestANeighbourAnswers"
	assert.Contains(t, m.lesson(t, lesson).Stdout, "--- PASS", "without a proxy")
	m.Exec(t, `mkdir /configured && echo '{"proxies": {"default": {"httpProxy": "http://127.0.0.1:1"}}}' > /configured/config.json`)
	result := m.lesson(t, "DOCKER_CONFIG=/configured "+lesson)
	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stdout, "The docker command gives each container the proxies of /configured/config.json, which may be why: "+
		"some programs ask them for other containers, too. To run the lesson without them, let DOCKER_CONFIG name a copy of that directory "+
		"whose config.json has no proxies.\n")
	m.hasNothingLeft(t)
}

// An engine may be configured so that lessons come out otherwise, as where its containers are to be apart from each other.
func TestSettingsOfTheEngineThatChangeLessonsAreNamed(t *testing.T) {
	const lesson = "lesson -test.v -test.run TestTheProgramIsTheFirstProcess"
	asInstalled := newMachine(t)
	assert.Contains(t, asInstalled.lesson(t, lesson).Stdout, "--- PASS", "as it is installed")

	configured := newMachine(t, configuration(t, `{"icc": false, "init": true, "log-driver": "none", "no-new-privileges": true}`))
	result := configured.lesson(t, lesson)
	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stdout, `This engine is configured with "icc": false and "log-driver": "none" and "no-new-privileges": true and "init": true, `+
		"which may be why. To run the lesson without that, have an engine started for it: `make test ENGINE=docker:28-dind`.\n")
	configured.hasNothingLeft(t)
}

// On an engine that maps the users of containers, the reaper is not allowed to ask for anything.
func TestAnEngineThatMapsUsersIsRefused(t *testing.T) {
	m := newMachine(t, configuration(t, `{"userns-remap": "default"}`))
	result := m.lesson(t, "lesson -test.v -test.run TestAContainerRuns")
	assert.Equal(t, 1, result.ExitCode)
	assert.Equal(t, "The engine at unix:///var/run/docker.sock gives the users of containers other numbers outside (userns-remap), "+
		"so that the reaper, which is a container, may not ask it to remove what an interrupted lesson leaves. Take userns-remap out of its daemon.json "+
		"and restart it, or choose another engine of `docker context ls` with `docker context use`.\n", result.Stdout)
	m.hasNothingLeft(t)
}

// configuration is the daemon.json of an engine.
func configuration(t *testing.T, settings string) course.Option {
	t.Helper()
	return course.Volume(course.File(t, "daemon.json", settings), "/etc/docker/daemon.json", "ro")
}

// Who interrupts a run does so in the middle of something: here, of a docker run whose volume is removed before it begins, and
// which would make another one. The lesson begins nothing any more, and what was begun is removed a moment later.
func TestAnInterruptedRunLeavesNothing(t *testing.T) {
	m := newMachine(t)
	run := course.CLI{}.DockerInBackground(t, m.exec("sh", "-c", "exec lesson -test.v -test.run TestAVolumeIsUsedAgainAndAgain 2>&1")...)
	run.WaitForOutput(t, "it is under way")
	ports := m.Exec(t, "docker ps --format '{{.Ports}}'").Stdout
	assert.Contains(t, ports, "127.0.0.1:", "the reaper's")
	assert.NotContains(t, ports, "0.0.0.0:", "nobody else should be able to ask the reaper for anything")
	m.Exec(t, "kill -INT $(pidof lesson)")
	result := run.WaitUntilEnded(t)
	assert.Equal(t, 130, result.ExitCode)
	assert.Contains(t, result.Stdout, "interrupted: removing this run's containers, volumes and networks …")
	m.WaitFor(t, `test -z "$(docker ps --all --quiet)"`) // the reaper goes last
	m.hasNothingLeft(t)
}

// A volume without a name tells nobody whose it is, when its container is gone. The course gives it labels, so that it goes,
// too, whether the run can clean up itself or the reaper has to.
func TestAVolumeWithoutANameGoesWithTheRun(t *testing.T) {
	m := newMachine(t)
	for _, signal := range []string{"INT", "KILL"} {
		run := course.CLI{}.DockerInBackground(t, m.exec("sh", "-c", "exec lesson -test.v -test.run TestAVolumeIsLeftBehind 2>&1")...)
		run.WaitForOutput(t, "it is under way")
		m.Exec(t, "kill -"+signal+" $(pidof lesson)")
		run.WaitUntilEnded(t)
		m.WaitFor(t, `test -z "$(docker ps --all --quiet)"`) // the reaper goes last
		if signal == "KILL" {
			m.Exec(t, "rm -rf /tmp/docker-proven-*") // which the next run would do
		}
		m.hasNothingLeft(t)
	}
}

// A learner who isn't root may not remove what a container has written as root into a directory of the learner's.
func TestFilesOfRootGoWithTheRunOfALearnerWhoIsNot(t *testing.T) {
	m := newMachine(t)
	m.Exec(t, "chmod 666 /var/run/docker.sock")
	for _, signal := range []string{"INT", "KILL"} {
		run := course.CLI{}.DockerInBackground(t, m.exec("su", "nobody", "-s", "/bin/sh", "-c",
			"exec lesson -test.v -test.run TestFilesOfRootAreLeftBehind 2>&1")...)
		run.WaitForOutput(t, "it is under way")
		assert.Equal(t, "0\n", m.Exec(t, "stat -c %u /tmp/docker-proven-*/*/of").Stdout, "it should be root's")
		m.Exec(t, "kill -"+signal+" $(pidof lesson)")
		run.WaitUntilEnded(t)
		m.WaitFor(t, `test -z "$(docker ps --all --quiet)" && ! ls -d /tmp/docker-proven-*`)
		m.hasNothingLeft(t)
	}
}

// What several lessons need is prepared once, and when that fails, each of the others says at once where to look.
func TestWhatALessonFailsToPrepareIsNotTriedAgain(t *testing.T) {
	m := newMachine(t)
	result := m.lesson(t, "exec lesson -test.v -test.run NeedsWhatIsShared")
	assert.Equal(t, 1, result.ExitCode)
	assert.Equal(t, 1, strings.Count(result.Stdout, "# preparing"))
	assert.Contains(t, result.Stdout, "cat: can't open '/nowhere'", "the first")
	assert.Contains(t, result.Stdout, "TestOneNeedsWhatIsShared has failed to prepare what this lesson needs, too: what it says is the reason")
	assert.Equal(t, 2, strings.Count(result.Stdout, "--- FAIL: "))
	m.hasNothingLeft(t)
}

// What a lesson can do without is no obstacle: a home that can't be written, names with spaces, files that are not for others,
// and a docker command that is set for other purposes.
func TestALessonRunsInUnusualPlaces(t *testing.T) {
	m := newMachine(t)
	const lessons = "exec lesson -test.v -test.run 'TestAContainerRuns|TestAnImageIsBuilt|TestAFileOfTheHostIsMounted|TestAPortIsNeeded'"
	for place, line := range map[string]string{
		"a read-only home": "unshare -m sh -c \"mount -t tmpfs -o ro none /mnt && export HOME=/mnt && ! touch /mnt/file 2>/dev/null && " + lessons + "\"",
		"names with spaces": "mkdir -p '/opt/my home' '/opt/my files' && export HOME='/opt/my home' TMPDIR='/opt/my files' && " +
			"cd \"$HOME\" && " + lessons,
		"files for oneself": "umask 077 && " + lessons,
		"other purposes": "export BUILDX_BUILDER=nowhere DOCKER_BUILDKIT=0 DOCKER_DEFAULT_PLATFORM=linux/s390x TESTCONTAINERS_RYUK_DISABLED=true " +
			"TESTCONTAINERS_PROVIDER=podman TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX=registry.invalid && ! docker buildx build /opt && " + lessons,
		"settings of testcontainers-go": "mkdir /opt/set && printf 'hub.image.name.prefix=registry.invalid\\nryuk.disabled=true\\n' " +
			"> /opt/set/.testcontainers.properties && export HOME=/opt/set && " + lessons,
	} {
		result := m.lesson(t, line)
		assert.Equal(t, 0, result.ExitCode, place)
		for _, lesson := range []string{"TestAContainerRuns", "TestAnImageIsBuilt", "TestAFileOfTheHostIsMounted", "TestAPortIsNeeded"} {
			assert.Contains(t, result.Stdout, "--- PASS: "+lesson, place)
		}
	}
	m.hasNothingLeft(t)
}

// Neither a checkout whose path has spaces nor temporary files in such a place matter to lessons with bind mounts, with
// builds, and with Compose.
func TestACheckoutMayHaveSpacesInItsPath(t *testing.T) {
	takesLong(t, "two modules are compiled again")
	directory := course.HostDirectory(t)
	checkout, temporary := filepath.Join(directory, "my courses", "docker, proven"), filepath.Join(directory, "my files")
	require.NoError(t, os.CopyFS(checkout, os.DirFS(filepath.Join("..", ".."))))
	require.NoError(t, os.Mkdir(temporary, 0o755))
	result := course.CLI{}.In(checkout).With("TMPDIR="+temporary).Program(t, "go", "test", "-v", "-count=1", "./module04", "./module08",
		"-run", "TestABindMountShowsChangesBothWays|TestOneCommandStartsTheApplication|TestASecretIsAFileForThoseWhoNameIt")
	for _, lesson := range []string{"TestABindMountShowsChangesBothWays", "TestOneCommandStartsTheApplication", "TestASecretIsAFileForThoseWhoNameIt"} {
		assert.Contains(t, result.Stdout, "--- PASS: "+lesson)
	}
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Two runs beside each other don't meet: neither finds the other's things, and they take turns at a port. A program that is no
// part of the course and has the port is another matter.
func TestASecondRunBesideItIsNoMatter(t *testing.T) {
	m := newMachine(t)
	const lessons = "lesson -test.v -test.run 'TestAContainerRuns|TestAnImageIsBuilt|TestAPortIsNeeded'"
	both := m.lesson(t, lessons+" > /opt/first & "+lessons+" > /opt/second; second=$?; wait $! && exit $second")
	first, second := m.Exec(t, "cat /opt/first").Stdout, m.Exec(t, "cat /opt/second").Stdout
	assert.Equal(t, 0, both.ExitCode)
	for _, run := range []string{first, second} {
		for _, lesson := range []string{"TestAContainerRuns", "TestAnImageIsBuilt", "TestAPortIsNeeded"} {
			assert.Contains(t, run, "--- PASS: "+lesson)
		}
	}
	m.hasNothingLeft(t)

	m.Docker(t, "run", "--detach", "--name", "a-program", "--publish", "127.0.0.1:5432:80", course.Ref(t, image.Busybox), "sleep", "infinity")
	taken := m.lesson(t, lessons)
	assert.Contains(t, taken.Stdout, "not provable here: another program listens on port 5432 of this machine; stop it to prove this, too")
	assert.Contains(t, taken.Stdout, "--- SKIP: TestAPortIsNeeded")
	assert.Contains(t, taken.Stdout, "--- PASS: TestAContainerRuns")
	m.Docker(t, "rm", "--force", "a-program")
	m.hasNothingLeft(t)
}
