package gnmi

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
)

// writes reports whether configuration can be set through the entries.
func (e *entries) writes() bool {
	for i := range e.rows {
		if e.rows[i].sets() {
			return true
		}
	}
	return false
}

// sets reports whether the row is a setting.
func (r *row) sets() bool { return r.leaf != "" && r.node.leaf.class == configLeaf }

// present yields the product's entries that a candidate holds, "" where the
// product has no list.
func (e *entries) present(t tree.Tree, f func(entry string)) {
	if !e.isList {
		f("")
		return
	}
	for key := range t.Keys(e.place) {
		f(key)
	}
}

// clearOpen are the edits that remove what a pattern covers of OpenConfig.
// Entries named in keep lose what OpenConfig knows of them; others go.
func (w *writer) clearOpen(p *pattern, keep map[string]bool) []config.Edit {
	var edits []config.Edit
	for i := range w.table {
		e := &w.table[i]
		if !e.writes() {
			continue
		}
		e.present(w.c.Tree(), func(entry string) {
			product := e.productAt(entry)
			base := e.openAt(e.keyOf(entry))
			if e.isList && p.covers(base) && !keep[base.String()] {
				if w.stays(product) {
					edits = append(edits, w.reset(product)...)
				} else {
					edits = append(edits, config.Edit{Op: config.Delete, Path: product})
				}
				return
			}
			for j := range e.rows {
				r := &e.rows[j]
				leaf := product.Join(r.rel)
				if r.sets() && p.covers(base.Join(r.sub)) && w.c.Tree().Exists(leaf) {
					edits = append(edits, config.Edit{Op: config.Delete, Path: leaf})
				}
			}
		})
	}
	return edits
}

// setting is one leaf of OpenConfig with the value that it is to have.
type setting struct {
	at    tree.Path
	n     *node
	value any
}

// payload is what a value says: leaves, and entries.
type payload struct {
	text     string
	settings []setting
	entries  map[string]bool
	order    []tree.Path // of entries
}

func (y *payload) entry(at tree.Path) {
	if !y.entries[at.String()] {
		y.entries[at.String()] = true
		y.order = append(y.order, at)
	}
}

// writeOpen writes OpenConfig.
func (w *writer) writeOpen(p *pattern, v value, replace bool) error {
	y := &payload{text: p.text, entries: map[string]bool{}}
	for i, e := range p.fixed {
		if e.Key != "" {
			y.entry(p.fixed[:i+1])
		}
	}
	if err := y.read(p.nodes[0], p.fixed, v); err != nil {
		return err
	}
	if replace {
		if err := w.edit(p.text, w.clearOpen(p, y.entries)...); err != nil {
			return err
		}
	}
	for _, at := range y.order {
		if err := w.enter(y.text, at); err != nil {
			return err
		}
	}
	for _, s := range y.settings {
		if err := w.setOpen(y.text, s); err != nil {
			return err
		}
	}
	return nil
}

// enter makes an entry that is not there.
func (w *writer) enter(text string, at tree.Path) error {
	e, entry, ok := w.entryAt(at)
	if !ok {
		return status.Errorf(codes.Unimplemented, "path %s: there can be no entry %q here", text, at[len(at)-1].Key)
	}
	if !e.isList || !e.writes() {
		return nil
	}
	product := e.productAt(entry)
	if w.schema.Has(w.c.Tree(), product) {
		return nil
	}
	if err := w.creatable(text, product); err != nil {
		return err
	}
	return w.edit(text, config.Edit{Op: config.Set, Path: product})
}

// entryAt finds the entries of the table that a concrete path is in.
func (w *writer) entryAt(at tree.Path) (e *entries, entry string, ok bool) {
	for i := range w.table {
		e := &w.table[i]
		n := len(e.at)
		if len(at) != n || at.Names() != e.at.Names() || !at[:n-1].Equal(e.at[:n-1]) {
			continue
		}
		if !e.openList {
			return e, "", true
		}
		if entry, ok := e.entryOf(at[n-1].Key); ok {
			return e, entry, true
		}
	}
	return nil, "", false
}

// setOpen makes one setting.
func (w *writer) setOpen(text string, s setting) error {
	for n := len(s.at) - 1; n > 0; n-- {
		e, entry, ok := w.entryAt(s.at[:n])
		if !ok {
			continue
		}
		sub := s.at[n:].Names()
		for i := range e.rows {
			r := &e.rows[i]
			if r.path != sub {
				continue
			}
			return w.setRow(text, e, entry, r, s)
		}
	}
	return status.Errorf(codes.Unimplemented, "path %s: %s is not served", text, s.n.path())
}

func (w *writer) setRow(text string, e *entries, entry string, r *row, s setting) error {
	where := text
	if path := s.n.path(); !strings.HasSuffix(text, s.n.name) {
		where = text + ": " + path
	}
	switch {
	case r.only != "" && feature.KindOf(e.keyOf(entry)) != r.only:
		return invalid(where, "the interface is not of that kind")
	case r.key:
		if want := typed(r.node.leaf, fmt.Sprint(r.as.from(e.keyOf(entry)))); want != s.value {
			return invalid(where, "the value %v is not the key of the entry, %v", s.value, want)
		}
		return nil
	case r.fixed != "":
		if want := typed(r.node.leaf, r.constant(e.keyOf(entry))); want != s.value {
			return invalid(where, "the value is %v and cannot be changed", want)
		}
		return nil
	}
	at := e.productAt(entry).Join(r.rel)
	product := r.as.to(s.value)
	if product == "" && s.n.leaf.many {
		return w.edit(where, config.Edit{Op: config.Delete, Path: at})
	}
	got, err := parse(w.schema.Leaf(at).Type, product)
	if err != nil {
		return invalid(where, "%s", err)
	}
	return w.edit(where, config.Edit{Op: config.Set, Path: at, Value: got})
}

// read takes apart the value of the node at a concrete path.
func (y *payload) read(n *node, at tree.Path, v value) error {
	switch {
	case n.leaf != nil:
		return y.leaf(n, at, v)
	case n.list() && at[len(at)-1].Key == "":
		if v.shape != arrayShape {
			return invalid(y.text, "%s: want an array, got %s", n.path(), v)
		}
		for _, item := range v.items {
			key, err := y.key(n, item)
			if err != nil {
				return err
			}
			entry := at.Parent().Entry(n.name, key)
			if y.entries[entry.String()] {
				return invalid(y.text, "%s: entry %q is given twice", n.path(), key)
			}
			y.entry(entry)
			if err := y.read(n, entry, item); err != nil {
				return err
			}
		}
		return nil
	}
	if v.shape != objectShape {
		return invalid(y.text, "%s: want an object, got %s", n.path(), v)
	}
	for _, m := range v.members {
		k := n.child(m.name)
		switch {
		case k == nil:
			return invalid(y.text, "element %q is not in the schema; below %s there is %s", clip(m.name), n.path(), choices([]*node{n}))
		case !k.served:
			return status.Errorf(codes.Unimplemented, "path %s: %s is not served", y.text, k.path())
		}
		if m.value.shape == nullShape {
			return invalid(y.text, "%s: null is no value", k.path())
		}
		if err := y.read(k, at.Child(k.name), m.value); err != nil {
			return err
		}
	}
	return nil
}

// key reads the keys of an entry in an array.
func (y *payload) key(n *node, v value) (string, error) {
	if v.shape != objectShape {
		return "", invalid(y.text, "%s: want an object, got %s", n.path(), v)
	}
	texts := make([]string, len(n.keys))
	for i, name := range n.keys {
		for _, m := range v.members {
			if m.name == name && (m.value.shape == stringShape || m.value.shape == numberShape) {
				texts[i] = m.value.text
			}
		}
		if texts[i] == "" {
			return "", invalid(y.text, "%s: key %s is missing", n.path(), name)
		}
	}
	return strings.Join(texts, " "), nil
}

func (y *payload) leaf(n *node, at tree.Path, v value) error {
	if n.leaf.class == stateLeaf {
		return invalid(y.text, "%s is read-only", n.path())
	}
	got, err := n.leaf.open(v)
	if err != nil {
		return invalid(y.text, "%s: %s", n.path(), err)
	}
	y.settings = append(y.settings, setting{at, n, got})
	return nil
}
