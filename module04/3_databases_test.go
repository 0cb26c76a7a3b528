package module04

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/database"
	"docker-proven/internal/image"
)

// Postgres takes a configuration file of yours by a bind mount and one option. Docker has nothing to do with
// it: what follows the image's name goes to the server. Both servers have the same data, on a volume: only the file differs.
func TestPostgresRunsWithItsOwnConfigurationFile(t *testing.T) {
	pgdata, password := course.NewVolume(t, "pgdata"), course.Secret(t)
	data := course.Volume(pgdata, course.DataDirectory(t, image.Postgres))
	standard := database.StartPostgres(t, image.Postgres, password, data)
	assert.NotEqual(t, [][]any{{"42"}}, standard.Query(t, "SHOW max_connections"))
	standard.Remove(t)

	file := course.File(t, "postgres.conf", "listen_addresses = '*'\nmax_connections = 42\n")
	configured := database.StartPostgres(t, image.Postgres, password, data,
		course.Volume(file, "/etc/postgresql/postgresql.conf", "ro"),
		course.Command("postgres", "-c", "config_file=/etc/postgresql/postgresql.conf"))
	assert.Equal(t, [][]any{{"42"}}, configured.Query(t, "SHOW max_connections"))
}

// Installed on one machine, two major versions of one database want the same port and the same commands, and somebody has
// to keep them apart. In containers they are just two containers, each with its own files and its own port.
func TestTwoPostgresMajorsRunAtOnce(t *testing.T) {
	one := database.StartPostgres(t, image.Postgres, course.Secret(t))
	other := database.StartPostgres(t, image.PostgresOther, course.Secret(t))

	major := "SELECT split_part(current_setting('server_version'), '.', 1)"
	assert.NotEqual(t, one.Query(t, major), other.Query(t, major), "these should be two different majors")

	one.Query(t, "CREATE TABLE only_here AS SELECT 1")
	one.Query(t, "SELECT * FROM only_here")
	_, err := database.Ask(t, other.URL, "SELECT * FROM only_here")
	assert.ErrorContains(t, err, "does not exist", "they share nothing")
}

// Redis keeps everything in memory, and writes it to /data when it is told to (save), among other times. On a
// named volume a key outlives the container, and the next one has it; one that isn't given the volume hasn't.
func TestARedisKeyOutlivesTheContainerOnAVolume(t *testing.T) {
	data := course.NewVolume(t, "redis-data")

	first := course.Run(t, image.Redis, course.Volume(data, "/data"))
	first.WaitForLog(t, "Ready to accept connections")
	first.Exec(t, "redis-cli set greeting hello")
	first.Exec(t, "redis-cli save")
	first.Remove(t)

	second := course.Run(t, image.Redis, course.Volume(data, "/data"))
	second.WaitForLog(t, "Ready to accept connections")
	assert.Equal(t, "hello\n", second.Exec(t, "redis-cli get greeting").Stdout)

	without := course.Run(t, image.Redis)
	without.WaitForLog(t, "Ready to accept connections")
	assert.Equal(t, "\n", without.Exec(t, "redis-cli get greeting").Stdout, "without the volume there is no such key")
}

// Without --volume the data isn't in the container either: the images of databases declare a volume, and Docker makes an
// anonymous one for each container. So the next container starts empty, and the data is not lost yet: docker rm without
// --volumes leaves the volume behind, and whoever knows its name finds all of it there. With --volumes it is gone. (Shown on
// a throwaway engine, where nothing can be left behind.)
func TestADatabaseWithoutANamedVolumeLeavesItsDataInAnAnonymousOne(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	redis, directory := engine.Ref(t, image.Redis), course.DataDirectory(t, image.Redis)
	start := func(name string, flags ...string) {
		engine.Docker(t, slices.Concat([]string{"run", "--detach", "--name", name}, flags, []string{redis})...)
		engine.DockerUntil(t, "PONG", "exec", name, "redis-cli", "ping")
	}
	greeting := func(name string) string {
		return engine.Docker(t, "exec", name, "redis-cli", "get", "greeting").Stdout
	}
	volumeOf := func(name string) string {
		return strings.TrimSpace(engine.Docker(t, "inspect", "--format", "{{range .Mounts}}{{.Name}}{{end}}", name).Stdout)
	}

	first, next, third := course.Unique(t, "first-"), course.Unique(t, "next-"), course.Unique(t, "third-")
	start(first)
	engine.Docker(t, "exec", first, "redis-cli", "set", "greeting", "hello")
	engine.Docker(t, "exec", first, "redis-cli", "save")
	left := volumeOf(first)
	engine.Docker(t, "rm", "--force", first)

	start(next)
	assert.Equal(t, "\n", greeting(next), "the next container should start empty")
	removed := volumeOf(next)
	assert.NotEqual(t, left, removed, "each container should get a volume of its own")

	course.Say(t, "Given the first one's volume by its name, a third has the key:")
	start(third, "--volume", left+":"+directory)
	assert.Equal(t, "hello\n", greeting(third))

	course.Say(t, "With --volumes, the anonymous volume goes with its container:")
	engine.Docker(t, "rm", "--force", "--volumes", next)
	volumes := strings.Fields(engine.Docker(t, "volume", "ls", "--quiet").Stdout)
	assert.Contains(t, volumes, left)
	assert.NotContains(t, volumes, removed)
}

// Redis, too, takes its configuration as a file, named in the command.
func TestRedisRunsWithItsOwnConfigurationFile(t *testing.T) {
	file := course.File(t, "redis.conf", "maxmemory 64mb\n")
	configured := course.Run(t, image.Redis, course.Volume(file, "/usr/local/etc/redis/redis.conf", "ro"),
		course.Command("redis-server", "/usr/local/etc/redis/redis.conf"))
	configured.WaitForLog(t, "Ready to accept connections")
	assert.Equal(t, "maxmemory\n67108864\n", configured.Exec(t, "redis-cli config get maxmemory").Stdout)

	standard := course.Run(t, image.Redis)
	standard.WaitForLog(t, "Ready to accept connections")
	assert.Equal(t, "maxmemory\n0\n", standard.Exec(t, "redis-cli config get maxmemory").Stdout)
}

// MariaDB follows the same pattern as Postgres: a password by environment variable, the data on a volume. What is on it
// are files, in a directory for each database. Without the volume the next container has none of them.
func TestMariaDBRowsOutliveTheContainerOnAVolume(t *testing.T) {
	data := course.NewVolume(t, "mariadb-data")
	password := course.Secret(t)
	start := func() *course.Container {
		server := course.Run(t, image.MariaDB, course.Volume(data, "/var/lib/mysql"),
			course.Env("MARIADB_ROOT_PASSWORD", password))
		server.WaitForLog(t, mariadbIsReady)
		return server
	}

	first := start()
	first.Exec(t, mariadb(password, "CREATE DATABASE party; CREATE TABLE party.guests AS SELECT 'Grace' AS name"))
	first.Remove(t)

	second := start()
	assert.Equal(t, "Grace\n", second.Exec(t, mariadb(password, "SELECT name FROM party.guests")).Stdout)

	course.Say(t, "To MariaDB, a database is a directory, and what its table guests looks like is in guests.frm:")
	assert.Contains(t, second.Exec(t, "ls /var/lib/mysql/party").Stdout, "guests.frm\n")
	without := course.OnceFails(t, image.MariaDB, course.Command("ls", "/var/lib/mysql/party"))
	assert.Contains(t, without.Stderr, "No such file or directory", "without the volume there is no such database")
}

// Every file in /etc/mysql/conf.d whose name ends in .cnf is read when MariaDB starts: mount one there, and the image's own
// settings stay as they are. The server itself tells which settings it would run with.
func TestMariaDBReadsItsConfigurationFromConfD(t *testing.T) {
	settings := course.Shell("mariadbd --user=mysql --verbose --help | grep -E '^(max-connections|skip-name-resolve) '")
	standard := course.Once(t, image.MariaDB, settings)
	assert.Regexp(t, `max-connections +151\n`, standard.Stdout)
	assert.Regexp(t, `skip-name-resolve +TRUE\n`, standard.Stdout, "a setting of the image's own")

	file := course.File(t, "course.cnf", "[mariadbd]\nmax_connections = 77\n")
	configured := course.Once(t, image.MariaDB, course.Volume(file, "/etc/mysql/conf.d/course.cnf", "ro"), settings)
	assert.Equal(t, strings.Replace(standard.Stdout, "151", "77", 1), configured.Stdout, "this setting and no other")

	ignored := course.Once(t, image.MariaDB, course.Volume(file, "/etc/mysql/conf.d/course.conf", "ro"), settings)
	assert.Equal(t, standard.Stdout, ignored.Stdout, "a file of another name should not be read")
}

// While it still sets itself up, MariaDB answers on its socket only, and says port 0.
const mariadbIsReady = "port: 3306"

// mariadb is the command that asks the server.
func mariadb(password, sql string) string {
	return `mariadb --user root --password=` + password + ` --skip-column-names --execute "` + sql + `"`
}

// MongoDB, like the others, becomes a database to play with by one command.
func TestMongoDBKeepsADocumentOnAVolume(t *testing.T) {
	data := course.NewVolume(t, "mongo-data")
	ready := `mongosh --quiet --eval 'db.runCommand({ ping: 1 }).ok' | grep -x 1`
	first := course.Run(t, image.MongoDB, course.Volume(data, "/data/db"))
	first.WaitFor(t, ready)
	first.Exec(t, `mongosh --quiet --eval 'db.guests.insertOne({ name: "Barbara" }, { writeConcern: { j: true } })'`)
	first.Remove(t)

	second := course.Run(t, image.MongoDB, course.Volume(data, "/data/db"))
	second.WaitFor(t, ready)
	assert.Equal(t, "1\n", second.Exec(t, `mongosh --quiet --eval 'db.guests.countDocuments()'`).Stdout)

	without := course.Run(t, image.MongoDB)
	without.WaitFor(t, ready)
	assert.Equal(t, "0\n", without.Exec(t, `mongosh --quiet --eval 'db.guests.countDocuments()'`).Stdout)
}

// Elasticsearch is told to be alone here (single-node), and to do without passwords and encryption, so that plain HTTP reaches it.
func TestElasticsearchFindsADocument(t *testing.T) {
	server := course.Run(t, image.Elasticsearch,
		course.Env("discovery.type", "single-node"), course.Env("xpack.security.enabled", "false"),
		course.Env("ES_JAVA_OPTS", "-Xms512m -Xmx512m"))
	server.WaitFor(t, "curl --fail --silent localhost:9200")
	const find = "curl --fail --silent 'localhost:9200/guests/_count?q=name:Katherine'"
	server.ExecFails(t, find)
	server.Exec(t, `curl --fail --silent -H 'Content-Type: application/json' -d '{"name":"Katherine"}' 'localhost:9200/guests/_doc?refresh=true'`)
	assert.Contains(t, server.Exec(t, find).Stdout, `"count":1`)
}

// Neo4j stores graphs. Here it is told to ask for no password.
func TestNeo4jRemembersAGraph(t *testing.T) {
	server := course.Run(t, image.Neo4j, course.Env("NEO4J_AUTH", "none"))
	server.WaitFor(t, "cypher-shell 'RETURN 1'")
	const find = `cypher-shell --format plain "MATCH (:Guest)-[:KNOWS]->(b) RETURN b.name"`
	require.NotContains(t, server.Exec(t, find).Stdout, "Mary")
	server.Exec(t, `cypher-shell "CREATE (:Guest {name: 'Dorothy'})-[:KNOWS]->(:Guest {name: 'Mary'})"`)
	assert.True(t, strings.HasSuffix(server.Exec(t, find).Stdout, "\"Mary\"\n"))
}
