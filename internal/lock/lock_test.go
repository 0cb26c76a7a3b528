package lock

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWaitIsToldAndCanBeGivenUp(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	release, err := Hold(t.Context(), "a turn", func() { t.Error("there should have been nobody to wait for") })
	require.NoError(t, err)

	impatient, giveUp := context.WithCancelCause(t.Context())
	_, err = Hold(impatient, "a turn", func() { giveUp(errors.New("interrupted")) })
	assert.EqualError(t, err, "interrupted")

	other, err := Hold(t.Context(), "another turn", func() { t.Error("nobody has this one") })
	require.NoError(t, err)
	other()

	time.AfterFunc(moment+time.Second/2, release)
	told := false
	again, err := Hold(t.Context(), "a turn", func() { told = true })
	require.NoError(t, err, "what was given up should not be held")
	assert.True(t, told)
	again()
}
