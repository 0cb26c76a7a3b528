// Package osv makes ready what osv-scanner reads: an image in an archive, and lists of advisories of the lesson's own, with which it
// needs no network.
package osv

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/saved"
)

// Readable makes a file of `docker save` one that the scanner can read: it takes all layers of an image to be compressed if
// the first one is. An engine with the containerd store keeps a layer as it got it, which of an image that was loaded may be
// uncompressed, and compresses what it builds on top.
func Readable(t *testing.T, archive string) {
	t.Helper()
	changed, err := saved.Compress(archive)
	if err != nil {
		t.Fatal(err)
	}
	if changed {
		course.Say(t, "This engine saves some layers of the image compressed and others not, as their base was loaded and not pulled. "+
			"The scanner doesn't read that, so the lesson compresses all of them.")
	}
}

// List makes an advisory, in the format of OSV, the scanner's list for an ecosystem: a distribution or a language. It is
// the file ECOSYSTEM/all.zip below osv-scalibr, in the directory that OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY names.
func List(t *testing.T, directory, ecosystem, name, advisory string) {
	t.Helper()
	var content bytes.Buffer
	archive := zip.NewWriter(&content)
	file, err := archive.Create(name)
	if err == nil {
		_, err = file.Write([]byte(advisory))
	}
	if err == nil {
		err = archive.Close()
	}
	path := filepath.Join(directory, "osv-scalibr", ecosystem, "all.zip")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, content.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	course.Typed(t, "", "zip", "--filesync", "--junk-paths", path, name)
}
