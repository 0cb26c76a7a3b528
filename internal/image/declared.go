package image

import "github.com/testcontainers/testcontainers-go"

// The images of the course, each declared once. Pinned is the tag the lessons name; Current is what somebody
// who follows the lesson today would get.
var (
	Ubuntu = Image{Name: "ubuntu", Pinned: "ubuntu:22.04", Current: "ubuntu:latest", Interactive: true}
	Debian = Image{Name: "debian", Pinned: "debian:12", Current: "debian:latest", Interactive: true}
	// Busybox is the smallest image with a shell: the lessons use it where any system would do.
	Busybox = Image{Name: "busybox", Pinned: "busybox:1.36", Current: "busybox:latest", Interactive: true}
	// BusyboxStatic is the same as one file that needs no library, so that it runs in any other image, too.
	BusyboxStatic = Image{Name: "busybox", Pinned: "busybox:1.36-musl", Current: "busybox:musl", Interactive: true}
	Alpine        = Image{Name: "alpine", Pinned: "alpine:3.20", Current: "alpine:latest", Interactive: true}

	Postgres = Image{Name: "postgres", Pinned: "postgres:15.1-alpine", Current: "postgres:18-alpine"}
	// PostgresOther is another major version than Postgres, for lessons that run two at once.
	PostgresOther = Image{Name: "postgres", Pinned: "postgres:17-alpine", Current: "postgres:17-alpine"}
	Redis         = Image{Name: "redis", Pinned: "redis:7.0-alpine", Current: "redis:8-alpine"}
	MariaDB       = Image{Name: "mariadb", Pinned: "mariadb:10.11", Current: "mariadb:11.8"}

	// No distribution packages these three, so they have no stand-in: they are proven where a registry is reached.
	MongoDB       = Image{Name: "mongo", Pinned: "mongo:6.0", Current: "mongo:latest"}
	Elasticsearch = Image{Name: "elasticsearch", Pinned: "elasticsearch:8.17.0", Current: "elasticsearch:9.2.1"}
	Neo4j         = Image{Name: "neo4j", Pinned: "neo4j:5", Current: "neo4j:latest"}

	Python = Image{Name: "python", Pinned: "python:3.11-slim", Current: "python:3.14-slim", Interactive: true}
	// PythonOther is another version than Python, for lessons that run two at once.
	PythonOther = Image{Name: "python", Pinned: "python:3.14-slim", Current: "python:3.11-slim", Interactive: true}

	Node = Image{Name: "node", Pinned: "node:22-slim", Current: "node:24-slim", Interactive: true}
	// NodeLarge is the same Node in an image that has, besides, compilers and what else people may come to need.
	NodeLarge = Image{Name: "node", Pinned: "node:22", Current: "node:24", Interactive: true}
	Golang    = Image{Name: "golang", Pinned: "golang:1.26-alpine", Current: "golang:1.27-alpine", Interactive: true}
	PHP       = Image{Name: "php", Pinned: "php:8.2-cli", Current: "php:8.4-cli", Interactive: true}
	Ruby      = Image{Name: "ruby", Pinned: "ruby:3.1-slim", Current: "ruby:3.3-slim", Interactive: true}

	// Nginx is the web server in an image that needs no root.
	Nginx = Image{Name: "nginx", Pinned: "nginxinc/nginx-unprivileged:1.26-alpine", Current: "nginxinc/nginx-unprivileged:1.30-alpine"}
	// Browser is Chromium without a window, which serves its debugging protocol on port 9222.
	Browser = Image{Name: "browser", Pinned: "chromedp/headless-shell:stable", Current: "chromedp/headless-shell:latest"}
	// DockerfileFrontend is the program that reads Dockerfiles for BuildKit, which `# syntax=` asks for.
	DockerfileFrontend = Image{Name: "dockerfile", Pinned: "docker/dockerfile:1", Current: "docker/dockerfile:1"}

	// BuildKit is the program that builds, in a container of its own: a builder of buildx.
	BuildKit = Image{Name: "buildkit", Pinned: "moby/buildkit:buildx-stable-1", Current: "moby/buildkit:latest"}

	JQ = Image{Name: "jq", Pinned: "ghcr.io/jqlang/jq:1.7.1", Current: "ghcr.io/jqlang/jq:latest"}
	YQ = Image{Name: "yq", Pinned: "mikefarah/yq:4.47.1", Current: "mikefarah/yq:latest"}

	// Cosign signs images and verifies signatures; OSVScanner looks what is in an image up in lists of vulnerabilities.
	Cosign     = Image{Name: "cosign", Pinned: "ghcr.io/sigstore/cosign/cosign:v3.1.3", Current: "ghcr.io/sigstore/cosign/cosign:v3.1.3"}
	OSVScanner = Image{Name: "osv-scanner", Pinned: "ghcr.io/google/osv-scanner:v2.6.0", Current: "ghcr.io/google/osv-scanner:latest"}

	// DockerInDocker is an engine inside a container: what must not happen to the learner's engine happens there.
	DockerInDocker = Image{Name: "docker", Pinned: "docker:26-dind", Current: "docker:29-dind"}
	Registry       = Image{Name: "registry", Pinned: "registry:2", Current: "registry:2.8"}
	// K3s is Kubernetes in one container: the programs of a cluster of one node, and kubectl to tell it what to do.
	K3s = Image{Name: "k3s", Pinned: "rancher/k3s:v1.34.4-k3s1", Current: "rancher/k3s:latest"}
	// Reaper removes what a killed test process left. The tag is the one testcontainers-go asks for, which it
	// tells only under a name that it would rather be rid of.
	//
	//lint:ignore SA1019 a tag of our own would be a second reaper image, and testcontainers-go would still pull its own
	Reaper = Image{Name: "ryuk", Pinned: testcontainers.ReaperDefaultImage, Current: testcontainers.ReaperDefaultImage}
)

// WithoutStandIn are the images that only a registry has.
var WithoutStandIn = []Image{MongoDB, Elasticsearch, Neo4j}

// WithStandIn are the images that can be had without a registry, in the order in which they are best fetched.
var WithStandIn = []Image{
	Reaper, Busybox, BusyboxStatic, Ubuntu, Debian, Alpine, Postgres, PostgresOther, Redis, MariaDB,
	Python, PythonOther, Node, NodeLarge, Golang, Nginx, PHP, Ruby, JQ, YQ, Registry, DockerInDocker,
	Browser, DockerfileFrontend, BuildKit, Cosign, OSVScanner,
	K3s,
}
