package saved

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type entry struct {
	name, content string
	mode          int64
}

func archive(t *testing.T, files ...entry) []byte {
	t.Helper()
	var content bytes.Buffer
	archive := tar.NewWriter(&content)
	for _, file := range files {
		header := &tar.Header{Name: file.name, Mode: file.mode, Size: int64(len(file.content)), Typeflag: tar.TypeReg}
		require.NoError(t, archive.WriteHeader(header))
		_, err := archive.Write([]byte(file.content))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return content.Bytes()
}

// save writes an image of these layers as `docker save` would.
func save(t *testing.T, config v1.ConfigFile, layers ...[]entry) *Image {
	t.Helper()
	image, err := mutate.ConfigFile(empty.Image, &config)
	require.NoError(t, err)
	for _, files := range layers {
		content := archive(t, files...)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content)), nil
		})
		require.NoError(t, err)
		image, err = mutate.AppendLayers(image, layer)
		require.NoError(t, err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	require.NoError(t, tarball.WriteToFile(path, name.MustParseReference("example:1"), image))
	opened, err := Open(path)
	require.NoError(t, err)
	return opened
}

func TestATextIsFoundWhereverItIs(t *testing.T) {
	image := save(t, v1.ConfigFile{
		Config:  v1.Config{Env: []string{"TOKEN=hunter2", "PATH=/bin"}, Labels: map[string]string{"who": "hunter2"}},
		History: []v1.History{{CreatedBy: "RUN true", EmptyLayer: true}, {CreatedBy: "ARG T=hunter2", EmptyLayer: true}},
	}, []entry{{"./token", "xhunter2x", 0o600}, {"other", "hunter", 0o600}}, []entry{{".wh.token", "", 0}, {"hunter2", "", 0}})
	places, err := image.Search("hunter2")
	require.NoError(t, err)
	assert.Equal(t, []string{"configuration: label who", "configuration: variable TOKEN", "history: step 2",
		"layer 1: /token", "layer 2: /hunter2"}, places)
	places, err = image.Search("hunter3")
	require.NoError(t, err)
	assert.Empty(t, places)

	_, err = image.File("/token")
	assert.ErrorIs(t, err, fs.ErrNotExist, "a container would not see it")
	content, err := image.File("/other")
	require.NoError(t, err)
	assert.Equal(t, "hunter", string(content))
}

// An engine with the containerd store doesn't compress a layer that was loaded, and compresses one that it has built.
func TestEachLayerIsReadAsItWasKept(t *testing.T) {
	files := map[string][]byte{
		"plain":      archive(t, entry{"base", "hunter2", 0o644}),
		"compressed": archive(t, entry{"built", "hunter2", 0o644}),
	}
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, err := writer.Write(files["compressed"])
	require.NoError(t, errors.Join(err, writer.Close()))
	for first, second := range map[string]string{"plain": "compressed", "compressed": "plain"} {
		path := filepath.Join(t.TempDir(), "image.tar")
		config := fmt.Sprintf(`{"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%x","sha256:%x"]}}`,
			sha256.Sum256(files[first]), sha256.Sum256(files[second]))
		require.NoError(t, os.WriteFile(path, archive(t, entry{"config", config, 0o644},
			entry{"plain", string(files["plain"]), 0o644}, entry{"compressed", compressed.String(), 0o644},
			entry{"manifest.json", fmt.Sprintf(`[{"Config":"config","RepoTags":["a:1"],"Layers":[%q,%q]}]`, first, second), 0o644}),
			0o600))
		image, err := Open(path)
		require.NoError(t, err)
		places, err := image.Search("hunter2")
		require.NoError(t, err, "the first layer is %s", first)
		assert.Len(t, places, 2)
		for _, name := range []string{"base", "built"} {
			content, err := image.File(name)
			require.NoError(t, err)
			assert.Equal(t, "hunter2", string(content))
		}
		if first == "plain" {
			assert.Error(t, readByOthers(t, path))
		}
		changed, err := Compress(path)
		require.NoError(t, err)
		assert.True(t, changed)
		require.NoError(t, readByOthers(t, path))
		once, err := os.Stat(path)
		require.NoError(t, err)
		changed, err = Compress(path)
		require.NoError(t, err)
		assert.False(t, changed)
		twice, err := os.Stat(path)
		require.NoError(t, err)
		assert.True(t, os.SameFile(once, twice), "what is alike is left alone")
	}
}

// readByOthers reads all files of an archive as programs do that take all layers to be like the first.
func readByOthers(t *testing.T, archive string) error {
	image, err := tarball.ImageFromPath(archive, nil)
	require.NoError(t, err)
	layers, err := image.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err == nil {
			err = errors.Join(each(content, func(*tar.Header, io.Reader) error { return nil }), content.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func TestTheSurfaceIsWhatAContainerWouldSee(t *testing.T) {
	debian := "Package: b\nStatus: install ok installed\n\nPackage: a\nDescription: x\n Package: no\n"
	found, err := save(t, v1.ConfigFile{}, []entry{
		{"var/lib/dpkg/status", debian, 0o644}, {"usr/bin/su", "", 0o4755}, {"usr/bin/passwd", "", 0o4755},
		{"bin/bash", "", 0o755}, {"etc/bash", "", 0o644}, {"bin/id", "", 0o755},
	}, []entry{{"usr/bin/.wh.passwd", "", 0}}).Surface()
	require.NoError(t, err)
	assert.Equal(t, Surface{Files: 5, Packages: []string{"a", "b"}, Setuid: []string{"/usr/bin/su"},
		Shells: []string{"/bin/bash"}}, found)

	alpine, err := save(t, v1.ConfigFile{}, []entry{{"lib/apk/db/installed", "C:Q1\nP:musl\n\nP:busybox\n", 0o644}}).Surface()
	require.NoError(t, err)
	assert.Equal(t, []string{"busybox", "musl"}, alpine.Packages)
}

func TestWhatIsNoImageIsSaidToBeNone(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "missing.tar"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
