package doctor

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/planted"
)

// pretend puts a docker command on PATH that answers as a healthy installation does, with so many kilobytes of room on its disk; but
// for the command that BROKEN says, which fails, and for versions, of which OLD and OLD_COMPOSE say others.
func pretend(t *testing.T, kilobytes string) planted.Program {
	t.Helper()
	return planted.Put(t, "docker", `[ -z "$HANGS" ] || exec sleep 60
case "$*" in "$BROKEN") echo broken >&2; exit 1 ;; esac
case "$1 $2 $3" in
"version --format {{.Server.Version}}") echo "${OLD:-28.0.0}" ;;
"compose version --short") echo "${OLD_COMPOSE:-2.40.3}" ;;
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

func TestWhatIsMissingIsToBeMendedAndNothingElse(t *testing.T) {
	pretend(t, "99999999")
	assert.Error(t, second(composeNotTooOld("v2.23.3", nil)))
	assert.NoError(t, second(composeNotTooOld("2.24.0", nil)))
	assert.NoError(t, second(composeNotTooOld("5.0.1-desktop.1", nil)))
	for broken, check := range map[string]string{"BROKEN=--version": "docker command", "BROKEN=buildx version": "buildx",
		"BROKEN=compose version --short": "compose", "OLD_COMPOSE=2.20.3": "compose", "BROKEN=info --format {{.Driver}}": "storage driver",
		"BROKEN=info --format {{.CgroupVersion}}": "cgroup version", "OLD=20.10.24": "engine"} {
		for _, finding := range Examine(t.Context(), "busybox", nil, broken) {
			if finding.Mend == "mend the engine first" {
				continue // as the question is one to the engine
			}
			assert.Equal(t, finding.Check != check, finding.OK(), "%s: %s", broken, finding)
		}
	}
}

// A pull that doesn't begin says "not found", too, of the program that keeps passwords.
func TestWhatTheDockerCommandMissesIsNoAnswerOfTheRegistry(t *testing.T) {
	for answer, fine := range map[string]bool{
		"manifest for hello-world:there-is-no-such-tag not found":                                                true,
		"docker.io/library/hello-world:there-is-no-such-tag: not found":                                          true,
		`error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH`: false,
	} {
		assert.Equal(t, fine, second(noSuchTag("", errors.New(answer))) == nil, answer)
	}
}

func second(_ string, err error) error { return err }

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
