package state

import (
	"iter"
	"maps"
	"sync"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
)

// view is the state at one moment; it implements feature.View.
type view struct {
	src     *Sources
	tree    tree.Tree
	running tree.Tree
	modules []feature.Module
	cards   map[int]*card
	sup     feature.Supervisor
	at      time.Time
	ports   func() []feature.PortState
}

var (
	_ feature.Observer = (*Store)(nil)
	_ feature.View     = (*view)(nil)
)

// View implements feature.Observer.
func (s *Store) View() feature.View {
	s.observe()
	v := &view{
		src: &s.src, tree: *s.tree.Load(), running: s.src.Running().Tree, modules: s.src.Modules(), sup: s.src.Supervisor(),
		at: time.Now().UTC().Round(0),
	}
	s.mu.Lock()
	v.cards = maps.Clone(s.cards)
	s.mu.Unlock()
	v.ports = sync.OnceValue(func() []feature.PortState { return portsOf(v.cards, v.running) })
	return v
}

// Tree implements feature.View.
func (v *view) Tree() tree.Tree { return v.tree }

// Samples implements feature.View.
func (v *view) Samples(at tree.Path) iter.Seq2[tree.Path, feature.Stamped] {
	return func(yield func(tree.Path, feature.Stamped) bool) {
		more := true
		// emitter yields what is emitted below a path, with a time for leaves that
		// have none.
		emitter := func(base tree.Path, when time.Time) feature.Emit {
			when = when.UTC().Round(0)
			return func(p tree.Path, value any, since time.Time) {
				if !more || !below(at, base, p) {
					return
				}
				if since.IsZero() {
					since = when
				}
				more = yield(base.Join(p), feature.Stamped{Value: value, At: since.UTC().Round(0)})
			}
		}
		v.samplePorts(at, emitter, &more)
		v.sampleModules(at, emitter, &more)
		for _, f := range v.src.Features {
			if more && f.Observe.SystemSamples != nil {
				f.Observe.SystemSamples(&v.sup, v.at, emitter(nil, v.at))
			}
		}
	}
}

func (v *view) samplePorts(at tree.Path, emitter func(tree.Path, time.Time) feature.Emit, more *bool) {
	if !overlaps(at, feature.InterfacesRoot) {
		return
	}
	sample := func(p *feature.PortState) {
		emit := emitter(feature.InterfacePath(p.Name), v.cards[p.Module].at)
		for _, f := range v.src.Features {
			if f.Observe.PortSamples != nil {
				f.Observe.PortSamples(p, emit)
			}
		}
	}
	if len(at) > 1 && at[1].Key != "" {
		if p := portOf(v.cards, v.running, at[1].Key); p != nil {
			sample(p)
		}
		return
	}
	ports := v.ports()
	for i := 0; i < len(ports) && *more; i++ {
		sample(&ports[i])
	}
}

func (v *view) sampleModules(at tree.Path, emitter func(tree.Path, time.Time) feature.Emit, more *bool) {
	if !overlaps(at, feature.ModulesRoot) {
		return
	}
	for i := 0; i < len(v.modules) && *more; i++ {
		emit := emitter(slotPath(v.modules[i].Slot), v.at)
		for _, f := range v.src.Features {
			if f.Observe.ModuleSamples != nil {
				f.Observe.ModuleSamples(&v.modules[i], emit)
			}
		}
	}
}

// overlaps reports whether one of two paths is at or above the other, where a
// list without a key is all of its entries.
func overlaps(a, b tree.Path) bool {
	for i := range min(len(a), len(b)) {
		if !matches(a[i], b[i]) {
			return false
		}
	}
	return true
}

// below reports whether the path base and then p is at or below at.
func below(at, base, p tree.Path) bool {
	if len(at) > len(base)+len(p) {
		return false
	}
	for i, e := range at {
		of := base
		if i >= len(base) {
			i, of = i-len(base), p
		}
		if !matches(e, of[i]) {
			return false
		}
	}
	return true
}

func matches(want, e tree.Elem) bool {
	return want.Name == e.Name && (want.Key == "" || want.Key == e.Key)
}
