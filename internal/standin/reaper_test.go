package standin_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A test process that is killed can't clean up. The reaper, which it started and stays connected to, does it 10
// seconds later: containers, networks, volumes and images, those made by the docker command included.
func TestTheReaperRemovesWhatAKilledTestLeaves(t *testing.T) {
	const role, made = "COURSE_TEST_ROLE", "made: "
	if os.Getenv(role) == "victim" {
		network, volume := course.NewNetwork(t, "reaped"), course.NewVolume(t, "reaped")
		tag := course.Build(t, "reaped", "FROM "+course.Ref(t, image.Busybox)+"\nRUN touch /reaped\n")
		container := course.RunBuilt(t, tag, course.Volume(volume, "/data"), course.Join(network, "reaped"))
		os.Stdout.WriteString("\n" + made + strings.Join([]string{network, volume, tag, container.Name}, " ") + "\n")
		<-t.Context().Done()
	}
	course.Ref(t, image.Busybox)

	program, err := os.Executable()
	require.NoError(t, err)
	victim := exec.CommandContext(t.Context(), program, "-test.run", "^"+t.Name()+"$")
	victim.Env = append(os.Environ(), role+"=victim", "COURSE_KEEP=")
	output, err := victim.StdoutPipe()
	require.NoError(t, err)
	victim.Stderr = os.Stderr
	require.NoError(t, victim.Start())
	var things []string
	for lines := bufio.NewScanner(output); things == nil && lines.Scan(); {
		if names, ok := strings.CutPrefix(lines.Text(), made); ok {
			things = strings.Fields(names)
		}
	}
	require.Len(t, things, 4)
	here := func(thing string) bool { return exec.Command("docker", "inspect", thing).Run() == nil }
	for _, thing := range things {
		assert.True(t, here(thing), "%s should be there while the test runs", thing)
	}

	require.NoError(t, victim.Process.Kill())
	victim.Wait()
	killed := time.Now()
	for _, thing := range things {
		course.Eventually(t, thing+" is removed", func() bool { return !here(thing) })
	}
	assert.Less(t, time.Since(killed), 15*time.Second)
}
