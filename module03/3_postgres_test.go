package module03

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/database"
	"docker-proven/internal/image"
)

// A database that lets everybody in is a trap, so the Postgres image refuses to start without a password and
// says which variable it waits for. With the variable it starts.
func TestPostgresRefusesToStartWithoutAPasswordAndSaysWhy(t *testing.T) {
	refused := course.OnceFails(t, image.Postgres)
	assert.Equal(t, 1, refused.ExitCode)
	assert.Contains(t, refused.Output(), "superuser password is not specified")
	assert.Contains(t, refused.Output(), "POSTGRES_PASSWORD")

	started := course.Run(t, image.Postgres, course.Env("POSTGRES_PASSWORD", course.Secret(t)))
	database.WaitUntilReady(t, started)
}

// --publish 5432:5432 makes the container's port 5432 the host's port 5432. Any Postgres client on the host
// then connects to localhost as if the server were installed there.
func TestAClientOnTheHostConnectsToAPublishedPostgres(t *testing.T) {
	course.NeedsHostPort(t, 5432)
	password := course.Secret(t)
	server := course.Run(t, image.Postgres, course.Env("POSTGRES_PASSWORD", password), course.Publish(5432, 5432))

	address := "postgres://postgres:" + password + "@localhost:5432/postgres"
	database.WaitUntilReady(t, server)
	rows, err := database.Ask(t, address, "SELECT * FROM information_schema.tables")
	assert.NoError(t, err)
	assert.NotEmpty(t, rows, "the server should have told its tables")
}

// Published is not open: the server still asks who is there.
func TestAWrongPasswordIsRefused(t *testing.T) {
	password := course.Secret(t)
	server := database.StartPostgres(t, image.Postgres, password)
	server.Query(t, "SELECT 'let in'")

	wrong := strings.Replace(server.URL, password, "guessed", 1)
	_, err := database.Ask(t, wrong, "SELECT 'let in'")
	assert.ErrorContains(t, err, "password authentication failed", "this server trusts everybody")
}

// An image may declare ports (EXPOSE), and Postgres declares 5432. That alone publishes nothing: without
// --publish the host has nobody listening, however ready the server is inside.
func TestWithoutPublishNothingListensOnTheHost(t *testing.T) {
	course.NeedsHostPort(t, 5432)
	declared := course.Docker(t, "image", "inspect", "--format", "{{json .Config.ExposedPorts}}", course.Ref(t, image.Postgres))
	assert.Equal(t, `{"5432/tcp":{}}`+"\n", declared.Stdout)
	password := course.Secret(t)
	hidden := course.Run(t, image.Postgres, course.Env("POSTGRES_PASSWORD", password))
	database.WaitUntilReady(t, hidden)
	assert.Empty(t, course.Docker(t, "port", hidden.Name).Stdout)
	_, err := net.Dial("tcp", "localhost:5432")
	course.Say(t, "a connection from the host to localhost:5432: %v", err)
	assert.Error(t, err, "nothing should listen on the host's port 5432")

	published := course.Run(t, image.Postgres, course.Env("POSTGRES_PASSWORD", password), course.Publish(5432, 5432))
	database.WaitUntilReady(t, published)
	connection, err := net.Dial("tcp", "localhost:5432")
	if assert.NoError(t, err, "with --publish somebody does") {
		course.Say(t, "a connection from the host to localhost:5432: accepted")
		connection.Close()
	}
	_, err = database.Ask(t, "postgres://postgres:"+password+"@localhost:5432/postgres", "SELECT 'let in'")
	assert.NoError(t, err, "and it is the server that answers")
}
