package state

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
)

// systemEvery is how often the supervisor's own facts are observed.
const systemEvery = 10 * time.Second

// observed is what was made of the sources so far. Guarded by Store.seen.
type observed struct {
	running feature.Running
	modules map[int]feature.Module
	system  time.Time   // of the last observation; zero for never
	own     tree.Tree   // the leaves of System
	derived []tree.Tree // those of Running, by feature
}

// Run observes until ctx ends.
func (s *Store) Run(ctx context.Context) {
	tick := time.NewTicker(systemEvery)
	defer tick.Stop()
	for {
		began := time.Now()
		s.observe()
		if !rest(ctx, time.Since(began)) {
			return
		}
		select {
		case <-s.wake:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// rest waits three times as long as an observation took, a second at most: while
// commits come one after the other, thousands of ports are not to be looked at
// after each. It reports whether ctx goes on. Who asks for a View does not wait.
func rest(ctx context.Context, took time.Duration) bool {
	if took < 5*time.Millisecond {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(min(3*took, time.Second)):
		return true
	case <-ctx.Done():
		return false
	}
}

// Tree returns what was observed last.
func (s *Store) Tree() tree.Tree { return *s.tree.Load() }

// Subscribe implements feature.Observer.
func (s *Store) Subscribe() (wake <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers[c] = true
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subscribers, c)
	}
}

// observe brings the tree up to date with all sources.
func (s *Store) observe() {
	s.seen.Lock()
	defer s.seen.Unlock()
	now := time.Now()
	running, modules := s.src.Running(), s.src.Modules()
	s.mu.Lock()
	dirty, cards := s.dirty, maps.Clone(s.cards)
	s.dirty = map[string]time.Time{}
	s.mu.Unlock()

	was := *s.tree.Load()
	t := s.observeRunning(was, running, cards, dirty)
	t = s.observeModules(t, modules, cards, dirty, now)
	for name, at := range dirty {
		if name == feature.Mgmt0 { // the supervisor says of it what there is
			continue
		}
		t = s.observePort(t, name, at, cards)
	}
	if s.system.Swap(false) || now.Sub(s.observed.system) >= systemEvery {
		s.observed.system = now
		sup := s.src.Supervisor()
		own := leaves(s.observed.own, now, func(emit feature.Emit) {
			for _, f := range s.src.Features {
				if f.Observe.System != nil {
					f.Observe.System(&sup, emit)
				}
			}
		})
		t = apply(t, s.observed.own, own)
		s.observed.own = own
	}
	if t == was {
		return
	}
	s.tree.Store(&t)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.subscribers {
		select {
		case c <- struct{}{}:
		default: // it has yet to take note of an earlier change
		}
	}
}

// observeRunning takes note of a new configuration: what follows from it, and
// which ports it makes anew.
func (s *Store) observeRunning(t tree.Tree, now feature.Running, cards map[int]*card, dirty map[string]time.Time) tree.Tree {
	o := &s.observed
	was := o.running.Tree
	o.running = now
	if o.derived == nil {
		o.derived = make([]tree.Tree, len(s.src.Features))
	} else if was == now.Tree {
		return t
	}
	add := func(name string) { mark(dirty, name, now.At) }
	for c := range tree.Diff(was.Sub(feature.InterfacesRoot), now.Tree.Sub(feature.InterfacesRoot)) {
		add(c.Path[0].Key)
	}
	profiles := map[string]bool{}
	for c := range tree.Diff(was.Sub(feature.ProfilesRoot), now.Tree.Sub(feature.ProfilesRoot)) {
		profiles[c.Path[0].Key] = true
	}
	for port := range feature.Heirs(now.Tree, profiles) {
		add(port)
	}
	differs := func(paths []tree.Path) bool {
		return slices.ContainsFunc(paths, func(p tree.Path) bool { return !was.Sub(p).Equal(now.Tree.Sub(p)) })
	}
	every := false
	for i, f := range s.src.Features {
		every = every || differs(f.Observe.PortReads)
		// A function that has emitted nothing yet may do so without configuration.
		if f.Observe.Running == nil || !o.derived[i].Empty() && !differs(f.Observe.Reads) {
			continue
		}
		derived := leaves(o.derived[i], now.At, func(emit feature.Emit) { f.Observe.Running(now, emit) })
		t = apply(t, o.derived[i], derived)
		o.derived[i] = derived
	}
	if every {
		for name := range feature.Configured(now.Tree) {
			add(name)
		}
		for _, c := range cards {
			for name := range c.index {
				add(name)
			}
		}
	}
	return t
}

// observeModules takes note of cards that came, changed or went.
func (s *Store) observeModules(t tree.Tree, modules []feature.Module, cards map[int]*card, dirty map[string]time.Time, now time.Time) tree.Tree {
	o := &s.observed
	known := map[int]feature.Module{}
	for _, m := range modules {
		known[m.Slot] = m
	}
	for key := range o.running.Tree.Keys(slotsPath) {
		if slot, err := strconv.Atoi(key); err == nil && known[slot].Slot == 0 {
			known[slot] = feature.Module{Slot: slot}
		}
	}
	for slot := range o.modules {
		if _, ok := known[slot]; !ok {
			t = t.Delete(slotPath(slot))
		}
	}
	came := map[int]time.Time{} // or went
	for slot, m := range known {
		old, ok := o.modules[slot]
		if ok && same(&old, &m) {
			continue
		}
		if old.Status != m.Status {
			came[slot] = orNow(m.Since, now)
		}
		entry := slotPath(slot)
		t = t.Graft(entry, leaves(t.Sub(entry), now, func(emit feature.Emit) {
			for _, f := range s.src.Features {
				if f.Observe.Module != nil {
					f.Observe.Module(&m, emit)
				}
			}
		}))
	}
	o.modules = known
	if len(came) == 0 {
		return t
	}
	for slot, at := range came {
		if c := cards[slot]; c != nil {
			for name := range c.index {
				mark(dirty, name, at)
			}
		}
	}
	for name := range feature.Configured(o.running.Tree) {
		if at, ok := came[feature.SlotOf(o.running.Tree, name)]; ok {
			mark(dirty, name, at)
		}
	}
	return t
}

// mark has a port observed, for what happened last.
func mark(dirty map[string]time.Time, name string, at time.Time) {
	if t, ok := dirty[name]; !ok || t.Before(at) {
		dirty[name] = at
	}
}

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}

// same reports whether two states of a module differ in counters and the time of
// the last message only.
func same(a, b *feature.Module) bool {
	return a.Slot == b.Slot && a.Status == b.Status && a.EverSeen == b.EverSeen && a.UUID == b.UUID && a.Host == b.Host &&
		a.Address == b.Address && a.Version == b.Version && a.OS == b.OS && a.Since.Equal(b.Since) && a.MAC == b.MAC &&
		a.Desired == b.Desired && a.Applied == b.Applied && slices.Equal(a.Unsupported, b.Unsupported)
}

// observePort makes the leaves of one interface anew, or removes those of one
// that is no more.
func (s *Store) observePort(t tree.Tree, name string, at time.Time, cards map[int]*card) tree.Tree {
	o := &s.observed
	entry := feature.InterfacePath(name)
	report := portOf(cards, o.running.Tree, name)
	if report == nil && !o.running.Tree.Exists(entry) {
		return t.Delete(entry)
	}
	s.mu.Lock()
	transitions := s.transitions[name]
	s.mu.Unlock()
	before := t.Sub(entry)
	slot := feature.PlaceOf(o.running.Tree, name, report)
	port := feature.Observed{
		Name: name, Report: report, Config: o.running, At: at, Before: before, Transitions: transitions,
		Slot: slot, Card: o.modules[slot].Status, CardSince: o.modules[slot].Since,
	}
	return t.Graft(entry, leaves(before, at, func(emit feature.Emit) {
		for _, f := range s.src.Features {
			if f.Observe.Port != nil {
				f.Observe.Port(&port, emit)
			}
		}
	}))
}

// leaves returns what is emitted, as a tree of Stamped values. A leaf that has
// the value it had before keeps its time, and a tree without a difference is the
// one before.
func leaves(before tree.Tree, at time.Time, run func(feature.Emit)) tree.Tree {
	// Mostly all leaves are there again, few with another value: change those.
	t, again := before, 0
	run(func(p tree.Path, value any, since time.Time) {
		old, ok := before.Get(p)
		if ok {
			again++
		}
		if !ok || old.(feature.Stamped).Value != value {
			t = t.Set(p, stamp(value, since, at))
		}
	})
	if again == before.Len() {
		return t
	}
	t = tree.Tree{}
	run(func(p tree.Path, value any, since time.Time) {
		if old, ok := before.Get(p); ok && old.(feature.Stamped).Value == value {
			t = t.Set(p, old)
		} else {
			t = t.Set(p, stamp(value, since, at))
		}
	})
	return t
}

func stamp(value any, since, at time.Time) feature.Stamped {
	if since.IsZero() {
		since = at
	}
	return feature.Stamped{Value: value, At: since.UTC().Round(0)}
}

// apply brings what led from one tree of leaves to the other to t, which holds
// them among others.
func apply(t, old, now tree.Tree) tree.Tree {
	for c := range tree.Diff(old, now) {
		if c.New != nil || c.Added {
			t = t.Set(c.Path, c.New)
		} else {
			t = t.Delete(c.Path)
		}
	}
	return t
}

var slotsPath = feature.ModulesRoot.Child("vem")

func slotPath(slot int) tree.Path {
	return feature.ModulesRoot.Entry("vem", strconv.Itoa(slot))
}
