package module05

import (
	"bytes"
	"image/png"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/browser"
	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// The third service is a page, served by nginx, which also hands on the page's requests to the APIs: the browser talks to
// one server only. A real browser, in a container of the same network, visits it, and both answers are there to read.
// When an API ends, its card says so, and when it is back, that it answers; the other one takes no notice.
func TestTheClientShowsBothAnswersInABrowser(t *testing.T) {
	network, db := startDatabase(t)
	url := course.Env("DATABASE_URL", urlFor(db))
	golang := start(t, example.APIs[0], network, url)
	start(t, example.APIs[1], network, url)
	server := course.Run(t, image.Nginx, append(example.Page(t), course.Join(network, "client-react"))...)
	server.WaitFor(t, "curl --silent --fail http://127.0.0.1:8080/ping")

	page := browser.Open(t, network)
	page.Visit(t, "http://client-react:8080/")
	for _, api := range example.APIs {
		card := page.WaitFor(t, "#"+api.Name, "Answers")
		assert.Regexp(t, `Database time\s+\d\d:\d\d:\d\d\s+\d{4}-\d\d-\d\d UTC`, card)
	}
	keep(t, "client.png", page.Screenshot(t))

	course.Docker(t, "kill", golang.Name)
	card := page.WaitFor(t, "#api-golang", "Fails")
	assert.Contains(t, card, "api-golang cannot be reached")
	course.Say(t, "The other one answers, also when both are asked again, as its newer time shows:")
	const nodesTime = "document.querySelector('#api-node time')?.dateTime"
	before := page.Evaluate(t, nodesTime)
	page.Evaluate(t, "document.querySelector('button').click()")
	course.Eventually(t, "its card has a newer time", func() bool {
		now := page.Evaluate(t, nodesTime)
		return now != nil && now != before
	})
	page.WaitFor(t, "#api-node", "Answers")
	golang.Start(t)
	page.WaitFor(t, "#api-golang", "Answers")
}

// keep checks that a screenshot is one and, when COURSE_PICTURES asks for it, keeps it beside the lesson.
func keep(t *testing.T, name string, screenshot []byte) {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(screenshot))
	require.NoError(t, err)
	course.Say(t, "What it looks like is a picture of %d by %d points.", picture.Bounds().Dx(), picture.Bounds().Dy())
	if os.Getenv("COURSE_PICTURES") != "" {
		require.NoError(t, os.WriteFile(name, screenshot, 0o644))
	}
}
