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

// NewPlace makes a network with a visitor and, for an API, a database; for the page, a server that answers pong in
// place of an API.
func NewPlace(t *testing.T, engine *course.ThrowawayEngine, service Service) *Place {
	t.Helper()
	busybox := engine.Ref(t, image.Busybox)
	p := &Place{Engine: engine, Network: course.Unique(t, "place-"), Visitor: course.Unique(t, "visitor-"), service: service}
	engine.Docker(t, "network", "create", p.Network)
	p.flags = []string{"--network", p.Network, "--network-alias", service.Name}
	if service.Name == Client.Name {
		engine.Docker(t, "run", "--detach", "--network", p.Network, "--network-alias", APIGolang.Name, busybox,
			"sh", "-c", "mkdir /www && printf pong > /www/ping && httpd -f -p 8080 -h /www")
	} else {
		p.flags = append(p.flags, "--env", "DATABASE_URL="+StartDatabase(t, engine, p.Network, "db"))
	}
	engine.Docker(t, "run", "--detach", "--init", "--name", p.Visitor, "--network", p.Network, busybox, "sleep", "1000000")
	return p
}

// StartDatabase runs Postgres in a network of the engine under a host name, and returns its connection string.
func StartDatabase(t *testing.T, engine *course.ThrowawayEngine, network, host string) (url string) {
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
		paths = []string{"/", "/api/golang/ping"}
	}
	var answers []string
	for n, path := range paths {
		line := "wget -q -O - " + p.URL(port) + path
		if n == 0 {
			line = "until " + line + "; do sleep 0.2; done 2> /dev/null"
		}
		answer := p.Engine.Docker(t, "exec", p.Visitor, "sh", "-c", line).Stdout
		answers = append(answers, path+" "+lasting(answer))
	}
	return strings.Join(answers, "\n")
}

// URL is where the visitor finds the service.
func (p *Place) URL(port int) string { return fmt.Sprintf("http://%s:%d", p.service.Name, port) }

var (
	title = regexp.MustCompile(`<title>(.*)</title>`)
	now   = regexp.MustCompile(`"now":"[^"]+"`)
)

// lasting is what of an answer is the same at another time.
func lasting(answer string) string {
	if found := title.FindStringSubmatch(answer); found != nil {
		return found[1]
	}
	return now.ReplaceAllString(strings.TrimSpace(answer), `"now":"..."`)
}
