package course

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"docker-proven/internal/clean"
	"docker-proven/internal/image"
	"docker-proven/internal/scratch"
)

// hostDirectories is where the lessons of this process have their directories on the host.
var hostDirectories = sync.OnceValues(func() (string, error) {
	directory, err := scratch.Directory("lessons")
	if err != nil {
		return "", err
	}
	if !keeping() {
		// Without the labels by which the reaper would take it for a lesson's.
		scratch.RemoveAfterwards(directory, emptying(directory, map[string]string{clean.Label: thisRun})...)
	}
	return filepath.EvalSymlinks(directory) // on macOS it is under a link, and Docker Desktop shares the target
})

// removeHostDirectories removes them, also what containers wrote there as root.
func removeHostDirectories() error {
	directory, err := hostDirectories()
	if err != nil {
		return err
	}
	if os.RemoveAll(directory) != nil && !lost.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		command := emptying(directory, labelsOfThisRun())
		exec.CommandContext(ctx, command[0], command[1:]...).Run()
	}
	return os.RemoveAll(directory)
}

// emptying is the command that removes all that is in a directory, also where this user, who isn't root, may not: what a
// container wrote as root, a container removes.
func emptying(directory string, labels map[string]string) []string {
	return slices.Concat([]string{"docker", "run", "--rm", "--pull", "never", "--network", "none"}, flagsFor(labels), []string{
		"--volume", directory + ":/leftovers", image.Busybox.Ref(),
		"find", "/leftovers", "-mindepth", "1", "-maxdepth", "1", "-exec", "rm", "-rf", "{}", "+"})
}

// HostDirectory is a directory of the host for bind mounts, which everybody may read. It goes when the lessons of
// this package have ended.
func HostDirectory(t *testing.T) string {
	t.Helper()
	lessonOf(t)
	all, err := hostDirectories()
	if err != nil {
		t.Fatal(err)
	}
	directory, err := os.MkdirTemp(all, "")
	if err == nil {
		err = os.Chmod(directory, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return directory
}

// Directory is a HostDirectory with files in it: their names and contents.
func Directory(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := HostDirectory(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		WriteHostFile(t, filepath.Join(directory, name), files[name])
	}
	return directory
}

// File writes a file of the host for the lesson and returns its path.
func File(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(HostDirectory(t), name)
	WriteHostFile(t, path, content)
	return path
}

// heredoc is how one types a text that a command reads. It ends at a line that is none of the text's own.
func heredoc(text string) string {
	end := "EOF"
	for slices.Contains(strings.Split(text, "\n"), end) {
		end = "THE_" + end
	}
	return " <<'" + end + "'\n" + text + "\n" + end + "\n"
}

// WriteHostFile writes a file of the host.
func WriteHostFile(t *testing.T, path, content string) {
	t.Helper()
	lessonOf(t).write("$ cat > " + path + heredoc(strings.TrimRight(content, "\n")))
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ReadHostFile is the content of a file of the host, and fails the test when there is no such file.
func ReadHostFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	Typed(t, string(content), "cat", path)
	return string(content)
}

// EditHostFile replaces a text in a file of the host, wherever it stands there, and fails the test when it doesn't.
func EditHostFile(t *testing.T, path, old, replacement string) {
	t.Helper()
	Typed(t, "", "sed", "-i.bak", fmt.Sprintf("s/%s/%s/g", old, replacement), path)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.ReplaceAll(string(content), old, replacement)
	if edited == string(content) {
		t.Fatalf("%s should have %q in it, to be replaced", path, old)
	}
	if err := os.WriteFile(path, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
}
