// Package module09 is the lesson on container security: what an image should not hold, how one finds out, who vouches for
// it; and, for each defence of a running container, the attack that it stops.
package module09

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
	"docker-proven/internal/saved"
)

func TestMain(m *testing.M) { course.Main(m) }

// build builds one of the images of module09/tokens: target is how much is around the two programs, and version is the
// version of the library in them.
func build(t *testing.T, target, version string) (tag string) {
	t.Helper()
	return course.BuildDirectory(t, "tokens", "tokens", "--quiet", "--target", target, "--build-arg", "JWT="+version,
		"--build-arg", "GOLANG="+course.Ref(t, image.Golang), "--build-arg", "DEBIAN="+course.Ref(t, image.Debian))
}

// save writes an image to a file of the host, which goes when the test ends.
func save(t *testing.T, tag string) (archive string) {
	t.Helper()
	archive = filepath.Join(course.HostDirectory(t), "image.tar")
	t.Cleanup(func() { os.Remove(archive) })
	course.Docker(t, "save", "--output", archive, tag)
	return archive
}

// open saves an image, and opens the file.
func open(t *testing.T, tag string) (archive string, found *saved.Image) {
	t.Helper()
	archive = save(t, tag)
	found, err := saved.Open(archive)
	require.NoError(t, err)
	return archive, found
}

// write makes a file of the host that the learner isn't shown.
func write(t *testing.T, content []byte, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, content, 0o755))
	return file
}
