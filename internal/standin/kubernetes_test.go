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
	for _, name := range []string{"box:1", "box:2"} { // an image with the tag latest would be pulled all the same
		c.Tag(t, busybox, name)
	}
	c.Kubectl(t, "create", "deployment", "web", "--image", "box:1", "--replicas", "2", "--",
		"sh", "-c", "hostname > index.html && httpd -f -v -p 8000")
	c.Kubectl(t, "rollout", "status", "--timeout", "170s", "deployment/web")
	c.Kubectl(t, "expose", "deployment", "web", "--port", "80", "--target-port", "8000")
	c.Kubectl(t, "run", "visitor", "--image", "box:1", "--restart", "Never", "--", "sleep", "1000000")
	c.Kubectl(t, "wait", "--timeout", "170s", "--for", "condition=Ready", "pod/visitor")

	fetch := []string{"exec", "visitor", "--", "wget", "-q", "-O", "-"}
	for _, name := range []string{"web", "web.default.svc.cluster.local"} {
		c.Until(t, "^web-", append(fetch, "http://"+name+"/")...)
	}
	assert.Contains(t, c.Kubectl(t, "logs", "--selector", "app=web").Stdout, "response:200")
	c.KubectlFails(t, append(fetch, "http://no-such-service/")...)

	c.Kubectl(t, "set", "image", "deployment/web", "*=box:2")
	c.Kubectl(t, "rollout", "status", "--timeout", "170s", "deployment/web")

	c.Stop(t)
	c.Start(t)
	c.Until(t, `^(web-\S+ +1/1 +Running +1 .*\n){2}$`, "get", "pods", "--selector", "app=web", "--no-headers")
}
