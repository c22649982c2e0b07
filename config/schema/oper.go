package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Oper declares a leaf of operational state: it has a type and a help text, and
// no line. Augment mounts it as any other leaf.
func Oper(path string, typ AnyType, help string) Leaf {
	return Leaf{Path: path, Type: typ, Help: help, Hidden: true}
}

// CompileState joins the operational groups of all features into a Schema of
// their own. Its lists are those of configuration, on whose entries leaves are
// mounted, and those that the groups declare. No node of it may be a leaf of
// configuration or hang below one: both trees are read through one set of paths.
func CompileState(config *Schema, groups ...Group) (*Schema, error) {
	var lists Group
	for _, b := range config.blocks {
		if len(b.Keys) > 0 {
			lists.Blocks = append(lists.Blocks, Block{Path: b.Path, Keys: b.Keys, Help: b.Help})
		}
	}
	s, err := Compile(append([]Group{lists}, groups...)...)
	if err != nil {
		return nil, fmt.Errorf("operational state: %w", err)
	}
	var errs []error
	for _, l := range s.leaves {
		if l.decl.Line != "" {
			errs = append(errs, fmt.Errorf("schema: operational leaf %s has a line", l.node.path))
		}
		for path := l.node.path; path != ""; {
			if n := config.byNames(path); n != nil && (n.leaf != nil || path == l.node.path) {
				errs = append(errs, fmt.Errorf("schema: operational leaf %s is configuration at %s", l.node.path, path))
			}
			i := strings.LastIndexByte(path, '/')
			path = path[:max(i, 0)]
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// Paths returns the paths of all leaves, names only, in order of declaration,
// each once for every mount.
func (s *Schema) Paths() []string {
	paths := make([]string, len(s.leaves))
	for i, l := range s.leaves {
		paths[i] = l.node.path
	}
	return paths
}

// Counter is the type of numbers that a line card or supervisor counts or
// measures.
var Counter = Type[uint64]{
	Name:   "counter",
	Syntax: Syntax{Notation: "<0-18446744073709551615>", Help: "Count"},
	Parse: func(s string) (uint64, error) {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return 0, ErrInvalid
		}
		return n, nil
	},
	Format: func(v uint64) string { return strconv.FormatUint(v, 10) },
	Yang:   "uint64", // a string in JSON (RFC 7951 §6.1)
}

// Moment is the type of times, to the nanosecond, in UTC.
var Moment = Type[time.Time]{
	Name:   "moment",
	Syntax: Syntax{Notation: "WORD", Help: "Date and time (RFC 3339)"},
	Parse: func(s string) (time.Time, error) {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return t, ErrInvalid
		}
		return t.UTC(), nil
	},
	Format: func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
}

// Text is the type of texts of any length, as a card or its host gives them.
var Text = Type[string]{
	Name:   "text",
	Syntax: Syntax{Notation: "LINE", Help: "Text", Rest: true},
	Parse:  func(s string) (string, error) { return s, nil },
	Format: func(s string) string { return s },
}
