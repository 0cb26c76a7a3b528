// Package bench measures how fast the course is, and how fast it could be at best on the same engine: it has the tests
// performed, counts by the engine's events what they make, and compares the time they take with the time in which that
// engine could start and remove as many containers.
package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"docker-proven/internal/engine"
	"docker-proven/internal/image"
	"docker-proven/internal/proof"
	"docker-proven/internal/session"
)

// Run measures the tests that args choose, as proof.Run does, and writes a report to out and to a file in the directory
// given, which is named after what was measured. With naive it has them performed a second time, one at a time and with
// containers stopped as `docker stop` does it by default. The exit code is that of the tests, or 1.
func Run(ctx context.Context, args []string, naive bool, directory string, out io.Writer) int {
	measured, code, err := measure(ctx, args, naive, out)
	if err == nil {
		fmt.Fprintf(out, "\n%s", measured)
		file := filepath.Join(directory, name(args)+".md")
		if err = os.MkdirAll(directory, 0o755); err == nil {
			err = os.WriteFile(file, []byte(measured.String()), 0o644)
		}
		if err == nil {
			fmt.Fprintf(out, "\nThis report is in %s, too.\n", file)
		}
	}
	if err != nil {
		fmt.Fprintln(out, err)
		return max(code, 1)
	}
	return code
}

func measure(ctx context.Context, args []string, naive bool, out io.Writer) (r report, code int, err error) {
	docker, facts, err := engine.Connect(ctx)
	if err != nil {
		return r, 1, err
	}
	defer docker.Close()
	busybox, err := image.Obtain(ctx, image.Busybox.Ref(), out)
	if err != nil {
		return r, 1, err
	}
	r = report{args: args, date: time.Now(), processors: runtime.NumCPU(), engine: facts, images: image.Choice()}
	fmt.Fprintln(out, "The engine's ceiling: how many containers it starts and removes in a second …")
	if r.before, err = ceiling(ctx, docker, busybox.Ref); err != nil {
		return r, 1, err
	}
	if r.run, code, err = performed(ctx, docker, args, out); err != nil || ctx.Err() != nil {
		return r, code, cutOff(err)
	}
	// Others may have used the engine the first time: the ceiling is the highest it was seen to reach.
	best := highest(r.before)
	again, err := level(ctx, docker, busybox.Ref, best.parallel)
	if err != nil {
		return r, 1, err
	}
	r.after = again
	if naive {
		fmt.Fprintln(out, "\nThe same the naive way: one at a time, and with grace for every container …")
		os.Setenv("COURSE_NAIVE", "1")
		defer os.Unsetenv("COURSE_NAIVE")
		one, naiveCode, err := performed(ctx, docker, append([]string{"-p=1", "-parallel=1"}, args...), out)
		code = max(code, naiveCode)
		if err != nil || ctx.Err() != nil {
			return r, code, cutOff(err)
		}
		r.naive = &one
	}
	return r, code, nil
}

func cutOff(err error) error {
	if err == nil {
		err = fmt.Errorf("interrupted: nothing was measured to its end")
	}
	return err
}

// A performance is a run of the tests, and what was seen of it.
type performance struct {
	took     time.Duration // as a person waits, compiling included
	compiled time.Duration // until the first package started
	made     map[string]*tally
	others   int // containers that were made on the engine meanwhile, and not by the tests
	memory   peak
	recorded proof.Recorded
}

// name is the name of what args choose, for a file.
func name(args []string) string {
	var words []string
	for _, arg := range args {
		if word := strings.Trim(arg, "./"); word != "" {
			words = append(words, strings.Map(func(r rune) rune {
				if strings.ContainsRune(`/\:*?"<>|^$ `, r) {
					return '_'
				}
				return r
			}, word))
		}
	}
	if len(words) == 0 {
		return "course"
	}
	return strings.Join(words, "_")
}

// performed has the tests performed, and watches.
func performed(ctx context.Context, docker events, args []string, out io.Writer) (p performance, code int, err error) {
	kept, err := os.CreateTemp("", "docker-proven-bench-*.json")
	if err != nil {
		return p, 1, err
	}
	defer os.Remove(kept.Name())
	defer kept.Close()

	ours := session.New()
	words := strings.SplitN(ours.Environment(), "=", 2)
	os.Setenv(words[0], words[1])
	defer os.Unsetenv(words[0])
	counted := count(ctx, docker, ours)
	sampled := sample(ctx, ours)
	began := time.Now()
	code = proof.Run(ctx, args, out, kept)
	p.took = time.Since(began)
	p.memory = sampled()
	if p.made, p.others, err = counted(); err != nil {
		return p, code, err
	}
	if _, err = kept.Seek(0, io.SeekStart); err != nil {
		return p, code, err
	}
	if p.recorded, err = proof.Read(kept); err != nil {
		return p, code, err
	}
	p.compiled = p.recorded.Began.Sub(began)
	return p, code, nil
}
