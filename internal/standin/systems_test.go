package standin_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// A system has its package index only once it is fetched; then packages can be installed, and no service starts
// because its package was (official images: debian-apt-get).
func TestAptInstallsPackages(t *testing.T) {
	for _, system := range []image.Image{image.Ubuntu, image.Debian} {
		t.Run(system.Ref(), func(t *testing.T) {
			container := course.Run(t, system)
			container.ExecFails(t, "apt-get install --yes --no-install-recommends figlet")
			container.Exec(t, "apt-get update")
			container.Exec(t, "apt-get install --yes --no-install-recommends figlet")
			container.Exec(t, "figlet hello")
			assert.Empty(t, container.Exec(t, "ls /var/cache/apt/archives/*.deb 2>/dev/null || true").Stdout,
				"what was installed is not kept in the image a second time")
			assert.Equal(t, 101, container.ExecFails(t, "/usr/sbin/policy-rc.d figlet start").ExitCode)
		})
	}
}

// The images of distributions have what scripts take for granted.
func TestSystemsHaveTheUsualCommands(t *testing.T) {
	const common = "sh ls cat cp mv rm mkdir ln chmod chown grep sed awk tar gzip gunzip find xargs sort uniq cut tr " +
		"head tail wc tee date sleep id env printf test sha256sum stat touch kill mktemp dd du df hostname su "
	const debian = common + "bash apt-get dpkg perl useradd groupadd mount "
	const onAlpine = common + "wget nc ps ip vi top ping "
	const busybox = onAlpine + "ifconfig nslookup unzip watch mount time clear less "
	for system, commands := range map[image.Image]string{
		image.Ubuntu:         debian,
		image.Debian:         debian,
		image.Alpine:         busybox + "adduser addgroup",
		image.Busybox:        busybox + "adduser addgroup httpd telnet ftpget",
		image.Postgres:       onAlpine,
		image.Redis:          onAlpine,
		image.Registry:       onAlpine,
		image.Golang:         onAlpine + "go gofmt",
		image.Node:           "node npm npx bash",
		image.NodeLarge:      "node npm npx bash gcc g++ make git python3",
		image.Nginx:          onAlpine + "nginx curl envsubst",
		image.DockerInDocker: busybox + "git openssl pigz xz iptables modprobe",
	} {
		t.Run(system.Ref(), func(t *testing.T) {
			line := "for c in " + commands + "; do command -v $c > /dev/null || echo $c; done"
			assert.Empty(t, course.Once(t, system, course.Shell(line)).Stdout, "these commands are missing")
			missing := course.Once(t, system, course.Shell("command -v no-such-command || echo none"))
			assert.Equal(t, "none\n", missing.Stdout)
		})
	}
}

// The smallest image makes a web server and a client.
func TestBusyboxServesAndFetchesPages(t *testing.T) {
	server, client := serves(t, image.Busybox,
		course.Shell("mkdir /www && echo hello > /www/index.html && httpd -f -p 8080 -h /www"))
	server.WaitFor(t, "wget -q -O - http://127.0.0.1:8080/")
	page := course.Once(t, image.Busybox, client, course.Command("wget", "-q", "-O", "-", "http://server:8080/"))
	assert.Equal(t, "hello\n", page.Stdout)
	course.OnceFails(t, image.Busybox, client, course.Command("wget", "-q", "-O", "-", "http://server:8080/missing"))
}

// Images that an application is built on make users for it, with a group and a home of their own.
func TestUsersCanBeAddedWithBusyboxsCommands(t *testing.T) {
	for _, i := range []image.Image{image.Alpine, image.Busybox} {
		t.Run(i.Ref(), func(t *testing.T) {
			container := course.Run(t, i)
			container.Exec(t, "adduser -D -u 1234 ada && addgroup -g 4321 crew && addgroup ada crew")
			assert.Equal(t, "1234\n1234\nada crew\n", container.Exec(t, "id -u ada; id -g ada; id -Gn ada").Stdout)
			assert.Equal(t, "ada ada\n", container.Exec(t, "stat -c '%U %G' /home/ada").Stdout)
			container.ExecFails(t, "adduser -D ada")

			container.Exec(t, "addgroup -S app && adduser -S -H -G app -s /bin/sh app")
			assert.Equal(t, "app app\n", container.Exec(t, "su app -c 'echo $(id -un) $(id -gn)'").Stdout)
			container.ExecFails(t, "su app -c 'touch /mine' || test -e /home/app")

			tag := course.Build(t, "app", "FROM "+course.Ref(t, i)+`
RUN adduser -D -h /srv/app app
USER app
CMD ["id", "-un"]
`)
			assert.Equal(t, "app\n", course.Docker(t, "run", "--rm", tag).Stdout)
		})
	}
}
