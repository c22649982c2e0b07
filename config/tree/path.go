package tree

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Elem is one step of a path: a name, with the key of the entry for a list.
// Several keys are joined with one blank.
type Elem struct{ Name, Key string }

// Path leads from the root to a node. Its text is
// "interfaces/interface[Vethernet3]/switchport/access-vlan"; in a key, ']' and
// '\' are escaped with '\'. Methods never change their receiver.
type Path []Elem

// Limits of the text that Parse reads.
const (
	MaxDepth = 32
	MaxText  = 16 << 10 // bytes
)

// ErrPath is wrapped by the errors of Parse.
var ErrPath = errors.New("invalid path")

// Parse reads the text of a path; Path.String is its inverse. The empty text is
// the root.
func Parse(text string) (Path, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > MaxText {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrPath, MaxText)
	}
	var p Path
	for i := 0; ; i++ {
		e, n, err := parseElem(text[i:])
		if err != nil {
			return nil, fmt.Errorf("%w: %s at byte %d of %q", ErrPath, err, i, text)
		}
		if p = append(p, e); len(p) > MaxDepth {
			return nil, fmt.Errorf("%w: more than %d elements", ErrPath, MaxDepth)
		}
		if i += n; i == len(text) {
			return p, nil
		}
		if text[i] != '/' {
			return nil, fmt.Errorf("%w: want '/' at byte %d of %q", ErrPath, i, text)
		}
	}
}

// parseElem reads one element and returns the bytes it takes.
func parseElem(s string) (e Elem, n int, err error) {
	n = strings.IndexAny(s, `/[`)
	if n < 0 {
		n = len(s)
	}
	if e.Name = s[:n]; !validName(e.Name) {
		return e, 0, errors.New("invalid name")
	}
	if n == len(s) || s[n] == '/' {
		return e, n, nil
	}
	var key strings.Builder
	for i := n + 1; i < len(s); i++ {
		switch s[i] {
		case ']':
			if key.Len() == 0 {
				return e, 0, errors.New("empty key")
			}
			e.Key = key.String()
			return e, i + 1, nil
		case '\\':
			i++
			if i == len(s) || s[i] != ']' && s[i] != '\\' {
				return e, 0, errors.New("invalid escape")
			}
		}
		key.WriteByte(s[i])
	}
	return e, 0, errors.New("key without end")
}

// validName reports whether s is a YANG identifier (RFC 7950 §6.2).
func validName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return s != ""
}

// String returns the text of the path.
func (p Path) String() string {
	var b strings.Builder
	for i, e := range p {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(e.Name)
		if e.Key == "" {
			continue
		}
		b.WriteByte('[')
		for j := range len(e.Key) {
			if e.Key[j] == ']' || e.Key[j] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(e.Key[j])
		}
		b.WriteByte(']')
	}
	return b.String()
}

// Names returns the names of the path without keys, as schemas write paths:
// "interfaces/interface/mtu".
func (p Path) Names() string {
	var b strings.Builder
	for i, e := range p {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(e.Name)
	}
	return b.String()
}

// Child returns the path of a leaf or container below p.
func (p Path) Child(name string) Path { return p.Entry(name, "") }

// Entry returns the path of a list entry below p.
func (p Path) Entry(name, key string) Path {
	return append(p[:len(p):len(p)], Elem{name, key})
}

// Join returns the path of what is at q below p.
func (p Path) Join(q Path) Path { return append(p[:len(p):len(p)], q...) }

// Parent returns the path without its last element; of the root, the root.
func (p Path) Parent() Path {
	if len(p) == 0 {
		return p
	}
	return p[: len(p)-1 : len(p)-1]
}

// Equal reports whether two paths name the same node.
func (p Path) Equal(q Path) bool { return slices.Equal(p, q) }

// HasPrefix reports whether q names p or a node above it.
func (p Path) HasPrefix(q Path) bool {
	return len(p) >= len(q) && slices.Equal(p[:len(q)], q)
}

// Compare orders paths as a tree does.
func (p Path) Compare(q Path) int { return slices.CompareFunc(p, q, compareElem) }
