package grammar

import (
	"errors"
	"strings"

	"trunkline/config/schema"
)

// Mode says how strictly a line is read.
type Mode uint8

// Modes of reading.
const (
	// Typed lines follow cli.md §3.2: a keyword beats a value.
	Typed Mode = iota
	// Replayed lines are canonical text, where a word that looks like a
	// keyword is a value if only so the line makes sense.
	Replayed
)

// thread is one way through the graph.
type thread struct {
	at    *state
	log   *event
	taken uint32 // the options that were given, by bit of their number
	given int    // how many they are, at least
}

// open reports whether the thread may go a way: an option is given once.
func (t thread) open(w way) bool {
	return w.once == 0 || t.taken&(1<<w.once) == 0 && t.given < t.at.options
}

// event is one thing a thread passed; the list leads backwards.
type event struct {
	before *event
	edge   *edge // nil for a mark
	mark   mark
	text   string // canonical text
	value  any
	items  []Item
	col    int // byte offset on the line
}

func (t thread) passed(w way, col int) thread {
	for _, m := range w.marks {
		t.log = &event{before: t.log, mark: m, col: col}
	}
	if w.once != 0 {
		t.taken |= 1 << w.once
		t.given++
	}
	return t
}

// step is one candidate: a thread that can consume the next word.
type step struct {
	edge  *edge // that decides its rank
	exact bool
	to    thread
	all   bool // it consumes the rest of the line
}

// wrong is an edge that did not take the word, for messages.
type wrong struct {
	edge  *edge
	typ   schema.AnyType // of the value whose form the keyword begins, or nil
	match int            // bytes that agree, for a keyword
	err   error          // of a value
	at    int            // byte offset on the line
}

// matcher matches one line.
type matcher struct {
	line string
	toks []token
	mode Mode
}

// Match finds the command that the line gives.
func (t *Table) Match(line string, mode Mode) (*Match, *Error) {
	if err := TooLong(line); err != nil {
		return nil, err
	}
	m := matcher{line: line, toks: tokens(line), mode: mode}
	threads := t.threads()
	for i := range m.toks {
		steps, wrongs := m.steps(threads, i)
		next, all, ambiguous := m.choose(steps, i)
		if ambiguous {
			return nil, m.at(m.toks[i].at, Ambiguous)
		}
		if len(next) == 0 {
			for _, w := range wrongs {
				var more *schema.Unfinished
				if errors.As(w.err, &more) {
					return nil, &Error{Col: column(m.line, w.at), Text: Incomplete, More: more.Prompt}
				}
			}
			return nil, m.invalid(i, wrongs, threads)
		}
		threads = next
		if all {
			break
		}
	}
	return m.accept(threads)
}

func (t *Table) threads() []thread {
	all := make([]thread, len(t.starts))
	for i, s := range t.starts {
		all[i].at = s
	}
	return all
}

func (m *matcher) at(offset int, text string) *Error {
	return &Error{Col: column(m.line, offset), Text: text}
}

// steps are the ways in which threads can consume word i.
func (m *matcher) steps(threads []thread, i int) ([]step, []wrong) {
	var steps []step
	var wrongs []wrong
	tok := m.toks[i]
	for _, th := range threads {
		for _, w := range th.at.ways {
			if w.edge == nil || !th.open(w) {
				continue
			}
			e := w.edge
			from := th.passed(w, tok.at)
			switch e.kind {
			case keyword:
				n := 0
				if !tok.quoted {
					n = common(tok.text, e.text)
				}
				switch {
				case n == len(tok.text) && !tok.quoted:
					steps = append(steps, step{edge: e, exact: n == len(e.text), to: from.word(e, tok.at)})
				case e.glue && n > 0:
					s, x := m.glued(from, e, tok, n)
					steps, wrongs = append(steps, s...), append(wrongs, x...)
				default:
					wrongs = append(wrongs, wrong{edge: e, typ: formType(w.marks), match: n, at: tok.at})
				}
			case value:
				v, err := e.typ.ParseText(tok.text)
				if err != nil {
					wrongs = append(wrongs, wrong{edge: e, err: err, at: tok.at})
					continue
				}
				steps = append(steps, step{edge: e, to: from.value(e, v, tok.at)})
			case rest:
				text := strings.TrimRight(m.line[tok.at:], " \t\r\n")
				v, err := e.typ.ParseText(text)
				if err != nil {
					wrongs = append(wrongs, wrong{edge: e, err: err, at: tok.at})
					continue
				}
				steps = append(steps, step{edge: e, to: from.value(e, v, tok.at), all: true})
			case list:
				items, bad := m.list(e, i)
				if bad != nil {
					wrongs = append(wrongs, wrong{edge: e, err: &schema.SyntaxError{Text: bad.Text}, at: bad.at})
					continue
				}
				to := from.value(e, items[0].Value, tok.at)
				to.log.items = items
				steps = append(steps, step{edge: e, to: to, all: true})
			}
		}
	}
	return steps, wrongs
}

// formType returns the type of the value that begins with the edge after the
// marks, nil if the edge is the template's own.
func formType(marks []mark) schema.AnyType {
	for i := len(marks) - 1; i >= 0; i-- {
		if marks[i].open && !marks[i].enum {
			return marks[i].typ
		}
	}
	return nil
}

func (t thread) word(e *edge, col int) thread {
	t.at, t.log = e.to, &event{before: t.log, edge: e, text: e.text, col: col}
	return t
}

func (t thread) value(e *edge, v any, col int) thread {
	t.at, t.log = e.to, &event{before: t.log, edge: e, text: e.typ.FormatText(v), value: v, col: col}
	return t
}

// glued reads keyword and value from one word: "e3/1".
func (m *matcher) glued(from thread, e *edge, tok token, n int) (steps []step, wrongs []wrong) {
	after := from.word(e, tok.at)
	for _, w := range e.to.ways {
		if w.edge == nil || w.edge.kind != value {
			continue
		}
		v, err := w.edge.typ.ParseText(tok.text[n:])
		if err != nil {
			wrongs = append(wrongs, wrong{edge: w.edge, err: err, at: tok.at + n})
			continue
		}
		to := after.passed(w, tok.at+n).value(w.edge, v, tok.at+n)
		steps = append(steps, step{edge: e, exact: n == len(e.text), to: to})
	}
	return steps, wrongs
}

// accept makes the result of threads that have consumed the line.
func (m *matcher) accept(threads []thread) (*Match, *Error) {
	var bad *Error
	for _, th := range threads {
		for _, w := range th.at.ways {
			if w.edge != nil {
				continue
			}
			end := th.passed(w, len(m.line))
			r, err := m.result(end)
			if err == nil {
				return r, nil
			}
			if bad == nil {
				bad = err
			}
		}
	}
	if bad != nil {
		return nil, bad
	}
	return nil, m.at(len(strings.TrimRight(m.line, " \t\r\n")), Incomplete)
}

func textOf(err error) string {
	var s *schema.SyntaxError
	if errors.As(err, &s) {
		return s.Text
	}
	return Invalid
}

// invalid is the message for word i, which nothing takes.
func (m *matcher) invalid(i int, wrongs []wrong, threads []thread) *Error {
	tok := m.toks[i]
	longest, own := 0, false // of keywords that agree with the word's beginning
	var form schema.AnyType
	var bad *wrong
	for k := range wrongs {
		w := &wrongs[k]
		switch {
		case w.err == nil:
			longest = max(longest, w.match)
			if w.typ == nil {
				own = true
			} else if form == nil {
				form = w.typ
			}
		case bad == nil || textOf(bad.err) == Invalid && textOf(w.err) != Invalid || w.at > bad.at:
			bad = w
		}
	}
	switch {
	case bad != nil && bad.at > tok.at+longest:
		return m.at(bad.at, textOf(bad.err))
	case longest > 0:
		return m.at(tok.at+longest, Invalid)
	case bad != nil:
		return m.at(bad.at, textOf(bad.err))
	case form != nil && !own:
		_, err := form.ParseText(tok.text)
		return m.at(tok.at, textOf(err))
	}
	return m.at(tok.at, Invalid)
}
