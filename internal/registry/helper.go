package registry

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"docker-proven/internal/course"
)

// InstallHelper compiles the credential helper whose source is in the directory source, and returns the directory in
// which it is an executable named docker-credential-NAME, all alone.
func InstallHelper(t *testing.T, source, name string) (directory string) {
	t.Helper()
	directory = course.HostDirectory(t)
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("not provable here: the helper is compiled for this lesson, and there is no go command on PATH")
	}
	program := filepath.Join(directory, "docker-credential-"+name)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	course.CLI{}.Program(t, "go", "build", "-o", program, "./"+source)
	return directory
}
