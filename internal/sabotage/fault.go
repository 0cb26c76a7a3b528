package sabotage

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A Fault is one thing that goes wrong between a lesson and the engine, and of which nobody says a word.
type Fault struct {
	Name string // for FAULTS, one word
	What string // what goes wrong, for a reader

	on      string                // of which requests, see operation
	plant   func(r *request) bool // alters the request; false when there is nothing to alter in it
	sparing func(r *request)      // alters what docker asks besides because of the same flag, if not nil
	nothing bool                  // the engine isn't even asked, and is said to have done it
	inside  bool                  // only on a throwaway engine: on the learner's it could reach what isn't the course's
}

// A request is one that a lesson makes of the engine.
type request struct {
	operation string
	query     url.Values
	body      object
}

// clone is a request of its own, with the same in it.
func (r *request) clone() *request {
	text, _ := json.Marshal(r.body)
	body, _ := parse(text)
	return &request{operation: r.operation, query: maps.Clone(r.query), body: body}
}

// object is a JSON object. What this package doesn't know in it stays as it is.
type object = map[string]any

// The operations of the engine's API that faults are planted in, by method and path: * is a name or an id.
const (
	create     = "POST /containers/create"
	update     = "POST /containers/*/update"
	exec       = "POST /containers/*/exec"
	wait       = "POST /containers/*/wait"
	stop       = "POST /containers/*/stop"
	kill       = "POST /containers/*/kill"
	restart    = "POST /containers/*/restart"
	pause      = "POST /containers/*/pause"
	unpause    = "POST /containers/*/unpause"
	rename     = "POST /containers/*/rename"
	logs       = "GET /containers/*/logs"
	list       = "GET /containers/json"
	inspect    = "GET /containers/*/json"
	events     = "GET /events"
	commit     = "POST /commit"
	newNetwork = "POST /networks/create"
	connect    = "POST /networks/*/connect"
	disconnect = "POST /networks/*/disconnect"
	newVolume  = "POST /volumes/create"
	tag        = "POST /images/*/tag"

	push  = "POST /images/*/push"
	pull  = "POST /images/create" // docker import asks for the same, with another query
	load  = "POST /images/load"
	login = "POST /auth"

	listImages   = "GET /images/json"
	listNetworks = "GET /networks"
	listVolumes  = "GET /volumes"

	copyInto = "PUT /containers/*/archive"

	remove          = "DELETE /containers/*"
	removeVolume    = "DELETE /volumes/*"
	removeNetwork   = "DELETE /networks/*"
	removeImage     = "DELETE /images/*"
	removeService   = "DELETE /services/*"
	pruneContainers = "POST /containers/prune"
	pruneVolumes    = "POST /volumes/prune"
	pruneNetworks   = "POST /networks/prune"
	pruneImages     = "POST /images/prune"
	pruneBuilds     = "POST /build/prune"

	newService    = "POST /services/create"
	updateService = "POST /services/*/update"
	updateNode    = "POST /nodes/*/update"
	newSecret     = "POST /secrets/create"
	newConfig     = "POST /configs/create"
)

// Faults are all of them. Not among them are those that could reach what isn't the course's: a port's address is never
// another than 127.0.0.1, and a filter, without which a lesson might remove somebody else's containers, is dropped on
// throwaway engines only.
var Faults = slices.Concat(
	// The program.
	dropped(create, map[string][]string{
		"cmd":         {"the command after the image", "Cmd"},
		"entrypoint":  {"--entrypoint", "Entrypoint"},
		"workdir":     {"--workdir", "WorkingDir"},
		"env":         {"what --env and --env-file say", "Env"},
		"user":        {"--user", "User"},
		"group-add":   {"--group-add", "HostConfig", "GroupAdd"},
		"hostname":    {"--hostname", "Hostname"},
		"domainname":  {"--domainname", "Domainname"},
		"tty":         {"--tty", "Tty"},
		"interactive": {"--interactive", "OpenStdin"},
		"init":        {"--init", "HostConfig", "Init"},
		"stop-signal": {"--stop-signal", "StopSignal"},
	}),
	[]Fault{
		{Name: "stop-timeout", What: "--stop-timeout is dropped", on: create, plant: func(r *request) bool {
			_, given := r.body["StopTimeout"] // 0 is a timeout, too
			delete(r.body, "StopTimeout")
			return given
		}},
		{Name: "env-altered", What: "each --env has another value", on: create, plant: eachText("-altered", "Env")},
		{Name: "user-altered", What: "--user is somebody else", on: create, plant: func(r *request) bool {
			return set(r.body, "4321:4321", "User")
		}},
		{Name: "limit-altered", What: "each limit is twice what was asked", on: create, plant: limitsDoubled},
		{Name: "platform", What: "--platform is dropped", on: create, plant: queryDropped("platform")},
		{Name: "name", What: "--name is dropped", on: create, plant: queryDropped("name")},
		{Name: "label", What: "--label is dropped", on: create, plant: labelsDropped},
	},

	// Its health, its end, and what becomes of it.
	dropped(create, map[string][]string{
		"health":                {"the health check, or --no-healthcheck,", "Healthcheck"},
		"health-interval":       {"--health-interval", "Healthcheck", "Interval"},
		"health-timeout":        {"--health-timeout", "Healthcheck", "Timeout"},
		"health-retries":        {"--health-retries", "Healthcheck", "Retries"},
		"health-start-period":   {"--health-start-period", "Healthcheck", "StartPeriod"},
		"health-start-interval": {"--health-start-interval", "Healthcheck", "StartInterval"},
		"restart":               {"--restart", "HostConfig", "RestartPolicy"},
		"restart-count":         {"the number in --restart on-failure:3", "HostConfig", "RestartPolicy", "MaximumRetryCount"},
		"log-driver":            {"--log-driver", "HostConfig", "LogConfig"},
		"log-opt":               {"--log-opt", "HostConfig", "LogConfig", "Config"},
	}),
	[]Fault{
		{Name: "health-altered", What: "the health check always succeeds", on: create, plant: func(r *request) bool {
			test, _ := field(r.body, "Healthcheck", "Test").([]any)
			if len(test) == 0 || test[0] == "NONE" {
				return false
			}
			r.body["Healthcheck"].(object)["Test"] = []any{"CMD-SHELL", "true"}
			return true
		}},
		{Name: "restart-altered", What: "--restart is another: always for unless-stopped and on-failure, unless-stopped for always", on: create,
			plant: func(r *request) bool {
				policy, _ := field(r.body, "HostConfig", "RestartPolicy").(object)
				if empty(policy["Name"]) {
					return false
				}
				delete(policy, "MaximumRetryCount") // which always and unless-stopped have not
				if policy["Name"] == "always" {
					policy["Name"] = "unless-stopped"
				} else {
					policy["Name"] = "always"
				}
				return true
			}},
		// docker run --rm waits until the container has been removed; it has to be told another end, or it waits forever.
		{Name: "rm", What: "--rm is dropped", on: create, plant: fieldDropped("HostConfig", "AutoRemove"),
			sparing: func(r *request) {
				if r.operation == wait && r.query.Get("condition") == "removed" {
					r.query.Set("condition", "next-exit")
				}
			}},
	},

	// Files.
	dropped(create, map[string][]string{
		"volume":           {"--volume", "HostConfig", "Binds"},
		"anonymous-volume": {"--volume without a source", "Volumes"},
		"mount":            {"--mount", "HostConfig", "Mounts"},
		"volumes-from":     {"--volumes-from", "HostConfig", "VolumesFrom"},
		"tmpfs":            {"--tmpfs", "HostConfig", "Tmpfs"},
		"read-only":        {"--read-only", "HostConfig", "ReadonlyRootfs"},
		"shm-size":         {"--shm-size", "HostConfig", "ShmSize"},
		"device":           {"--device", "HostConfig", "Devices"},
		"gpus":             {"--gpus", "HostConfig", "DeviceRequests"},
		"storage-opt":      {"--storage-opt", "HostConfig", "StorageOpt"},
	}),
	[]Fault{
		{Name: "mount-elsewhere", What: "a volume or a mount appears at another place", on: create, plant: mountsElsewhere},
		{Name: "mount-read-only", What: "a mount that is read-only can be written", on: create, plant: mountsWritable},
		{Name: "tmpfs-size", What: "the size of a tmpfs is dropped", on: create, plant: tmpfsUnbounded},
	},

	// The network.
	dropped(create, map[string][]string{
		"publish":       {"--publish", "HostConfig", "PortBindings"},
		"publish-all":   {"--publish-all", "HostConfig", "PublishAllPorts"},
		"dns":           {"--dns", "HostConfig", "Dns"},
		"dns-search":    {"--dns-search", "HostConfig", "DnsSearch"},
		"dns-option":    {"--dns-option", "HostConfig", "DnsOptions"},
		"add-host":      {"--add-host", "HostConfig", "ExtraHosts"},
		"link":          {"--link", "HostConfig", "Links"},
		"sysctl":        {"--sysctl", "HostConfig", "Sysctls"},
		"expose":        {"--expose", "ExposedPorts"},
		"pid":           {"--pid", "HostConfig", "PidMode"},
		"ipc":           {"--ipc", "HostConfig", "IpcMode"},
		"uts":           {"--uts", "HostConfig", "UTSMode"},
		"userns":        {"--userns", "HostConfig", "UsernsMode"},
		"cgroupns":      {"--cgroupns", "HostConfig", "CgroupnsMode"},
		"cap-add":       {"--cap-add", "HostConfig", "CapAdd"},
		"cap-drop":      {"--cap-drop", "HostConfig", "CapDrop"},
		"privileged":    {"--privileged", "HostConfig", "Privileged"},
		"oom-score-adj": {"--oom-score-adj", "HostConfig", "OomScoreAdj"},
		"blkio-weight":  {"--blkio-weight", "HostConfig", "BlkioWeight"},
	}),
	[]Fault{
		{Name: "publish-altered", What: "--publish leads to another port of the container", on: create, plant: portsElsewhere},
		{Name: "publish-anywhere", What: "--publish takes any free port of the host", on: create, plant: portsAnywhere},
		{Name: "network", What: "--network is dropped", on: create, plant: func(r *request) bool {
			if mode, _ := field(r.body, "HostConfig", "NetworkMode").(string); mode == "" || mode == "default" || mode == "bridge" {
				return false
			}
			r.body["HostConfig"].(object)["NetworkMode"] = "default"
			delete(r.body, "NetworkingConfig")
			return true
		}},
		{Name: "network-alias", What: "--network-alias is dropped", on: create, plant: endpoints("Aliases")},
		{Name: "ip", What: "--ip is dropped", on: create, plant: endpoints("IPAMConfig")},
		{Name: "mac-address", What: "--mac-address is dropped", on: create, plant: func(r *request) bool {
			old := fieldDropped("MacAddress")(r) // where it was up to version 1.43 of the API
			return endpoints("MacAddress")(r) || old
		}},
		{Name: "internal", What: "--internal of a network is dropped", on: newNetwork, plant: fieldDropped("Internal")},
		{Name: "network-driver", What: "--driver of a network is dropped", on: newNetwork, plant: func(r *request) bool {
			return r.body["Driver"] != "bridge" && fieldDropped("Driver")(r)
		}},
		{Name: "network-opt", What: "--opt of a network is dropped", on: newNetwork, plant: fieldDropped("Options")},
		{Name: "network-label", What: "--label of a network is dropped", on: newNetwork, plant: labelsDropped},
		{Name: "attachable", What: "--attachable of a network is dropped", on: newNetwork, plant: fieldDropped("Attachable")},
		{Name: "subnet", What: "--subnet and --gateway of a network are dropped", on: newNetwork, plant: fieldDropped("IPAM", "Config")},
		{Name: "gateway", What: "--gateway of a network is dropped", on: newNetwork, plant: subnets("Gateway")},
		{Name: "ip-range", What: "--ip-range of a network is dropped", on: newNetwork, plant: subnets("IPRange")},
		{Name: "aux-address", What: "--aux-address of a network is dropped", on: newNetwork, plant: subnets("AuxiliaryAddresses")},
		{Name: "connect-ip", What: "--ip of docker network connect is dropped", on: connect, plant: fieldDropped("EndpointConfig", "IPAMConfig")},
		{Name: "connect-alias", What: "--alias of docker network connect is dropped", on: connect, plant: fieldDropped("EndpointConfig", "Aliases")},
		nothingDone("connect", "docker network connect", connect),
		nothingDone("disconnect", "docker network disconnect", disconnect),
	},

	// Limits and defences.
	dropped(create, map[string][]string{
		"memory-swap":        {"--memory-swap", "HostConfig", "MemorySwap"},
		"memory-reservation": {"--memory-reservation", "HostConfig", "MemoryReservation"},
		"cpus":               {"--cpus", "HostConfig", "NanoCpus"},
		"cpu-quota":          {"--cpu-quota", "HostConfig", "CpuQuota"},
		"cpu-period":         {"--cpu-period", "HostConfig", "CpuPeriod"},
		"cpu-shares":         {"--cpu-shares", "HostConfig", "CpuShares"},
		"cpuset-cpus":        {"--cpuset-cpus", "HostConfig", "CpusetCpus"},
		"pids-limit":         {"--pids-limit", "HostConfig", "PidsLimit"},
		"ulimit":             {"--ulimit", "HostConfig", "Ulimits"},
		"device-read-bps":    {"--device-read-bps", "HostConfig", "BlkioDeviceReadBps"},
		"device-write-bps":   {"--device-write-bps", "HostConfig", "BlkioDeviceWriteBps"},
		"device-read-iops":   {"--device-read-iops", "HostConfig", "BlkioDeviceReadIOps"},
		"device-write-iops":  {"--device-write-iops", "HostConfig", "BlkioDeviceWriteIOps"},
	}),
	[]Fault{
		// The engine refuses a limit of memory and swap space together without one of memory.
		{Name: "memory", What: "--memory is dropped", on: create, plant: func(r *request) bool {
			if !fieldDropped("HostConfig", "Memory")(r) {
				return false
			}
			fieldDropped("HostConfig", "MemorySwap")(r)
			return true
		}},
		{Name: "seccomp", What: "--security-opt seccomp is dropped", on: create, plant: securityOption("seccomp")},
		{Name: "no-new-privileges", What: "--security-opt no-new-privileges is dropped", on: create, plant: securityOption("no-new-privileges")},
		{Name: "apparmor", What: "--security-opt apparmor is dropped", on: create, plant: securityOption("apparmor")},
		{Name: "update-memory", What: "--memory of docker update is dropped", on: update, plant: func(r *request) bool {
			if !fieldDropped("Memory")(r) {
				return false
			}
			fieldDropped("MemorySwap")(r)
			return true
		}},
		{Name: "update-cpus", What: "--cpus of docker update is dropped", on: update, plant: fieldDropped("NanoCpus")},
		{Name: "update-pids", What: "--pids-limit of docker update is dropped", on: update, plant: fieldDropped("PidsLimit")},
		{Name: "update-restart", What: "--restart of docker update is dropped", on: update, plant: fieldDropped("RestartPolicy")},
	},

	// Volumes.
	[]Fault{
		{Name: "volume-driver", What: "--driver of a volume is dropped", on: newVolume, plant: func(r *request) bool {
			return r.body["Driver"] != "local" && fieldDropped("Driver")(r)
		}},
		{Name: "volume-opt", What: "--opt of a volume is dropped", on: newVolume, plant: fieldDropped("DriverOpts")},
		{Name: "volume-label", What: "--label of a volume is dropped", on: newVolume, plant: labelsDropped},
	},

	// Commands in running containers, and what is asked of containers later.
	dropped(exec, map[string][]string{
		"exec-user":        {"--user of docker exec", "User"},
		"exec-env":         {"--env of docker exec", "Env"},
		"exec-workdir":     {"--workdir of docker exec", "WorkingDir"},
		"exec-privileged":  {"--privileged of docker exec", "Privileged"},
		"exec-tty":         {"--tty of docker exec", "Tty"},
		"exec-interactive": {"--interactive of docker exec", "AttachStdin"},
	}),
	[]Fault{
		nothingDone("update", "docker update", update),
		nothingDone("stop", "docker stop", stop),
		{Name: "stop-time", What: "--timeout of docker stop is dropped", on: stop, plant: func(r *request) bool {
			given := r.query.Has("t") // 0 is a timeout, too
			r.query.Del("t")
			return given
		}},
		{Name: "stop-with", What: "--signal of docker stop is dropped", on: stop, plant: queryDropped("signal")},
		nothingDone("kill", "docker kill", kill),
		{Name: "kill-signal", What: "docker kill sends KILL, whatever --signal says", on: kill, plant: func(r *request) bool {
			signal := strings.TrimPrefix(strings.ToUpper(r.query.Get("signal")), "SIG")
			r.query.Del("signal")
			return signal != "" && signal != "KILL" && signal != "9"
		}},
		nothingDone("restarting", "docker restart", restart),
		nothingDone("pause", "docker pause", pause),
		nothingDone("unpause", "docker unpause", unpause),
		nothingDone("rename", "docker rename", rename),
		nothingDone("tag", "docker tag", tag),
		nothingDone("copy", "docker cp into a container", copyInto),
		nothingDone("remove", "docker rm", remove),
		{Name: "remove-force", What: "--force of docker rm is dropped", on: remove, plant: queryDropped("force")},
		{Name: "image-remove-force", What: "--force of docker image rm is dropped", on: removeImage, plant: queryDropped("force")},
		{Name: "remove-volumes", What: "--volumes of docker rm is dropped", on: remove, plant: queryDropped("v")},
		nothingDone("volume-remove", "docker volume rm", removeVolume),
		nothingDone("network-remove", "docker network rm", removeNetwork),
		nothingDone("image-remove", "docker image rm", removeImage),
		nothingDone("container-prune", "docker container prune", pruneContainers),
		nothingDone("volume-prune", "docker volume prune", pruneVolumes),
		nothingDone("network-prune", "docker network prune", pruneNetworks),
		nothingDone("image-prune", "docker image prune", pruneImages),
		nothingDone("build-prune", "docker builder prune", pruneBuilds),
		{Name: "build-prune-all", What: "--all of docker system prune is dropped as to builds", on: pruneBuilds, plant: queryDropped("all")},
		filterDropped("container-prune-filter", "docker container prune", pruneContainers),
		filterDropped("volume-prune-filter", "docker volume prune", pruneVolumes),
		filterDropped("image-prune-filter", "docker image prune", pruneImages),
		filterDropped("ps-filter", "docker ps", list),
		filterDropped("image-filter", "docker image ls", listImages),
		filterDropped("network-filter", "docker network ls", listNetworks),
		filterDropped("volume-filter", "docker volume ls", listVolumes),
		{Name: "events-filter", What: "--filter of docker events is dropped", on: events, plant: queryDropped("filters")},
		{Name: "events-since", What: "--since of docker events is dropped", on: events, plant: queryDropped("since")},
		{Name: "tail", What: "--tail of docker logs is dropped", on: logs, plant: func(r *request) bool {
			return r.query.Get("tail") != "all" && queryDropped("tail")(r)
		}},
		{Name: "since", What: "--since of docker logs is dropped", on: logs, plant: queryDropped("since")},
		{Name: "until", What: "--until of docker logs is dropped", on: logs, plant: queryDropped("until")},
		{Name: "follow", What: "--follow of docker logs is dropped", on: logs, plant: queryDropped("follow")},
		{Name: "timestamps", What: "--timestamps of docker logs is dropped", on: logs, plant: queryDropped("timestamps")},
		{Name: "details", What: "--details of docker logs is dropped", on: logs, plant: queryDropped("details")},
		{Name: "ps-last", What: "--last of docker ps is dropped", on: list, plant: queryDropped("limit")},
		{Name: "ps-all", What: "--all of docker ps is dropped", on: list, plant: queryDropped("all")},
		{Name: "ps-size", What: "--size of docker ps is dropped", on: list, plant: queryDropped("size")},
		{Name: "inspect-size", What: "--size of docker inspect is dropped", on: inspect, plant: queryDropped("size")},
		{Name: "commit-change", What: "--change of docker commit is dropped", on: commit, plant: queryDropped("changes")},
		{Name: "commit-author", What: "--author of docker commit is dropped", on: commit, plant: queryDropped("author")},
		{Name: "commit-message", What: "--message of docker commit is dropped", on: commit, plant: queryDropped("comment")},
	},

	// Images on their way, and who may have them.
	[]Fault{
		nothingDone("push", "docker push", push),
		nothingDone("load", "docker load", load),
		nothingDone("login", "docker login", login),
		onlyWith("fromImage", nothingDone("pull", "docker pull", pull)),
		onlyWith("fromSrc", nothingDone("import", "docker import", pull)),
		{Name: "pull-platform", What: "--platform of docker pull is dropped", on: pull, plant: queryDropped("platform")},
	},

	// The services of a swarm, whether docker service create or docker stack deploy makes them.
	dropped(newService, map[string][]string{
		"service-replicas":           {"the number of replicas of a service", "Mode", "Replicated", "Replicas"},
		"service-command":            {"the command of a service", "TaskTemplate", "ContainerSpec", "Args"},
		"service-env":                {"the environment of a service", "TaskTemplate", "ContainerSpec", "Env"},
		"service-hostname":           {"--hostname of a service", "TaskTemplate", "ContainerSpec", "Hostname"},
		"service-mount":              {"what a service mounts", "TaskTemplate", "ContainerSpec", "Mounts"},
		"service-secret":             {"what a service is given as secrets", "TaskTemplate", "ContainerSpec", "Secrets"},
		"service-config":             {"what a service is given as configurations", "TaskTemplate", "ContainerSpec", "Configs"},
		"service-health":             {"the health check of a service", "TaskTemplate", "ContainerSpec", "Healthcheck"},
		"service-limit":              {"what a service may use", "TaskTemplate", "Resources", "Limits"},
		"service-memory":             {"how much memory a service may use", "TaskTemplate", "Resources", "Limits", "MemoryBytes"},
		"service-cpus":               {"how much of the processors a service may use", "TaskTemplate", "Resources", "Limits", "NanoCPUs"},
		"service-constraint":         {"--constraint of a service", "TaskTemplate", "Placement", "Constraints"},
		"service-network":            {"which networks a service is in", "TaskTemplate", "Networks"},
		"service-stop-grace":         {"how long a service may take to stop", "TaskTemplate", "ContainerSpec", "StopGracePeriod"},
		"service-restart":            {"when tasks of a service are started again", "TaskTemplate", "RestartPolicy"},
		"service-update-flow":        {"how a service is to be updated", "UpdateConfig"},
		"service-update-parallelism": {"how many tasks are updated at a time", "UpdateConfig", "Parallelism"},
		"service-update-delay":       {"how long to wait between tasks in an update", "UpdateConfig", "Delay"},
		"service-update-order":       {"whether an update starts or stops a task first", "UpdateConfig", "Order"},
		"service-update-monitor":     {"how long an updated task is on trial", "UpdateConfig", "Monitor"},
		"service-update-failure":     {"what is done if an update fails", "UpdateConfig", "FailureAction"},
		"service-rollback-flow":      {"how a service is to be rolled back", "RollbackConfig"},
		"service-publish":            {"--publish of a service", "EndpointSpec", "Ports"},
	}),
	[]Fault{
		{Name: "service-publish-mode", What: "the mode of --publish of a service is dropped", on: newService, plant: func(r *request) (altered bool) {
			for _, port := range objects(field(r.body, "EndpointSpec", "Ports")) {
				if port["PublishMode"] == "host" {
					delete(port, "PublishMode")
					altered = true
				}
			}
			return altered
		}},
		{Name: "service-endpoint-mode", What: "--endpoint-mode of a service is dropped", on: newService, plant: func(r *request) bool {
			return field(r.body, "EndpointSpec", "Mode") == "dnsrr" && fieldDropped("EndpointSpec", "Mode")(r)
		}},
		{Name: "service-alias", What: "the names of a service in its networks are dropped", on: newService, plant: func(r *request) (altered bool) {
			for _, network := range objects(field(r.body, "TaskTemplate", "Networks")) {
				if !empty(network["Aliases"]) {
					delete(network, "Aliases")
					altered = true
				}
			}
			return altered
		}},
		{Name: "service-update-flow-anew", What: "how a service is to be updated is dropped in an update", on: updateService,
			plant: fieldDropped("UpdateConfig")},
		{Name: "service-rollback", What: "docker service rollback goes on as it is, and not back", on: updateService, plant: queryDropped("rollback")},
		{Name: "service-force", What: "--force of docker service update is dropped", on: updateService, plant: fieldDropped("TaskTemplate", "ForceUpdate")},
		{Name: "node-availability", What: "--availability of docker node update is dropped", on: updateNode, plant: func(r *request) bool {
			return r.body["Availability"] != "active" && set(r.body, "active", "Availability")
		}},
		{Name: "node-label", What: "--label-add of docker node update is dropped", on: updateNode, plant: labelsDropped},
		{Name: "secret-altered", What: "a secret is another", on: newSecret, plant: eachByte},
		{Name: "config-altered", What: "a configuration is another", on: newConfig, plant: eachByte},
		nothingDone("service-update", "docker service update, or scale,", updateService),
		nothingDone("service-remove", "docker service rm", removeService),
		nothingDone("node-update", "docker node update", updateNode),
	},

	// Builds.
	[]Fault{
		{Name: "build-arg", What: "--build-arg is dropped", on: build, plant: optionDropped("build-arg")},
		{Name: "build-arg-altered", What: "each --build-arg has another value", on: build,
			plant: eachOption("build-arg", func(r *request, option string) { r.body[option] = fmt.Sprint(r.body[option]) + "1" })},
		{Name: "target", What: "--target is dropped", on: build, plant: optionDropped("target")},
		{Name: "no-cache", What: "--no-cache is dropped", on: build, plant: optionDropped("no-cache")},
		{Name: "file", What: "--file is dropped", on: build, plant: func(r *request) bool {
			return r.body["filename"] != "Dockerfile" && optionDropped("filename")(r)
		}},
		{Name: "build-label", What: "--label of docker build is dropped", on: build, plant: optionDropped("label")},
		{Name: "build-platform", What: "--platform of docker build is dropped", on: build, plant: optionDropped("platform")},
		{Name: "build-network", What: "--network of docker build is dropped", on: build, plant: optionDropped("force-network-mode")},
		{Name: "build-add-host", What: "--add-host of docker build is dropped", on: build, plant: optionDropped("add-hosts")},
		{Name: "build-ulimit", What: "--ulimit of docker build is dropped", on: build, plant: optionDropped("ulimit")},
		{Name: "build-shm-size", What: "--shm-size of docker build is dropped", on: build, plant: optionDropped("shm-size")},
		{Name: "build-cgroup-parent", What: "--cgroup-parent of docker build is dropped", on: build, plant: optionDropped("cgroup-parent")},
		{Name: "build-context", What: "--build-context is dropped", on: build, plant: optionDropped("context")},
		{Name: "build-check", What: "--check of docker build is dropped", on: build, plant: optionDropped("requestid")},
		{Name: "build-provenance", What: "--provenance of docker build is dropped", on: build, plant: func(r *request) bool {
			asked := fmt.Sprint(r.body["attest:provenance"])
			return !strings.Contains(asked, "inline-only") && optionDropped("attest")(r) // what docker asks for by itself has that
		}},
		{Name: "build-ssh", What: "--ssh of docker build is dropped", on: agent, plant: func(r *request) bool {
			_, asked := r.body["ID"]
			r.body["ID"] = "no-such-agent"
			return asked // without a name, too, by which the agent called default is meant
		}},
		{Name: "secret", What: "--secret of docker build is dropped", on: secret, plant: func(r *request) bool {
			return set(r.body, "no-such-secret", "ID")
		}},
	},
	instructions("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL",
		"USER", "VOLUME", "WORKDIR"),
	kubernetesFaults,
)

// dropped are faults of the simple kind: a flag's field of the request is not there. The values are what is dropped, and
// the path to its field.
func dropped(operation string, fields map[string][]string) (faults []Fault) {
	for name, words := range fields {
		faults = append(faults, Fault{Name: name, What: words[0] + " is dropped", on: operation, plant: fieldDropped(words[1:]...)})
	}
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Name, b.Name) })
	return faults
}

func nothingDone(name, command, operation string) Fault {
	return Fault{Name: name, What: command + " is not performed, though the engine says so", on: operation, nothing: true,
		plant: func(*request) bool { return true }}
}

// filterDropped is for the lists and the prunes. Compose's own filters stay: by them it knows what it has made.
func filterDropped(name, command, operation string) Fault {
	return Fault{Name: name, What: "--filter of " + command + " is dropped", on: operation, inside: true, plant: func(r *request) bool {
		return !strings.Contains(r.query.Get("filters"), "com.docker.compose") && queryDropped("filters")(r)
	}}
}

// onlyWith is the fault in those requests alone whose query has this.
func onlyWith(name string, fault Fault) Fault {
	fault.plant = func(r *request) bool { return r.query.Get(name) != "" }
	return fault
}

func queryDropped(name string) func(*request) bool {
	return func(r *request) bool {
		given := r.query.Get(name) != "" && r.query.Get(name) != "0"
		r.query.Del(name)
		return given
	}
}

// sets are fields whose members need no value: a port, a directory.
var sets = []string{"ExposedPorts", "Volumes", "Tmpfs"}

// fieldDropped takes a field away, and tells whether it held anything: docker sends most fields empty when no flag is
// given.
func fieldDropped(path ...string) func(*request) bool {
	return func(r *request) bool {
		parent, last := path[:len(path)-1], path[len(path)-1]
		in := r.body
		if len(parent) > 0 {
			in, _ = field(r.body, parent...).(object)
		}
		holds := !empty(in[last])
		if set, isObject := in[last].(object); isObject && slices.Contains(sets, last) {
			holds = len(set) > 0
		}
		delete(in, last)
		return holds
	}
}

// field is what an object holds at a path, or nil.
func field(in object, path ...string) any {
	var value any = in
	for _, name := range path {
		inner, _ := value.(object)
		value = inner[name]
	}
	return value
}

// set replaces a field that holds something.
func set(in object, value any, name string) bool {
	if empty(in[name]) {
		return false
	}
	in[name] = value
	return true
}

// empty is whether a value is what docker sends for a flag that isn't given.
func empty(value any) bool {
	switch value := value.(type) {
	case []any:
		return len(value) == 0
	case object:
		for _, inner := range value {
			if !empty(inner) {
				return false
			}
		}
		return true
	case string:
		return value == "" || value == "no" || value == "default"
	default: // a json.Number, a bool or nil
		text := fmt.Sprint(value)
		return text == "0" || text == "false" || text == "<nil>"
	}
}

func eachText(suffix string, path ...string) func(*request) bool {
	return func(r *request) bool {
		texts, _ := field(r.body, path...).([]any)
		for n, text := range texts {
			texts[n] = fmt.Sprint(text) + suffix
		}
		return len(texts) > 0
	}
}

// eachByte makes each byte of what a swarm is to keep an x.
func eachByte(r *request) bool {
	encoded, _ := r.body["Data"].(string)
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(data) == 0 {
		return false
	}
	r.body["Data"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), len(data)))
	return true
}

// labelsDropped drops all labels that aren't needed.
func labelsDropped(r *request) (dropped bool) {
	labels, _ := r.body["Labels"].(object)
	for name := range labels {
		if !needed(name) {
			delete(labels, name)
			dropped = true
		}
	}
	return dropped
}

// needed are labels by which the course, Compose and docker stack find again what they have made.
func needed(label string) bool {
	return slices.ContainsFunc([]string{"docker-proven", "org.testcontainers", "com.docker.compose", "com.docker.stack"},
		func(prefix string) bool { return strings.HasPrefix(label, prefix) })
}

// objects are those in a list.
func objects(list any) (objects []object) {
	all, _ := list.([]any)
	for _, one := range all {
		if object, ok := one.(object); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

// mounts are those of --mount, and bind alters each line of --volume.
func mounts(r *request) []object { return objects(field(r.body, "HostConfig", "Mounts")) }

func bind(r *request, alter func(words []string) []string) (altered bool) {
	lines, _ := field(r.body, "HostConfig", "Binds").([]any)
	for n, line := range lines {
		words := alter(strings.Split(fmt.Sprint(line), ":"))
		lines[n] = strings.Join(words, ":")
		altered = altered || lines[n] != line
	}
	return altered
}

func mountsElsewhere(r *request) (altered bool) {
	altered = bind(r, func(words []string) []string {
		for n := len(words) - 1; n > 0; n-- {
			if strings.HasPrefix(words[n], "/") { // the last of the paths
				words[n] += "-elsewhere"
				break
			}
		}
		return words
	})
	for _, mount := range mounts(r) {
		mount["Target"] = fmt.Sprint(mount["Target"]) + "-elsewhere"
		altered = true
	}
	return altered
}

func mountsWritable(r *request) (altered bool) {
	altered = bind(r, func(words []string) []string {
		if last := len(words) - 1; words[last] == "ro" {
			words = words[:last]
		}
		return words
	})
	for _, mount := range mounts(r) {
		if mount["ReadOnly"] == true {
			delete(mount, "ReadOnly")
			altered = true
		}
	}
	return altered
}

func tmpfsUnbounded(r *request) (altered bool) {
	for _, mount := range mounts(r) {
		if !empty(mount["TmpfsOptions"]) {
			delete(mount, "TmpfsOptions")
			altered = true
		}
	}
	directories, _ := field(r.body, "HostConfig", "Tmpfs").(object)
	for directory, options := range directories {
		kept := slices.DeleteFunc(strings.Split(fmt.Sprint(options), ","), func(option string) bool {
			return strings.HasPrefix(option, "size=")
		})
		if without := strings.Join(kept, ","); without != options {
			directories[directory] = without
			altered = true
		}
	}
	return altered
}

// portsElsewhere has the host's ports lead to the ports beside those meant.
func portsElsewhere(r *request) bool {
	bindings, _ := field(r.body, "HostConfig", "PortBindings").(object)
	moved := object{}
	for port, at := range bindings {
		var number int
		var protocol string
		if _, err := fmt.Sscanf(port, "%d/%s", &number, &protocol); err != nil || number > 65000 {
			return false
		}
		moved[fmt.Sprintf("%d/%s", number+1, protocol)] = at
	}
	if len(moved) == 0 {
		return false
	}
	r.body["HostConfig"].(object)["PortBindings"] = moved
	exposed := object{}
	for port := range moved {
		exposed[port] = object{}
	}
	r.body["ExposedPorts"] = exposed
	return true
}

// portsAnywhere leaves to the engine which ports of the host it takes.
func portsAnywhere(r *request) (altered bool) {
	bindings, _ := field(r.body, "HostConfig", "PortBindings").(object)
	for _, all := range bindings {
		for _, binding := range objects(all) {
			if binding["HostPort"] != "0" && set(binding, "0", "HostPort") {
				altered = true
			}
		}
	}
	return altered
}

// limitsDoubled doubles the limits of the container's host configuration, also those that stand in a list of objects.
func limitsDoubled(r *request) (altered bool) {
	double := func(in object, names ...string) {
		for _, name := range names {
			number, _ := in[name].(json.Number)
			if value, err := number.Int64(); err == nil && value > 0 {
				in[name] = 2 * value
				altered = true
			}
		}
	}
	host, _ := r.body["HostConfig"].(object)
	double(host, "Memory", "MemorySwap", "MemoryReservation", "NanoCpus", "CpuQuota", "CpuShares", "PidsLimit", "ShmSize")
	for _, name := range []string{"Ulimits", "BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"} {
		for _, limit := range objects(host[name]) {
			double(limit, "Soft", "Hard", "Rate")
		}
	}
	for _, mount := range mounts(r) {
		if options, ok := mount["TmpfsOptions"].(object); ok {
			double(options, "SizeBytes")
		}
	}
	return altered
}

// endpoints drops a field of what is asked of each network that the container joins.
func endpoints(name string) func(*request) bool {
	return func(r *request) (altered bool) {
		all, _ := field(r.body, "NetworkingConfig", "EndpointsConfig").(object)
		for _, one := range all {
			if endpoint, ok := one.(object); ok && !empty(endpoint[name]) {
				delete(endpoint, name)
				altered = true
			}
		}
		return altered
	}
}

// subnets drops a field of what is asked of each subnet of a network.
func subnets(name string) func(*request) bool {
	return func(r *request) (altered bool) {
		for _, subnet := range objects(field(r.body, "IPAM", "Config")) {
			if !empty(subnet[name]) {
				delete(subnet, name)
				altered = true
			}
		}
		return altered
	}
}

func securityOption(name string) func(*request) bool {
	return func(r *request) bool {
		options, _ := field(r.body, "HostConfig", "SecurityOpt").([]any)
		kept := slices.DeleteFunc(slices.Clone(options), func(option any) bool { return strings.HasPrefix(fmt.Sprint(option), name) })
		if len(kept) == len(options) {
			return false
		}
		r.body["HostConfig"].(object)["SecurityOpt"] = kept
		return true
	}
}
