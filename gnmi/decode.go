package gnmi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	pb "github.com/openconfig/gnmi/proto/gnmi"
)

// shape is what a value looks like before its type is known.
type shape uint8

const (
	nullShape shape = iota
	boolShape
	numberShape
	stringShape
	arrayShape
	objectShape
)

// value is what a client sent: a scalar, or JSON of either flavour.
type value struct {
	shape   shape
	text    string // of a string, number or boolean
	members []member
	items   []value
	// loose values are text that may stand for any scalar.
	loose bool
}

type member struct {
	name  string
	value value
}

// Bounds of JSON.
const (
	maxLevels = 64
	maxValues = 1 << 20
)

// readValue reads the value of an update.
func readValue(v *pb.TypedValue) (value, error) {
	switch x := v.GetValue().(type) {
	case *pb.TypedValue_JsonVal:
		return readJSON(x.JsonVal)
	case *pb.TypedValue_JsonIetfVal:
		return readJSON(x.JsonIetfVal)
	case *pb.TypedValue_StringVal:
		return value{shape: stringShape, text: x.StringVal}, nil
	case *pb.TypedValue_AsciiVal:
		return value{shape: stringShape, text: x.AsciiVal, loose: true}, nil
	case *pb.TypedValue_IntVal:
		return value{shape: numberShape, text: strconv.FormatInt(x.IntVal, 10)}, nil
	case *pb.TypedValue_UintVal:
		return value{shape: numberShape, text: strconv.FormatUint(x.UintVal, 10)}, nil
	case *pb.TypedValue_BoolVal:
		return value{shape: boolShape, text: strconv.FormatBool(x.BoolVal)}, nil
	case *pb.TypedValue_DoubleVal:
		return value{shape: numberShape, text: strconv.FormatFloat(x.DoubleVal, 'f', -1, 64)}, nil
	case *pb.TypedValue_LeaflistVal:
		out := value{shape: arrayShape}
		for _, e := range x.LeaflistVal.GetElement() {
			if _, nested := e.GetValue().(*pb.TypedValue_LeaflistVal); nested {
				return value{}, errors.New("a leaf-list in a leaf-list")
			}
			item, err := readValue(e)
			if err != nil {
				return value{}, err
			}
			out.items = append(out.items, item)
		}
		return out, nil
	case nil:
		return value{}, errors.New("no value is given")
	}
	return value{}, errors.New("want JSON, JSON_IETF or a scalar")
}

// readJSON reads one JSON text. A member that comes twice is an error.
func readJSON(data []byte) (value, error) {
	r := &reader{dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	v, err := r.value(0)
	if err != nil {
		return value{}, fmt.Errorf("JSON: %w", err)
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return value{}, errors.New("JSON: unexpected text after the end")
	}
	return v, nil
}

type reader struct {
	dec   *json.Decoder
	count int
}

func (r *reader) value(level int) (value, error) {
	if r.count++; r.count > maxValues {
		return value{}, fmt.Errorf("more than %d values", maxValues)
	}
	if level > maxLevels {
		return value{}, fmt.Errorf("more than %d levels", maxLevels)
	}
	token, err := r.dec.Token()
	if err != nil {
		return value{}, err
	}
	switch t := token.(type) {
	case string:
		return value{shape: stringShape, text: t}, nil
	case json.Number:
		return value{shape: numberShape, text: t.String()}, nil
	case bool:
		return value{shape: boolShape, text: strconv.FormatBool(t)}, nil
	case json.Delim:
		if t == '[' {
			return r.array(level)
		}
		return r.object(level)
	}
	return value{shape: nullShape}, nil
}

func (r *reader) array(level int) (value, error) {
	out := value{shape: arrayShape}
	for r.dec.More() {
		v, err := r.value(level + 1)
		if err != nil {
			return value{}, err
		}
		out.items = append(out.items, v)
	}
	_, err := r.dec.Token()
	return out, err
}

func (r *reader) object(level int) (value, error) {
	out := value{shape: objectShape}
	seen := map[string]bool{}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return value{}, err
		}
		name := token.(string)
		if _, plain, ok := strings.Cut(name, ":"); ok {
			name = plain
		}
		if seen[name] {
			return value{}, fmt.Errorf("%q is given twice", name)
		}
		seen[name] = true
		v, err := r.value(level + 1)
		if err != nil {
			return value{}, err
		}
		out.members = append(out.members, member{name, v})
	}
	_, err := r.dec.Token()
	return out, err
}

// plain writes the value as JSON without module names.
func (v value) plain(b *bytes.Buffer) {
	switch v.shape {
	case nullShape:
		b.WriteString("null")
	case stringShape:
		b.Write(quote(v.text))
	case arrayShape:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.plain(b)
		}
		b.WriteByte(']')
	case objectShape:
		b.WriteByte('{')
		for i, m := range v.members {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(quote(m.name))
			b.WriteByte(':')
			m.value.plain(b)
		}
		b.WriteByte('}')
	default:
		b.WriteString(v.text)
	}
}

func (v value) String() string {
	var b bytes.Buffer
	v.plain(&b)
	return clip(b.String())
}

// open reads the value of an OpenConfig leaf. The error says what was expected.
func (l *leaf) open(v value) (any, error) {
	if l.many {
		if v.shape != arrayShape {
			return nil, fmt.Errorf("want an array, got %s", v)
		}
		members := make([]string, len(v.items))
		for i, item := range v.items {
			if item.shape != numberShape && item.shape != stringShape || item.text == "" || strings.ContainsAny(item.text, ", ") {
				return nil, fmt.Errorf("want numbers and ranges, got %s", item)
			}
			members[i] = item.text
		}
		return list(strings.Join(members, ",")), nil
	}
	switch l.kind {
	case aBool:
		if v.shape == boolShape || v.loose && (v.text == "true" || v.text == "false") {
			return v.text == "true", nil
		}
		return nil, fmt.Errorf("want true or false, got %s", v)
	case aNumber, aLong:
		text := v.shape == stringShape && (v.loose || l.kind == aLong)
		if n, err := strconv.ParseUint(v.text, 10, 64); err == nil && (v.shape == numberShape || text) {
			return n, nil
		}
		return nil, fmt.Errorf("want a whole number, got %s", v)
	}
	if v.shape != stringShape {
		return nil, fmt.Errorf("want a string, got %s", v)
	}
	switch l.kind {
	case anEnum:
		if !slices.Contains(l.names, v.text) {
			return nil, fmt.Errorf("want %s, got %s", strings.Join(l.names, " or "), v)
		}
	case anIdentity:
		for _, name := range l.names {
			module, plain, _ := strings.Cut(name, ":")
			switch {
			case plain == "": // any of the module
				return module + ":" + strings.TrimPrefix(v.text, module+":"), nil
			case v.text == name || v.text == plain:
				return name, nil
			}
		}
		return nil, fmt.Errorf("want an identity, got %s", v)
	}
	return v.text, nil
}
