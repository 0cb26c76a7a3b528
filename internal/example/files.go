package example

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// File is a file that runs, builds or deploys the application, with the images that this run of the course has in place of
// those named there, and with the directory where that image of Postgres keeps its data.
func File(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	named := []image.Image{image.Postgres, image.Busybox, image.OSVScanner}
	for _, service := range Services {
		named = append(named, service.Bases...)
	}
	for _, i := range named {
		if i.Ref() == i.Pinned {
			continue
		}
		whole := regexp.MustCompile(regexp.QuoteMeta(i.Pinned) + `($|[\s"])`) // node:22 is not the beginning of node:22-slim
		text = whole.ReplaceAllString(text, i.Ref()+"${1}")
	}
	if directory := "/var/lib/postgresql/data"; image.Postgres.Ref() != image.Postgres.Pinned && strings.Contains(text, directory) {
		text = strings.ReplaceAll(text, directory, course.DataDirectory(t, image.Postgres))
	}
	return text
}
