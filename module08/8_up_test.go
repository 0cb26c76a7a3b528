package module08

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// `up` compares what is there with what the compose file says. Whether the files have changed from which an image is built,
// it doesn't look: the image is there. So an edit is without effect, until --build says that images are to be built again.
func TestUpBuildsAnImageThatIsThereOnlyWhenTold(t *testing.T) {
	engine := throwaway(t)
	p := newSmall(t, engine, "services: { page: { build: ., command: sleep 600, init: true } }\n")
	edit := func(text string) {
		course.WriteHostFile(t, filepath.Join(p.directory, "Dockerfile"),
			"FROM "+engine.Ref(t, image.Busybox)+"\nRUN echo "+text+" > /page\n")
	}
	edit("the first page")
	p.compose(t, "up", "--detach")
	assert.Equal(t, "the first page\n", p.compose(t, "exec", "page", "cat", "/page").Stdout)

	edit("a better page")
	p.compose(t, "up", "--detach")
	assert.Equal(t, "the first page\n", p.compose(t, "exec", "page", "cat", "/page").Stdout)
	p.compose(t, "up", "--detach", "--build")
	assert.Equal(t, "a better page\n", p.compose(t, "exec", "page", "cat", "/page").Stdout)
}

// A container whose settings are still those of the file runs on, with all that it has written. --force-recreate makes it
// anew all the same: for a start from nothing but its image.
func TestForceRecreateMakesAContainerAnewThatHasNotChanged(t *testing.T) {
	p := newSmall(t, throwaway(t), "services: { worker: { image: BUSYBOX, command: sleep 600, init: true } }\n")
	p.compose(t, "up", "--detach")
	worker := p.id(t, "worker")
	p.compose(t, "exec", "worker", "touch", "/note")
	p.compose(t, "up", "--detach")
	assert.Equal(t, worker, p.id(t, "worker"))
	p.compose(t, "exec", "worker", "ls", "/note")

	p.compose(t, "up", "--detach", "--force-recreate")
	assert.NotEqual(t, worker, p.id(t, "worker"))
	p.DockerFails(t, "compose", "exec", "worker", "ls", "/note")
}

// A service that is taken out of the file is not stopped by `up`, which only warns of an orphan: it might belong to another
// file of the same project. --remove-orphans removes it.
func TestWhatIsNoLongerInTheFileRunsOnUntilOrphansAreRemoved(t *testing.T) {
	p := newSmall(t, throwaway(t), `services:
  wanted: &sleeper { image: BUSYBOX, command: sleep 600, init: true }
  unwanted: *sleeper
`)
	running := []string{"ps", "--filter", "label=com.docker.compose.project=" + p.name,
		"--format", `{{.Label "com.docker.compose.service"}}`}
	p.compose(t, "up", "--detach")
	assert.ElementsMatch(t, []string{"wanted", "unwanted"}, strings.Fields(p.Docker(t, running...).Stdout))

	course.WriteHostFile(t, filepath.Join(p.directory, "compose.yaml"),
		"services: { wanted: { image: "+p.engine.Ref(t, image.Busybox)+", command: sleep 600, init: true } }\n")
	warned := p.compose(t, "up", "--detach")
	assert.Contains(t, warned.Stderr, "orphan containers")
	assert.ElementsMatch(t, []string{"wanted", "unwanted"}, strings.Fields(p.Docker(t, running...).Stdout))
	p.compose(t, "up", "--detach", "--remove-orphans")
	assert.Equal(t, []string{"wanted"}, strings.Fields(p.Docker(t, running...).Stdout))
}

// Tests that need a database are a service beside it. With --exit-code-from, `up` starts everything, ends as soon as a
// service does, stops the others, and its exit status is that of the tests: all that a CI wants to know. Mind that it may be
// another service that ends: one that does its work once, and is done before the tests, takes them down. So name what is to be
// started: the tests, with which comes what they depend on.
func TestUpEndsAsTheTestsEnd(t *testing.T) {
	p := newSmall(t, throwaway(t), `services:
  db: { image: BUSYBOX, command: sleep 600, init: true }
  tests: { image: BUSYBOX, command: "sh -c 'exit ${STATUS}'", depends_on: [db] }
`)
	running := []string{"compose", "ps", "--status", "running", "--quiet"}
	failed := p.With("STATUS=3").DockerTries(t, "compose", "up", "--exit-code-from", "tests")
	assert.Equal(t, 3, failed.ExitCode)
	// The database has been stopped, too. (The list of a busy engine is a moment behind what happened. Without STATUS, compose
	// would have something to say.)
	p.With("STATUS=3").DockerUntil(t, "^$", running...)
	p.With("STATUS=0").Docker(t, "compose", "up", "--exit-code-from", "tests")

	course.Say(t, "Without the flag nobody hears of the failure, and the database runs on:")
	p.With("STATUS=3").Docker(t, "compose", "up", "--detach")
	assert.NotEmpty(t, p.Docker(t, running...).Stdout, "the database should run on")

	course.Say(t, "A service that ends well while the tests are still running:")
	beside := newSmall(t, p.engine, `services:
  seed: { image: BUSYBOX, command: "sh -c 'until test -e /shared/tests; do sleep 0.1; done'", volumes: ["shared:/shared"] }
  tests:
    image: BUSYBOX
    command: sh -c 'trap "exit 9" TERM; touch /shared/tests; sleep ${LAST} & wait $$!; exit 0'
    volumes: ["shared:/shared"]
volumes: { shared: {} }
`)
	interrupted := beside.With("LAST=60").DockerTries(t, "compose", "up", "--exit-code-from", "tests")
	assert.Equal(t, 9, interrupted.ExitCode, "the tests should have been told to stop")
	alone := beside.With("LAST=1").Docker(t, "compose", "up", "--exit-code-from", "tests", "tests")
	assert.NotContains(t, alone.Output(), "seed", "it should not have been started")
}
