//go:build !linux

package engine

import (
	"context"
	"io"
)

// repair has nothing to offer where engines come with Docker Desktop: the error has the next step.
func repair(_ context.Context, _ io.Writer, why *Error) error { return why }

func stop(ctx context.Context, out io.Writer) error { return notOurs(ctx, out) }
