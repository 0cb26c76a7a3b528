package module03

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A port of the host belongs to one program at a time. The second container that asks for it is refused, and
// the message names the port; the first one keeps it and goes on serving.
func TestAHostPortAlreadyTakenIsRefusedByName(t *testing.T) {
	website := course.Shell("echo first come, first served > /index.html && httpd -f -p 80 -h /")
	first := course.Run(t, image.Busybox, course.Publish(0, 80), website)
	first.WaitFor(t, "wget -q -O - http://127.0.0.1/")
	address := first.Endpoint(t, 80)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)

	second := course.DockerFails(t, "run", "--detach", "--publish", "127.0.0.1:"+port+":80", image.Busybox.Ref(), "httpd", "-f")
	assert.Equal(t, 125, second.ExitCode, "125 is docker's own failure, before the container's command runs")
	assert.Contains(t, second.Stderr, port)
	assert.Regexp(t, "already allocated|already in use|not available", second.Stderr)

	answer, err := http.Get("http://" + address)
	require.NoError(t, err, "the first container should still answer")
	defer answer.Body.Close()
	page, _ := io.ReadAll(answer.Body)
	assert.Equal(t, "first come, first served\n", string(page))

	course.Run(t, image.Busybox, course.Publish(0, 80), website) // another port is no trouble
}

// --publish 8080:80 opens the port at every address of the host, so that whoever reaches the machine reaches the container.
// With 127.0.0.1 in front of it, only programs on the host itself do: another machine is refused. (The host is a throwaway
// engine here, and the other machine a container beside it: nothing of yours is opened.)
func TestWithoutAnAddressAPortIsPublishedToOtherMachines(t *testing.T) {
	host := course.NewThrowawayEngine(t)
	busybox := host.Ref(t, image.Busybox)
	for _, port := range []string{"8080", "127.0.0.1:8081"} {
		host.Docker(t, "run", "--detach", "--publish", port+":80", busybox,
			"sh", "-c", "echo published at "+port+" > /index.html && httpd -f -p 80 -h /")
	}
	course.Say(t, "On the host itself, both answer:")
	onTheHost := []string{"run", "--rm", "--network", "host", busybox, "wget", "-q", "-O", "-"}
	host.DockerUntil(t, "^published at 8080\n$", append(onTheHost, "http://127.0.0.1:8080/")...)
	host.DockerUntil(t, "^published at 127.0.0.1:8081\n$", append(onTheHost, "http://127.0.0.1:8081/")...)

	course.Say(t, "And on another machine, by the host's address. The host is a container, so docker inspect knows it (--format picks "+
		"one thing from all that it tells):")
	format := "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
	address := strings.TrimSpace(course.Docker(t, "inspect", "--format", format, host.Name).Stdout)
	other := course.Run(t, image.Busybox)
	assert.Equal(t, "published at 8080\n", other.Exec(t, "wget -q -O - http://"+address+":8080/").Stdout)
	refused := other.ExecFails(t, "wget -q -O - http://"+address+":8081/")
	assert.Contains(t, refused.Stderr, "Connection refused")
}

// `docker run` pulls an image that is absent, and says so; the next time it is there and the run starts at
// once. (The registry here is one of our own, so that nothing of yours has to be removed to show it.)
func TestAnAbsentImageIsPulledOnRun(t *testing.T) {
	reference := push(t)
	course.Docker(t, "image", "rm", reference)
	course.DockerFails(t, "image", "inspect", reference)

	first := course.Docker(t, "run", "--rm", reference)
	assert.Equal(t, "fresh from the registry\n", first.Stdout)
	assert.Contains(t, first.Stderr, "Unable to find image '"+reference+"' locally")

	second := course.Docker(t, "run", "--rm", reference)
	assert.Equal(t, "fresh from the registry\n", second.Stdout)
	assert.NotContains(t, second.Stderr, "Unable to find image", "now it is present")
}

// A reference that exists nowhere is a clear error: what was looked for, and the registry's answer.
func TestAnImageThatExistsNowhereIsAClearError(t *testing.T) {
	reference := push(t)
	nowhere := strings.Replace(reference, "/hello:", "/goodbye:", 1)
	result := course.DockerFails(t, "run", "--rm", nowhere)
	assert.Equal(t, 125, result.ExitCode)
	assert.Contains(t, result.Stderr, "Unable to find image '"+nowhere+"' locally")
	assert.Regexp(t, "not found|manifest unknown|does not exist", result.Stderr)

	course.Docker(t, "run", "--rm", "--pull", "always", reference)
}

// push starts a registry and gives it a small image, whose reference it returns.
func push(t *testing.T) (reference string) {
	registry := course.Run(t, image.Registry, course.Publish(0, 5000))
	registry.WaitForLog(t, "listening on")
	built := course.Build(t, "hello", "FROM "+course.Ref(t, image.Busybox)+`
CMD ["echo", "fresh from the registry"]
`)
	reference = registry.Endpoint(t, 5000) + "/hello:course"
	course.Docker(t, "tag", built, reference)
	course.Docker(t, "push", reference)
	course.Docker(t, "image", "rm", built)
	return reference
}
