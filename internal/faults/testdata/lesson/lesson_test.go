// Package lesson is a lesson that runs with a fault in its way.
package lesson

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

func TestMain(m *testing.M) { course.Main(m) }

var used course.Shared[string]

// What lessons share is made by the first, and once more when the engine has been restarted in between.
func TestAThingIsMade(t *testing.T) { useTheThing(t) }

func useTheThing(t *testing.T) {
	used.Get(t, func() string {
		course.Say(t, "the thing is made")
		return ""
	})
}

// The one that is under way for as long as its container runs, which is until somebody ends the engine.
func TestAContainerGoesOn(t *testing.T) {
	container := course.Run(t, image.Busybox, course.Shell("echo up; trap 'exit 0' TERM; while :; do sleep 1; done"))
	container.WaitForLog(t, "up")
	course.Say(t, "it is under way")
	course.Eventually(t, "the container says no", func() bool {
		container.Exec(t, "true")
		return false
	})
}

func TestAThingIsUsed(t *testing.T) {
	useTheThing(t)
	course.Docker(t, "ps", "--filter", "label=org.testcontainers.reaper", "--format", "The reaper is at {{.Ports}}")
}

func TestAContainerRuns(t *testing.T) {
	container := course.Run(t, image.Busybox)
	assert.Equal(t, "hello\n", container.Exec(t, "echo hello").Stdout)
}

func TestTheProgramIsTheFirstProcess(t *testing.T) {
	assert.Equal(t, "cat\n", course.Once(t, image.Busybox, course.Command("cat", "/proc/1/comm")).Stdout)
}

func TestANeighbourAnswers(t *testing.T) {
	network := course.NewNetwork(t, "faulty")
	web := course.Run(t, image.Busybox, course.Join(network, "web"), course.Shell("echo hello > /index.html && httpd -f -p 80 -h /"))
	web.Exec(t, "until wget -q -O /dev/null http://127.0.0.1/; do sleep 0.1; done")
	look := course.Docker(t, "run", "--rm", "--network", network, course.Ref(t, image.Busybox), "wget", "-q", "-O", "-", "http://web/")
	assert.Equal(t, "hello\n", look.Stdout)
}

func TestAnImageIsBuilt(t *testing.T) {
	course.Build(t, "faulty", "FROM "+course.Ref(t, image.Busybox)+"\nRUN echo hello > /greeting\n")
}

func TestAFileOfTheHostIsMounted(t *testing.T) {
	directory := course.Directory(t, map[string]string{"with a space": "hello\n"})
	result := course.Once(t, image.Busybox, course.User("1000"), course.Volume(directory, "/data"), course.Command("cat", "/data/with a space"))
	assert.Equal(t, "hello\n", result.Stdout)
}

func TestAPortIsNeeded(t *testing.T) {
	course.NeedsHostPort(t, 5432)
	course.Run(t, image.Busybox, course.Publish(5432, 80))
}

func TestAnImageIsThere(t *testing.T) {
	course.Ref(t, image.Image{Name: "faulty", Pinned: os.Getenv("FAULTY_IMAGE")})
}

func TestAVolumeTakesMuch(t *testing.T) {
	volume := course.NewVolume(t, "faulty")
	course.Once(t, image.Busybox, course.Volume(volume, "/data"), course.Shell("head -c 200000000 /dev/zero > /data/zeros"))
}

// It makes use of a volume for as long as it may.
func TestAVolumeIsUsedAgainAndAgain(t *testing.T) {
	volume := course.NewVolume(t, "faulty")
	course.Say(t, "it is under way")
	for {
		course.Once(t, image.Busybox, course.Volume(volume, "/data"), course.Command("true"))
	}
}

// A container that is gone has left a volume that has no name.
func TestAVolumeIsLeftBehind(t *testing.T) {
	container := course.Run(t, image.Busybox, course.Mount("type=volume,target=/data"))
	course.Docker(t, "rm", "--force", container.Name)
	assert.NotEmpty(t, course.Docker(t, "volume", "ls", "--quiet").Stdout)
	course.Say(t, "it is under way")
	course.Eventually(t, "somebody ends this", func() bool { return false })
}

// What a container has written is root's, and not the learner's.
func TestFilesOfRootAreLeftBehind(t *testing.T) {
	directory := course.HostDirectory(t)
	course.Once(t, image.Busybox, course.Volume(directory, "/data"), course.Shell("mkdir -p /data/of/root && echo hello > /data/of/root/.file"))
	course.Say(t, "it is under way")
	course.Eventually(t, "somebody ends this", func() bool { return false })
}

func TestAProgramTakesAllMemory(t *testing.T) {
	course.Once(t, image.Busybox, course.Command("tail", "/dev/zero"))
}

// Only with a clock that jumps does it end.
func TestTheClockJumps(t *testing.T) {
	container := course.Run(t, image.Busybox)
	began := time.Now()
	last, forward, back := began, false, false
	course.Eventually(t, "the clock jumps forward and back", func() bool {
		now := time.Now()
		jump := now.Round(0).Sub(last.Round(0)) - now.Sub(last) // of the clock on the wall, without the time that has gone by
		forward, back, last = forward || jump > 12*time.Hour, back || jump < -12*time.Hour, now
		return forward && back
	})
	container.Exec(t, "true")
	assert.Less(t, time.Since(began), time.Minute)
}

var prepared course.Shared[string]

// Whichever of these two comes first fails while it prepares what both need.
func TestOneNeedsWhatIsShared(t *testing.T)     { needWhatIsShared(t) }
func TestAnotherNeedsWhatIsShared(t *testing.T) { needWhatIsShared(t) }

func needWhatIsShared(t *testing.T) {
	prepared.Get(t, func() string {
		course.Say(t, "preparing")
		return course.Once(t, image.Busybox, course.Command("cat", "/nowhere")).Stdout
	})
}
