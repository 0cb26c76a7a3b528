package standin_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A program runs from a file that is mounted and from standard input, and its exit status is the container's
// (official images: python, node, php, ruby hello-world).
func TestALanguageRunsAFileAndStandardInput(t *testing.T) {
	for _, language := range []struct {
		image               image.Image
		interpreter         string
		program, exitsWith3 string
	}{
		{image.Python, "python", "print('Hello, World!')", "import sys; sys.exit(3)"},
		{image.Node, "node", "console.log('Hello, World!')", "process.exit(3)"},
		{image.PHP, "php", `<?php echo "Hello, World!\n";`, "<?php exit(3);"},
		{image.Ruby, "ruby", "puts 'Hello, World!'", "exit 3"},
	} {
		t.Run(language.image.Ref(), func(t *testing.T) {
			file := course.File(t, "hello", language.program)
			mounted := course.Volume(filepath.Dir(file), "/src", "ro")
			fromFile := course.Once(t, language.image, mounted, course.Command(language.interpreter, "/src/hello"))
			assert.Equal(t, "Hello, World!\n", fromFile.Stdout)

			typed := course.Once(t, language.image, course.Interactive(), course.Piped(language.program),
				course.Command(language.interpreter))
			assert.Equal(t, "Hello, World!\n", typed.Stdout)

			failing := course.OnceFails(t, language.image, course.Interactive(), course.Piped(language.exitsWith3),
				course.Command(language.interpreter))
			assert.Equal(t, 3, failing.ExitCode)
		})
	}
}

// An option in place of the command is the interpreter's, where the image has an entrypoint; the images of Python and
// Ruby have none.
func TestOptionsAreTheInterpreters(t *testing.T) {
	for i, want := range map[image.Image]string{image.Node: "v", image.PHP: "PHP "} {
		t.Run(i.Ref(), func(t *testing.T) {
			assert.True(t, strings.HasPrefix(course.Once(t, i, course.Command("--version")).Stdout, want))
		})
	}
	for _, i := range []image.Image{image.Python, image.Ruby} {
		t.Run(i.Ref(), func(t *testing.T) {
			assert.Equal(t, 127, course.OnceFails(t, i, course.Command("--version")).ExitCode)
		})
	}
}

// The languages come with their standard libraries and the tools that belong to them (official images: python-imports,
// python-sqlite3, ruby-standard-libs, php's list of extensions).
func TestLanguagesComeWithTheirLibraries(t *testing.T) {
	for name, example := range map[string]struct {
		image image.Image
		line  string
	}{
		"python modules": {image.Python,
			"python -c 'import asyncio, bz2, ctypes, curses, lzma, readline, sqlite3, ssl, zlib'"},
		"python SQLite": {image.Python,
			`python -c 'import sqlite3; print(sqlite3.connect(":memory:").execute("SELECT 1").fetchone())'`},
		"pip": {image.Python, "pip --version && pip3 --version && python -m pip --version"},
		"python venv": {image.Python,
			"python -m venv /tmp/v && /tmp/v/bin/pip --version && /tmp/v/bin/python -c 'print(1)'"},
		"node modules": {image.Node,
			`node -e 'for (const m of ["crypto", "fs", "http", "https", "url", "zlib"]) require(m)'`},
		"php extensions": {image.PHP, `php -r '$missing = array_diff(` +
			`["ctype", "curl", "date", "dom", "fileinfo", "filter", "hash", "iconv", "json", "mbstring", "openssl", ` +
			`"pcre", "PDO", "pdo_sqlite", "Phar", "posix", "readline", "session", "SimpleXML", "sodium", "sqlite3", ` +
			`"tokenizer", "xml", "xmlreader", "xmlwriter", "zlib"], get_loaded_extensions()); ` +
			`print_r($missing); exit(count($missing));'`},
		"ruby libraries": {image.Ruby,
			`ruby -rjson -ropenssl -rsocket -ryaml -rzlib -rdigest -e 'puts Digest::SHA256.hexdigest("")'`},
		"ruby gems": {image.Ruby, `gem --version && bundle --version && test "$(gem env gemdir)" = /usr/local/bundle`},
	} {
		t.Run(name, func(t *testing.T) {
			course.Once(t, example.image, course.Shell(example.line))
		})
	}
	course.OnceFails(t, image.Python, course.Command("python", "-c", "import nonsense"))
}

// The image of Node has a user to run applications as.
func TestNodeHasAUserToRunAs(t *testing.T) {
	result := course.Once(t, image.Node, course.User("node"),
		course.Shell("id -u; id -g; echo $HOME; cd && touch mine && node -p 'process.getuid()'"))
	assert.Equal(t, "1000\n1000\n/home/node\n1000\n", result.Stdout)
}

// jq and yq read standard input or a file, and arguments are theirs.
func TestQueryToolsReadStandardInputAndFiles(t *testing.T) {
	mounted := course.Volume(course.Directory(t, map[string]string{
		"a.json": `{"name": "Ada", "born": [1815]}`, "a.yaml": "name: Ada\nborn: [1815]\n",
	}), "/workdir", "ro")
	for name, example := range map[string]struct {
		image   image.Image
		input   string
		command course.Option
		want    string
	}{
		"jq, standard input":                {image.JQ, `{"a": [1, 2]}`, course.Command(".a[1]"), "2\n"},
		"jq, file":                          {image.JQ, "", course.Command("--raw-output", ".name", "/workdir/a.json"), "Ada\n"},
		"yq, standard input":                {image.YQ, "a: [1, 2]\n", course.Command(".a[1]"), "2\n"},
		"yq, file in the working directory": {image.YQ, "", course.Command(".born[0]", "a.yaml"), "1815\n"},
	} {
		t.Run(name, func(t *testing.T) {
			options := []course.Option{course.Interactive(), course.Piped(example.input), mounted, example.command}
			assert.Equal(t, example.want, course.Once(t, example.image, options...).Stdout)
		})
	}
	course.OnceFails(t, image.JQ, course.Command("echo", "a"))
	course.OnceFails(t, image.YQ, course.Command("echo", "a"))
}

// The user of yq's image is nobody in particular, and not root.
func TestYqIsNotRoot(t *testing.T) {
	secret := filepath.Dir(course.File(t, "secret.yaml", "a: 1\n"))
	course.Once(t, image.YQ, course.Volume(secret, "/workdir"), course.Command(".a", "secret.yaml"))
	result := course.OnceFails(t, image.YQ, course.Volume(secret, "/workdir"),
		course.Command("--inplace", ".a = 2", "secret.yaml"))
	assert.Contains(t, result.Output(), "permission denied")
}
