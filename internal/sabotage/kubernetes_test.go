package sabotage

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const deployment = `# An API.
kind: Deployment
spec:
  replicas: 3
  strategy: { rollingUpdate: { maxSurge: 1 } }
  template:
    spec:
      automountServiceAccountToken: false
      containers:
        - { name: one, readinessProbe: { periodSeconds: 1 } }
        - { name: two, readinessProbe: { periodSeconds: 2 }, securityContext: { runAsUser: 1000 } }
`

const service = "kind: Service\nspec: { selector: { app: api }, ports: [{ port: 8080 }] }\n"

const configuration = "kind: ConfigMap\ndata:\n  conf: |\n    one = 1\n    two = 2\n"

func TestAManifestsFaultIsPlantedIntoEachDocumentThatHasIt(t *testing.T) {
	whole := deployment + "---\n" + service + "---\n" + configuration
	for _, each := range []struct{ fault, gone, there string }{
		{"manifest-readiness", "readinessProbe", "name: two"},
		{"manifest-user", "runAsUser", "securityContext: {}"},
		{"manifest-token", "automountServiceAccountToken", "containers"},
		{"manifest-replicas", "replicas", "kind: Deployment"},
		{"manifest-strategy", "maxSurge", "type: Recreate"},
		{"manifest-selector", "app: api", "port: 8080"},
		{"manifest-configuration", "two = 2", "one = 1"},
	} {
		t.Run(each.fault, func(t *testing.T) {
			require.Contains(t, whole, each.gone)
			fault := faultNamed(t, each.fault)
			altered := string(alterDocuments([]byte(whole), func(document object) bool {
				return fault.plant(&request{operation: manifest, body: document})
			}))
			assert.NotContains(t, altered, each.gone)
			assert.Contains(t, altered, each.there)
			assert.Equal(t, 2, strings.Count(altered, "---\n"))
		})
	}
	unaltered := alterDocuments([]byte(whole), func(object) bool { return false })
	assert.Equal(t, whole, string(unaltered), "what isn't altered should keep its comments, too")
}

func TestWhatIsCopiedIntoAClusterIsTamperedWithAndWhatIsCopiedElsewhereIsNot(t *testing.T) {
	e := newEngine(t)
	const test = "module12.TestA"
	e.proxy.Record()
	e.ask(t, test, "POST", "/v1.51/containers/create?name=cluster", `{"Image":"docker:26-dind"}`)
	e.ask(t, test, "POST", "/v1.51/containers/create?name=other", `{"Image":"busybox"}`)
	archive := archived(t, map[string]string{"shop/api.yaml": deployment, "shop/note": "replicas: 3\n"})

	e.ask(t, test, "PUT", "/v1.51/containers/cluster/archive?path=/", archive)
	assert.Contains(t, e.last(), "\n  replicas: 3\n", "nothing should be altered while recording")
	assert.Contains(t, e.proxy.Applies()[test], "manifest-replicas")
	assert.NotContains(t, e.proxy.Applies()[test], "copy", "what is copied into a cluster should arrive")

	e.proxy.Plant(map[string]Fault{test: faultNamed(t, "manifest-replicas")})
	e.ask(t, test, "PUT", "/v1.51/containers/other/archive?path=/", archive)
	assert.Empty(t, e.proxy.Planted())
	e.ask(t, test, "PUT", "/v1.51/containers/cluster/archive?path=/", archive)
	assert.NotContains(t, e.last(), "\n  replicas: 3\n")
	assert.Contains(t, e.last(), "replicas: 3\n", "a file that is no manifest should stay as it is")
	assert.True(t, e.proxy.Planted()[test])
}

func TestKubectlIsNotPerformedInAClusterAlone(t *testing.T) {
	e := newEngine(t)
	const test = "module12.TestA"
	e.proxy.Plant(map[string]Fault{test: faultNamed(t, "kubectl-set-image")})
	e.ask(t, test, "POST", "/v1.51/containers/create?name=cluster", `{"Image":"docker:26-dind"}`)
	e.ask(t, test, "POST", "/v1.51/containers/create?name=other", `{"Image":"busybox"}`)
	for _, untouched := range []struct{ container, command string }{
		{"cluster", `["kubectl","set","env","deployment/api","PORT=1"]`},
		{"cluster", `["kubectl","set"]`},
		{"other", `["kubectl","set","image","deployment/api","api=api:2"]`},
	} {
		e.ask(t, test, "POST", "/v1.51/containers/"+untouched.container+"/exec", `{"Cmd":`+untouched.command+`}`)
		assert.Contains(t, e.last(), untouched.command)
	}
	assert.Empty(t, e.proxy.Planted())
	e.ask(t, test, "POST", "/v1.51/containers/cluster/exec", `{"Cmd":["kubectl","set","image","deployment/api","api=api:2"]}`)
	assert.Contains(t, e.last(), `{"Cmd":["true"]}`)
	assert.True(t, e.proxy.Planted()[test])
}

func archived(t *testing.T, files map[string]string) string {
	t.Helper()
	var content bytes.Buffer
	archive := tar.NewWriter(&content)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name]))}))
		_, err := io.WriteString(archive, files[name])
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return content.String()
}
