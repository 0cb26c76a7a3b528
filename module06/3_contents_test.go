package module06

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// What a program is made with is not what it runs with. A Dockerfile with several stages makes the program in one and
// copies it into another; only the last stage becomes the image. In the image of the Go API there is then no compiler,
// no shell, nothing but the program: nothing to pull that isn't needed, and nothing for an intruder to work with.
func TestInTheLastStageThereIsNoCompilerAndNoShell(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	const oneStage, twoStages = 2, 3
	one := example.APIGolang.Build(t, engine, oneStage)
	programs := []struct{ name, argument string }{{"go", "version"}, {"sh", "-c true"}}
	run := func(program, tag, arguments string) []string {
		return append([]string{"run", "--rm", "--entrypoint", program, tag}, strings.Fields(arguments)...)
	}
	course.Say(t, "In the image with the workshop there are Go and a shell:")
	for _, program := range programs {
		engine.Docker(t, run(program.name, one, program.argument)...)
	}
	list := "docker run --rm --interactive " + engine.Ref(t, image.Busybox) + " tar -t -v -f -" // not every system's tar has these columns
	for step := twoStages; step <= example.APIGolang.Last; step++ {
		course.Say(t, "Without it, in the image of step %d, there is neither:", step)
		tag := example.APIGolang.Build(t, engine, step)
		for _, program := range programs {
			refused := engine.DockerFails(t, run(program.name, tag, program.argument)...)
			assert.Equal(t, 127, refused.ExitCode)
			assert.Contains(t, refused.Stderr, "executable file not found")
		}
		course.Say(t, "All its files:")
		files := engine.Script(t, `id=$(docker create `+tag+`)
docker export $id | `+list+` | grep -v '^d' | awk '$3 > 0 { print $6 }'
docker rm $id > /dev/null`)
		assert.Equal(t, "api-golang\n", files.Stdout, "the program should be the only file that is not empty")
	}
}

// Unless an image says otherwise, its program runs as root, and an intruder who takes it over may change whatever is in
// the container, the program included. USER makes it somebody else, in a group of no importance. A numeric user needs no
// entry in a list of users, which the empty image has not. To see what that user may do, the lesson brings a program of its
// own along, on a volume.
func TestTheLastImagesRunAsAUserWhoCannotWriteToTheRootDirectory(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	tools := course.Unique(t, "tools-")
	course.Say(t, "This busybox needs no library, so that it runs in an image that has none, or others:")
	engine.Docker(t, "run", "--rm", "--volume", tools+":/tools", engine.Ref(t, image.BusyboxStatic), "cp", "/bin/busybox", "/tools/")
	touching := func(tag string) []string {
		const script = `/tools/busybox id -u; /tools/busybox id -g
/tools/busybox find /api-golang /app /usr/share/nginx/html 2> /dev/null | while read file; do
  if [ -w "$file" ]; then echo may be written; else echo is read-only; fi
done | /tools/busybox sort -u
/tools/busybox touch /written`
		return []string{"run", "--rm", "--volume", tools + ":/tools", "--entrypoint", "/tools/busybox", tag, "sh", "-c", script}
	}
	for _, sequence := range []struct {
		service  example.Service
		lastRoot int // the last step whose image runs as root; of the page's, none does that has nginx
	}{{example.APIGolang, 3}, {example.APINode, 4}, {example.Client, 1}} {
		t.Run(sequence.service.Name, func(t *testing.T) {
			before := sequence.service.Build(t, engine, sequence.lastRoot)
			assert.Equal(t, "0\n0\nmay be written\n", engine.Docker(t, touching(before)...).Stdout)

			for _, step := range []int{sequence.lastRoot + 1, sequence.service.Last} {
				refused := engine.DockerFails(t, touching(sequence.service.Build(t, engine, step))...)
				assert.Regexp(t, `^[1-9]\d*\n[1-9]\d*\nis read-only\n$`, refused.Stdout)
				assert.Contains(t, refused.Stderr, "Permission denied")
			}
		})
	}
}

// Tools for development, such as a linter, come with files that production never runs, and that may have
// weaknesses all the same. npm ci --omit=dev leaves them out; what the application needs is there. NODE_ENV tells it that
// this is production. The last step copies the source code alone, so that its tests stay behind, too.
func TestAProductionInstallCarriesNoDevelopmentDependencies(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	installed := func(step int) []string {
		tag := example.APINode.Build(t, engine, step)
		return strings.Fields(engine.Docker(t, "run", "--rm", tag, "ls", "node_modules").Stdout)
	}
	all, production := installed(3), installed(4)
	assert.Contains(t, all, "oxlint")
	assert.NotContains(t, production, "oxlint")
	assert.Contains(t, production, "express")
	assert.NotContains(t, installed(5), "oxlint")
	assert.NotContains(t, installed(example.APINode.Last), "oxlint")

	course.Say(t, "npm's own word: what is there that only development needs?")
	onlyForDevelopment := func(step int) string {
		return engine.Docker(t, "run", "--rm", example.APINode.Build(t, engine, step), "npm", "query", ".dev", "--no-update-notifier").Stdout
	}
	assert.Contains(t, onlyForDevelopment(3), `"name": "oxlint"`)
	assert.Equal(t, "[]\n", onlyForDevelopment(4))

	course.Say(t, "What a program is told of production, and what is beside it:")
	show := func(step int) (lines []string) {
		script := "echo ${NODE_ENV:-nothing}; ls -A"
		return strings.Fields(engine.Docker(t, "run", "--rm", example.APINode.Build(t, engine, step), "sh", "-c", script).Stdout)
	}
	assert.Equal(t, "nothing", show(3)[0])
	assert.Equal(t, "production", show(4)[0])
	everything := []string{"production", "node_modules", "package-lock.json", "package.json", "src", "test"}
	assert.Equal(t, everything, show(5))
	assert.Equal(t, everything[:len(everything)-1], show(example.APINode.Last), "without the tests")
}

// What an application needs is written down twice: in package.json, which versions would do, and in package-lock.json, which
// ones it was tested with. When the two disagree, as after an edit of one of them, npm install chooses anew, and the image has
// what nobody has tested. npm ci refuses.
func TestNpmCiRefusesListsThatDisagree(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	const install, ci = 1, 2
	disagrees := regexp.MustCompile(`npm error Invalid: lock file's pino@\S+ does not satisfy pino@.*`)
	source := example.APINode.Copy(t)
	course.EditHostFile(t, filepath.Join(source, "package.json"), `"pino": "^10.`, `"pino": "^9.`)
	for step := ci; step <= example.APINode.Last; step++ {
		refused := engine.Showing(func(result course.Result) string { return disagrees.FindString(result.Stderr) }).
			DockerFails(t, append(example.APINode.Prepare(t, engine, step), source)...)
		assert.Regexp(t, disagrees, refused.Stderr, "step %d should be refused for that reason", step)
	}

	course.Say(t, "The step before these takes npm install:")
	tag := course.Unique(t, "disagreeing:")
	example.APINode.BuildFrom(t, engine, install, source, "--tag", tag)
	chosen := engine.Docker(t, "run", "--rm", tag, "node", "--print", "require('pino/package.json').version").Stdout
	assert.Regexp(t, `^9\.`, chosen, "another one than the lock file says")
}

// The page's image holds the files for the browser and nginx, and nothing else: no Node, no libraries, no source code.
// Which files are there that are not in nginx's own image?
func TestThePagesImageHoldsStaticFilesAndNginxAlone(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	files := func(tag string) []string {
		const list = "find / -xdev -type f ! -path '/etc/host*' ! -path /etc/resolv.conf ! -path '/proc/*' ! -path '/sys/*'"
		result := engine.Showing(func(course.Result) string { return "" }).Docker(t,
			"run", "--rm", "--user", "0", "--entrypoint", "sh", tag, "-c", list)
		return strings.Fields(result.Stdout)
	}
	added := func(step int) (paths []string) {
		tag := example.Client.Build(t, engine, step)
		own := map[string]bool{}
		for _, path := range files(engine.Ref(t, image.Nginx)) {
			own[path] = true
		}
		for _, path := range files(tag) {
			if !own[path] && path != "/usr/share/nginx/html/index.html" {
				paths = append(paths, path)
			}
		}
		return paths
	}
	last := added(example.Client.Last)
	course.Say(t, "Besides nginx's own, and the index.html that takes the place of nginx's:")
	course.Show(t, strings.Join(last, "\n"))
	assert.NotEmpty(t, last, "the page should be in the image")
	allowed := regexp.MustCompile(`^(/usr/share/nginx/html/(assets/[^/]+\.(js|css)|favicon\.svg)|/etc/nginx/templates/default\.conf\.template)$`)
	others := slices.DeleteFunc(last, allowed.MatchString)
	assert.Empty(t, others[:min(len(others), 10)], "of %d files that nobody needs there, the first ones", len(others))
	course.Say(t, "And in the image of the step before there was an nginx: thousands of files.")
	assert.Greater(t, len(added(1)), 1000, "the development server's image should hold Node and all libraries")
}

// COPY . . takes all files of the context, also those that have no business in an image: a node_modules made for another
// system, the history, files with passwords. What .dockerignore lists is not even sent to BuildKit. Its patterns are not
// those of .gitignore: each begins at the top of the context, and only one that begins with **/ is for any directory.
func TestDockerignoreKeepsFilesOutOfTheImage(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	left := map[string][]string{ // by tools, beside the source code of a service
		"api-golang":   {"api-golang"},
		"api-node":     {"coverage/index.html", "node_modules/left-over/index.js"},
		"client-react": {"coverage/index.html", "dist/index.html", "node_modules/left-over/index.js"},
	}
	unwantedIn := func(service example.Service, source string) (paths []string) {
		paths = []string{".env", ".env.production", "src/.env", ".git/HEAD", "README.md", "docs/notes.md"}
		paths = append(paths, left[service.Name]...)
		for _, path := range paths {
			file := filepath.Join(source, path)
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			course.WriteHostFile(t, file, "not for everybody\n")
		}
		return append(paths, ".dockerignore", ".gitignore")
	}
	in := func(tag string, paths []string) []string {
		return strings.Fields(engine.DockerTries(t, append([]string{"run", "--rm", tag, "ls", "-d"}, paths...)...).Stdout)
	}
	source := example.APINode.Copy(t)
	unwanted := unwantedIn(example.APINode, source)
	built := func(step int) (tag string) {
		tag = course.Unique(t, "context:")
		example.APINode.BuildFrom(t, engine, step, source, "--tag", tag)
		return tag
	}
	course.Say(t, "Step 2 ignores nothing; step 3 has the same instructions, and a .dockerignore:")
	course.ReadHostFile(t, filepath.Join(source, ".dockerignore"))
	assert.ElementsMatch(t, unwanted, in(built(2), unwanted), "without .dockerignore, all of these should be in the image")
	assert.Empty(t, in(built(3), unwanted), "with it, none of these should")
	assert.Equal(t, []string{"src/main.js"}, in(built(3), []string{"src/main.js"}), "what isn't listed is there")

	course.Say(t, "The other services' .dockerignore, with a Dockerfile that only copies everything:")
	dockerfile := course.File(t, "Dockerfile", "FROM "+engine.Ref(t, image.Busybox)+"\nWORKDIR /copy\nCOPY . .\n")
	copied := func(source string, paths []string) (found []string) {
		tag := course.Unique(t, "context:")
		engine.Showing(example.Progress).Docker(t, "build", "--progress", "plain", "--file", dockerfile, "--tag", tag, source)
		return in(tag, paths)
	}
	for _, service := range []example.Service{example.APIGolang, example.Client} {
		source := service.Copy(t)
		unwanted := unwantedIn(service, source)
		assert.Empty(t, copied(source, unwanted), "of %s, none of these should be in the image", service.Name)
		course.WriteHostFile(t, filepath.Join(source, ".dockerignore"), "# Ignores nothing.\n")
		assert.ElementsMatch(t, unwanted, copied(source, unwanted), "of %s, without .dockerignore, all of these should", service.Name)
	}

	course.Say(t, "A pattern that doesn't begin with **/ is for the top of the context alone:")
	nested, both := course.HostDirectory(t), []string{".env", "src/.env"}
	require.NoError(t, os.Mkdir(filepath.Join(nested, "src"), 0o755))
	for _, path := range both {
		course.WriteHostFile(t, filepath.Join(nested, path), "not for everybody\n")
	}
	course.WriteHostFile(t, filepath.Join(nested, ".dockerignore"), ".env*\n")
	assert.Equal(t, []string{"src/.env"}, copied(nested, both))
	course.WriteHostFile(t, filepath.Join(nested, ".dockerignore"), "**/.env*\n")
	assert.Empty(t, copied(nested, both))

	course.Say(t, "BuildKit doesn't have what is listed, so that it can't be copied by its name either:")
	context := course.Directory(t, map[string]string{".env": "PASSWORD=not for everybody\n",
		"Dockerfile": "FROM " + engine.Ref(t, image.Busybox) + "\nCOPY .env /\n"})
	named := []string{"build", "--progress", "plain", context}
	engine.Showing(example.Progress).Docker(t, named...)
	course.WriteHostFile(t, filepath.Join(context, ".dockerignore"), ".env\n")
	refused := engine.Showing(example.Progress).DockerFails(t, named...)
	assert.Contains(t, refused.Stderr, `"/.env": not found`)
}

// The build context is the directory that docker build is given, and all that COPY can see. A path that leads out of it
// stops at its edge, as BuildKit has nothing else: the rest of your disk was never sent.
func TestCopyCannotReachOutsideTheContext(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	directory := course.Directory(t, map[string]string{"outside": "not sent\n"})
	inner := filepath.Join(directory, "context")
	require.NoError(t, os.Mkdir(inner, 0o755))
	course.WriteHostFile(t, filepath.Join(inner, "inside"), "sent\n")
	build := func(path string) []string {
		dockerfile := "FROM " + engine.Ref(t, image.Busybox) + "\nCOPY " + path + " /copied\n"
		file := filepath.Join(directory, "Dockerfile")
		course.WriteHostFile(t, file, dockerfile)
		return []string{"build", "--progress", "plain", "--file", file, inner}
	}
	engine.Showing(example.Progress).Docker(t, build("inside")...)
	refused := engine.Showing(example.Progress).DockerFails(t, build("../outside")...)
	assert.Contains(t, refused.Stderr, `"/outside": not found`)
}

// EXPOSE tells the reader, and tools, which port the program listens on. It opens nothing: published is what docker run
// is told to publish, which docker port lists, and there the program answers. (With --publish-all it is told to publish what
// the image exposes.) And what isn't exposed can be published all the same. (httpd is busybox's web server.)
func TestExposePublishesNothingByItself(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	build := func(instructions string) (tag string) {
		dockerfile := "FROM " + busybox + "\nRUN echo hello > /index.html\n" + instructions
		return engine.Showing(example.Progress).Build(t, "server", dockerfile+"CMD [\"httpd\", \"-f\", \"-p\", \"8080\"]\n")
	}
	published := func(tag string, flags ...string) string {
		name := course.Unique(t, "server-")
		engine.Docker(t, append(append([]string{"run", "--detach", "--name", name}, flags...), tag)...)
		engine.DockerUntil(t, "^hello\n$", "exec", name, "wget", "-q", "-O", "-", "http://127.0.0.1:8080/")
		return strings.TrimSpace(engine.Docker(t, "port", name).Stdout)
	}
	ask := func(port string) string { return "wget -q -O - http://127.0.0.1:" + port + "/" } // on the engine's machine
	exposing := build("EXPOSE 8080\n")
	assert.Empty(t, published(exposing), "EXPOSE alone should publish nothing")
	engine.ExecFails(t, ask("8080"))
	all := published(exposing, "--publish-all")
	chosen := regexp.MustCompile(`^8080/tcp -> 0\.0\.0\.0:(\d+)`).FindStringSubmatch(all)
	require.NotNil(t, chosen, all)
	assert.Equal(t, "hello\n", engine.Exec(t, ask(chosen[1])).Stdout)
	assert.Equal(t, "8080/tcp -> 127.0.0.1:18080", published(exposing, "--publish", "127.0.0.1:18080:8080"))
	assert.Equal(t, "hello\n", engine.Exec(t, ask("18080")).Stdout)

	course.Say(t, "The same without EXPOSE:")
	silent := build("")
	assert.Empty(t, published(silent, "--publish-all"))
	assert.Equal(t, "8080/tcp -> 127.0.0.1:18081", published(silent, "--publish", "127.0.0.1:18081:8080"))
	assert.Equal(t, "hello\n", engine.Exec(t, ask("18081")).Stdout)

	course.Say(t, "The last images of the application tell where they listen:")
	for _, service := range example.Services {
		tag := service.Build(t, engine, service.Last)
		exposed := engine.Docker(t, "image", "inspect", "--format", "{{json .Config.ExposedPorts}}", tag).Stdout
		assert.Equal(t, fmt.Sprintf("{\"%d/tcp\":{}}\n", service.Port), exposed)
	}
}
