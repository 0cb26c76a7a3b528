package standin_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// cosign makes keys, signs a file with them and verifies it, for an ordinary user unless told otherwise; arguments are
// its own.
func TestCosignSignsAndVerifiesAFile(t *testing.T) {
	assert.Equal(t, "65532\n", course.Docker(t, "image", "inspect", "--format", "{{.Config.User}}", course.Ref(t, image.Cosign)).Stdout)
	keys := course.NewVolume(t, "keys")
	cosign := func(arguments ...string) []string {
		return append([]string{"run", "--rm", "--network", "none", "--user", "0:0", "--volume", keys + ":/keys", "--workdir", "/keys",
			"--env", "COSIGN_PASSWORD=contract", course.Ref(t, image.Cosign)}, arguments...)
	}
	course.Docker(t, cosign("generate-key-pair")...)
	course.Docker(t, cosign("signing-config", "create", "--out", "no-log.json")...)
	course.Docker(t, cosign("sign-blob", "--yes", "--key", "cosign.key", "--signing-config", "no-log.json",
		"--bundle", "bundle.json", "cosign.pub")...)
	verify := func(file string) []string {
		return cosign("verify-blob", "--key", "cosign.pub", "--insecure-ignore-tlog", "--bundle", "bundle.json", file)
	}
	course.Docker(t, verify("cosign.pub")...)
	course.DockerFails(t, verify("no-log.json")...)
	course.DockerFails(t, cosign("no-such-command")...)
}

// The scanner reads an SBOM and looks its entries up in lists of its own, without a network; arguments are its own. Its
// exit status tells whether it found something.
func TestOSVScannerLooksAnSBOMUp(t *testing.T) {
	sbom := course.Directory(t, map[string]string{"a.spdx.json": `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT",
		"name": "a", "packages": []}`})
	line := []string{"run", "--rm", "--network", "none", "--volume", sbom + ":/in:ro", course.Ref(t, image.OSVScanner)}
	course.Docker(t, append(line, "--version")...)
	none := course.DockerFails(t, append(line, "scan", "source", "--offline", "--lockfile", "/in/a.spdx.json")...)
	assert.Equal(t, 128, none.ExitCode, "128 is its word for: no packages at all")
}
