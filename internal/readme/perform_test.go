package readme

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// refreshing is whether COURSE_README asks for the README to be written anew where it has drifted.
func refreshing() bool { return os.Getenv("COURSE_README") != "" }

// root is the course's directory.
var root = filepath.Join("..", "..")

// check performs the console blocks of a module's README on a throwaway engine of their own, divided into parts that need
// nothing of each other, and compares its list of claims with the module's tests. With COURSE_README it writes what it finds
// into the README, and so agrees with it.
func check(t *testing.T, module string, divide func([]Step) [][]Step) {
	t.Helper()
	path := filepath.Join(root, module, "README.md")
	read, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content := strings.ReplaceAll(string(read), "\r\n", "\n")
	content = checkClaims(t, module, content)
	checkImages(t, module, content)
	content = perform(t, module, content, divide)
	if refreshing() && content != string(read) {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// inOneGo divides nothing: each step may need what those above it have done.
func inOneGo(steps []Step) [][]Step { return [][]Step{steps} }

// bySection is for a README none of whose sections needs what another one has done. Each is performed from top to bottom in a
// shell of its own, and all of them at the same time.
func bySection(steps []Step) (sections [][]Step) {
	for n, step := range steps {
		if n == 0 || step.Section != steps[n-1].Section {
			sections = append(sections, nil)
		}
		last := len(sections) - 1
		sections[last] = append(sections[last], step)
	}
	return sections
}

// checkClaims compares the claims that a module's README lists with the tests in its files.
func checkClaims(t *testing.T, module, content string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, module, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	listed := Claims(content)
	for _, path := range files {
		names, err := Tests(path)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Base(path)
		said := listed[file]
		delete(listed, file)
		switch {
		case slices.Equal(names, said):
		case refreshing() && len(said) > 0 && len(names) > 0:
			content = withClaims(content, file, names)
		default:
			t.Errorf("%s/README.md lists these claims under %s:\n  %s\nand the file has these tests:\n  %s\n(make readme mends the list of a file that has one.)",
				module, file, strings.Join(said, "\n  "), strings.Join(names, "\n  "))
		}
	}
	for file := range listed {
		t.Errorf("%s/README.md lists claims under %s, and there is no such file", module, file)
	}
	return content
}

// checkImages compares the images that a module's README names with those of the course.
func checkImages(t *testing.T, module, content string) {
	t.Helper()
	tags := map[string][]string{}
	for _, i := range slices.Concat(image.WithStandIn, image.WithoutStandIn) {
		name, tag, _ := strings.Cut(i.Pinned, ":")
		tags[name] = append(tags[name], tag)
	}
	for _, reference := range References(content) {
		name, tag, _ := strings.Cut(reference, ":")
		if known := tags[name]; len(known) > 0 && !slices.Contains(known, tag) {
			t.Errorf("%s/README.md names %s, and the course has %s:%s", module, reference, name, strings.Join(known, " and "))
		}
	}
}

// perform has shells perform the steps, and returns the README with what they printed where that is to be refreshed.
func perform(t *testing.T, module, content string, divide func([]Step) [][]Step) string {
	t.Helper()
	var steps []Step
	for _, step := range Steps(content) {
		if !lookedUp(t, module, step) {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return content
	}
	if os.Getenv("COURSE_IMAGES") == "current" {
		t.Skip("not provable here: the README names the pinned images, and COURSE_IMAGES asks for the current ones")
	}
	sections := divide(steps)
	engine, directory := start(t)
	engine.Refs(t, named(sections[0])...)
	outputs := make([][]string, len(sections))
	if len(sections) == 1 {
		outputs[0] = typed(t, module, engine.In(directory).Session(t), steps)
	} else {
		var parts []course.Part
		for n, section := range sections {
			parts = append(parts, course.Part{Name: section[0].Section, Perform: func(t *testing.T) {
				if n > 0 { // while the first section is performed, the other images come, in one go
					engine.Refs(t, named(steps)...)
				}
				outputs[n] = typed(t, module, engine.In(directory).Session(t), section)
			}})
		}
		course.Together(t, parts...)
	}
	if t.Failed() {
		return content
	}
	printed := slices.Concat(outputs...)
	for n, step := range slices.Backward(steps) { // the last one first, so that the lines before it stay where they are
		if !matches(step.Expected, printed[n]) {
			content = withOutput(content, step, printed[n])
		}
	}
	return content
}

// typed types the steps into a shell, compares what it prints with what the README says, and returns it.
func typed(t *testing.T, module string, shell *course.Session, steps []Step) (outputs []string) {
	t.Helper()
	for _, step := range steps {
		output := shell.Type(step.Command)
		if !refreshing() && !matches(step.Expected, output) {
			t.Errorf("%s/README.md:%d: $ %s\nshould print, as the README says,\n%s\nand printed\n%s\n(make readme writes it there.)",
				module, step.Line, step.Command, indented(strings.Join(step.Expected, "\n")), indented(output))
		}
		outputs = append(outputs, output)
	}
	return outputs
}

// lookedUp is whether a step would run the course itself. What it names has to exist.
func lookedUp(t *testing.T, module string, step Step) bool {
	t.Helper()
	runsTheCourse, err := lookUp(step)
	if err != nil {
		t.Errorf("%s/README.md:%d: %v", module, step.Line, err)
	}
	return runsTheCourse
}

// lookUp is whether a step would run the course itself, by make or go test. The error says what it names that isn't there.
func lookUp(step Step) (runsTheCourse bool, err error) {
	command, _, _ := strings.Cut(step.Command, " #")
	words := strings.Fields(command)
	for len(words) > 0 && strings.HasPrefix(words[0], "COURSE_") {
		words = words[1:]
	}
	switch {
	case len(words) >= 2 && words[0] == "make":
		makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
		if err != nil {
			return true, err
		}
		target := regexp.MustCompile(`(?m)^([\w-]+ )*` + regexp.QuoteMeta(words[1]) + `( [\w-]+)*:`)
		if _, err := os.Stat(filepath.Join(root, words[1])); err != nil && !target.Match(makefile) {
			return true, fmt.Errorf("there is no target %s", words[1])
		}
		return true, nil
	case len(words) >= 3 && words[0] == "go" && words[1] == "test":
		directory := filepath.Join(root, words[2])
		if _, err := os.Stat(directory); err != nil {
			return true, fmt.Errorf("there is no package %s", words[2])
		}
		if n := slices.Index(words, "-run"); n > 0 {
			name, _, _ := strings.Cut(strings.Trim(words[n+1], "'"), "/")
			if !hasTest(directory, name) {
				return true, fmt.Errorf("%s has no test %s", words[2], name)
			}
		}
		return true, nil
	}
	return false, nil
}

func hasTest(directory, name string) bool {
	files, _ := filepath.Glob(filepath.Join(directory, "*_test.go"))
	return slices.ContainsFunc(files, func(file string) bool {
		names, err := Tests(file)
		return err == nil && slices.Contains(names, name)
	})
}

// start starts a throwaway engine that sees a copy of the course's directory.
func start(t *testing.T) (engine *course.ThrowawayEngine, directory string) {
	t.Helper()
	course.NeedsPathsOfEngines(t)
	directory = filepath.Join(course.HostDirectory(t), "docker-proven")
	modules, err := filepath.Glob(filepath.Join(root, "module*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range modules {
		example.CopyTree(t, filepath.ToSlash(module), filepath.Join(directory, filepath.Base(module)))
	}
	return course.NewThrowawayEngine(t, course.Seen(directory), course.InPlenty(t)), directory
}

// named are the images that the steps name, or the Dockerfiles that they name.
func named(steps []Step) (images []image.Image) {
	var text strings.Builder
	for _, step := range steps {
		text.WriteString(step.Command + "\n")
		for _, path := range path.FindAllString(step.Command, -1) {
			for _, file := range []string{path, path + "/Dockerfile"} {
				if content, err := os.ReadFile(filepath.Join(root, file)); err == nil && strings.Contains(file, "Dockerfile") {
					text.Write(content)
				}
			}
		}
	}
	words := strings.FieldsFunc(text.String(), func(r rune) bool { return strings.ContainsRune(" \n='\"", r) })
	for _, i := range image.WithStandIn {
		if slices.Contains(words, i.Pinned) {
			images = append(images, i)
		}
	}
	return images
}

var path = regexp.MustCompile(`module\d\d/[\w/.-]+`)

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}
