package grammar

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Entry is one line of help: a keyword or the notation of a value.
type Entry struct{ Text, Help string }

// Help is what may follow a beginning of a line.
type Help struct {
	// Entries are sorted as ? prints them.
	Entries []Entry
	// CR says that the line is complete as it is.
	CR bool
}

// Candidate is one completion of the word before the cursor.
type Candidate struct {
	Text string
	// Glue says that no blank belongs after it.
	Glue bool
}

// reached is the place in the graph before the last, unfinished word.
type reached struct {
	threads []thread
	partial token // empty after a blank
	// list is the edge whose list the unfinished word is part of, with the
	// offset of the item; rest that of a value that takes the rest.
	list, rest *edge
	item       int
	optional   bool // the line may end where the list begins
}

func (t *Table) reach(line string) (*reached, *Error) {
	if len(line) > MaxLine {
		return nil, &Error{Col: MaxLine, Text: schema.ErrTooLong(MaxLine).(*schema.SyntaxError).Text}
	}
	r := &reached{threads: t.threads()}
	toks := tokens(line)
	r.partial = token{at: len(line), end: len(line)}
	if len(toks) > 0 && len(line) > 0 && !blank(line[len(line)-1]) {
		r.partial = toks[len(toks)-1]
		toks = toks[:len(toks)-1]
	}
	m := matcher{line: line, toks: toks}
	for i := range toks {
		steps, wrongs := m.steps(r.threads, i)
		if e, sole, _ := listEdge(r.threads); e != nil && (sole || !beside(steps)) {
			r.list, r.item = e, itemAt(line, toks[i].at)
			return r, nil
		}
		next, all, ambiguous := m.choose(steps, i)
		if ambiguous {
			return nil, m.at(toks[i].at, Ambiguous)
		}
		if len(next) == 0 {
			return nil, m.invalid(i, wrongs, r.threads)
		}
		if all {
			r.rest = next[0].log.edge
			return r, nil
		}
		r.threads = next
	}
	if e, sole, end := listEdge(r.threads); e != nil && sole {
		r.list, r.item = e, itemAt(line, r.partial.at)
		r.optional = end && r.partial.text == "" && !r.partial.quoted
	}
	return r, nil
}

// listEdge returns the list that may come next, whether nothing else can, and
// whether the line may end before it.
func listEdge(threads []thread) (found *edge, sole, end bool) {
	sole = true
	for _, th := range threads {
		for _, w := range th.at.ways {
			switch {
			case w.edge == nil:
				end = true
			case !th.open(w):
			case w.edge.kind != list:
				sole = false
			default:
				found = w.edge
			}
		}
	}
	return found, sole, end
}

// beside reports whether something else than a list takes the word.
func beside(steps []step) bool {
	return slices.ContainsFunc(steps, func(s step) bool { return s.edge.kind != list })
}

// itemAt is the offset of the last item of the list that begins at begin.
func itemAt(line string, begin int) int {
	i := max(strings.LastIndexByte(line, ',')+1, begin)
	for i < len(line) && blank(line[i]) {
		i++
	}
	return i
}

// Help returns what may follow line: the keywords that continue its last word,
// or after a blank what the next word may be.
func (t *Table) Help(line string) (Help, *Error) {
	r, err := t.reach(line)
	if err != nil {
		return Help{}, err
	}
	if r.list != nil {
		h, err := r.list.one.Help(line[r.item:])
		if err != nil {
			err.Col += column(line, r.item)
		}
		h.CR = h.CR || r.optional
		return h, err
	}
	if r.rest != nil {
		return Help{Entries: []Entry{entryOf(r.rest)}, CR: true}, nil
	}
	var h Help
	var values []Entry
	seen := map[string]bool{}
	add := func(to *[]Entry, e Entry) {
		if key := strings.ToLower(e.Text); !seen[key] {
			seen[key] = true
			*to = append(*to, e)
		}
	}
	word := r.partial.text
	for _, th := range r.threads {
		for _, w := range th.at.ways {
			e := w.edge
			if !th.open(w) {
				continue
			}
			if e == nil {
				h.CR = h.CR || word == "" && !r.partial.quoted
				continue
			}
			n := common(word, e.text)
			switch {
			case e.kind == list: // something else may come in its place
				if sub, err := e.one.Help(line[itemAt(line, r.partial.at):]); err == nil {
					for _, entry := range sub.Entries {
						add(&h.Entries, entry)
					}
					h.CR = h.CR || sub.CR
				}
			case e.kind != keyword:
				if _, err := e.typ.ParseText(word); word == "" || err == nil || e.kind == rest {
					add(&h.Entries, entryOf(e))
				} else {
					add(&values, entryOf(e))
				}
			case n == len(word):
				add(&h.Entries, Entry{e.text, e.help})
			case e.glue && n > 0:
				for _, after := range e.to.ways {
					if after.edge != nil && after.edge.kind == value {
						add(&values, entryOf(after.edge))
					}
				}
			}
		}
	}
	if len(h.Entries) == 0 {
		h.Entries = values
	}
	if len(h.Entries) == 0 && !h.CR {
		m := matcher{line: line, toks: []token{r.partial}}
		_, wrongs := m.steps(r.threads, 0)
		if word == "" {
			return h, m.at(len(line), Invalid)
		}
		return h, m.invalid(0, wrongs, r.threads)
	}
	SortEntries(h.Entries)
	return h, nil
}

func entryOf(e *edge) Entry {
	how := e.typ.How()
	text := how.Notation
	if text == "" {
		text = "WORD"
		if e.kind == rest {
			text = "LINE"
		}
	}
	return Entry{text, e.help}
}

// SortEntries sorts as ? lists: symbols first, then letters regardless of case.
func SortEntries(all []Entry) {
	rank := func(s string) int {
		if r, _ := utf8.DecodeRuneInString(s); unicode.IsLetter(r) || unicode.IsDigit(r) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(rank(a.Text), rank(b.Text)), cmp.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)))
	})
}

// Complete returns the completions of line's last word, which begins at the
// byte offset from. Objects gives the keys of a list for values that name an
// entry of it.
func (t *Table) Complete(line string, objects func(list string) []string) (from int, all []Candidate) {
	r, err := t.reach(line)
	if err != nil || r.rest != nil || r.partial.quoted {
		return len(line), nil
	}
	if r.list != nil {
		from, all := r.list.one.Complete(line[r.item:], objects)
		return from + r.item, all
	}
	word := r.partial.text
	seen := map[string]bool{}
	add := func(text string, glue bool) {
		if !seen[text] {
			seen[text] = true
			all = append(all, Candidate{text, glue})
		}
	}
	named := func(typ schema.AnyType, before, partial string) {
		if typ == nil || typ.How().Objects == "" || objects == nil {
			return
		}
		for _, o := range objects(typ.How().Objects) {
			if len(o) > len(before) && strings.HasPrefix(o, before+partial) {
				add(o[len(before):], false)
			}
		}
	}
	for _, th := range r.threads {
		for _, w := range th.at.ways {
			e := w.edge
			if e == nil || !th.open(w) {
				continue
			}
			switch e.kind {
			case list:
				begin := itemAt(line, r.partial.at)
				from, more := e.one.Complete(line[begin:], objects)
				if len(more) > 0 && begin+from != r.partial.at { // in the middle of an item
					return begin + from, more
				}
				for _, c := range more {
					add(c.Text, c.Glue)
				}
			case keyword:
				n := common(word, e.text)
				if n == len(word) {
					add(e.text, e.glue)
				}
				if n > 0 && (n < len(word) || n == len(e.text)) && e.glue {
					named(formType(w.marks), "", e.text+word[n:])
				}
			case value:
				typ, before := e.typ, ""
				if outer, text := within(th); outer != nil {
					typ, before = outer, text
				}
				named(typ, before, word)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Candidate) int {
		return tree.Compare(a.Text, b.Text)
	})
	return r.partial.at, all
}

// within returns the type of the innermost open value made of words, and its
// canonical text so far.
func within(th thread) (schema.AnyType, string) {
	var words []*event
	closed := 0
	for e := th.log; e != nil; e = e.before {
		switch {
		case e.edge != nil:
			words = append(words, e)
		case !e.mark.open:
			closed++
		case closed > 0:
			closed--
		default:
			text := ""
			for i := len(words) - 1; i >= 0; i-- {
				text += words[i].text
				if words[i].edge.kind != keyword || !words[i].edge.glue {
					text += " "
				}
			}
			return e.mark.typ, text
		}
	}
	return nil, ""
}
