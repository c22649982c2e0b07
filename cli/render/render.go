// Package render writes what show commands found: as text, or as JSON or XML
// with the product's TABLE_/ROW_ nesting (cli.md §12). It is the only place that knows
// the difference; show functions return a feature.Screen.
//
// Rows are pulled one by one and written as they come, so a table of any length
// costs the memory of two rows.
package render

import (
	"io"

	"trunkline/feature"
)

// Format is a way to write a screen.
type Format uint8

// Formats.
const (
	Text   Format = iota
	JSON          // one line, all values strings
	Pretty        // JSON indented
	Native        // JSON with typed values and always arrays of rows
	XML
	Array    // JSON as it is, but always arrays of rows
	Fragment // XML without its header and root, to stand in another text
)

// ErrNoStructure refuses JSON and XML of a command that only has text.
const ErrNoStructure = feature.Error("ERROR: No structured output for this command; use text.")

// Write writes the screen of a command. It stops at the first error of w.
func Write(w io.Writer, command string, s feature.Screen, f Format) error {
	if f == Text {
		return text(w, s)
	}
	shaped := false
	for _, sec := range s {
		shaped = shaped || sec.Name != "" || len(sec.Keys) > 0
	}
	switch {
	case !shaped:
		return ErrNoStructure
	case f == XML || f == Fragment:
		return asXML(w, command, s, f)
	}
	return asJSON(w, s, f)
}

func text(w io.Writer, s feature.Screen) error {
	for _, sec := range s {
		var failed error
		write := func(t string) bool {
			if t != "" && failed == nil {
				_, failed = io.WriteString(w, t)
			}
			return failed == nil
		}
		began := false
		begin := func() bool {
			if began {
				return true
			}
			began = true
			return write(sec.Heading)
		}
		if !sec.Optional && !begin() {
			return failed
		}
		if sec.Rows != nil {
			for r := range sec.Rows {
				if !begin() || !write(r.Text) {
					return failed
				}
			}
		}
		if began && !write(sec.Footer) {
			return failed
		}
	}
	return nil
}
