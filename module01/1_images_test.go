package module01

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A container image holds a program together with everything the program needs. So a machine that has never seen
// Python runs Python programs, as long as it has Docker: the interpreter comes out of the image. In an image that
// has none, on the same machine, the same line finds no interpreter.
func TestAnImageBringsAnInterpreterThatTheHostNeedNotHave(t *testing.T) {
	if path, err := exec.LookPath("python"); err == nil {
		course.Say(t, "This machine has a python of its own, %s, which no container will use.", path)
	} else {
		course.Say(t, "This machine has no command named python.")
	}
	program := course.Command("python", "-c", "print('the answer is', 6 * 7)")
	with := course.Once(t, image.Python, program)
	assert.Equal(t, "the answer is 42\n", with.Stdout)

	course.Say(t, "The same program from an image in which there is no Python:")
	without := course.OnceFails(t, image.Busybox, program)
	assert.Equal(t, 127, without.ExitCode, "127 means: no such command. Does this image have Python, too?")
}

// What does a program need? The files of an operating system (without its kernel), the runtime of its language, the
// libraries it uses, and its own code. The Dockerfile in module01/ingredients makes an image of exactly these four,
// each a layer of its own, and four more images that lack one each. Only the complete one says hello.
func TestAnImageNeedsAllFourIngredientsAndEachIsALayer(t *testing.T) {
	python := "PYTHON=" + course.Ref(t, image.Python)
	whole := course.BuildDirectory(t, "whole", "ingredients", "--progress", "plain", "--build-arg", python, "--target", "whole")
	course.Say(t, "With all four ingredients the program runs:")
	assert.Equal(t, "Hello, container!\n", course.Docker(t, "run", "--rm", whole).Stdout)
	course.Say(t, "Its layers, from the lowest up: the system's files, the runtime, the library, the application.")
	complete := course.Layers(t, whole)
	require.Len(t, complete, 4, "an image of four ingredients should have four layers")

	for missing, ingredient := range []struct{ name, stage, complaint, why string }{
		{"operating system's files", "without-system", "/usr/local/bin/python: no such file or directory",
			"The interpreter is there. What isn't there is the loader that it asks for, and the C library."},
		{"language runtime", "without-runtime", "executable file.*python.*not found|python.*executable file not found",
			"Here it is the interpreter itself that isn't there."},
		{"library", "without-library", "No module named 'greetings'",
			"The interpreter starts, reads the application, and misses what the application imports."},
		{"application", "without-application", "can't open file '/application.py'",
			"Everything is ready to run a program, and there is no program."},
	} {
		course.Say(t, "Ingredient %d, the %s, left out:", missing+1, ingredient.name)
		tag := course.BuildDirectory(t, ingredient.stage, "ingredients",
			"--quiet", "--build-arg", python, "--target", ingredient.stage)
		assert.Equal(t, slices.Delete(slices.Clone(complete), missing, missing+1), course.Layers(t, tag),
			"the image should have the complete one's layers, all but the %s", ingredient.name)
		result := course.DockerFails(t, "run", "--rm", tag)
		course.Say(t, "%s", ingredient.why)
		assert.Regexp(t, ingredient.complaint, result.Output())
		assert.NotContains(t, result.Output(), "Hello")
	}
}

// An image doesn't change, so it does the same every time: five containers give one answer five times. What differs is
// only what belongs to the container and not to the image, such as its host name.
func TestEveryContainerOfAnImageGivesTheSameAnswer(t *testing.T) {
	const times = 5
	answers, hostnames := map[string]int{}, map[string]int{}
	for range times {
		result := course.Once(t, image.Busybox, course.Shell("md5sum < /bin/sh; hostname"))
		answer, hostname, _ := strings.Cut(result.Stdout, "\n")
		answers[answer]++
		hostnames[hostname]++
	}
	assert.Len(t, answers, 1, "the image's shell should be the same file in every container")
	assert.Len(t, hostnames, times, "the host name belongs to the container, so each should have its own")

	course.Say(t, "Another image brings another shell:")
	other := course.Once(t, image.Debian, course.Shell("md5sum < /bin/sh"))
	assert.NotContains(t, answers, strings.TrimSpace(other.Stdout))
}

// An image's id is a fingerprint (SHA-256) of its content. Building the same content again, from another directory,
// gives the same id; one byte more gives another. The name has no part in it: a tag is only a pointer to an id.
// (A build notes the time, which is content, too. SOURCE_DATE_EPOCH says which time to note.)
func TestAnImagesIdDependsOnItsContentAlone(t *testing.T) {
	dockerfile := "FROM " + course.Ref(t, image.Busybox) + "\nCOPY greeting /\n"
	write := func(greeting string) (directory string) {
		directory = course.Directory(t, map[string]string{"Dockerfile": dockerfile, "greeting": greeting})
		file := filepath.Join(directory, "greeting")
		course.Typed(t, "", "touch", "-t", "197001010000", file)
		require.NoError(t, os.Chtimes(file, time.Unix(0, 0), time.Unix(0, 0)))
		return directory
	}
	build := func(directory string, flags ...string) (tag, id string) {
		flags = append([]string{"--quiet", "--no-cache", "--provenance=false"}, flags...)
		tag = course.BuildDirectory(t, "greeting", directory, flags...)
		return tag, course.Docker(t, "image", "inspect", "--format", "{{.Id}}", tag).Stdout
	}
	fixed := []string{"--build-arg", "SOURCE_DATE_EPOCH=0"}

	hello := write("hello")
	tag, first := build(hello, fixed...)
	course.Say(t, "The same content in another directory:")
	_, second := build(write("hello"), fixed...)
	assert.Equal(t, first, second, "the same content should give the same id, wherever and whenever it is built")

	// One more, and not another one in its place: the BuildKit of Docker 24 takes a file for unchanged whose size and time are.
	course.Say(t, "One byte more:")
	other, changed := build(write("hello!"), fixed...)
	assert.NotEqual(t, first, changed, "one byte is enough for another id")

	course.Say(t, "Another name for the first image:")
	course.Docker(t, "tag", tag, tag+"-renamed")
	renamed := course.Docker(t, "image", "inspect", "--format", "{{.Id}}", tag+"-renamed").Stdout
	assert.Equal(t, first, renamed, "a tag points at an image and is no part of it")
	course.Docker(t, "tag", other, tag+"-renamed")
	moved := course.Docker(t, "image", "inspect", "--format", "{{.Id}}", tag+"-renamed").Stdout
	assert.Equal(t, changed, moved, "a tag can be moved to another image")

	course.Say(t, "The first content again, in a file of another time:")
	later := write("hello")
	course.Typed(t, "", "touch", "-t", "197001020000", filepath.Join(later, "greeting"))
	require.NoError(t, os.Chtimes(filepath.Join(later, "greeting"), time.Unix(86400, 0), time.Unix(86400, 0)))
	_, dated := build(later, fixed...)
	assert.NotEqual(t, first, dated, "a file's time is content, too")

	course.Say(t, "The first content again, without SOURCE_DATE_EPOCH: the build notes the time, which is content, too.")
	_, now := build(hello)
	assert.NotEqual(t, first, now)
}
