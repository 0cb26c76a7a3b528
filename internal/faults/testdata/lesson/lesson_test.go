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

func TestItTakesLong(t *testing.T) {
	c := course.Run(t, image.Busybox)
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		c.Exec(t, "true")
	}
}

func TestAContainerRuns(t *testing.T) {
	c := course.Run(t, image.Busybox)
	assert.Equal(t, "hello\n", c.Exec(t, "echo hello").Stdout)
}

func TestACommandRuns(t *testing.T) {
	course.Once(t, image.Busybox, course.Command("echo", "hello"))
}

func TestAnImageIsBuilt(t *testing.T) {
	course.Build(t, "faulty", "FROM "+course.Ref(t, image.Busybox)+"\nRUN echo hello > /greeting\n")
}

func TestAVolumeIsFilled(t *testing.T) {
	volume := course.NewVolume(t, "faulty")
	course.Once(t, image.Busybox, course.Volume(volume, "/data"), course.Shell("head -c 200000000 /dev/zero > /data/zeros"))
}

func TestAnImageIsHad(t *testing.T) {
	course.Ref(t, image.Image{Name: "faulty", Pinned: os.Getenv("FAULTY_IMAGE")})
}

func TestMuchMemoryIsTaken(t *testing.T) {
	course.Once(t, image.Busybox, course.Command("tail", "/dev/zero"))
}
