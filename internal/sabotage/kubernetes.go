package sabotage

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Of the engine, a lesson about Kubernetes wants no more than a container with a cluster in it. Its manifests are copied there,
// and kubectl is run there: that is where its faults are planted. These are the operations.
const (
	manifest = "a manifest"
	kubectl  = "kubectl"
)

// inContainers is where the containers are in the manifest of a Deployment.
var inContainers = []string{"spec", "template", "spec", "containers"}

var kubernetesFaults = slices.Concat(
	manifestDropped(map[string][]string{
		"readiness":    append(inContainers, "readinessProbe"),
		"liveness":     append(inContainers, "livenessProbe"),
		"lifecycle":    append(inContainers, "lifecycle"),
		"resources":    append(inContainers, "resources"),
		"env":          append(inContainers, "env"),
		"args":         append(inContainers, "args"),
		"mounts":       append(inContainers, "volumeMounts"),
		"user":         append(inContainers, "securityContext", "runAsUser"),
		"non-root":     append(inContainers, "securityContext", "runAsNonRoot"),
		"read-only":    append(inContainers, "securityContext", "readOnlyRootFilesystem"),
		"escalation":   append(inContainers, "securityContext", "allowPrivilegeEscalation"),
		"capabilities": append(inContainers, "securityContext", "capabilities"),
		"token":        {"spec", "template", "spec", "automountServiceAccountToken"},
		"replicas":     {"spec", "replicas"},
	}),
	[]Fault{
		// Without a strategy, a Deployment has nearly that which the manifests ask for.
		{Name: "manifest-strategy", What: "in a manifest, the strategy is Recreate", on: manifest, plant: func(r *request) bool {
			spec, _ := r.body["spec"].(object)
			return field(spec, "strategy", "rollingUpdate") != nil && set(spec, object{"type": "Recreate"}, "strategy")
		}},
		{Name: "manifest-selector", What: "in a manifest, a Service selects no pods", on: manifest, plant: func(r *request) bool {
			return r.body["kind"] == "Service" && fieldDropped("spec", "selector")(r)
		}},
		{Name: "manifest-configuration", What: "in a manifest, the last line of what a ConfigMap holds is dropped", on: manifest,
			plant: func(r *request) bool {
				data, _ := r.body["data"].(object)
				for name, text := range data {
					lines := strings.SplitAfter(strings.TrimSpace(fmt.Sprint(text)), "\n")
					data[name] = strings.Join(lines[:len(lines)-1], "")
				}
				return r.body["kind"] == "ConfigMap" && len(data) > 0
			}},
	},
	kubectlNotPerformed("scale", "delete", "set image", "set env", "patch", "rollout undo"),
)

// manifestDropped are faults of one kind: a field is in no manifest. The values are the paths to them, through lists, too.
func manifestDropped(fields map[string][]string) (faults []Fault) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		path := fields[name]
		faults = append(faults, Fault{Name: "manifest-" + name, What: "in a manifest, " + path[len(path)-1] + " is dropped", on: manifest,
			plant: func(r *request) bool { return droppedEverywhere(r.body, path) }})
	}
	return faults
}

// droppedEverywhere takes away what there is at a path: in each member of a list, where there is a list on the way.
func droppedEverywhere(in any, path []string) (dropped bool) {
	switch in := in.(type) {
	case []any:
		for _, one := range in {
			dropped = droppedEverywhere(one, path) || dropped
		}
	case object:
		if len(path) > 1 {
			return droppedEverywhere(in[path[0]], path[1:])
		}
		_, dropped = in[path[0]]
		delete(in, path[0])
	}
	return dropped
}

func kubectlNotPerformed(commands ...string) (faults []Fault) {
	for _, command := range commands {
		faults = append(faults, Fault{Name: "kubectl-" + strings.ReplaceAll(command, " ", "-"), on: kubectl,
			What: "kubectl " + command + " is not performed, and succeeds",
			plant: func(r *request) bool {
				var words []string
				cmd, _ := r.body["Cmd"].([]any)
				for _, word := range cmd {
					words = append(words, fmt.Sprint(word))
				}
				if !strings.HasPrefix(strings.Join(words, " ")+" ", "kubectl "+command+" ") {
					return false
				}
				r.body["Cmd"] = []any{"true"}
				return true
			}})
	}
	return faults
}

// withManifests is an archive in which each document of the YAML files may be altered in passing.
func withManifests(archive io.ReadCloser, alter func(document object) (altered bool)) io.ReadCloser {
	read, write := io.Pipe()
	go func() {
		defer archive.Close()
		_ = write.CloseWithError(copyArchive(write, archive, alter))
	}()
	return read
}

func copyArchive(to io.Writer, from io.Reader, alter func(object) bool) error {
	files, out := tar.NewReader(from), tar.NewWriter(to)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		} else if err != nil {
			return err
		}
		var content io.Reader = files
		if extension := path.Ext(header.Name); header.Typeflag == tar.TypeReg && (extension == ".yaml" || extension == ".yml") {
			text, err := io.ReadAll(files)
			if err != nil {
				return err
			}
			text = alterDocuments(text, alter)
			header.Size, content = int64(len(text)), bytes.NewReader(text)
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, content); err != nil {
			return err
		}
	}
}

// alterDocuments is a YAML file, each of whose documents may be altered. One in which nothing is, or that isn't understood
// here, stays as it is.
func alterDocuments(text []byte, alter func(object) bool) []byte {
	var documents [][]byte
	altered := false
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document object
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return text
		}
		if document == nil { // but for comments
			continue
		}
		altered = alter(document) || altered
		encoded, err := yaml.Marshal(document)
		if err != nil {
			return text
		}
		documents = append(documents, encoded)
	}
	if !altered {
		return text
	}
	return bytes.Join(documents, []byte("---\n"))
}
