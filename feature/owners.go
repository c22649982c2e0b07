package feature

import (
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Owners tell which feature declares a place of configuration or state, by the
// path of its names.
type Owners map[string]string

// NewOwners returns the owners of what features declare.
func NewOwners(all []Feature) Owners {
	o := Owners{}
	for _, f := range all {
		for _, g := range []schema.Group{f.Schema, f.State} {
			for _, b := range g.Blocks {
				o[b.Path] = f.Name
			}
			for _, l := range g.Leaves {
				if len(l.Mounts) == 0 {
					o[l.Path] = f.Name
				}
				for _, mount := range l.Mounts {
					o[mount+"/"+l.Path] = f.Name
				}
			}
			if g.Gate != nil {
				o[g.Gate.Path] = f.Name
			}
		}
	}
	return o
}

// Of returns the feature of a path of names: that of the nearest declaration at
// it or above, "" if there is none.
func (o Owners) Of(names string) string {
	for names != "" {
		if f, ok := o[names]; ok {
			return f
		}
		names = names[:max(0, strings.LastIndexByte(names, '/'))]
	}
	return ""
}

// Readable returns a tree without what the rights may not read. Of an entry that
// they may not, the name stays where they may read something below it.
func (o Owners) Readable(t tree.Tree, r Rights) tree.Tree {
	if o.ReadsAll(r) {
		return t
	}
	c := copier{o: o, rights: r, from: t, known: map[string]bool{}}
	c.below(nil)
	return c.to
}

// copier copies what may be read of a tree.
type copier struct {
	o        Owners
	rights   Rights
	from, to tree.Tree
	known    map[string]bool // what was asked of the rights, by feature
}

func (c *copier) below(at tree.Path) {
	for e := range c.from.Children(at) {
		p := at.Join(tree.Path{e})
		v, _ := c.from.Get(p)
		if (v != nil || e.Key != "") && c.reads(c.o.Of(p.Names())) {
			c.to = c.to.Set(p, v)
		}
		if v == nil {
			c.below(p)
		}
	}
}

func (c *copier) reads(feature string) bool {
	reads, ok := c.known[feature]
	if !ok {
		reads = c.rights.Reads(feature)
		c.known[feature] = reads
	}
	return reads
}

// ReadsAll reports whether the rights read what every feature knows.
func (o Owners) ReadsAll(r Rights) bool {
	if r.Admin {
		return true
	}
	if len(o) == 0 {
		return r.Reads("")
	}
	seen := map[string]bool{}
	for _, f := range o {
		if !seen[f] && !r.Reads(f) {
			return false
		}
		seen[f] = true
	}
	return true
}
