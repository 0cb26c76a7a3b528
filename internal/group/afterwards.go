package group

import (
	"io"
	"os"
	"os/exec"
	"sync"
)

// Afterwards has a POSIX shell perform a script when this process is gone, also when it was killed, or earlier, when now is
// called, which waits until it is done. The shell reads a pipe that ends with this process; signals to the process and to what
// else it has started don't reach it. Where there is no such shell (Windows without one), nothing happens.
func Afterwards(script string, arguments ...string) (now func()) {
	shell := exec.Command("sh", append([]string{"-c", "cat > /dev/null\n" + script, "sh"}, arguments...)...)
	shell.Dir = os.TempDir() // nobody's directory is in use because of it
	Own(shell)
	pipe, err := shell.StdinPipe()
	if err != nil || shell.Start() != nil {
		return func() {}
	}
	pipes.Store(shell, pipe)
	return func() {
		if pipe, found := pipes.LoadAndDelete(shell); found {
			pipe.(io.Closer).Close()
			_ = shell.Wait() // what the script's commands said of it is nobody's concern
		}
	}
}

// pipes keeps the pipes open: the garbage collector would close them.
var pipes sync.Map // *exec.Cmd → its pipe
