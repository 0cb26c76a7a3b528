package buildkit

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What BuildKit 0.13 printed, shortened.
const progress = `#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 879B done
#1 DONE 0.0s

#7 [build 1/3] FROM docker.io/library/golang:1.26-alpine
#7 DONE 0.0s

#9 [build 2/3] COPY go.mod go.sum ./
#9 CACHED

#13 [build 3/3] RUN go build -o /api .
#13 0.532 go: downloading github.com/jackc/pgx/v5 v5.12.0

#8 [linux/arm64 stage-1 1/2] WORKDIR /app
#8 DONE 0.1s

#13 [build 3/3] RUN go build -o /api .
#13 1.250 # api
#13 DONE 72.5s

#14 [stage-1  2/12] COPY --from=build /api /api
#14 DONE 0.1s

#15 [ 3/12] RUN false
#15 ERROR: process "/bin/sh -c false" did not complete successfully: exit code: 1

#17 [ 4/12] RUN sleep 1000
#17 CANCELED

#16 exporting to image
#16 DONE 0.1s
`

func TestStepsAreWhatTheProgressSays(t *testing.T) {
	assert.Equal(t, []Step{
		{Instruction: "FROM docker.io/library/golang:1.26-alpine"},
		{Instruction: "COPY go.mod go.sum ./", Cached: true},
		{Instruction: "RUN go build -o /api .",
			Output: "go: downloading github.com/jackc/pgx/v5 v5.12.0\n# api\n"},
		{Instruction: "WORKDIR /app"},
		{Instruction: "COPY --from=build /api /api"},
		{Instruction: "RUN false"},
		{Instruction: "RUN sleep 1000"},
	}, Steps(progress))
	assert.Empty(t, Steps("ERROR: failed to solve\n"))
}

func TestFindTakesTheFirstThatContainsTheText(t *testing.T) {
	step, found := Find(Steps(progress), "COPY")
	assert.True(t, found)
	assert.True(t, step.Cached)
	_, found = Find(Steps(progress), "no such instruction")
	assert.False(t, found)
}
