package module08

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// A compose file says what all these docker run commands say, and stays. One command makes it true: networks, volumes
// and containers. --wait returns when everything is healthy, --detach leaves it running. (The projects of this file
// are on a throwaway engine; each has a directory of its own, from which its name comes.)
func TestOneCommandStartsTheApplication(t *testing.T) {
	p := theShop(t)
	const expected = "^api-golang running healthy\napi-node running healthy\n" +
		"client-react running healthy\ndb running healthy\n$"
	p.DockerUntil(t, expected, "compose", "ps", "--format", "{{.Service}} {{.State}} {{.Health}}")

	address := strings.TrimSpace(p.compose(t, "port", "client-react", "8080").Stdout)
	course.Say(t, "Asked there, on the engine's machine:")
	get := func(path string) string {
		return p.engine.Container.Exec(t, "wget -q -O - http://"+address+path).Stdout
	}
	assert.Contains(t, get("/"), "<title>One database, two APIs</title>")
	assert.Contains(t, get("/api/golang/"), `"api":"golang"`)
	assert.Contains(t, get("/api/node/"), `"api":"node"`)

	course.Say(t, "Each is started again when it ends, and when the engine is:")
	for _, service := range []string{"client-react", "api-golang", "api-node", "db"} {
		assert.Equal(t, "unless-stopped\n", p.Docker(t, "inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", p.id(t, service)).Stdout)
	}
	course.Say(t, "The images were there. With --build, they would be built as the file says, by the last Dockerfiles of module06:")
	var file struct {
		Services map[string]struct {
			Build     struct{ Context, Dockerfile string }
			DependsOn map[string]struct{ Condition string } `json:"depends_on"`
		}
	}
	read := course.Docker(t, "compose", "--profile", "tools", "config", "--format", "json")
	require.NoError(t, json.Unmarshal([]byte(read.Stdout), &file))
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, service := range example.Services {
		assert.Contains(t, string(readme), service.Building(service.Name), "the README should build the same")
		build := file.Services[service.Name].Build
		assert.Equal(t, absolute(t, service.Source()), build.Context)
		assert.Equal(t, absolute(t, service.Dockerfile(service.Last)), filepath.Join(build.Context, build.Dockerfile))
	}
	course.Say(t, "Who waits for whom is in the file, too, and what for: health, as the next lesson shows.")
	for service, needs := range map[string][]string{"client-react": {"api-golang", "api-node"},
		"api-golang": {"db"}, "api-node": {"db"}, "psql": {"db"}} {
		waits := file.Services[service].DependsOn
		assert.ElementsMatch(t, needs, slices.Collect(maps.Keys(waits)), service)
		for _, need := range needs {
			assert.Equal(t, "service_healthy", waits[need].Condition, "%s should wait for the health of %s", service, need)
		}
	}
}

// absolute is a path from the root of the file system on.
func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}

// That a container runs doesn't mean that its service is ready. depends_on with the condition service_healthy makes
// compose wait for the health check before it starts who needs it; without a condition, it doesn't.
func TestHealthDecidesTheOrderOfTheStart(t *testing.T) {
	engine := throwaway(t)
	const compose = `services:
  db:
    image: BUSYBOX
    command: sleep 600
    volumes: [shared:/shared]
    healthcheck: { test: test -e /shared/ready, interval: 200ms, retries: 10000 }
  app:
    image: BUSYBOX
    command: sh -c 'test -e /shared/ready && echo in time || echo too early; exec sleep 600'
    volumes: [shared:/shared]
    depends_on: DATABASE
volumes:
  shared:
`

	patient := newSmall(t, engine, strings.ReplaceAll(compose, "DATABASE", "{ db: { condition: service_healthy } }"))
	up := patient.DockerInBackground(t, "compose", "up", "--detach")
	patient.DockerUntil(t, `^db\n$`, "compose", "ps", "--status", "running", "--services")
	course.Say(t, "The database runs, and is not ready. Now it is:")
	patient.compose(t, "exec", "db", "touch", "/shared/ready")
	patient.DockerUntil(t, `(?m)^app$`, "compose", "ps", "--status", "running", "--services")
	up.WaitForOutput(t, "Healthy")
	patient.DockerUntil(t, "^in time\n$", "compose", "logs", "--no-log-prefix", "app")

	course.Say(t, "Without a condition:")
	hasty := newSmall(t, engine, strings.ReplaceAll(compose, "DATABASE", "[db]"))
	hasty.compose(t, "up", "--detach")
	hasty.DockerUntil(t, "^too early\n$", "compose", "logs", "--no-log-prefix", "app")
	for _, p := range []*project{patient, hasty} { // whose health would be asked for as long as they run
		p.compose(t, "down", "--timeout", "0")
	}
}

// `docker compose up --detach` has done its work when the containers are started. A script that goes on with them wants
// more: --wait makes the command wait for health, and fail if a service ends or doesn't become healthy.
func TestWaitFailsWhenAServiceDoesNotBecomeHealthy(t *testing.T) {
	engine := throwaway(t)
	for _, service := range []struct{ keys, problem string }{
		{`command: sleep 600, healthcheck: { test: "false", interval: 100ms, retries: 2 }`, "is unhealthy"},
		{`command: "false", healthcheck: { test: "true", interval: 1h }`, "exited (1)"},
	} {
		p := newSmall(t, engine, "services: { broken: { image: BUSYBOX, "+service.keys+" } }\n")
		failed := p.DockerFails(t, "compose", "up", "--wait")
		assert.Contains(t, failed.Stderr, service.problem)
		p.compose(t, "down", "--timeout", "0")

		course.Say(t, "Without --wait nobody asks what becomes of it, and the command succeeds:")
		p.compose(t, "up", "--detach")
		p.compose(t, "down", "--timeout", "0")
	}
}

// Who needs the database is on a network with it, and nobody else. The page is for everybody, so its server is kept
// away: from its network there is no name db, and no way to the database's address. The APIs are on both networks. The
// database's own network is internal: from there no way leads out of the machine.
func TestTheFrontendCannotReachTheDatabase(t *testing.T) {
	p := theShop(t)
	assert.Zero(t, p.visit(t, "api-golang", "nc", "-w", "5", "db", "5432").ExitCode)
	assert.Zero(t, p.visit(t, "api-node", "nc", "-w", "5", "db", "5432").ExitCode)
	assert.Zero(t, p.visit(t, "client-react", "wget", "-q", "-O", "-", "http://api-golang:8080/ping").ExitCode)

	refused := p.visit(t, "client-react", "nc", "-w", "5", "db", "5432")
	assert.NotZero(t, refused.ExitCode)
	assert.Contains(t, refused.Stderr, "bad address")
	const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
	address := strings.TrimSpace(p.Docker(t, "inspect", "--format", format, p.id(t, "db")).Stdout)
	// Whenever a network is made, as by a lesson beside this one, Docker 26 takes out the rule that keeps networks apart, and puts it in
	// again: EnsureJumpRule in https://github.com/moby/moby/blob/v26.1.4/libnetwork/iptables/iptables.go. (Docker 29 doesn't.)
	course.Eventually(t, "the database is not reached by its address, either", func() bool {
		return p.visit(t, "client-react", "nc", "-w", "2", address, "5432").ExitCode != 0
	})
	require.Zero(t, p.visit(t, "api-golang", "nc", "-w", "5", address, "5432").ExitCode)

	course.Say(t, "It is the network that makes the difference: a visitor who is in the other one reaches it.")
	backend := []string{"run", "--rm", "--network", p.name + "_backend", p.engine.Ref(t, image.Busybox)}
	p.Docker(t, append(backend, "nc", "-w", "5", "db", "5432")...)

	course.Say(t, "From frontend there is a way out, here to a container of your own engine. From backend there is none:")
	outside := ask(t, background(t, nil, "sleep 600"), "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
	out := []string{p.engine.Ref(t, image.Busybox), "ping", "-c", "1", "-W", "3", outside}
	p.Docker(t, append([]string{"run", "--rm", "--network", p.name + "_frontend"}, out...)...)
	p.DockerFails(t, append([]string{"run", "--rm", "--network", p.name + "_backend"}, out...)...)

	course.Say(t, "That is what `internal: true` does. Without this line in the file:")
	open := newShop(t, p.engine)
	file := example.File(t, "compose.yaml")
	const line = "    internal: true"
	require.Contains(t, file, line)
	open.write(t, strings.Replace(file, line, "    #", 1))
	course.Typed(t, "", "sed", "-i.bak", "s/internal: true//", filepath.Join(open.directory, "compose.yaml"))
	open.compose(t, "create", "db") // with its network
	open.Docker(t, append([]string{"run", "--rm", "--network", open.name + "_backend"}, out...)...)
	open.compose(t, "down", "--volumes")
}

// `docker compose down` removes containers and networks. Volumes stay, and the next `up` finds them; they go, with all
// that is in them, when --volumes says so. Then Postgres makes its database anew, for which its image performs the scripts
// in /docker-entrypoint-initdb.d: in an empty volume, and never again. An edit of them does nothing to a database that is
// there. While they are performed, the server answers at no address: that is why the file's health check asks at one.
func TestDataSurvivesDownAndNotDownWithVolumes(t *testing.T) {
	engine := throwaway(t)
	p := newShop(t, engine)
	script := filepath.Join(p.directory, "guests.sql")
	course.WriteHostFile(t, filepath.Join(p.directory, "compose.override.yaml"),
		`services: { db: { volumes: ["./guests.sql:/docker-entrypoint-initdb.d/guests.sql:ro"] } }`+"\n")
	course.WriteHostFile(t, script, "CREATE TABLE guests AS SELECT 'Ada' AS name;\nSELECT pg_sleep(3);\n")
	sql := func(statement string) string {
		return p.Docker(t, "compose", "exec", "-T", "db",
			"psql", "--host", "127.0.0.1", "--username", "postgres", "--tuples-only", "--command", statement).Stdout
	}
	course.Say(t, "A script that takes its time, and `up --wait`, which comes back when the database can be asked:")
	p.up(t, "db")
	sql("INSERT INTO guests VALUES ('Grace')")
	course.WriteHostFile(t, script, "CREATE TABLE guests AS SELECT 'Barbara' AS name;\n")
	p.compose(t, "down", "--timeout", "2")
	assert.Empty(t, p.compose(t, "ps", "--all", "--quiet").Stdout)
	p.up(t, "db")
	assert.Equal(t, " Ada\n Grace\n\n", sql("SELECT name FROM guests"))

	p.compose(t, "down", "--volumes", "--timeout", "2")
	p.up(t, "db")
	assert.Equal(t, " Barbara\n\n", sql("SELECT name FROM guests"))
	p.compose(t, "down", "--volumes", "--timeout", "2")
}

// --scale is how many containers a service has. Its name then stands for all of them: whoever asks for an address is
// told all addresses. (Who is asked is Docker's own name server. Containers on a network that somebody has created, as
// compose does, find it at 127.0.0.11.)
func TestScaleRunsSeveralContainersOfOneService(t *testing.T) {
	engine := throwaway(t)
	p := newSmall(t, engine, "services: { api: { image: BUSYBOX, command: sleep 600, init: true } }\n")
	addresses := func() int {
		line := []string{"run", "--rm", "--network", p.name + "_default", engine.Ref(t, image.Busybox),
			"nslookup", "-type=a", "api"}
		answer := p.Docker(t, line...).Stdout
		assert.Contains(t, answer, "127.0.0.11")
		_, answer, _ = strings.Cut(answer, "\n\n") // after the name server's own address
		return strings.Count(answer, "Address")
	}
	p.compose(t, "up", "--detach")
	assert.Len(t, strings.Fields(p.compose(t, "ps", "--quiet", "api").Stdout), 1)
	assert.Equal(t, 1, addresses())
	p.compose(t, "up", "--detach", "--scale", "api=3")
	assert.Len(t, strings.Fields(p.compose(t, "ps", "--quiet", "api").Stdout), 3)
	assert.Equal(t, 3, addresses())
}

// `run` is for a task, such as to fill the database: one more container with a service's settings and a command of its own,
// for which one waits. It starts the services that the task needs, and opens no port, as the service itself may have it:
// unless it is told otherwise.
func TestRunPerformsATaskWithTheSettingsOfAService(t *testing.T) {
	p := newSmall(t, throwaway(t), `services:
  db: { image: BUSYBOX, command: sleep 600, init: true }
  app:
    image: BUSYBOX
    command: sleep 600
    init: true
    environment: { STAGE: trial }
    depends_on: [db]
    ports: ["127.0.0.1::8080"]
`)
	task := p.DockerTries(t, "compose", "run", "--rm", "app", "sh", "-c", "echo $STAGE; exit 3")
	assert.Equal(t, "trial\n", task.Stdout)
	assert.Equal(t, 3, task.ExitCode)
	course.Say(t, "It has started what app depends on, but not app:")
	running := []string{"compose", "ps", "--status", "running", "--services"}
	assert.Equal(t, "db\n", p.Docker(t, running...).Stdout)

	course.Say(t, "A task that needs no database:")
	p.compose(t, "down")
	p.compose(t, "run", "--rm", "--no-deps", "app", "true")
	assert.Empty(t, strings.Fields(p.Docker(t, running...).Stdout), "nobody should have started the database")

	course.Say(t, "Of both tasks no container is left. Without --rm there is one:")
	tasks := []string{"ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project=" + p.name}
	assert.Empty(t, p.Docker(t, tasks...).Stdout, "--rm should have removed the containers of both")
	p.compose(t, "run", "--no-deps", "app", "true")
	left := strings.Fields(p.Docker(t, tasks...).Stdout)
	require.Len(t, left, 1)
	p.Docker(t, "rm", left[0])

	course.Say(t, "The port that app publishes is not published for a task, unless it is asked for:")
	background := func(flags ...string) string {
		line := append([]string{"run", "--rm", "--detach", "--no-deps"}, flags...)
		return strings.TrimSpace(p.compose(t, append(line, "app")...).Stdout)
	}
	assert.Empty(t, p.Docker(t, "port", background()).Stdout)
	assert.Contains(t, p.Docker(t, "port", background("--service-ports")).Stdout, "8080/tcp -> 127.0.0.1:")
}

// Compose shows what all containers print, or those of a service. `restart` stops and starts a service's containers:
// they are the same ones, with the same files, and nobody else notices. To make use of a changed file, it takes `up`.
func TestLogsAndRestartAreOfAService(t *testing.T) {
	engine := throwaway(t)
	p := newSmall(t, engine, `services:
  talker: &talker
    image: BUSYBOX
    init: true
    command: sh -c "echo $$SERVICE starts; exec sleep 600"
    environment: { SERVICE: talker }
  other:
    <<: *talker
    environment: { SERVICE: other }
`)
	p.compose(t, "up", "--detach")
	p.DockerUntil(t, "(?s)talker-1 .*talker starts.*", "compose", "logs")
	p.DockerUntil(t, "(?s)other-1 .*other starts.*", "compose", "logs")
	p.DockerUntil(t, "^talker starts\n$", "compose", "logs", "--no-log-prefix", "talker")

	talker, other := p.id(t, "talker"), p.id(t, "other")
	p.compose(t, "exec", "talker", "touch", "/note")
	p.compose(t, "restart", "talker")
	p.DockerUntil(t, "^talker starts\ntalker starts\n$", "compose", "logs", "--no-log-prefix", "talker")
	assert.Equal(t, "other starts\n", p.compose(t, "logs", "--no-log-prefix", "other").Stdout, "the other should run on")
	assert.Equal(t, talker, p.id(t, "talker"), "it should be the same container")
	p.compose(t, "exec", "talker", "ls", "/note")

	course.Say(t, "Another setting in the file: a restart takes no notice of it.")
	file := filepath.Join(p.directory, "compose.yaml")
	course.WriteHostFile(t, file, strings.ReplaceAll(course.ReadHostFile(t, file), "SERVICE: talker", "SERVICE: speaker"))
	p.compose(t, "restart", "talker")
	p.DockerUntil(t, "^(talker starts\n){3}$", "compose", "logs", "--no-log-prefix", "talker")
	assert.Equal(t, talker, p.id(t, "talker"), "it should still be the same container")

	course.Say(t, "`up` makes it another container, with a file tree of its own:")
	p.compose(t, "up", "--detach")
	assert.NotEqual(t, talker, p.id(t, "talker"))
	assert.Equal(t, other, p.id(t, "other"))
	p.DockerFails(t, "compose", "exec", "talker", "ls", "/note")
	p.DockerUntil(t, "^speaker starts\n$", "compose", "logs", "--no-log-prefix", "talker")
}

// A profile is for services that are not always wanted, such as tools. They are started when their profile is named, or
// when they themselves are.
func TestAServiceWithAProfileRunsOnlyWhenAskedFor(t *testing.T) {
	p := theShop(t)
	services := func(flags ...string) []string {
		return strings.Fields(p.compose(t, append(flags, "config", "--services")...).Stdout)
	}
	assert.NotContains(t, services(), "psql")
	assert.Contains(t, services("--profile", "tools"), "psql")
	assert.NotContains(t, p.compose(t, "ps", "--all", "--services").Stdout, "psql")
	answer := p.compose(t, "run", "--rm", "psql", "--tuples-only", "--command", "SELECT 6 * 7")
	assert.Contains(t, answer.Stdout, "42")

	course.Say(t, "Named, or by its profile, in a smaller project:")
	small := newSmall(t, p.engine, `services:
  always: { image: BUSYBOX, command: sleep 600 }
  sometimes: { image: BUSYBOX, command: sleep 600, profiles: [tools] }
`)
	small.compose(t, "up", "--detach")
	small.DockerUntil(t, "^always\n$", "compose", "ps", "--services")
	small.compose(t, "up", "--detach", "sometimes")
	small.DockerUntil(t, "^always\nsometimes\n$", "compose", "ps", "--services")
	small.compose(t, "rm", "--stop", "--force", "sometimes")
	small.DockerUntil(t, "^always\n$", "compose", "ps", "--services")
	small.compose(t, "--profile", "tools", "up", "--detach")
	small.DockerUntil(t, "^always\nsometimes\n$", "compose", "ps", "--services")
}

// What differs from one place to the next is laid over the file: compose.override.yaml is read by itself, other files
// with --file. Lists such as ports are joined, unless !override says that the new one takes their place; single values are
// replaced. `docker compose config` shows what it comes to.
func TestAnOverrideFileChangesWhatItNames(t *testing.T) {
	engine := application(t)
	p := newShop(t, engine)
	plain := p.compose(t, "config", "api-golang").Stdout
	assert.Contains(t, plain, "LOG_LEVEL: info")
	assert.NotContains(t, plain, "ports:")

	override, err := os.ReadFile("compose.override-example.yaml")
	require.NoError(t, err)
	course.WriteHostFile(t, filepath.Join(p.directory, "compose.override.yaml"), string(override))
	overridden := p.compose(t, "config", "api-golang").Stdout
	assert.Contains(t, overridden, "LOG_LEVEL: debug")
	assert.Contains(t, overridden, "ports:")
	assert.Contains(t, overridden, "DATABASE_URL_FILE: ", "what the override doesn't name should stay")

	p.up(t, "api-golang")
	db := p.id(t, "db")
	address := strings.TrimSpace(p.compose(t, "port", "api-golang", "8080").Stdout)
	assert.True(t, strings.HasPrefix(address, "127.0.0.1:"), "the port should be one of the host itself alone, and is %s", address)
	assert.NotContains(t, address, ":8081", "the file .env should count")
	assert.Contains(t, engine.Container.Exec(t, "wget -q -O - http://"+address+"/ping").Stdout, "pong")
	p.DockerUntil(t, `request received.*/ping`, "compose", "logs", "api-golang")

	course.Say(t, "Another file adds a port, and replaces the image:")
	// page is what the page's service comes to, of which its image and its ports are shown.
	page := func(t *testing.T, files ...string) string {
		told := regexp.MustCompile(`(?m)^ +(image: client-.*|target: \d+)$`)
		cli := p.Showing(func(r course.Result) string { return strings.Join(told.FindAllString(r.Stdout, -1), "\n") })
		return cli.Docker(t, append(append([]string{"compose"}, files...), "config", "client-react")...).Stdout
	}
	const another = "services: { client-react: { image: client-vue, ports: [\"127.0.0.1::9090\"] } }\n"
	course.WriteHostFile(t, filepath.Join(p.directory, "another.yaml"), another)
	one, two := page(t, "--file", "compose.yaml"), page(t, "--file", "compose.yaml", "--file", "another.yaml")
	assert.Contains(t, one, "target: 8080")
	assert.Contains(t, one, "image: client-react")
	assert.NotContains(t, one, "target: 9090")
	assert.Contains(t, two, "target: 8080")
	assert.Contains(t, two, "target: 9090")
	assert.Contains(t, two, "image: client-vue")
	assert.NotContains(t, two, "image: client-react")
	t.Run("!override", func(t *testing.T) {
		version := strings.TrimSpace(p.compose(t, "version", "--short").Stdout)
		var major, minor, patch int
		_, err := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d.%d", &major, &minor, &patch)
		require.NoError(t, err)
		if slices.Compare([]int{major, minor, patch}, []int{2, 24, 4}) < 0 {
			t.Skipf("not provable here: Compose knows !override from 2.24.4 on, and this is %s", version)
		}
		replacing := strings.Replace(another, "ports: ", "ports: !override ", 1)
		course.WriteHostFile(t, filepath.Join(p.directory, "replacing.yaml"), replacing)
		other := page(t, "--file", "compose.yaml", "--file", "replacing.yaml")
		assert.NotContains(t, other, "target: 8080")
		assert.Contains(t, other, "target: 9090")
	})

	course.Say(t, "Without the override:")
	p.compose(t, "--file", "compose.yaml", "up", "--detach", "--wait", "api-golang")
	assert.Equal(t, db, p.id(t, "db"), "what hasn't changed should run on")
	assert.NotContains(t, p.compose(t, "logs", "api-golang").Stdout, "request received")
	assert.Empty(t, p.Docker(t, "port", p.id(t, "api-golang")).Stdout)
	p.compose(t, "down", "--volumes", "--timeout", "2")
}

// A password in an environment variable is read by everybody who may inspect the container, and passed on to every
// child process. A secret is a file, below /run/secrets, in the containers of those services that name it and of no
// others.
func TestASecretIsAFileForThoseWhoNameIt(t *testing.T) {
	p := theShop(t)
	list := []string{"compose", "exec", "-T", "db", "ls", "/run/secrets"}
	assert.Equal(t, "db-password\n", p.Docker(t, list...).Stdout)
	assert.Equal(t, p.password, p.compose(t, "exec", "-T", "db", "cat", "/run/secrets/db-password").Stdout)
	none := p.DockerFails(t, "compose", "exec", "-T", "client-react", "ls", "/run/secrets")
	assert.Contains(t, none.Stderr, "No such file or directory")
	for _, service := range []string{"db", "api-golang", "api-node", "client-react"} {
		seen := p.Docker(t, "inspect", p.id(t, service)).Stdout
		assert.NotContains(t, seen, p.password, "%s should not show it", service)
	}

	course.Say(t, "The database takes no other password, from whoever comes over the network:")
	refused := p.DockerFails(t, "compose", "exec", "-T", "db", "sh", "-c",
		`psql "postgres://postgres:other@$(hostname -i)/postgres" --command "SELECT 1"`)
	assert.Contains(t, refused.Stderr, "password authentication failed")

	course.Say(t, "The same password in a variable:")
	name := course.Unique(t, "told-")
	p.Docker(t, "create", "--name", name, "--env", "POSTGRES_PASSWORD="+p.password, p.engine.Ref(t, image.Busybox))
	assert.Contains(t, p.Docker(t, "inspect", "--format", "{{.Config.Env}}", name).Stdout, p.password)
	child := []string{"run", "--rm", "--env", "POSTGRES_PASSWORD=" + p.password, p.engine.Ref(t, image.Busybox), "sh", "-c", "sh -c env; true"}
	assert.Contains(t, p.Docker(t, child...).Stdout, p.password, "a shell that the container's program starts should have it, too")
}

var shop course.Shared[*project]

// theShop is the application, started once by its compose file for all lessons that only look at it.
func theShop(t *testing.T) *project {
	t.Helper()
	started := shop.Get(t, func() *project {
		p := newShop(t, application(t))
		assert.Empty(t, p.compose(t, "ps", "--all", "--quiet").Stdout, "at first there should be nothing")
		forAll := *p
		forAll.CLI = p.CLI.ForAll()
		forAll.up(t)
		return p
	})
	course.Hide(t, started.password)
	return started
}
