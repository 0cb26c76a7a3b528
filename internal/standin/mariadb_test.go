package standin_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// The server that initialises listens on no port, so this line is that of the real one.
const mariadbServes = "port: 3306"

// mariadbQuery asks through the server's own socket, as the user with the password.
func mariadbQuery(user, password, sql string) string {
	return `MYSQL_PWD='` + password + `' mariadb --user '` + user + `' --skip-column-names --batch --execute "` + sql + `"`
}

func startMariaDB(t *testing.T, password string, options ...course.Option) *course.Container {
	t.Helper()
	options = append([]course.Option{course.Env("MARIADB_ROOT_PASSWORD", password)}, options...)
	server := course.Run(t, image.MariaDB, options...)
	server.WaitForLog(t, mariadbServes)
	return server
}

// The user, the passwords and the database are those that the variables name, under the names of MariaDB and those of
// MySQL, and clients come in over TCP with them and with nothing else (official images: mysql-basics).
func TestMariaDBServesTheUserAndDatabaseOfItsVariables(t *testing.T) {
	for _, prefix := range []string{"MARIADB_", "MYSQL_"} {
		t.Run(prefix, func(t *testing.T) {
			rootPassword, password := course.Secret(t), course.Secret(t)+` it's\ours`
			server, client := serves(t, image.MariaDB, course.Env(prefix+"ROOT_PASSWORD", rootPassword),
				course.Env(prefix+"USER", "0123456789012345"), course.Env(prefix+"PASSWORD", password),
				course.Env(prefix+"DATABASE", "my database"))
			server.WaitForLog(t, mariadbServes)
			query := func(user, password, sql string) []course.Option {
				return []course.Option{client, course.Env("MYSQL_PWD", password), course.Command("mariadb", "--host", "server",
					"--user", user, "--skip-column-names", "--batch", "my database", "--execute", sql)}
			}
			const sql = "CREATE TABLE test (a INT, b INT, c VARCHAR(255)); SELECT count(*) FROM test; " +
				"INSERT INTO test VALUES (1, 2, 'hello'), (2, 3, 'goodbye!'); DELETE FROM test WHERE a = 1; SELECT c FROM test"
			assert.Equal(t, "0\ngoodbye!\n", course.Once(t, image.MariaDB, query("0123456789012345", password, sql)...).Stdout)
			root := course.Once(t, image.MariaDB, query("root", rootPassword, "SELECT current_user()")...)
			assert.Equal(t, "root@%\n", root.Stdout, "root comes in from anywhere")
			for _, refused := range [][]course.Option{
				query("0123456789012345", "wrong", "SELECT 1"), query("root", password, "SELECT 1"),
				query("0123456789012345", password, "CREATE DATABASE other"),
			} {
				assert.Contains(t, course.OnceFails(t, image.MariaDB, refused...).Stderr, "Access denied")
			}
		})
	}
}

// Without a word about root's password there is no server, but a message that names the variables.
func TestMariaDBRefusesToStartWithoutAPassword(t *testing.T) {
	result := course.OnceFails(t, image.MariaDB)
	assert.Equal(t, 1, result.ExitCode)
	assert.Contains(t, result.Stderr, "password option is not specified")
	for _, name := range []string{"ROOT_PASSWORD", "ALLOW_EMPTY_ROOT_PASSWORD", "RANDOM_ROOT_PASSWORD"} {
		assert.Contains(t, result.Stderr, "MARIADB_"+name)
	}
}

// Root's password can be none, or one that is made up and written to the log.
func TestMariaDBMakesDoWithoutAPasswordWhenTold(t *testing.T) {
	for _, name := range []string{"MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD"} {
		t.Run(name, func(t *testing.T) {
			server := course.Run(t, image.MariaDB, course.Env(name, "1"))
			server.WaitForLog(t, mariadbServes)
			assert.Equal(t, "42\n", server.Exec(t, mariadbQuery("root", "", "SELECT 6 * 7")).Stdout)
		})
	}
	for _, name := range []string{"MARIADB_RANDOM_ROOT_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"} {
		t.Run(name, func(t *testing.T) {
			server := course.Run(t, image.MariaDB, course.Env(name, "1"))
			server.WaitForLog(t, mariadbServes)
			found := regexp.MustCompile(`GENERATED ROOT PASSWORD: (.+)`).FindStringSubmatch(server.Logs(t).Output())
			require.NotNil(t, found)
			assert.Equal(t, "42\n", server.Exec(t, mariadbQuery("root", strings.TrimSpace(found[1]), "SELECT 6 * 7")).Stdout)
			server.ExecFails(t, mariadbQuery("root", "", "SELECT 1"))
		})
	}
}

// A password can come as a file, as secrets do; as both a variable and a file it is refused.
func TestMariaDBReadsItsPasswordFromAFile(t *testing.T) {
	password := course.Secret(t)
	mounted := course.Volume(course.File(t, "password", password+"\n"), "/run/secrets/password", "ro")
	for _, name := range []string{"MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"} {
		t.Run(name, func(t *testing.T) {
			variable := course.Env(name+"_FILE", "/run/secrets/password")
			server := course.Run(t, image.MariaDB, mounted, variable)
			server.WaitForLog(t, mariadbServes)
			assert.Equal(t, "42\n", server.Exec(t, mariadbQuery("root", password, "SELECT 6 * 7")).Stdout)
			server.ExecFails(t, mariadbQuery("root", "wrong", "SELECT 1"))

			result := course.OnceFails(t, image.MariaDB, mounted, variable, course.Env(name, password))
			assert.Equal(t, 1, result.ExitCode)
			assert.Contains(t, result.Stderr, "Both "+name+" and "+name+"_FILE are set")
		})
	}
}

// The first start runs the scripts of /docker-entrypoint-initdb.d in the order of their names, on the database that is
// asked for; no other start does (official images: mysql-initdb).
func TestMariaDBRunsItsInitialisationScriptsOnce(t *testing.T) {
	step := `mariadb --user root --password="$MARIADB_ROOT_PASSWORD" "$MARIADB_DATABASE" ` +
		`--execute "INSERT INTO steps (name) VALUES `
	scripts := course.Directory(t, map[string]string{
		"1-table.sql": "CREATE TABLE steps (id INT AUTO_INCREMENT PRIMARY KEY, name TEXT); " +
			"INSERT INTO steps (name) VALUES ('sql');\n",
		"2-sourced.sh":   step + `('sourced as $(whoami)')"` + "\n",
		"3-executed.sh":  "#!/bin/sh\n" + step + `('executed by $(basename "$0")')"` + "\n",
		"5-ignored.text": "INSERT INTO steps (name) VALUES ('ignored');\n",
	})
	require.NoError(t, os.Chmod(filepath.Join(scripts, "3-executed.sh"), 0o755))
	writeGzip(t, filepath.Join(scripts, "4-packed.sql.gz"), "INSERT INTO steps (name) VALUES ('packed');\n")
	password := course.Secret(t)
	server := startMariaDB(t, password, course.Env("MARIADB_DATABASE", "course"),
		course.Volume(scripts, "/docker-entrypoint-initdb.d", "ro"))
	steps := mariadbQuery("root", password, "SELECT name FROM course.steps ORDER BY id")
	const want = "sql\nsourced as mysql\nexecuted by 3-executed.sh\npacked\n"
	assert.Equal(t, want, server.Exec(t, steps).Stdout)

	server.Stop(t)
	server.Start(t)
	server.WaitFor(t, steps)
	assert.Equal(t, want, server.Exec(t, steps).Stdout)
}

// Who waits for a line of the log waits for the second one: on the first start the server that initialises says the
// same. From then on each start says it once, and a server that is stopped ends in order.
func TestMariaDBSaysThatItIsReadyTwiceOnTheFirstStart(t *testing.T) {
	const ready = "ready for connections."
	server := startMariaDB(t, course.Secret(t))
	times := func(want int) {
		t.Helper()
		course.Eventually(t, "the log says it", func() bool { return strings.Count(server.Logs(t).Output(), ready) >= want })
		assert.Equal(t, want, strings.Count(server.Logs(t).Output(), ready))
	}
	times(2)
	stopsInOrder(t, server)
	server.Start(t)
	server.WaitFor(t, "mariadb-admin --host 127.0.0.1 ping")
	times(3)
}

// What follows the image are options of the server, with its name or without it, and /etc/mysql/conf.d is read, too,
// after what the image itself configures (official images: mysql-log-bin).
func TestMariaDBTakesOptionsAndConfiguration(t *testing.T) {
	file := course.File(t, "course.cnf", "[mariadbd]\nmax_connections = 42\nskip-name-resolve = 0\n")
	for name, example := range map[string]struct {
		option course.Option
		want   string
	}{
		"nothing": {course.Command(), "151\t0\t1\n"},
		"options": {course.Command("--max-connections=42", "--log-bin=course", "--server-id=7"), "42\t1\t1\n"},
		"command": {course.Command("mariadbd", "--max-connections=42"), "42\t0\t1\n"},
		"file":    {course.Volume(file, "/etc/mysql/conf.d/course.cnf", "ro"), "42\t0\t0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			password := course.Secret(t)
			server := startMariaDB(t, password, example.option)
			query := mariadbQuery("root", password, "SELECT @@max_connections, @@log_bin, @@skip_name_resolve")
			assert.Equal(t, example.want, server.Exec(t, query).Stdout)
		})
	}
}

// healthcheck.sh, which compose files name, fails until the server serves.
func TestMariaDBTellsItsHealth(t *testing.T) {
	course.OnceFails(t, image.MariaDB, course.Command("healthcheck.sh", "--connect"))
	server := startMariaDB(t, course.Secret(t))
	server.WaitFor(t, "healthcheck.sh --connect --innodb_initialized")
	server.ExecFails(t, "healthcheck.sh --no-such-test")
}

// --user makes the server run as anybody who may write the data directory.
func TestMariaDBRunsAsAnyUser(t *testing.T) {
	data := course.Volume(course.NewVolume(t, "mariadb-data"), "/var/lib/mysql", "nocopy")
	course.Once(t, image.MariaDB, data, course.Command("chown", "4321", "/var/lib/mysql"))
	password := course.Secret(t)
	server := startMariaDB(t, password, course.User("4321"), data)
	assert.Equal(t, "42\n", server.Exec(t, mariadbQuery("root", password, "SELECT 6 * 7")).Stdout)
	assert.Equal(t, "4321\n", server.Exec(t, "stat -c %u /proc/1").Stdout)
}
