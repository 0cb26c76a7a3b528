package proof

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// few is how many failures may be an accident.
const few = 10

// Prove is Run, and performs the tests that failed once more, alone and one after the other: a statement that isn't true any
// more fails again, and one for which the machine was too busy, with the other tests, holds. Of that kept says nothing. When
// more failed than a few tests, or something else, as a package that does not compile, nothing is performed again.
//
// Not all of that is the lessons' to mend. An engine whose processors are taken may lose all that a short-lived container has
// printed, in docker run and in docker logs, with an exit status of 0: when the container ends, containerd's client (client/task.go,
// Delete) gives up those of its output's pipes that the engine hasn't finished opening. (Docker 26 and 28 do so each time when that
// is delayed on purpose.)
//
// The result is an exit code as of Run: of the second performance, if there was one.
func Prove(ctx context.Context, args []string, out, kept io.Writer) int {
	report, code := perform(ctx, args, out, kept)
	if code != 1 {
		return code
	}
	return again(ctx, report.recorded(), args, out)
}

// again performs once more what failed in the run with these arguments. It returns 1 if that is not to be done.
func again(ctx context.Context, run Recorded, args []string, out io.Writer) int {
	var names, packages, failed []string
	for _, p := range run.Packages {
		if p.Trouble != "" || p.Unrun > 0 {
			return 1
		}
		for _, c := range p.Claims {
			switch c.Verdict {
			case Unfinished:
				return 1
			case Failed:
				names = append(names, regexp.QuoteMeta(c.Name))
				failed = append(failed, p.Name+" "+c.Name)
				if path := module + "/" + p.Name; !slices.Contains(packages, path) {
					packages = append(packages, path)
				}
			}
		}
	}
	if len(failed) == 0 || len(failed) > few {
		return 1
	}
	fmt.Fprintf(out, "\nWhat failed is performed once more, alone: the machine may have been too busy with the rest.\n\n")
	code := Run(ctx, alone(args, names, packages), out, io.Discard)
	switch code {
	case 0:
		fmt.Fprintf(out, "\nFailed beside others, and held alone:\n  %s\nWhat they printed when they failed is above.\n",
			strings.Join(failed, "\n  "))
	case 1:
		fmt.Fprintf(out, "\nWhat failed now has failed twice. All else that was proven is in the summary before this one.\n")
	}
	return code
}

// alone are the arguments for performing tests of these names (regular expressions) in these packages one after the other,
// and otherwise as a run with args.
func alone(args, names, packages []string) []string {
	return Packages(args, packages, "-p=1", "-parallel=1", "-run=^("+strings.Join(names, "|")+")$")
}
