package sabotage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestATestAndItsSubtestsTakeTurnsAndRareFaultsComeFirst(t *testing.T) {
	f := &findings{Tests: map[string]*test{
		"module04.TestA":   {Applies: []string{"cmd", "memory"}, Verdicts: map[string]verdict{}},
		"module04.TestB":   {Applies: []string{"cmd"}, Verdicts: map[string]verdict{}},
		"module04.TestB/x": {Applies: []string{"cmd"}, Verdicts: map[string]verdict{}},
		"module08.TestC":   {Applies: []string{"cmd"}, Verdicts: map[string]verdict{}},
	}}
	names := func(plan map[string]Fault) map[string]string {
		names := map[string]string{}
		for test, fault := range plan {
			names[test] = fault.Name
			f.Tests[test].Verdicts[fault.Name] = verdict{}
		}
		return names
	}
	t.Chdir("../..")
	which, err := choose([]string{"module04"})
	assert.NoError(t, err)
	assert.Equal(t, map[string]string{"module04.TestA": "memory", "module04.TestB": "cmd"}, names(f.next(which)))
	assert.Equal(t, map[string]string{"module04.TestA": "cmd", "module04.TestB/x": "cmd"}, names(f.next(which)))
	assert.Empty(t, f.next(which))
}

func TestWhatOnlyOneTestHasCaughtIsPlantedOnceMore(t *testing.T) {
	f := &findings{Tests: map[string]*test{
		"module04.TestA": {Verdicts: map[string]verdict{"memory": {Caught: true}, "mount": {Caught: true}, "user": {Caught: true, Again: true}}},
		"module04.TestB": {Verdicts: map[string]verdict{"memory": {}, "mount": {Caught: true}}},
	}}
	t.Chdir("../..")
	which, err := choose([]string{"module04"})
	assert.NoError(t, err)
	plan := map[string]Fault{"module04.TestB": faultNamed(t, "cmd")}
	f.again(which, plan)
	assert.Len(t, plan, 2)
	assert.Equal(t, "memory", plan["module04.TestA"].Name)

	taken := map[string]Fault{"module04.TestA/x": faultNamed(t, "cmd")}
	f.again(which, taken)
	assert.Len(t, taken, 1, "its subtest has another fault in this round")
}

func TestWhatDoesNotExistIsNotChosen(t *testing.T) {
	t.Chdir("../..")
	_, err := choose([]string{"memory", "module99"})
	assert.EqualError(t, err, "there is no module99 here")
	_, err = choose([]string{"memmory", "module04"})
	assert.ErrorContains(t, err, `there is no fault "memmory"; there are: cmd `)
}

func TestAPatternIsForOneTestAlone(t *testing.T) {
	assert.Equal(t, `^TestA$/^--env_A=\(b\|c\)$`, pattern("module04.TestA/--env_A=(b|c)"))
}

func TestAFailureIsToldByItsFirstWords(t *testing.T) {
	assert.Equal(t, "docker run should have succeeded: /tmp/… is missing",
		complaint("$ docker run x\n    container.go:12: docker run should have succeeded: /tmp/docker-proven-1/a is missing\n"))
	assert.Equal(t, `without the volume the file is not there: "a" does not contain "b"`, complaint(`$ docker run
    a_test.go:37: 
        	Error Trace:	/work/module04/a_test.go:37
        	Error:      	"a" does not contain "b"
        	Test:       	TestA
        	Messages:   	without the volume the file is not there
    a_test.go:39: 
        	Error Trace:	/work/module04/a_test.go:39
        	Error:      	Not equal
        	Messages:   	later
`))
}

func TestAFaultThatNothingNoticesIsAHole(t *testing.T) {
	f := &findings{Engine: "Docker Engine 28", Recorded: map[string]string{"module04": "today"}, Tests: map[string]*test{
		"module04.TestA":                        {Verdicts: map[string]verdict{"memory": {}, "mount": {Caught: true, Said: "no | file"}, "cmd": {Unreached: true}}},
		"module04.TestB":                        {Verdicts: map[string]verdict{"mount": {}}},
		"module08.TestFlagsX/--user_1000":       {Verdicts: map[string]verdict{"user": {Caught: true, Said: "0"}}},
		"module08.TestFlagsX/--env-file_$FILE":  {Verdicts: map[string]verdict{"env": {}}},
		"module08.TestFlagsX/--security-opt_no": {},
	}}
	for _, test := range f.Tests {
		for fault, verdict := range test.Verdicts {
			verdict.On = "2026-11-26"
			test.Verdicts[fault] = verdict
		}
	}
	f.Tests["module04.TestB"].Verdicts["mount"] = verdict{On: "2026-11-25"}
	assert.Equal(t, []string{"env", "memory"}, f.holes())
	assert.Equal(t, "2 of 4 faults were noticed by at least one claim. They were planted 5 times, each time into the "+
		"requests of one test, and 2 of these tests failed.", f.summary())
	page := f.table()
	assert.Contains(t, page, `| mount | --mount is dropped | 2 | 1 | 1 | module04.TestA: no \| file |`)
	assert.Contains(t, page, "| memory | --memory is dropped | 1 | 0 | 1 | a hole |")
	assert.Contains(t, page, `| --user\_1000 | fails | 0 | 0 |`)
	assert.Contains(t, page, `| --env-file\_$FILE | **still holds** | 0 |  |`)
	assert.Contains(t, page, "planted since 2026-11-25. Modules: module04, some of module08. Docker Engine 28.")
	assert.True(t, strings.HasPrefix(page, "# "))
}

func TestARecordingForgetsWhatIsGone(t *testing.T) {
	caught := map[string]verdict{"memory": {Caught: true}, "mount": {Caught: true}}
	f := &findings{Tests: map[string]*test{
		"module04.TestA":   {Applies: []string{"memory"}, Verdicts: maps.Clone(caught)},
		"module04.TestB":   {Applies: []string{"memory", "mount"}, Verdicts: maps.Clone(caught)},
		"module04.TestC/x": {Applies: []string{"memory", "mount"}, Verdicts: maps.Clone(caught)},
		"module08.TestD":   {Verdicts: maps.Clone(caught)},
	}}
	f.forgetGone("module04", map[string]ending{"module04.TestA": {action: "pass"}, "module04.TestC": {action: "fail"}})
	assert.Equal(t, []string{"module04.TestA", "module04.TestC/x", "module08.TestD"}, slices.Sorted(maps.Keys(f.Tests)))
	assert.Equal(t, map[string]verdict{"memory": {Caught: true}}, f.Tests["module04.TestA"].Verdicts, "it mounts nothing any more")
	assert.Len(t, f.Tests["module04.TestC/x"].Verdicts, 2, "it couldn't run")
}

func TestOfManyTestsThatCaughtAFaultTheTableQuotesSome(t *testing.T) {
	f := &findings{Tests: map[string]*test{}}
	for n := range enough + 2 {
		f.Tests[fmt.Sprintf("module04.Test%02d", n)] = &test{Verdicts: map[string]verdict{"mount": {Caught: true, Said: "words", On: "2026-11-26"}}}
	}
	page := f.table()
	assert.Contains(t, page, "| module04.Test09 | words |\n\nAnd by 2 more, whose words are in [findings.json](findings.json): module04.Test10, module04.Test11\n")
	assert.NotContains(t, page, "| module04.Test10 |")
}
