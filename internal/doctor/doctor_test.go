package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/planted"
)

// pretend puts a docker command on PATH that answers as a healthy installation does, with so many kilobytes of room on its disk.
func pretend(t *testing.T, kilobytes string) planted.Program {
	t.Helper()
	return planted.Put(t, "docker", `[ -z "$HANGS" ] || exec sleep 60
case "$1 $2 $3" in
"version --format {{.Server.Version}}") echo 28.0.0 ;;
run*) printf 'Filesystem 1K-blocks Used Available Use%% Mounted on\noverlay 99 9 `+kilobytes+` 9%% /\n' ;;
pull*) echo "manifest for hello-world:there-is-no-such-tag not found" >&2; exit 1 ;;
*) echo fine ;;
esac`)
}

// A process that is killed leaves a container that it has created and not yet started. The reaper knows it by its labels.
func TestTheContainerThatLooksForRoomHasTheLabels(t *testing.T) {
	docker := pretend(t, "99999999")
	for _, finding := range Examine(t.Context(), "busybox", []string{"--label", "whose=mine"}) {
		assert.True(t, finding.OK(), "%s", finding)
	}
	runs := 0
	for _, call := range docker.Calls(t) {
		if strings.HasPrefix(call, "run ") {
			runs++
			assert.Contains(t, call, " --label whose=mine ")
		}
	}
	assert.Equal(t, 1, runs)
}

func TestLittleRoomIsToBeMended(t *testing.T) {
	pretend(t, "1048576")
	var unwell []string
	for _, finding := range Examine(t.Context(), "busybox", nil) {
		if !finding.OK() {
			unwell = append(unwell, finding.String())
		}
	}
	if assert.Len(t, unwell, 1) {
		assert.Contains(t, unwell[0], "1.0 GB free")
		assert.Contains(t, unwell[0], "docker system df")
	}
}

func TestAFindingTellsWhatAPersonWouldType(t *testing.T) {
	pretend(t, "99999999")
	for _, finding := range Examine(t.Context(), "busybox", []string{"--label", "whose=mine"}) {
		assert.Contains(t, finding.String(), "(docker ")
		assert.NotContains(t, finding.String(), "whose=mine")
		if finding.Check == "engine" {
			assert.Equal(t, "docker version --format '{{.Server.Version}}'", finding.Command)
		}
	}
}

func TestADockerCommandThatHangsIsToBeMended(t *testing.T) {
	pretend(t, "99999999")
	patience = time.Millisecond
	defer func() { patience = 30 * time.Second }()
	findings := Examine(t.Context(), "busybox", nil, "HANGS=yes")
	assert.Len(t, findings, 9)
	for _, finding := range findings {
		assert.False(t, finding.OK(), "%s", finding)
	}
	assert.Equal(t, "no answer in 1ms", findings[0].Value)
	assert.Equal(t, "mend the engine first", findings[len(findings)-1].Mend)
}
