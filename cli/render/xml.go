package render

import (
	"encoding/xml"
	"io"
	"strings"

	"trunkline/feature"
)

// asXML writes a screen as XML: the tree that JSON has, inside one element with
// the command in an attribute. A row is an element of its own; there is no
// difference between one and several. Of a screen without keys and rows there
// is nothing at all.
func asXML(w io.Writer, command string, s feature.Screen, f Format) error {
	x := &xmlWriter{w: w}
	if f == XML {
		x.lead = xml.Header + "<output command=\"" + escape(command) + "\">\n"
		x.depth = 1
	}
	var keys []feature.Pair
	for _, sec := range s {
		keys = append(keys, sec.Keys...)
	}
	x.object(keys, s)
	if f == XML && x.lead == "" {
		x.raw("</output>\n")
	}
	return x.err
}

// xmlWriter writes XML piece by piece; after an error it writes nothing.
type xmlWriter struct {
	w     io.Writer
	depth int
	lead  string // goes before what is written next
	err   error
}

func (x *xmlWriter) raw(s string) {
	if x.err == nil {
		_, x.err = io.WriteString(x.w, x.lead+s)
		x.lead = ""
	}
}

func (x *xmlWriter) line(s string) { x.raw(strings.Repeat("  ", x.depth) + s + "\n") }

// object writes what is inside of the element of a screen or a row: scalars
// first, then tables in order, those of the same name as one.
func (x *xmlWriter) object(keys []feature.Pair, tables []feature.Section) {
	seen := map[string]bool{}
	for _, p := range keys {
		if p.Value == nil || seen[p.Key] {
			continue
		}
		seen[p.Key] = true
		values, isList := p.Value.([]string)
		if !isList {
			text, _ := scalar(p.Value)
			values = []string{text}
		}
		name := xmlName(p.Key)
		for _, v := range values {
			x.line("<" + name + ">" + escape(v) + "</" + name + ">")
		}
	}
	for i, t := range tables {
		if t.Name == "" || seen["TABLE_"+t.Name] {
			continue
		}
		seen["TABLE_"+t.Name] = true
		x.table(xmlName(t.Name), t.Name, tables[i:])
	}
}

func (x *xmlWriter) table(name, section string, tables []feature.Section) {
	began := false
	for r := range sameName(tables, section) {
		if x.err != nil {
			return
		}
		if !began {
			began = true
			x.line("<TABLE_" + name + ">")
			x.depth++
		}
		x.line("<ROW_" + name + ">")
		x.depth++
		keys := r.Keys
		for _, s := range r.Sub {
			keys = append(keys[:len(keys):len(keys)], s.Keys...)
		}
		x.object(keys, r.Sub)
		x.depth--
		x.line("</ROW_" + name + ">")
	}
	if began {
		x.depth--
		x.line("</TABLE_" + name + ">")
	}
}

// xmlName makes a key a name: letters, digits and "-_.", the first of them a
// letter or "_".
func xmlName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, key)
	if c := (name + "0")[0]; c == '-' || c == '.' || '0' <= c && c <= '9' {
		name = "_" + name
	}
	return name
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
