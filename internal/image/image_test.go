package image

import (
	"errors"
	"testing"

	imagetypes "github.com/moby/moby/api/types/image"
	"github.com/stretchr/testify/assert"
)

// What engines and registries really answered: only silence allows a stand-in.
func TestOnlyARegistryThatGivesNoAnswerIsUnreachable(t *testing.T) {
	for message, silent := range map[string]bool{
		`Get "https://registry.example/v2/": dial tcp: lookup registry.example on 10.0.0.2:53: no such host`:              true,
		`Get "https://registry.example/v2/": dial tcp 54.1.2.3:443: connect: connection refused`:                          true,
		`Get "https://registry.example/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)`: true,
		`Get "https://registry.example/v2/": net/http: TLS handshake timeout`:                                             true,
		`failed to do request: Head "https://registry.example/v2/": dial tcp 1.2.3.4:443: i/o timeout`:                    true,
		`Get "https://registry.example/v2/": proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: no route to host`:         true,
		`Get "https://registry.example/v2/": tls: failed to verify certificate: x509: unknown authority`:                  true,

		`manifest for busybox:nope not found: manifest unknown: manifest unknown`:                                                         false,
		`pull access denied for nobody/nothing, repository does not exist or may require 'docker login': denied`:                          false,
		`toomanyrequests: You have reached your unauthenticated pull rate limit`:                                                          false,
		`not implemented: media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd`: false,
		`no matching manifest for linux/riscv64 in the manifest list entries`:                                                             false,
		`received unexpected HTTP status: 500 Internal Server Error`:                                                                      false,
		`write /var/lib/docker/tmp/GetImageBlob1: no space left on device`:                                                                false,
	} {
		assert.Equal(t, silent, unreachable(errors.New(message)), message)
	}
}

// What helps depends on what the engine or the registry said.
func TestWhatIsAdvisedAfterARefusalIsWhatHelps(t *testing.T) {
	for message, advice := range map[string]string{
		`write /var/lib/docker/tmp/GetImageBlob1: no space left on device`:                                       "make room",
		`toomanyrequests: You have reached your unauthenticated pull rate limit`:                                 "later",
		`unexpected status from HEAD request to https://registry.example/v2/x: 429 Too Many Requests`:            "later",
		`error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH`: "credsStore",
		`unauthorized: incorrect username or password`:                                                           "docker login",
		`received unexpected HTTP status: 503 Service Unavailable`:                                               "later",
		`manifest for busybox:nope not found: manifest unknown: manifest unknown`:                                "declared.go",
		`pull access denied for nobody/nothing, repository does not exist or may require 'docker login': denied`: "declared.go",
	} {
		err := refused("busybox:1.36", errors.New(message))
		assert.ErrorContains(t, err, advice)
		assert.ErrorContains(t, err, "busybox:1.36")
		assert.ErrorContains(t, err, message)
		var byRegistry *RefusedError
		assert.Equal(t, advice != "make room" && advice != "credsStore", errors.As(err, &byRegistry), "whether it is the registry that refuses: %s", message)
	}
}

func TestSettingsThatMeanNothingAreRefusedWithThoseThatDo(t *testing.T) {
	t.Setenv("COURSE_IMAGES", "latest")
	t.Setenv("COURSE_STANDINS", "sometimes")
	err := CheckSettings()
	assert.ErrorContains(t, err, `COURSE_IMAGES="latest"`)
	assert.ErrorContains(t, err, "pinned, current")
	assert.ErrorContains(t, err, `COURSE_STANDINS="sometimes"`)

	t.Setenv("COURSE_KEEP", "0")
	assert.ErrorContains(t, CheckSettings(), `COURSE_KEEP="0" means nothing to the course: set it to 1, or unset it`)
	t.Setenv("COURSE_KEEP", "1")
	assert.NotContains(t, CheckSettings().Error(), "COURSE_KEEP")

	t.Setenv("COURSE_IMAGES", "current")
	t.Setenv("COURSE_STANDINS", "")
	assert.NoError(t, CheckSettings())
}

// What engines with the containerd store say of an image that they have pulled, built, built and pushed, or know nothing more of.
func TestAnEngineTellsWhereAnImageIsFrom(t *testing.T) {
	pulled, built := []imagetypes.PullIdentity{{}}, []imagetypes.BuildIdentity{{}}
	assert.Equal(t, "pulled", origin(&imagetypes.Identity{Pull: pulled}))
	assert.Equal(t, "local", origin(&imagetypes.Identity{Build: built}))
	assert.Equal(t, "local", origin(&imagetypes.Identity{Build: built, Pull: pulled}))
	assert.Equal(t, "local", origin(&imagetypes.Identity{}))
	assert.Equal(t, "pulled or local", origin(nil))
}

func TestStandInsAreUsedAsAskedFor(t *testing.T) {
	original, standIn := Facts{Ref: "busybox:1.36", Origin: "pulled"}, Facts{Ref: "busybox:1.36", Origin: "stand-in built here"}
	onlyOriginal := Facts{Ref: "mongo:6.0", Origin: "pulled"}
	for choice, expected := range map[string][3]bool{
		"":       {true, true, true},
		"auto":   {true, true, true},
		"never":  {true, false, true},
		"always": {false, true, true},
	} {
		assert.Equal(t, expected, [3]bool{usable(original, choice), usable(standIn, choice), usable(onlyOriginal, choice)}, choice)
	}
}

// A stand-in by a recipe that is not the course's any more serves nobody.
func TestAnOutdatedStandInIsNotUsed(t *testing.T) {
	outdated := Facts{Ref: "busybox:1.36", Origin: "stand-in built here", outdated: true}
	for _, choice := range []string{"", "auto", "never", "always"} {
		assert.False(t, usable(outdated, choice), choice)
	}
}
