package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"trunkline/config/tree"
)

// Module is the name of the YANG module of all configuration; it qualifies the
// top-level names in JSON (RFC 7951 §4).
const Module = "trunkline"

// MaxJSON is the length of the JSON that DecodeJSON reads, in bytes.
const MaxJSON = 64 << 20

// noJSON is the encoding of No, which no value has.
const noJSON = "[null]"

// EncodeJSON returns a tree as JSON (RFC 7951): containers and entries are
// objects, a list is an array of objects that hold their keys as members. Equal
// trees give equal text. It fails if the tree is not of the schema.
func (s *Schema) EncodeJSON(t tree.Tree) ([]byte, error) {
	return s.NewEncoder().Encode(t)
}

// Encoder encodes successive trees. What an entry of a list at the top says is not
// made again for trees that share it, so a small change of a large configuration
// costs little. It keeps the text of all entries.
type Encoder struct {
	root  *node
	known map[encoded][]byte
	size  int // of the last text
}

// encoded is an entry whose text is known. Its key is a part: two entries may
// share what is in them.
type encoded struct {
	list *node
	key  string
	t    tree.Tree
}

// NewEncoder returns an encoder of trees of the schema.
func (s *Schema) NewEncoder() *Encoder {
	return &Encoder{root: s.root, known: map[encoded][]byte{}}
}

// Encode is Schema.EncodeJSON.
func (m *Encoder) Encode(t tree.Tree) ([]byte, error) {
	e := &encoder{known: m.known}
	e.b.Grow(m.size + m.size/8)
	e.object(m.root, nil, t)
	if e.err != nil {
		return nil, e.err
	}
	m.size = e.b.Len()
	if len(m.known) > 2*e.entries+64 {
		m.known = map[encoded][]byte{} // most of it is of trees that were
	}
	return e.b.Bytes(), nil
}

type encoder struct {
	b       bytes.Buffer
	err     error
	known   map[encoded][]byte
	entries int  // of lists at the top
	inner   bool // below an entry
}

// entry writes the entry of a list, as it was written before if it is known.
func (e *encoder) entry(n *node, parent tree.Path, elem tree.Elem, t tree.Tree) {
	if e.inner {
		e.node(n, parent.Join(tree.Path{elem}), t)
		return
	}
	e.entries++
	entry, from := encoded{n, elem.Key, t}, e.b.Len()
	if text, ok := e.known[entry]; ok {
		e.b.Write(text)
		return
	}
	e.inner = true
	e.node(n, parent.Join(tree.Path{elem}), t)
	e.inner = false
	if e.err == nil {
		e.known[entry] = bytes.Clone(e.b.Bytes()[from:])
	}
}

func (e *encoder) fail(p tree.Path, format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("encode %s: %s", p, fmt.Sprintf(format, args...))
	}
}

func (e *encoder) text(s string) {
	b, err := json.Marshal(s)
	if err != nil && e.err == nil {
		e.err = err
	}
	e.b.Write(b)
}

// object writes the node at a path, which is no leaf; t is what is there.
func (e *encoder) object(n *node, p tree.Path, t tree.Tree) {
	e.b.WriteByte('{')
	first := true
	comma := func() {
		if !first {
			e.b.WriteByte(',')
		}
		first = false
	}
	if n.list() {
		texts := n.block.keyTexts(p[len(p)-1].Key)
		if len(texts) != len(n.block.Keys) {
			e.fail(p, "want %d keys", len(n.block.Keys))
			return
		}
		for i, k := range n.block.Keys {
			comma()
			e.text(k.Name)
			e.b.WriteByte(':')
			v, err := k.Type.ParseText(texts[i])
			if err != nil {
				e.fail(p, "key %s: %v", k.Name, err)
				return
			}
			e.value(k.Type, v)
		}
	}
	list := ""
	for elem, sub := range t.Below() {
		if e.err != nil {
			return
		}
		below := n.child(elem.Name)
		if below == nil || below.list() != (elem.Key != "") {
			e.fail(p.Join(tree.Path{elem}), "not in the schema")
			return
		}
		if list != "" && list != elem.Name {
			e.b.WriteByte(']')
			list = ""
		}
		if list == "" {
			comma()
			name := elem.Name
			if n.parent == nil {
				name = Module + ":" + name
			}
			e.text(name)
			e.b.WriteByte(':')
			if elem.Key != "" {
				e.b.WriteByte('[')
				list = elem.Name
			}
		} else {
			e.b.WriteByte(',')
		}
		if elem.Key != "" {
			e.entry(below, p, elem, sub)
		} else {
			e.node(below, p.Join(tree.Path{elem}), sub)
		}
	}
	if list != "" {
		e.b.WriteByte(']')
	}
	e.b.WriteByte('}')
}

func (e *encoder) node(n *node, p tree.Path, t tree.Tree) {
	v, ok := t.Get(nil)
	switch {
	case ok != (n.leaf != nil):
		e.fail(p, "leaf or container in the place of the other")
	case !ok:
		e.object(n, p, t)
	case v == No:
		e.b.WriteString(noJSON)
	case !sameType(v, n.leaf.zero()):
		e.fail(p, "value is a %T, want a %T", v, n.leaf.zero())
	default:
		e.value(n.leaf.decl.Type, v)
	}
}

func (e *encoder) value(t AnyType, v any) {
	text := t.FormatText(v)
	if t.JSONKind() == JSONString {
		e.text(text)
		return
	}
	e.b.WriteString(text)
}

// DecodeJSON is the inverse of EncodeJSON. The error names the place. Names
// that are not in the schema, members given twice, values out of range and
// entries without their keys are refused; references are not checked.
func (s *Schema) DecodeJSON(data []byte) (tree.Tree, error) {
	return s.DecodeJSONAt(nil, data)
}

// DecodeJSONAt reads JSON of the node at a path: an object for a container, an
// entry or the root, a value for a leaf. The result has that node as its root.
// An entry's object may leave out its keys, but not contradict them.
func (s *Schema) DecodeJSONAt(p tree.Path, data []byte) (tree.Tree, error) {
	if len(data) > MaxJSON {
		return tree.Tree{}, fmt.Errorf("decode %s: longer than %d bytes", place(p), MaxJSON)
	}
	n := s.lookup(p)
	if n == nil || n.list() && p[len(p)-1].Key == "" {
		return tree.Tree{}, fmt.Errorf("decode %s: not in the schema", place(p))
	}
	d := &decoder{at: len(p)}
	if n.leaf != nil {
		d.leaf(n, p, data)
	} else {
		d.object(n, p, data)
	}
	return d.t, d.err
}

func place(p tree.Path) string {
	if len(p) == 0 {
		return "configuration"
	}
	return p.String()
}

type decoder struct {
	t   tree.Tree
	at  int // elements above the root of t
	err error
}

// DecodeError is what is wrong with JSON, and where. Of a value that its type
// does not take it wraps the *SyntaxError.
type DecodeError struct {
	Path tree.Path
	Err  error
}

func (e *DecodeError) Error() string { return fmt.Sprintf("decode %s: %v", place(e.Path), e.Err) }

// Unwrap returns what is wrong, without its place.
func (e *DecodeError) Unwrap() error { return e.Err }

func (d *decoder) fail(p tree.Path, format string, args ...any) {
	if d.err == nil {
		d.err = &DecodeError{p, fmt.Errorf(format, args...)}
	}
}

func (d *decoder) set(p tree.Path, v any) { d.t = d.t.Set(p[d.at:], v) }

var errObject = errors.New("want an object")

// members splits an object into its members, in order.
func members(data []byte, f func(name string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return cmpErr(err, errObject)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if err := f(name.(string), value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	return end(dec)
}

// end refuses what follows a value.
func end(dec *json.Decoder) error {
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("unexpected text after the end")
	}
	return nil
}

func cmpErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// object reads what is below the node at a path. Of an entry the keys have been
// read.
func (d *decoder) object(n *node, p tree.Path, data []byte) {
	if n.list() {
		d.set(p, nil) // a container comes with what is in it
	}
	seen := map[string]bool{}
	err := members(data, func(name string, value json.RawMessage) error {
		if n.parent == nil {
			name = strings.TrimPrefix(name, Module+":")
		}
		if seen[name] {
			return fmt.Errorf("%q is given twice", name)
		}
		seen[name] = true
		if n.list() {
			if is, err := d.isKey(n, p, name, value); is || err != nil {
				return err
			}
		}
		below := n.child(name)
		if below == nil {
			return fmt.Errorf("%q is not in the schema", name)
		}
		switch at := p.Child(name); {
		case below.leaf != nil:
			d.leaf(below, at, value)
		case below.list():
			d.list(below, at, value)
		default:
			d.object(below, at, value)
		}
		return d.err
	})
	if err != nil {
		d.fail(p, "%w", err)
	}
}

// isKey reports whether the member is a key of the entry at a path, and refuses
// one that is not the path's.
func (d *decoder) isKey(n *node, p tree.Path, name string, value []byte) (bool, error) {
	texts := n.block.keyTexts(p[len(p)-1].Key)
	for i, k := range n.block.Keys {
		if k.Name != name {
			continue
		}
		v, err := decodeValue(k.Type, value)
		if err == nil && (i >= len(texts) || k.Type.FormatText(v) != texts[i]) {
			err = errors.New("is not that of the entry")
		}
		if err != nil {
			return true, fmt.Errorf("key %s: %w", name, err)
		}
		return true, nil
	}
	return false, nil
}

func (d *decoder) list(n *node, p tree.Path, data []byte) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		d.fail(p, "want an array")
		return
	}
	for i := 0; dec.More() && d.err == nil; i++ {
		var entry json.RawMessage
		if err := dec.Decode(&entry); err != nil {
			d.fail(p, "entry %d: %w", i+1, err)
			return
		}
		key, err := entryKey(n.block, entry)
		if err != nil {
			d.fail(p, "entry %d: %w", i+1, err)
			return
		}
		at := p.Parent().Entry(n.name, key)
		if d.t.Exists(at[d.at:]) {
			d.fail(at, "entry is given twice")
			return
		}
		d.object(n, at, entry)
	}
}

// entryKey reads the keys of an entry's object.
func entryKey(b *Block, data []byte) (string, error) {
	values := make([]any, len(b.Keys))
	err := members(data, func(name string, value json.RawMessage) error {
		for i, k := range b.Keys {
			if k.Name != name {
				continue
			}
			v, err := decodeValue(k.Type, value)
			if err != nil {
				return fmt.Errorf("key %s: %w", name, err)
			}
			values[i] = v
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	for i, v := range values {
		if v == nil {
			return "", fmt.Errorf("key %s is missing", b.Keys[i].Name)
		}
	}
	key := b.Key(values...)
	if _, err := b.ParseKey(key); err != nil {
		return "", err
	}
	return key, nil
}

func (d *decoder) leaf(n *node, p tree.Path, data []byte) {
	if compact := bytes.Join(bytes.Fields(data), nil); string(compact) == noJSON {
		d.set(p, No)
		return
	}
	v, err := decodeValue(n.leaf.decl.Type, data)
	if err != nil {
		d.fail(p, "%w", err)
		return
	}
	d.set(p, v)
}

// decodeValue reads a value of the type. What is no value of it is told before
// that the JSON is of another kind.
func decodeValue(t AnyType, data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	var text string
	var kind JSONKind
	switch v := token.(type) {
	case string:
		text, kind = v, JSONString
	case json.Number:
		text, kind = v.String(), JSONNumber
	case bool:
		text, kind = strconv.FormatBool(v), JSONBool
	default:
		return nil, errors.New("want a value")
	}
	if err := end(dec); err != nil {
		return nil, err
	}
	if want := t.JSONKind(); want == JSONBool && kind != want {
		return nil, errors.New("want true or false")
	}
	v, err := t.ParseText(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q: %w", text, err)
	case kind == t.JSONKind():
	case kind == JSONString:
		return nil, errors.New("want a number, not a string")
	default:
		return nil, errors.New("want a string")
	}
	return v, nil
}
