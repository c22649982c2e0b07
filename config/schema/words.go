package schema

import (
	"maps"
	"slices"

	"trunkline/config/template"
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
		for _, k := range template.Keywords(o.parts) {
			text, ok := c.groups[o.group].Words[k.Path]
			if !ok && k.Last {
				text = st.Help
			}
			if text == "" && !clash[k.Path] {
				text = shared[k.Path]
			}
			if text == "" {
				c.errorf("line %q: no help for %q", st.Template, k.Path)
				continue
			}
			st.Words[k.Path] = text
			at := st.Mode + "\x00" + k.Path
			if first, ok := seen[at]; ok && first.text != text {
				c.errorf("line %q: the help of %q is %q, but %q in %s", st.Template, k.Path, text, first.text, first.what)
			} else if !ok {
				seen[at] = seenWord{text, o.what}
			}
		}
		at := st.Mode + "\x00" + template.Shape(o.parts)
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

// maxNesting is how deep the forms of a type may lead to other types.
const maxNesting = 8

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
	parts, err := template.Parse(form)
	if err != nil {
		c.errorf("type %s: form %q is no template: %v", t.TypeName(), form, err)
		return
	}
	how := t.How()
	for _, k := range template.Keywords(parts) {
		if how.Words[k.Path] == "" {
			c.errorf("type %s: form %q: no help for %q", t.TypeName(), form, k.Path)
		}
	}
	names := map[string]bool{}
	template.Placeholders(parts, nil, func(name string, _ *template.Part) { names[name] = true })
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if how.Types[name] == nil {
			c.errorf("type %s: form %q: <%s> without a type", t.TypeName(), form, name)
			continue
		}
		c.checkSyntax(how.Types[name], name, depth+1)
	}
}
