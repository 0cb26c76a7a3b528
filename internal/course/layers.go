package course

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FindInImage looks for a text in all of an image: in the files of every layer, deleted ones included, in the history and
// in the configuration. It returns where the text was found, each place as the part of the image and, in a layer, the file.
func FindInImage(t *testing.T, cli CLI, tag, text string) (places []string) {
	t.Helper()
	archive := filepath.Join(HostDirectory(t), "image.tar")
	cli.Docker(t, "save", "--output", archive, tag)
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if places, err = findInArchive(file, "", text); err != nil {
		t.Fatalf("looking through %s: %v", tag, err)
	}
	told := "Looked for it in all files of all layers, in the history and in the configuration: it is nowhere."
	if len(places) > 0 {
		told = "Looked for it in all of the image, and found it in " + strings.Join(places, ", and in ") + "."
	}
	Say(t, "%s", told)
	return places
}

// findInArchive looks through the files of an archive, also of one that is compressed, and of archives in it.
func findInArchive(r io.Reader, where, text string) (places []string, err error) {
	for files := tar.NewReader(r); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return places, nil
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(where+" "+header.Name, " ")
		var content io.Reader = bufio.NewReader(files)
		if start, _ := content.(*bufio.Reader).Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
			if content, err = gzip.NewReader(content); err != nil {
				return nil, err
			}
		}
		plain := bufio.NewReaderSize(content, 512)
		if start, _ := plain.Peek(262); len(start) == 262 && string(start[257:]) == "ustar" {
			inner, err := findInArchive(plain, name, text)
			if err != nil {
				return nil, err
			}
			places = append(places, inner...)
			continue
		}
		all, err := io.ReadAll(plain)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(all, []byte(text)) {
			places = append(places, name)
		}
	}
}
