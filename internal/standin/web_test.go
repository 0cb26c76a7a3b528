package standin_test

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// The web server serves the files of one directory on port 8080, without root's rights, and stops in order.
func TestNginxServesFilesAsNobodyInParticular(t *testing.T) {
	page := course.Volume(filepath.Dir(course.File(t, "index.html", "hello\n")), "/usr/share/nginx/html", "ro")
	server := course.Run(t, image.Nginx, page)
	fetch := "curl --silent --fail http://127.0.0.1:8080/"
	server.WaitFor(t, fetch)
	assert.Equal(t, "hello\n", server.Exec(t, fetch).Stdout)
	server.ExecFails(t, fetch+"missing")
	assert.Equal(t, "101\n", server.Exec(t, "id -u").Stdout)
	assert.Contains(t, server.Logs(t).Stdout, `"GET / HTTP/1.1" 200`)
	stopsInOrder(t, server)

	welcome := course.Run(t, image.Nginx)
	welcome.WaitFor(t, fetch)
	assert.Contains(t, welcome.Exec(t, fetch).Stdout, "Welcome to nginx!", "without files of ours it shows its own")
}

// Configuration is made of templates when the container starts: variables of the environment are filled in, those of
// nginx are left alone, and the name servers are told when they are asked for.
func TestNginxFillsInTemplates(t *testing.T) {
	template := "server { listen 8081; resolver ${NGINX_LOCAL_RESOLVERS}; " +
		"location / { return 200 '${GREETING} $uri\n'; } }\n"
	mounted := course.Volume(filepath.Dir(course.File(t, "greeting.conf.template", template)), "/etc/nginx/templates", "ro")
	server := course.Run(t, image.Nginx, mounted,
		course.Env("GREETING", "hello"), course.Env("NGINX_ENTRYPOINT_LOCAL_RESOLVERS", "1"))
	fetch := "curl --silent --fail http://127.0.0.1:8081/there"
	server.WaitFor(t, fetch)
	assert.Equal(t, "hello /there\n", server.Exec(t, fetch).Stdout)
	nameserver := strings.Fields(server.Exec(t, "grep ^nameserver /etc/resolv.conf").Stdout)[1]
	server.Exec(t, "grep 'resolver "+nameserver+"' /etc/nginx/conf.d/greeting.conf")

	ended := course.OnceFails(t, image.Nginx, mounted, course.Env("GREETING", "hello"))
	assert.Contains(t, ended.Output(), "NGINX_LOCAL_RESOLVERS", "unasked, the name servers are not told")
}

// A program that uses the standard library and a module is compiled and runs; a broken one is refused. npm installs a
// package with its dependencies, and refuses one that doesn't exist.
func TestPackagesAreFetchedAndBuilt(t *testing.T) {
	hello := course.Directory(t, map[string]string{
		"go.mod":  "module hello\n",
		"main.go": "package main\n\nimport \"rsc.io/quote\"\n\nfunc main() { println(quote.Hello()) }\n",
	})
	golang := course.Run(t, image.Golang, course.Volume(hello, "/src", "ro"))
	golang.Exec(t, "cp -r /src /hello && cd /hello && go get rsc.io/quote@v1.5.2 && go build -o /usr/local/bin/hello .")
	assert.Equal(t, "Hello, world.\n", golang.Exec(t, "hello").Output())
	golang.ExecFails(t, "cd /hello && echo nonsense >> main.go && go build .")
	assert.Equal(t, "local\n/go\n", golang.Exec(t, "go env GOTOOLCHAIN GOPATH").Stdout)

	for _, node := range []image.Image{image.Node, image.NodeLarge} {
		container := course.Run(t, node)
		container.Exec(t, "mkdir /app && cd /app && npm init --yes && npm install is-odd@3")
		assert.Equal(t, "true\n", container.Exec(t, `cd /app && node -p 'require("is-odd")(3)'`).Stdout)
		container.ExecFails(t, "cd /app && npm install @docker-proven/there-is-no-such-package")
	}
}

// The browser serves its debugging protocol on port 9222, and options are the browser's.
func TestTheBrowserServesItsDebuggingProtocol(t *testing.T) {
	browser := course.Run(t, image.Browser, course.Publish(0, 9222), course.Command("--user-agent=course"))
	address := "http://" + browser.Endpoint(t, 9222) + "/json/version"
	var version map[string]string
	course.Eventually(t, "the browser tells its version", func() bool {
		browser.MustRun(t)
		answer, err := http.Get(address)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return json.Unmarshal(body, &version) == nil
	})
	assert.Contains(t, version["Browser"], "Chrome/")
	assert.Equal(t, "course", version["User-Agent"])
	assert.True(t, strings.HasPrefix(version["webSocketDebuggerUrl"], "ws://127.0.0.1:"), version)
}

// A Dockerfile that names the frontend is read by it, and not by the engine's own.
func TestTheDockerfileFrontendReadsDockerfiles(t *testing.T) {
	busybox, frontend := course.Ref(t, image.Busybox), course.Ref(t, image.DockerfileFrontend)
	dockerfile := "FROM " + busybox + "\nRUN <<EOF\necho built > /made\nEOF\nCMD [\"cat\", \"/made\"]\n"
	tag := course.Build(t, "frontend", "# syntax="+frontend+"\n"+dockerfile)
	assert.Equal(t, "built\n", course.Docker(t, "run", "--rm", tag).Stdout)
	result := course.CLI{}.DockerStdinFails(t, "# syntax="+frontend+"\nFROM "+busybox+"\nNONSENSE\n", "build", "-")
	assert.Contains(t, result.Output(), "unknown instruction: NONSENSE")
}
