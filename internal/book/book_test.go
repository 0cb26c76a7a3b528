package book

import (
	"bytes"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/proof"
)

// The run in testdata is of a few claims of modules 01, 04 and 09. In the second reading of
// TestANamedVolumeOutlivesTheContainersThatUseIt the volume was left out, so that it failed.
const brokenLesson = "testdata/broken-lesson.json"

const root = "../.."

var theBook = sync.OnceValues(func() (string, error) {
	kept, err := os.Open(brokenLesson)
	if err != nil {
		return "", err
	}
	defer kept.Close()
	run, err := proof.Read(kept)
	if err != nil {
		return "", err
	}
	var page bytes.Buffer
	err = write(&page, root, run)
	return page.String(), err
})

func pageOfBrokenLesson(t *testing.T) string {
	t.Helper()
	page, err := theBook()
	require.NoError(t, err)
	return page
}

// article is the part of the page about a claim.
func article(t *testing.T, page, anchor string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, `id="`+anchor+`"`)
	require.True(t, found, "%s should be in the book", anchor)
	article, _, found := strings.Cut(rest, "</article>")
	require.True(t, found)
	return article
}

func TestEveryClaimIsInTheBook(t *testing.T) {
	page := pageOfBrokenLesson(t)
	test := regexp.MustCompile(`(?m)^func (Test\w+)\(\w+ \*testing\.T\)`)
	files, err := filepath.Glob(root + "/module??/*_test.go")
	require.NoError(t, err)
	claims := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range test.FindAllStringSubmatch(string(content), -1) {
			claims++
			shown := article(t, page, filepath.Base(filepath.Dir(file))+"-"+found[1])
			assert.Contains(t, shown, "<div class=\"explanation\">", found[1])
			assert.Contains(t, shown, "The experiment", found[1])
		}
	}
	assert.Greater(t, claims, 200)
	assert.Equal(t, claims, strings.Count(page, "<article "))
}

func TestAFailedClaimIsAtTheTopWithAWayToItsTranscript(t *testing.T) {
	page := pageOfBrokenLesson(t)
	const anchor = "module04-TestANamedVolumeOutlivesTheContainersThatUseIt"
	const why = "should have succeeded, but its exit status is 1: cat: can&#39;t open &#39;/data/notes.txt&#39;"

	_, top, _ := strings.Cut(page, `id="top"`)
	top, _, _ = strings.Cut(top, `<h2>This run</h2>`)
	assert.Contains(t, top, "✗ 1 claim of ")
	assert.Contains(t, top, `<a href="#`+anchor+`">A named volume outlives the containers that use it</a>`)
	assert.Contains(t, top, why)
	assert.Equal(t, 1, strings.Count(top, "<li>"), "nothing else failed")

	shown := article(t, page, anchor)
	assert.Contains(t, shown, "failed</span>")
	assert.Contains(t, shown, why)
	assert.Contains(t, shown, `<span class="command">$ docker run --rm busybox:1.36 sh -c &#39;cat /data/notes.txt&#39;`)
	assert.Contains(t, shown, `<span class="output">cat: can&#39;t open &#39;/data/notes.txt&#39;: No such file or directory`+"\nexit status 1")
	assert.Contains(t, shown, `<a href="#images">busybox:1.36</a>`)
	assert.Equal(t, 1, strings.Count(shown, "storage with a life of its own"), "the explanation is not told twice")
}

func TestAProvenClaimHasItsTranscriptTimeAndImages(t *testing.T) {
	shown := article(t, pageOfBrokenLesson(t), "module04-TestEveryLanguageRunsAOneLiner")
	assert.Regexp(t, `✓</span> proven</span> <span>in \d+\.\d s`, shown)
	assert.NotContains(t, shown, "in 0.0 s", "experiments that ran in parallel have taken time")
	assert.Contains(t, shown, "<h5>python <span class=\"verdict proven\">")
	assert.Contains(t, shown, "&#39;print(sum(range(101)))&#39;")
	assert.Regexp(t, `title="sha256:[0-9a-f]{64}">sha256:[0-9a-f]{12}</code> (pulled|local|stand-in)`, shown)
}

func TestWhatCouldNotBeProvenIsListedWithItsReason(t *testing.T) {
	_, unproven, _ := strings.Cut(pageOfBrokenLesson(t), `<section id="unproven"`)
	unproven, _, _ = strings.Cut(unproven, "</section>")
	assert.Contains(t, unproven, "<h3>this engine&#39;s kernel has no AppArmor")
	assert.Contains(t, unproven, `<a href="#module09-TestAppArmorDeniesWritingTheKernelsSettings">`)
	assert.Contains(t, unproven, `<a href="#module02">`, "what did not run is told, too")
	assert.NotContains(t, unproven, "module04-TestAFileWritten")
}

func TestThePageNamesNoOutsideResource(t *testing.T) {
	page := pageOfBrokenLesson(t)
	for _, found := range regexp.MustCompile(`(?i)<(?:img|script|link|iframe|source|object|embed|audio|video)\b[^>]*`).FindAllString(page, -1) {
		for _, address := range regexp.MustCompile(`\b(?:src|href|srcset|data)="([^"]*)"`).FindAllStringSubmatch(found, -1) {
			assert.True(t, strings.HasPrefix(address[1], "data:"), "%.100s", found)
			assert.Greater(t, len(address[1]), len("data:"), "%.100s", found)
		}
	}
	assert.NotRegexp(t, `@import|url\(|sourceMappingURL`, page)
	assert.Contains(t, page, `content="default-src 'none'; img-src data:;`, "and the browser sees to it")
	assert.Equal(t, 2, strings.Count(page, "data:image/svg"), "the pictures of module06 come along")
	assert.Equal(t, 1, strings.Count(page, "data:image/png"), "and the one of module05")
}

func TestEveryLinkInThePageLeadsSomewhere(t *testing.T) {
	page := pageOfBrokenLesson(t)
	anchors := map[string]bool{}
	for _, found := range regexp.MustCompile(`\bid="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		assert.False(t, anchors[found[1]], "%s is there twice", found[1])
		anchors[found[1]] = true
	}
	for _, found := range regexp.MustCompile(`<a [^>]*href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if anchor, inside := strings.CutPrefix(found[1], "#"); inside {
			assert.True(t, anchors[anchor], "%s leads nowhere", found[1])
		} else {
			assert.Regexp(t, `^https?://`, found[1], "a relative link leads out of the page")
		}
	}
}

func TestWhatFailsOutsideOfClaimsIsAtTheTop(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, write(&out, root, proof.Recorded{
		Compiler: "1_images_test.go:3:31: undefined: nonsense\n",
		Packages: []proof.Package{
			{Name: "internal/clean", Claims: []proof.Claim{{Name: "TestOwn", Verdict: proof.Failed,
				Parts: []proof.Part{{Test: "TestOwn", Verdict: proof.Failed, Transcript: "    clean_test.go:3: not clean\n"}}}}},
			{Name: "module01", Trouble: "(does not compile)"},
			{Name: "module02", Claims: []proof.Claim{{Name: "TestThatIsNoMore", Verdict: proof.Unfinished}}},
		},
	}))
	_, top, _ := strings.Cut(out.String(), `id="top"`)
	top, _, _ = strings.Cut(top, `<h2>This run</h2>`)
	for _, want := range []string{"does not compile", "undefined: nonsense", "not clean",
		`<a href="#module02-TestThatIsNoMore">That is no more</a>`, "did not finish"} {
		assert.Contains(t, top, want)
	}
	assert.Contains(t, out.String(), `id="module02-TestThatIsNoMore"`, "a claim that is no longer in the source is shown")
}

func TestAFailedExperimentOfSeveralIsNamed(t *testing.T) {
	c := withResult(&shownClaim{Module: "module08", Test: "TestFlags"}, proof.Claim{Name: "TestFlags", Verdict: proof.Failed,
		Parts: []proof.Part{
			{Test: "TestFlags", Verdict: proof.Failed},
			{Test: "TestFlags/--init", Verdict: proof.Proven, Transcript: "    a_test.go:1: fine\n"},
			{Test: "TestFlags/--gpus_all", Verdict: proof.NotProvable, Reason: "not provable here: no such processor"},
			{Test: "TestFlags/--tty", Verdict: proof.Failed, Transcript: "    a_test.go:1: no terminal\n"},
		}}, "")
	assert.Equal(t, "--tty: no terminal", c.Why)
	assert.Equal(t, "--tty", c.Parts[0].Name, "what failed comes first")
	assert.Equal(t, []string{"no such processor"}, c.Reasons)
}

func TestCommentsStandBesideTheCodeTheyAreAbout(t *testing.T) {
	file := filepath.Join(t.TempDir(), "1_a_test.go")
	require.NoError(t, os.WriteFile(file, []byte("package p\n\n// It holds.\nfunc TestHolds(t *testing.T) {\n"+
		"\tfirst() // and stays there\n\n\t// The second\n\t// is another.\n\tsecond(`\n// no comment\n`)\n}\n\nfunc first() {}\n"), 0o644))
	claims, others, _, err := readFile(file)
	require.NoError(t, err)
	require.Len(t, claims, 1)
	assert.Equal(t, "It holds.\n", claims[0].doc)
	assert.Equal(t, []segment{
		{"", "func TestHolds(t *testing.T) {\n\tfirst() // and stays there\n\n"},
		{"The second\nis another.\n", "\tsecond(`\n// no comment\n`)\n}"},
	}, claims[0].segments)
	assert.Equal(t, []string{"first"}, others[0].names)
	assert.Contains(t, claims[0].uses, "first")
	assert.NotContains(t, claims[0].uses, "t")
}

func TestACommentsAsterisksMeanThemselves(t *testing.T) {
	shown, err := comment("`docker run` takes *_test.go, _as it is_, <b>.\n\nSecond.\n")
	require.NoError(t, err)
	assert.Equal(t, template.HTML("<p><code>docker run</code> takes *_test.go, _as it is_, &lt;b&gt;.</p>\n<p>Second.</p>\n"), shown)
}

func TestATableIsNotBroken(t *testing.T) {
	row := strings.Repeat("a cell     ", 12)
	assert.Equal(t, "table", passages(strings.Repeat("        "+row+"\n", 3), "")[0].Kind)
	assert.Equal(t, "output", passages("        "+row+"\n", "")[0].Kind)
	assert.Equal(t, "output", passages(strings.Repeat("        "+strings.Repeat("word ", 40)+"\n", 3), "")[0].Kind)
}

func TestATranscriptIsPartedByWhoSpeaks(t *testing.T) {
	assert.Equal(t, []passage{
		{"command", "$ docker volume create notes"},
		{"output", "notes"},
		{"remark", "# And now without:"},
		{"command", "$ sh -c 'echo one\necho two'"},
		{"output", "one\ntwo\nexit status 1"},
		{"command", "throwaway shop $ docker build - <<'EOF'\nFROM busybox\n$ no command\nEOF"},
		{"command", "$ docker build - <<'THE_EOF'\nCOPY <<EOF /file\nEOF\nUSER 1000\nTHE_EOF"},
		{"command", "throwaway $ true"},
		{"output", "(and so on)"},
		{"message", "a_test.go:7: it failed\n    twice"},
	}, passages("    A volume.\n    $ docker volume create notes\n        notes\n    # And now without:\n"+
		"    $ sh -c 'echo one\n    echo two'\n        one\n        two\n      exit status 1\n"+
		"    throwaway shop $ docker build - <<'EOF'\n    FROM busybox\n    $ no command\n    EOF\n"+
		"    $ docker build - <<'THE_EOF'\n    COPY <<EOF /file\n    EOF\n    USER 1000\n    THE_EOF\n    throwaway $ true\n"+
		"      (and so on)\n    a_test.go:7: it failed\n        twice\n", "A volume.\n"))
}
