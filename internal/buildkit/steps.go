// Package buildkit reads what BuildKit says about a build (`docker build --progress plain`): which steps there were,
// which of them it took from its cache, and what the others wrote.
package buildkit

import (
	"regexp"
	"strings"
)

// A Step is an instruction of a Dockerfile as BuildKit has carried it out.
type Step struct {
	Instruction string // "RUN go build …"
	Cached      bool   // nothing was done: the result of an earlier build was used
	Output      string // what the instruction's commands wrote
}

// As BuildKit has it: "#7 [build 3/5] RUN make", "#7 [ 3/15] RUN make", "#7 CACHED",
// "#7 0.532 what make wrote".
var (
	header  = regexp.MustCompile(`^#(\d+) \[[^]]*\d+/\d+\] (.+)$`)
	cached  = regexp.MustCompile(`^#(\d+) CACHED$`)
	written = regexp.MustCompile(`^#(\d+) \d+\.\d+ (.*)$`)
)

// Steps are the instructions that a build's progress reports, in the order in which it first names them.
func Steps(progress string) []Step {
	var steps []*Step
	byNumber := map[string]*Step{}
	for line := range strings.Lines(progress) {
		line = strings.TrimRight(line, "\r\n")
		if found := header.FindStringSubmatch(line); found != nil {
			if byNumber[found[1]] == nil { // it is named again whenever another step has written in between
				byNumber[found[1]] = &Step{Instruction: found[2]}
				steps = append(steps, byNumber[found[1]])
			}
		} else if found := cached.FindStringSubmatch(line); found != nil && byNumber[found[1]] != nil {
			byNumber[found[1]].Cached = true
		} else if found := written.FindStringSubmatch(line); found != nil && byNumber[found[1]] != nil {
			byNumber[found[1]].Output += found[2] + "\n"
		}
	}
	all := make([]Step, len(steps))
	for n, step := range steps {
		all[n] = *step
	}
	return all
}

// Find is the first step whose instruction contains text.
func Find(steps []Step, text string) (step Step, found bool) {
	for _, step := range steps {
		if strings.Contains(step.Instruction, text) {
			return step, true
		}
	}
	return Step{}, false
}
