package module08

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/flags"
	"docker-proven/internal/image"
)

// What a flag says to `docker run`, a key of a service says in the file. Here each service is plain, the first one, and one
// key more; it is called by that key. So what is found in the one container and not in the other is the key's doing. (A
// container's name is made of those of the project and the service, and a number.)
func TestAKeyOfAServiceSaysWhatAFlagOfDockerRunSays(t *testing.T) {
	course.NeedsPathsOfEngines(t)
	content, err := os.ReadFile("README.md")
	require.NoError(t, err)
	file := "services:\n  plain: &plain { image: BUSYBOX, command: sleep 3600 }\n"
	for _, k := range keys {
		file += "  " + k.name() + ": { <<: *plain, " + k.key + " }\n"
		assert.Contains(t, string(content), "| `"+k.key+"` | `"+k.flag+"` |", "the README's table of keys should have it")
	}
	p := newSmall(t, throwaway(t), file)
	course.WriteHostFile(t, filepath.Join(p.directory, "settings"), "COLOUR=blue\nSIZE=xl\n")
	site := filepath.Join(p.directory, "site")
	require.NoError(t, os.Mkdir(site, 0o755))
	course.Typed(t, "", "mkdir", site)
	course.WriteHostFile(t, filepath.Join(site, "page"), "from the host\n")
	p.compose(t, "up", "--detach")

	for _, k := range keys {
		t.Run(k.name(), func(t *testing.T) {
			course.Say(t, "%s is in the file what %s is to docker run.", k.key, k.flag)
			if k.needs != nil {
				k.needs(t)
			}
			found := func(service string) string {
				if k.setting != "" {
					return flags.Observed(p.DockerTries(t, "inspect", "--format", k.setting, p.id(t, service)))
				}
				command := k.command
				if k.cgroup != [2]string{} {
					command = "cat " + course.CgroupFile(t, k.cgroup[0], k.cgroup[1])
				}
				return flags.Observed(p.DockerTries(t, "exec", p.name+"-"+service+"-1", "sh", "-c", command))
			}
			flags.Row{Flag: k.key, With: k.with, Without: k.without}.Prove(t, found(k.name()), found("plain"))
		})
	}
}

var keys = []key{
	{key: `entrypoint: time`, flag: "--entrypoint time",
		command: "xargs -0 < /proc/1/cmdline", with: "time sleep 3600", without: "sleep 3600"},
	{key: `working_dir: /tmp`, flag: "--workdir /tmp", command: "pwd", with: "/tmp", without: "/"},
	{key: `environment: { COLOUR: blue }`, flag: "--env COLOUR=blue",
		command: "echo colour=$COLOUR", with: "colour=blue", without: "colour="},
	{key: `env_file: settings`, flag: "--env-file settings",
		command: "echo colour=$COLOUR size=$SIZE", with: "colour=blue size=xl", without: "colour= size="},
	{key: `user: "1000"`, flag: "--user 1000", command: "id -u", with: "1000", without: "0"},
	{key: `group_add: ["4242"]`, flag: "--group-add 4242",
		command: "grep -c 'Groups:.*4242' /proc/1/status || true", with: "1", without: "0"},
	{key: `hostname: box`, flag: "--hostname box", command: "hostname", with: "box", without: "/[0-9a-f]{12}/"},
	{key: `init: true`, flag: "--init", command: "cat /proc/1/comm", with: "docker-init", without: "sleep"},
	{key: `stdin_open: true`, flag: "--interactive",
		command: "readlink /proc/1/fd/0", with: "pipe:...", without: "/dev/null"},
	{key: `tty: true`, flag: "--tty", command: "readlink /proc/1/fd/1", with: "/dev/pts/...", without: "pipe:..."},
	{key: `volumes: ["./site:/site"]`, flag: "--volume ./site:/site",
		command: "cat /site/page", with: "from the host", without: "cat: ...No such file or directory\nexit status 1"},
	{key: `tmpfs: /scratch`, flag: "--tmpfs /scratch",
		command: `awk '$2 == "/scratch" {print $3}' /proc/mounts`, with: "tmpfs", without: ""},
	{key: `shm_size: 1m`, flag: "--shm-size 1m",
		command: "df -k /dev/shm | awk 'NR == 2 {print $2}'", with: "1024", without: "65536"},
	{key: `read_only: true`, flag: "--read-only",
		command: "touch /note", with: "touch: ...Read-only file system\nexit status 1", without: ""},
	{key: `devices: ["/dev/null:/dev/void"]`, flag: "--device /dev/null:/dev/void",
		command: "test -c /dev/void && echo a device", with: "a device", without: "exit status 1"},
	{key: `network_mode: none`, flag: "--network none",
		command: "ip -o -4 address | awk '{print $2}'", with: "lo", without: "lo\neth0"},
	{key: `extra_hosts: ["db.example:192.0.2.7"]`, flag: "--add-host db.example:192.0.2.7",
		command: "awk '/db.example/ {print $1}' /etc/hosts", with: "192.0.2.7", without: ""},
	{key: `dns_search: example.org`, flag: "--dns-search example.org",
		command: "awk '/^search/' /etc/resolv.conf", with: "search example.org", without: "..."},
	{key: `sysctls: { net.core.somaxconn: 123 }`, flag: "--sysctl net.core.somaxconn=123",
		command: "cat /proc/sys/net/core/somaxconn", with: "123", without: "..."},
	{key: `mem_limit: 64m`, flag: "--memory 64m", needs: flags.Limits(course.LimitMemory),
		cgroup: [2]string{"memory/memory.limit_in_bytes", "memory.max"}, with: "67108864", without: "max | 9223..."},
	{key: `cpus: 0.5`, flag: "--cpus 0.5", needs: flags.Limits(course.LimitCPU),
		cgroup: [2]string{"cpu/cpu.cfs_quota_us", "cpu.max"}, with: "50000 | 50000 100000", without: "-1 | max 100000"},
	{key: `pids_limit: 20`, flag: "--pids-limit 20", needs: flags.Limits(course.LimitPids),
		cgroup: [2]string{"pids/pids.max", "pids.max"}, with: "20", without: "max"},
	{key: `ulimits: { nofile: 123 }`, flag: "--ulimit nofile=123",
		command: "awk '/open files/ {print $4}' /proc/1/limits", with: "123", without: "..."},
	{key: `cap_drop: [CHOWN]`, flag: "--cap-drop CHOWN",
		command: "chown 1000 /tmp", with: "chown: ...Operation not permitted\nexit status 1", without: ""},
	{key: `cap_add: [NET_ADMIN]`, flag: "--cap-add NET_ADMIN", command: "ip link set lo mtu 1400 && cat /sys/class/net/lo/mtu",
		with: "1400", without: "ip: ...Operation not permitted\nexit status ..."},
	{key: `security_opt: ["no-new-privileges:true"]`, flag: "--security-opt no-new-privileges",
		command: "awk '/NoNewPrivs/ {print $2}' /proc/1/status", with: "1", without: "0"},
	{key: `pid: host`, flag: "--pid host",
		command: "ps -o comm | grep -cx dockerd || true", with: "1", without: "0"},
	{key: `restart: unless-stopped`, flag: "--restart unless-stopped",
		setting: "{{.HostConfig.RestartPolicy.Name}}", with: "unless-stopped", without: "no"},
	{key: `stop_signal: SIGINT`, flag: "--stop-signal SIGINT", setting: "{{.Config.StopSignal}}", with: "SIGINT", without: ""},
	{key: `stop_grace_period: 3s`, flag: "--stop-timeout 3", setting: "{{json .Config.StopTimeout}}", with: "3", without: "null"},
	{key: `labels: { colour: blue }`, flag: "--label colour=blue",
		setting: `{{index .Config.Labels "colour"}}`, with: "blue", without: ""},
	{key: `container_name: web`, flag: "--name web", setting: "{{.Name}}", with: "/web", without: "/shop-...-plain-1"},
	{key: `logging: { options: { max-size: 1m } }`, flag: "--log-opt max-size=1m",
		setting: "{{.HostConfig.LogConfig.Config}}", with: "map[max-size:1m]", without: "map[]"},
}

// A key of a service, the flag of docker run that says the same, and how one sees it: what a command prints in a container
// with the key and without it (a file of the control group is named by versions 1 and 2), or what docker inspect prints.
type key struct {
	key, flag     string
	needs         func(t *testing.T) // skips the row where it can't be shown
	command       string
	cgroup        [2]string
	setting       string
	with, without string
}

func (k key) name() string {
	name, _, _ := strings.Cut(k.key, ":")
	return name
}

// In the file, ${COLOUR} is filled in before anything is made of it. Your shell has the first word; then a file that
// --env-file names, or else the file .env beside the compose file; and if nobody says anything, it is what stands behind the
// dash: with :-, also if the variable is there and empty, and with - alone, only if there is none. None of them are told to the
// container, unless `environment` hands the variable on, or `env_file` the file.
func TestAVariableOfTheFileIsFilledInByTheShellFirst(t *testing.T) {
	p := newSmall(t, throwaway(t), `services:
  page: { image: BUSYBOX, command: "echo ${COLOUR:-grey}" }
  told: { image: BUSYBOX, environment: [COLOUR] }
  dashes: { image: BUSYBOX, environment: { WITH_COLON: "${COLOUR:-grey}", WITHOUT: "${COLOUR-grey}" } }
`)
	run := []string{"compose", "run", "--rm", "page"}
	assert.Equal(t, "grey\n", p.Docker(t, run...).Stdout)
	missing := p.compose(t, "config", "dashes").Stdout
	assert.Contains(t, missing, "WITH_COLON: grey\n")
	assert.Contains(t, missing, "WITHOUT: grey\n")
	course.Say(t, "There, and empty:")
	empty := p.With("COLOUR=").Docker(t, "compose", "config", "dashes").Stdout
	assert.Contains(t, empty, "WITH_COLON: grey\n")
	assert.Contains(t, empty, "WITHOUT: \"\"\n")
	course.WriteHostFile(t, filepath.Join(p.directory, ".env"), "COLOUR=green\n")
	assert.Equal(t, "green\n", p.Docker(t, run...).Stdout)
	course.WriteHostFile(t, filepath.Join(p.directory, "other"), "COLOUR=blue\n")
	assert.Equal(t, "blue\n", p.compose(t, "--env-file", "other", "run", "--rm", "page").Stdout)
	shell := p.With("COLOUR=red")
	assert.Equal(t, "red\n", shell.Docker(t, run...).Stdout)
	assert.Equal(t, "red\n", shell.Docker(t, "compose", "--env-file", "other", "run", "--rm", "page").Stdout)

	course.Say(t, "What programs in the containers are told of it:")
	assert.NotContains(t, shell.Docker(t, "compose", "run", "--rm", "page", "env").Stdout, "COLOUR")
	assert.Contains(t, shell.Docker(t, "compose", "run", "--rm", "told", "env").Stdout, "COLOUR=red\n")

	course.Say(t, "And of the file .env, without a word of it, with env_file, and with environment:")
	file := newSmall(t, p.engine, `services:
  untold: &untold { image: BUSYBOX, command: env }
  told: { <<: *untold, env_file: .env }
  handed: { <<: *untold, environment: [COLOUR] }
`)
	course.WriteHostFile(t, filepath.Join(file.directory, ".env"), "COLOUR=green\n")
	assert.NotContains(t, file.compose(t, "run", "--rm", "untold").Stdout, "COLOUR")
	assert.Contains(t, file.compose(t, "run", "--rm", "told").Stdout, "COLOUR=green\n")
	assert.Contains(t, file.compose(t, "run", "--rm", "handed").Stdout, "COLOUR=green\n")
}

// What the container is told has an order, too: `environment` counts more than `env_file`, that more than ENV in the image;
// and more than all of them counts what is said for a single run.
func TestEnvironmentCountsMoreThanEnvFileAndThatMoreThanTheImage(t *testing.T) {
	engine := throwaway(t)
	p := newSmall(t, engine, `services:
  image: &image { build: . }
  file: &file { <<: *image, env_file: settings }
  both: { <<: *file, environment: { COLOUR: of the key environment } }
`)
	course.WriteHostFile(t, filepath.Join(p.directory, "Dockerfile"),
		"FROM "+engine.Ref(t, image.Busybox)+"\nENV COLOUR=\"of the image\"\n")
	course.WriteHostFile(t, filepath.Join(p.directory, "settings"), "COLOUR=of the file settings\n")
	p.compose(t, "build", "--quiet")
	print := []string{"sh", "-c", "echo $COLOUR"}
	run := func(words ...string) string {
		return p.compose(t, append(append([]string{"run", "--rm"}, words...), print...)...).Stdout
	}
	assert.Equal(t, "of the image\n", run("image"))
	assert.Equal(t, "of the file settings\n", run("file"))
	assert.Equal(t, "of the key environment\n", run("both"))
	assert.Equal(t, "of this run\n", run("--env", "COLOUR=of this run", "both"))
}

// What several services have in common is said once: by YAML's own means in one file, and by extends out of another file,
// too. What the service says itself is added, or counts more. ($$ is one dollar, which compose leaves to the shell.)
func TestAServiceExtendsAnotherOne(t *testing.T) {
	p := newSmall(t, throwaway(t), `services:
  worker:
    extends: { file: common.yaml, service: base }
    environment: { SIZE: xl }
`)
	base := "services:\n  base:\n    image: " + p.engine.Ref(t, image.Busybox) +
		"\n    command: sh -c 'echo $$COLOUR $$SIZE'\n    environment: { COLOUR: blue, SIZE: m }\n"
	course.WriteHostFile(t, filepath.Join(p.directory, "common.yaml"), base)
	assert.Equal(t, "blue xl\n", p.compose(t, "run", "--rm", "worker").Stdout)

	course.Say(t, "Without extends there is not even an image:")
	course.WriteHostFile(t, filepath.Join(p.directory, "compose.yaml"), "services: { worker: { environment: { SIZE: xl } } }\n")
	refused := p.DockerFails(t, "compose", "run", "--rm", "worker")
	assert.Contains(t, refused.Stderr, `service "worker" has neither an image nor a build context specified`)
}

// An application may come in several files, such as one for each team: a file includes another one with all the services that
// are in there, and they are of one project.
func TestAFileIncludesTheServicesOfAnotherOne(t *testing.T) {
	app := "services: { app: { image: BUSYBOX, command: ping -c 1 database, depends_on: [database] } }\n"
	p := newSmall(t, throwaway(t), "include: [database.yaml]\n"+app)
	database := "services: { database: { image: " + p.engine.Ref(t, image.Busybox) + ", command: sleep 600, init: true } }\n"
	course.WriteHostFile(t, filepath.Join(p.directory, "database.yaml"), database)
	assert.Contains(t, p.compose(t, "run", "--rm", "app").Stdout, "1 packets received")

	course.Say(t, "Without include the other service is not known:")
	refused := newSmall(t, p.engine, app).DockerFails(t, "compose", "run", "--rm", "app")
	assert.Contains(t, refused.Stderr, `service "app" depends on undefined service "database"`)
}

// All that belongs to a project has the project's name in front: the one that --project-name says, or else the variable
// COMPOSE_PROJECT_NAME, or else `name` in the file, or else the directory's. So one file can be there twice, for two
// branches or two customers, and neither copy knows of the other.
func TestAProjectNameMakesASecondCopyOfEverything(t *testing.T) {
	p := newSmall(t, throwaway(t), `services: { app: { image: BUSYBOX, command: sleep 600, init: true, volumes: ["data:/data"] } }
volumes: { data: {} }
`)
	second := func(words ...string) course.Result {
		return p.compose(t, append([]string{"--project-name", p.name + "-copy"}, words...)...)
	}
	p.compose(t, "up", "--detach")
	app := p.id(t, "app")
	second("up", "--detach")
	copied := strings.TrimSpace(second("ps", "--quiet", "app").Stdout)
	assert.NotEqual(t, app, copied)
	p.compose(t, "exec", "app", "touch", "/data/note")
	assert.Equal(t, "note\n", p.compose(t, "exec", "app", "ls", "/data").Stdout)
	assert.Empty(t, second("exec", "app", "ls", "/data").Stdout)
	p.Docker(t, "exec", app, "ping", "-c", "1", p.name+"-app-1")
	p.DockerFails(t, "exec", copied, "ping", "-c", "1", p.name+"-app-1")

	course.Say(t, "The copy goes, and the first one notices nothing. Started again by its own name, it is no second one:")
	second("down", "--volumes")
	p.compose(t, "up", "--detach")
	assert.Equal(t, app, p.id(t, "app"))
	assert.Equal(t, "note\n", p.compose(t, "exec", "app", "ls", "/data").Stdout)

	course.Say(t, "A file that says its name itself:")
	named := newSmall(t, p.engine, "name: said-by-the-file\nservices: { app: { image: BUSYBOX } }\n")
	assert.Contains(t, named.compose(t, "config").Stdout, "name: said-by-the-file\n")
	inShell := named.With("COMPOSE_PROJECT_NAME=said-by-the-shell")
	assert.Contains(t, inShell.Docker(t, "compose", "config").Stdout, "name: said-by-the-shell\n")
	assert.Contains(t, inShell.Docker(t, "compose", "--project-name", "said-by-the-flag", "config").Stdout, "name: said-by-the-flag\n")
}

// Compose reads the whole file before it does anything. A file that makes no sense is refused, and the message says
// where the mistake is. `docker compose config` does this and no more. Each of these files is the lesson's own with
// one mistake in it; the file without the mistake is accepted. `up` starts nothing of such a file, not even the services that
// have no mistake.
func TestAnInvalidFileIsRefusedWithAMessage(t *testing.T) {
	content, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	file := string(content)
	course.Say(t, "Without a mistake:")
	accepted := newProject(t, course.CLI{}, file).compose(t, "config", "--quiet")
	assert.Empty(t, accepted.Output(), "the lesson's own file should be accepted")

	course.Say(t, "A mistake in one service, and what is started of the other:")
	services := "services:\n  right: &right { image: BUSYBOX, command: sleep 600, init: true }\n  wrong: { <<: *right, MISTAKE }\n"
	started := func(mistake string) string {
		p := newSmall(t, throwaway(t), strings.Replace(services, "MISTAKE", mistake, 1))
		p.DockerTries(t, "compose", "up", "--detach")
		return p.Docker(t, "ps", "--all", "--filter", "label=com.docker.compose.project="+p.name,
			"--format", `{{.Label "com.docker.compose.service"}}`).Stdout
	}
	assert.Empty(t, started("restarts: always"))
	assert.ElementsMatch(t, []string{"right", "wrong"}, strings.Fields(started("restart: always")))

	for _, mistake := range []struct {
		name, right, wrong string
		message            string // what docker compose says, as a regular expression
	}{
		{"unknown key", "    restart: unless-stopped\n", "    restarts: unless-stopped\n",
			`services\.client-react\b.*\brestarts\b.*(not allowed|false schema)`},
		{"wrong type", "    networks: [frontend]\n", "    networks: 8080\n",
			`services\.client-react\.networks must be a`},
		{"no image", "    image: postgres:15.1-alpine\n    environment:", "    environment:",
			`service "db" has neither an image nor a build context specified`},
		{"undefined network", "    networks: [frontend]\n", "    networks: [frontend, moon]\n",
			`service "client-react" refers to undefined network moon`},
		{"undefined volume", "      - pgdata:/var", "      - pgdate:/var",
			`service "db" refers to undefined volume pgdate`},
		{"undefined secret", "    secrets: [db-password]\n", "    secrets: [password]\n",
			`service "db" refers to undefined secret password`},
		{"undefined service", "      db: { condition", "      database: { condition",
			`depends on undefined service "?database`},
		{"variable that is not set", "${PORT-8080}", "${PORT_OF_THE_PAGE:?say where}",
			`required variable PORT_OF_THE_PAGE is missing a value: say where`},
		{"cycle", "    networks: [backend]\n    healthcheck:",
			"    networks: [backend]\n    depends_on: [client-react]\n    healthcheck:", `dependency cycle detected`},
		{"no port", "127.0.0.1:${PORT-8080}:8080", "127.0.0.1:8080:http",
			`invalid containerPort: http`},
		{"indentation", "    image: client-react\n", "   image: client-react\n",
			`(line |L)11\b.*: mapping values are not allowed`},
	} {
		t.Run(mistake.name, func(t *testing.T) {
			require.Contains(t, file, mistake.right)
			p := newProject(t, course.CLI{}, strings.Replace(file, mistake.right, mistake.wrong, 1))
			course.Say(t, "In place of %q: %q", strings.TrimSpace(mistake.right), strings.TrimSpace(mistake.wrong))
			refused := p.DockerFails(t, "compose", "config", "--quiet")
			assert.Regexp(t, "(?i)"+mistake.message, refused.Stderr)
		})
	}
}
