package registry

import (
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
	course.NeedsGo(t)
	program := filepath.Join(directory, "docker-credential-"+name)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	course.CLI{}.Program(t, "go", "build", "-o", program, "./"+source)
	return directory
}
