// Package browser gives lessons a real browser, Chromium without a window, in a container: it sees the networks that the
// container is attached to, as a person's browser would see the machine's.
package browser

import (
	"context"
	"fmt"
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

// Port is where the browser is told what to do.
const Port = 9222

// Open starts a browser in a network and waits until it can be told what to do. It goes when the test ends.
func Open(t *testing.T, network string) *Browser {
	t.Helper()
	container := course.Run(t, image.Browser, course.Join(network, "browser"), course.Publish(0, Port))
	return open(t, container, container)
}

// OpenOn is Open in the network of another container, as if on its machine: localhost is there what it is for that
// container, which has to publish Port.
func OpenOn(t *testing.T, machine *course.Container) *Browser {
	t.Helper()
	return open(t, course.Run(t, image.Browser, course.Network("container:"+machine.Name)), machine)
}

// open takes to a browser in a container, whose Port a container publishes.
func open(t *testing.T, container, published *course.Container) *Browser {
	t.Helper()
	b := &Browser{container: container}
	address := "http://" + published.Endpoint(t, Port)
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

// WaitFor waits until the part of the page that the CSS selector names shows the text, and returns all that it shows. The
// page may be loaded again in the meantime.
func (b *Browser) WaitFor(t *testing.T, selector, text string) (shown string) {
	t.Helper()
	read := chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
	course.Eventually(t, selector+" shows "+text, func() bool {
		b.container.MustRun(t)
		shown, _ = chromedp.Run(b.page, read) // an error if the page goes while it is asked
		return strings.Contains(shown, text)
	})
	course.Say(t, "In the browser, %s shows:", selector)
	course.Show(t, shown)
	return shown
}

// Evaluate is what a JavaScript expression says in the page, as JSON would have it.
func (b *Browser) Evaluate(t *testing.T, expression string) any {
	t.Helper()
	value := ask(t, b, "evaluate "+expression, chromedp.Evaluate[any](expression))
	course.Say(t, "In the browser's console:")
	course.Show(t, fmt.Sprintf("> %s\n%v", expression, value))
	return value
}

// Type types on the keyboard, wherever in the page its keys go.
func (b *Browser) Type(t *testing.T, keys string) {
	t.Helper()
	course.Say(t, "On the browser's keyboard: %q", keys)
	ask(t, b, fmt.Sprintf("take the keys %q", keys), chromedp.KeyEvent(keys))
}

// Resize gives the page another size, in pixels.
func (b *Browser) Resize(t *testing.T, width, height int64) {
	t.Helper()
	course.Say(t, "The browser's window is %d by %d now.", width, height)
	ask(t, b, "change its size", chromedp.EmulateViewport(width, height))
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
