// Package picture draws figures as bars, in an SVG file that a README can show.
//
// It is a template of its own, and not a library's plot, because of the text. gonum.org/v1/plot, which was tried,
// places text as wide as it is in one font, and names that font and no other. A reader who hasn't got it sees labels
// that run into the bars, unless the font comes along, and then a picture of 6 kB weighs a megabyte. Here the reader's
// browser sets the text in the font that it has: a label stands in a line of its own above its bar, and what follows a
// text begins where that text ends. The background is the picture's own, so it looks the same on a light page and on a
// dark one.
package picture

import (
	"bytes"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"
)

// A Sequence is a panel of the picture: bars under one heading. Its last bar stands out, as where the sequence leads.
type Sequence struct {
	Name string
	Bars []Bar
}

// A Bar is a value, which is not negative, and what it is the value of.
type Bar struct {
	Label string // "Dockerfile.3"
	Note  string // what there is to know about it, in a few words: "the workshop stays behind"; may be empty
	Value float64
}

// In pixels. Heights of text are in the template.
const (
	width   = 800
	margin  = 24
	inner   = width - 2*margin
	heading = 38 // from the top of a panel to its first bar
	pitch   = 39 // from a bar to the next one
	between = 10 // from the last bar of a panel to the next panel
	gap     = 8  // from the end of a bar to its value
)

// How wide a character of each text is on average, in pixels. Which font the reader has isn't known: this is for a wide
// one (DejaVu Sans), and a little more. The sizes are in the template too.
const (
	ofTitle   = 22 * 0.66
	ofName    = 15 * 0.66
	ofLabel   = 13 * 0.56
	ofValue   = 13 * 0.74 // digits and capitals
	ofCaption = 12 * 0.56
)

//go:embed bars.svg.tmpl
var source string

var svg = template.Must(template.New("bars").Funcs(template.FuncMap{"text": escaped}).Parse(source))

type line struct {
	Text string
	Y    int
}

type bar struct {
	Label, Note, Value string
	Length, End        string
	Y                  int
	Last               bool
}

type panel struct {
	Name string
	Y    int
	Bars []bar
}

type picture struct {
	Title                        string
	Width, Height, Margin, Inner int
	TitleLines, CaptionLines     []line
	Panels                       []panel
}

// Bars draws a picture of the sequences, one below the other, all on the same scale, which begins at 0. The title
// stands above them; the caption, in small print, below. Each value is written as format has it. The same input gives
// the same picture. It is an error if there is nothing to draw, if a value is no length, or if a label with its note, a
// name or a value is too long for its line.
func Bars(title, caption string, format func(float64) string, sequences []Sequence) ([]byte, error) {
	room, largest, err := measure(format, sequences)
	if err != nil {
		return nil, err
	}
	titleLines, y := lines(title, margin-6, ofTitle, 28)
	y += 18
	drawn := picture{Title: title, TitleLines: titleLines, Width: width, Margin: margin, Inner: inner}
	for _, sequence := range sequences {
		next := panel{Name: sequence.Name, Y: y}
		for n, b := range sequence.Bars {
			length := b.Value / largest * room
			next.Bars = append(next.Bars, bar{
				Label: b.Label, Note: b.Note, Value: format(b.Value),
				Length: pixels(length), End: pixels(length + gap),
				Y: heading + n*pitch, Last: n == len(sequence.Bars)-1,
			})
		}
		drawn.Panels = append(drawn.Panels, next)
		y += heading + len(sequence.Bars)*pitch + between
	}
	drawn.CaptionLines, y = lines(caption, y, ofCaption, 17)
	drawn.Height = y + margin - 6

	var out bytes.Buffer
	if err := svg.Execute(&out, drawn); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// measure finds the largest value (1 if all are 0) and the room for its bar, which is what the values' texts, behind
// the bars, leave of a line. The error says what can't be drawn.
func measure(format func(float64) string, sequences []Sequence) (room, largest float64, err error) {
	if len(sequences) == 0 {
		return 0, 0, errors.New("no sequences to draw")
	}
	var widest float64
	for _, sequence := range sequences {
		if len(sequence.Bars) == 0 {
			return 0, 0, fmt.Errorf("%s: no bars to draw", sequence.Name)
		}
		if extent(sequence.Name, ofName) > inner {
			return 0, 0, fmt.Errorf("too long for a line: %q", sequence.Name)
		}
		for _, b := range sequence.Bars {
			if b.Value < 0 || math.IsNaN(b.Value) || math.IsInf(b.Value, 0) {
				return 0, 0, fmt.Errorf("%s: %s: no bar can be %v long", sequence.Name, b.Label, b.Value)
			}
			if extent(b.Label+"  "+b.Note, ofLabel) > inner {
				return 0, 0, fmt.Errorf("%s: too long for a line: %q", sequence.Name, b.Label+" "+b.Note)
			}
			largest = max(largest, b.Value)
			widest = max(widest, extent(format(b.Value), ofValue))
		}
	}
	if widest > inner/2 {
		return 0, 0, errors.New("the values are too long to be written behind their bars")
	}
	if largest == 0 {
		largest = 1
	}
	return inner - gap - widest, largest, nil
}

// lines breaks a text into lines, one every step pixels below y. It says where the last one is.
func lines(text string, y int, character float64, step int) (broken []line, end int) {
	var current string
	for _, word := range strings.Fields(text) {
		if current != "" && extent(current+" "+word, character) > inner {
			y += step
			broken = append(broken, line{current, y})
			current = ""
		}
		current = strings.TrimPrefix(current+" "+word, " ")
	}
	if current != "" {
		y += step
		broken = append(broken, line{current, y})
	}
	return broken, y
}

// extent is about how wide a text is, in pixels.
func extent(text string, character float64) float64 {
	return character * float64(utf8.RuneCountInString(text))
}

func pixels(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }

func escaped(text string) (string, error) {
	var out strings.Builder
	err := xml.EscapeText(&out, []byte(text))
	return out.String(), err
}
