package schema

import (
	"maps"
	"slices"
)

// lines compiles the lines of leaves, gives every keyword its help and refuses
// lines that cannot be told apart.
func (c *compiler) lines() {
	c.leafLines()
	shared := Words{}
	clash := map[string]bool{}
	for g := range c.groups {
		for k, text := range c.groups[g].Words {
			if old, ok := shared[k]; ok && old != text {
				clash[k] = true
			}
			shared[k] = text
		}
	}
	type seenWord struct{ text, what string }
	seen := map[string]seenWord{} // by mode and path
	shapes := map[string][]int{}  // statements by mode and shape
	for i := range c.statements {
		st := &c.statements[i]
		o := c.origins[i]
		c.at(o.group, o.what)
		st.Words = Words{}
		for _, k := range keywords(o.parts) {
			text, ok := c.groups[o.group].Words[k.path]
			if !ok && k.last {
				text = st.Help
			}
			if text == "" && !clash[k.path] {
				text = shared[k.path]
			}
			if text == "" {
				c.errorf("line %q: no help for %q", st.Template, k.path)
				continue
			}
			st.Words[k.path] = text
			at := st.Mode + "\x00" + k.path
			if first, ok := seen[at]; ok && first.text != text {
				c.errorf("line %q: the help of %q is %q, but %q in %s", st.Template, k.path, text, first.text, first.what)
			} else if !ok {
				seen[at] = seenWord{text, o.what}
			}
		}
		at := st.Mode + "\x00" + shape(o.parts)
		for _, j := range shapes[at] {
			if overlap(st.Kinds, c.statements[j].Kinds) {
				c.errorf("line %q: cannot be told from that of %s", st.Template, c.origins[j].what)
			}
		}
		shapes[at] = append(shapes[at], i)
	}
}

func overlap(a, b []string) bool {
	if a == nil || b == nil {
		return true
	}
	return slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) })
}

// checkType refuses types that cannot explain themselves.
func (c *compiler) checkType(t AnyType, name string) { c.checkSyntax(t, name, 0) }

func (c *compiler) checkSyntax(t AnyType, name string, depth int) {
	how := t.How()
	switch {
	case depth > maxNesting:
		c.errorf("type %s of <%s> is nested too deeply", t.TypeName(), name)
	case len(how.Keywords) > 0:
		for _, k := range how.Keywords {
			if k.Text == "" || k.Help == "" {
				c.errorf("type %s of <%s>: keyword %q without text or help", t.TypeName(), name, k.Text)
			}
		}
	case len(how.Forms) > 0:
		for _, f := range how.Forms {
			c.checkForm(t, f, depth)
		}
	case how.Notation == "":
		c.errorf("type %s of <%s> has no notation", t.TypeName(), name)
	}
}

func (c *compiler) checkForm(t AnyType, form string, depth int) {
	choices, err := (&templateParser{rest: form}).choices(0)
	if err != nil || len(choices) != 1 {
		c.errorf("type %s: form %q is no template: %v", t.TypeName(), form, err)
		return
	}
	how := t.How()
	for _, k := range keywords(choices[0]) {
		if how.Words[k.path] == "" {
			c.errorf("type %s: form %q: no help for %q", t.TypeName(), form, k.path)
		}
	}
	names := map[string]bool{}
	placeholders(choices[0], nil, func(name string, _ *part) { names[name] = true })
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if how.Types[name] == nil {
			c.errorf("type %s: form %q: <%s> without a type", t.TypeName(), form, name)
			continue
		}
		c.checkSyntax(how.Types[name], name, depth+1)
	}
}
