package standin_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/cluster"
	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A container with the command server is a cluster of one node, on which pods run of images that were imported. A service
// has a name, and leads to its pods; kubectl looks into them. What was there is there again when the node starts again.
func TestAClusterRunsInAContainer(t *testing.T) {
	c := cluster.New(t)
	busybox := course.Ref(t, image.Busybox)
	c.Import(t, busybox)
	c.Kubectl(t, "create", "deployment", "web", "--image", busybox, "--replicas", "2", "--",
		"sh", "-c", "hostname > index.html && httpd -f -v -p 8000")
	c.Kubectl(t, "rollout", "status", "--timeout", "170s", "deployment/web")
	c.Kubectl(t, "expose", "deployment", "web", "--port", "80", "--target-port", "8000")
	c.Kubectl(t, "run", "visitor", "--image", busybox, "--restart", "Never", "--", "sleep", "1000000")
	c.Kubectl(t, "wait", "--timeout", "170s", "--for", "condition=Ready", "pod/visitor")

	fetch := []string{"exec", "visitor", "--", "wget", "-q", "-O", "-"}
	for _, name := range []string{"web", "web.default.svc.cluster.local"} {
		c.Until(t, "^web-", append(fetch, "http://"+name+"/")...)
	}
	assert.Contains(t, c.Kubectl(t, "logs", "--selector", "app=web").Stdout, "response:200")
	c.KubectlFails(t, append(fetch, "http://no-such-service/")...)

	c.Tag(t, busybox, "other:1")
	c.Kubectl(t, "set", "image", "deployment/web", "*=other:1")
	c.Kubectl(t, "rollout", "status", "--timeout", "170s", "deployment/web")

	c.Stop(t)
	c.Start(t)
	c.Until(t, `^(web-\S+ +1/1 +Running +1 .*\n){2}$`, "get", "pods", "--selector", "app=web", "--no-headers")
}
