// Package schema declares configuration once, as Go data. The CLI grammar, the
// text of show running-config, JSON, YANG, validation and help are projections
// of it (architecture §5).
//
// A feature declares a Group: Blocks (containers and lists that have a line
// and mostly a mode), Leaves (one setting each, bound to a field of the
// feature's Config type) and Aliases (lines that only parse). Compile joins the
// groups of all features, fills in mounts and refuses ambiguous or incomplete
// declarations at start-up.
package schema

import "fmt"

// AnyType is a Type without its Go type, for code that handles all leaves.
type AnyType interface {
	// TypeName names the type in YANG and in messages: "vlan-id".
	TypeName() string
	// How says how the value is written on a line.
	How() Syntax
	// ParseText reads the canonical text of a value: words separated by
	// single blanks, keywords whole. The error is a *SyntaxError.
	ParseText(text string) (any, error)
	// FormatText prints the canonical text; ParseText is its inverse.
	FormatText(v any) string
	// Zero returns the type's zero value.
	Zero() any
	// Mask returns what stands for a secret of the type.
	Mask() any
	// YANG is the body of the leaf's type statement: "uint16 { range
	// \"1..4094\"; }".
	YANG() string
	// JSONKind says how the value stands in JSON.
	JSONKind() JSONKind
}

// JSONKind is the JSON representation of a leaf (RFC 7951 §6).
type JSONKind uint8

// JSON representations.
const (
	JSONString JSONKind = iota // the canonical text
	JSONNumber                 // the canonical text as a number
	JSONBool
)

// Type describes the values of a leaf and how they are written. T is
// comparable with ==; two equal values print the same text.
type Type[T comparable] struct {
	Name   string
	Syntax Syntax
	// Parse reads the canonical text. An error that is no *SyntaxError is
	// reported as an invalid command at the value.
	Parse func(text string) (T, error)
	// Format prints the canonical text.
	Format func(T) string
	// Masked is shown instead of a value to those who may not read it, where
	// Syntax.Secret says that it is a secret. No line sets it.
	Masked T
	// Yang is the type statement's body; empty means "string".
	Yang string
	JSON JSONKind
}

// Syntax says how a value is written on a line. Exactly one form applies:
// Keywords, Forms, Rest, or else a single word.
type Syntax struct {
	// Notation is what ? shows for a word: "<1-4094>", "WORD", "LINE",
	// "A.B.C.D", "E.E.E".
	Notation string
	Help     string
	// Rest takes the rest of the line as it is, blanks and quotes included.
	Rest bool
	// Keywords is an enumeration.
	Keywords []Keyword
	// Forms are alternatives of several words, each a line template over
	// Types: "netns <netns> ifname <ifname> module <module>". The canonical
	// text is the matched words with keywords whole.
	Forms []string
	Types map[string]AnyType
	Words Words // help of the keywords in Forms
	// Secret values are left out of what is kept of a line, histories and logs,
	// and are shown to nobody but network-admin (Schema.Hide).
	Secret bool
	// Samples are values for tests, of types that no notation describes.
	Samples []string
	// Objects is the list whose keys complete the word on Tab, such as
	// "vlans/vlan"; "" for none.
	Objects string
}

// Keyword is one word of an enumeration with its help.
type Keyword struct{ Text, Help string }

// SyntaxError is what is wrong with a word, in the text of cli.md §4.1 without
// the leading "% " and the trailing "at '^' marker.": "Invalid number, range is
// (1:4094)".
type SyntaxError struct{ Text string }

func (e *SyntaxError) Error() string { return e.Text }

// Unfinished is the error for a value that goes on, on the lines that follow:
// a banner whose delimiter has not come. The value is then read again with the
// next line added after a newline.
type Unfinished struct {
	// Prompt tells the operator how to end it.
	Prompt string
}

func (e *Unfinished) Error() string { return "Incomplete command" }

// The syntax errors of cli.md §4.1 that several types share.
var (
	ErrInvalid   = &SyntaxError{"Invalid command"}
	ErrList      = &SyntaxError{"Invalid value/range"}
	ErrIPv4      = &SyntaxError{"Invalid ip address"}
	ErrIPv6      = &SyntaxError{"Invalid ipv6 address"}
	ErrMAC       = &SyntaxError{"Invalid mac address"}
	ErrInterface = &SyntaxError{"Invalid interface format"}
)

// ErrRange is the error for a number outside lo to hi.
func ErrRange(lo, hi int64) error {
	return &SyntaxError{fmt.Sprintf("Invalid number, range is (%d:%d)", lo, hi)}
}

// ErrTooLong is the error for a word of more than limit bytes.
func ErrTooLong(limit int) error {
	return &SyntaxError{fmt.Sprintf("String exceeded max length of (%d)", limit)}
}

// TypeName implements AnyType.
func (t Type[T]) TypeName() string { return t.Name }

// How implements AnyType.
func (t Type[T]) How() Syntax { return t.Syntax }

// ParseText implements AnyType.
func (t Type[T]) ParseText(text string) (any, error) { return t.Parse(text) }

// FormatText implements AnyType.
func (t Type[T]) FormatText(v any) string { return t.Format(v.(T)) }

// Zero implements AnyType.
func (t Type[T]) Zero() any { var z T; return z }

// Mask implements AnyType.
func (t Type[T]) Mask() any { return t.Masked }

// YANG implements AnyType.
func (t Type[T]) YANG() string {
	if t.Yang == "" {
		return "string"
	}
	return t.Yang
}

// JSONKind implements AnyType.
func (t Type[T]) JSONKind() JSONKind { return t.JSON }
