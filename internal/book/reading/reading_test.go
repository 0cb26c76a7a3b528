package reading_test

import (
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/book"
	"docker-proven/internal/browser"
	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// open opens the book of a run with a broken lesson.
func open(t *testing.T) *browser.Browser {
	t.Helper()
	directory := course.HostDirectory(t)
	require.NoError(t, book.WriteFile(filepath.Join(directory, "book.html"), "../../..", "../testdata/broken-lesson.json"))
	network := course.NewNetwork(t, "library")
	course.Run(t, image.Python, course.Join(network, "shelf"), course.Volume(directory, "/shelf", "ro"),
		course.Command("python", "-m", "http.server", "--directory", "/shelf", "8080"))
	reader := browser.Open(t, network)
	course.Eventually(t, "the book is on the shelf", func() bool {
		reader.Visit(t, "http://shelf:8080/book.html")
		return reader.Evaluate(t, "document.querySelectorAll('main').length") == 1.0
	})
	return reader
}

// A learner asks in words of everyday, and the lessons say it in others: what is kept there persists, or outlives a
// container. The claims on volumes are found nevertheless, and by keyboard alone.
func TestAQuestionInEverydayWordsFindsTheClaimsOnVolumes(t *testing.T) {
	reader := open(t)
	reader.Type(t, "/")
	reader.Type(t, "how do I keep my data")
	reader.WaitFor(t, "#results", "A named volume outlives the containers that use it")
	first := reader.Evaluate(t, `[...document.querySelectorAll("#results li")].slice(0, 5).map(hit => hit.innerText).join("\n")`)
	assert.Contains(t, first, "Postgres rows outlive the container on a volume")
	assert.Contains(t, first, "A named volume outlives the containers that use it")
	assert.Contains(t, first, "✗ failed", "what is found tells its verdict")

	reader.Type(t, kb.ArrowDown)
	assert.Equal(t, true, reader.Evaluate(t, `document.activeElement === document.querySelector("#results a")`))
	reader.Type(t, kb.Escape)
	assert.Equal(t, "query", reader.Evaluate(t, "document.activeElement.id"))
	reader.Type(t, kb.Enter+kb.Enter)
	assert.Regexp(t, "^#module04-", reader.Evaluate(t, "location.hash"))
	assert.Equal(t, true, reader.Evaluate(t, `document.getElementById("hits").hidden`))
}

// The search begins when the typing pauses. Who doesn't wait for it and goes to the first hit is there afterwards, too.
func TestWhoGoesToAHitBeforeTheSearchBeginsStaysThere(t *testing.T) {
	reader := open(t)
	reader.Type(t, "/")
	reader.Type(t, "volum")
	reader.WaitFor(t, "#results", "A named volume outlives the containers that use it")
	reader.Type(t, "e"+kb.ArrowDown)
	reader.Evaluate(t, "window.began = performance.now()")
	course.Eventually(t, "half a second is over", func() bool { return reader.Evaluate(t, "performance.now() - began > 500") == true })
	assert.Equal(t, true, reader.Evaluate(t, `document.activeElement === document.querySelector("#results a")`))
}

func TestOtherQuestionsFindWhatTheyAreAbout(t *testing.T) {
	reader := open(t)
	for question, claim := range map[string]string{
		"how can I make my image smaller": "Deleting a file in a later layer does not make the image smaller",
		"where do I put a password":       "A secret is a file for those who name it",
		"my container is unhealthy":       "A health command tells whether a container is of use",
		"xyzzy":                           "",
	} {
		reader.Evaluate(t, `document.getElementById("query").value = ""; document.getElementById("query").focus()`)
		reader.Type(t, question)
		if claim == "" {
			reader.WaitFor(t, "#found", "Nothing is found")
			continue
		}
		reader.WaitFor(t, "#results", claim)
	}
}

// The page loads nothing, and shows what failed at first glance: without a step to the side on a telephone, and at the
// first look on a screen.
func TestThePageIsWholeAndFitsTheScreen(t *testing.T) {
	reader := open(t)
	assert.Equal(t, 0.0, reader.Evaluate(t, `performance.getEntriesByType("resource").length`))
	assert.Equal(t, true, reader.Evaluate(t, `[...document.images].length > 2 && [...document.images].every(i => i.naturalWidth > 0)`))
	for _, width := range []int64{390, 820, 1280} {
		reader.Resize(t, width, 800)
		assert.Equal(t, true, reader.Evaluate(t, "document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
		assert.Equal(t, true, reader.Evaluate(t,
			`document.querySelector(".alarm a").getBoundingClientRect().bottom < innerHeight`))
	}
	reader.Evaluate(t, `location.hash = "#module08-TestOneCommandStartsTheApplication"`)
	assert.Equal(t, true, reader.Evaluate(t,
		`document.querySelector(":target").getBoundingClientRect().top < innerHeight`))
}

// A screen reader moves along headings and landmarks, and reads labels.
func TestThePageHasWhatAScreenReaderGoesBy(t *testing.T) {
	reader := open(t)
	assert.Equal(t, 1.0, reader.Evaluate(t, `document.querySelectorAll("h1").length`))
	assert.Equal(t, "", reader.Evaluate(t, `(() => {
		let level = 1;
		for (const heading of document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")) {
			const next = Number(heading.tagName[1]);
			if (next > level + 1) return heading.textContent;
			level = next;
		}
		return "";
	})()`), "no level of headings should be left out")
	assert.Equal(t, true, reader.Evaluate(t, `["header", "nav[aria-label]", "main", "[role=search]"].every(s => document.querySelector(s))`))
	assert.Equal(t, "Search", reader.Evaluate(t, `document.getElementById("query").labels[0].textContent`))
	assert.Equal(t, true, reader.Evaluate(t, `[...document.images].every(i => i.alt)`))
	reader.Type(t, kb.Tab)
	assert.Equal(t, "Skip to the book", reader.Evaluate(t, "document.activeElement.textContent"))
	assert.Equal(t, true, reader.Evaluate(t, "document.activeElement.getBoundingClientRect().left >= 0"))
	reader.Type(t, kb.Enter)
	assert.Equal(t, "main", reader.Evaluate(t, "document.activeElement.id"))
}
