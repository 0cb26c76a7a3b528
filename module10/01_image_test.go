package module10

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Images: where they come from (build, pull, import, load), where they go to (push, save, rm, prune), and what they are
// called and made of.
var imageRows = []row{
	{"image build", "builds an image from a Dockerfile", "a container of it has the file that a step made",
		func(t *testing.T, w workbench) {
			require.False(t, w.has(t, "image", w.name))
			dockerfile := "FROM " + w.busybox + "\nRUN echo built > /made\n"
			w.doStdin(t, dockerfile, "--quiet", "--tag", w.name, "-")
			assert.Equal(t, "built\n", w.output(t, w.name, "cat", "/made"))
		}},

	{"image history", "shows the steps an image was made in", "the step of the Dockerfile is among them",
		func(t *testing.T, w workbench) {
			w.build(t, w.name, "ENV COLOUR=blue")
			const steps = "{{.CreatedBy}}"
			assert.Contains(t, w.do(t, "--no-trunc", "--format", steps, w.name).Stdout, "ENV COLOUR=blue")
			before := w.Docker(t, "history", "--no-trunc", "--format", steps, w.busybox).Stdout
			assert.NotContains(t, before, "COLOUR", "the image it was built on should lack that step")
		}},

	{"image import", "makes an image of one layer from a tar archive of files",
		"the file is in it, the command to start is not",
		func(t *testing.T, w workbench) {
			inside, _ := w.inDirectory(t, nil)
			inside.start(t, w.name, "sh", "-c", "echo kept > /made && sleep 1000")
			inside.until(t, w.name, "test -s /made")
			inside.Docker(t, "container", "export", "--output", "files.tar", w.name)
			require.False(t, inside.has(t, "image", w.name))
			inside.do(t, "files.tar", w.name)
			assert.Equal(t, "kept\n", inside.output(t, w.name, "cat", "/made"))
			assert.Equal(t, "1", inside.about(t, "image", w.name, "{{len .RootFS.Layers}}"))
			inside.Docker(t, "create", "--name", w.name+"-of-an-image-that-was-built", w.busybox)
			assert.Contains(t, inside.DockerFails(t, "create", w.name).Stderr, "no command specified")
		}},

	{"image inspect", "shows everything about an image, as JSON or by a template", "the label it was built with",
		func(t *testing.T, w workbench) {
			w.build(t, w.name, "LABEL colour=blue")
			assert.Equal(t, "blue\n", w.do(t, "--format", "{{.Config.Labels.colour}}", w.name).Stdout)
		}},

	{"image load", "brings images back from an archive of image save", "the image, removed before, is there again",
		func(t *testing.T, w workbench) {
			inside, _ := w.inDirectory(t, nil)
			inside.build(t, w.name, "LABEL row=load")
			inside.Docker(t, "image", "save", "--output", "image.tar", w.name)
			inside.Docker(t, "image", "rm", w.name)
			require.False(t, inside.has(t, "image", w.name))
			inside.do(t, "--input", "image.tar")
			assert.True(t, inside.has(t, "image", w.name))
		}},

	{"image ls", "lists images", "the image is in the list once it is built",
		func(t *testing.T, w workbench) {
			require.Empty(t, w.Docker(t, "images", "--quiet", w.name).Stdout)
			w.build(t, w.name+":blue", "LABEL row=ls")
			assert.Equal(t, w.name+" blue\n", w.do(t, "--format", "{{.Repository}} {{.Tag}}", w.name).Stdout)
		}},

	{"image prune", "removes images that have no name (dangling)",
		"the unnamed one is gone, the named one is not",
		func(t *testing.T, w workbench) {
			w = w.apart(t)
			w.build(t, w.name, "LABEL edition=named")
			unnamed := w.buildWithoutName(t, "LABEL edition=unnamed")
			require.True(t, w.has(t, "image", unnamed))
			w.do(t, "--force")
			assert.False(t, w.has(t, "image", unnamed), "the image without a name should be gone")
			assert.True(t, w.has(t, "image", w.name))
		}},

	{"image pull", "fetches an image from a registry", "the image, removed before, is there again",
		func(t *testing.T, w workbench) {
			ref := registry + "/" + w.name + ":1"
			w.build(t, ref, "LABEL row=pull")
			w.Docker(t, "image", "push", "--quiet", ref)
			w.Docker(t, "image", "rm", ref)
			require.False(t, w.has(t, "image", ref))
			w.do(t, "--quiet", ref)
			assert.True(t, w.has(t, "image", ref))
		}},

	{"image push", "sends an image to a registry", "the registry lists its tag, and didn't know it before",
		func(t *testing.T, w workbench) {
			w.build(t, registry+"/"+w.name+":blue", "LABEL row=push")
			require.NotContains(t, w.tagsInRegistry(t, w.name), "blue")
			w.do(t, "--quiet", registry+"/"+w.name+":blue")
			assert.Contains(t, w.tagsInRegistry(t, w.name), "blue")
		}},

	{"image rm", "removes names of images, and an image with its last name",
		"without one of two names it is there, without both it is gone",
		func(t *testing.T, w workbench) {
			w.build(t, w.name+":1", "LABEL row=rm")
			w.Docker(t, "tag", w.name+":1", w.name+":2")
			id := w.about(t, "image", w.name+":1", "{{.Id}}")
			w.do(t, w.name+":1")
			assert.False(t, w.has(t, "image", w.name+":1"))
			assert.True(t, w.has(t, "image", id), "it still has a name")
			w.do(t, w.name+":2")
			assert.False(t, w.has(t, "image", id))
		}},

	{"image save", "writes images with all their layers and names to an archive",
		"the archive has the image's name and its layers",
		func(t *testing.T, w workbench) {
			inside, directory := w.inDirectory(t, nil)
			inside.build(t, w.name, "LABEL row=save")
			inside.do(t, "--output", "image.tar", w.name)
			files := filesInArchive(t, filepath.Join(directory, "image.tar"))
			var contents []struct{ RepoTags, Layers []string }
			require.NoError(t, json.Unmarshal([]byte(files["manifest.json"]), &contents))
			require.Len(t, contents, 1)
			assert.Equal(t, []string{w.name + ":latest"}, contents[0].RepoTags)
			assert.NotEmpty(t, contents[0].Layers)
			for _, layer := range contents[0].Layers {
				assert.Contains(t, files, layer)
			}
		}},

	{"image tag", "gives an image another name", "both names stand for the same id",
		func(t *testing.T, w workbench) {
			require.False(t, w.has(t, "image", w.name))
			w.do(t, w.busybox, w.name)
			assert.Equal(t, w.about(t, "image", w.busybox, "{{.Id}}"), w.about(t, "image", w.name, "{{.Id}}"))
		}},
}

// tagsInRegistry is what the registry answers when it is asked for the tags of a repository.
func (w workbench) tagsInRegistry(t *testing.T, repository string) string {
	t.Helper()
	url := "http://127.0.0.1:5000/v2/" + repository + "/tags/list"
	return w.DockerTries(t, "exec", "registry", "wget", "-q", "-O", "-", url).Stdout
}

// filesInArchive are the files in a tar archive, with their contents.
func filesInArchive(t *testing.T, path string) map[string]string {
	t.Helper()
	archive, err := os.Open(path)
	require.NoError(t, err)
	defer archive.Close()
	files := map[string]string{}
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		files[header.Name] = string(content)
	}
}

// An image is built, or fetched from a registry, or taken from an archive. It may have several names, and goes with the
// last of them.
func TestEveryImageSubcommandDoesWhatTheCardSays(t *testing.T) { performAll(t, "image") }
