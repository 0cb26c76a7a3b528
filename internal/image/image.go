// Package image declares every image the course uses, and obtains it: an image that is present is used as it
// is, one that is not is pulled, and only where no registry can be reached a stand-in is built in its place.
// A registry that answers "no" is never papered over, because then the course material is broken.
package image

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	imagetypes "github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"docker-proven/internal/engine"
	"docker-proven/internal/lock"
	"docker-proven/internal/pipe"
	"docker-proven/internal/standin"
)

// An Image is one of the course's images under its two references.
type Image struct {
	Name        string // what containers of it are called: the last word of its repository
	Pinned      string // the reference the lessons name
	Current     string // the reference a learner gets today
	Interactive bool   // its own command is a shell or a REPL, which ends at once unless its standard input stays open
}

// Choice is the word by which COURSE_IMAGES chooses: pinned or current.
func Choice() string { return cmp.Or(os.Getenv("COURSE_IMAGES"), "pinned") }

// Ref is the reference that COURSE_IMAGES chooses: the pinned one unless it says "current".
func (i Image) Ref() string {
	if Choice() == "current" {
		return i.Current
	}
	return i.Pinned
}

// CheckSettings tells whether the course's own variables hold words that mean something.
func CheckSettings() error {
	errs := []error{
		oneOf("COURSE_IMAGES", "pinned", "current"),
		oneOf("COURSE_STANDINS", "auto", "never", "always"),
	}
	for _, variable := range []string{"COURSE_KEEP", "COURSE_NAIVE", "COURSE_README", "COURSE_PICTURES", "COURSE_DEBUG"} {
		if value := os.Getenv(variable); value != "" && value != "1" {
			errs = append(errs, fmt.Errorf("%s=%q means nothing to the course: set it to 1, or unset it", variable, value))
		}
	}
	return errors.Join(errs...)
}

func oneOf(variable string, words ...string) error {
	value := os.Getenv(variable)
	if value == "" || slices.Contains(words, value) {
		return nil
	}
	return fmt.Errorf("%s=%q means nothing to the course: set it to one of %s, or unset it for %s",
		variable, value, strings.Join(words, ", "), words[0])
}

// Facts say which image a reference stood for in a run.
type Facts struct {
	Ref    string
	Digest string // "sha256:…": the registry's digest of a pulled image, else the image's id
	Origin string // "pulled", "local", "pulled or local" where the engine doesn't tell, or "stand-in built here from …"

	outdated bool // a stand-in that was built by another recipe than the one that the course has now
}

// IsStandIn is whether the image was built here in place of the original.
func (f Facts) IsStandIn() bool { return strings.HasPrefix(f.Origin, "stand-in") }

func (f Facts) String() string { return f.Ref + " " + f.Digest + " " + f.Origin }

// An UnavailableError says that an image can't be had here: no registry is reached, and there is no stand-in
// or COURSE_STANDINS rules it out. It is about this machine, not about the image.
type UnavailableError struct {
	Ref   string
	Cause error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%s is not here, and its registry can't be reached or breaks off (%v); "+
		"run the same command again when it can be", e.Ref, e.Cause)
}

func (e *UnavailableError) Unwrap() error { return e.Cause }

var obtained sync.Map // reference → func() (Facts, error), so that a process asks for each image once

// Obtain makes sure that the engine has ref, and says which image that is. Progress of a pull or a build goes
// to progress, a line at a time. Many goroutines and processes may ask for the same image at once.
func Obtain(ctx context.Context, ref string, progress io.Writer) (Facts, error) {
	once, _ := obtained.LoadOrStore(ref, sync.OnceValues(func() (Facts, error) {
		return obtain(ctx, ref, progress)
	}))
	return once.(func() (Facts, error))()
}

func obtain(ctx context.Context, ref string, progress io.Writer) (Facts, error) {
	choice := os.Getenv("COURSE_STANDINS")
	if lender := os.Getenv(engine.Learners); lender != "" {
		facts, err := borrow(ctx, lender, ref, progress)
		if err == nil && usable(facts, choice) || err != nil && !errdefs.IsNotFound(err) {
			return facts, err
		}
	}
	facts, err := Inspect(ctx, ref)
	if err == nil && usable(facts, choice) {
		return facts, nil
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return Facts{}, err
	}

	release, lockError := hold(ctx, ref, progress)
	if lockError != nil {
		return Facts{}, lockError
	}
	defer release()
	facts, err = Inspect(ctx, ref)
	if err == nil { // another process may have got it while this one waited
		if usable(facts, choice) {
			return facts, nil
		}
		if choice == "always" && !facts.IsStandIn() {
			return Facts{}, fmt.Errorf("COURSE_STANDINS=always, but %s is here as the original, and the course "+
				"does not replace what is yours: remove it with `docker image rm %s`, or unset COURSE_STANDINS", ref, ref)
		}
	}

	if choice != "never" && facts.outdated {
		fmt.Fprintf(progress, "%s: the recipe of its stand-in has changed since that was built\n", ref)
	} else if choice == "always" {
		if !standin.Has(ref) {
			return Facts{}, &UnavailableError{ref, errors.New("COURSE_STANDINS=always forbids to ask it, and there is no stand-in")}
		}
	} else if err := pull(ctx, ref, progress); err == nil {
		return Inspect(ctx, ref)
	} else if ctx.Err() != nil {
		return Facts{}, fmt.Errorf("getting %s: %w", ref, context.Cause(ctx))
	} else if !unreachable(err) {
		return Facts{}, refused(ref, err)
	} else if choice == "never" || !standin.Has(ref) {
		return Facts{}, &UnavailableError{ref, err}
	}
	if os.Getenv(engine.Learners) != "" {
		return Facts{}, &UnavailableError{ref, errors.New("a stand-in is built on your own engine: run `make images`")}
	}
	if err := standin.Build(ctx, ref, progress); err != nil {
		return Facts{}, err
	}
	if facts.outdated {
		remove(ctx, facts.Digest) // it has lost its name
	}
	return Inspect(ctx, ref)
}

// hold takes the turn at getting an image.
func hold(ctx context.Context, ref string, progress io.Writer) (release func(), err error) {
	return lock.Hold(ctx, "image "+ref, func() {
		fmt.Fprintf(progress, "%s is just being got by another run of the course, which is waited for\n", ref)
	})
}

// remove removes an image that has no name, unless somebody uses it: then it stays until it is pruned.
func remove(ctx context.Context, id string) {
	if docker, err := client.New(client.FromEnv); err == nil {
		defer docker.Close()
		_, _ = docker.ImageRemove(ctx, id, client.ImageRemoveOptions{PruneChildren: true})
	}
}

// usable is whether an image that is present may serve under COURSE_STANDINS.
func usable(present Facts, choice string) bool {
	if present.outdated {
		return false
	}
	switch choice {
	case "never":
		return !present.IsStandIn()
	case "always":
		return present.IsStandIn() || !standin.Has(present.Ref)
	}
	return true
}

// borrow makes sure that the engine has what the learner's engine has under ref, and says which image that is there: an engine
// to which an image is handed over doesn't know its registry's digest.
func borrow(ctx context.Context, lender, ref string, progress io.Writer) (Facts, error) {
	facts, err := inspect(ctx, ref, client.WithHost(lender))
	if err != nil {
		return Facts{}, err
	}
	release, err := hold(ctx, ref, progress)
	if err != nil {
		return Facts{}, err
	}
	defer release()
	if _, err := Inspect(ctx, ref); !errdefs.IsNotFound(err) {
		return facts, err
	}
	fmt.Fprintf(progress, "%s is handed over by your own engine\n", ref)
	save := exec.CommandContext(ctx, "docker", "--host", lender, "save", ref)
	load := exec.CommandContext(ctx, "docker", "load", "--quiet")
	if err := pipe.Run(save, load); err != nil {
		return Facts{}, fmt.Errorf("handing over %s failed: %w", ref, err)
	}
	return facts, nil
}

// Inspect says which image the engine has under ref; errdefs.IsNotFound tells when it has none.
func Inspect(ctx context.Context, ref string) (Facts, error) {
	return inspect(ctx, ref, client.FromEnv)
}

func inspect(ctx context.Context, ref string, at client.Opt) (Facts, error) {
	docker, err := client.New(at)
	if err != nil {
		return Facts{}, err
	}
	defer docker.Close()
	found, err := docker.ImageInspect(ctx, ref)
	if err != nil {
		return Facts{}, err
	}
	facts := Facts{Ref: ref, Digest: found.ID, Origin: "local"}
	for _, digest := range found.RepoDigests {
		if _, sum, ok := strings.Cut(digest, "@"); ok {
			facts.Digest, facts.Origin = sum, "pulled"
		}
	}
	if found.Descriptor != nil {
		facts.Origin = origin(found.Identity)
	}
	if found.Config != nil && found.Config.Labels[standin.Label] != "" {
		facts.Origin = "stand-in built here from " + found.Config.Labels[standin.Label]
		facts.outdated = standin.Has(ref) && found.Config.Labels[standin.RecipeLabel] != standin.Recipe(ref)
	}
	return facts, nil
}

// origin is where an image in the containerd store is from. There, images that were built have a digest, too; but from
// Docker 29 on, an engine tells where it pulled an image from, and to where it pushed one that it has built.
func origin(told *imagetypes.Identity) string {
	switch {
	case told == nil:
		return "pulled or local"
	case len(told.Pull) > 0 && len(told.Build) == 0:
		return "pulled"
	default:
		return "local"
	}
}

// pull uses the command line, because that is where the learner's registry credentials work.
func pull(ctx context.Context, ref string, progress io.Writer) error {
	fmt.Fprintf(progress, "%s is not here yet: docker pull %s\n", ref, ref)
	command := exec.CommandContext(ctx, "docker", "pull", ref)
	var complaint strings.Builder
	command.Stderr = &complaint
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(output); lines.Scan(); { // several images may be pulled at once: say which
		fmt.Fprintf(progress, "%s: %s\n", ref, lines.Text())
	}
	if err := command.Wait(); err != nil && complaint.Len() > 0 {
		return errors.New(strings.TrimSpace(complaint.String()))
	} else if err != nil {
		return err
	}
	return nil
}

// Phrases of Go's network and TLS packages, in which the engine reports that it got no answer from a registry.
var noAnswer = regexp.MustCompile(`(?i)no such host|connection refused|connection reset|i/o timeout|` +
	`network is unreachable|no route to host|TLS handshake timeout|server misbehaving|` +
	`context deadline exceeded|Client\.Timeout|proxyconnect|failure in name resolution|x509:|\bEOF\b`)

func unreachable(err error) bool { return noAnswer.MatchString(err.Error()) }

// Words by which a pull says why it failed although the registry answers, and what to tell the reader about it: the first
// that match count. The reference goes before the cause.
var refusals = []struct {
	words    *regexp.Regexp
	advice   string
	registry bool // whether it is the registry that refuses, and not this machine
}{
	{regexp.MustCompile(`error getting credentials`), "the docker command can't ask the program that keeps its passwords, and so can't " +
		"pull %s: %w; install that program, or take credsStore and credHelpers out of the docker command's config.json", false},
	{regexp.MustCompile(`(?i)no space left on device`), "the engine's disk is too full for %s: %w; make room, " +
		"`docker system df` tells what takes it, and run the same command again", false},
	{regexp.MustCompile(`(?i)toomanyrequests|\b429\b`), "the registry gives %s to nobody here for a while, after too many requests: " +
		"%w; log in with `docker login`, which raises the limit, or run the same command again later", true},
	{regexp.MustCompile(`(?i)unauthorized|authentication required|\b401\b`), "the registry gives %s only to those who log in: " +
		"%w; do so with `docker login`, or with `docker logout` if the login that is kept here is not valid any more", true},
	{regexp.MustCompile(`\b5\d\d (Internal|Bad|Service|Gateway)`), "the registry is in trouble itself, and can't give %s: " +
		"%w; run the same command again later", true},
	{regexp.MustCompile(``), "the registry refuses %s: %w; if this reference is gone, " +
		"the course needs another one in internal/image/declared.go", true},
}

// A RefusedError says that a registry answers, and doesn't give an image: others may be had.
type RefusedError struct{ error }

func (e *RefusedError) Unwrap() error { return e.error }

// refused is one sentence about a pull that failed although the registry answers.
func refused(ref string, cause error) error {
	for _, refusal := range refusals {
		if !refusal.words.MatchString(cause.Error()) {
			continue
		}
		advice := fmt.Errorf(refusal.advice, ref, cause)
		if refusal.registry {
			return &RefusedError{advice}
		}
		return advice
	}
	return cause
}

// RegistryServes asks the registry of ref, through the engine, whether it would serve it. The error is why not.
func RegistryServes(ctx context.Context, ref string) error {
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer docker.Close()
	_, err = docker.DistributionInspect(ctx, ref, client.DistributionInspectOptions{})
	return err
}

// ObtainAll obtains the images named, or all of them, several at a time. It reports every one that can't be had,
// which is an error unless nothing but a registry has it, and stand-ins that are no longer needed. For tests, what a registry
// refuses is no error either: they say it of each claim that needs the image, and the other claims are proven.
func ObtainAll(ctx context.Context, out io.Writer, forTests bool, names ...string) error {
	if err := CheckSettings(); err != nil {
		return err
	}
	if _, err := engine.Use(ctx); err != nil {
		return err
	}
	wanted := slices.DeleteFunc(slices.Concat(WithStandIn, WithoutStandIn), func(i Image) bool {
		return len(names) > 0 && !slices.Contains(names, i.Name)
	})
	for _, name := range names {
		if !slices.ContainsFunc(wanted, func(i Image) bool { return i.Name == name }) {
			return fmt.Errorf("the course has no image called %q", name)
		}
	}
	var (
		mutex    sync.Mutex
		problems []error
		standIns []string
		number   int
	)
	report := &oneAtATime{out: out}
	atWork := make(chan struct{}, 3) // more would wait for each other's packages and processors
	var all sync.WaitGroup
	for _, i := range wanted {
		atWork <- struct{}{}
		all.Go(func() {
			defer func() { <-atWork }()
			if ctx.Err() != nil {
				return
			}
			facts, err := Obtain(ctx, i.Ref(), report)
			mutex.Lock()
			defer mutex.Unlock()
			number++
			var unavailable *UnavailableError
			if errors.As(err, &unavailable) && !standin.Has(i.Ref()) && os.Getenv("COURSE_STANDINS") != "never" {
				fmt.Fprintf(report, "%2d of %d  %-24s not to be had here: what it would prove is skipped\n", number, len(wanted), i.Ref())
				return
			}
			var refused *RefusedError
			if forTests && (errors.As(err, &refused) || errors.As(err, &unavailable)) {
				fmt.Fprintf(report, "%2d of %d  %-24s can't be had, so that claims that need it will fail: %v\n", number, len(wanted), i.Ref(), err)
				return
			}
			if err != nil {
				problems = append(problems, err)
				return
			}
			if facts.IsStandIn() {
				standIns = append(standIns, facts.Ref)
			}
			fmt.Fprintf(report, "%2d of %d  %-24s %s\n", number, len(wanted), facts.Ref, facts.Origin)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted: what is complete stays, and the same command goes on from there")
	}
	if len(standIns) > 0 && os.Getenv("COURSE_STANDINS") != "always" {
		patient, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if RegistryServes(patient, standIns[0]) == nil {
			fmt.Fprintf(out, "The registry of %s can be reached, but of the images here %d are stand-ins from a time when theirs could not: "+
				"`make clean-standins` removes them, and then the originals are pulled.\n", standIns[0], len(standIns))
		}
	}
	return errors.Join(problems...)
}

// oneAtATime lets several goroutines write to one writer.
type oneAtATime struct {
	mutex sync.Mutex
	out   io.Writer
}

func (o *oneAtATime) Write(p []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.out.Write(p)
}
