package grammar

import (
	"strconv"
	"strings"

	"trunkline/config/schema"
)

// MaxList is how many values one line can name.
const MaxList = 8192

// listError is what is wrong with a list, at a byte offset of the line.
type listError struct {
	Text string
	at   int
}

// list reads the words from i on as a list of values of typ: items between
// commas, each one value or, when values end in a number, a range
// "ethernet 3/1-4". An item that begins with a digit continues with the words
// before the number of the one before it.
func (m *matcher) list(e *edge, i int) ([]Item, *listError) {
	typ, one := e.typ, e.one
	begin := m.toks[i].at
	text := strings.TrimRight(m.line[begin:], " \t\r\n")
	if m.toks[i].quoted && i == len(m.toks)-1 {
		v, err := typ.ParseText(m.toks[i].text)
		if err != nil {
			return nil, &listError{textOf(err), begin}
		}
		return []Item{{v, typ.FormatText(v)}}, nil
	}
	var items []Item
	seen := map[string]bool{}
	read := 0 // repeated values too, so that work is bounded
	add := func(v any) bool {
		read++
		text := typ.FormatText(v)
		if !seen[text] {
			seen[text] = true
			items = append(items, Item{v, text})
		}
		return read <= MaxList
	}
	parts := strings.Split(text, ",")
	words := "" // of the item before
	for offset, k := begin, 0; k < len(parts); k++ {
		part := parts[k]
		at := offset + len(part) - len(strings.TrimLeft(part, " \t"))
		offset += len(part) + 1
		part = strings.TrimSpace(part)
		if part == "" {
			return nil, &listError{schema.ErrList.Text, at}
		}
		shift := 0
		if digit(part[0]) && words != "" {
			part, shift = words+part, len(words)
		}
		first, last, ranged := cutRange(part)
		r, bad := one.Match(first, Typed)
		if bad != nil {
			if len(parts) > 1 && (bad.Text == Invalid || bad.Text == Incomplete) {
				bad.Text = schema.ErrList.Text
			}
			return nil, &listError{bad.Text, min(at+max(bad.Col-shift, 0), len(m.line))}
		}
		canonical := r.Texts["value"]
		stem := strings.TrimRight(canonical, "0123456789")
		words = strings.TrimRight(part, "0123456789/-.")
		if digit(part[0]) {
			words = ""
		}
		if !ranged {
			if !add(r.Values["value"]) {
				return nil, &listError{schema.ErrList.Text, at}
			}
			continue
		}
		lo, err1 := strconv.Atoi(canonical[len(stem):])
		hi, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || hi < lo {
			return nil, &listError{schema.ErrList.Text, at}
		}
		if _, err := typ.ParseText(stem + last); err != nil {
			text := textOf(err)
			// The message of a value made of words names only its form.
			if hiMatch, bad := one.Match(strings.TrimSuffix(first, canonical[len(stem):])+last, Typed); hiMatch == nil {
				text = bad.Text
			}
			return nil, &listError{text, at}
		}
		if hi-lo >= MaxList {
			return nil, &listError{schema.ErrList.Text, at}
		}
		for n := lo; n <= hi; n++ {
			v, err := typ.ParseText(stem + strconv.Itoa(n))
			if err != nil {
				return nil, &listError{textOf(err), at}
			}
			if !add(v) {
				return nil, &listError{schema.ErrList.Text, at}
			}
		}
	}
	return items, nil
}

// cutRange splits "ethernet 3/1-4" into "ethernet 3/1" and "4".
func cutRange(s string) (first, last string, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i <= 0 || i == len(s)-1 || !digit(s[i-1]) || strings.Trim(s[i+1:], "0123456789") != "" {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
