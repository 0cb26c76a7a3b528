package example

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A Place is a network of an engine in which a container of a service finds what it needs, and a visitor asks it.
type Place struct {
	Engine  *course.ThrowawayEngine
	Network string
	Visitor string // the name of a container in the network, which has wget

	service Service
	flags   []string // of docker run
}

// NewPlace makes a network with a visitor and, for an API, a database; for the page, a server in place of the APIs, which answers
// in the name of each.
func NewPlace(t *testing.T, engine *course.ThrowawayEngine, service Service) *Place {
	t.Helper()
	busybox := engine.Ref(t, image.Busybox)
	p := &Place{Engine: engine, Network: course.Unique(t, "place-"), Visitor: course.Unique(t, "visitor-"), service: service}
	engine.Docker(t, "network", "create", p.Network)
	p.flags = []string{"--network", p.Network, "--network-alias", service.Name}
	if service.Name == Client.Name {
		engine.Docker(t, "run", "--detach", "--network", p.Network,
			"--network-alias", APIGolang.Name, "--network-alias", APINode.Name, busybox, "sh", "-c",
			"mkdir /golang /node && printf 'pong of Go' > /golang/ping && printf 'pong of Node' > /node/ping && "+
				fmt.Sprintf("httpd -p %d -h /golang && exec httpd -f -p %d -h /node", APIGolang.Port, APINode.Port))
	} else {
		p.flags = append(p.flags, "--env", "DATABASE_URL="+startDatabase(t, engine, p.Network, "db"))
	}
	engine.Docker(t, "run", "--detach", "--init", "--name", p.Visitor, "--network", p.Network, busybox, "sleep", "1000000")
	return p
}

// startDatabase runs Postgres in a network of the engine under a host name, and returns its connection string.
func startDatabase(t *testing.T, engine *course.ThrowawayEngine, network, host string) (url string) {
	t.Helper()
	password := course.Secret(t)
	engine.Docker(t, "run", "--detach", "--name", network+"-"+host, "--network", network, "--network-alias", host,
		"--env", "POSTGRES_PASSWORD="+password, engine.Ref(t, image.Postgres))
	return fmt.Sprintf("postgres://postgres:%s@%s:5432/postgres", password, host)
}

// Run runs a container of an image of the service, with flags of `docker run` besides those that the service needs.
func (p *Place) Run(t *testing.T, tag string, flags ...string) (name string) {
	t.Helper()
	name = course.Unique(t, p.service.Name+"-")
	line := append([]string{"run", "--detach", "--name", name}, p.flags...)
	p.Engine.Docker(t, append(append(line, flags...), tag)...)
	return name
}

// Answers are what the service answers to the visitor at each of its addresses: of JSON, what doesn't change with time;
// of a page, its title. It waits until there is an answer.
func (p *Place) Answers(t *testing.T, port int) string {
	t.Helper()
	paths := []string{"/healthz", "/ping", "/"}
	if p.service.Name == Client.Name {
		paths = []string{"/", "/api/golang/ping", "/api/node/ping"}
	}
	const answers = `until wget -q -O /dev/null %[1]s%[2]s; do sleep 0.2; done 2> /dev/null
for path in %[3]s; do echo "$path $(wget -q -O - %[1]s$path)"; done`
	script := fmt.Sprintf(answers, p.URL(port), paths[0], strings.Join(paths, " "))
	said := p.Engine.Docker(t, "exec", p.Visitor, "sh", "-c", script).Stdout
	said = html.ReplaceAllString(said, "$1")
	return strings.TrimSpace(now.ReplaceAllString(said, `"now":"..."`))
}

// URL is where the visitor finds the service.
func (p *Place) URL(port int) string { return fmt.Sprintf("http://%s:%d", p.service.Name, port) }

// Of what services answer: a page and its title, and what changes with time.
var (
	html = regexp.MustCompile(`(?s)<!doctype html>.*<title>(.*)</title>.*</html>`)
	now  = regexp.MustCompile(`"now":"[^"]+"`)
)
