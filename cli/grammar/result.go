package grammar

import (
	"cmp"
	"slices"
	"strings"

	"trunkline/config/schema"
)

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
