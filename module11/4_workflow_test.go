package module11

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/example"
	"docker-proven/internal/image"
	"docker-proven/internal/osv"
	"docker-proven/internal/registry"
)

// A workflow says what a server does with each change: here it tests, builds, tries, scans, tags and pushes the images. Whether
// it says so in words that the server knows, a linter tells before anything is pushed. (It reads also what is between
// ${{ and }}, in which most mistakes are made.)
func TestTheWorkflowIsValidAndALinterFindsMistakes(t *testing.T) {
	workflow := course.ReadHostFile(t, "workflow.yaml")
	assert.Empty(t, lint(t, workflow), "the linter should find nothing")
	course.Say(t, "What a workflow may do with the password that the server makes up for it, is to be as little as it needs: read the "+
		"repository, and write images.")
	allowed := map[string]string{}
	for name, scope := range parse(t, workflow).Permissions.Scopes {
		allowed[name] = scope.Value.Value
	}
	assert.Equal(t, map[string]string{"contents": "read", "packages": "write"}, allowed)

	course.Say(t, "Its tests are those of the lesson before:")
	services := (&repository{}).as("compose.dev.yaml", "compose.test.yaml").services(t)
	tested := map[string]string{}
	for _, combination := range parse(t, workflow).Jobs["image"].Strategy.Matrix.Include.Combinations {
		tested[assigned(combination, "service")] = assigned(combination, "test")
	}
	require.Len(t, tested, len(example.Services))
	for service, command := range tested {
		assert.Equal(t, strings.Join(services[service].Command, " "), command, "%s should be tested as compose.test.yaml says", service)
	}

	for _, mistake := range []struct{ right, wrong, complaint string }{
		{"runs-on: ubuntu-24.04", "run-on: ubuntu-24.04", `"runs-on" section is missing`},
		{"matrix.dockerfile", "matrix.dockerfil", `property "dockerfil" is not defined`},
		{"github.event_name == 'push'", "github.event_nam == 'push'", `property "event_nam" is not defined`},
		{"      - name: Scan\n        run: |", "      - name: Scan\n        ran: |", `step must run script with "run"`},
	} {
		require.Contains(t, workflow, mistake.right)
		course.Say(t, "With %q in place of %q:", oneLine(mistake.wrong), oneLine(mistake.right))
		assert.Contains(t, lint(t, strings.ReplaceAll(workflow, mistake.right, mistake.wrong)), mistake.complaint)
	}
}

// The steps of the workflow are commands as one would type them, so they can be performed here, for a registry of the
// lesson's. A push to main publishes each image under its commit and as main, and the image says which commit it is of.
func TestAPushToMainPublishesEachImageByItsCommit(t *testing.T) {
	server := newServer(t)
	commit := strings.Repeat("0123456789", 4)
	for _, service := range example.Services {
		push := server.pushes(t, "refs/heads/main", commit)
		push.succeeds(t, service)
		assert.Empty(t, push.leftOut, "no step should have been left out")
		assert.ElementsMatch(t, []string{"main", "sha-0123456"}, server.tags(t, service))
		assert.Equal(t, commit+"\n", server.Docker(t, "inspect", "--format",
			`{{index .Config.Labels "org.opencontainers.image.revision"}}`, server.image(service)+":main").Stdout)
	}
}

// A tag of the repository, v1.2.3, is a release. Its image is 1.2.3 for those who want exactly this one, 1.2 for those who
// want its corrections, and latest for those who don't say. What is before a release, v2.0.0-rc.1, is for those only who ask for it.
func TestATagOfTheRepositoryPublishesARelease(t *testing.T) {
	server := newServer(t)
	server.pushes(t, "refs/tags/v1.2.3", strings.Repeat("a", 40)).succeeds(t, example.APIGolang)
	released := []string{"1.2.3", "1.2", "latest"}
	assert.ElementsMatch(t, released, server.tags(t, example.APIGolang))
	server.pushes(t, "refs/tags/v2.0.0-rc.1", strings.Repeat("b", 40)).succeeds(t, example.APIGolang)
	assert.ElementsMatch(t, append(released, "2.0.0-rc.1"), server.tags(t, example.APIGolang))
	revision := []string{"inspect", "--format", `{{index .Config.Labels "org.opencontainers.image.revision"}}`}
	server.Docker(t, "pull", "--quiet", server.image(example.APIGolang)+":latest")
	assert.Equal(t, strings.Repeat("a", 40)+"\n", server.Docker(t, append(revision, server.image(example.APIGolang)+":latest")...).Stdout)
}

// Of a pull request, which anybody may make, everything is done but the last two steps. Of a push to any branch but main,
// nothing. And where a step fails, there is no next one for that image: neither what doesn't pass its tests is published, nor what
// doesn't start, nor what the scanner has an advisory about.
func TestWhatIsOnlyProposedOrFailsIsNotPublished(t *testing.T) {
	server := newServer(t)
	course.Say(t, "A push to another branch, and a tag that is no release, begin nothing:")
	for _, ref := range []string{"refs/heads/experiment", "refs/tags/experiment"} {
		assert.False(t, server.pushes(t, ref, strings.Repeat("f", 40)).begins(t), ref)
	}
	proposed := server.pushes(t, "refs/pull/7/merge", strings.Repeat("b", 40))
	proposed.event = "pull_request"
	proposed.succeeds(t, example.APINode)
	assert.Equal(t, []string{"Tag", "Push"}, proposed.leftOut)
	assert.Empty(t, server.tags(t, example.APINode), "nothing should have been published")

	course.Say(t, "With a mistake in the program:")
	wrong := server.pushes(t, "refs/heads/main", strings.Repeat("c", 40))
	file := filepath.Join(wrong.directory, "module05", "app", "api-node", "src", "app.js")
	course.EditHostFile(t, file, "pong", "pang")
	assert.Equal(t, "Test", wrong.fails(t, example.APINode))
	assert.Empty(t, server.tags(t, example.APINode), "nothing should have been published")

	course.Say(t, "With a mistake in the Dockerfile of the image that is deployed, which its tests don't use:")
	broken := server.pushes(t, "refs/heads/main", strings.Repeat("e", 40))
	course.EditHostFile(t, filepath.Join(broken.directory, "module06", "api-node", "Dockerfile.6"), "src/main.js", "src/mian.js")
	assert.Equal(t, "Try", broken.fails(t, example.APINode))
	assert.Empty(t, server.tags(t, example.APINode), "nothing should have been published")

	course.Say(t, "With an advisory about one of its libraries:")
	vulnerable := server.pushes(t, "refs/heads/main", strings.Repeat("d", 40))
	advise(t, vulnerable.directory, "npm", "express")
	assert.Equal(t, "Scan", vulnerable.fails(t, example.APINode))
	assert.Empty(t, server.tags(t, example.APINode), "nothing should have been published")

	course.Say(t, "The same advisory, after somebody has looked at it, and accepts it for now:")
	course.WriteHostFile(t, filepath.Join(vulnerable.directory, "osv-scanner.toml"),
		"[[IgnoredVulns]]\nid = \"LESSON-1\"\nignoreUntil = 2100-01-01\nreason = \"it is about what this program doesn't use\"\n")
	course.EditHostFile(t, filepath.Join(vulnerable.directory, "module11", "workflow.yaml"),
		"$SCANNER_FLAGS", "$SCANNER_FLAGS --config /scan/osv-scanner.toml")
	vulnerable.succeeds(t, example.APINode)
	assert.ElementsMatch(t, []string{"main", "sha-ddddddd"}, server.tags(t, example.APINode))
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// lint is what actionlint says of a workflow, a line for each mistake.
func lint(t *testing.T, workflow string) (complaints string) {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	require.NoError(t, err)
	mistakes, err := linter.Lint("workflow.yaml", []byte(workflow), nil)
	require.NoError(t, err)
	for _, mistake := range mistakes {
		complaints += mistake.Error() + "\n"
	}
	course.Typed(t, complaints, "actionlint", "workflow.yaml")
	return complaints
}

// A server performs workflows, and has a registry that asks for its password.
type server struct {
	course.CLI
	registry   *registry.Registry
	password   string
	repository string // may have capitals, which the names of images may not
}

func newServer(t *testing.T) *server {
	t.Helper()
	password := course.Secret(t)
	registry.Base64(t, "robot:"+password) // that it isn't shown in this spelling, either
	return &server{
		CLI:        course.CLI{}.WithOwnConfiguration(t),
		registry:   registry.Start(t, registry.Password(t, "robot", password)),
		password:   password,
		repository: course.Unique(t, "Ada/"),
	}
}

// image is the name of a service's images, without a tag.
func (s *server) image(service example.Service) string {
	return s.registry.Address + "/" + strings.ToLower(s.repository) + "/" + service.Name
}

// tags are those under which the registry has a service's image.
func (s *server) tags(t *testing.T, service example.Service) []string {
	t.Helper()
	answer := s.registry.Get(t, "/v2/"+strings.ToLower(s.repository)+"/"+service.Name+"/tags/list", registry.BasicAuth(t, "robot", s.password))
	if answer.Status == 404 {
		return nil
	}
	var list struct{ Tags []string }
	answer.Into(t, &list)
	return list.Tags
}

// A change is what makes the server perform the workflow: a copy of the repository, and what the server knows of it.
type change struct {
	*server
	directory          string
	event, ref, commit string
	leftOut            []string // the steps that were, as what they ask for was not so
}

// pushes is a push of somebody to the repository. The server's scanner reads advisories of the lesson's, none of which is
// about the application.
func (s *server) pushes(t *testing.T, ref, commit string) *change {
	t.Helper()
	c := &change{server: s, directory: copyModules(t), event: "push", ref: ref, commit: commit}
	course.Say(t, "The scanner's lists of advisories, of this lesson's making. None is about the application:")
	for _, ecosystem := range []string{"Go", "Maven", "PyPI", "Debian", "Alpine"} {
		advise(t, c.directory, ecosystem, "something-else")
	}
	advise(t, c.directory, "npm", "oxlint") // which is in the images for work only, and these aren't published
	return c
}

// advise makes a list with one advisory, about all versions of a package.
func advise(t *testing.T, directory, ecosystem, name string) {
	t.Helper()
	osv.List(t, directory, ecosystem, "LESSON-1.json", fmt.Sprintf(`{"id": "LESSON-1", "modified": "2025-01-01T00:00:00Z",
  "affected": [{"package": {"ecosystem": %q, "name": %q}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]}`,
		ecosystem, name))
}

// succeeds performs the service's job, and fails the test when a step fails.
func (c *change) succeeds(t *testing.T, service example.Service) {
	t.Helper()
	if step := c.perform(t, service); step != "" {
		t.Fatalf("the step %q should have succeeded", step)
	}
}

// fails performs the service's job until a step fails, and returns that step's name.
func (c *change) fails(t *testing.T, service example.Service) (step string) {
	t.Helper()
	step = c.perform(t, service)
	require.NotEmpty(t, step, "a step should have failed")
	return step
}

// perform performs the steps of the service's job as GitHub does, and returns the name of the one that fails.
func (c *change) perform(t *testing.T, service example.Service) (failed string) {
	t.Helper()
	for _, used := range slices.Concat(service.Bases, []image.Image{image.DockerfileFrontend, image.Busybox, image.OSVScanner}) {
		course.Ref(t, used)
	}
	require.True(t, c.begins(t), "%s of %s should begin the workflow", c.event, c.ref)
	job := c.workflow(t).Jobs["image"]
	require.Nil(t, job.If, "it should be performed always")
	require.Nil(t, job.Permissions, "it should have those that are said above all jobs")
	require.Nil(t, job.ContinueOnError)
	require.True(t, job.Strategy.FailFast != nil && !job.Strategy.FailFast.Value, "what fails in the job of another service should not end it")
	workflow := c.workflow(t)
	require.True(t, job.Defaults == nil && workflow.Defaults == nil, "each step should be performed as it says itself")
	require.True(t, workflow.Env == nil && workflow.Concurrency == nil && job.Concurrency == nil && job.Container == nil && job.Needs == nil,
		"the lesson knows none of these")

	known := map[string]string{
		"secrets.GITHUB_TOKEN":        c.password,
		"github.event_name == 'push'": fmt.Sprint(c.event == "push"),
	}
	for _, combination := range job.Strategy.Matrix.Include.Combinations {
		if assigned(combination, "service") != service.Name {
			continue
		}
		for key := range combination.Assigns {
			known["matrix."+key] = assigned(combination, key)
		}
	}
	require.Equal(t, fmt.Sprintf("%s/Dockerfile.%d", service.Name, service.Last), known["matrix.dockerfile"], "it should be the last image that is deployed")
	evaluate := func(text string) string {
		return expression.ReplaceAllStringFunc(text, func(found string) string {
			value, ok := known[strings.TrimSpace(strings.Trim(found, "${}"))]
			require.True(t, ok, "the lesson doesn't know what %s is", found)
			return value
		})
	}

	variables := filepath.Join(course.HostDirectory(t), "variables") // which steps set for those after them
	require.NoError(t, os.WriteFile(variables, nil, 0o644))
	all := c.In(c.directory)
	for name, value := range map[string]string{
		"GITHUB_ENV": variables, "GITHUB_SHA": c.commit, "GITHUB_REF": c.ref, "GITHUB_REF_NAME": refName(c.ref),
		"GITHUB_REPOSITORY": c.repository, "GITHUB_ACTOR": "robot", "SCANNER_FLAGS": "--offline --verbosity error",
	} {
		all = all.With(name + "=" + value)
	}
	with := func(shell course.CLI, environment *actionlint.Env) course.CLI {
		if environment == nil {
			return shell
		}
		for _, variable := range environment.Vars {
			value := evaluate(variable.Value.Value)
			if variable.Name.Value == "REGISTRY" {
				require.Equal(t, "ghcr.io", value)
				value = c.registry.Address // in place of it
			}
			shell = shell.With(variable.Name.Value + "=" + value)
		}
		return shell
	}
	all = with(all, job.Env)
	require.Contains(t, job.Steps[0].Exec.(*actionlint.ExecAction).Uses.Value, "actions/checkout@", "what comes next needs the repository")
	for _, step := range job.Steps {
		if action, ok := step.Exec.(*actionlint.ExecAction); ok {
			require.True(t, step.If == nil && len(action.Inputs) == 0, "it should fetch what was pushed, always")
			course.Say(t, "%s is GitHub's own. It would fetch the repository, which is here.", action.Uses.Value)
			continue
		}
		if step.If != nil && evaluate("${{ "+step.If.Value+" }}") != "true" {
			course.Say(t, "Step %s is left out, because this is not so: %s", step.Name.Value, step.If.Value)
			c.leftOut = append(c.leftOut, step.Name.Value)
			continue
		}
		course.Say(t, "Step %s, for %s:", step.Name.Value, service.Name)
		require.Nil(t, step.ContinueOnError, "the server should not go on when it fails")
		run := step.Exec.(*actionlint.ExecRun)
		require.True(t, run.Shell == nil && run.WorkingDirectory == nil, "the lesson performs it with the usual shell, at the repository's top")
		shell := all
		told, err := os.ReadFile(variables)
		require.NoError(t, err)
		for variable := range strings.Lines(string(told)) {
			shell = shell.With(strings.TrimSpace(variable))
		}
		shell = with(shell, step.Env) // which later steps have not
		if shell.ScriptTries(t, run.Run.Value).ExitCode != 0 {
			return step.Name.Value
		}
		if step.Name.Value == "Save" {
			osv.Readable(t, filepath.Join(c.directory, "image.tar"))
		}
	}
	return ""
}

func (c *change) workflow(t *testing.T) *actionlint.Workflow {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(c.directory, "module11", "workflow.yaml"))
	require.NoError(t, err)
	return parse(t, string(content))
}

func parse(t *testing.T, content string) *actionlint.Workflow {
	t.Helper()
	workflow, mistakes := actionlint.Parse([]byte(content))
	require.Empty(t, mistakes)
	return workflow
}

// begins tells whether the change makes the server perform the workflow: what it is has to be among the events below `on`, and
// of a push, the branch or tag, too.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
func (c *change) begins(t *testing.T) bool {
	t.Helper()
	for _, event := range c.workflow(t).On {
		on, ok := event.(*actionlint.WebhookEvent)
		if !ok || on.Hook.Value != c.event {
			continue
		}
		for _, filter := range []*actionlint.WebhookEventFilter{on.BranchesIgnore, on.TagsIgnore, on.Paths, on.PathsIgnore} {
			require.True(t, filter.IsEmpty(), "the lesson knows of branches and tags only")
		}
		require.Empty(t, on.Types, "the lesson knows of branches and tags only")
		if c.event != "push" {
			require.True(t, on.Branches.IsEmpty(), "a pull request should begin it whatever its branch is")
			return true
		}
		patterns := on.Branches
		if strings.HasPrefix(c.ref, "refs/tags/") {
			patterns = on.Tags
		}
		return !patterns.IsEmpty() && slices.ContainsFunc(patterns.Values, func(pattern *actionlint.String) bool {
			matches, err := path.Match(pattern.Value, refName(c.ref))
			require.NoError(t, err)
			return matches
		})
	}
	return false
}

// refName is a ref without what says of which kind it is: main, v1.2.3, or of a pull request 7/merge.
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables
func refName(ref string) string { return strings.SplitN(ref, "/", 3)[2] }

// assigned is what a combination of the matrix says of a key.
func assigned(combination *actionlint.MatrixCombination, key string) string {
	return combination.Assigns[key].Value.(*actionlint.RawYAMLString).Value
}

// expression is what GitHub replaces in a workflow.
var expression = regexp.MustCompile(`\$\{\{[^}]+\}\}`)
