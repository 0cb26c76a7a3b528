package main

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/util/cert"
)

// Where the original has these things, too.
const (
	kubeconfig = "/etc/rancher/k3s/k3s.yaml"
	state      = "/var/lib/rancher/k3s"
	tlsFiles   = state + "/server/tls"
	socket     = "/run/k3s/containerd/containerd.sock"
	pause      = "/usr/share/k3s/pause.tar"
)

// The addresses of pods and of services, and of the service by which pods reach the API.
const (
	pods     = "10.42.0.0/24"
	services = "10.43.0.0/16"
	api      = "10.43.0.1"
)

// serve starts the programs of a cluster of one node, each when what it needs is there, and ends when one of them ends.
func serve() {
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "k3s:", err)
		os.Exit(1)
	}
}

func start() error {
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stopped
		os.Exit(0) // the kernel ends what else runs in this container
	}()

	name, err := os.Hostname()
	if err != nil {
		return err
	}
	address, err := ownAddress()
	if err != nil {
		return err
	}
	if err := errors.Join(arrange(), writeFiles(address)); err != nil {
		return err
	}

	run("containerd", "containerd", "--log-level", "warn", "--config", state+"/agent/containerd.toml")
	run(itself, "etcd", "--data-dir", state+"/server/db", "--log-level", "error", "--unsafe-no-fsync",
		"--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
		"--listen-peer-urls", "http://127.0.0.1:2380")
	run(itself, "kube-apiserver", "--v", "0", "--etcd-servers", "http://127.0.0.1:2379",
		"--secure-port", "6443", "--advertise-address", address, "--service-cluster-ip-range", services,
		"--tls-cert-file", tlsFiles+"/server.crt", "--tls-private-key-file", tlsFiles+"/server.key",
		"--token-auth-file", tlsFiles+"/token.csv", "--authorization-mode", "Node,RBAC", "--allow-privileged",
		"--service-account-issuer", "https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file", tlsFiles+"/server.key", "--service-account-signing-key-file", tlsFiles+"/server.key")

	await("containerd", func() bool {
		return exec.Command("ctr", "--address", socket, "--namespace", "k8s.io", "images", "import", pause).Run() == nil
	})
	await("the API", func() bool {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		answer, err := client.Get("https://127.0.0.1:6443/readyz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	run(itself, "kube-controller-manager", "--kubeconfig", kubeconfig, "--leader-elect=false",
		"--root-ca-file", tlsFiles+"/server.crt", "--service-account-private-key-file", tlsFiles+"/server.key")
	run(itself, "kube-scheduler", "--kubeconfig", kubeconfig, "--leader-elect=false")
	run(itself, "kubelet", "--config", state+"/agent/kubelet.yaml", "--kubeconfig", kubeconfig,
		"--hostname-override", name, "--node-ip", address)
	// What it would set of connection tracking belongs to the host, and can't be set from a container.
	run(itself, "kube-proxy", "--kubeconfig", kubeconfig, "--hostname-override", name, "--proxy-mode", "iptables",
		"--cluster-cidr", pods, "--conntrack-max-per-core", "0", "--conntrack-tcp-timeout-established", "0",
		"--conntrack-tcp-timeout-close-wait", "0")
	run(itself, "coredns", "-conf", state+"/agent/Corefile")
	select {}
}

// ownAddress is the address of this node in the network of its container.
func ownAddress() (string, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, address := range addresses {
		if of, ok := address.(*net.IPNet); ok && of.IP.IsGlobalUnicast() && of.IP.To4() != nil {
			return of.IP.String(), nil
		}
	}
	return "", errors.New("this container has no address: it needs a network")
}

// arrange makes the container a place in which containers can be run.
func arrange() error {
	// What was mounted or ran in here before a restart is gone.
	if err := os.RemoveAll(filepath.Dir(socket)); err != nil {
		return err
	}
	// What is mounted in here is to be seen in containers that mount a directory above it.
	if err := unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("the container must be privileged: %w", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return err
	}
	// Where the kernel has no nf_tables, the older iptables has to do.
	if exec.Command("iptables", "-nL").Run() != nil {
		for _, name := range []string{"iptables", "ip6tables"} {
			if err := exec.Command("update-alternatives", "--set", name, "/usr/sbin/"+name+"-legacy").Run(); err != nil {
				return fmt.Errorf("this kernel's newer packet filter does not work here, and the older one is missing: %w", err)
			}
		}
	}
	// With version 2 of control groups, a group that has processes can't share its controllers out to children. So the
	// processes, this one and the one that started it, move to a child of their own.
	const groups = "/sys/fs/cgroup/"
	controllers, err := os.ReadFile(groups + "cgroup.controllers")
	if err != nil {
		return nil // version 1
	}
	if err := os.MkdirAll(groups+"init", 0o755); err != nil {
		return err
	}
	processes, err := os.ReadFile(groups + "cgroup.procs")
	if err != nil {
		return err
	}
	for _, process := range strings.Fields(string(processes)) {
		if err := os.WriteFile(groups+"init/cgroup.procs", []byte(process), 0o644); err != nil {
			return err
		}
	}
	all := "+" + strings.Join(strings.Fields(string(controllers)), " +")
	return os.WriteFile(groups+"cgroup.subtree_control", []byte(all), 0o644)
}

// writeFiles writes what the programs read. Keys and data of a container that is started again stay.
func writeFiles(address string) error {
	token := rand.Text()
	if known, err := os.ReadFile(tlsFiles + "/token.csv"); err == nil {
		token, _, _ = strings.Cut(string(known), ",")
	} else {
		certificate, key, err := cert.GenerateSelfSignedCertKey("localhost",
			[]net.IP{net.ParseIP("127.0.0.1"), net.ParseIP(api), net.ParseIP(address)},
			[]string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"})
		if err != nil {
			return err
		}
		if err := errors.Join(write(tlsFiles+"/server.crt", string(certificate)), write(tlsFiles+"/server.key", string(key)),
			write(tlsFiles+"/token.csv", token+",admin,admin,system:masters\n")); err != nil {
			return err
		}
	}
	authority, err := os.ReadFile(tlsFiles + "/server.crt")
	if err != nil {
		return err
	}
	replace := strings.NewReplacer("TOKEN", token, "AUTHORITY", base64.StdEncoding.EncodeToString(authority),
		"ADDRESS", address, "PODS", pods, "KUBECONFIG", kubeconfig, "SOCKET", socket, "STATE", state, "RUN", filepath.Dir(socket))
	return errors.Join(
		write(kubeconfig, replace.Replace(`apiVersion: v1
kind: Config
current-context: default
contexts: [{name: default, context: {cluster: default, user: default}}]
clusters: [{name: default, cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: AUTHORITY}}]
users: [{name: default, user: {token: TOKEN}}]
`)),
		// A container inside a container may not become harder to kill than this one is.
		write(state+"/agent/containerd.toml", replace.Replace(`version = 3
root = "STATE/agent/containerd"
state = "RUN"
[grpc]
  address = "SOCKET"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "docker.io/rancher/mirrored-pause:3.6"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "/etc/cni/net.d"
`)),
		write(state+"/agent/kubelet.yaml", replace.Replace(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://SOCKET
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [ADDRESS]
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
evictionHard: {imagefs.available: 1%, nodefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
`)),
		write(state+"/agent/Corefile", replace.Replace(`.:53 {
    bind ADDRESS
    errors
    kubernetes cluster.local in-addr.arpa {
        kubeconfig KUBECONFIG
        pods insecure
        fallthrough in-addr.arpa
    }
    cache 30
    forward . /etc/resolv.conf
}
`)),
		// A pod's network is a cable to this node, which passes everything on: not a bridge, past which what one pod
		// answers another would go, and so miss the rules that make it an answer of the service.
		write("/etc/cni/net.d/10-pods.conflist", replace.Replace(`{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {"type": "ptp", "ipMasq": true, "ipam": {"type": "host-local", "subnet": "PODS", "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`)),
	)
}

func write(file, content string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(content), 0o600)
}

// itself is this program's file.
const itself = "/proc/self/exe"

// run starts a program, under a name, that is to run as long as this one.
func run(program, name string, arguments ...string) {
	command := exec.Command(program, arguments...)
	command.Args[0] = name
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	err := command.Start()
	go func() {
		if err == nil {
			err = command.Wait()
		}
		fmt.Fprintf(os.Stderr, "k3s: %s has ended: %v\n", name, err)
		os.Exit(1)
	}()
}

// await waits until something is so.
func await(what string, so func() bool) {
	for began := time.Now(); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > 3*time.Minute {
			fmt.Fprintf(os.Stderr, "k3s: waited in vain for %s\n", what)
			os.Exit(1)
		}
	}
}
