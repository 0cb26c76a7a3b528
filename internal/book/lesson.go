package book

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A lesson is what the files of a module say.
type lesson struct {
	name     string // module04
	title    string
	readme   string // without its title
	about    string // what the package says of itself
	sections []section
	shared   []*declaration // what experiments use, and more than one of them does
}

// A section is a file of claims.
type section struct {
	file, title string
	claims      []*experiment
}

// An experiment is a test as it is written.
type experiment struct {
	declaration
	own    []*declaration // what it alone uses
	shared []*declaration // what others use, too
}

// A declaration is a part of a file that stands on its own.
type declaration struct {
	names    []string
	doc      string
	segments []segment
	uses     []string // names that it mentions and doesn't declare itself
	table    bool     // whether it is a variable's content
}

// A segment is some code and the comment that stands before it.
type segment struct{ comment, code string }

var (
	moduleName   = regexp.MustCompile(`^module\d\d$`)
	readmeTitle  = regexp.MustCompile(`(?m)\A\s*# (.+)\n`)
	sectionTitle = regexp.MustCompile(`(?m)^\*\*(.+)\*\* \(\[(\w+_test\.go)\]`)
)

// readLessons reads the lessons of the repository at root, in order.
func readLessons(root string) ([]lesson, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var lessons []lesson
	for _, entry := range entries {
		if !entry.IsDir() || !moduleName.MatchString(entry.Name()) {
			continue
		}
		l, err := readLesson(filepath.Join(root, entry.Name()))
		if err != nil {
			return nil, err
		}
		lessons = append(lessons, l)
	}
	if len(lessons) == 0 {
		return nil, fmt.Errorf("%s has no lesson: make the book in the directory of the course", root)
	}
	return lessons, nil
}

func readLesson(directory string) (lesson, error) {
	l := lesson{name: filepath.Base(directory)}
	readme, err := os.ReadFile(filepath.Join(directory, "README.md"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a lesson that is being written may not have one yet
		return lesson{}, err
	}
	l.readme = string(readme)
	titles := map[string]string{}
	for _, found := range sectionTitle.FindAllStringSubmatch(l.readme, -1) {
		titles[found[2]] = found[1]
	}

	files, err := filepath.Glob(filepath.Join(directory, "*_test.go"))
	if err != nil {
		return lesson{}, err
	}
	declared := map[string]*declaration{}
	for _, path := range files {
		file := filepath.Base(path)
		claims, others, about, err := readFile(path)
		if err != nil {
			return lesson{}, err
		}
		if about != "" {
			l.about = about
		}
		for _, other := range others {
			for _, name := range other.names {
				declared[name] = other
			}
		}
		if len(claims) > 0 {
			title := titles[file]
			if title == "" {
				title = wordsOf(file)
			}
			l.sections = append(l.sections, section{file, title, claims})
		}
	}
	if title := readmeTitle.FindStringSubmatch(l.readme); title != nil {
		l.title = title[1]
		l.readme = strings.TrimPrefix(l.readme, title[0])
	} else if _, subject, found := strings.Cut(l.about, "is the lesson on "); found {
		subject, _, _ = strings.Cut(subject, ":")
		subject, _, _ = strings.Cut(subject, ".")
		l.title = strings.ToUpper(subject[:1]) + subject[1:]
	} else {
		l.title = l.name
	}
	l.distribute(declared)
	return l, nil
}

// wordsOf turns 2_persistence_test.go into "Persistence".
func wordsOf(file string) string {
	words := strings.TrimLeft(strings.TrimSuffix(file, "_test.go"), "0123456789_")
	if words == "" {
		return file
	}
	return strings.ToUpper(words[:1]) + strings.ReplaceAll(words[1:], "_", " ")
}

// distribute gives each claim what its experiment uses of the package. What it alone uses is shown with it, and so is
// a table, with the first experiment that is made of it. What several use is shown once for all.
func (l *lesson) distribute(declared map[string]*declaration) {
	users := map[*declaration]int{}
	used := map[*experiment][]*declaration{}
	for _, claim := range l.experiments() {
		seen := map[*declaration]bool{}
		follow(claim.uses, declared, seen)
		for _, name := range slices.Sorted(maps.Keys(declared)) {
			if other := declared[name]; seen[other] {
				delete(seen, other)
				users[other]++
				used[claim] = append(used[claim], other)
			}
		}
	}
	placed := map[*declaration]bool{}
	for _, claim := range l.experiments() {
		for _, other := range used[claim] {
			direct := slices.ContainsFunc(other.names, func(name string) bool { return slices.Contains(claim.uses, name) })
			switch {
			case users[other] == 1, other.table && direct && !placed[other]:
				claim.own = append(claim.own, other)
				placed[other] = true
				continue
			case !placed[other]:
				l.shared = append(l.shared, other)
				placed[other] = true
			}
			claim.shared = append(claim.shared, other)
		}
	}
}

func (l *lesson) experiments() []*experiment {
	var all []*experiment
	for _, s := range l.sections {
		all = append(all, s.claims...)
	}
	return all
}

func follow(names []string, declared map[string]*declaration, seen map[*declaration]bool) {
	for _, name := range names {
		if d, found := declared[name]; found && !seen[d] {
			seen[d] = true
			follow(d.uses, declared, seen)
		}
	}
}

// readFile reads the tests of a file, and what else it declares.
func readFile(path string) (claims []*experiment, others []*declaration, about string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, "", err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, "", err
	}
	r := reader{content: string(content), files: files, file: file}
	types := map[string]*declaration{}
	var methods []*ast.FuncDecl
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Recv != nil:
				methods = append(methods, d)
			case d.Name.Name == "TestMain":
			case strings.HasPrefix(d.Name.Name, "Test"):
				claims = append(claims, &experiment{declaration: r.declaration(d, d.Doc, d.Name.Name)})
			default:
				other := r.declaration(d, d.Doc, d.Name.Name)
				others = append(others, &other)
			}
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			other := r.declaration(d, d.Doc, namesIn(d)...)
			other.table = d.Tok == token.VAR
			others = append(others, &other)
			for _, name := range other.names {
				types[name] = &other
			}
		}
	}
	for _, method := range methods { // a type's methods belong to it
		if t := types[receiver(method)]; t != nil {
			m := r.declaration(method, method.Doc, method.Name.Name)
			m.segments[0].comment = m.doc
			m.segments[0].code = "\n" + m.segments[0].code
			t.segments = append(t.segments, m.segments...)
			t.uses = append(t.uses, m.uses...)
		}
	}
	return claims, others, file.Doc.Text(), nil
}

func namesIn(d *ast.GenDecl) (names []string) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			names = append(names, spec.Name.Name)
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

func receiver(method *ast.FuncDecl) (name string) {
	ast.Inspect(method.Recv.List[0].Type, func(node ast.Node) bool {
		if identifier, ok := node.(*ast.Ident); ok && name == "" {
			name = identifier.Name
		}
		return true
	})
	return name
}

// A reader takes declarations out of a file.
type reader struct {
	content string
	files   *token.FileSet
	file    *ast.File
}

func (r reader) offset(at token.Pos) int { return r.files.Position(at).Offset }

func (r reader) declaration(node ast.Node, doc *ast.CommentGroup, names ...string) declaration {
	start := node.Pos()
	if doc != nil {
		start = r.files.File(node.Pos()).Pos(r.offset(doc.End()) + 1)
	}
	return declaration{names: names, doc: doc.Text(), segments: r.segments(start, node.End()), uses: uses(node)}
}

// segments parts code where a comment has lines of its own.
func (r reader) segments(start, end token.Pos) []segment {
	var segments []segment
	current := segment{}
	from := r.offset(start)
	for _, group := range r.file.Comments {
		if group.Pos() < start || group.End() > end {
			continue
		}
		at := r.offset(group.Pos())
		line := strings.LastIndexByte(r.content[:at], '\n') + 1
		if strings.TrimSpace(r.content[line:at]) != "" {
			continue // it stands behind code
		}
		current.code = r.content[from:line]
		if current != (segment{}) {
			segments = append(segments, current)
		}
		current = segment{comment: group.Text()}
		from = min(r.offset(group.End())+1, r.offset(end))
	}
	current.code = r.content[from:r.offset(end)]
	return append(segments, current)
}

// uses is the names that a declaration mentions, without those that it declares itself. The parser doesn't know which
// of two things of one name is meant; the names of lessons are clear enough.
func uses(node ast.Node) []string {
	mentioned, local := map[string]bool{}, map[string]bool{}
	declare := func(expressions ...ast.Expr) {
		for _, e := range expressions {
			if identifier, ok := e.(*ast.Ident); ok {
				local[identifier.Name] = true
			}
		}
	}
	var visit func(ast.Node) bool
	visit = func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectorExpr:
			ast.Inspect(n.X, visit) // and not the name behind the dot
			return false
		case *ast.Ident:
			mentioned[n.Name] = true
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				declare(n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				declare(n.Key, n.Value)
			}
		case *ast.Field:
			for _, name := range n.Names {
				local[name.Name] = true
			}
		}
		return true
	}
	ast.Inspect(node, visit)
	for name := range local {
		delete(mentioned, name)
	}
	return slices.Sorted(maps.Keys(mentioned))
}
