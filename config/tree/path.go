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
// '\' are escaped with '\'.
type Path []Elem

// MaxDepth bounds a parsed path, MaxText its length in bytes.
const (
	MaxDepth = 32
	MaxText  = 4096
)

// ErrPath is returned for text that is no path.
var ErrPath = errors.New("invalid path")

// Parse reads the text of a path. The empty text is the root.
func Parse(text string) (Path, error) {
	if len(text) > MaxText {
		return nil, ErrPath
	}
	var p Path
	for rest := text; rest != ""; {
		if len(p) == MaxDepth {
			return nil, ErrPath
		}
		if len(p) > 0 {
			if rest[0] != '/' {
				return nil, fmt.Errorf("%w: %q", ErrPath, text)
			}
			rest = rest[1:]
		}
		i := strings.IndexAny(rest, "/[]\\")
		if i < 0 {
			i = len(rest)
		}
		e := Elem{Name: rest[:i]}
		if e.Name == "" {
			return nil, fmt.Errorf("%w: %q", ErrPath, text)
		}
		rest = rest[i:]
		if strings.HasPrefix(rest, "[") {
			var ok bool
			if e.Key, rest, ok = cutKey(rest[1:]); !ok || e.Key == "" {
				return nil, fmt.Errorf("%w: %q", ErrPath, text)
			}
		}
		if rest != "" && rest[0] != '/' {
			return nil, fmt.Errorf("%w: %q", ErrPath, text)
		}
		p = append(p, e)
		if rest == "/" {
			return nil, fmt.Errorf("%w: %q", ErrPath, text)
		}
	}
	return p, nil
}

// cutKey reads an escaped key up to its closing bracket.
func cutKey(s string) (key, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ']':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) || s[i] != ']' && s[i] != '\\' {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// MustParse is Parse for paths written in the program.
func MustParse(text string) Path {
	p, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return p
}

var escape = strings.NewReplacer(`\`, `\\`, `]`, `\]`)

// String prints the path's text.
func (p Path) String() string {
	var b strings.Builder
	for i, e := range p {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(e.Name)
		if e.Key != "" {
			b.WriteByte('[')
			b.WriteString(escape.Replace(e.Key))
			b.WriteByte(']')
		}
	}
	return b.String()
}

// Names prints the path without keys, as schemas write it.
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

// Child returns the path with names appended, "switchport/mode".
func (p Path) Child(names string) Path {
	out := slices.Clip(slices.Clone(p))
	for n := range strings.SplitSeq(names, "/") {
		out = append(out, Elem{Name: n})
	}
	return out
}

// Entry returns the path with an entry of a list appended.
func (p Path) Entry(name, key string) Path {
	return append(slices.Clip(slices.Clone(p)), Elem{name, key})
}

// Equal reports whether two paths are the same.
func (p Path) Equal(o Path) bool { return slices.Equal(p, o) }

// HasPrefix reports whether p leads to o or below it.
func (p Path) HasPrefix(o Path) bool { return len(p) >= len(o) && slices.Equal(p[:len(o)], o) }
