package picture

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var sequences = []Sequence{
	{Name: "api-golang", Bars: []Bar{
		{"Dockerfile.0", "it works", 652.4},
		{"Dockerfile.1", "the compiler remembers", 326.2},
		{"Dockerfile.2", "the workshop stays behind", 9.9},
	}},
	{Name: "api-node", Bars: []Bar{
		{"Dockerfile.0", "it works", 588},
		{"Dockerfile.1", "nobody in particular, and nothing in between", 231.4},
	}},
}

func megabytes(value float64) string { return fmt.Sprintf("%.1f MB", value) }

func TestEveryTextIsInThePicture(t *testing.T) {
	read := draw(t, "How large it is", "Measured on 2 processors", sequences)
	assert.Equal(t, []string{
		"How large it is",
		"api-golang",
		"Dockerfile.0", "it works", "652.4 MB",
		"Dockerfile.1", "the compiler remembers", "326.2 MB",
		"Dockerfile.2", "the workshop stays behind", "9.9 MB",
		"api-node",
		"Dockerfile.0", "it works", "588.0 MB",
		"Dockerfile.1", "nobody in particular, and nothing in between", "231.4 MB",
		"Measured on 2 processors",
	}, read.texts)
}

func TestBarsAreAsLongAsTheirValuesOnOneScale(t *testing.T) {
	read := draw(t, "", "", sequences)
	require.Len(t, read.lengths, 5)
	assert.Greater(t, read.lengths[0], inner*0.8, "the longest should make use of the width")
	for n, value := range []float64{652.4, 326.2, 9.9, 588, 231.4} {
		assert.InDelta(t, value/652.4, read.lengths[n]/read.lengths[0], 0.0001)
	}
}

func TestBarsLeaveRoomForTheirValues(t *testing.T) {
	for _, format := range []string{"%.0f", "%.1f MB", "%.6f megabytes"} {
		written := func(value float64) string { return fmt.Sprintf(format, value) }
		svg, err := Bars("", "", written, sequences)
		require.NoError(t, err)
		wide := 13 * 0.7 * float64(len(written(652.4))) // as a wide font has it
		assert.LessOrEqual(t, parse(t, svg).lengths[0]+wide, float64(inner), format)
	}
}

func TestTheLastBarOfEachSequenceStandsOut(t *testing.T) {
	assert.Equal(t, []bool{false, false, true, false, true}, draw(t, "", "", sequences).last)
}

func TestABarMayHaveNoLength(t *testing.T) {
	for _, other := range []float64{0, 20, math.SmallestNonzeroFloat64, math.MaxFloat64} {
		format := func(value float64) string { return fmt.Sprintf("%.2g MB", value) }
		svg, err := Bars("", "", format, []Sequence{{"api", []Bar{{"a", "", other}, {"b", "", 0}}}})
		require.NoError(t, err)
		read := parse(t, svg)
		require.Len(t, read.lengths, 2)
		assert.Equal(t, other > 0, read.lengths[0] > 0)
		assert.Zero(t, read.lengths[1])
		assert.Contains(t, read.texts, "0 MB")
	}
}

func TestTextsMayHaveCharactersThatMeanSomethingInXML(t *testing.T) {
	const odd = `<b> & "c" 'd' ]]> é`
	svg, err := Bars("1"+odd, "2"+odd, func(float64) string { return "3" + odd },
		[]Sequence{{"4" + odd, []Bar{{"5" + odd, "6" + odd, 1}}}})
	require.NoError(t, err)
	assert.Equal(t, []string{"1" + odd, "4" + odd, "5" + odd, "6" + odd, "3" + odd, "2" + odd}, parse(t, svg).texts)
	draw(t, "what XML can't have: \x00\x1b\xff", "", sequences)
}

func TestALongTitleAndALongCaptionHaveSeveralLines(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("more than a line has room for ", 6))
	of := func(read parsed) (title, caption []string) {
		for n, text := range read.texts {
			switch read.classes[n] {
			case "title":
				title = append(title, text)
			case "caption":
				caption = append(caption, text)
			}
		}
		return title, caption
	}
	title, caption := of(draw(t, long, long, sequences))
	assert.Greater(t, len(title), len(caption))
	assert.Greater(t, len(caption), 1)
	assert.Equal(t, long, strings.Join(title, " "))
	assert.Equal(t, long, strings.Join(caption, " "))
}

func TestTheSameInputGivesTheSamePicture(t *testing.T) {
	once, err := Bars("title", "caption", megabytes, sequences)
	require.NoError(t, err)
	again, err := Bars("title", "caption", megabytes, sequences)
	require.NoError(t, err)
	assert.Equal(t, string(once), string(again))
}

func TestWhatCannotBeDrawnIsAnError(t *testing.T) {
	one := func(b Bar) []Sequence { return []Sequence{{"api", []Bar{b}}} }
	long := strings.Repeat("long ", 30)
	for name, test := range map[string]struct {
		sequences []Sequence
		says      string
	}{
		"nothing":                {nil, "no sequences"},
		"a sequence of nothing":  {[]Sequence{sequences[0], {Name: "api"}}, "api: no bars"},
		"less than nothing":      {one(Bar{"a", "", -1}), "api: a: no bar can be -1 long"},
		"no number":              {one(Bar{"a", "", math.NaN()}), "NaN"},
		"more than any number":   {one(Bar{"a", "", math.Inf(1)}), "+Inf"},
		"a note without an end":  {one(Bar{"a", long, 1}), "too long for a line"},
		"a label without an end": {one(Bar{long, "", 1}), "too long for a line"},
		"a name without an end":  {[]Sequence{{long, []Bar{{"a", "", 1}}}}, "too long for a line"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Bars("title", "caption", megabytes, test.sequences)
			assert.ErrorContains(t, err, test.says)
		})
	}
	_, err := Bars("title", "caption", func(float64) string { return long }, sequences)
	assert.ErrorContains(t, err, "values are too long")
}

func draw(t *testing.T, title, caption string, sequences []Sequence) parsed {
	t.Helper()
	svg, err := Bars(title, caption, megabytes, sequences)
	require.NoError(t, err)
	return parse(t, svg)
}

// What is in a picture, in the order in which it is there.
type parsed struct {
	texts, classes []string  // each text that is shown, and its class
	lengths        []float64 // of the bars
	last           []bool    // for each bar: is it one that stands out?
}

// An element of an SVG file.
type element struct {
	XMLName  xml.Name
	Class    string    `xml:"class,attr"`
	Width    float64   `xml:"width,attr"`
	Text     string    `xml:",chardata"`
	Elements []element `xml:",any"`
}

func parse(t *testing.T, svg []byte) parsed {
	t.Helper()
	var root element
	require.NoError(t, xml.Unmarshal(svg, &root), string(svg))
	assert.Equal(t, xml.Name{Space: "http://www.w3.org/2000/svg", Local: "svg"}, root.XMLName)
	assert.EqualValues(t, width, root.Width)

	var read parsed
	var walk func(elements []element, last bool)
	walk = func(elements []element, last bool) {
		for _, e := range elements {
			switch e.XMLName.Local {
			case "text", "tspan":
				if e.Text != "" {
					read.texts = append(read.texts, e.Text)
					read.classes = append(read.classes, e.Class)
				}
			case "rect":
				if e.Class == "bar" {
					read.lengths = append(read.lengths, e.Width)
					read.last = append(read.last, last)
				}
			}
			walk(e.Elements, last || e.Class == "last")
		}
	}
	walk(root.Elements, false)
	return read
}
