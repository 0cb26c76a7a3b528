package module09

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// An image is all of its layers. A file that one step copies and a later one deletes is hidden from containers, and is
// still in the image: whoever can pull that can take the layers apart. `docker save` writes them to a file.
func TestASecretThatALaterStepDeletesIsStillInTheImage(t *testing.T) {
	secret := course.Secret(t)
	directory := course.Directory(t, map[string]string{"token": secret, "Dockerfile": "FROM " + course.Ref(t, image.Busybox) + `
COPY token /token
RUN sha256sum /token > /used
RUN rm /token
`})
	leaky := course.BuildDirectory(t, "leaky", directory)
	course.DockerFails(t, "run", "--rm", leaky, "cat", "/token")

	course.Say(t, "No container sees it. Whoever has the image looks into its layers:")
	found := search(t, leaky, secret)
	require.Len(t, found, 1)
	assert.Regexp(t, `^layer \d+: /token$`, found[0])
}

// What is passed as a build argument is in the image's history, for everyone who asks `docker history`. What is an
// environment variable is in its configuration as well, and in every container.
func TestASecretInAnArgumentOrAVariableIsThereForEveryoneToRead(t *testing.T) {
	secret := course.Secret(t)
	argument := course.Unique(t, "argument:")
	course.DockerStdin(t, "FROM "+course.Ref(t, image.Busybox)+`
ARG TOKEN
RUN echo $TOKEN | sha256sum > /used
`, "build", "--quiet", "--tag", argument, "--build-arg", "TOKEN="+secret, "-")
	history := course.Docker(t, "history", "--no-trunc", "--format", "{{.CreatedBy}}", argument)
	assert.Contains(t, history.Stdout, secret)
	found := search(t, argument, secret)
	require.NotEmpty(t, found)
	assert.Regexp(t, "^history: step ", found[0])

	variable := course.BuildQuietly(t, "variable", "FROM "+course.Ref(t, image.Busybox)+`
ENV TOKEN=`+secret+`
`)
	assert.Contains(t, course.Docker(t, "run", "--rm", variable, "env").Stdout, "TOKEN="+secret)
	assert.Contains(t, search(t, variable, secret), "configuration: variable TOKEN")
}

// A build secret is there for one step, as a file that is no part of any layer. The step has used it, as its checksum
// proves; but in the layers, the history and the configuration of the image there is no trace of it. Nor is there
// one in the key of the build cache: a changed secret alone doesn't run the step again, and --no-cache does.
func TestABuildSecretIsNowhereInTheImage(t *testing.T) {
	secret := course.Secret(t)
	id := course.Unique(t, "token-") // with which nobody else has performed this step
	directory := course.Directory(t, map[string]string{"token": secret, "Dockerfile": "FROM " + course.Ref(t, image.Busybox) + `
RUN --mount=type=secret,id=` + id + ` sha256sum /run/secrets/` + id + ` > /used
`, ".dockerignore": "token\n"})
	file := filepath.Join(directory, "token")
	build := func(flags ...string) (tag, used string) {
		tag = course.BuildDirectory(t, "tight", directory, append(flags, "--secret", "id="+id+",src="+file)...)
		return tag, course.Docker(t, "run", "--rm", tag, "cat", "/used").Stdout
	}
	checksum := func() string {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		return fmt.Sprintf("%x", sha256.Sum256(content))
	}
	tight, used := build()
	assert.Contains(t, used, checksum(), "the step should have had the secret")
	assert.Empty(t, search(t, tight, secret), "the image should hold no trace of it")
	assert.Len(t, search(t, tight, used[:20]), 1, "what is in the image, the search finds")

	course.Say(t, "Another secret in the file: the step is taken from the cache, unless --no-cache says otherwise.")
	course.WriteHostFile(t, file, course.Secret(t))
	_, cached := build()
	assert.Equal(t, used, cached, "the step should not have run again")
	_, anew := build("--no-cache")
	assert.Contains(t, anew, checksum())
}

// search takes an image apart and says where in it a text is.
func search(t *testing.T, tag, text string) (places []string) {
	t.Helper()
	archive, contents := open(t, tag)
	places, err := contents.Search(text)
	require.NoError(t, err)
	course.Say(t, "Looking for it in the configuration, the history and every layer of %s:", archive)
	for _, place := range places {
		course.Show(t, place)
	}
	if len(places) == 0 {
		course.Show(t, "(nowhere)")
	}
	return places
}
