package standin_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
	"docker-proven/internal/standin"
)

// withShell are the images that hold a system; the others are one program each, and arguments are that program's.
var withShell = []image.Image{
	image.Busybox, image.BusyboxStatic, image.Ubuntu, image.Debian, image.Alpine, image.Postgres, image.PostgresOther,
	image.Redis, image.MariaDB, image.Python, image.Node, image.NodeLarge, image.Golang, image.Nginx, image.PHP, image.Ruby,
	image.Registry, image.DockerInDocker,
}

// Every image that is said to have a stand-in has one under both of its references.
func TestEveryImageThatIsSaidToHasAStandIn(t *testing.T) {
	for _, i := range image.WithStandIn {
		assert.True(t, standin.Has(i.Pinned), i.Pinned)
		assert.True(t, standin.Has(i.Current), i.Current)
	}
	assert.False(t, standin.Has(image.MongoDB.Pinned))
}

// What an image declares is what `docker run` does without further options, and what tools such as testcontainers
// and compose read.
func TestImagesDeclareWhatTheOriginalsDeclare(t *testing.T) {
	// entrypoint | command | ports | volumes | working directory | user | stop signal
	declared := map[string]string{
		"ubuntu":                      " | /bin/bash |  |  | / |  | ",
		"debian":                      " | bash |  |  | / |  | ",
		"busybox":                     " | sh |  |  | / |  | ",
		"alpine":                      " | /bin/sh |  |  | / |  | ",
		"postgres:15.1-alpine":        "docker-entrypoint.sh | postgres | 5432/tcp | /var/lib/postgresql/data | / |  | SIGINT",
		"postgres:17-alpine":          "docker-entrypoint.sh | postgres | 5432/tcp | /var/lib/postgresql/data | / |  | SIGINT",
		"postgres:18-alpine":          "docker-entrypoint.sh | postgres | 5432/tcp | /var/lib/postgresql | / |  | SIGINT",
		"redis":                       "docker-entrypoint.sh | redis-server | 6379/tcp | /data | /data |  | ",
		"mariadb":                     "docker-entrypoint.sh | mariadbd | 3306/tcp | /var/lib/mysql | / |  | ",
		"python":                      " | python3 |  |  | / |  | ",
		"node":                        "docker-entrypoint.sh | node |  |  | / |  | ",
		"golang":                      " | /bin/sh |  |  | /go |  | ",
		"nginxinc/nginx-unprivileged": "/docker-entrypoint.sh | nginx -g daemon off; | 8080/tcp |  | / | 101 | SIGQUIT",
		"php":                         "docker-php-entrypoint | php -a |  |  | / |  | ",
		"ruby":                        " | irb |  |  | / |  | ",
		"mikefarah/yq":                "/usr/bin/yq |  |  |  | /workdir | yq | ",
		"registry":                    "/entrypoint.sh | /etc/docker/registry/config.yml | 5000/tcp | /var/lib/registry | / |  | ",
		"docker":                      "dockerd-entrypoint.sh |  | 2375/tcp 2376/tcp | /var/lib/docker | / |  | ",
	}
	format := `{{join .Config.Entrypoint " "}} | {{join .Config.Cmd " "}} | ` +
		`{{range $port, $_ := .Config.ExposedPorts}}{{$port}} {{end}}| ` +
		`{{range $directory, $_ := .Config.Volumes}}{{$directory}} {{end}}| ` +
		`{{or .Config.WorkingDir "/"}} | {{.Config.User}} | {{.Config.StopSignal}}`
	for _, i := range append(withShell, image.YQ) {
		t.Run(i.Name+" "+i.Ref(), func(t *testing.T) {
			ref := course.Ref(t, i)
			want, ok := declared[ref]
			if !ok {
				repository, _, _ := strings.Cut(ref, ":")
				want = declared[repository]
			}
			found := strings.TrimSuffix(course.Docker(t, "image", "inspect", "--format", format, ref).Stdout, "\n")
			assert.Equal(t, columns(want), columns(found))
		})
	}
}

func columns(line string) []string {
	found := strings.Split(line, "|")
	for n := range found {
		found[n] = strings.TrimSpace(found[n])
	}
	return found
}

// Any command can take the place of the image's own, and its exit status is the container's. The clock is set to universal
// time, and nobody can log in with a password that comes with the image (official images: override-cmd, utc,
// no-hard-coded-passwords).
func TestAnyCommandRunsInPlaceOfTheImagesOwn(t *testing.T) {
	for _, i := range withShell {
		t.Run(i.Ref(), func(t *testing.T) {
			const line = "echo Hello world; date +%Z; cat /etc/passwd /etc/shadow; exit 7"
			result := course.OnceFails(t, i, course.User("0:0"), course.Shell(line))
			assert.Equal(t, 7, result.ExitCode)
			files, said := strings.CutPrefix(result.Stdout, "Hello world\nUTC\n")
			assert.True(t, said, "it should have said hello, and that its clock has universal time (UTC); it said:\n%s", result.Stdout)
			assert.Contains(t, files, "root:x:0:0:")
			assert.Empty(t, passwords(files))
		})
	}
	open := "root:x:0:0:root:/root:/bin/sh\nroot:::0:::::\nguest:$6$salt$hash:1::::::\ndaemon:*:1::::::\nwww:!:1::::::\n"
	assert.Equal(t, []string{"root", "guest"}, passwords(open))
}

// passwords are the users of lines from /etc/passwd and /etc/shadow who can log in with a password, or without any.
func passwords(lines string) (users []string) {
	for line := range strings.Lines(lines) {
		user, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		password, _, _ := strings.Cut(rest, ":")
		if ok && (password == "" && user == "root" || strings.HasPrefix(password, "$")) {
			users = append(users, user)
		}
	}
	return users
}

// Under a tag is the version that the tag names.
func TestTheVersionIsTheOneOfTheTag(t *testing.T) {
	for i, command := range map[image.Image]course.Option{
		image.Postgres:       course.Command("postgres", "--version"),
		image.PostgresOther:  course.Command("postgres", "--version"),
		image.Redis:          course.Command("redis-server", "--version"),
		image.MariaDB:        course.Command("mariadbd", "--version"),
		image.Python:         course.Command("python", "--version"),
		image.Node:           course.Command("node", "--version"),
		image.NodeLarge:      course.Command("node", "--version"),
		image.Golang:         course.Command("go", "version"),
		image.Nginx:          course.Command("nginx", "-v"),
		image.PHP:            course.Command("php", "--version"),
		image.Ruby:           course.Command("ruby", "--version"),
		image.Registry:       course.Command("registry", "--version"),
		image.DockerInDocker: course.Command("docker", "--version"),
	} {
		t.Run(i.Ref(), func(t *testing.T) {
			_, tag, _ := strings.Cut(i.Ref(), ":")
			version, _, _ := strings.Cut(tag, "-")
			if i.Name == "postgres" {
				version, _, _ = strings.Cut(version, ".") // the minor version is the original's
			}
			said := course.Once(t, i, command).Output()
			assert.Regexp(t, `(^|[^0-9.])`+regexp.QuoteMeta(version)+`\.`, said)
		})
	}
}

// Files in a volume belong to numbers, not names: the users have the numbers that they have in the originals, and the
// servers run as them.
func TestServersRunAsTheirUser(t *testing.T) {
	for i, user := range map[image.Image]string{
		image.Postgres: "postgres 70 70", image.Redis: "redis 999 1000", image.MariaDB: "mysql 999 999",
	} {
		t.Run(i.Ref(), func(t *testing.T) {
			words := strings.Fields(user)
			ids := course.Once(t, i, course.Shell("id -u "+words[0]+"; id -g "+words[0]+"; id -u"))
			assert.Equal(t, []string{words[1], words[2], "0"}, strings.Fields(ids.Stdout),
				"and any other command runs as root")

			password := course.Secret(t)
			server := course.Run(t, i,
				course.Env("POSTGRES_PASSWORD", password), course.Env("MARIADB_ROOT_PASSWORD", password))
			course.Eventually(t, "the server has given up being root", func() bool {
				server.MustRun(t)
				return server.Exec(t, "stat -c '%u %g' /proc/1").Stdout == words[1]+" "+words[2]+"\n"
			})
		})
	}
}

// serves runs a server and a network on which other containers find it as "server".
func serves(t *testing.T, i image.Image, options ...course.Option) (server *course.Container, client course.Option) {
	t.Helper()
	network := course.NewNetwork(t, "contract")
	server = course.Run(t, i, append(options, course.Join(network, "server"))...)
	return server, course.Join(network, "client")
}

// stopsInOrder stops a server as `docker stop` does, and requires that it ends by itself and in order.
func stopsInOrder(t *testing.T, server *course.Container) {
	t.Helper()
	course.Docker(t, "stop", "-t", "60", server.Name)
	state := course.Docker(t, "inspect", "--format", "{{.State.ExitCode}}", server.Name)
	require.Equal(t, "0\n", state.Stdout, server.Logs(t).Output())
}
