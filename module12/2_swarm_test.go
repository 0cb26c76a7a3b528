package module12

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// Swarm is in every Docker engine, and makes one of several machines. A manager keeps what you have said: which
// services, how many tasks of each, of which image. A task is a container on one of the machines, and when there are too
// few, the manager has another one started somewhere. stack.yaml says it in nearly the same words as compose.yaml.
// (The three machines are throwaway engines on one network. Names stand for the addresses of all tasks here, and ports
// are those of the machines: both works on every kernel. What else there is,
// TestTheRoutingMeshTakesRequestsAtEveryMachine tells.)
func TestSwarmKeepsSixPromises(t *testing.T) {
	s := newStack(t)

	swarmStartsHealthy(t, s)
	swarmGivesFiles(t, s)
	swarmSharesLoad(t, s)
	swarmUpdatesWithoutLoss(t, s)
	swarmRollsBadReleasesBack(t, s)
	swarmReplacesWhatIsLost(t, s)
}

func swarmStartsHealthy(t *testing.T, s *stack) {
	course.Say(t, "1. Starts healthy. A task counts when its health check has succeeded:")
	s.manager.In(s.directory).Docker(t, "stack", "deploy", "--resolve-image", "never", "--compose-file", "stack.yaml", "shop")
	s.manager.DockerUntil(t, `^shop_api-golang 2/2\nshop_api-node 1/1\nshop_client-react 3/3\nshop_db 1/1\n$`,
		"service", "ls", "--format", "{{.Name}} {{.Replicas}}")
	course.Say(t, "Each machine serves what runs on it, and that finds the rest, wherever it is:")
	for _, name := range s.names {
		answer := course.Get(t, s.urls[name]+"/api/golang/")
		assert.Equal(t, 200, answer.Status)
		assert.Contains(t, answer.Body, `"api":"golang"`)
	}
	course.Say(t, "The other API has become healthy last. Its address, which the machines tell each other, is known to each nginx some seconds later:")
	for _, name := range s.names {
		course.Eventually(t, "api-node answers by way of "+name, func() bool { return ask(s.urls[name]+"/api/node/", `"api":"node"`) == "" })
	}
	course.Say(t, "The containers have the limits of memory and processors that stack.yaml gives them, and the networks that they need:")
	const settings = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}{{range $name, $_ := .NetworkSettings.Networks}} {{$name}}{{end}}"
	for service, expected := range map[string]string{
		"shop_client-react": "134217728 500000000 shop_frontend\n",
		"shop_api-node":     "268435456 500000000 shop_backend shop_frontend\n",
		"shop_db":           "536870912 1000000000 shop_backend\n",
	} {
		assert.Equal(t, expected, s.manager.Docker(t, "inspect", "--format", settings, s.container(t, "node-1", service)).Stdout)
	}
	assert.Equal(t, "true\n", s.manager.Docker(t, "network", "inspect", "--format", "{{.Internal}}", "shop_backend").Stdout)
	course.Say(t, "What stack.yaml says of each service: how much memory and how many billionths of a processor its tasks may use, whether its "+
		"name stands for the tasks themselves (dnsrr), on which machines they may be, how long they may take to stop, how often their health is "+
		"asked and when a failure counts first, and how an update goes on, for how long a task is on trial and what comes of a failure:")
	const said = "{{.Spec.Name}}: {{with .Spec.TaskTemplate.Resources.Limits}}{{.MemoryBytes}} {{.NanoCPUs}}{{end}}, {{.Spec.EndpointSpec.Mode}}" +
		"{{with .Spec.TaskTemplate.Placement}}, {{.Constraints}}{{end}}" +
		"{{with .Spec.TaskTemplate.ContainerSpec}}, {{.StopGracePeriod}}{{with .Healthcheck}}, {{.Interval}} {{.StartPeriod}}{{end}}{{end}}" +
		"{{with .Spec.UpdateConfig}}, {{.Order}} {{.Monitor}} {{.FailureAction}}{{end}}"
	services := []string{"service", "inspect", "--format", said, "shop_client-react", "shop_api-golang", "shop_api-node", "shop_db"}
	assert.Equal(t, "shop_client-react: 134217728 500000000, dnsrr, [], 10s, stop-first 5s pause\n"+
		"shop_api-golang: 67108864 500000000, dnsrr, [], 10s, 1s 40s, start-first 3s rollback\n"+
		"shop_api-node: 268435456 500000000, dnsrr, [node.labels.data == true], 10s, 0s 0s, start-first 3s rollback\n"+
		"shop_db: 536870912 1000000000, dnsrr, [node.labels.data == true], 1m0s, 3s 1m0s, stop-first 5s pause\n",
		s.manager.Docker(t, services...).Stdout)
	kept(t, swarm, startsHealthy, "7 tasks of 7 on 3 machines")
}

func swarmGivesFiles(t *testing.T, s *stack) {
	course.Say(t, "2. Secrets and configuration are files. The swarm keeps them, and gives them to the machines that run a task "+
		"which names them. The container has a secret in memory, and not on a disk:")
	db := s.container(t, "node-1", "shop_db")
	assert.Equal(t, s.password, s.manager.Docker(t, "exec", db, "cat", "/run/secrets/db-password").Stdout)
	assert.Regexp(t, `^tmpfs /run/secrets/db-password tmpfs ro`,
		s.manager.Docker(t, "exec", db, "grep", "/run/secrets", "/proc/mounts").Stdout)
	page := s.container(t, "node-1", "shop_client-react")
	s.manager.DockerFails(t, "exec", page, "ls", "/run/secrets")

	course.Say(t, "No inspection shows them. (Who may exec in the container reads them, as above.)")
	for _, line := range [][]string{{"inspect", db}, {"secret", "inspect", "db-password", "database-url"},
		{"service", "inspect", "shop_db", "shop_api-golang", "shop_api-node"}} {
		assert.NotContains(t, s.manager.Docker(t, line...).Stdout, s.password)
	}
	course.Say(t, "The database takes no other password, from whoever comes over the network:")
	refused := s.manager.DockerFails(t, "exec", db, "sh", "-c", otherPassword)
	assert.Contains(t, refused.Stderr, "password authentication failed")
	course.Say(t, "The configuration of nginx is a file, too, and nginx has read it:")
	read := s.manager.Docker(t, "exec", page, "nginx", "-T").Stdout
	assert.Contains(t, read, "configuration file /etc/nginx/conf.d/production.conf")
	assert.Contains(t, read, "proxy_next_upstream error timeout http_503;")
	kept(t, swarm, givesFiles, "2 secrets, 1 configuration")
}

func swarmSharesLoad(t *testing.T, s *stack) {
	course.Say(t, "3. Replicas share the load. The name api-golang stands for two tasks, which are on two machines:")
	assert.Len(t, s.running(t), 2)
	before := s.logs(t, "")
	counted := s.visit(t).count(t, 200)
	assert.Zero(t, counted.lost, "no request should be lost")
	answered := map[string]int{}
	for name, log := range s.logs(t, "") {
		if n := strings.Count(log, `"path":"/",`) - strings.Count(before[name], `"path":"/",`); n > 0 {
			answered[name] = n
		}
	}
	course.Say(t, "Of the requests, each machine has answered so many: %v.", answered)
	require.Len(t, answered, 2)
	var each []int
	for _, n := range answered {
		each = append(each, n)
		assert.Greater(t, n, counted.asked/5, "each should have answered a good part")
	}
	assert.InDelta(t, counted.asked, each[0]+each[1], 4, "what was answered last may not be in the log yet")
	kept(t, swarm, sharesLoad, "%d and %d of %d requests", each[0], each[1], each[0]+each[1])
}

func swarmUpdatesWithoutLoss(t *testing.T, s *stack) {
	course.Say(t, "4. A rolling update loses no request. stack.yaml says how it goes on: one task at a time, the new one first. "+
		"(With --no-resolve-image the manager asks no registry which image a tag means. Each machine would pull the image of each task all the same; "+
		"these are told not to, as no registry has them: DOCKER_SERVICE_PREFER_OFFLINE_IMAGE=1 for dockerd.)")
	before := s.lastWord(t)
	visitors := s.visit(t)
	assert.Equal(t, "completed\n", s.update(t, "--image", "api-golang:2"))
	assert.Equal(t, []string{"api-golang:2", "api-golang:2"}, s.running(t))
	counted := visitors.count(t, 200)
	assert.Zero(t, counted.lost, "no request should be lost")
	assert.Equal(t, 2, s.fewest(t, before), "at no time there should have been fewer than two")

	course.Say(t, "Nor does the way back to the first release, for which stack.yaml has words of its own. (Where it has none, as for the "+
		"database, an old task goes before there is a new one.)")
	assert.Equal(t, "start-first\nstart-first\nstop-first\n", s.manager.Docker(t, "service", "inspect", "--format", "{{.Spec.RollbackConfig.Order}}",
		"shop_api-golang", "shop_api-node", "shop_db").Stdout)
	before = s.lastWord(t)
	visitors = s.visit(t)
	assert.Equal(t, "rollback_completed\n", s.rollback(t))
	assert.Equal(t, []string{"api-golang:1", "api-golang:1"}, s.running(t))
	assert.Zero(t, visitors.count(t, 200).lost, "no request should be lost")
	assert.Equal(t, 2, s.fewest(t, before), "at no time there should have been fewer than two")

	course.Say(t, "All at once, and the old ones first:")
	before = s.lastWord(t)
	visitors = s.visit(t)
	assert.Equal(t, "completed\n", s.update(t, "--image", "api-golang:2", "--update-order", "stop-first", "--update-parallelism", "0"))
	assert.Equal(t, []string{"api-golang:2", "api-golang:2"}, s.running(t))
	unlucky := visitors.count(t, 200)
	assert.NotZero(t, unlucky.lost)
	assert.Less(t, s.fewest(t, before), 2)
	kept(t, swarm, updatesWithoutLoss, "%d of %d lost; all at once, old ones first: %d of %d", counted.lost, counted.asked,
		unlucky.lost, unlucky.asked)
}

func swarmRollsBadReleasesBack(t *testing.T, s *stack) {
	course.Say(t, "5. A bad release is rolled back. Its first task doesn't become healthy, and that is the end of the update. (It is given "+
		"five seconds for that here, and not stack.yaml's forty, so that nobody has to wait.)")
	visitors := s.visit(t)
	assert.Equal(t, "rollback_completed\n", s.update(t, "--image", "api-golang:bad", "--health-start-period", "5s",
		"--update-order", "start-first", "--update-parallelism", "1"))
	course.Say(t, "A task of the old release may take a moment to start again:")
	s.manager.DockerUntil(t, `^(api-golang:2 \S+ Running .*\n){2}$`, tasks("{{.Image}}")...)
	counted := visitors.count(t, 200)
	assert.Zero(t, counted.lost, "no request should be lost")
	course.Say(t, "Nobody has asked the bad one for anything but its health, as the name stands for healthy tasks only:")
	bad := strings.Join(slices.Collect(maps.Values(s.logs(t, "api-golang:bad"))), "")
	assert.Contains(t, bad, `"path":"/healthz"`)
	assert.NotContains(t, bad, `"path":"/",`)
	kept(t, swarm, holdsBadReleases, "rolled back by itself; %d of %d lost", counted.lost, counted.asked)
}

func swarmReplacesWhatIsLost(t *testing.T, s *stack) {
	course.Say(t, "6. What is lost is replaced. A container that is removed:")
	lost, where := s.worker(t)
	s.nodes[where].Docker(t, "rm", "--force", s.container(t, where, "shop_api-golang"))
	s.replaced(t, lost)

	course.Say(t, "And a machine. Its engine dies, and doesn't tell anybody. Who says nothing three times in a row is down:")
	lost, where = s.worker(t)
	course.Docker(t, "kill", s.nodes[where].Container.Name)
	s.manager.DockerUntil(t, "(?m)^"+where+" Down$", "node", "ls", "--format", "{{.Hostname}} {{.Status}}")
	s.replaced(t, lost)
	counted := s.visit(t).count(t, 200)
	assert.Zero(t, counted.lost, "no request should be lost")

	course.Say(t, "The database. Its rows are on a volume of the machine to which the constraint binds it, and the next one has them:")
	db := s.container(t, "node-1", "shop_db")
	s.manager.Docker(t, "exec", db, "psql", "--host", "127.0.0.1", "--username", "postgres", "--command",
		"CREATE TABLE guests AS SELECT 'Ada' AS name")
	s.manager.Docker(t, "rm", "--force", db)
	course.DockerUntil(t, "^ Ada\n", "exec", s.manager.Container.Name, "sh", "-c", "docker exec $(docker ps --quiet "+
		"--filter label=com.docker.swarm.service.name=shop_db) psql --host 127.0.0.1 --username postgres --tuples-only "+
		"--command 'SELECT name FROM guests'")
	kept(t, swarm, replacesWhatIsLost, "a container; the tasks of a lost machine")

	course.Say(t, "The stack goes. The secrets were there before it, and stay:")
	s.manager.Docker(t, "stack", "rm", "shop")
	assert.Empty(t, s.manager.Docker(t, "service", "ls", "--quiet").Stdout)
	assert.Empty(t, s.manager.Docker(t, "config", "ls", "--quiet").Stdout)
	s.manager.DockerUntil(t, "^$", "network", "ls", "--quiet", "--filter", "name=shop_")
	assert.Equal(t, "database-url\ndb-password\n", sorted(s.manager.Docker(t, "secret", "ls", "--format", "{{.Name}}").Stdout))
	course.Say(t, "So does the database's volume:")
	assert.Equal(t, "shop_pgdata\n", s.manager.Docker(t, "volume", "ls", "--quiet", "--filter", "name=shop_").Stdout)
}

// offline has a machine of a swarm run the images that it has. It would pull that of each task, wherever one says so by a tag, and go
// on with its own only if it gets none.
// https://github.com/moby/moby/blob/v26.1.4/daemon/cluster/executor/container/controller.go
var offline = course.Env("DOCKER_SERVICE_PREFER_OFFLINE_IMAGE", "1")

// A stack is three machines that are a swarm, and on which the application is to run.
type stack struct {
	names     []string // of the machines; the first is the manager
	nodes     map[string]*course.ThrowawayEngine
	urls      map[string]string // of the machines' port 8080
	manager   *course.ThrowawayEngine
	directory string // with stack.yaml
	password  string // of the database
}

// newStack makes a swarm of three machines. They have the images that they may need, as no registry has them.
func newStack(t *testing.T) *stack {
	t.Helper()
	severalMachines(t)
	network := course.NewNetwork(t, "machines")
	s := &stack{names: []string{"node-1", "node-2", "node-3"}, nodes: map[string]*course.ThrowawayEngine{},
		urls: map[string]string{}, password: course.Secret(t), directory: course.HostDirectory(t)}
	for _, name := range s.names {
		s.nodes[name] = course.NewThrowawayEngine(t, course.Join(network, name), course.Hostname(name), course.Publish(0, 8080), offline)
		s.urls[name] = "http://" + s.nodes[name].Endpoint(t, 8080)
	}
	s.manager = s.nodes["node-1"]

	images := release(t)
	var loading sync.WaitGroup
	loading.Go(func() { images.deliver(t, s.manager, append(apis, "client-react:1", "api-node:1"), image.Postgres) })
	for _, name := range s.names[1:] {
		loading.Go(func() { images.deliver(t, s.nodes[name], append(apis, "client-react:1")) })
	}
	loading.Wait()
	require.False(t, t.Failed(), "the images should be there")

	course.Say(t, "The first machine makes a swarm, and the others join it, with a token that says what they may become. "+
		"(A machine that says nothing for three heartbeats is down. A heartbeat is five seconds, unless one says otherwise.)")
	join(t, s.manager, []string{"--dispatcher-heartbeat", "2s"}, "worker", s.nodes["node-2"], s.nodes["node-3"])
	s.manager.DockerUntil(t, "^node-1 Ready Leader\nnode-2 Ready \nnode-3 Ready \n$",
		"node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}")
	assert.Equal(t, "2s\n", s.manager.Docker(t, "info", "--format", "{{.Swarm.Cluster.Spec.Dispatcher.HeartbeatPeriod}}").Stdout)
	s.manager.Docker(t, "node", "update", "--label-add", "data=true", "node-1")
	s.manager.DockerStdin(t, s.password, "secret", "create", "db-password", "-")
	s.manager.DockerStdin(t, "postgres://postgres:"+s.password+"@db:5432/postgres", "secret", "create", "database-url", "-")
	write(t, s.directory, "stack.yaml", example.File(t, "stack.yaml"))
	write(t, s.directory, "production.conf", course.ReadHostFile(t, "production.conf"))
	course.Typed(t, "", "cp", "stack.yaml", "production.conf", s.directory)
	return s
}

// join makes a swarm of a manager, with flags of `docker swarm init`, and others, which join it as a role: worker or manager.
func join(t *testing.T, manager *course.ThrowawayEngine, flags []string, role string, others ...*course.ThrowawayEngine) {
	t.Helper()
	manager.Showing(masked).Docker(t, append([]string{"swarm", "init", "--advertise-addr", "eth0"}, flags...)...)
	token := strings.TrimSpace(manager.Showing(masked).Docker(t, "swarm", "join-token", "--quiet", role).Stdout)
	course.Hide(t, token)
	address := manager.Docker(t, "info", "--format", "{{.Swarm.NodeAddr}}:2377").Stdout
	for _, other := range others {
		other.Docker(t, "swarm", "join", "--token", token, strings.TrimSpace(address))
	}
}

var joinToken = regexp.MustCompile(`SWMTKN-\S+`)

// masked is an output without the tokens in it.
func masked(result course.Result) string {
	return joinToken.ReplaceAllString(result.Output(), "********")
}

// visit sends visitors to the first machine.
func (s *stack) visit(t *testing.T) *visitors {
	t.Helper()
	return visit(t, s.urls["node-1"]+"/api/golang/", `"api":"golang"`)
}

// update updates api-golang, and returns how it ended: "completed", "rollback_completed" or "paused".
func (s *stack) update(t *testing.T, flags ...string) string {
	t.Helper()
	line := append([]string{"service", "update", "--detach", "--no-resolve-image"}, flags...)
	s.manager.Docker(t, append(line, "shop_api-golang")...)
	ended := updated(t, s.manager, "shop_api-golang")
	if ended != "completed\n" {
		course.Say(t, "Why it wasn't completed, the tasks know:")
		s.manager.Docker(t, "service", "ps", "--no-trunc", "--format", "{{.Image}} {{.CurrentState}} {{.Error}}", "shop_api-golang")
		course.Say(t, "And their containers know what the last check of their health said. (One that has stopped is called unhealthy, too.)")
		for _, name := range s.names {
			course.DockerTries(t, s.eachContainer(name, "docker inspect --format '"+lastCheck+"' $id | grep .")...)
		}
	}
	return ended
}

// lastCheck tells of a container which image it is of, whether it is healthy, and what the last check of its health said.
const lastCheck = `{{$last := "nothing"}}{{with .State.Health}}{{range .Log}}{{$last = .Output}}{{end}}{{end}}` +
	`{{.Config.Image}} is {{.State.Status}} and {{with .State.Health}}{{.Status}}{{end}}: {{$last}}`

// rollback brings api-golang back to what it was before its last update, and returns how that ended.
func (s *stack) rollback(t *testing.T) string {
	t.Helper()
	s.manager.Docker(t, "service", "rollback", "--detach", "shop_api-golang")
	return updated(t, s.manager, "shop_api-golang")
}

// updated waits until a service is no longer updated or rolled back, and returns how that ended.
func updated(t *testing.T, manager *course.ThrowawayEngine, service string) string {
	t.Helper()
	return manager.DockerUntil(t, "completed|paused", "service", "inspect", "--format",
		"{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}", service).Stdout
}

// tasks is the command that lists the tasks of api-golang that shall run: something of each, its machine, and its state.
func tasks(something string) []string {
	return []string{"service", "ps", "--filter", "desired-state=running", "--format", something + " {{.Node}} {{.CurrentState}}",
		"shop_api-golang"}
}

// running are the images of those tasks of api-golang that run.
func (s *stack) running(t *testing.T) (images []string) {
	t.Helper()
	listed := s.manager.Docker(t, tasks("{{.Image}}")...).Stdout
	for line := range strings.Lines(listed) {
		if words := strings.Fields(line); words[2] == "Running" {
			images = append(images, words[0])
		}
	}
	return images
}

// A word is what a task says in its log when it begins to listen, and when it is told to stop.
type word struct {
	Time time.Time
	Msg  string
}

// said is what the tasks of api-golang have said so far, in the order of time.
func (s *stack) said(t *testing.T) (said []word) {
	t.Helper()
	for _, log := range s.logs(t, "") {
		for line := range strings.Lines(log) {
			var w word
			if json.Unmarshal([]byte(line), &w) == nil && (w.Msg == "listening" || w.Msg == "stopping") {
				said = append(said, w)
			}
		}
	}
	slices.SortFunc(said, func(a, b word) int { return a.Time.Compare(b.Time) })
	return said
}

// lastWord is when a task of api-golang has said something last.
func (s *stack) lastWord(t *testing.T) time.Time {
	t.Helper()
	said := s.said(t)
	require.NotEmpty(t, said)
	return said[len(said)-1].Time
}

// fewest is how many tasks of api-golang have served at once, at the worst time after that. (Swarm removes the containers of
// older tasks, and with them their words: all of such a task, so that the rest can be counted.)
func (s *stack) fewest(t *testing.T, after time.Time) int {
	t.Helper()
	serving := 0
	var since []int
	for _, w := range s.said(t) {
		if w.Msg == "listening" {
			serving++
		} else {
			serving--
		}
		if w.Time.After(after) {
			course.Say(t, "%s %s", w.Time.Format(time.TimeOnly), w.Msg)
			since = append(since, serving)
		}
	}
	require.NotEmpty(t, since, "since the update began, a task should have said something")
	fewest := slices.Min(since)
	course.Say(t, "At the worst time, %d of them served.", fewest)
	return fewest
}

// logs is what all tasks of api-golang have printed, those included that have ended, by the machine that they are on. With an
// image, it is what those of this image have.
func (s *stack) logs(t *testing.T, image string) map[string]string {
	t.Helper()
	line := "docker logs $id"
	if image != "" {
		line = "docker inspect --format '{{.Config.Image}}' $id | grep -q '^" + image + "' && " + line
	}
	logs := map[string]string{}
	for _, name := range s.names {
		counted := course.CLI{}.Showing(func(log course.Result) string {
			return fmt.Sprintf("... (%d lines)", strings.Count(log.Stdout, "\n"))
		})
		logs[name] = counted.Docker(t, s.eachContainer(name, line)...).Stdout
	}
	return logs
}

// eachContainer is the docker command that performs a shell line for each container of api-golang that a machine has, those that
// have ended included: $id is the container's.
func (s *stack) eachContainer(machine, line string) []string {
	return []string{"exec", s.nodes[machine].Container.Name, "sh", "-c", "for id in $(docker ps --all --quiet " +
		"--filter label=com.docker.swarm.service.name=shop_api-golang); do " + line + "; done; true"}
}

// replaced waits until another task runs in place of a lost one.
func (s *stack) replaced(t *testing.T, lost string) {
	t.Helper()
	s.manager.DockerUntil(t, "(?m)^"+lost+" Shutdown", "service", "ps", "--format", "{{.ID}} {{.DesiredState}} {{.Node}}",
		"shop_api-golang")
	s.manager.DockerUntil(t, `^(\S+ \S+ Running [^\n]*\n){2}$`, tasks("{{.ID}}")...)
}

// worker is a task of api-golang that runs on another machine than the first, and which that is.
func (s *stack) worker(t *testing.T) (task, node string) {
	t.Helper()
	for line := range strings.Lines(s.manager.Docker(t, tasks("{{.ID}}")...).Stdout) {
		if words := strings.Fields(line); words[1] != "node-1" {
			return words[0], words[1]
		}
	}
	t.Fatal("two tasks should be on two machines")
	return "", ""
}

// container is the container of a service that runs on a machine.
func (s *stack) container(t *testing.T, node, service string) string {
	t.Helper()
	ids := strings.Fields(s.nodes[node].Docker(t, "ps", "--quiet", "--filter", "label=com.docker.swarm.service.name="+service).Stdout)
	require.NotEmpty(t, ids)
	return ids[0]
}
