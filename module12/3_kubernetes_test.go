package module12

import (
	"encoding/base64"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/cluster"
	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
)

// Kubernetes is told what there shall be, in manifests, and goes on making it so. A Deployment is so many pods of an image,
// a pod is one or more containers that share an address, and a Service is a name and an address for pods, who come and go.
// Here it is all in one container: a cluster of one node, which k3s is. The images go there as they are, for the node has
// a container engine of its own, containerd; `kubectl` is the command by which everything is said and asked.
func TestKubernetesKeepsSixPromises(t *testing.T) {
	s := deployToKubernetes(t)
	s.startsHealthy(t)
	s.limitsItsPods(t)
	s.givesFiles(t)
	s.sharesLoad(t)
	s.updatesWithoutLoss(t)
	s.holdsBadReleases(t)
	s.replacesWhatIsLost(t)
}

// A kubernetesShop is the application in a cluster, and a visitor there, who has busybox's commands.
type kubernetesShop struct {
	*cluster.Cluster
	password string // of the database
}

// deployToKubernetes starts a cluster and brings there what the manifests name: images and files.
func deployToKubernetes(t *testing.T) *kubernetesShop {
	t.Helper()
	severalMachines(t)
	postgres, busybox := course.Ref(t, image.Postgres), course.Ref(t, image.Busybox)
	course.Say(t, "The images of the application are the last ones of module06:")
	images := map[string]string{} // by service
	for _, service := range example.Services {
		images[service.Name] = service.BuildHere(t, service.Last)
	}
	s := &kubernetesShop{Cluster: cluster.New(t)}
	s.Import(t, append(slices.Sorted(maps.Values(images)), postgres, busybox)...)
	for _, service := range example.Services {
		s.Tag(t, images[service.Name], service.Name+":1")
	}
	course.Say(t, "And another release of one of them, which does the same:")
	s.Tag(t, images[example.APIGolang.Name], example.APIGolang.Name+":2")

	course.Say(t, "The manifests are in the directory kubernetes. With them go two files that belong into no repository, secrets/db-password and secrets/database-url:")
	directory := filepath.Join(course.HostDirectory(t), "shop")
	s.password = example.WriteSecrets(t, filepath.Join(directory, "secrets"))
	manifests, err := filepath.Glob("kubernetes/*.yaml")
	require.NoError(t, err)
	for _, file := range manifests {
		write(t, directory, filepath.Base(file), example.File(t, file))
	}
	course.Docker(t, "cp", "--quiet", directory, s.Name+":/shop")
	s.Kubectl(t, "create", "secret", "generic", "database", "--from-file", "/shop/secrets")
	s.visitorComes(t)
	course.Say(t, "Names are answered by a program of the cluster, which may take a moment, too:")
	s.Until(t, `10\.43\.0\.1\b`, "exec", "visitor", "--", "nslookup", "kubernetes.default.svc.cluster.local")
	return s
}

// Programs come up in any order. One that isn't ready, because it lacks another, is asked again and again by its readiness
// probe, and gets no requests until it says that it is.
func (s *kubernetesShop) startsHealthy(t *testing.T) {
	course.Say(t, "1. Starts healthy. First the API, which needs a database that isn't there. It runs, and isn't ready, so nobody is sent to it:")
	s.Kubectl(t, "apply", "--filename", "/shop/api-golang.yaml")
	s.Until(t, `^(\S+ +0/1 +Running.*\n){3}$`, "get", "pods", "--selector", "app=api-golang", "--no-headers")
	assert.Empty(t, s.endpoints(t), "who isn't ready should get no requests")

	course.Say(t, "And now the rest:")
	s.Kubectl(t, "apply", "--filename", "/shop")
	deployments := []string{"db", "api-golang", "api-node", "client-react"}
	for _, name := range deployments {
		s.rolledOut(t, name)
	}
	course.Say(t, "Each of the three pods gets requests, as soon as its readiness is known everywhere:")
	s.Until(t, `^\S+ \S+ \S+$`, s.readyEndpoints()...)
	assert.Len(t, s.endpoints(t), 3)
	s.answers(t, "http://client-react:8080/", "<title>One database, two APIs</title>")
	s.answers(t, "http://client-react:8080/api/golang/", `"api":"golang"`)
	s.answers(t, "http://client-react:8080/api/node/", `"api":"node"`)
	course.Say(t, "What the manifests say of the four, in one list:")
	columns := strings.NewReplacer("POD.", ".spec.template.spec.", "PROGRAM.", ".spec.template.spec.containers[0].").Replace(
		"custom-columns=NAME:.metadata.name,PODS:.spec.replicas,UPDATE:.spec.strategy.type,GIVEN UP:.spec.progressDeadlineSeconds," +
			"READY:PROGRAM.readinessProbe.httpGet.path,OR BY:PROGRAM.readinessProbe.exec.command[*],ALIVE:PROGRAM.livenessProbe.httpGet.path," +
			"GOES AFTER:PROGRAM.lifecycle.preStop.sleep.seconds,MEMORY:PROGRAM.resources.limits.memory," +
			"NOT ROOT:PROGRAM.securityContext.runAsNonRoot,TOKEN:POD.automountServiceAccountToken," +
			"SECRETS:POD.volumes[*].secret.items[*].key,KEEPS:POD.volumes[*].persistentVolumeClaim.claimName")
	assert.Regexp(t, `NAME +PODS +UPDATE +GIVEN UP +READY +OR BY +ALIVE +GOES AFTER +MEMORY +NOT ROOT +TOKEN +SECRETS +KEEPS
api-golang +3 +RollingUpdate +120 +/healthz +<none> +/ping +5 +64Mi +true +false +database-url +<none>
api-node +1 +RollingUpdate +600 +/healthz +<none> +/ping +5 +256Mi +true +false +database-url +<none>
client-react +1 +RollingUpdate +600 +/ping +<none> +<none> +5 +64Mi +true +false +<none> +<none>
db +1 +Recreate +600 +<none> +pg_isready,--host,127.0.0.1,\S+ +<none> +<none> +256Mi +<none> +false +db-password +pgdata
`, s.Kubectl(t, "get", "deployments", "--output", columns).Stdout)
	kept(t, kubernetes, startsHealthy, "%d services ready", len(deployments))
}

// What a pod's containers may do, and how much they may use, is said in its manifest: no promise that tells systems apart,
// as the kernel keeps it for all of them. The visitor's manifest says nothing of it. An image may have no shell in which to
// ask; but `kubectl debug` starts a container beside the program, of another image and with all powers, which sees its
// processes, and by /proc/1/root its files.
func (s *kubernetesShop) limitsItsPods(t *testing.T) {
	course.Say(t, "No promise, but part of each manifest: what a pod may do. kubectl debug starts a container beside the program, which sees it and its "+
		"files. Who its program is, which powers it could get (a bit for each) and whether setuid programs could give it more, whether it has a token "+
		"that the cluster obeys, whether there can be written outside its volumes, and how much memory it may use:")
	const ask = "grep -e ^Uid -e CapBnd -e NoNewPrivs /proc/1/status; " +
		"grep -q kubernetes.io/serviceaccount /proc/1/mounts && echo token; cd /proc/1/root; touch note 2>&1 && echo written; " +
		"cd sys/fs/cgroup; cat memory.max 2> /dev/null || cat memory/memory.limit_in_bytes"
	const limited, free = `^Uid:\s+[1-9].*\nCapBnd:\s+0{16}\nNoNewPrivs:\s+1\n`, `^Uid:\s+0.*\nCapBnd:\s+0*[1-9a-f][0-9a-f]*\nNoNewPrivs:\s+0\n`
	for _, asked := range []struct{ name, answer string }{
		{"api-golang", limited + `touch: .*Read-only file system\n67108864\n$`},
		{"api-node", limited + `touch: .*Read-only file system\n268435456\n$`},
		{"client-react", limited + `written\n67108864\n$`},
		{"visitor", free + `token\nwritten\n(max|\d{16,})\n$`},
	} {
		pod := s.Kubectl(t, "get", "pods", "--selector", "app="+asked.name, "--output", "jsonpath={.items[0].metadata.name}").Stdout
		s.Kubectl(t, "debug", pod, "--target", asked.name, "--container", "beside", "--profile", "sysadmin",
			"--image", course.Ref(t, image.Busybox), "--image-pull-policy", "IfNotPresent", "--", "sh", "-c", ask)
		s.Until(t, asked.answer, "logs", pod, "--container", "beside")
	}

	course.Say(t, "The visitor's image says nothing of a user, and so it runs as root. As a release of the API it is not started, as the API's "+
		"manifest forbids that:")
	s.Kubectl(t, "set", "image", "deployment/api-golang", "api-golang="+course.Ref(t, image.Busybox))
	s.Until(t, `image will run as root`, "get", "pods", "--selector", "app=api-golang",
		"--output", "jsonpath={.items[*].status.containerStatuses[0].state.waiting}")
	s.Kubectl(t, "rollout", "undo", "deployment/api-golang")
	s.untilOnly(t, "api-golang:1", 3)
}

// A secret and a ConfigMap are kept by the cluster, and are files in the pods that name them: of the secret, in memory. An
// environment variable is seen by everybody who may look at the pod.
func (s *kubernetesShop) givesFiles(t *testing.T) {
	inDatabase := func(command ...string) string {
		return s.Kubectl(t, append([]string{"exec", "deployment/db", "--"}, command...)...).Stdout
	}
	const file = "/run/secrets/database/db-password"
	course.Say(t, "2. Secrets and configuration are files. The cluster keeps them, and gives them to the pods that name them, the secrets in memory. "+
		"The database has the file, it is in none of its variables, and the front end hasn't got it at all:")
	assert.Equal(t, s.password, inDatabase("cat", file))
	assert.Contains(t, inDatabase("grep", "/run/secrets/database", "/proc/mounts"), "tmpfs")
	assert.False(t, strings.Contains(inDatabase("env"), s.password), "no variable should have it")
	s.KubectlFails(t, "exec", "deployment/client-react", "--", "ls", "/run/secrets/database")

	course.Say(t, "The database takes no other password, from whoever comes over the network:")
	assert.Contains(t, s.KubectlFails(t, "exec", "deployment/db", "--", "sh", "-c", otherPassword).Stderr, "password authentication failed")

	course.Say(t, "Who may look at secrets reads it: it is encoded (base64), and not encrypted:")
	encoded := base64.StdEncoding.EncodeToString([]byte(s.password))
	course.Hide(t, encoded)
	assert.Equal(t, encoded, s.Kubectl(t, "get", "secret", "database", "--output", "jsonpath={.data.db-password}").Stdout)
	course.Say(t, "Who may look at pods doesn't see it:")
	seen := func() bool {
		return strings.Contains(s.Kubectl(t, "get", "deployments,pods,configmaps", "--output", "json").Stdout, s.password)
	}
	assert.False(t, seen(), "nobody should see it who looks at pods")
	course.Say(t, "The same password in a variable is there for all of them to see:")
	s.Kubectl(t, "run", "careless", "--image", course.Ref(t, image.Busybox), "--image-pull-policy", "IfNotPresent", "--env", "PASSWORD="+s.password, "--", "sleep", "1000000")
	assert.True(t, seen(), "a variable should be seen")
	s.Kubectl(t, "delete", "pod", "careless", "--now")

	course.Say(t, "The database's configuration is a file of the ConfigMap. What it says of connections, and what the program would take without it:")
	const sql = "SELECT setting, boot_val FROM pg_settings WHERE name = 'max_connections'"
	said := inDatabase("psql", "--host", "127.0.0.1", "--username", "postgres", "--no-align", "--tuples-only", "--command", sql)
	assert.Equal(t, "42|100\n", said)
	kept(t, kubernetes, givesFiles, "a secret in memory, a ConfigMap")
}

// A Service sends each new connection to one of its ready pods, at random. How many there are is a number that can be
// changed.
func (s *kubernetesShop) sharesLoad(t *testing.T) {
	course.Say(t, "3. Replicas share the load. A Service sends each new connection to one of its ready pods, at random; the log says to which:")
	const requests = 120
	shared := s.answeredBy(t, requests)
	require.Len(t, shared, 3)
	for pod, count := range shared {
		assert.Greater(t, count, requests/12, "%s should have its share of the work", pod)
	}

	course.Say(t, "One pod does all the work itself:")
	s.Kubectl(t, "scale", "deployment/api-golang", "--replicas", "1")
	s.Until(t, `^\S+ +1/1 +Running.*\n$`, "get", "pods", "--selector", "app=api-golang", "--no-headers")
	alone := s.answeredBy(t, requests)
	assert.Equal(t, []int{requests}, slices.Collect(maps.Values(alone)))
	s.Kubectl(t, "scale", "deployment/api-golang", "--replicas", "3")
	s.rolledOut(t, "api-golang")
	kept(t, kubernetes, sharesLoad, "%d requests: %s", requests, strings.Trim(fmt.Sprint(slices.Sorted(maps.Values(shared))), "[]"))
}

// A rolling update replaces the pods one by one: a new one is started, and when it is ready an old one goes. That it goes is
// told to the pod and to those who send it requests, at the same time; so the pod waits a little before it hears of it. All
// the while the visitor asks, and asks, and counts.
func (s *kubernetesShop) updatesWithoutLoss(t *testing.T) {
	course.Say(t, "4. A rolling update loses no request. A new pod is started, and when it is ready an old one goes, until all are new. That an old one goes "+
		"is told to it and to those who send it requests at the same time, so it waits a little. The visitor asks all the while, in the background:")
	requests := s.constantRequests(t)
	s.Kubectl(t, "set", "image", "deployment/api-golang", "api-golang=api-golang:2")
	s.rolledOut(t, "api-golang")
	s.untilOnly(t, "api-golang:2", 3)
	answered, lost := requests.count(t, 200)
	assert.Zero(t, lost, "no request should be lost")

	course.Say(t, "With the other strategy all old pods go, and then the new ones come. (What is new about them is that they will not wait.)")
	requests = s.constantRequests(t)
	s.patch(t, `{"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}}`,
		`{"op": "remove", "path": "/spec/template/spec/containers/0/lifecycle"}`)
	s.rolledOut(t, "api-golang")
	_, lostAtOnce := requests.count(t, 1)
	assert.Positive(t, lostAtOnce, "some requests should be lost while no pod is there")

	course.Say(t, "One by one again, and the old ones don't wait before they hear that they are to go. It takes bad luck to ask one of them then, "+
		"so there are updates until somebody has it:")
	s.patch(t, `{"op": "replace", "path": "/spec/strategy", "value": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}`)
	lostInHaste := 0
	for update := 0; update < 5 && lostInHaste == 0; update++ {
		release := fmt.Sprintf("api-golang:%d", 1+update%2)
		requests = s.constantRequests(t)
		s.Kubectl(t, "set", "image", "deployment/api-golang", "api-golang="+release)
		s.rolledOut(t, "api-golang")
		s.untilOnly(t, release, 3)
		_, lostInHaste = requests.count(t, 1)
	}
	assert.Positive(t, lostInHaste, "some requests should still be sent to pods that have gone")
	kept(t, kubernetes, updatesWithoutLoss, "%d requests, none lost", answered)
}

// A release that never gets ready gets no requests, and because no old pod goes before a new one is ready, the rollout
// stops there. It is for whoever started it to give up: `kubectl rollout undo` goes back to the release before.
func (s *kubernetesShop) holdsBadReleases(t *testing.T) {
	course.Say(t, "5. A bad release is held. Before that, everything as the manifest says again:")
	s.Kubectl(t, "apply", "--filename", "/shop/api-golang.yaml")
	s.rolledOut(t, "api-golang")
	s.untilOnly(t, "api-golang:1", 3)
	course.Say(t, "Some connections to the pods before these, who went in haste, were never answered. The node remembers them for two minutes, and sends "+
		"a new one from the same address and port the same way, to nobody. So the visitor goes, and one with another address comes:")
	s.Kubectl(t, "delete", "pod", "visitor", "--now")
	s.visitorComes(t)
	course.Say(t, "A rollout that gets no further is given up after two minutes, says the manifest. This lesson hasn't got so much time:")
	s.patch(t, `{"op": "replace", "path": "/spec/progressDeadlineSeconds", "value": 10}`)

	requests := s.constantRequests(t)
	course.Say(t, "A release that listens on another port than everybody thinks never gets ready, and as no old pod goes before a new one is, the rollout stops:")
	s.Kubectl(t, "set", "env", "deployment/api-golang", "PORT=9090")
	failed := s.KubectlFails(t, "rollout", "status", "deployment/api-golang")
	assert.Contains(t, failed.Stderr, "exceeded its progress deadline")
	pods := s.Kubectl(t, "get", "pods", "--selector", "app=api-golang", "--no-headers").Stdout
	assert.Equal(t, 3, strings.Count(pods, "1/1"), "the old pods should be there")
	assert.Equal(t, 1, strings.Count(pods, "0/1"), "and one new pod that never gets ready")
	course.Say(t, "Whoever started it gives it up:")
	s.Kubectl(t, "rollout", "undo", "deployment/api-golang")
	s.rolledOut(t, "api-golang")
	answered, lost := requests.count(t, 200)
	assert.Zero(t, lost, "no request should be lost")

	course.Say(t, "Without probes, a pod is ready when its program has been started, and the same release replaces all of the old:")
	requests = s.constantRequests(t)
	s.patch(t, `{"op": "replace", "path": "/spec/progressDeadlineSeconds", "value": 120}`,
		`{"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"}`,
		`{"op": "remove", "path": "/spec/template/spec/containers/0/livenessProbe"}`,
		`{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "PORT", "value": "9090"}}`)
	s.rolledOut(t, "api-golang")
	_, lostUnseen := requests.count(t, 1)
	assert.Positive(t, lostUnseen, "some requests should be sent to pods that never answer")
	kept(t, kubernetes, holdsBadReleases, "held: %d requests, none lost", answered)
}

// What is lost is replaced: a container whose program has died is started again, a pod that is gone gets a successor, and
// a node that starts again goes on with what it had. Who is nobody's replica isn't missed.
func (s *kubernetesShop) replacesWhatIsLost(t *testing.T) {
	course.Say(t, "6. What is lost is replaced. First, back to the good release:")
	s.Kubectl(t, "set", "env", "deployment/api-golang", "PORT-")
	s.Kubectl(t, "apply", "--filename", "/shop/api-golang.yaml")
	s.untilOnly(t, "api-golang:1", 3)
	course.Say(t, "A container whose program is killed:")
	const first = "{.items[0].metadata.name} {.items[0].status.containerStatuses[0].containerID}"
	found := s.Kubectl(t, "get", "pods", "--selector", "app=api-golang", "--output", "jsonpath="+first).Stdout
	pod, id, _ := strings.Cut(found, " containerd://")
	course.Docker(t, "exec", s.Name, "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "KILL", id)
	s.Until(t, `1/1 +Running +[1-9]`, "get", "pod", pod, "--no-headers")

	course.Say(t, "A program that runs and is of no use any more. Only a liveness probe notices, so of these two one is started again:")
	manifest := func(name string) string {
		return strings.NewReplacer("NAME", name, "BUSYBOX", course.Ref(t, image.Busybox)).Replace(usefulPod)
	}
	s.KubectlStdin(t, manifest("probed")+usefulProbe+"---\n"+manifest("trusted"), "apply", "--filename", "-")
	s.Kubectl(t, "wait", "--timeout", "170s", "--for", "condition=Ready", "pod/probed", "pod/trusted")
	assert.Regexp(t, `^(\S+ +1/1 +Running +0 .*\n){2}$`, s.Kubectl(t, "get", "pods", "probed", "trusted", "--no-headers").Stdout)
	for _, name := range []string{"probed", "trusted"} {
		s.Kubectl(t, "exec", name, "--", "rm", "/tmp/useful")
	}
	s.Until(t, `1/1 +Running +[1-9]`, "get", "pod", "probed", "--no-headers")
	assert.Regexp(t, `1/1 +Running +0 `, s.Kubectl(t, "get", "pod", "trusted", "--no-headers").Stdout)
	s.Kubectl(t, "delete", "pod", "probed", "trusted", "--now")

	course.Say(t, "A pod that is deleted, and one of no Deployment:")
	s.Kubectl(t, "delete", "pod", pod, "visitor", "--now")
	s.untilOnly(t, "api-golang:1", 3)
	assert.NotContains(t, s.Kubectl(t, "get", "pods").Stdout, pod+" ")
	s.KubectlFails(t, "get", "pod", "visitor")

	course.Say(t, "The database's pod. Its rows are in a volume, and the next one has them:")
	sql := func(statement string) []string {
		return []string{"exec", "deployment/db", "--", "psql", "--host", "127.0.0.1", "--username", "postgres", "--tuples-only", "--command", statement}
	}
	s.Kubectl(t, sql("CREATE TABLE guests AS SELECT 'Ada' AS name")...)
	s.Kubectl(t, "delete", "pod", "--selector", "app=db", "--now")
	s.Until(t, "^ Ada\n", sql("SELECT name FROM guests")...)

	course.Say(t, "The node itself:")
	s.Stop(t)
	s.Start(t)
	s.Until(t, "^ Ada\n", sql("SELECT name FROM guests")...)
	course.Say(t, "All its containers have been started again:")
	s.Until(t, `^(\S+ +1/1 +Running +[1-9].*\n){3}$`, "get", "pods", "--selector", "app=api-golang", "--no-headers")
	kept(t, kubernetes, replacesWhatIsLost, "program, container, pod, node")
}

// A pod that is of use as long as it has a certain file, and a probe that asks for it every second.
const (
	usefulPod = `apiVersion: v1
kind: Pod
metadata: { name: NAME }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: program
      image: BUSYBOX
      imagePullPolicy: IfNotPresent
      command: [sh, -c, "touch /tmp/useful; while sleep 1000; do :; done"]
`
	usefulProbe = `      livenessProbe:
        exec: { command: [test, -e, /tmp/useful] }
        initialDelaySeconds: 1
        periodSeconds: 1
        timeoutSeconds: 10
        failureThreshold: 1
`
)

// rolledOut waits until a Deployment is what it shall be. If it doesn't become that, the lesson shows what kept it from it.
func (s *kubernetesShop) rolledOut(t *testing.T, deployment string) {
	t.Helper()
	if s.KubectlTries(t, "rollout", "status", "--timeout", "170s", "deployment/"+deployment).ExitCode != 0 {
		s.Kubectl(t, "describe", "pods", "--selector", "app="+deployment)
		t.Fatalf("%s should have been rolled out", deployment)
	}
}

// patch changes what the API's Deployment shall be.
func (s *kubernetesShop) patch(t *testing.T, changes ...string) {
	t.Helper()
	s.Kubectl(t, "patch", "deployment/api-golang", "--type", "json", "--patch", "["+strings.Join(changes, ",\n")+"]")
}

// endpoints are the addresses of the API's pods that get requests.
func (s *kubernetesShop) endpoints(t *testing.T) []string {
	t.Helper()
	return strings.Fields(s.Kubectl(t, s.readyEndpoints()...).Stdout)
}

// readyEndpoints is the command that prints them.
func (s *kubernetesShop) readyEndpoints() []string {
	const ready = "{.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}"
	return []string{"get", "endpointslices", "--selector", "kubernetes.io/service-name=api-golang", "--output", "jsonpath=" + ready}
}

// visitorComes starts the pod that sends requests. Its first process is a shell, which reaps what others leave: else each
// request would leave a zombie.
func (s *kubernetesShop) visitorComes(t *testing.T) {
	t.Helper()
	s.Kubectl(t, "run", "visitor", "--image", course.Ref(t, image.Busybox), "--image-pull-policy", "IfNotPresent",
		"--restart", "Never", "--labels", "app=visitor", "--", "sh", "-c", "while sleep 1000; do :; done")
	s.Kubectl(t, "wait", "--timeout", "170s", "--for", "condition=Ready", "pod/visitor")
}

// answers waits until the visitor is answered with that text: a program that is ready may still look for another, whose
// readiness isn't known everywhere yet.
func (s *kubernetesShop) answers(t *testing.T, url, text string) {
	t.Helper()
	s.Until(t, regexp.QuoteMeta(text), "exec", "visitor", "--", "wget", "-q", "-O", "-", url)
}

// answeredBy has the visitor send that many requests to the API, and returns how many of them each pod answered.
func (s *kubernetesShop) answeredBy(t *testing.T, requests int) map[string]int {
	t.Helper()
	path := "/" + course.Unique(t, "load-")
	s.Kubectl(t, "exec", "visitor", "--", "sh", "-c", fmt.Sprintf(
		"for n in $(seq %d); do wget -q -O - http://api-golang:8080%s 2> /dev/null; done; true", requests, path))
	log := s.Kubectl(t, "logs", "--selector", "app=api-golang", "--prefix", "--tail", "-1").Stdout
	answered := map[string]int{}
	for line := range strings.Lines(log) {
		if strings.Contains(line, path) {
			pod, _, _ := strings.Cut(line, " ")
			answered[pod]++
		}
	}
	return answered
}

// untilOnly waits until there are so many pods of the API, all ready and of that image, and no others.
func (s *kubernetesShop) untilOnly(t *testing.T, tag string, pods int) {
	t.Helper()
	const columns = "custom-columns=IMAGE:.spec.containers[0].image,READY:.status.containerStatuses[0].ready"
	s.Until(t, fmt.Sprintf(`^(%s +true\n){%d}$`, tag, pods), "get", "pods", "--selector", "app=api-golang",
		"--output", columns, "--no-headers")
}

// kubernetesRequests are those that the visitor sends, one after the other with a moment in between, until they are counted.
type kubernetesRequests struct {
	shop   *kubernetesShop
	client *course.Client
	enough string // the file that ends them
}

// constantRequests begins them. They are sent to the Service's address, which stays as long as the Service: who looked its
// name up anew for each of thousands of requests would now and then wait for an answer to that question.
func (s *kubernetesShop) constantRequests(t *testing.T) *kubernetesRequests {
	t.Helper()
	address := s.Kubectl(t, "get", "service", "api-golang", "--output", "jsonpath={.spec.clusterIP}").Stdout
	r := &kubernetesRequests{shop: s, enough: "/tmp/" + course.Unique(t, "enough-")}
	r.client = s.InBackground(t, "exec", "visitor", "--", "sh", "-c", "until test -e "+r.enough+"; do "+
		"timeout 10 wget -q -O /dev/null http://"+address+":8080/ 2>&1 && echo answered || echo lost; sleep 0.01; done")
	r.client.WaitForOutput(t, "answered\n")
	return r
}

// count waits until at least so many requests have been answered, ends them, and returns how many were answered, and how
// many were not.
func (r *kubernetesRequests) count(t *testing.T, atLeast int) (answered, lost int) {
	t.Helper()
	course.Eventually(t, fmt.Sprintf("%d requests have been answered", atLeast), func() bool {
		return strings.Count(r.client.Output(), "answered\n") >= atLeast
	})
	r.shop.Kubectl(t, "exec", "visitor", "--", "touch", r.enough)
	said := map[string]int{}
	for line := range strings.Lines(r.client.WaitUntilEnded(t).Stdout) {
		said[strings.TrimSpace(line)]++
	}
	for _, what := range slices.Sorted(maps.Keys(said)) {
		course.Show(t, fmt.Sprintf("%5d × %s", said[what], what))
	}
	return said["answered"], said["lost"]
}
