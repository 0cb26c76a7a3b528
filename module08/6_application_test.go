package module08

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// On a network that you have created, Docker answers for names: a container finds another by its name, or by an alias.
// The default bridge is older and knows no names.
func TestNamesResolveOnAUserDefinedNetworkAndNotOnTheDefaultBridge(t *testing.T) {
	network := course.NewNetwork(t, "shop")
	named := background(t, []string{"--network", network, "--network-alias", "db"}, "sleep 600")
	for _, name := range []string{named.Name, "db"} {
		course.Once(t, image.Busybox, course.Network(network), course.Command("ping", "-c", "1", name))
	}

	course.Say(t, "On the default bridge the neighbour is there, but by its address only:")
	nameless := background(t, nil, "sleep 600")
	refused := course.OnceFails(t, image.Busybox, course.Command("ping", "-c", "1", nameless.Name))
	assert.Contains(t, refused.Stderr, "bad address")
	address := ask(t, nameless, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
	course.Once(t, image.Busybox, course.Command("ping", "-c", "1", address))
}

// A network that is internal has no way out of the machine: those in it reach each other, and nobody in the world outside. A
// database there can open no connection by which to send its data somewhere else. (Engines before 25.0.5 may still ask name
// servers outside on its behalf.) The machine itself has an address in the network, too, and that one is reached. (On a
// throwaway engine, for which a container of your own engine is the world outside.)
func TestAnInternalNetworkHasNoWayOut(t *testing.T) {
	outside := ask(t, background(t, nil, "sleep 600"), "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
	engine := throwaway(t)
	busybox := engine.Ref(t, image.Busybox)
	internal, open := course.Unique(t, "internal-"), course.Unique(t, "open-")
	engine.Docker(t, "network", "create", "--internal", "--subnet", "10.98.0.0/24", "--gateway", "10.98.0.1", internal)
	engine.Docker(t, "network", "create", open)
	ping := func(network, address string) []string {
		return []string{"run", "--rm", "--network", network, busybox, "ping", "-c", "1", "-W", "3", address}
	}
	for _, network := range []string{internal, open} {
		engine.Docker(t, "run", "--detach", "--name", network+"-db", "--init", "--network", network, "--network-alias", "db", busybox, "sleep", "600")
		engine.Docker(t, ping(network, "db")...)
	}

	course.Say(t, "Nobody outside is reached from the internal network:")
	engine.DockerFails(t, ping(internal, outside)...)
	course.Say(t, "The machine is:")
	engine.Docker(t, ping(internal, "10.98.0.1")...)
	course.Say(t, "From the other network, which is not internal:")
	engine.Docker(t, ping(open, outside)...)
	engine.Docker(t, "rm", "--force", internal+"-db")
	engine.Docker(t, "network", "rm", internal) // whose addresses are free again
}

// The application, one command a container. They share a network, on which each is known by the name that the others
// ask for; the database keeps its files on a volume. So the server can be replaced: the data are there again, and the
// APIs find the new one under the old name. (On a throwaway engine, where nobody else uses these names and this port.)
func TestTheApplicationRunsBySingleCommands(t *testing.T) {
	engine := application(t)
	password := course.Secret(t)
	url := "postgres://postgres:" + password + "@db:5432/postgres"
	var performed []string
	perform := func(words ...string) {
		engine.Docker(t, words...)
		performed = append(performed, "docker "+strings.Join(words, " "))
	}
	perform("network", "create", "shop")
	perform("volume", "create", "pgdata")
	startDatabase := func(flags ...string) {
		line := []string{"run", "--detach", "--name", "db", "--network", "shop", "--env", "POSTGRES_PASSWORD=" + password}
		perform(append(append(line, flags...), engine.Ref(t, image.Postgres))...)
	}
	volume := []string{"--volume", "pgdata:" + course.DataDirectory(t, image.Postgres)}
	startDatabase(volume...)
	for _, api := range []string{"api-golang", "api-node"} {
		perform("run", "--detach", "--name", api, "--network", "shop", "--env", "DATABASE_URL="+url, api)
	}
	perform("run", "--detach", "--name", "client-react", "--network", "shop", "--publish", "127.0.0.1:8080:8080", "client-react")
	content, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := strings.ReplaceAll(string(content), " \\\n  ", " ")
	asThere := strings.NewReplacer(password, "course", engine.Ref(t, image.Postgres), image.Postgres.Pinned,
		course.DataDirectory(t, image.Postgres), "/var/lib/postgresql/data")
	for _, command := range performed {
		assert.Contains(t, readme, asThere.Replace(command)+"\n", "the README should say the same")
	}

	course.Say(t, "Asked at the published port, on the engine's machine:")
	page := func(path string) []string {
		return []string{"exec", engine.Container.Name, "wget", "-q", "-O", "-", "http://127.0.0.1:8080" + path}
	}
	course.DockerUntil(t, "<title>One database, two APIs</title>", page("/")...)
	course.DockerUntil(t, `^{"api":"golang","now":".+"}`, page("/api/golang/")...)
	course.DockerUntil(t, `^{"api":"node","now":".+"}`, page("/api/node/")...)

	course.Say(t, "Another database server, with the same volume:")
	sql := []string{"exec", "db", "psql", "--host", "127.0.0.1", "--username", "postgres", "--tuples-only", "--command"}
	engine.Docker(t, append(sql, "CREATE TABLE guests AS SELECT 'Ada' AS name")...)
	engine.Docker(t, "rm", "--force", "--volumes", "db")
	assert.Contains(t, course.DockerFails(t, page("/api/golang/")...).Stderr, "503")
	startDatabase(volume...)
	engine.DockerUntil(t, "^ Ada\n", append(sql, "SELECT name FROM guests")...)
	course.DockerUntil(t, `^{"api":"golang","now":".+"}`, page("/api/golang/")...)
	course.DockerUntil(t, `^{"api":"node","now":".+"}`, page("/api/node/")...)

	course.Say(t, "Without the volume, a new server has no such table:")
	engine.Docker(t, "rm", "--force", "--volumes", "db")
	startDatabase()
	missing := engine.DockerUntil(t, "ERROR: .*guests", append(sql, "SELECT name FROM guests")...)
	require.NotZero(t, missing.ExitCode)

	course.Say(t, "And on the default bridge, an API reaches the database by its address, and doesn't find it by its name:")
	engine.Docker(t, "network", "connect", "bridge", "db")
	address := strings.TrimSpace(engine.Docker(t, "inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "db").Stdout)
	ask := func(api, path string) []string {
		return []string{"run", "--rm", "--network", "container:" + api, engine.Ref(t, image.Busybox),
			"wget", "-q", "-O", "-", "http://127.0.0.1:8080" + path}
	}
	engine.Docker(t, "run", "--detach", "--name", "knowing", "--env", "DATABASE_URL="+strings.Replace(url, "@db:", "@"+address+":", 1), "api-golang")
	engine.DockerUntil(t, "", ask("knowing", "/healthz")...)
	engine.Docker(t, "run", "--detach", "--name", "lonely", "--env", "DATABASE_URL="+url, "api-golang")
	engine.DockerUntil(t, "^pong", ask("lonely", "/ping")...)
	assert.Contains(t, engine.DockerFails(t, ask("lonely", "/healthz")...).Stderr, "503")
}
