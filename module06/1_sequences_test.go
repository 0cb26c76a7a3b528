package module06

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
)

// Each service of the application has a sequence of Dockerfiles. The first one works, and that is all that can be said
// for it; each of the others has one idea more. What the image does must not change on the way: every step builds, and
// a container of it answers as one of the step before. (All of it on a throwaway engine, so that your images and your
// build cache stay as they are.)
func TestEveryStepBuildsAndItsImageAnswersLikeTheOneBefore(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	for _, service := range example.Services {
		t.Run(service.Name, func(t *testing.T) {
			place := example.NewPlace(t, engine, service)
			course.Say(t, "Where nobody serves, nobody answers:")
			engine.DockerFails(t, "exec", place.Visitor, "wget", "-q", "-O", "-", place.URL(service.Port))
			for step := range service.Last + 1 {
				tag := service.Build(t, engine, step)
				container := place.Run(t, tag)
				answers := place.Answers(t, port(service, step))
				engine.Docker(t, "rm", "--force", container)
				assert.Equal(t, expected[service.Name], answers)
			}
		})
	}
}

// What a service answers at each of its addresses, whatever the time.
var expected = map[string]string{
	"api-golang":   "/healthz {\"status\":\"ok\"}\n/ping pong\n/ {\"api\":\"golang\",\"now\":\"...\"}",
	"api-node":     "/healthz {\"status\":\"ok\"}\n/ping pong\n/ {\"api\":\"node\",\"now\":\"...\"}",
	"client-react": "/ One database, two APIs\n/api/golang/ping pong of Go\n/api/node/ping pong of Node",
}

// port is where an image listens. The page's first ones are served by Vite.
func port(service example.Service, step int) int {
	if service.Name == "client-react" && step < 2 {
		return 5173
	}
	return service.Port
}

// An image should hold what the program needs to run. The first step's holds all that was needed to make it. Each
// sequence ends with an image that is a fraction of the first; of Go, which needs nothing but the program, next to
// nothing is left. On the way, each idea that leaves something out shows: what compilers and npm cache, a larger base,
// the workshop, tools for development, tables for a debugger.
func TestTheLastImageIsAFractionOfTheFirst(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	var sizes figures
	sizes.draw(t, engine, "sizes.svg", "How large the image is, step by step",
		func(megabytes float64) string { return fmt.Sprintf("%.1f MB", megabytes) })
	factors := map[string]int{"api-golang": 20, "api-node": 2, "client-react": 2}
	smaller := map[string][]int{"api-golang": {1, 3, 5}, "api-node": {1, 2, 4}, "client-react": {1, 2}} // than the step before
	for _, service := range example.Services {
		t.Run(service.Name, func(t *testing.T) {
			var bytes []int
			var table strings.Builder
			for step := range service.Last + 1 {
				tag := service.Build(t, engine, step)
				bytes = append(bytes, size(t, engine, tag))
				megabytes := float64(bytes[step]) / 1e6
				fmt.Fprintf(&table, "%-14s %6.1f MB\n", tag, megabytes)
				sizes.note(service, step, megabytes)
			}
			course.Say(t, "The sizes along the sequence:")
			course.Show(t, table.String())
			first, last, factor := bytes[0], bytes[service.Last], factors[service.Name]
			assert.Greater(t, first, factor*last, "the first should be over %d times the last", factor)
			if service.Name == "api-golang" {
				assert.Less(t, last, 25_000_000)
			}
			for _, step := range smaller[service.Name] {
				assert.Less(t, bytes[step], bytes[step-1], "step %d should be smaller than the one before", step)
			}
		})
	}
}

// size is what all layers of an image take unpacked, in bytes.
func size(t *testing.T, engine *course.ThrowawayEngine, tag string) (bytes int) {
	t.Helper()
	layers := engine.Docker(t, "history", "--human=false", "--format", "{{.Size}}", tag)
	for _, layer := range strings.Fields(layers.Stdout) {
		size, err := strconv.Atoi(layer)
		require.NoError(t, err)
		bytes += size
	}
	return bytes
}

// A container is a process, so it starts as quickly as one: between its start and the moment from which the program
// serves, less than a second passes, by the engine's clock.
func TestTheGoImageStartsInLessThanASecond(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	tag := example.APIGolang.Build(t, engine, example.APIGolang.Last)
	course.TakesLessThan(t, time.Second, "From its start until it listened", func() time.Duration {
		container := course.Unique(t, "quick-")
		engine.Docker(t, "run", "--detach", "--name", container, "--env", "DATABASE_URL=postgres://db", tag)
		logs := engine.DockerInBackground(t, "logs", "--follow", "--timestamps", container)
		logs.WaitForOutput(t, `"msg":"listening"`)
		line, _, _ := strings.Cut(logs.Output(), " ")
		listening, err := time.Parse(time.RFC3339Nano, line)
		require.NoError(t, err)
		started, err := time.Parse(time.RFC3339Nano,
			strings.TrimSpace(engine.Docker(t, "inspect", "--format", "{{.State.StartedAt}}", container).Stdout))
		require.NoError(t, err)
		return listening.Sub(started)
	})
}
