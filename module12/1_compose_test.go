package module12

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// Compose in production: one machine, and compose.yaml with what a production needs besides. The machine is another one
// than yours, and a docker context is how your docker command knows the way there. Compose does what the file says, once,
// when you say so; afterwards the engine restarts what ends, and that is all. A rolling update is made by hand.
func TestComposeKeepsSixPromises(t *testing.T) {
	machine := course.NewThrowawayEngine(t, course.Publish(0, 8080))
	release(t).deliver(t, machine, append(apis, "api-node:1", "client-react:1"), image.Postgres)
	p := production(t, machine)

	composeStartsHealthy(t, p)
	composeGivesFiles(t, p)
	composeSharesLoad(t, p)
	composeUpdatesWithoutLoss(t, p)
	composeHoldsBadReleases(t, p)
	composeReplacesWhatIsLost(t, p)
}

func composeStartsHealthy(t *testing.T, p *project) {
	course.Say(t, "1. Starts healthy. --wait returns when every health check has succeeded:")
	p.compose(t, "up", "--detach", "--wait")
	const format = "{{.Service}} {{.State}} {{.Health}}"
	assert.Equal(t, "api-golang running healthy\napi-golang running healthy\napi-node running healthy\n"+
		"client-react running healthy\ndb running healthy\n", sorted(p.compose(t, "ps", "--format", format).Stdout))
	answer := course.Get(t, p.url+"/api/golang/")
	assert.Equal(t, 200, answer.Status)
	assert.Contains(t, answer.Body, `"api":"golang"`)

	course.Say(t, "It is all on the machine that the context names, and nothing of it on any other:")
	there := p.Docker(t, "ps", "--quiet", "--no-trunc", "--filter", "name=shop-").Stdout
	assert.Len(t, strings.Fields(there), 5)
	here := course.Docker(t, "ps", "--quiet", "--no-trunc").Stdout
	for _, id := range strings.Fields(there) {
		assert.NotContains(t, here, id)
	}

	course.Say(t, "Each has its limits of memory and processors and the networks that it needs, is started again when it ends, and keeps three "+
		"log files of 10 MB. The database has a minute to stop:")
	const settings = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}{{range $name, $_ := .NetworkSettings.Networks}} {{$name}}{{end}}, " +
		"{{.HostConfig.RestartPolicy.Name}}, {{.HostConfig.LogConfig.Type}} {{.HostConfig.LogConfig.Config}}"
	for service, expected := range map[string]string{
		"client-react": "134217728 500000000 shop_frontend",
		"api-golang":   "67108864 500000000 shop_backend shop_frontend",
		"api-node":     "268435456 500000000 shop_backend shop_frontend",
		"db":           "536870912 1000000000 shop_backend",
	} {
		for _, id := range p.ids(t, service) {
			assert.Equal(t, expected+", unless-stopped, json-file map[max-file:3 max-size:10m]", p.inspect(t, id, settings))
		}
	}
	assert.Equal(t, "60", p.inspect(t, p.ids(t, "db")[0], "{{.Config.StopTimeout}}"))
	course.Say(t, "How often their health is asked once they are healthy, and before; and for how long only success counts:")
	const asked = "{{with .Config.Healthcheck}}{{.Interval}} {{.StartInterval}} {{.StartPeriod}}{{end}}"
	assert.Equal(t, "1s 1s 20s", p.inspect(t, p.ids(t, "api-golang")[0], asked))
	assert.Equal(t, "10s 1s 1m0s", p.inspect(t, p.ids(t, "db")[0], asked))
	assert.Equal(t, "true\n", p.Docker(t, "network", "inspect", "--format", "{{.Internal}}", "shop_backend").Stdout)
	kept(t, compose, startsHealthy, "5 containers of 5")
}

func composeGivesFiles(t *testing.T, p *project) {
	course.Say(t, "2. Secrets and configuration are files. The file with the password's address is in the containers of "+
		"those who need it:")
	for _, api := range []string{"api-node", "db"} {
		assert.Contains(t, p.compose(t, "exec", "-T", api, "sh", "-c", "cat /run/secrets/*").Stdout, p.password)
	}
	p.DockerFails(t, "compose", "exec", "-T", "client-react", "ls", "/run/secrets")
	course.Say(t, "The file says what is in them by variables (`environment`), which are of this machine. A file of this machine isn't one of "+
		"that one, where it would be looked for:")
	ofFiles := strings.Replace(p.file, "    environment: DB_PASSWORD\n", "    file: ./.env\n", 1)
	require.NotEqual(t, p.file, ofFiles)
	write(t, p.directory, "of-files.yaml", ofFiles)
	nowhere := p.DockerFails(t, "compose", "--file", "of-files.yaml", "run", "--rm", "--no-deps", "db", "true")
	assert.Contains(t, nowhere.Output(), "bind source path does not exist")
	course.Say(t, "In no environment, and in no other setting of a container:")
	for _, service := range []string{"api-golang", "api-node", "client-react", "db"} {
		seen := p.Docker(t, "inspect", p.ids(t, service)[0]).Stdout
		assert.NotContains(t, seen, p.password, "%s should not show it", service)
	}
	course.Say(t, "The database takes no other password, from whoever comes over the network:")
	refused := p.DockerFails(t, "compose", "exec", "-T", "db", "sh", "-c", otherPassword)
	assert.Contains(t, refused.Stderr, "password authentication failed")
	course.Say(t, "The configuration of nginx is a file, too, and nginx has read it:")
	read := p.compose(t, "exec", "-T", "client-react", "nginx", "-T").Stdout
	assert.Contains(t, read, "configuration file /etc/nginx/conf.d/production.conf")
	assert.Contains(t, read, "proxy_next_upstream error timeout http_503;")
	course.Say(t, "Without the line `secrets` (which is all that is missing in without.yaml), there is no such file, and the API doesn't start:")
	without := strings.Replace(p.file, "    secrets: [database-url]\n", "", 1)
	require.NotEqual(t, p.file, without)
	write(t, p.directory, "without.yaml", without)
	missing := p.DockerFails(t, "compose", "--file", "without.yaml", "run", "--rm", "--no-deps", "api-golang")
	assert.Contains(t, missing.Output(), "DATABASE_URL_FILE cannot be read")
	kept(t, compose, givesFiles, "2 secrets, 1 configuration")
}

func composeSharesLoad(t *testing.T, p *project) {
	course.Say(t, "3. Replicas share the load. The name api-golang stands for two containers, and nginx takes turns:")
	answered := p.answered(t, "api-golang")
	counted := visit(t, p.url+"/api/golang/", `"api":"golang"`).count(t, 200)
	assert.Zero(t, counted.lost, "no request should be lost")
	assert.Len(t, answered, 2)
	var each []int
	for id, n := range p.answered(t, "api-golang") {
		each = append(each, n-answered[id])
		assert.Greater(t, n-answered[id], counted.asked/5, "each should have answered a good part")
	}
	course.Say(t, "One has answered %d, the other %d.", each[0], each[1])
	assert.InDelta(t, counted.asked, each[0]+each[1], 4, "what was answered last may not be in the log yet")

	course.Say(t, "api-node has one container, which answers all:")
	alone := p.ids(t, "api-node")
	require.Len(t, alone, 1)
	before := p.answered(t, "api-node")[alone[0]]
	counted = visit(t, p.url+"/api/node/", `"api":"node"`).count(t, 50)
	assert.InDelta(t, counted.asked, p.answered(t, "api-node")[alone[0]]-before, 4)
	kept(t, compose, sharesLoad, "%d and %d of %d requests", each[0], each[1], each[0]+each[1])
}

func composeUpdatesWithoutLoss(t *testing.T, p *project) {
	course.Say(t, "4. A rolling update loses no request. Compose knows no such thing, but it has all the parts. First, "+
		"containers of the new release besides the old ones, until they are healthy:")
	old := p.ids(t, "api-golang")
	visitors := visit(t, p.url+"/api/golang/", `"api":"golang"`)
	updated := p.with("API_GOLANG=api-golang:2")
	updated.compose(t, "up", "--detach", "--wait", "--no-recreate", "--scale", "api-golang=4", "api-golang")
	var added []string
	for _, id := range p.ids(t, "api-golang") {
		if !slices.Contains(old, id) {
			added = append(added, id)
		}
	}
	require.Len(t, added, 2)
	course.Say(t, "nginx asks for the addresses of a name every five seconds. When it is told to read its files again, it begins "+
		"anew: new worker processes take the requests, and the old ones end when they have answered theirs.")
	p.reload(t)
	course.Say(t, "Now all of it knows the new ones, and the old ones may go. If it still asks one of those, it asks the next one then:")
	updated.Docker(t, append([]string{"stop"}, old...)...)
	updated.Docker(t, append([]string{"rm"}, old...)...)
	course.Say(t, "Now everything is as the file says, and compose has nothing left to do:")
	updated.compose(t, "up", "--detach", "--wait")
	assert.ElementsMatch(t, added, p.ids(t, "api-golang"))
	for _, id := range added {
		assert.Equal(t, "api-golang:2", p.inspect(t, id, "{{.Config.Image}}"))
	}
	counted := visitors.count(t, 200)
	assert.Zero(t, counted.lost, "no request should be lost")

	course.Say(t, "`up` alone, back to the first release, stops an old one, and then starts the new one in its place. "+
		"The engine's events tell it. The filters choose those of one container: its program has ended (die), or begun (start):")
	name := strings.TrimPrefix(p.inspect(t, added[0], "{{.Name}}"), "/")
	events := p.DockerInBackground(t, "events", "--since", "0s", "--format", "{{.Action}}",
		"--filter", "container="+name, "--filter", "event=die", "--filter", "event=start")
	p.compose(t, "up", "--detach", "--wait")
	events.WaitForOutput(t, "start\n")
	course.Show(t, events.Output())
	assert.Equal(t, "die\nstart\n", events.Output())

	course.Say(t, "How long nobody is there depends on the machine. In two steps, everybody sees it. So that nothing else is to "+
		"blame, nginx is told first to ask for the new addresses, and then no request is lost:")
	p.reload(t)
	assert.Zero(t, visit(t, p.url+"/api/golang/", `"api":"golang"`).count(t, 200).lost, "no request should be lost")
	visitors = visit(t, p.url+"/api/golang/", `"api":"golang"`)
	p.compose(t, "stop", "api-golang")
	visitors.untilOneIsLost(t)
	// compose goes by the engine's list. (The list of a busy engine is a moment behind what happened.)
	p.DockerUntil(t, "^$", "compose", "ps", "--quiet", "--status", "running", "api-golang")
	p.compose(t, "up", "--detach", "--wait")
	unlucky := visitors.count(t, 200)
	kept(t, compose, updatesWithoutLoss, "%d of %d lost; stopped first, %d of %d", counted.lost, counted.asked,
		unlucky.lost, unlucky.asked)
}

func composeHoldsBadReleases(t *testing.T, p *project) {
	course.Say(t, "5. A bad release is held. Started besides the old containers, it doesn't become healthy, and compose fails:")
	old := p.ids(t, "api-golang")
	visitors := visit(t, p.url+"/api/golang/", `"api":"golang"`)
	tried := p.with("API_GOLANG=api-golang:bad")
	refused := tried.DockerFails(t, "compose", "up", "--detach", "--wait", "--no-recreate",
		"--scale", "api-golang=4", "api-golang")
	assert.Contains(t, refused.Stderr, "is unhealthy")
	course.Say(t, "Once nginx has their addresses, it asks them, too. They answer with 503, and it asks the next one:")
	p.reload(t)
	lines := p.Showing(func(log course.Result) string { return fmt.Sprintf("... (%d lines)", strings.Count(log.Stdout, "\n")) })
	for _, id := range p.ids(t, "api-golang") {
		if !slices.Contains(old, id) {
			lines.DockerUntil(t, `"path":"/","status":503`, "logs", id)
		}
	}
	course.Say(t, "The old ones are still there, and one takes the new ones away:")
	p.compose(t, "up", "--detach", "--no-recreate", "--wait", "--scale", "api-golang=2", "api-golang")
	assert.ElementsMatch(t, old, p.ids(t, "api-golang"))
	counted := visitors.count(t, 200)
	assert.Zero(t, counted.lost, "no request should be lost")

	course.Say(t, "With `up` alone, which stops the old ones first, nobody is left to answer:")
	tried.compose(t, "up", "--detach", "--no-deps", "api-golang")
	course.Eventually(t, "the bad release answers", func() bool {
		return strings.HasPrefix(ask(p.url+"/api/golang/", `"api":"golang"`), "503")
	})
	assert.Contains(t, course.Get(t, p.url+"/api/golang/").Body, "server refused TLS connection")
	p.compose(t, "up", "--detach", "--wait")
	kept(t, compose, holdsBadReleases, "held by `up --wait`; %d of %d lost", counted.lost, counted.asked)
}

func composeReplacesWhatIsLost(t *testing.T, p *project) {
	course.Say(t, "6. What is lost is replaced. The program of a container dies, on the machine, and the engine starts it again:")
	id := p.ids(t, "api-golang")[0]
	assert.Equal(t, "0", p.inspect(t, id, "{{.RestartCount}}"))
	p.machine.Container.Exec(t, "kill -KILL $(docker inspect --format '{{.State.Pid}}' "+id+")")
	p.DockerUntil(t, "^1 running healthy\n$", "inspect", "--format",
		"{{.RestartCount}} {{.State.Status}} {{.State.Health.Status}}", id)

	course.Say(t, "A container that is removed stays away: compose has done its work, and isn't there any more. The next `up` "+
		"makes another one:")
	p.Docker(t, "rm", "--force", id)
	visit(t, p.url+"/api/golang/", `"api":"golang"`).count(t, 200)
	assert.Len(t, p.ids(t, "api-golang"), 1)
	p.compose(t, "up", "--detach", "--wait")
	assert.Len(t, p.ids(t, "api-golang"), 2)

	course.Say(t, "The database's, too. Its rows are on a volume, and the next one has them:")
	psql := []string{"compose", "exec", "-T", "db", "psql", "--host", "127.0.0.1", "--username", "postgres", "--tuples-only", "--command"}
	p.Docker(t, append(psql, "CREATE TABLE guests AS SELECT 'Ada' AS name")...)
	p.Docker(t, "rm", "--force", p.ids(t, "db")[0])
	p.compose(t, "up", "--detach", "--wait", "db")
	assert.Equal(t, " Ada\n\n", p.Docker(t, append(psql, "SELECT name FROM guests")...).Stdout)
	kept(t, compose, replacesWhatIsLost, "a program by the engine; a container by the next `up`")
}

// otherPassword is a shell line that asks the database for something at its address in the network, with a password that it hasn't.
const otherPassword = `psql "postgres://postgres:other@$(hostname -i)/postgres" --command "SELECT 1"`

// A project is compose.yaml in a directory, and the machine on which it is to run.
type project struct {
	course.CLI // docker, in that directory, with a configuration of its own, and no engine but those of its contexts
	machine    *course.ThrowawayEngine
	directory  string
	file       string // the content of compose.yaml
	password   string // of the database
	url        string // of the page
}

// production makes a context for the machine, and a project beside which the secrets are.
func production(t *testing.T, machine *course.ThrowawayEngine) *project {
	t.Helper()
	password := course.Secret(t)
	file := example.File(t, "compose.yaml")
	directory := course.HostDirectory(t)
	write(t, directory, "compose.yaml", file)
	write(t, directory, ".env", "DB_PASSWORD="+password+"\nDATABASE_URL=postgres://postgres:"+password+"@db:5432/postgres\n")
	course.Typed(t, "", "cp", "compose.yaml", ".env", directory)
	p := &project{CLI: course.CLI{}.WithOwnConfiguration(t).WithoutEngine().In(directory), machine: machine,
		directory: directory, file: file, password: password, url: "http://" + machine.Endpoint(t, 8080)}
	p.Docker(t, "context", "create", "production", "--docker", machine.ContextEndpoint())
	p.Docker(t, "context", "use", "production")
	if read := p.DockerTries(t, "compose", "config", "--quiet"); strings.Contains(read.Stderr, "content is not allowed") {
		t.Skip("not provable here: this docker compose is older than 2.23.1, and knows no `content` of a configuration")
	}
	return p
}

// write writes a file without showing it.
func write(t *testing.T, directory, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(directory, name), []byte(content), 0o644))
}

// with is the project with a variable set for the file.
func (p *project) with(variable string) *project {
	other := *p
	other.CLI = p.With(variable)
	return &other
}

func (p *project) compose(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return p.Docker(t, append([]string{"compose"}, arguments...)...)
}

// ids are the containers of a service.
func (p *project) ids(t *testing.T, service string) []string {
	t.Helper()
	return strings.Fields(p.compose(t, "ps", "--quiet", service).Stdout)
}

// reload tells nginx to read its files again, and waits until the worker processes that it had have ended.
func (p *project) reload(t *testing.T) {
	t.Helper()
	log := p.Showing(func(log course.Result) string {
		about := slices.DeleteFunc(strings.SplitAfter(log.Output(), "\n"), func(line string) bool {
			return !strings.Contains(line, "start worker process ") && !strings.Contains(line, "exited with code")
		})
		return strings.Join(about, "") + "... (and what it says of other things)"
	})
	workers := strings.Count(log.Docker(t, "compose", "logs", "client-react").Output(), "start worker process ")
	require.NotZero(t, workers)
	p.compose(t, "exec", "-T", "client-react", "nginx", "-s", "reload")
	log.DockerUntil(t, fmt.Sprintf("(?s)(worker process \\d+ exited with code 0.*){%d}", workers), "compose", "logs", "client-react")
}

func (p *project) inspect(t *testing.T, id, format string) string {
	t.Helper()
	return strings.TrimSpace(p.Docker(t, "inspect", "--format", format, id).Stdout)
}

// answered is how many requests each container of a service has answered until now, health checks not counted.
func (p *project) answered(t *testing.T, service string) map[string]int {
	t.Helper()
	answered := map[string]int{}
	for _, id := range p.ids(t, service) {
		p.Showing(func(log course.Result) string {
			answered[id] = strings.Count(log.Stdout, `"path":"/",`)
			return fmt.Sprintf("... (of %d requests)", answered[id])
		}).Docker(t, "logs", id)
	}
	return answered
}

// sorted are the lines of a text in order.
func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}
