package feature

import (
	"iter"
	"slices"
	"strings"

	"trunkline/config/schema"
)

// A Screen is what a show command found, in the order in which it is printed.
// cli/render makes text, JSON and XML of it; show functions know no format.
type Screen []Section

// A Section is a table or a form.
type Section struct {
	// Name makes a table TABLE_<Name> with ROW_<Name> in JSON and XML. Empty:
	// the section is text only.
	Name string
	// Heading is printed as it is before the rows, with its newlines; Footer
	// after them.
	Heading, Footer string
	// Rows yields the rows in key order; nil for none.
	Rows iter.Seq[Row]
	// Keys are scalars at the top level of JSON and XML.
	Keys []Pair
	// Optional sections print no heading and no footer without rows.
	Optional bool
}

// A Row is printed as Text and rendered as Keys.
type Row struct {
	Text string // with its newline, or several lines; "" for none
	Keys []Pair
	Sub  []Section // tables inside the row, for JSON and XML only
}

// Pair is one key of structured output. Value is a string, bool, integer,
// float or a list of strings; a nil Value leaves the key out.
type Pair struct {
	Key   string
	Value any
}

// Rows returns the rows of a slice: text by line, keys by keys.
func Rows[R any](rows []R, text func(R) string, keys func(R) []Pair) iter.Seq[Row] {
	return RowsOf(slices.Values(rows), text, keys)
}

// RowsOf is Rows of what is found while it is printed.
func RowsOf[R any](rows iter.Seq[R], text func(R) string, keys func(R) []Pair) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for r := range rows {
			var out Row
			if text != nil {
				out.Text = text(r)
			}
			if keys != nil {
				out.Keys = keys(r)
			}
			if !yield(out) {
				return
			}
		}
	}
}

// Text returns a section of text without structure.
func Text(s string) Section { return Section{Heading: s} }

// Error is an operator's message that refuses a command, without a trailing
// newline: "ERROR: Interface does not exist: Vethernet99".
type Error string

func (e Error) Error() string { return string(e) }

// Port is the mount of everything that can be set on a port and in a
// port-profile alike; Interfaces only on a port, Profiles only in a profile.
var (
	Port       = []string{"interfaces/interface", "port-profiles/port-profile"}
	Interfaces = Port[:1:1]
	Profiles   = Port[1:2:2]
)

// Kinds of interface: the results of the interface list's Kind, and the values
// of a port-profile's type.
const (
	Ethernet  = "ethernet"
	Vethernet = "vethernet"
	// Management is the kind of mgmt0, which no card has and no profile is for.
	Management = "management"
	// SVI is the kind of the switch's own interfaces in VLANs (switched virtual
	// interfaces), which no profile is for.
	SVI = "vlan"
)

// Switched are the kinds of interfaces that cards switch between.
var Switched = []string{Ethernet, Vethernet}

// AnyType is schema.AnyType, for command tables.
type AnyType = schema.AnyType

// Width is how many columns a line of a screen may take, but for descriptions and
// lines of configuration (cli.md §16, 12).
const Width = 132

// Fit cuts the lines of a text that are wider. Peers have names of any length;
// programs read them whole in JSON.
func Fit(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		body, end := strings.CutSuffix(line, "\n")
		if r := []rune(body); len(r) > Width {
			body = strings.TrimRight(string(r[:Width]), " ")
		}
		b.WriteString(body)
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
