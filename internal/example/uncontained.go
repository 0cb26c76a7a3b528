package example

import (
	"path/filepath"
	"strings"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// An API is one of the two services that ask the database, as it is run before it has an image of its own: somebody
// else's image, and the program mounted into it.
type API struct {
	Service
	Image   image.Image
	Program func(t *testing.T) []course.Option // what a container needs for the program, and the command that runs it
}

// APIs are the two.
var APIs = []API{
	{APIGolang, image.Busybox, golangProgram},
	{APINode, image.Node, nodeProgram},
}

// Where the programs are on the host.
var golang, node, page course.Shared[string]

// golangProgram is compiled on this machine for the engine's. It needs nothing else, so any image will do.
func golangProgram(t *testing.T) []course.Option {
	t.Helper()
	course.NeedsGo(t)
	program := golang.Get(t, func() string {
		arch := strings.TrimSpace(course.Docker(t, "version", "--format", "{{.Server.Arch}}").Stdout)
		path := filepath.Join(course.HostDirectory(t), "api-golang")
		course.CLI{}.In(APIGolang.Source()).With("CGO_ENABLED=0").With("GOOS=linux").With("GOARCH="+arch).
			Program(t, "go", "build", "-o", path, ".")
		return path
	})
	return []course.Option{course.Volume(program, "/api-golang", "ro"), course.Command("/api-golang")}
}

// nodeProgram is the source code with its libraries, which npm installs in a container.
func nodeProgram(t *testing.T) []course.Option {
	t.Helper()
	directory := node.Get(t, func() string { return inNode(t, APINode, "npm ci --omit=dev") })
	return []course.Option{course.Volume(directory, "/app", "ro"), course.Command("node", "/app/src/main.js")}
}

// Page is what a container of image.Nginx needs to serve the page, which Vite builds in a container.
func Page(t *testing.T) []course.Option {
	t.Helper()
	directory := page.Get(t, func() string { return inNode(t, Client, "npm ci && npm run build") })
	return []course.Option{
		course.Volume(filepath.Join(directory, "dist"), "/usr/share/nginx/html", "ro"),
		course.Volume(filepath.Join(directory, "nginx"), "/etc/nginx/templates", "ro"),
		course.Env("API_GOLANG_URL", "http://api-golang:8080"), course.Env("API_NODE_URL", "http://api-node:3000"),
		course.Env("NGINX_ENTRYPOINT_LOCAL_RESOLVERS", "1"),
	}
}

// inNode runs a shell line in a copy of the service's source code, in a container of Node's image.
func inNode(t *testing.T, service Service, line string) (directory string) {
	t.Helper()
	directory = service.Copy(t)
	course.Once(t, image.Node, course.Volume(directory, "/app"), course.Shell("cd /app && "+line))
	return directory
}
