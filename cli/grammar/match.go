package grammar

import (
	"cmp"
	"errors"
	"slices"
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

// choose applies the rules of cli.md §3.2 to the candidates for word i.
func (m *matcher) choose(steps []step, i int) (next []thread, all, ambiguous bool) {
	var exact, short, values []step
	for _, s := range steps {
		switch {
		case s.edge.kind != keyword:
			values = append(values, s)
		case s.exact:
			exact = append(exact, s)
		default:
			short = append(short, s)
		}
	}
	if m.mode == Replayed && len(values) > 0 && len(exact)+len(short) > 0 {
		// Canonical text writes keywords whole.
		keywords := exact
		if len(keywords) == 0 {
			keywords = short
		}
		if ok, _ := m.reaches(keywords, i); !ok {
			if ok, _ := m.reaches(values, i); ok {
				return take(values)
			}
		}
	}
	if len(exact) > 0 {
		return take(exact)
	}
	if len(short) == 0 {
		return take(values)
	}
	var groups [][]step
	for _, s := range short {
		found := false
		for g := range groups {
			if strings.EqualFold(groups[g][0].edge.text, s.edge.text) {
				groups[g], found = append(groups[g], s), true
			}
		}
		if !found {
			groups = append(groups, []step{s})
		}
	}
	if len(groups) == 1 {
		return take(short)
	}
	if i == len(m.toks)-1 {
		return nil, false, true // there is no rest that could decide (cli.md §16, 4)
	}
	// Several keywords: the rest of the line decides, by whether it parses or
	// else by how far it gets.
	best, deepest, tie := -1, -1, false
	for g := range groups {
		ok, depth := m.reaches(groups[g], i)
		if ok {
			depth = len(m.toks) + 1
		}
		switch {
		case depth > deepest:
			best, deepest, tie = g, depth, false
		case depth == deepest:
			tie = true
		}
	}
	if tie {
		return nil, false, true
	}
	return take(groups[best])
}

func take(steps []step) (next []thread, all, ambiguous bool) {
	for _, s := range steps {
		next = append(next, s.to)
		all = all || s.all
	}
	if all { // a value that takes the rest leaves nothing for others
		next = nil
		for _, s := range steps {
			if s.all {
				next = append(next, s.to)
			}
		}
	}
	return next, all, false
}

// reaches reports whether the end of the line can be reached by taking steps
// for word i, and how many words get consumed. Threads that meet are one, which may
// still take the options that either may, or there would be one for each subset.
func (m *matcher) reaches(steps []step, i int) (ok bool, depth int) {
	for {
		var threads []thread
		seen := map[*state]int{}
		for _, s := range steps {
			if s.all {
				if ends(s.to.at) {
					return true, len(m.toks)
				}
				continue
			}
			if n, ok := seen[s.to.at]; ok {
				threads[n].taken &= s.to.taken
				threads[n].given = min(threads[n].given, s.to.given)
				continue
			}
			seen[s.to.at] = len(threads)
			threads = append(threads, s.to)
		}
		if i++; i == len(m.toks) {
			for _, th := range threads {
				if ends(th.at) {
					return true, i
				}
			}
			return false, i
		}
		steps, _ = m.steps(threads, i)
		if len(steps) == 0 {
			return false, i
		}
	}
}

func ends(s *state) bool {
	for _, w := range s.ways {
		if w.edge == nil {
			return true
		}
	}
	return false
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

// result reads a thread's events.
func (m *matcher) result(th thread) (*Match, *Error) {
	r := &Match{Command: th.at.command, Values: map[string]any{}, Texts: map[string]string{}, Cols: map[string]int{}, Ends: map[string]int{}}
	var events []*event
	for e := th.log; e != nil; e = e.before {
		events = append(events, e)
	}
	slices.Reverse(events)
	inOrder(events)
	type open struct {
		mark mark
		text strings.Builder
		glue bool
		col  int
	}
	stack := []*open{{}} // the line itself
	add := func(text string, glue bool) {
		for _, o := range stack {
			if o.text.Len() > 0 && !o.glue {
				o.text.WriteByte(' ')
			}
			o.text.WriteString(text)
			o.glue = glue
		}
	}
	var shown open
	secret := 0 // values that are open and not shown
	show := func(text string, glue bool) {
		if secret > 0 {
			return
		}
		if shown.text.Len() > 0 && !shown.glue {
			shown.text.WriteByte(' ')
		}
		shown.text.WriteString(text)
		shown.glue = glue
	}
	for _, e := range events {
		switch {
		case e.edge == nil && e.mark.open:
			stack = append(stack, &open{mark: e.mark, col: e.col})
			if e.mark.typ.How().Secret {
				show(schema.Hidden, false)
				secret++
			}
		case e.edge == nil:
			o := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if o.mark.typ.How().Secret {
				secret--
			}
			text := o.text.String()
			v, err := o.mark.typ.ParseText(text)
			if err != nil {
				return nil, m.at(o.col, textOf(err))
			}
			if len(stack) == 1 {
				r.Values[o.mark.name], r.Texts[o.mark.name] = v, o.mark.typ.FormatText(v)
				r.Cols[o.mark.name], r.Ends[o.mark.name] = o.col, e.col
			}
		case e.edge.kind == keyword:
			add(e.text, e.edge.glue)
			show(e.text, e.edge.glue)
			if !e.edge.form {
				r.Words = append(r.Words, e.text)
			}
		default:
			add(e.text, false)
			switch {
			case e.edge.typ != nil && e.edge.typ.How().Secret:
				show(schema.Hidden, false)
			case e.items != nil:
				show(strings.Join(strings.Fields(m.line[e.col:]), ""), false)
			default:
				show(e.text, false)
			}
			if len(stack) == 1 {
				r.Values[e.edge.name], r.Texts[e.edge.name], r.Cols[e.edge.name] = e.value, e.text, e.col
				if e.items != nil {
					r.List = e.items
				}
			}
			r.Rest = r.Rest || e.edge.kind == rest
		}
	}
	r.Text, r.Shown = stack[0].text.String(), shown.text.String()
	return r, nil
}

// inOrder puts options into the order of the template, which is that of
// canonical text: rules of roles are judged by it.
func inOrder(events []*event) {
	for i := 0; i < len(events); i++ {
		begin := i
		for i < len(events) && events[i].part() != 0 {
			i++
		}
		slices.SortStableFunc(events[begin:i], func(a, b *event) int { return cmp.Compare(a.part(), b.part()) })
	}
}

// part is the option that the event is part of, 0 for none.
func (e *event) part() int {
	if e.edge == nil {
		return e.mark.part
	}
	return e.edge.part
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
