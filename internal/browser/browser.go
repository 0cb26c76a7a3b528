// Package browser gives lessons a real browser, Chromium without a window, in a container: it sees the networks that the
// container is attached to, as a person's browser would see the machine's.
package browser

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A Browser shows one page at a time.
type Browser struct {
	container *course.Container
	page      context.Context
}

// Open starts a browser in a network and waits until it can be told what to do. It goes when the test ends.
func Open(t *testing.T, network string) *Browser {
	t.Helper()
	b := &Browser{container: course.Run(t, image.Browser, course.Join(network, "browser"), course.Publish(0, 9222))}
	address := "http://" + b.container.Endpoint(t, 9222)
	allocator, cancelAllocator := remote.NewAllocator(t.Context(), address)
	t.Cleanup(cancelAllocator)
	course.Eventually(t, "the browser is ready", func() bool {
		b.container.MustRun(t)
		page, cancel := chromedp.NewContext(allocator)
		if chromedp.Do(page, chromedp.EmulateViewport(960, 520)) != nil {
			cancel()
			return false
		}
		b.page = page
		t.Cleanup(cancel)
		return true
	})
	return b
}

// Visit opens the page at the address.
func (b *Browser) Visit(t *testing.T, url string) {
	t.Helper()
	course.Say(t, "The browser visits %s.", url)
	ask(t, b, "visit "+url, chromedp.Navigate(url))
}

// WaitFor waits until the part of the page that the CSS selector names shows the text, and returns all that it shows.
func (b *Browser) WaitFor(t *testing.T, selector, text string) (shown string) {
	t.Helper()
	course.Eventually(t, selector+" shows "+text, func() bool {
		shown = ask(t, b, "read "+selector, chromedp.Text(selector, chromedp.NodeVisible))
		return strings.Contains(shown, text)
	})
	course.Say(t, "In the browser, %s shows:", selector)
	course.Show(t, shown)
	return shown
}

// Screenshot is a picture of the page, as a PNG file.
func (b *Browser) Screenshot(t *testing.T) (png []byte) {
	t.Helper()
	return ask(t, b, "take a picture", chromedp.CaptureScreenshot())
}

func ask[T any](t *testing.T, b *Browser, what string, action chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.page, time.Minute)
	defer cancel()
	answer, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatalf("the browser should %s: %v; its last words:\n%s", what, err, b.container.Logs(t).Output())
	}
	return answer
}
