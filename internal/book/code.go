package book

import (
	"html/template"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/alecthomas/chroma/v2/styles"
)

var (
	golang = chroma.Coalesce(lexers.Get("go"))
	// The page has a pre of its own around the code, in which long lines are broken.
	inClasses = html.New(html.WithClasses(true), html.PreventSurroundingPre(true))
)

// coloured is Go code as HTML.
func coloured(code string) (template.HTML, error) {
	code = strings.TrimRight(code, "\n \t")
	tokens, err := golang.Tokenise(nil, code)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if err := inClasses.Format(&out, styles.Fallback, tokens); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil
}

// colours is the style sheet of the colours. These two styles are made for readers who need much contrast.
func colours() (template.CSS, error) {
	var out strings.Builder
	if err := inClasses.WriteCSS(&out, styles.Get("modus-operandi")); err != nil {
		return "", err
	}
	out.WriteString("@media screen and (prefers-color-scheme: dark) {\n")
	if err := inClasses.WriteCSS(&out, styles.Get("modus-vivendi")); err != nil {
		return "", err
	}
	out.WriteString("}\n")
	return template.CSS(out.String()), nil
}
