package module04

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// With --interactive a container reads our standard input, so a tool in an image works in the middle of a pipe
// like one that is installed.
func TestCommandLineToolsReadStandardInput(t *testing.T) {
	for _, tool := range []struct {
		name     string
		image    image.Image
		command  []string
		input    string
		expected string
	}{
		{"jq", image.JQ, []string{"-r", ".crew[1].name"}, `{"crew": [{"name": "Ada"}, {"name": "Grace"}]}`, "Grace\n"},
		{"yq", image.YQ, []string{".crew[1].name"}, "crew:\n  - name: Ada\n  - name: Grace\n", "Grace\n"},
		{"sed", image.Busybox, []string{"sed", "s/dog/whale/"}, "the quick brown dog\n", "the quick brown whale\n"},
		{"base64", image.Busybox, []string{"base64"}, "Docker", "RG9ja2Vy\n"},
	} {
		t.Run(tool.name, func(t *testing.T) {
			result := course.Once(t, tool.image, course.Interactive(), course.Piped(tool.input), course.Command(tool.command...))
			assert.Equal(t, tool.expected, result.Stdout)
		})
	}
	deaf := course.Once(t, image.Busybox, course.Piped("Docker"), course.Command("base64"))
	assert.Empty(t, deaf.Stdout, "without --interactive the input doesn't reach the container")
}

// Wrapped in a shell function, a tool in an image behaves like an installed program: it takes arguments, reads
// standard input, and sees the files of the current directory and below, because that is mounted.
func TestAShellFunctionMakesAnImageLookLikeAnInstalledProgram(t *testing.T) {
	directory := course.HostDirectory(t)
	course.Script(t, directory, `mkdir ship && echo '{"captain": "Grace"}' > ship/crew.json`)
	jq := `jq() {
  docker run --rm --interactive --volume "$PWD:/work:ro" --workdir /work ` + course.Ref(t, image.JQ) + ` "$@"
}
`
	assert.Equal(t, "Grace\n", course.Script(t, directory, jq+"jq -r .captain ship/crew.json").Stdout, "arguments and files")
	assert.Equal(t, "2\n", course.Script(t, directory, jq+"echo '[1, 2]' | jq .[1]").Stdout, "standard input")

	elsewhere := course.Directory(t, nil)
	result := course.ScriptFails(t, elsewhere, jq+"jq -r .captain ship/crew.json")
	assert.Contains(t, result.Stderr, "ship/crew.json", "in another directory there is no such file, as for any program")
}
