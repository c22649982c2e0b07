package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"

	"trunkline/feature"
)

// asJSON writes a screen as JSON; nothing at all of a screen without keys and
// rows, as scripts of such switches know it.
func asJSON(w io.Writer, s feature.Screen, f Format) error {
	j := &jsonWriter{w: w, format: f}
	j.screen(s)
	return j.err
}

// jsonWriter writes JSON piece by piece; after an error it writes nothing.
type jsonWriter struct {
	w      io.Writer
	format Format
	depth  int
	lead   string // goes before what is written next
	err    error
}

func (j *jsonWriter) raw(s string) {
	if j.err == nil {
		_, j.err = io.WriteString(j.w, j.lead+s)
		j.lead = ""
	}
}

// lists reports whether a single row stands in an array too.
func (j *jsonWriter) lists() bool { return j.format == Native || j.format == Array }

// item begins the next item of an object or array.
func (j *jsonWriter) item(first bool) {
	if !first {
		j.raw(",")
		if j.format != Pretty {
			j.raw(" ")
		}
	}
	j.newline()
}

func (j *jsonWriter) newline() {
	if j.format == Pretty {
		j.raw("\n" + strings.Repeat("  ", j.depth))
	}
}

func (j *jsonWriter) key(k string) { j.raw(quote(k) + ": ") }

// object writes the object of a row.
func (j *jsonWriter) object(keys []feature.Pair, tables []feature.Section) {
	j.raw("{")
	if j.members(keys, tables) {
		j.newline()
	}
	j.raw("}")
}

// members writes what is in the object of a screen or a row: scalars first,
// then tables in order, those of the same name as one. It reports whether there
// is anything.
func (j *jsonWriter) members(keys []feature.Pair, tables []feature.Section) bool {
	j.depth++
	first := true
	seen := map[string]bool{}
	for _, p := range keys {
		if p.Value == nil || seen[p.Key] {
			continue
		}
		seen[p.Key] = true
		j.item(first)
		first = false
		j.key(p.Key)
		j.value(p.Value)
	}
	for i, t := range tables {
		if t.Name == "" || seen["TABLE_"+t.Name] {
			continue
		}
		seen["TABLE_"+t.Name] = true
		first = j.table(t.Name, sameName(tables[i:], t.Name), first)
	}
	j.depth--
	return !first
}

func (j *jsonWriter) screen(s []feature.Section) {
	var keys []feature.Pair
	for _, sec := range s {
		keys = append(keys, sec.Keys...)
	}
	j.lead = "{"
	if j.members(keys, s) {
		j.newline()
		j.raw("}\n")
	}
}

// sameName yields the rows of all sections of the name.
func sameName(tables []feature.Section, name string) iter.Seq[feature.Row] {
	return func(yield func(feature.Row) bool) {
		for _, t := range tables {
			if t.Name != name || t.Rows == nil {
				continue
			}
			for r := range t.Rows {
				if len(r.Keys)+len(r.Sub) > 0 && !yield(r) {
					return
				}
			}
		}
	}
}

// table writes TABLE_name with its rows: nothing for none, an object for one
// row, an array for several. It reports whether the next item is still the
// first.
func (j *jsonWriter) table(name string, rows iter.Seq[feature.Row], first bool) bool {
	n := 0
	var held feature.Row
	open := func(array bool) {
		j.item(first)
		j.key("TABLE_" + name)
		j.raw("{")
		j.depth++
		j.newline()
		j.key("ROW_" + name)
		if array {
			j.raw("[")
			j.depth++
		}
	}
	for r := range rows {
		if j.err != nil {
			break
		}
		n++
		if n == 1 {
			held = r
			continue
		}
		if n == 2 {
			open(true)
			j.item(true)
			j.row(held)
		}
		j.item(false)
		j.row(r)
	}
	switch {
	case n == 0:
		return first
	case n == 1:
		open(j.lists())
		if j.lists() {
			j.item(true)
		}
		j.row(held)
	}
	if n > 1 || j.lists() {
		j.depth--
		j.newline()
		j.raw("]")
	}
	j.depth--
	j.newline()
	j.raw("}")
	return false
}

func (j *jsonWriter) row(r feature.Row) {
	keys := r.Keys
	for _, s := range r.Sub {
		keys = append(keys[:len(keys):len(keys)], s.Keys...)
	}
	j.object(keys, r.Sub)
}

func (j *jsonWriter) value(v any) {
	if list, ok := v.([]string); ok {
		j.raw("[")
		j.depth++
		for i, s := range list {
			j.item(i == 0)
			j.raw(quote(s))
		}
		j.depth--
		if len(list) > 0 {
			j.newline()
		}
		j.raw("]")
		return
	}
	text, number := scalar(v)
	if j.format != Native || !number {
		text = quote(text)
	}
	j.raw(text)
}

// scalar returns the text of a value, and whether it stands bare in JSON.
func scalar(v any) (text string, bare bool) {
	switch v := v.(type) {
	case string:
		return v, false
	case bool:
		return strconv.FormatBool(v), true
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprintf("%d", v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), !math.IsNaN(v) && !math.IsInf(v, 0)
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32), !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
	}
	return fmt.Sprint(v), false
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
