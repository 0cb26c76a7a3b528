// Package cluster runs a cluster of Kubernetes in a container, and kubectl in there: the learner needs none, and neither
// the learner's own configuration of it nor any cluster of the learner's is touched.
package cluster

import (
	"path"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A Cluster is one of one node, which is a container.
type Cluster struct {
	*course.Container            // the node; Exec is at home there
	kubectl           course.CLI // docker, which shows kubectl in place of the words that lead there
}

// New starts a cluster, which goes when the test ends, and waits until its node is ready.
func New(t *testing.T) *Cluster {
	t.Helper()
	// What the lessons don't use of k3s would only take time to start.
	server := course.Command("server", "--disable=traefik,servicelb,metrics-server,local-storage",
		"--disable-network-policy", "--disable-cloud-controller", "--disable-helm-controller")
	// Of a node that starts again, nothing is to be left in here.
	run := course.Options(course.Mount("type=tmpfs,target=/run"), course.Mount("type=tmpfs,target=/var/run"))
	c := &Cluster{Container: course.Run(t, image.K3s, course.Privileged(), run, server)}
	c.kubectl = course.CLI{}.Alias(t, "docker", "exec", "--interactive", c.Name, "kubectl")
	c.Until(t, `\sReady\s`, "get", "nodes")
	return c
}

func (c *Cluster) line(arguments []string) []string {
	return append([]string{"exec", "--interactive", c.Name, "kubectl"}, arguments...)
}

// Kubectl runs a kubectl command, and fails the test if it fails.
func (c *Cluster) Kubectl(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return c.kubectl.Docker(t, c.line(arguments)...)
}

// KubectlStdin is Kubectl with a text on its standard input.
func (c *Cluster) KubectlStdin(t *testing.T, stdin string, arguments ...string) course.Result {
	t.Helper()
	return c.kubectl.DockerStdin(t, stdin, c.line(arguments)...)
}

// KubectlFails is Kubectl for a command that the lesson expects to fail.
func (c *Cluster) KubectlFails(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return c.kubectl.DockerFails(t, c.line(arguments)...)
}

// KubectlTries is Kubectl for a command that may fail.
func (c *Cluster) KubectlTries(t *testing.T, arguments ...string) course.Result {
	t.Helper()
	return c.kubectl.DockerTries(t, c.line(arguments)...)
}

// Until runs a kubectl command again and again, until what it prints matches a regular expression.
func (c *Cluster) Until(t *testing.T, pattern string, arguments ...string) course.Result {
	t.Helper()
	return c.kubectl.DockerUntil(t, pattern, c.line(arguments)...)
}

// InBackground starts a kubectl command and doesn't wait for its end.
func (c *Cluster) InBackground(t *testing.T, arguments ...string) *course.Client {
	t.Helper()
	return c.kubectl.DockerInBackground(t, c.line(arguments)...)
}

// Import gives the cluster's node images of the learner's engine, all in one go.
func (c *Cluster) Import(t *testing.T, refs ...string) {
	t.Helper()
	course.Pipe(t, append([]string{"docker", "save"}, refs...),
		[]string{"docker", "exec", "--interactive", c.Name, "ctr", "--namespace", "k8s.io", "images", "import", "-"})
}

// Tag gives an image of the node another name.
func (c *Cluster) Tag(t *testing.T, ref, name string) {
	t.Helper()
	course.Docker(t, "exec", c.Name, "ctr", "--namespace", "k8s.io", "images", "tag", full(ref), full(name))
}

// full is an image's name with all that Docker fills in, which the node's ctr doesn't.
func full(ref string) string { return path.Join("docker.io/library", ref) }
