package module06

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/buildkit"
	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// A build that fails says where, with an arrow (>>>) at the line, and why. These four are the ones that everybody meets.
// None of them leaves an image behind. Mended, each of them builds.
func TestABuildThatFailsSaysWhereAndWhy(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	for _, mistake := range []struct{ name, wrong, right, says, means string }{
		{"a file that is not in the context", "FROM BASE\nCOPY setings.txt /\n", "FROM BASE\nCOPY settings.txt /\n",
			`"/setings\.txt": not found`,
			"COPY takes files from the build context, and there is none of that name: a typing error, or .dockerignore."},
		{"a command that fails", "FROM BASE\nRUN echo working && exit 3\n", "FROM BASE\nRUN echo working && exit 0\n",
			`(?s)#\d+ \d\S* working\n.*did not complete successfully: exit code: 3`,
			"RUN's command ended with that exit status. What it had written is above, here: working."},
		{"an image that does not exist", "FROM 127.0.0.1:1/no/such:image\nRUN true\n", "FROM BASE\nRUN true\n",
			`127\.0\.0\.1:1/no/such:image: failed to resolve source metadata|connection refused`,
			"FROM names an image that is neither here nor in a registry: a typing error, or the registry wants a login."},
		{"an instruction that does not exist", "FROM BASE\nCOPPY settings.txt /\n", "FROM BASE\nCOPY settings.txt /\n",
			`unknown instruction: COPPY \(did you mean COPY\?\)`,
			"A Dockerfile has only so many instructions, and BuildKit guesses which one was meant."},
	} {
		t.Run(mistake.name, func(t *testing.T) {
			tag := course.Unique(t, "mistake:")
			build := func(dockerfile string) []string {
				dockerfile = strings.Replace(dockerfile, "BASE", busybox, 1)
				context := course.Directory(t, map[string]string{"settings.txt": "a=1\n", "Dockerfile": dockerfile})
				return []string{"build", "--progress", "plain", "--tag", tag, context}
			}
			failed := engine.Showing(example.Progress).DockerFails(t, build(mistake.wrong)...)
			course.Say(t, "%s", mistake.means)
			assert.Regexp(t, mistake.says, failed.Stderr)
			assert.Contains(t, failed.Stderr, ">>>", "the line should be marked")
			engine.DockerFails(t, "image", "inspect", "--format", "{{.Id}}", tag)

			engine.Showing(example.Progress).Docker(t, build(mistake.right)...)
			engine.Docker(t, "image", "inspect", "--format", "{{.Id}}", tag)
		})
	}
}

// What was done before the step that fails is not lost: at the next try BuildKit takes it from its cache, and goes on from
// there. So a mistake at the end of a long Dockerfile costs the long part once.
func TestWhatWasDoneBeforeTheMistakeIsKeptForTheNextTry(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	above := "FROM " + engine.Ref(t, image.Busybox) + "\nRUN echo " + course.Unique(t, "long work, ") + " > /made\n"
	isCached := func(result course.Result, instruction string) bool {
		step, found := buildkit.Find(buildkit.Steps(result.Stderr), instruction)
		assert.True(t, found, "there should be a step %s", instruction)
		return step.Cached
	}
	showing, build := engine.Showing(example.Progress), []string{"build", "--progress", "plain", "-"}
	failed := showing.DockerStdinFails(t, above+"RUN cp /mad /copy\n", build...)
	assert.False(t, isCached(failed, "long work"))

	course.Say(t, "Mended, and tried again:")
	mended := showing.DockerStdin(t, above+"RUN cp /made /copy\n", build...)
	assert.True(t, isCached(mended, "long work"), "it should be done once")
	assert.False(t, isCached(mended, "cp /made"))
}

// Some mistakes fail no build: what is written still has a meaning, only not the best one. `docker build --check` reads the
// Dockerfile and names them, and builds nothing. With the line `# check=error=true` at its top, a Dockerfile insists on
// being without them.
func TestCheckNamesMistakesThatFailNoBuild(t *testing.T) {
	course.NeedsEngine(t, 27)
	busybox := course.Ref(t, image.Busybox)
	showing := course.CLI{}.Showing(example.Progress)
	tag := course.Unique(t, "checked:")
	const mistaken = "FROM BASE\nENV GREETING hello\nCMD echo $GREETING\n"
	build := func(dockerfile string, flags ...string) []string {
		dockerfile = strings.Replace(dockerfile, "BASE", busybox, 1)
		context := course.Directory(t, map[string]string{"Dockerfile": dockerfile})
		return append(append([]string{"build", "--progress", "plain", "--tag", tag}, flags...), context)
	}
	// What it found is on standard output; the numbered lines of the Dockerfile below it are left out here.
	check := course.CLI{}.Showing(func(result course.Result) string {
		return strings.Join(regexp.MustCompile(`(?m)^(Check|WARNING|"ENV|JSON).*$`).FindAllString(result.Stdout, -1), "\n")
	})
	checked := check.DockerTries(t, build(mistaken, "--check")...)
	if strings.Contains(checked.Stderr, "unknown flag: --check") {
		t.Skip("not provable here: the buildx installed here has no --check; 0.15 is the first that has")
	}
	assert.Equal(t, 1, checked.ExitCode)
	assert.Contains(t, checked.Output(), "LegacyKeyValueFormat", "ENV should be written with an equals sign")
	assert.Contains(t, checked.Output(), "JSONArgsRecommended", "CMD should be a list, so that no shell is process 1")
	course.DockerFails(t, "image", "inspect", "--format", "{{.Id}}", tag)

	course.Say(t, "As a build, it succeeds:")
	showing.Docker(t, build(mistaken)...)
	assert.Equal(t, "hello\n", course.Docker(t, "run", "--rm", tag).Stdout)
	insisting := showing.DockerFails(t, build("# check=error=true\n"+mistaken)...)
	assert.Contains(t, insisting.Stderr, "lint violation found for rules:")

	course.Say(t, "Without the mistakes, nothing is left to say:")
	const right = "# check=error=true\nFROM BASE\nENV GREETING=hello\nCMD [\"sh\", \"-c\", \"echo $GREETING\"]\n"
	assert.Contains(t, check.Docker(t, build(right, "--check")...).Stdout, "no warnings found")
	showing.Docker(t, build(right)...)
}
