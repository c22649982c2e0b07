package gnmi

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
)

// writer makes the operations of one Set on a candidate.
type writer struct {
	*Server
	c   *config.Candidate
	cli strings.Builder // lines of origin cli that are yet to be made
}

func invalid(text, format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, "path %s: %s", text, fmt.Sprintf(format, args...))
}

// edit makes edits for the path of an operation.
func (w *writer) edit(text string, edits ...config.Edit) error {
	if err := w.c.Apply(edits...); err != nil {
		var problems config.Problems
		errors.As(err, &problems)
		return status.Errorf(codeOf(problems), "path %s: %s", text, err)
	}
	return nil
}

// shutFeatures removes what the features have that the deletes of a Set turn off.
func (w *writer) shutFeatures() error {
	base := w.c.Base().Tree
	if len(w.schema.Closing(base, w.c.Tree())) == 0 {
		return nil
	}
	return w.edit("/", config.Edit{Op: config.Replace, Value: w.schema.Shut(base, w.c.Tree())})
}

// openFeatures turns on the features that a Set gives settings (gnmi.md §1.7).
func (w *writer) openFeatures() error {
	for _, p := range w.schema.Closed(w.c.Tree()) {
		if err := w.edit(p.String(), config.Edit{Op: config.Set, Path: p, Value: true}); err != nil {
			return err
		}
	}
	return nil
}

// clear makes the candidate empty but for bindings of workloads: what follows is
// the whole configuration.
func (w *writer) clear() error {
	rest := w.schema.KeepInventory(w.c.Tree(), tree.Tree{})
	return w.edit("/", config.Edit{Op: config.Replace, Value: rest})
}

// writable refuses patterns that name no configuration.
func (p *pattern) writable() error {
	for _, n := range p.nodes {
		if n.leaf == nil && n.name != "state" && n.name != "oper" || n.leaf != nil && n.leaf.class == configLeaf {
			return nil
		}
	}
	return invalid(p.text, "the node is read-only")
}

// delete is one delete operation; what is not there is no error.
func (w *writer) delete(prefix, path *pb.Path) error {
	at, err := w.locate(prefix, path, codes.InvalidArgument)
	if err != nil {
		return err
	}
	if at.cli {
		return status.Error(codes.InvalidArgument, "origin cli takes lines in an update or replace; write the no form")
	}
	p := at.pattern
	if err := p.writable(); err != nil {
		return err
	}
	if p.model == w.open {
		return w.edit(p.text, w.clearOpen(p, nil)...)
	}
	var edits []config.Edit
	p.find(w.c.Tree(), func(n *node, at tree.Path) {
		switch {
		case len(at) == 0:
			for e := range w.c.Tree().Children(nil) {
				edits = append(edits, config.Edit{Op: config.Delete, Path: tree.Path{e}})
			}
		case n.list() && w.stays(at):
			edits = append(edits, w.reset(at)...)
		default:
			edits = append(edits, config.Edit{Op: config.Delete, Path: at})
		}
	})
	return w.edit(p.text, edits...)
}

// stays reports whether an entry cannot be removed, so that deleting it resets
// it.
func (w *writer) stays(entry tree.Path) bool {
	if w.schema.Removable(entry) != nil {
		return true
	}
	for i := range w.table {
		e := &w.table[i]
		if e.keeps != nil && entry.Names() == e.product {
			return e.keeps(entry[len(entry)-1].Key)
		}
	}
	return false
}

// reset removes what was configured below an entry; bindings stay.
func (w *writer) reset(entry tree.Path) []config.Edit {
	var edits []config.Edit
	for p := range w.c.Tree().Leaves(entry) {
		if l := w.schema.Leaf(p); l != nil && !l.Inventory && !l.ReadOnly {
			edits = append(edits, config.Edit{Op: config.Delete, Path: p})
		}
	}
	return edits
}

// write is one update or replace operation.
func (w *writer) write(prefix *pb.Path, u *pb.Update, replace bool) error {
	at, err := w.locate(prefix, u.GetPath(), codes.NotFound)
	if err != nil {
		return err
	}
	if at.cli {
		return w.addLines(at, u, replace)
	}
	p := at.pattern
	if p.wild {
		if n := p.nodes[0]; len(p.nodes) != 1 || !n.list() || len(p.fixed) != len(p.steps)-1 || p.steps[len(p.steps)-1].keys != nil {
			return invalid(p.text, "an update or replace needs every key and no wildcard")
		}
		// The list as a whole.
		p.fixed = append(p.fixed[:len(p.fixed):len(p.fixed)], tree.Elem{Name: p.nodes[0].name})
	}
	if err := p.writable(); err != nil {
		return err
	}
	v, err := readValue(u.GetVal())
	if err != nil {
		return invalid(p.text, "%s", err)
	}
	n := p.nodes[0]
	switch {
	case v.shape == nullShape:
		return invalid(p.text, "null is no value; use delete")
	case replace && n.list() && p.fixed[len(p.fixed)-1].Key != "" && v.shape == objectShape && len(v.members) == 0:
		return invalid(p.text, "an empty entry is no value; use delete")
	case n.leaf == nil && v.loose, n.leaf == nil && v.shape != objectShape && v.shape != arrayShape:
		return invalid(p.text, "want JSON of what is below it, got %s", v)
	}
	if p.model == w.open {
		return w.writeOpen(p, v, replace)
	}
	return w.writeOwn(p, n, v, replace)
}

// writeOwn writes in the product's own schema.
func (w *writer) writeOwn(p *pattern, n *node, v value, replace bool) error {
	at := p.fixed
	if err := w.creatable(p.text, at); err != nil {
		return err
	}
	if n.leaf != nil {
		t, err := w.decodeOwn(at, n, v)
		if err != nil {
			return undecoded(p.text, at, err)
		}
		got, _ := t.Get(nil)
		return w.edit(p.text, config.Edit{Op: config.Set, Path: at, Value: got})
	}
	root := at
	var b bytes.Buffer
	if n.list() && at[len(at)-1].Key == "" { // the list as a member of what it is in
		root = at.Parent()
		v = value{shape: objectShape, members: []member{{n.name, v}}}
	}
	v.plain(&b)
	sub, err := w.schema.DecodeJSONAt(root, b.Bytes())
	if err != nil {
		return undecoded(p.text, at, err)
	}
	var edits []config.Edit
	switch {
	case replace && len(at) == 0:
		edits = append(edits, config.Edit{Op: config.Replace, Value: w.schema.KeepInventory(w.c.Tree(), sub)})
		return w.edit(p.text, edits...)
	case replace && len(root) < len(at):
		edits = append(edits, config.Edit{Op: config.Delete, Path: at})
	case replace:
		return w.edit(p.text, config.Edit{Op: config.Replace, Path: at, Value: sub})
	}
	if len(at) > 0 && at[len(at)-1].Key != "" {
		edits = append(edits, config.Edit{Op: config.Set, Path: at})
	}
	for c := range tree.Diff(tree.Tree{}, sub) {
		path := root.Join(c.Path)
		if c.New == nil {
			if err := w.creatable(p.text, path); err != nil {
				return err
			}
		}
		edits = append(edits, config.Edit{Op: config.Set, Path: path, Value: c.New})
	}
	return w.edit(p.text, edits...)
}

// undecoded is why a value for a path cannot be read. Where the type of a leaf
// does not take it, the text is what the CLI prints.
func undecoded(text string, at tree.Path, err error) error {
	var where *schema.DecodeError
	var wrong *schema.SyntaxError
	if !errors.As(err, &where) || !errors.As(err, &wrong) {
		return invalid(text, "%s", err)
	}
	if !where.Path.Equal(at) {
		text += ": /" + where.Path.String()
	}
	return invalid(text, "%s", said(wrong))
}

// said is what the CLI prints of a value that a type does not take.
func said(err error) error { return fmt.Errorf("%% %w", err) }

// decodeOwn reads the value of one of the product's own leaves.
func (w *writer) decodeOwn(at tree.Path, n *node, v value) (tree.Tree, error) {
	if v.loose || v.shape == stringShape && n.leaf.typ.JSONKind() == schema.JSONString || v.shape == numberShape && n.leaf.typ.JSONKind() == schema.JSONString {
		got, err := parse(n.leaf.typ, v.text)
		if err != nil {
			return tree.Tree{}, err
		}
		return tree.Tree{}.Set(nil, got), nil
	}
	if (v.shape == numberShape && n.leaf.typ.JSONKind() == schema.JSONNumber) || (v.shape == boolShape && n.leaf.typ.JSONKind() == schema.JSONBool) {
		got, err := parse(n.leaf.typ, v.text)
		if err != nil {
			return tree.Tree{}, err
		}
		return tree.Tree{}.Set(nil, got), nil
	}
	var b bytes.Buffer
	v.plain(&b)
	return w.schema.DecodeJSONAt(at, b.Bytes())
}

// parse reads a value by the product's type. The error is the text that the CLI
// prints.
func parse(t schema.AnyType, text string) (any, error) {
	v, err := t.ParseText(text)
	if err != nil {
		return nil, said(err)
	}
	return v, nil
}

// creatable refuses entries that nobody may create.
func (w *writer) creatable(text string, at tree.Path) error {
	for i, e := range at {
		if e.Key == "" {
			continue
		}
		entry := at[:i+1]
		b := w.schema.Block(entry.Names())
		if b == nil || b.NoCreate == nil || w.schema.Has(w.c.Tree(), entry) {
			continue
		}
		if why := b.NoCreate(w.c.Tree(), e.Key); why != "" {
			return invalid(text, "%s", why)
		}
	}
	return nil
}

// addLines takes configuration lines of origin cli. They are made together once
// all of the kind are there, as a mode that one enters holds for the next.
func (w *writer) addLines(at *place, u *pb.Update, replace bool) error {
	if w.cfg.CLI == nil {
		return status.Error(codes.Unimplemented, "origin cli is not served")
	}
	text := u.GetVal().GetAsciiVal()
	if text == "" {
		text = u.GetVal().GetStringVal()
	}
	if at.line != "" {
		return status.Error(codes.InvalidArgument, "origin cli: lines are the value; the path is empty")
	}
	if text == "" {
		return status.Error(codes.InvalidArgument, "origin cli: want lines as ascii_val")
	}
	if replace && w.cli.Len() == 0 {
		if err := w.clear(); err != nil {
			return err
		}
	}
	w.cli.WriteString(text)
	w.cli.WriteByte('\n')
	return nil
}

// lines makes the lines that have been taken.
func (w *writer) lines() error {
	if w.cli.Len() == 0 {
		return nil
	}
	text := w.cli.String()
	w.cli.Reset()
	if err := w.cfg.CLI.Apply(w.c, text); err != nil {
		return status.Errorf(codes.InvalidArgument, "origin cli: %s", err)
	}
	return nil
}
