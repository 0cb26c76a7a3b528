// Package saved looks into an image as `docker save` writes it: its configuration, its history, and the files of every
// layer, also those that a later layer covers or deletes. It needs no engine, and nothing of the image is run.
package saved

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// An Image is one image of an archive.
type Image struct {
	image  v1.Image
	config *v1.ConfigFile
}

// Open reads what an archive says about the one image in it.
func Open(archive string) (*Image, error) {
	image, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	return &Image{asKept{image}, config}, nil
}

// asKept is an image whose layers are compressed or not, each as the engine has kept it: an engine with the containerd store
// writes them as it got them. The library goes by the first layer, and takes all others for the same.
type asKept struct{ v1.Image }

func (i asKept) Layers() ([]v1.Layer, error) {
	layers, err := i.Image.Layers()
	for n := range layers {
		layers[n] = layerAsKept{layers[n]}
	}
	return layers, err
}

type layerAsKept struct{ v1.Layer }

func (l layerAsKept) Uncompressed() (io.ReadCloser, error) {
	content, err := l.Layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReader(content)
	var files io.Reader = buffered
	if isCompressed(buffered) {
		if files, err = gzip.NewReader(buffered); err != nil {
			return nil, errors.Join(err, content.Close())
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{files, content}, nil
}

// isCompressed is whether what can be read is in the format of gzip: https://www.rfc-editor.org/rfc/rfc1952#page-6
func isCompressed(content *bufio.Reader) bool {
	start, _ := content.Peek(2)
	return bytes.Equal(start, []byte{0x1f, 0x8b})
}

// Compress compresses all layers of an archive's one image, where some are and others are not, for programs that take all to
// be like the first. It tells whether it had to.
func Compress(archive string) (changed bool, err error) {
	image, err := Open(archive)
	if err != nil {
		return false, err
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(archive) })
	if err != nil {
		return false, err
	}
	if mixed, err := isMixed(archive, manifest[0].Layers); err != nil || !mixed {
		return false, err
	}
	layers, err := image.image.Layers()
	if err != nil {
		return false, err
	}
	for n, layer := range layers {
		if layers[n], err = tarball.LayerFromOpener(layer.Uncompressed); err != nil {
			return false, err
		}
	}
	compressed, err := mutate.AppendLayers(empty.Image, layers...)
	if err == nil {
		compressed, err = mutate.ConfigFile(compressed, image.config)
	}
	if err != nil {
		return false, err
	}
	tag, err := name.NewTag(manifest[0].RepoTags[0])
	if err != nil {
		return false, err
	}
	if err := tarball.WriteToFile(archive+".compressed", tag, compressed); err != nil {
		return false, err
	}
	return true, os.Rename(archive+".compressed", archive)
}

// isMixed is whether some layers of an archive are compressed, and others are not.
func isMixed(archive string, layers []string) (bool, error) {
	file, err := os.Open(archive)
	if err != nil {
		return false, err
	}
	defer file.Close()
	kinds := map[bool]bool{}
	err = each(file, func(header *tar.Header, content io.Reader) error {
		if slices.Contains(layers, header.Name) {
			kinds[isCompressed(bufio.NewReader(content))] = true
		}
		return nil
	})
	return len(kinds) == 2, err
}

// Search says where in the image a text is: in the variables and labels of its configuration, in its history, or in
// files, by the number of the layer (from 1, the lowest) and the name there.
func (i *Image) Search(text string) (places []string, err error) {
	for _, variable := range i.config.Config.Env {
		if name, _, _ := strings.Cut(variable, "="); strings.Contains(variable, text) {
			places = append(places, "configuration: variable "+name)
		}
	}
	for name, value := range i.config.Config.Labels {
		if strings.Contains(name+value, text) {
			places = append(places, "configuration: label "+name)
		}
	}
	for n, step := range i.config.History {
		if strings.Contains(step.CreatedBy+step.Comment, text) {
			places = append(places, fmt.Sprintf("history: step %d", n+1))
		}
	}
	layers, err := i.image.Layers()
	if err != nil {
		return nil, err
	}
	for n, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			return nil, err
		}
		err = each(content, func(header *tar.Header, file io.Reader) error {
			all, err := io.ReadAll(file)
			if strings.Contains(header.Name+header.Linkname, text) || bytes.Contains(all, []byte(text)) {
				places = append(places, fmt.Sprintf("layer %d: /%s", n+1, clean(header.Name)))
			}
			return err
		})
		if err = errors.Join(err, content.Close()); err != nil {
			return nil, err
		}
	}
	slices.Sort(places)
	return places, nil
}

// File is the content of a file as a container of the image would see it.
func (i *Image) File(name string) (content []byte, err error) {
	err = i.each(func(header *tar.Header, file io.Reader) error {
		if clean(header.Name) != clean(name) {
			return nil
		}
		content, err = io.ReadAll(file)
		return errors.Join(err, io.EOF)
	})
	if err == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return content, err
}

// A Surface is what somebody who broke into a container finds there to go on with.
type Surface struct {
	Files    int
	Packages []string // of the distribution
	Setuid   []string // programs that run as their owner, whoever starts them
	Shells   []string
}

var shells = []string{"sh", "ash", "bash", "dash", "ksh", "zsh", "busybox"}

// Surface measures the image by what a container of it would see.
func (i *Image) Surface() (found Surface, err error) {
	err = i.each(func(header *tar.Header, file io.Reader) error {
		name := clean(header.Name)
		if header.Typeflag == tar.TypeDir {
			return nil
		}
		found.Files++
		if header.Typeflag == tar.TypeReg && header.FileInfo().Mode()&fs.ModeSetuid != 0 {
			found.Setuid = append(found.Setuid, "/"+name)
		}
		if base := path.Base(name); slices.Contains(shells, base) && slices.Contains(programs, path.Dir(name)) {
			found.Shells = append(found.Shells, "/"+name)
		}
		switch {
		case name == "var/lib/dpkg/status", strings.HasPrefix(name, "var/lib/dpkg/status.d/"):
			return packages(file, "Package: ", &found.Packages)
		case name == "lib/apk/db/installed", name == "usr/lib/apk/db/installed":
			return packages(file, "P:", &found.Packages)
		}
		return nil
	})
	for _, list := range [][]string{found.Packages, found.Setuid, found.Shells} {
		slices.Sort(list)
	}
	return found, err
}

// programs are the directories in which a shell would be.
var programs = []string{"bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"}

func packages(file io.Reader, prefix string, names *[]string) error {
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			*names = append(*names, name)
		}
	}
	return lines.Err()
}

// each visits the files that a container of the image would see.
func (i *Image) each(visit func(*tar.Header, io.Reader) error) error {
	content := mutate.Extract(i.image)
	defer content.Close()
	return each(content, visit)
}

func each(content io.Reader, visit func(*tar.Header, io.Reader) error) error {
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, content) // what couldn't be read is told here, after an archive that looks whole
			return err
		}
		if err == nil {
			err = visit(header, archive)
		}
		if err != nil {
			return err
		}
	}
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }
