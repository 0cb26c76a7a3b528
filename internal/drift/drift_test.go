package drift

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/image"
)

// kept reads a run that was kept.
func kept(t *testing.T, file, label string) Run {
	t.Helper()
	run, err := ReadFile(file, label)
	require.NoError(t, err)
	return run
}

// written is a run of these lines, which stand for events of `go test -json`: "module01 TestA pass", for example, with what
// the test said or the attribute's value after that.
func written(t *testing.T, label string, lines ...string) Run {
	t.Helper()
	var events strings.Builder
	for _, line := range lines {
		word := strings.SplitN(line, " ", 4)
		event := `{"Package":"docker-proven/` + word[0] + `","Test":"` + word[1] + `","Action":"` + word[2] + `"`
		switch word[2] {
		case "engine", "image":
			event = strings.Replace(event, word[2], "attr", 1) + `,"Key":"` + word[2] + `","Value":"` + word[3] + `"`
		case "output":
			event += `,"Output":"    a_test.go:1: ` + word[3] + `\n"`
		}
		events.WriteString(event + "}\n")
	}
	file := filepath.Join(t.TempDir(), "run.json")
	require.NoError(t, os.WriteFile(file, []byte(events.String()), 0o644))
	return kept(t, file, label)
}

// What testdata has of two real runs: a lesson with the data directory that Postgres had until 17, written into it as lessons
// of old have it, and one of Redis that minds no version.
func TestAClaimThatOnlyTheOldImageKeepsIsShownWithBothDigests(t *testing.T) {
	var report strings.Builder
	holds := Compare(&report, kept(t, "testdata/pinned.json", ""), kept(t, "testdata/current.json", ""))
	assert.False(t, holds)
	assert.Equal(t, `## Module by module

|          | pinned                                     | current                                    |
|----------|--------------------------------------------|--------------------------------------------|
| engine   | Engine 28.5.2+dfsg4, docker command 28.2.2 | Engine 28.5.2+dfsg4, docker command 28.2.2 |
| module04 | 2 proven                                   | 1 proven, 1 failed                         |

## Claims that broke

| claim                                                 | pinned | current | tried with | holds with                                               | breaks with                                                 |
|-------------------------------------------------------|--------|---------|------------|----------------------------------------------------------|-------------------------------------------------------------|
| module04 TestPostgresRowsOutliveTheContainerOnAVolume | proven | failed  | postgres   | 15.1-alpine sha256:e6f6926c121d, stand-in from Debian 12 | 18-alpine sha256:a2427b376091, stand-in from Debian testing |

What was found instead:

- module04 TestPostgresRowsOutliveTheContainerOnAVolume, current: postgres-zyu5f never wrote "listening on IPv4"; it wrote: `+
		`Error: there is a volume or an older database at /var/lib/postgresql/data, but from version 18 on the data is in `+
		`/var/lib/postgresql/18/docker. Mount the volume at /var/lib/postgresql instead; pg_upgrade brings an older database along.

## Image by image

| image    | pinned                                                   | current                                                     |
|----------|----------------------------------------------------------|-------------------------------------------------------------|
| postgres | 15.1-alpine sha256:e6f6926c121d, stand-in from Debian 12 | 18-alpine sha256:a2427b376091, stand-in from Debian testing |
| redis    | 7.0-alpine sha256:b82f4a515eac, stand-in from Debian 12  | 8-alpine sha256:eb503c601ffa, stand-in from Debian testing  |

## Known differences

- **postgres**: from 18 on its volume is /var/lib/postgresql, and no longer /var/lib/postgresql/data; the lessons ask the `+
		`image where its data is (module04 TestPostgresRowsOutliveTheContainerOnAVolume: proven with pinned, failed with current)
`, report.String())

	report.Reset()
	pinned := kept(t, "testdata/pinned.json", "pinned")
	assert.True(t, Compare(&report, pinned, pinned))
	assert.Contains(t, report.String(), "None: what could be tried holds.")
	assert.Contains(t, report.String(), "The same wherever they were used:\n\n- postgres:15.1-alpine sha256:e6f6926c121d")
}

func TestEnginesAreComparedModuleByModule(t *testing.T) {
	old := written(t, "old",
		"module01 TestA run", "module01 TestA engine Docker Engine 26.1.5 (API 1.45, docker command 26.1.4) on Debian",
		"module01 TestA image redis:7 sha256:aa pulled", "module01 TestA output unknown flag: --timeout", "module01 TestA fail",
		"module01 TestB run", "module01 TestB output not provable here: needs cgroup v2", "module01 TestB skip",
		"module02 TestC run")
	today := written(t, "today",
		"module01 TestA run", "module01 TestA engine Docker Engine 28.5.2 (API 1.51, docker command 28.5.1) on Debian",
		"module01 TestA image redis:7 sha256:aa pulled", "module01 TestA pass",
		"module01 TestB run", "module01 TestB pass",
		"internal/x TestOwn run", "internal/x TestOwn output is red", "internal/x TestOwn fail")
	var report strings.Builder
	assert.False(t, Compare(&report, old, today))
	for _, part := range []string{
		"| engine   | Engine 26.1.5, docker command 26.1.4 | Engine 28.5.2, docker command 28.5.1 |\n" +
			"| module01 | 1 failed, 1 not provable             | 2 proven                             |\n" +
			"| module02 | 1 did not finish                     | did not run                          |\n",
		"| module01 TestA     | failed         | proven      | engine     | Engine 28.5.2, docker command 28.5.1 | Engine 26.1.5, docker command 26.1.4 |\n",
		"| internal/x TestOwn | did not run    | failed      |",
		"| module02 TestC     | did not finish | did not run |",
		"- module01 TestA, old: unknown flag: --timeout\n",
		"- module01 TestB, not with old: needs cgroup v2\n",
		"- redis:7 sha256:aa\n",
	} {
		assert.Contains(t, report.String(), part)
	}
}

func TestAPackageThatDoesNotCompileIsBroken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"Action":"fail","Package":"docker-proven/module05","FailedBuild":"x"}`+"\n"), 0o644))
	var report strings.Builder
	assert.False(t, Compare(&report, kept(t, file, "tonight")))
	assert.Contains(t, report.String(), "| module05 | does not compile |")
	assert.Contains(t, report.String(), "- module05, tonight: does not compile\n")
}

// In the nightly run, the file that remembers goes from one night to the next.
func TestABrokenClaimIsShownWithTheDigestThatItHeldWithLast(t *testing.T) {
	memory := filepath.Join(t.TempDir(), "held.json")
	tonight := func(lines ...string) string {
		var report strings.Builder
		require.NoError(t, Since(&report, written(t, "tonight", lines...), memory))
		return report.String()
	}
	claim := func(digest string, more ...string) []string {
		lines := []string{"module04 TestA run", "module04 TestA image redis:7 sha256:" + digest + " pulled"}
		for _, line := range more {
			lines = append(lines, "module04 TestA "+line)
		}
		return lines
	}
	const never, changed, unchanged = "| never seen to hold | redis      |            | 7 sha256:aa |",
		"| redis      | 7 sha256:bb | 7 sha256:cc |", "| redis      | 7 sha256:bb | 7 sha256:bb |"

	report := tonight(claim("aa", "output is empty", "fail")...)
	assert.Contains(t, report, never)
	assert.Contains(t, report, "- module04 TestA: is empty\n")
	assert.Contains(t, tonight(claim("bb", "pass")...), "None: what could be tried holds.")
	for range 2 { // what it held with is not forgotten while it is broken
		report = tonight(claim("cc", "fail")...)
		assert.Contains(t, report, changed)
		assert.NotContains(t, report, "never")
	}
	assert.Contains(t, tonight(claim("bb", "fail")...), unchanged)
	assert.Contains(t, tonight(claim("bb", "output not provable here: no registry", "skip")...),
		"## Claims that are no longer provable here\n\n- module04 TestA: no registry (it was proven on ")

	require.NoError(t, os.WriteFile(memory, []byte("<html>"), 0o644))
	assert.ErrorContains(t, Since(&strings.Builder{}, written(t, "tonight", claim("aa", "pass")...), memory), "remove it to begin anew")
}

func TestWhatTwoImagesSayDifferentlyIsTold(t *testing.T) {
	old, today := new(dockerspec.DockerOCIImageConfig), new(dockerspec.DockerOCIImageConfig)
	old.Volumes = map[string]struct{}{"/data": {}}
	old.Env, today.Env = []string{"SAME=1", "VERSION=17"}, []string{"SAME=1", "VERSION=18"}
	today.User, today.Cmd = "postgres", []string{"postgres", "-c"}
	assert.Equal(t, [][]string{
		{"postgres", "command", "", "postgres -c"},
		{"postgres", "user", "", "postgres"},
		{"postgres", "variable VERSION", "17", "18"},
		{"postgres", "volumes", "/data", ""},
	}, differences("postgres", contract(old), contract(today)))
}

// A difference that is explained names a test, so that the explanation can't outlive what it explains.
func TestEachKnownDifferenceNamesATestThatThereIs(t *testing.T) {
	for _, known := range image.KnownDifferences {
		files, err := filepath.Glob(filepath.Join("..", "..", known.Module, "*_test.go"))
		require.NoError(t, err)
		var sources strings.Builder
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			sources.Write(content)
		}
		assert.Contains(t, sources.String(), "\nfunc "+known.Claim+"(t *testing.T)", known.Of)
	}
}
