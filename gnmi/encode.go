package gnmi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// encodings are those that Capabilities names, and Get and Subscribe answer in.
var encodings = []pb.Encoding{pb.Encoding_JSON, pb.Encoding_JSON_IETF, pb.Encoding_PROTO, pb.Encoding_ASCII}

func checkEncoding(e pb.Encoding) error {
	for _, known := range encodings {
		if e == known {
			return nil
		}
	}
	return status.Errorf(codes.Unimplemented, "encoding %s is not offered; there are JSON, JSON_IETF, PROTO and ASCII", e)
}

// encoder writes nodes of an image as JSON.
type encoder struct {
	ietf bool
	// wants reports whether a leaf is asked for; nil for all.
	wants func(*leaf) bool
	// there reports whether an entry is there if nothing of it is asked for; nil
	// for yes.
	there func(at tree.Path) bool
}

// node returns the JSON of the node at a path, whose tree is t, and whether
// anything of it is asked for. Depth is the number of levels below it that are
// written, negative for all.
func (e *encoder) node(n *node, t tree.Tree, at tree.Path, top bool, depth int) ([]byte, bool) {
	if v, ok := t.Get(nil); ok {
		if n.leaf == nil || e.wants != nil && !e.wants(n.leaf) {
			return nil, false
		}
		return n.leaf.json(v.(cell).value, e.ietf), true
	}
	var b bytes.Buffer
	some := false
	b.WriteByte('{')
	member := func(name, module string) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		if e.ietf && (top || module != n.module) {
			name = module + ":" + name
		}
		b.WriteString(strconv.Quote(name))
		b.WriteByte(':')
	}
	if depth == 0 {
		return nil, false
	}
	isEntry := n.list() && len(at) > 0 && at[len(at)-1].Key != ""
	if isEntry && !n.keyless {
		for i, text := range n.keyTexts(at[len(at)-1].Key) {
			if k := n.child(n.keys[i]); k != nil {
				// The tree may lack it, or the leaf not be asked for: it is in every entry.
				member(k.name, k.module)
				b.Write(k.leaf.json(typed(k.leaf, text), e.ietf))
				continue
			}
			member(n.keys[i], n.module)
			b.Write(ownKey(n.keyTypes[i], text))
		}
	}
	open := ""
	for elem := range t.Children(nil) {
		k := n.child(elem.Name)
		if k == nil || isEntry && k.isKey() {
			continue
		}
		sub, ok := e.node(k, t.Sub(tree.Path{elem}), at.Join(tree.Path{elem}), false, depth-1)
		if !ok {
			continue
		}
		some = true
		if open != "" && open != elem.Name {
			b.WriteByte(']')
			open = ""
		}
		switch {
		case open != "":
			b.WriteByte(',')
		default:
			member(k.name, k.module)
			if elem.Key != "" {
				b.WriteByte('[')
				open = elem.Name
			}
		}
		b.Write(sub)
	}
	if open != "" {
		b.WriteByte(']')
	}
	b.WriteByte('}')
	if isEntry && !some {
		some = e.there == nil || e.there(at)
	}
	return b.Bytes(), some
}

func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`) // never: a string can be written
	}
	return b
}

// ownKey writes a key of the product's own lists.
func ownKey(t schema.AnyType, text string) []byte {
	if t.JSONKind() == schema.JSONString {
		return quote(text)
	}
	return []byte(text)
}

// json writes a value.
func (l *leaf) json(v any, ietf bool) []byte {
	if l.typ != nil {
		if v == schema.No {
			return []byte("[null]") // as config/schema writes it
		}
		return ownKey(l.typ, l.typ.FormatText(v))
	}
	switch v := v.(type) {
	case bool:
		return []byte(strconv.FormatBool(v))
	case uint64:
		text := strconv.FormatUint(v, 10)
		if l.kind == aLong && ietf {
			return quote(text)
		}
		return []byte(text)
	case list:
		var b bytes.Buffer
		b.WriteByte('[')
		for i, m := range v.members() {
			if i > 0 {
				b.WriteByte(',')
			}
			if _, err := strconv.ParseUint(m, 10, 64); err == nil {
				b.WriteString(m)
			} else {
				b.Write(quote(m))
			}
		}
		b.WriteByte(']')
		return b.Bytes()
	case string:
		return quote(l.name(v, ietf))
	}
	return quote(fmt.Sprint(v))
}

// name writes an identity with its module only where that is the rule.
func (l *leaf) name(v string, ietf bool) string {
	if l.kind == anIdentity && !ietf {
		if _, name, ok := strings.Cut(v, ":"); ok {
			return name
		}
	}
	return v
}

func (l list) members() []string {
	if l == "" {
		return nil
	}
	return strings.Split(string(l), ",")
}

// typed returns the value of a leaf in an encoding.
func (l *leaf) typed(v any, enc pb.Encoding) *pb.TypedValue {
	switch enc {
	case pb.Encoding_JSON:
		return &pb.TypedValue{Value: &pb.TypedValue_JsonVal{JsonVal: l.json(v, false)}}
	case pb.Encoding_JSON_IETF:
		return &pb.TypedValue{Value: &pb.TypedValue_JsonIetfVal{JsonIetfVal: l.json(v, true)}}
	case pb.Encoding_ASCII:
		return &pb.TypedValue{Value: &pb.TypedValue_AsciiVal{AsciiVal: l.text(v)}}
	}
	switch v := v.(type) {
	case bool:
		return &pb.TypedValue{Value: &pb.TypedValue_BoolVal{BoolVal: v}}
	case uint64:
		return &pb.TypedValue{Value: &pb.TypedValue_UintVal{UintVal: v}}
	case list:
		members := &pb.ScalarArray{}
		for _, m := range v.members() {
			one := &pb.TypedValue{Value: &pb.TypedValue_StringVal{StringVal: m}}
			if n, err := strconv.ParseUint(m, 10, 64); err == nil {
				one = &pb.TypedValue{Value: &pb.TypedValue_UintVal{UintVal: n}}
			}
			members.Element = append(members.Element, one)
		}
		return &pb.TypedValue{Value: &pb.TypedValue_LeaflistVal{LeaflistVal: members}}
	}
	text := l.text(v)
	if l.typ != nil && v != schema.No && l.typ.JSONKind() == schema.JSONNumber {
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return &pb.TypedValue{Value: &pb.TypedValue_UintVal{UintVal: n}}
		}
	}
	return &pb.TypedValue{Value: &pb.TypedValue_StringVal{StringVal: text}}
}

// text is the value as the CLI writes it.
func (l *leaf) text(v any) string {
	switch {
	case v == schema.No:
		return "no"
	case l.typ != nil:
		return l.typ.FormatText(v)
	}
	switch v := v.(type) {
	case string:
		return l.name(v, false)
	case list:
		return string(v)
	}
	return fmt.Sprint(v)
}

// object wraps JSON in the value of an encoding.
func object(b []byte, enc pb.Encoding) *pb.TypedValue {
	if enc == pb.Encoding_JSON_IETF {
		return &pb.TypedValue{Value: &pb.TypedValue_JsonIetfVal{JsonIetfVal: b}}
	}
	return &pb.TypedValue{Value: &pb.TypedValue_JsonVal{JsonVal: b}}
}
