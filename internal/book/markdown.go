package book

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"mime"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	chromahtml "github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/yuin/goldmark"
	highlighting "github.com/yuin/goldmark-highlighting/v2"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// prose renders comments: paragraphs, lists, indented examples and `words in quotes`, and nothing else of Markdown,
// because a comment's asterisks and underscores mean themselves.
var prose = goldmark.New(goldmark.WithParser(parser.NewParser(
	parser.WithBlockParsers(util.Prioritized(parser.NewListParser(), 300), util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500), util.Prioritized(parser.NewParagraphParser(), 1000)),
	parser.WithInlineParsers(util.Prioritized(parser.NewCodeSpanParser(), 100)),
)))

func comment(text string) (template.HTML, error) {
	var out bytes.Buffer
	err := prose.Convert([]byte(text), &out)
	return template.HTML(out.String()), err
}

// An introduction is what a lesson's README says before and after its list of claims, which the book has itself.
type introduction struct{ before, after template.HTML }

var claimsList = regexp.MustCompile(`(?s)\n## The claims\n.*?(\n## |\z)`)

// introduce renders the README of a lesson. Links to what is in the book, whose anchors are given, go there, and what is
// behind other relative links stays outside: the words are left, without the link.
func introduce(root string, l lesson, anchors map[string]bool) (introduction, error) {
	readme := []byte(l.readme)
	before, after := readme, []byte(nil)
	if at := claimsList.FindSubmatchIndex(readme); at != nil {
		before, after = readme[:at[0]], readme[at[2]:]
	}
	markdown := goldmark.New(
		goldmark.WithExtensions(extension.GFM, highlighting.NewHighlighting(
			highlighting.WithFormatOptions(chromahtml.WithClasses(true)))),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(),
			parser.WithASTTransformers(util.Prioritized(mender{root, l.name, anchors}, 1000))),
		// Pictures are SVG, too, which goldmark leaves out of what others have written. These are the course's own.
		goldmark.WithRendererOptions(html.WithUnsafe()),
	)
	render := func(part []byte) (template.HTML, error) {
		var out bytes.Buffer
		if err := markdown.Convert(part, &out); err != nil {
			return "", err
		}
		// A wide table is moved sideways in a frame, also by keyboard.
		framed := strings.NewReplacer("<table>", `<div class="wide" role="group" aria-label="Table" tabindex="0"><table>`,
			"</table>", "</table></div>").Replace(out.String())
		return template.HTML(framed), nil
	}
	var i introduction
	var err error
	if i.before, err = render(before); err == nil {
		i.after, err = render(after)
	}
	return i, err
}

// A mender makes a README fit into the book.
type mender struct {
	root, module string
	anchors      map[string]bool
}

func (m mender) Transform(document *ast.Document, source text.Reader, _ parser.Context) {
	var loose []ast.Node // links and pictures that lead nowhere
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := node.(type) {
		case *ast.Heading:
			node.Level = min(node.Level+1, 6) // the book's own are above
			if id, found := node.AttributeString("id"); found {
				node.SetAttributeString("id", []byte(m.module+"-about-"+string(id.([]byte))))
			}
		case *ast.Link:
			destination := m.link(string(node.Destination))
			if destination == "" {
				loose = append(loose, node)
			}
			node.Destination = []byte(destination)
		case *ast.Image:
			embedded, err := embed(filepath.Join(m.root, m.module, filepath.FromSlash(string(node.Destination))))
			if err != nil {
				loose = append(loose, node)
			}
			node.Destination = []byte(embedded)
		}
		return ast.WalkContinue, nil
	})
	for _, node := range loose {
		parent := node.Parent()
		for child := node.FirstChild(); child != nil; child = node.FirstChild() {
			parent.InsertBefore(parent, node, child)
		}
		parent.RemoveChild(parent, node)
	}
}

// link is where in the book a README's link leads, or elsewhere in the world, or nowhere.
func (m mender) link(destination string) string {
	at, err := url.Parse(destination)
	if err != nil {
		return ""
	}
	if at.Scheme != "" {
		return destination
	}
	target := path.Join(m.module, at.Path)
	module, file := path.Split(target)
	anchor := target
	switch {
	case file == "README.md":
		anchor = path.Clean(module)
	case strings.HasSuffix(file, "_test.go"):
		anchor = sectionAnchor(path.Clean(module), file)
	}
	if !m.anchors[anchor] {
		return ""
	}
	if at.Fragment != "" {
		anchor += "-about-" + at.Fragment
	}
	return "#" + anchor
}

// embed is a file as an address that holds its content.
func embed(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	kind := mime.TypeByExtension(filepath.Ext(file))
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(content), nil
}
