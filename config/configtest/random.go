package configtest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

// Random draws a tree that is valid by the schema and canonical: it holds
// nothing that its text would not say. References lead to entries that exist,
// inheritance has no loops, features that have settings are on. What features check beyond structure is not looked
// at. Leaves that have no line in the grammar, and those of types that
// RandomValue cannot draw, are left out.
func Random(s *schema.Schema, r *rand.Rand) tree.Tree {
	d := &drawer{s: s, r: r}
	d.entries()
	d.options()
	d.leaves()
	d.refused()
	for _, gate := range s.Closed(d.t) {
		d.t = d.t.Set(gate, true)
	}
	return Canonical(s, d.t)
}

// Canonical returns the tree without values that say what holds anyway.
func Canonical(s *schema.Schema, t tree.Tree) tree.Tree {
	for again := true; again; {
		again = false
		for p, v := range t.Leaves(nil) {
			if s.IsDefault(p, v) && !s.Overrides(t, p) {
				t = t.Delete(p)
				again = true
			}
		}
	}
	for _, b := range s.Blocks() {
		for p := range places(t, b.Path) {
			t = s.Tidy(t, p)
		}
	}
	return t
}

type drawer struct {
	s *schema.Schema
	r *rand.Rand
	t tree.Tree
}

// places yields the paths that names lead to, lists filled with their keys.
func places(t tree.Tree, names string) func(func(tree.Path) bool) {
	return func(yield func(tree.Path) bool) {
		walk(t, nil, strings.Split(names, "/"), yield)
	}
}

func walk(t tree.Tree, at tree.Path, names []string, yield func(tree.Path) bool) bool {
	if len(names) == 0 {
		return yield(at)
	}
	list := at.Child(names[0])
	keys := slices.Collect(t.Keys(list))
	if len(keys) == 0 {
		return walk(t, list, names[1:], yield)
	}
	for _, k := range keys {
		if !walk(t, at.Entry(names[0], k), names[1:], yield) {
			return false
		}
	}
	return true
}

// entries draws some entries of every list, outer lists first.
func (d *drawer) entries() {
	blocks := d.s.Blocks()
	slices.SortStableFunc(blocks, func(a, b *schema.Block) int {
		return strings.Count(a.Path, "/") - strings.Count(b.Path, "/")
	})
	for _, b := range blocks {
		if len(b.Keys) == 0 {
			continue
		}
		i := strings.LastIndexByte(b.Path, '/')
		above := ""
		if i >= 0 {
			above = b.Path[:i]
		}
		parents := []tree.Path{nil}
		if above != "" {
			parents = slices.Collect(places(d.t, above))
		}
		for _, parent := range parents {
			if d.listed(parent) {
				continue // of which there are no entries
			}
			for range d.r.IntN(6) {
				d.entry(b, parent.Child(b.Path[i+1:]))
			}
		}
	}
}

// listed reports whether a list without a key is at or above a path.
func (d *drawer) listed(p tree.Path) bool {
	for i := range p {
		if d.s.Place(p[:i+1]) == schema.List {
			return true
		}
	}
	return false
}

func (d *drawer) entry(b *schema.Block, list tree.Path) {
	values := make([]any, len(b.Keys))
	for i, k := range b.Keys {
		v, ok := RandomValue(k.Type, d.r)
		if !ok {
			return
		}
		values[i] = v
	}
	key := b.Key(values...)
	if _, err := b.ParseKey(key); err != nil {
		return
	}
	d.t = d.t.Set(list.Parent().Entry(list[len(list)-1].Name, key), nil)
}

// refused removes entries that an operator may not make.
func (d *drawer) refused() {
	for _, b := range d.s.Blocks() {
		if b.NoCreate == nil {
			continue
		}
		for p := range places(d.t, b.Path) {
			if key := p[len(p)-1].Key; key != "" && b.NoCreate(d.t, key) != "" {
				d.t = d.t.Delete(p)
			}
		}
	}
}

// options come first, as the kind of an entry may depend on them.
func (d *drawer) options() {
	for _, l := range d.s.Lines() {
		for name, rel := range l.Options {
			for p := range places(d.t, l.Path()) {
				if v, ok := RandomValue(l.Types[name], d.r); ok && d.t.Exists(p) && d.r.IntN(2) == 0 {
					d.t = d.t.Set(p.Join(rel), v)
				}
			}
		}
	}
}

// leaves draws values for about half of all places. Leaves of entries that
// others inherit from come before those of others.
func (d *drawer) leaves() {
	var lines []schema.Statement
	targets := map[string]bool{}
	for _, l := range d.s.Lines() {
		if l.Leaf == nil {
			continue
		}
		lines = append(lines, l)
		if l.Leaf.Path == schema.Inherit {
			targets[l.Leaf.Ref] = true
		}
	}
	rank := func(l schema.Statement) int {
		n := 4
		if l.Leaf.Path == schema.Inherit {
			n -= 2
		}
		for target := range targets {
			if strings.HasPrefix(l.Path(), target+"/") {
				n--
			}
		}
		return n
	}
	slices.SortStableFunc(lines, func(a, b schema.Statement) int { return rank(a) - rank(b) })
	for _, l := range lines {
		for p := range places(d.t, l.Path()) {
			if d.s.Place(p) == schema.ALeaf && d.r.IntN(2) == 0 {
				d.leaf(l, p)
			}
		}
	}
}

func (d *drawer) leaf(l schema.Statement, p tree.Path) {
	if !l.Leaf.AllowsKind(d.s.Kind(d.t, p)) {
		return
	}
	if d.s.Overrides(d.t, p) && d.r.IntN(3) == 0 {
		v := schema.No
		if l.Switch() {
			v = false
		} else if d.r.IntN(2) == 0 {
			v = d.s.Default(p)
		}
		d.t = d.t.Set(p, v)
		return
	}
	v, ok := d.value(l, p)
	if ok {
		d.t = d.t.Set(p, v)
	}
}

// value draws a value; one of a reference is the key of an entry that exists.
func (d *drawer) value(l schema.Statement, p tree.Path) (any, bool) {
	if l.Leaf.Ref == "" {
		return RandomValue(l.Leaf.Type, d.r)
	}
	target := d.s.Block(l.Leaf.Ref)
	own := d.s.EntryAbove(p)
	var keys []string
	for e := range places(d.t, l.Leaf.Ref) {
		key := e[len(e)-1].Key
		switch {
		case key == "":
			continue
		case own.Names() == l.Leaf.Ref && tree.Compare(key, own[len(own)-1].Key) >= 0:
			continue // only towards smaller keys, so that there is no loop
		case target.Kind != nil && d.s.Kind(d.t, p) != "" && target.Kind(d.t, key) != d.s.Kind(d.t, p):
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		if l.Leaf.Hard {
			return nil, false
		}
		return RandomValue(l.Leaf.Type, d.r)
	}
	v, err := l.Leaf.Type.ParseText(keys[d.r.IntN(len(keys))])
	return v, err == nil
}

// RandomValue draws a value of a type by what its syntax says: keywords, forms,
// the ranges and words of its notation. It is false for a type whose notation
// says too little.
func RandomValue(t schema.AnyType, r *rand.Rand) (any, bool) {
	if t.TypeName() == schema.Flag.Name {
		return r.IntN(2) == 0, true
	}
	for range 20 {
		text, ok := randomText(t, r)
		if !ok {
			return nil, false
		}
		v, err := t.ParseText(text)
		if err != nil {
			continue
		}
		// The text a value prints is canonical; not all text is.
		if back, err := t.ParseText(t.FormatText(v)); err == nil && back == v {
			return v, true
		}
	}
	return nil, false
}

func randomText(t schema.AnyType, r *rand.Rand) (string, bool) {
	how := t.How()
	if len(how.Samples) > 0 {
		return how.Samples[r.IntN(len(how.Samples))], true
	}
	if _, ok := t.Zero().(ether.VLANSet); ok && len(how.Forms) == 0 {
		var set ether.VLANSet
		for range r.IntN(6) {
			set = set.With(ether.VLANID(1 + r.IntN(30)))
		}
		return set.String(), true
	}
	switch {
	case len(how.Keywords) > 0:
		return how.Keywords[r.IntN(len(how.Keywords))].Text, true
	case len(how.Forms) > 0:
		return randomForm(how, how.Forms[r.IntN(len(how.Forms))], r)
	}
	return randomWord(how, r)
}

var (
	formPart = regexp.MustCompile(`<[^>]+>`)
	rangeOf  = regexp.MustCompile(`<(\d+)-(\d+)>`)
)

func randomForm(how schema.Syntax, form string, r *rand.Rand) (string, bool) {
	all := true
	text := formPart.ReplaceAllStringFunc(form, func(p string) string {
		typ := how.Types[strings.Trim(p, "<>")]
		if typ == nil {
			all = false
			return ""
		}
		v, ok := RandomValue(typ, r)
		if !ok {
			all = false
			return ""
		}
		return typ.FormatText(v)
	})
	return strings.ReplaceAll(text, "~", ""), all && !strings.ContainsAny(text, "[]{}|")
}

// letters of random words: what all kinds of names allow.
const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

// odd are words that mean something elsewhere on a line.
var odd = []string{"no", "a,b", "!", "#1", "?", "\"x", "y\"", "\"two words\"", "|", ";", "e|f", "g;h", "exit", "\\", "<x>", "é"}

func word(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(26+i%2*10)]
	}
	return string(b)
}

func randomWord(how schema.Syntax, r *rand.Rand) (string, bool) {
	switch n := how.Notation; {
	case rangeOf.MatchString(n):
		choices := strings.Split(n, ",")
		return rangeOf.ReplaceAllStringFunc(choices[r.IntN(len(choices))], func(s string) string {
			m := rangeOf.FindStringSubmatch(s)
			lo, _ := strconv.ParseUint(m[1], 10, 63)
			hi, _ := strconv.ParseUint(m[2], 10, 63)
			if hi > lo+20 && r.IntN(2) == 0 {
				hi = lo + 20 // values that meet again
			}
			return strconv.FormatUint(lo+r.Uint64N(hi-min(lo, hi)+1), 10)
		}), true
	case n == "WORD" && strings.Contains(how.Help, "UUID"):
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.Uint32N(1<<16), r.Uint32N(1<<16), r.Uint32N(1<<16), r.Uint64N(1<<48)), true
	case n == "WORD" && r.IntN(8) == 0:
		return strings.Fields(odd[r.IntN(len(odd))])[0], true
	case n == "WORD":
		return word(r, 1+r.IntN(10)), true
	case n == "LINE":
		words := make([]string, 1+r.IntN(4))
		for i := range words {
			if words[i] = word(r, 1+r.IntN(8)); r.IntN(4) == 0 {
				words[i] = odd[r.IntN(len(odd))]
			}
		}
		return strings.Join(words, " "), true
	case n == "A.B.C.D":
		return fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(223), r.IntN(256), r.IntN(256), r.IntN(256)), true
	case n == "E.E.E":
		return fmt.Sprintf("02%02x.%04x.%04x", r.IntN(256), r.IntN(1<<16), r.IntN(1<<16)), true
	}
	return "", false
}
