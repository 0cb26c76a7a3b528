package module09

import (
	"cmp"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
	"docker-proven/internal/osv"
)

// The first thing a scanner makes is a list of what is in the image: a software bill of materials, SBOM for short. It
// takes the packages from the distribution's database, and the Go modules from what the compiler wrote into each
// program; no part of the image is run. Another version in the image is another version in the list.
func TestAnSBOMListsThePackagesAndModulesInAnImage(t *testing.T) {
	openssh := opensshVersions(t)
	old := materials(t, scanned(t, plant(t, openssh.vulnerable, "v5.2.1")))
	assert.Equal(t, openssh.vulnerable, old["openssh-server"])
	assert.Equal(t, "5.2.1", old["github.com/golang-jwt/jwt/v5"])
	assert.NotEmpty(t, old["base-files"], "the distribution's own packages are in the list as well")

	updated := materials(t, scanned(t, plant(t, openssh.fixed, "v5.2.2")))
	assert.Equal(t, openssh.fixed, updated["openssh-server"])
	assert.Equal(t, "5.2.2", updated["github.com/golang-jwt/jwt/v5"])

	alone := materials(t, scanned(t, build(t, "on-nothing", "v5.2.1")))
	assert.NotContains(t, alone, "openssh-server")
	assert.Equal(t, "5.2.1", alone["github.com/golang-jwt/jwt/v5"], "a program without a distribution has modules, too")
}

// The second thing it does is to look each entry up in a list of advisories: which versions of what are known to be
// vulnerable. Here the list is module09/advisories, a file for each, which the scanner reads without a network. The
// package that is older than the distribution's fix is found; the fixed one is not.
func TestAScannerFindsTheVulnerablePackageAndNotTheFixedOne(t *testing.T) {
	openssh := opensshVersions(t)
	found := scanFails(t, scanned(t, plant(t, openssh.vulnerable, "v5.2.2")), "image", "--archive", "/in/image.tar")
	assert.Contains(t, found, "openssh@"+openssh.vulnerable)
	assert.Contains(t, found, "DEBIAN-CVE-2024-6387")
	assert.Contains(t, found, "Minimal Fix Version: '"+openssh.fixed+"'")
	assert.Contains(t, found, "Total 1 package affected by 1 known vulnerability")

	fixed := scan(t, scanned(t, plant(t, openssh.fixed, "v5.2.2")), "image", "--archive", "/in/image.tar")
	assert.Contains(t, fixed, "No issues found")
}

// A scanner knows what its advisories know, and nothing else. With advisories that are about other things, the same
// image passes: no findings doesn't mean no vulnerabilities, and an old list is as good as none.
func TestAScannerFindsOnlyWhatItsAdvisoriesKnow(t *testing.T) {
	directory := scanned(t, plant(t, opensshVersions(t).vulnerable, "v5.2.1"))
	found := scanFails(t, directory, "image", "--archive", "/in/image.tar")
	assert.Contains(t, found, "DEBIAN-CVE-2024-6387")
	assert.Contains(t, found, "GO-2025-3553")

	other := course.File(t, "COURSE-1.json", `{"id": "COURSE-1", "modified": "2025-01-01T00:00:00Z", "affected": []}`)
	list(t, directory, "Debian", other)
	list(t, directory, "Go", other)
	assert.Contains(t, scan(t, directory, "image", "--archive", "/in/image.tar"), "No issues found")
}

// The list of what is in an image outlives the image. When an advisory appears, what was shipped long ago is looked up
// from its SBOM in a moment, and nobody has to pull anything.
func TestAnSBOMIsScannedWithoutTheImage(t *testing.T) {
	archived := func(version string) (directory string) {
		directory = scanned(t, build(t, "on-nothing", version))
		write(t, []byte(sbom(t, directory)), directory, "image.spdx.json")
		require.NoError(t, os.Remove(filepath.Join(directory, "image.tar")))
		return directory
	}
	found := scanFails(t, archived("v5.2.1"), "source", "--lockfile", "/in/image.spdx.json")
	assert.Contains(t, found, "GO-2025-3553")

	fixed := scan(t, archived("v5.2.2"), "source", "--lockfile", "/in/image.spdx.json")
	assert.Contains(t, fixed, "No issues found")
}

// For Go there is a scanner that looks closer: not only which modules a program was built from, but whether the
// vulnerable function made it into the program. It works on the program alone, taken out of the image. Of two programs
// with the vulnerable version, one uses that function and one does not; built with the fixed version, none is affected.
func TestGovulncheckFindsTheProgramThatUsesTheVulnerableFunction(t *testing.T) {
	course.NeedsGo(t)
	vulnerable := programs(t, build(t, "on-nothing", "v5.2.1"))
	found := govulncheckFails(t, vulnerable, "reads")
	assert.Contains(t, found, "GO-2025-3553")
	assert.Contains(t, found, "Found in: github.com/golang-jwt/jwt/v5@v5.2.1")
	assert.Contains(t, found, "jwt.Parser.ParseUnverified")

	course.Say(t, "The other program was built from the same version, and doesn't use the function:")
	unused := govulncheck(t, vulnerable, "makes")
	assert.Contains(t, unused, "affected by 0 vulnerabilities")
	assert.Contains(t, unused, "found 1 vulnerability in packages you import")

	fixed := programs(t, build(t, "on-nothing", "v5.2.2"))
	assert.Equal(t, "No vulnerabilities found.\n", govulncheck(t, fixed, "reads"))
}

// The advisories of this lesson are a small excerpt. Where the real database is reached, the same vulnerable package
// and module are found in it.
func TestTheRealDatabaseKnowsTheSameVulnerabilities(t *testing.T) {
	course.NeedsInternet(t, "api.osv.dev")
	course.Original(t, image.OSVScanner) // the stand-in has no certificates of those who vouch for that address
	directory := scanned(t, plant(t, opensshVersions(t).vulnerable, "v5.2.1"))
	found := course.DockerFails(t, "run", "--rm", "--volume", directory+":/in:ro", course.Ref(t, image.OSVScanner),
		"scan", "image", "--archive", "/in/image.tar", "--format", "vertical", "--verbosity", "error").Stdout
	assert.Contains(t, found, "CVE-2024-6387")
	assert.Contains(t, found, "GO-2025-3553")
}

// versions are those of a package: one that is vulnerable, and the one that fixed it.
type versions struct{ vulnerable, fixed string }

// opensshVersions are what Debian did about the race in the OpenSSH server, by release. Upstream's fix is version 9.8,
// and what Debian 12 has looks older: a distribution repairs the version that it has.
func opensshVersions(t *testing.T) versions {
	t.Helper()
	release := course.Once(t, image.Debian, course.Shell(". /etc/os-release && echo $VERSION_ID"))
	found, ok := map[string]versions{
		"12": {"1:9.2p1-2+deb12u2", "1:9.2p1-2+deb12u3"},
		"13": {"1:9.7p1-6", "1:9.7p1-7"},
	}[strings.TrimSpace(release.Stdout)]
	if !ok {
		t.Skipf("not provable here: the lesson's advisories are about Debian 12 and 13, and this is %s", release.Stdout)
	}
	return found
}

// plant builds an image of Debian with the lesson's two programs in it, and with a package that is called
// openssh-server and has nothing but its name and version: more a scanner doesn't look at.
func plant(t *testing.T, openssh, jwt string) (tag string) {
	t.Helper()
	return course.BuildQuietly(t, "planted", "FROM "+build(t, "on-debian", jwt)+`
RUN mkdir --parents /tmp/package/DEBIAN && cd /tmp && printf '%s\n' \
      'Package: openssh-server' 'Source: openssh' 'Version: `+openssh+`' 'Architecture: all' \
      'Maintainer: The course <course@example.com>' 'Description: empty' > package/DEBIAN/control \
 && dpkg-deb --build package && dpkg --install package.deb && rm -r package package.deb
`)
}

// scanned is a directory with what the scanner needs: the image in an archive, and the advisories where it looks.
func scanned(t *testing.T, tag string) (directory string) {
	t.Helper()
	archive := save(t, tag)
	osv.Readable(t, archive)
	directory = filepath.Dir(archive)
	course.Say(t, "The scanner's lists of advisories, one for each kind of package, with one advisory each:")
	list(t, directory, "Debian", "advisories/debian/DEBIAN-CVE-2024-6387.json")
	list(t, directory, "Go", "advisories/go/ID/GO-2025-3553.json")
	return directory
}

// list makes a file of the lesson's the scanner's list for an ecosystem.
func list(t *testing.T, directory, ecosystem, advisory string) {
	t.Helper()
	text, err := os.ReadFile(advisory)
	require.NoError(t, err)
	osv.List(t, directory, ecosystem, filepath.Base(advisory), string(text))
}

// scanner is the command line of the scanner, which has no network and reads from a directory of the host.
func scanner(t *testing.T, directory string, command []string, flags ...string) []string {
	t.Helper()
	return slices.Concat([]string{"run", "--rm", "--network", "none", "--volume", directory + ":/in:ro",
		"--env", "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY=/in", course.Ref(t, image.OSVScanner), "scan"},
		command, []string{"--offline", "--verbosity", "error"}, flags)
}

// scan is what the scanner says of an image or an SBOM in which it finds nothing.
func scan(t *testing.T, directory string, command ...string) string {
	t.Helper()
	return course.Docker(t, scanner(t, directory, command, "--format", "vertical")...).Stdout
}

// scanFails is scan for one in which it finds something. It says so by its exit status, too: enough to stop a pipeline.
func scanFails(t *testing.T, directory string, command ...string) string {
	t.Helper()
	result := course.DockerFails(t, scanner(t, directory, command, "--format", "vertical")...)
	assert.Equal(t, 1, result.ExitCode, "1 is the scanner's word for: found something")
	return result.Stdout
}

// sbom is the list of what is in the image, in a format that other tools read, too: SPDX. The exit status says whether
// anything in it is vulnerable, which is not asked here.
func sbom(t *testing.T, directory string) string {
	t.Helper()
	return course.DockerTries(t, scanner(t, directory, []string{"image", "--archive", "/in/image.tar"},
		"--all-packages", "--format", "spdx-2-3")...).Stdout
}

// materials are the versions of what the SBOM of an image lists, by name.
func materials(t *testing.T, directory string) map[string]string {
	t.Helper()
	var list struct {
		Packages []struct {
			Name, VersionInfo string
			ExternalRefs      []struct{ ReferenceLocator string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(sbom(t, directory)), &list))
	found := map[string]string{}
	for _, entry := range list.Packages {
		name := entry.Name
		for _, reference := range entry.ExternalRefs { // pkg:golang/github.com/golang-jwt/jwt/v5@5.2.1
			if module, ok := strings.CutPrefix(reference.ReferenceLocator, "pkg:golang/"); ok {
				name, _, _ = strings.Cut(module, "@")
			}
		}
		found[name] = entry.VersionInfo
	}
	course.Say(t, "%d entries; of them:", len(found))
	for _, name := range []string{"base-files", "openssh-server", "github.com/golang-jwt/jwt/v5"} {
		course.Show(t, name+" "+cmp.Or(found[name], "(not in the list)"))
	}
	return found
}

// programs takes the two programs out of an image.
func programs(t *testing.T, tag string) (directory string) {
	t.Helper()
	archive, contents := open(t, tag)
	directory = filepath.Dir(archive)
	for _, program := range []string{"reads", "makes"} {
		content, err := contents.File("/usr/local/bin/" + program)
		require.NoError(t, err)
		write(t, content, directory, program)
	}
	course.Say(t, "The programs in %s are now in %s.", tag, directory)
	return directory
}

func govulncheck(t *testing.T, directory, program string) string {
	t.Helper()
	return course.CLI{}.Program(t, "go", govulncheckOf(t, directory, program)...).Stdout
}

func govulncheckFails(t *testing.T, directory, program string) string {
	t.Helper()
	return course.CLI{}.ProgramFails(t, "go", govulncheckOf(t, directory, program)...).Stdout
}

func govulncheckOf(t *testing.T, directory, program string) []string {
	t.Helper()
	advisories, err := filepath.Abs("advisories/go")
	require.NoError(t, err)
	path := filepath.ToSlash(advisories)
	if !strings.HasPrefix(path, "/") { // C:/...
		path = "/" + path
	}
	list := url.URL{Scheme: "file", Path: path}
	return []string{"tool", "govulncheck", "-mode", "binary", "-db", list.String(), filepath.Join(directory, program)}
}
