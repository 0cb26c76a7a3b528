package proof

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAKeptRunIsReadClaimByClaim(t *testing.T) {
	inModule(t, map[string]string{
		"module01/a_test.go": failing,
		"module03/a_test.go": exiting,
		"module04/a_test.go": "package p\nimport \"testing\"\nfunc TestTypo(t *testing.T) { undefined() }\n",
		"module05/a_test.go": "package p\nimport (\"os\"; \"testing\")\nfunc TestMain(*testing.M) { println(\"no engine\"); os.Exit(1) }\n",
		"module10/a_test.go": skipping,
	})
	var kept bytes.Buffer
	Run(t.Context(), nil, io.Discard, &kept)

	run, err := Read(&kept)
	require.NoError(t, err)
	packages := map[string]Package{}
	claims := map[string]Claim{}
	for _, p := range run.Packages {
		packages[p.Name] = p
		for _, c := range p.Claims {
			claims[c.Name] = c
		}
	}
	verdicts := map[string]Verdict{}
	for name, claim := range claims {
		verdicts[name] = claim.Verdict
	}
	assert.Equal(t, map[string]Verdict{
		"TestBroken": Failed, "TestFine": Proven, "TestExits": Unfinished, "TestElsewhere": NotProvable,
		"TestVariants": Proven, "TestNoVariant": NotProvable, "TestSilent": NotProvable,
	}, verdicts)

	broken := claims["TestBroken"]
	require.Len(t, broken.Parts, 2)
	assert.Equal(t, "    a_test.go:11: first step\n    a_test.go:13: last step\n", broken.Parts[0].Transcript)
	assert.Equal(t, "TestBroken/inside", broken.Parts[1].Test)
	assert.Equal(t, Failed, broken.Parts[1].Verdict)
	assert.Equal(t, "    a_test.go:12: expected this\n", broken.Parts[1].Transcript)
	assert.Equal(t, []Image{{"redis:7.0-alpine", "sha256:0123456789abcdef", "pulled"}}, broken.Images)

	assert.Equal(t, "not provable here: needs cgroup v1, which is absent", claims["TestElsewhere"].Reason)
	assert.Equal(t, "needs cgroup v2, which is absent", claims["TestNoVariant"].Reason)
	assert.Equal(t, "no reason given", claims["TestSilent"].Reason)
	assert.Equal(t, "(does not compile)", packages["module04"].Trouble)
	assert.Contains(t, run.Compiler, "undefined: undefined")
	assert.Equal(t, "(failed outside of its tests)", packages["module05"].Trouble)
	assert.Equal(t, "no engine\n", packages["module05"].Said)
	assert.False(t, run.Began.IsZero())
	assert.False(t, run.Ended.Before(run.Began))
}

func TestARunThatWasCutOffHasUnfinishedClaims(t *testing.T) {
	run, err := Read(strings.NewReader(`{"Action":"run","Package":"docker-proven/module01","Test":"TestA"}
{"Action":"output","Package":"docker-proven/module01","Test":"TestA","Output":"so far\n"}
{"Action":"out`))
	require.NoError(t, err)
	assert.Equal(t, Unfinished, run.Packages[0].Claims[0].Verdict)
	assert.Equal(t, "so far\n", run.Packages[0].Claims[0].Parts[0].Transcript)

	_, err = Read(strings.NewReader("ok  docker-proven/module01 3 s\n"))
	assert.ErrorContains(t, err, "no output of `go test -json`")
}

func TestTheLongestWaitOfAClaimTellsWhatForIt(t *testing.T) {
	at := func(second int, action, test, output string) string {
		line, err := json.Marshal(event{Time: time.Unix(int64(second), 0), Action: action, Package: module + "/module01",
			Test: test, Output: output})
		require.NoError(t, err)
		return string(line) + "\n"
	}
	longest := func(events ...string) Wait {
		run, err := Read(strings.NewReader(strings.Join(events, "")))
		require.NoError(t, err)
		return run.Packages[0].Claims[0].Wait
	}
	begin := []string{at(0, "run", "TestA", ""), at(0, "output", "TestA", "=== RUN   TestA\n"), at(0, "pause", "TestA", ""),
		at(100, "cont", "TestA", ""), at(100, "output", "TestA", "    What it teaches.\n")}
	for want, events := range map[Wait][]string{
		{3 * time.Second, "docker pull x"}: {at(101, "output", "TestA", "    throwaway here $ docker pull x\n"),
			at(104, "output", "TestA", "        done\n"), at(106, "output", "TestA", "--- PASS: TestA (6.00s)\n")},
		{4 * time.Second, "docker wait y"}: {at(101, "output", "TestA", "    $ docker wait y\n"),
			at(101, "output", "TestA", "      (again and again, until it succeeds)\n"), at(105, "output", "TestA", "    0\n")},
		{5 * time.Second, "what it does after docker ps"}: {at(101, "output", "TestA", "    $ docker ps\n"),
			at(101, "output", "TestA", "        NAMES\n"), at(106, "output", "TestA", "    # It was slow.\n")},
		{6 * time.Second, "removing what it has made"}: {at(106, "output", "TestA", "--- PASS: TestA (6.00s)\n")},
		{2 * time.Second, "removing what it has made"}: {at(100, "run", "TestA/b", ""), at(101, "output", "TestA/b", "    $ docker run z\n"),
			at(103, "output", "TestA/b", "    --- PASS: TestA/b (3.00s)\n"), at(104, "output", "TestA", "--- PASS: TestA (4.00s)\n")}, // and not what the test waits for its subtest
		{8 * time.Second, "docker run p"}: {at(100, "run", "TestA/b", ""), at(101, "output", "TestA/b", "    $ docker run p\n"),
			at(109, "output", "TestA/b", "        done\n"), at(110, "output", "TestA", "    # All of it is done.\n")},
	} {
		got := longest(append(slices.Clone(begin), append(events, at(200, "pass", "TestA", ""))...)...)
		assert.Equal(t, want, got)
	}
}

func TestBuildsAreKnownFromOtherCommands(t *testing.T) {
	for _, command := range []string{"docker build --tag a .", "docker buildx bake", "tar c . | docker image build -", "docker compose build",
		"docker compose --file a.yaml up --detach --build", "docker compose up --build"} {
		assert.Regexp(t, building, command)
	}
	for _, command := range []string{"docker builder prune", "docker compose up", "docker run build", "docker compose ps | grep build"} {
		assert.NotRegexp(t, building, command)
	}
}
