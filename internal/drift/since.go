package drift

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"docker-proven/internal/proof"
)

// held is with what a claim held last.
type held struct {
	When   time.Time     `json:"when"`
	Engine string        `json:"engine"`
	Images []proof.Image `json:"images"`
}

// Since tells which claims broke in a run, on which image, and since which digest: what each claim held with last is
// remembered in a file, from one run to the next.
func Since(w io.Writer, run Run, file string) error {
	memory := map[string]held{}
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &memory)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s does not tell what claims held with: %w; remove it to begin anew", file, err)
	}
	overview(w, []Run{run})
	found := failures{header: []string{"claim", run.Label, "held last"}}
	var noLonger []string
	for _, c := range claimsOf([]Run{run}) {
		before, known := memory[c.String()]
		now := surroundings{c.in[0].Images, engineOf(run)}
		switch c.in[0].Verdict {
		case proof.Proven:
			memory[c.String()] = held{run.Ended, now.engine, now.images}
		case proof.NotProvable:
			if known {
				noLonger = append(noLonger, fmt.Sprintf("%s: %s (it was proven on %s)", c, c.in[0].Why(), day(before.When)))
			}
		default:
			last, then := "never seen to hold", surroundings{nil, now.engine}
			if known {
				last, then = day(before.When), surroundings{before.Images, before.Engine}
			}
			found.add([]string{c.String(), c.verdict(0), last}, then, now, fmt.Sprintf("%s: %s", c, c.in[0].Why()))
		}
	}
	found.trouble(run)
	found.write(w)
	list(w, "## Claims that are no longer provable here", noLonger)
	images(w, []Run{run})

	if content, err = json.MarshalIndent(memory, "", " "); err == nil {
		err = os.WriteFile(file, content, 0o644)
	}
	return err
}

func day(t time.Time) string { return t.Format(time.DateOnly) }
