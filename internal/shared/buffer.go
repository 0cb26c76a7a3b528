// Package shared holds what several goroutines use at once.
package shared

import (
	"bytes"
	"sync"
)

// A Buffer keeps what is written to it, and may be read meanwhile: a command's output while the command runs.
type Buffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

// Write adds to the buffer, and never fails.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(p)
}

// String is what has been written so far.
func (b *Buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.String()
}
