package standin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

func startRedis(t *testing.T, options ...course.Option) *course.Container {
	t.Helper()
	server := course.Run(t, image.Redis, options...)
	server.WaitFor(t, "redis-cli ping | grep PONG")
	return server
}

// Other containers reach the server without further ado: the protected mode, which would serve its own container
// only, is off unless asked for (official images: redis-basics).
func TestRedisServesOtherContainers(t *testing.T) {
	server, client := serves(t, image.Redis)
	server.WaitFor(t, "redis-cli ping | grep PONG")
	for _, step := range []struct {
		answer string
		words  []string
	}{
		{"PONG\n", []string{"ping"}},
		{"OK\n", []string{"set", "key", "some value"}},
		{"some value\n", []string{"get", "key"}},
	} {
		command := course.Command(append([]string{"redis-cli", "-h", "server"}, step.words...)...)
		assert.Equal(t, step.answer, course.Once(t, image.Redis, client, command).Stdout)
	}

	server, client = serves(t, image.Redis, course.Command("redis-server", "--protected-mode", "yes"))
	server.WaitFor(t, "redis-cli ping | grep PONG")
	result := course.Once(t, image.Redis, client, course.Shell("redis-cli -h server ping 2>&1 || true"))
	assert.Contains(t, result.Output(), "DENIED")
}

// A configuration file and options are the server's, with its name or without it (official images:
// redis-basics-config).
func TestRedisTakesAConfigurationFileAndOptions(t *testing.T) {
	file := course.Volume(course.File(t, "course.conf", "maxmemory 64mb\n"), "/etc/course.conf", "ro")
	for name, example := range map[string]struct {
		command course.Option
		want    string
	}{
		"nothing":          {course.Command(), "0 no"},
		"file":             {course.Command("/etc/course.conf"), "67108864 no"},
		"server and file":  {course.Command("redis-server", "/etc/course.conf"), "67108864 no"},
		"file and options": {course.Command("/etc/course.conf", "--appendonly", "yes"), "67108864 yes"},
		"options":          {course.Command("--appendonly", "yes"), "0 yes"},
	} {
		t.Run(name, func(t *testing.T) {
			server := startRedis(t, file, example.command)
			found := strings.Fields(server.Exec(t, "redis-cli config get maxmemory; redis-cli config get appendonly").Stdout)
			require.Len(t, found, 4)
			assert.Equal(t, example.want, found[1]+" "+found[3])
		})
	}
}

// The working directory is /data, and a server that is stopped in order writes its keys there first (official images:
// redis-basics-persistent).
func TestRedisKeepsItsKeysInData(t *testing.T) {
	server := startRedis(t)
	assert.Equal(t, "/data\n", server.Exec(t, "pwd").Stdout)
	server.Exec(t, "redis-cli set kept yes")
	server.ExecFails(t, "test -e /data/dump.rdb")
	stopsInOrder(t, server)
	server.Start(t)
	server.WaitFor(t, "redis-cli ping | grep PONG")
	assert.Equal(t, "yes\n", server.Exec(t, "redis-cli get kept").Stdout)
	server.Exec(t, "test -e /data/dump.rdb")

	server.Exec(t, "redis-cli set lost yes")
	course.Docker(t, "kill", server.Name)
	server.Start(t)
	server.WaitFor(t, "redis-cli ping | grep PONG")
	assert.Equal(t, "\n", server.Exec(t, "redis-cli get lost").Stdout, "a server that is killed writes nothing")
}

// Files of a volume that belong to somebody else become the server's; --user makes it run as anybody.
func TestRedisOwnsItsDataAndRunsAsAnyUser(t *testing.T) {
	data := course.NewVolume(t, "redis-data")
	course.Once(t, image.Redis, course.Volume(data, "/data"), course.Shell("touch old && chown 1234 old ."))
	server := startRedis(t, course.Volume(data, "/data"))
	assert.Equal(t, "999\n999\n", server.Exec(t, "stat -c %u . old").Stdout)

	anybody := startRedis(t, course.User("4321"))
	assert.Equal(t, "4321\n", anybody.Exec(t, "stat -c %u /proc/1").Stdout)
}
