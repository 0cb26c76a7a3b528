package module06

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
	"docker-proven/internal/picture"
)

// figures are what a test has measured of each step of each service.
type figures struct {
	mutex  sync.Mutex
	values map[string]float64 // by the image's name
}

func (f *figures) note(service example.Service, step int, value float64) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.values == nil {
		f.values = map[string]float64{}
	}
	f.values[service.Tag(step)] = value
}

// picturesWanted is whether this run is to measure what the pictures show, and to draw them (make pictures).
func picturesWanted() bool { return os.Getenv("COURSE_PICTURES") != "" }

// draw makes a picture of the figures when all subtests have ended and, when it is wanted, puts it beside the lesson. A
// run that measured only some of them has no picture.
func (f *figures) draw(t *testing.T, engine *course.ThrowawayEngine, file, title string, format func(float64) string) {
	t.Helper()
	caption := "Measured on " + time.Now().Format(time.DateOnly) + " with " + describe(t, engine)
	t.Cleanup(func() {
		var sequences []picture.Sequence
		for _, service := range example.Services {
			sequence := picture.Sequence{Name: service.Name}
			for step := range service.Last + 1 {
				value, measured := f.values[service.Tag(step)]
				if !measured {
					return
				}
				label := fmt.Sprintf("Dockerfile.%d", step)
				sequence.Bars = append(sequence.Bars, picture.Bar{Label: label, Note: idea(t, service, step), Value: value})
			}
			sequences = append(sequences, sequence)
		}
		svg, err := picture.Bars(title, caption, format, sequences)
		require.NoError(t, err)
		if picturesWanted() {
			require.NoError(t, os.WriteFile(file, svg, 0o644))
		}
	})
}

// describe says what a figure was measured with: engine, machine, and whether the images below are the originals.
func describe(t *testing.T, engine *course.ThrowawayEngine) string {
	t.Helper()
	format := "Docker Engine {{.Server.Version}} on {{.Server.Os}}/{{.Server.Arch}}"
	description := strings.TrimSpace(engine.Docker(t, "version", "--format", format).Stdout)
	description += fmt.Sprintf(" with %d processors", runtime.NumCPU())
	if facts, err := image.Inspect(t.Context(), engine.Ref(t, image.Node)); err == nil && facts.IsStandIn() {
		description += "; the images that the Dockerfiles begin with are stand-ins, made from Debian's packages"
	}
	return description
}

var heading = regexp.MustCompile(`(?m)^# Step \d+: (.+)\.$`)

// idea is what the Dockerfile says of itself in its first line.
func idea(t *testing.T, service example.Service, step int) string {
	t.Helper()
	dockerfile, err := os.ReadFile(service.Dockerfile(step))
	require.NoError(t, err)
	found := heading.FindStringSubmatch(string(dockerfile))
	require.NotNil(t, found, "%s should say which step it is", service.Dockerfile(step))
	return strings.TrimSpace(found[1])
}
