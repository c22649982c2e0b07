package gnmi

import (
	"fmt"
	"iter"
	"strconv"
	"time"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// cell is a leaf of the trees that clients read.
type cell struct {
	value any
	at    int64 // nanoseconds since 1970: when the value was taken
	seq   uint32
}

// image is what clients read at one moment: configuration and state as one tree
// in the product's own schema, and the same as OpenConfig. It never changes.
// Images share what is equal, so that tree.Diff of two of them costs what has
// changed.
type image struct {
	running config.Snapshot
	view    feature.View
	own     tree.Tree
	open    tree.Tree
	// reads reports whether the client may read a sample; nil for all of them.
	reads func(names string) bool
}

// imageFor returns an image of now as a client may see it: without secrets for
// those who may not read them. OpenConfig has none.
func (s *Server) imageFor(who caller) *image {
	i := s.refresh()
	if who.Role.ReadsSecrets() {
		return i
	}
	hidden := *i
	for p, typ := range s.schema.Secrets(i.running.Tree) {
		if v, ok := i.own.Get(p); ok {
			c := v.(cell)
			c.value = typ.Mask()
			hidden.own = hidden.own.Set(p, c)
		}
	}
	if rights := s.rights(who); !s.cfg.Owners.ReadsAll(rights) {
		// OpenConfig mixes what features know, so it is for those who read all.
		hidden.own, hidden.open = s.cfg.Owners.Readable(hidden.own, rights), tree.Tree{}
		hidden.reads = func(names string) bool { return rights.Reads(s.cfg.Owners.Of(names)) }
	}
	return &hidden
}

// model is one origin as clients see it.
type model struct {
	origin string
	root   *node
	tree   func(*image) tree.Tree
	// samples yields the samples at or below a concrete path.
	samples func(i *image, at tree.Path) iter.Seq2[tree.Path, cell]
	// defaults returns the default in use of a leaf, nil for none.
	defaults func(i *image, at tree.Path) any
}

// refresh returns an image of now. What was committed or reported before the
// call is in it.
func (s *Server) refresh() *image {
	s.imaging.Lock()
	defer s.imaging.Unlock()
	old := s.image
	running := s.cfg.Store.Running()
	view := s.cfg.Observer.View()
	for range 3 { // a commit between the two reads
		again := s.cfg.Store.Running()
		if again.Generation == running.Generation {
			break
		}
		running, view = again, s.cfg.Observer.View()
	}
	next := &image{running: running, view: view, own: old.own, open: old.open}
	var before tree.Tree
	if old.view != nil {
		before = old.view.Tree()
	}
	next.merge(old.running.Tree, before)
	s.project(old, next)
	s.image = next
	return next
}

// merge brings the changes of configuration and state into the own tree.
func (i *image) merge(oldConfig, oldState tree.Tree) {
	now := i.view.Tree()
	at := i.running.At.UnixNano()
	for c := range tree.Diff(oldConfig, i.running.Tree) {
		switch {
		case c.New != nil:
			i.set(c.Path, c.New, at)
		case c.Old != nil:
			i.own = i.own.Delete(c.Path)
		case c.Added:
			i.own = i.own.Set(c.Path, nil)
		case !now.Exists(c.Path):
			i.own = i.own.Delete(c.Path)
		}
	}
	for c := range tree.Diff(oldState, now) {
		stamped, ok := c.New.(feature.Stamped)
		switch {
		case ok:
			i.set(c.Path, stamped.Value, stamped.At.UnixNano())
		case c.Old != nil:
			i.own = i.own.Delete(c.Path)
		case c.Added:
			i.own = i.own.Set(c.Path, nil)
		case !i.running.Tree.Exists(c.Path):
			i.own = i.own.Delete(c.Path)
		}
	}
}

func (i *image) set(p tree.Path, value any, at int64) { i.own = put(i.own, p, value, at) }

// put sets a cell unless it has the value already.
func put(t tree.Tree, p tree.Path, value any, at int64) tree.Tree {
	next := cell{value: value, at: at}
	if v, ok := t.Get(p); ok {
		old := v.(cell)
		if old.value == value {
			return t
		}
		next.seq = old.seq + 1
	}
	return t.Set(p, next)
}

// project brings what differs between two images into the OpenConfig tree of the
// newer one.
func (s *Server) project(old, next *image) {
	if old.view == nil {
		for i := range s.table {
			if e := &s.table[i]; !e.isList {
				s.projectEntry(next, e, "")
			}
		}
	}
	type place struct {
		e     *entries
		entry string
	}
	done := map[place]bool{}
	all := map[*entries]bool{}
	for c := range tree.Diff(old.own, next.own) {
		for i := range s.table {
			e := &s.table[i]
			n := len(e.place)
			switch {
			case e.isList && c.Path.HasPrefix(feature.ProfilesRoot):
				all[e] = true // what entries inherit may have changed
			case len(c.Path) < n || n == 0 || c.Path[:n].Names() != e.product:
			default:
				at := place{e, c.Path[n-1].Key}
				if !done[at] {
					done[at] = true
					s.projectEntry(next, e, at.entry)
				}
			}
		}
	}
	for e := range all {
		for key := range next.own.Keys(e.place) {
			if !done[place{e, key}] {
				s.projectEntry(next, e, key)
			}
		}
	}
}

// projectEntry makes the OpenConfig leaves of one entry of the product.
func (s *Server) projectEntry(i *image, e *entries, entry string) {
	key := e.keyOf(entry)
	base := e.openAt(key)
	product := e.productAt(entry)
	if e.isList && !i.own.Exists(product) {
		i.open = i.open.Delete(base)
		return
	}
	if base[len(base)-1].Key != "" {
		i.open = i.open.Set(base, nil)
	}
	for j := range e.rows {
		r := &e.rows[j]
		switch {
		case r.moving:
		case r.each != nil:
			i.members(base, product, r)
		default:
			at := base.Join(r.sub)
			if value, when := s.valueOf(i, product, key, r); value != nil {
				i.open = put(i.open, at, value, when)
			} else {
				i.open = i.open.Delete(at)
			}
		}
	}
}

// members makes the entries of a list without keys.
func (i *image) members(base, product tree.Path, r *row) {
	list := base.Join(r.sub[:len(r.sub)-2])
	keep := map[string]bool{}
	if v, ok := i.own.Get(product.Join(r.rel)); ok {
		c := v.(cell)
		for _, word := range r.each(c.value) {
			keep[word] = true
			entry := list.Parent().Entry(list[len(list)-1].Name, word)
			i.open = put(i.open, entry.Join(r.sub[len(r.sub)-2:]), word, c.at)
		}
	}
	var gone []string
	for key := range i.open.Keys(list) {
		if !keep[key] {
			gone = append(gone, key)
		}
	}
	for _, key := range gone {
		i.open = i.open.Delete(list.Parent().Entry(list[len(list)-1].Name, key))
	}
}

// valueOf returns the OpenConfig value of a row and when it was taken, nil for
// none.
func (s *Server) valueOf(i *image, product tree.Path, key string, r *row) (any, int64) {
	when := i.running.At.UnixNano()
	if i.running.At.IsZero() {
		when = s.began.UnixNano()
	}
	switch {
	case r.only != "" && feature.KindOf(key) != r.only:
		return nil, 0
	case r.key:
		return typed(r.node.leaf, fmt.Sprint(r.as.from(key))), when
	case r.fixed != "":
		return typed(r.node.leaf, r.constant(key)), when
	}
	at := product.Join(r.rel)
	if v, ok := i.own.Get(at); ok {
		c := v.(cell)
		if c.value == schema.No {
			c.value = s.schema.Default(at)
		}
		return r.as.from(c.value), c.at
	}
	l := s.schema.Leaf(at)
	if r.node.leaf.class != configLeaf || l == nil || l.Default == nil || !l.AllowsKind(s.schema.Kind(i.running.Tree, at)) {
		return nil, 0
	}
	if r.inForce {
		return r.as.from(s.schema.Value(i.running.Tree, at)), when
	}
	if _, inherited := s.schema.Inherited(i.running.Tree, at); inherited {
		return nil, 0
	}
	return r.as.from(s.schema.Default(at)), when
}

// typed reads a constant or a key.
func typed(l *leaf, text string) any {
	switch l.kind {
	case aBool:
		return text == "true"
	case aNumber, aLong:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil
		}
		return n
	}
	return text
}

// ownSamples are the samples in the product's own schema.
func ownSamples(i *image, at tree.Path) iter.Seq2[tree.Path, cell] {
	return func(yield func(tree.Path, cell) bool) {
		for p, v := range i.view.Samples(at) {
			if i.reads != nil && !i.reads(p.Names()) {
				continue
			}
			if !yield(p, cell{value: v.Value, at: v.At.UnixNano()}) {
				return
			}
		}
	}
}

// openSamples are the samples as OpenConfig.
func (s *Server) openSamples(i *image, at tree.Path) iter.Seq2[tree.Path, cell] {
	return func(yield func(tree.Path, cell) bool) {
		if i.reads != nil { // for those who read all, as the tree
			return
		}
		for j := range s.table {
			if !s.table[j].samples(i, at, yield) {
				return
			}
		}
	}
}

func (e *entries) samples(i *image, at tree.Path, yield func(tree.Path, cell) bool) bool {
	rows := map[string][]*row{}
	for j := range e.rows {
		if r := &e.rows[j]; r.moving {
			rows[r.leaf] = append(rows[r.leaf], r)
		}
	}
	n := min(len(at), len(e.at))
	if len(rows) == 0 || at[:n].Names() != e.at[:n].Names() {
		return true
	}
	from := e.place
	if e.isList && len(at) >= len(e.at) {
		entry, ok := e.entryOf(at[len(e.at)-1].Key)
		if !ok {
			return true
		}
		from = e.productAt(entry)
	}
	for p, v := range i.view.Samples(from) {
		if len(p) < len(e.place) {
			continue
		}
		for _, r := range rows[p[len(e.place):].String()] {
			value := r.as.from(v.Value)
			if value == nil {
				continue
			}
			entry := ""
			if e.isList {
				entry = p[len(e.place)-1].Key
			}
			if !yield(e.openAt(e.keyOf(entry)).Join(r.sub), cell{value: value, at: v.At.UnixNano()}) {
				return false
			}
		}
	}
	return true
}

// whole returns the tree of an image with the samples that a pattern covers.
func (p *pattern) whole(i *image) tree.Tree {
	t := p.model.tree(i)
	moving := false
	for _, n := range p.nodes {
		moving = moving || n.moving
	}
	if !moving {
		return t
	}
	for at, c := range p.model.samples(i, p.fixed) {
		if p.covers(at) {
			t = t.Set(at, c)
		}
	}
	return t
}

// now is the present time as clients read it.
func now() int64 { return time.Now().UnixNano() }
