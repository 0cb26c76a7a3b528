package module12

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// Two tokens open a swarm: one makes workers of those who join, the other managers, as in the next lesson. A worker runs tasks
// and can't say anything; only managers take commands. And who has a wrong one stays outside.
func TestATokenSaysWhatAMachineBecomes(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	list := []string{"node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"}
	assert.Equal(t, "first Ready Leader\nsecond Ready \nthird Ready \n", sorted(s.first.Docker(t, list...).Stdout))
	refused := s.second.DockerFails(t, "service", "ls")
	assert.Contains(t, refused.Stderr, "This node is not a swarm manager")

	course.Say(t, "A token begins with a fingerprint of the swarm, by which a machine knows whom it joins, and ends with a secret, by which the "+
		"swarm knows whom it lets in. One of another swarm:")
	stranger := course.NewThrowawayEngine(t)
	address := strings.TrimSpace(s.first.Docker(t, "info", "--format", "{{.Swarm.NodeAddr}}:2377").Stdout)
	const another = "SWMTKN-1-11111111111111111111111111111111111111111111111111-1111111111111111111111111"
	refused = stranger.DockerFails(t, "swarm", "join", "--token", another, address)
	assert.Contains(t, refused.Stderr, "remote CA does not match fingerprint")

	course.Say(t, "And one of this swarm, with a secret that is guessed:")
	token := strings.TrimSpace(s.first.Showing(masked).Docker(t, "swarm", "join-token", "--quiet", "worker").Stdout)
	course.Hide(t, token)
	guessed := token[:strings.LastIndex(token, "-")] + another[strings.LastIndex(another, "-"):]
	refused = stranger.DockerFails(t, "swarm", "join", "--token", guessed, address)
	assert.Contains(t, refused.Stderr, "A valid join token is necessary")
	assert.Equal(t, "inactive\n", stranger.Docker(t, "info", "--format", "{{.Swarm.LocalNodeState}}").Stdout)
	assert.Equal(t, 3, strings.Count(s.first.Docker(t, list...).Stdout, "\n"))
}

// Managers keep what there shall be, each of them all of it. What one is told holds when more than half of them have it, and
// one of them leads. So three bear the loss of one: another leads. They don't bear the loss of two: what runs, runs on, but
// nobody takes commands. From the one that is left a swarm is made again, by force.
// https://docs.docker.com/engine/swarm/admin_guide/
func TestThreeManagersBearTheLossOfOneAndNotOfTwo(t *testing.T) {
	first := course.NewThrowawayEngine(t, course.Hostname("first"), offline)
	second := course.NewThrowawayEngine(t, course.Hostname("second"), offline)
	third := course.NewThrowawayEngine(t, course.Hostname("third"), offline)
	join(t, first, nil, "manager", second, third)
	managers := []string{"node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}"}
	first.DockerUntil(t, "^first Leader\nsecond Reachable\nthird Reachable\n$", managers...)
	create := []string{"service", "create", "--detach", "--no-resolve-image", "--init"}
	idle := []string{busybox(t, first, second, third), "sleep", "1000000"}
	first.Docker(t, slices.Concat(create, []string{"--name", "web", "--mode", "global"}, idle)...)
	runs(t, first, "web", "^first\nsecond\nthird\n$")

	course.Say(t, "The leader is lost. Another one leads, and what either of the two is told holds:")
	course.Docker(t, "kill", first.Container.Name)
	second.DockerUntil(t, "^first Unreachable\n(second Leader\nthird Reachable|second Reachable\nthird Leader)\n$", managers...)
	second.Docker(t, slices.Concat(create, []string{"--name", "more"}, idle)...)
	runs(t, third, "more", "^(second|third)\n$")

	course.Say(t, "A second one is lost. The one that is left waits for somebody to agree with it, in vain:")
	course.Docker(t, "kill", second.Container.Name)
	third.DockerFails(t, "service", "rm", "more")
	third.DockerUntil(t, "The swarm does not have a leader", "service", "ls")
	course.Say(t, "What runs there, runs on:")
	assert.NotEmpty(t, third.Docker(t, "ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=web").Stdout)

	course.Say(t, "By force it becomes the one manager of a swarm, which knows all that the old one knew:")
	third.Showing(masked).Docker(t, "swarm", "init", "--force-new-cluster", "--advertise-addr", "eth0")
	third.DockerUntil(t, "(?m)^third Leader$", managers...)
	third.DockerUntil(t, "^more replicated\nweb global\n$", "service", "ls", "--format", "{{.Name}} {{.Mode}}")
	third.Docker(t, "service", "rm", "web")
	assert.NotContains(t, third.Docker(t, "service", "ls", "--format", "{{.Name}}").Stdout, "web", "what it is told should hold again")
}

// A service has as many tasks as one says, at any time: `docker service scale`. The swarm spreads them evenly over the
// machines. What is too many is stopped.
func TestScaleSpreadsTasksOverTheMachines(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	service := s.service(t, "--replicas", "1")
	s.runs(t, service, `^\S+\n$`)
	s.first.Docker(t, "service", "scale", "--detach", service+"=6")
	s.runs(t, service, "^first\nfirst\nsecond\nsecond\nthird\nthird\n$")
	s.first.Docker(t, "service", "scale", "--detach", service+"=3")
	s.runs(t, service, "^first\nsecond\nthird\n$")
}

// A constraint is a condition that a machine has to fulfil to get a task: here, a label that somebody has given to it.
// Without a constraint any machine will do. And if no machine fulfils it, the task waits until one does.
func TestAConstraintSaysWhereTasksMayRun(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	label := course.Unique(t, "disk")
	constrained := s.service(t, "--replicas", "3", "--constraint", "node.labels."+label+"==fast")
	s.first.DockerUntil(t, `(?m)^Pending .*no suitable node`, "service", "ps", "--no-trunc", "--format", "{{.CurrentState}} {{.Error}}",
		constrained)
	course.Say(t, "Now there is such a machine, and gets them all:")
	s.first.Docker(t, "node", "update", "--label-add", label+"=fast", "second")
	s.runs(t, constrained, "^second\nsecond\nsecond\n$")

	course.Say(t, "Without the constraint:")
	s.runs(t, s.service(t, "--replicas", "3"), "^first\nsecond\nthird\n$")
}

// What a service may use is said for each of its tasks, as for a container: here, memory. A task that takes more is killed,
// on whichever machine it runs.
func TestLimitsHoldForEachTaskOfAService(t *testing.T) {
	course.NeedsLimits(t, course.LimitMemory, course.LimitSwap)
	s := threeMachines(t)
	defer s.remove(t)
	hungry := []string{"--replicas", "3", "--restart-condition", "none", "--", "dd if=/dev/zero of=/dev/null bs=128M count=1"}
	became := []string{"service", "ps", "--no-trunc", "--format", "{{.Node}} {{.CurrentState}} {{.Error}}"}
	course.Say(t, "Each task is a dd that wants 128 MiB of memory, for one block of its copy, and may have 32. (137 is 128 and 9, the number of the signal KILL. It would be started "+
		"again for ever, unless one says otherwise.)")
	limited := s.service(t, append([]string{"--limit-memory", "32m"}, hungry...)...)
	s.first.DockerUntil(t, `^((first|second|third) Failed [^\n]*non-zero exit \(137\)[^\n]*\n){3}$`, append(became, limited)...)

	course.Say(t, "Without the limit:")
	s.first.DockerUntil(t, `^((first|second|third) Complete [^\n]*\n){3}$`, append(became, s.service(t, hungry...))...)
}

// A task that is to stop, for an update for example, has ten seconds, as a container has, unless its service says otherwise:
// --stop-grace-period, or stop_grace_period in stack.yaml. Then it is killed.
func TestTheStopGracePeriodIsHowLongATaskMayTakeToStop(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	const program = "trap 'echo finishing; sleep 5; echo finished; exit' TERM; echo ready; while :; do sleep 0.1; done"
	stopped := func(flags ...string) (log string) {
		service := s.service(t, append(flags, "--", program)...)
		s.first.DockerUntil(t, "^ready\n$", "service", "logs", "--raw", service)
		task := strings.TrimSpace(s.first.Docker(t, "service", "ps", "--quiet", "--no-trunc", service).Stdout)
		s.first.Docker(t, "service", "update", "--detach", "--no-resolve-image", "--force", service)
		s.first.DockerUntil(t, "^(shutdown|failed|complete)\n$", "inspect", "--format", "{{.Status.State}}", task)
		return s.first.Docker(t, "service", "logs", "--raw", task).Stdout
	}
	assert.Equal(t, "ready\nfinishing\n", stopped("--stop-grace-period", "3s"))
	course.Say(t, "With the usual ten seconds:")
	assert.Equal(t, "ready\nfinishing\nfinished\n", stopped())
}

// A task that an update has started is on trial for a while: --update-monitor, or monitor in stack.yaml. If it ends in that
// time, the update has failed; if it ends later, it has been a success that is started again and again. So the trial should
// be longer than a program needs to find out that it can't do its work.
func TestTheMonitorIsHowLongAnUpdatedTaskIsOnTrial(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	ends := func(monitor string) (result, service string) {
		service = s.service(t, "--replicas", "1", "--update-monitor", monitor, "--update-failure-action", "pause", "--restart-delay", "0s")
		s.runs(t, service, `^\S+\n$`)
		course.Say(t, "A release that gives up after eight seconds:")
		s.first.Docker(t, "service", "update", "--detach", "--no-resolve-image", "--args", "sh -c 'sleep 8; exit 1'", service)
		return updated(t, s.first, service), service
	}
	result, service := ends("1s")
	assert.Equal(t, "completed\n", result)
	course.Say(t, "It ends, and is started again:")
	s.first.DockerUntil(t, `^(Preparing|Ready|Starting|Running) .*\nFailed `, "service", "ps", "--format", "{{.CurrentState}}", service)

	course.Say(t, "On trial for a minute:")
	result, _ = ends("60s")
	assert.Equal(t, "paused\n", result)
}

// Before a machine is taken away, for repair, it is drained: its tasks move to others, and it gets no new ones. When it
// is active again it may get tasks, but none are moved back for that.
func TestADrainedMachineGivesItsTasksAwayAndMayReturn(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	defer s.first.Docker(t, "node", "update", "--availability", "active", "third")
	service := s.service(t, "--replicas", "3")
	s.runs(t, service, "^first\nsecond\nthird\n$")

	s.first.Docker(t, "node", "update", "--availability", "drain", "third")
	s.runs(t, service, "^(first\nfirst\nsecond|first\nsecond\nsecond)\n$")
	s.first.Docker(t, "service", "scale", "--detach", service+"=6")
	s.runs(t, service, "^first\nfirst\nfirst\nsecond\nsecond\nsecond\n$")

	course.Say(t, "It returns. What runs elsewhere stays there; what is new comes to the one that has least:")
	running := []string{"service", "ps", "--quiet", "--filter", "desired-state=running", service}
	before := strings.Fields(s.first.Docker(t, running...).Stdout)
	s.first.Docker(t, "node", "update", "--availability", "active", "third")
	s.first.DockerUntil(t, "^Ready Active\n$", "node", "ls", "--filter", "name=third", "--format", "{{.Status}} {{.Availability}}")
	s.runs(t, service, "^first\nfirst\nfirst\nsecond\nsecond\nsecond\n$")
	s.first.Docker(t, "service", "scale", "--detach", service+"=9")
	s.runs(t, service, "^first\nfirst\nfirst\nsecond\nsecond\nsecond\nthird\nthird\nthird\n$")
	assert.Subset(t, strings.Fields(s.first.Docker(t, running...).Stdout), before, "none should have been moved")
}

// A port published in the mode `host` is a port of the machine that the task runs on. The machine answers by that task
// alone, and a machine without a task doesn't answer.
func TestAPortInHostModeIsOpenWhereATaskIs(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	name := s.service(t, "--replicas", "2", "--constraint", "node.hostname!=third", "--publish",
		"published=8002,target=80,mode=host", "--hostname", "{{.Node.Hostname}}", "--", server)
	s.runs(t, name, "^first\nsecond\n$")
	s.first.Container.WaitFor(t, s.ask(t, s.second, 8002))
	assert.Equal(t, "second\n", s.first.Container.Exec(t, s.ask(t, s.second, 8002)).Stdout)
	s.first.Container.ExecFails(t, s.ask(t, s.third, 8002))

	course.Say(t, "As soon as it has a task, it answers:")
	s.first.Docker(t, "service", "update", "--detach", "--no-resolve-image", "--constraint-rm", "node.hostname!=third",
		"--replicas", "3", name)
	s.runs(t, name, "^first\nsecond\nthird\n$")
	s.first.Container.WaitFor(t, s.ask(t, s.third, 8002))
}

// A port that a service publishes otherwise is open on every machine of the swarm, also on those that run none of its
// tasks: the routing mesh. The kernel's IP Virtual Server passes what comes in on to the tasks, one after another.
func TestTheRoutingMeshTakesRequestsAtEveryMachine(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	mesh := s.service(t, "--replicas", "2", "--constraint", "node.hostname!=third", "--publish",
		"published=8001,target=80", "--hostname", "{{.Node.Hostname}}", "--", server)
	s.runs(t, mesh, "^first\nsecond\n$")
	course.Say(t, "By now, Swarm has asked the kernel for its IP Virtual Server:")
	if course.DockerTries(t, "exec", s.third.Container.Name, "ls", "/proc/net/ip_vs").ExitCode != 0 {
		course.Say(t, "The kernel has none. Nobody has been refused anything, and nothing arrives:")
		s.first.Container.ExecFails(t, s.ask(t, s.third, 8001))
		t.Skip("not provable here: the kernel of the engine's machine has no IP Virtual Server (the module ip_vs), " +
			"of which the routing mesh is made")
	}
	eight := "for n in 1 2 3 4 5 6 7 8; do " + s.ask(t, s.third, 8001) + "; done"
	s.first.Container.WaitFor(t, eight+" | sort -u | wc -l | grep -x 2")
	answers := s.first.Container.Exec(t, eight).Stdout
	assert.Equal(t, 4, strings.Count(answers, "first\n"))
	assert.Equal(t, 4, strings.Count(answers, "second\n"))

	course.Say(t, "In the mode `host`, the machine without a task doesn't answer:")
	direct := s.service(t, "--replicas", "2", "--constraint", "node.hostname!=third", "--publish",
		"published=8003,target=80,mode=host", "--hostname", "{{.Node.Hostname}}", "--", server)
	s.runs(t, direct, "^first\nsecond\n$")
	s.first.Container.WaitFor(t, s.ask(t, s.second, 8003))
	s.first.Container.ExecFails(t, s.ask(t, s.third, 8003))
}

// An overlay network reaches over machines: containers on different ones are neighbours in it, and find each other by name.
// It is meant for services. A container that `docker run` makes may join it, too, if the network was made to be attachable.
func TestContainersOfTwoMachinesMeetInAnOverlayNetworkThatIsAttachable(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	closed, open := course.Unique(t, "closed-"), course.Unique(t, "open-")
	s.first.Docker(t, "network", "create", "--driver", "overlay", closed)
	refused := s.first.DockerFails(t, "run", "--rm", "--network", closed, s.busybox, "true")
	assert.Contains(t, refused.Stderr, "not manually attachable")

	s.first.Docker(t, "network", "create", "--driver", "overlay", "--attachable", open)
	s.first.Docker(t, "run", "--detach", "--init", "--network", open, "--network-alias", "web", "--hostname", "first", s.busybox, "sh", "-c", server)
	ask := []string{s.busybox, "wget", "-q", "-O", "-", "http://web/"}
	course.Say(t, "The second machine knows of the network as soon as a container there wants to join it:")
	s.second.DockerUntil(t, "^first\n$", append([]string{"run", "--rm", "--network", open}, ask...)...)

	course.Say(t, "In a network of the machine's own, nobody there knows the name:")
	alone := s.second.DockerFails(t, append([]string{"run", "--rm"}, ask...)...)
	assert.Contains(t, alone.Stderr, "bad address 'web'")
}

// The name of a service stands for one address, behind which the swarm passes each connection on to one of the tasks. In the mode
// dnsrr (for DNS round robin) it stands for the addresses of all tasks, and who asks for it chooses.
func TestTheNameOfAServiceStandsForOneAddressOrForThoseOfItsTasks(t *testing.T) {
	s := threeMachines(t)
	defer s.remove(t)
	network := course.Unique(t, "names-")
	s.first.Docker(t, "network", "create", "--driver", "overlay", "--attachable", network)
	addresses := func(name string) []string {
		return []string{"run", "--rm", "--network", network, s.busybox, "sh", "-c", "nslookup " + name + " | sed -n 's/^Address.* 10/10/p'"}
	}
	own := func(service string) string {
		return s.first.Docker(t, "service", "inspect", "--format", "{{range .Endpoint.VirtualIPs}}{{.Addr}} {{end}}", service).Stdout
	}
	one := s.service(t, "--replicas", "2", "--endpoint-mode", "vip", "--network", network)
	s.runs(t, one, `^\S+\n\S+\n$`)
	address, _, _ := strings.Cut(own(one), "/")
	s.first.DockerUntil(t, "^"+regexp.QuoteMeta(address)+"\n$", addresses(one)...)

	course.Say(t, "With dnsrr the service has no address, and its name stands for two:")
	each := s.service(t, "--replicas", "2", "--endpoint-mode", "dnsrr", "--network", network)
	s.runs(t, each, `^\S+\n\S+\n$`)
	assert.Equal(t, "\n", own(each))
	s.first.DockerUntil(t, `^10\S+\n10\S+\n$`, addresses(each)...)
}

// server is a line for the shell: a server that says which machine it is on.
const server = "mkdir /www; hostname > /www/index.html; exec httpd -f -p 80 -h /www"

// The machines are three engines that are a swarm, for all lessons that need no more than busybox.
type machines struct {
	first, second, third *course.ThrowawayEngine
	busybox              string
	services             []string // of the lesson that makes use of the machines
}

var (
	theMachines course.Shared[*machines]
	atThem      course.Turn
)

// threeMachines are the machines, of which one lesson after another makes use: each says where tasks may run.
func threeMachines(t *testing.T) *machines {
	t.Helper()
	course.Say(t, "Three machines, of which one is a manager. (Services are made with --no-resolve-image, and the machines' engines with "+
		"DOCKER_SERVICE_PREFER_OFFLINE_IMAGE=1, so that they run the image that they have and ask no registry; and with --init, so that what they run ends when it is asked to.)")
	atThem.Take(t)
	return theMachines.Get(t, func() *machines {
		m := &machines{}
		for name, engine := range map[string]**course.ThrowawayEngine{"first": &m.first, "second": &m.second, "third": &m.third} {
			*engine = course.SharedThrowawayEngine(t, name, course.Hostname(name), offline)
		}
		m.busybox = busybox(t, m.first, m.second, m.third)
		join(t, m.first, nil, "worker", m.second, m.third)
		m.first.DockerUntil(t, "^(Ready\n){3}$", "node", "ls", "--format", "{{.Status}}")
		return m
	})
}

// service makes a service of busybox, with flags of `docker service create`; what follows "--" is a line for its shell.
func (m *machines) service(t *testing.T, flags ...string) (name string) {
	t.Helper()
	name = course.Unique(t, "service-")
	program := "exec sleep 1000000"
	if n := slices.Index(flags, "--"); n >= 0 {
		flags, program = flags[:n], flags[n+1]
	}
	line := append([]string{"service", "create", "--detach", "--no-resolve-image", "--name", name, "--init"}, flags...)
	m.first.Docker(t, append(line, m.busybox, "sh", "-c", program)...)
	m.services = append(m.services, name)
	return name
}

// remove removes the services of the lesson.
func (m *machines) remove(t *testing.T) {
	t.Helper()
	if len(m.services) > 0 {
		m.first.Docker(t, append([]string{"service", "rm"}, m.services...)...)
		m.services = nil
	}
}

// runs waits until the machines on which tasks of a service run are those expected.
func (m *machines) runs(t *testing.T, service, expected string) {
	t.Helper()
	runs(t, m.first, service, expected)
}

// runs waits until the machines on which tasks of a service run are those expected. A manager says which they are.
func runs(t *testing.T, manager *course.ThrowawayEngine, service, expected string) {
	t.Helper()
	course.DockerUntil(t, expected, "exec", manager.Container.Name, "sh", "-c", "docker service ps --filter desired-state=running "+
		"--format '{{.Node}} {{.CurrentState}}' "+service+" | grep ' Running' | cut -d ' ' -f 1 | sort")
}

// busybox is the image's reference, after giving the image to each machine.
func busybox(t *testing.T, machines ...*course.ThrowawayEngine) (ref string) {
	t.Helper()
	for _, machine := range machines {
		ref = machine.Ref(t, image.Busybox)
	}
	return ref
}

// ask is the command that asks a machine, from another one.
func (m *machines) ask(t *testing.T, machine *course.ThrowawayEngine, port int) string {
	t.Helper()
	address := strings.TrimSpace(machine.Docker(t, "info", "--format", "{{.Swarm.NodeAddr}}").Stdout)
	return fmt.Sprintf("wget -q -T 5 -O - http://%s:%d/", address, port)
}
