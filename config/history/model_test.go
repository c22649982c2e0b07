package history_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/draft"
	"trunkline/config/history"
	"trunkline/config/tree"
)

// state is a configuration as the model has it: names of VLANs by number. "" is
// a VLAN without a name.
type state map[int]string

func (s state) String() string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		out = append(out, fmt.Sprintf("%d=%s", k, s[k]))
	}
	return strings.Join(out, " ")
}

func vlan(n int) tree.Path { return tree.Path{{Name: "vlans"}, {Name: "vlan", Key: fmt.Sprint(n)}} }

func stateOf(t tree.Tree) state {
	s := state{}
	for n := 2; n < 2+vlans; n++ {
		if t.Exists(vlan(n)) {
			v, _ := t.Get(vlan(n).Child("name"))
			s[n], _ = v.(string)
		}
	}
	return s
}

const vlans = 6

// edit is one change of one VLAN: a name, or its removal.
type edit struct {
	vlan   int
	name   string
	remove bool
}

func (e edit) of() []config.Edit {
	if e.remove {
		return []config.Edit{{Op: config.Delete, Path: vlan(e.vlan)}}
	}
	return []config.Edit{{Op: config.Set, Path: vlan(e.vlan)}, {Op: config.Set, Path: vlan(e.vlan).Child("name"), Value: e.name}}
}

func (e edit) to(s state) state {
	s = maps.Clone(s)
	if delete(s, e.vlan); !e.remove {
		s[e.vlan] = e.name
	}
	return s
}

// saved is a checkpoint of the model.
type saved struct {
	name string
	of   state
}

// sketch is a draft of the model.
type sketch struct {
	base  state
	edits []edit
}

// model is what the engine should hold.
type model struct {
	running     state
	commits     []state // oldest first
	back        state   // what a confirmed commit goes back to; nil: none is pending
	deadline    time.Time
	checkpoints []saved // oldest first
	drafts      map[string]*sketch
}

func (m *model) commit(s state) {
	if s.String() != m.running.String() {
		m.running = s
		m.commits = append(m.commits, s)
	}
}

// tick brings back what was not confirmed in time.
func (m *model) tick() {
	if m.back != nil && !time.Now().Before(m.deadline) {
		m.commit(m.back)
		m.back = nil
	}
}

// merge applies a sketch to what runs; it conflicts where both changed a VLAN and
// did not make the same of it.
func (m *model) merge(s *sketch) (state, bool) {
	mine := s.base
	for _, e := range s.edits {
		mine = e.to(mine)
	}
	next := m.running
	for _, e := range s.edits {
		next = e.to(next)
	}
	at := func(s state, n int) string {
		if name, ok := s[n]; ok {
			return "=" + name
		}
		return ""
	}
	for n := 2; n < 2+vlans; n++ {
		was, a, b := at(s.base, n), at(mine, n), at(m.running, n)
		if was != a && was != b && a != b {
			return nil, true
		}
	}
	return next, false
}

// world is the engine beside its model.
type world struct {
	t       *testing.T
	r       *rand.Rand
	model   model
	backend configtest.Backend
	store   *config.Store
	history *history.History
	drafts  *draft.Registry
	kill    context.CancelFunc
	log     []string
}

var meta = config.Meta{User: "admin", From: "console"}

// start starts the engine anew, as after a kill: drafts are lost.
func (w *world) start() {
	w.t.Helper()
	if w.kill != nil {
		w.kill()
	}
	var err error
	if w.store, err = config.Open(w.t.Context(), configtest.Schema(), &w.backend, config.Hooks{}, tree.Tree{}); err != nil {
		w.t.Fatal(err)
	}
	if w.history, err = history.Open(w.t.Context(), w.store, &w.backend); err != nil {
		w.t.Fatal(err)
	}
	w.drafts = draft.New(w.store)
	w.model.drafts = map[string]*sketch{}
	var ctx context.Context
	ctx, w.kill = context.WithCancel(w.t.Context())
	go w.store.KeepTrials(ctx, func(err error) { w.t.Error(err) })
	synctest.Wait()
}

func (w *world) draw() edit {
	return edit{2 + w.r.IntN(vlans), string(rune('a' + w.r.IntN(3))), w.r.IntN(3) == 0}
}

// want fails unless an error is the expected one; nil expects none.
func (w *world) want(got, want error) {
	w.t.Helper()
	if want == nil && got != nil || want != nil && !errors.Is(got, want) {
		w.t.Fatalf("%v: got %v, want %v", w.log, got, want)
	}
}

// held is what an operator's change gets.
func (w *world) held() error {
	if w.model.back != nil {
		return config.ErrHeld
	}
	return nil
}

// step takes one random step on both sides.
func (w *world) step() {
	ctx, m := w.t.Context(), &w.model
	kind := w.r.IntN(13)
	w.log = append(w.log, fmt.Sprint(kind))
	switch kind {
	case 0, 1, 2: // a line
		e, c := w.draw(), w.store.Begin()
		w.want(c.Apply(e.of()...), nil)
		_, err := w.store.Commit(ctx, c, meta)
		w.want(err, w.held())
		if err == nil {
			m.commit(e.to(m.running))
		}
	case 3: // on trial
		e, c, d := w.draw(), w.store.Begin(), time.Duration(1+w.r.IntN(20))*time.Second
		w.want(c.Apply(e.of()...), nil)
		_, err := w.history.Commit(ctx, c, meta, history.Confirm{ID: "x", Within: d})
		w.want(err, w.held())
		if err == nil {
			m.back, m.deadline = m.running, time.Now().Add(d)
			if m.commit(e.to(m.running)); len(m.commits) == 0 {
				m.commits = append(m.commits, m.running) // what it goes back to is stored
			}
		}
	case 4: // confirmed
		err := w.store.Confirm(ctx, "x")
		if m.back == nil {
			w.want(err, config.ErrNoTrial)
			return
		}
		w.want(err, nil)
		m.back = nil
	case 5: // cancelled
		_, err := w.store.Cancel(ctx, "x", meta)
		if m.back == nil {
			w.want(err, config.ErrNoTrial)
			return
		}
		w.want(err, nil)
		m.commit(m.back)
		m.back = nil
	case 6: // time passes
		time.Sleep(time.Duration(w.r.IntN(15)) * time.Second)
		synctest.Wait()
		m.tick()
	case 7: // a checkpoint, some with names
		w.save([]string{"", "one", "two", "three"}[w.r.IntN(4)])
	case 8: // a checkpoint goes
		name := "none"
		if n := len(m.checkpoints); n > 0 {
			i := w.r.IntN(n)
			name = m.checkpoints[i].name
			m.checkpoints = slices.Delete(m.checkpoints, i, i+1)
			w.want(w.history.Delete(ctx, name), nil)
			return
		}
		w.want(w.history.Delete(ctx, name), history.ErrNoCheckpoint)
	case 9: // a rollback
		if len(m.checkpoints) == 0 {
			return
		}
		c := m.checkpoints[w.r.IntN(len(m.checkpoints))]
		_, t, err := w.history.Checkpoint(ctx, c.name)
		w.want(err, nil)
		_, _, err = w.history.Restore(ctx, t, meta, history.Confirm{})
		w.want(err, w.held())
		if err == nil {
			m.commit(c.of)
		}
	case 10: // a line of a draft
		name := string(rune('p' + w.r.IntN(2)))
		d, resumed, err := w.drafts.Open(name, "admin", "console")
		w.want(err, nil)
		if resumed != (m.drafts[name] != nil) {
			w.t.Fatalf("%v: draft %s: resumed %v", w.log, name, resumed)
		}
		if !resumed {
			m.drafts[name] = &sketch{base: m.running}
		}
		e := w.draw()
		w.want(d.Add(draft.Line{Text: "line", Edits: e.of()}), nil)
		m.drafts[name].edits = append(m.drafts[name].edits, e)
	case 11: // a draft is committed, taken over or dropped
		w.finish()
	case 12: // killed, and started some time later
		w.kill()
		time.Sleep(time.Duration(w.r.IntN(15)) * time.Second)
		w.start()
		m.tick()
	}
}

func (w *world) save(name string) {
	m := &w.model
	exists := func(name string) bool {
		return slices.ContainsFunc(m.checkpoints, func(c saved) bool { return c.name == name })
	}
	c, err := w.history.Save(w.t.Context(), name, "", meta)
	if exists(name) {
		w.want(err, history.ErrExists)
		return
	}
	if len(m.checkpoints) == history.MaxUser {
		// At most three have names, so one has not.
		i := slices.IndexFunc(m.checkpoints, func(c saved) bool { return strings.HasPrefix(c.name, "user-") })
		m.checkpoints = slices.Delete(m.checkpoints, i, i+1)
	}
	for n := 1; name == ""; n++ {
		if free := fmt.Sprint("user-checkpoint-", n); !exists(free) {
			name = free
		}
	}
	w.want(err, nil)
	if c.Name != name {
		w.t.Fatalf("%v: checkpoint %s, want %s", w.log, c.Name, name)
	}
	m.checkpoints = append(m.checkpoints, saved{name, m.running})
}

// finish does one thing with the first draft.
func (w *world) finish() {
	m := &w.model
	if len(m.drafts) == 0 {
		return
	}
	name := slices.Sorted(maps.Keys(m.drafts))[0]
	d, err := w.drafts.Find(name)
	w.want(err, nil)
	switch w.r.IntN(4) {
	case 0:
		w.want(d.Abort(), nil)
		delete(m.drafts, name)
	case 1:
		w.want(d.Renew(), nil)
		m.drafts[name].base = m.running
	default:
		_, verdict := d.Verify()
		_, err := d.Commit(func(c *config.Candidate) (config.Result, error) {
			return w.history.Commit(w.t.Context(), c, meta, history.Confirm{})
		})
		next, conflict := m.merge(m.drafts[name])
		if conflict {
			w.want(verdict, config.ErrConflict)
		} else {
			w.want(verdict, nil)
		}
		switch {
		case m.back != nil:
			w.want(err, config.ErrHeld)
		case conflict:
			w.want(err, config.ErrConflict)
		default:
			w.want(err, nil)
			m.commit(next)
			delete(m.drafts, name)
			w.want(d.Abort(), draft.ErrClosed)
		}
	}
}

// compare holds everything that can be asked against the model.
func (w *world) compare() {
	w.t.Helper()
	m := &w.model
	if got := stateOf(w.store.Running().Tree); got.String() != m.running.String() {
		w.t.Fatalf("%v: running %v, want %v", w.log, got, m.running)
	}
	if p, ok := w.store.Trial(); ok != (m.back != nil) || ok && !p.Deadline.Equal(m.deadline) {
		w.t.Fatalf("%v: pending %v until %v, want %v until %v", w.log, ok, p.Deadline, m.back != nil, m.deadline)
	}
	var names []string
	for _, c := range w.history.Checkpoints() {
		names = append(names, c.Name)
	}
	for i, c := range m.checkpoints {
		if i >= len(names) || names[i] != c.name {
			w.t.Fatalf("%v: checkpoints %v, want %v", w.log, names, m.checkpoints)
		}
		_, t, err := w.history.Checkpoint(w.t.Context(), c.name)
		if err != nil || stateOf(t).String() != c.of.String() {
			w.t.Fatalf("%v: checkpoint %s: %v, %v; want %v", w.log, c.name, stateOf(t), err, c.of)
		}
	}
	if len(names) != len(m.checkpoints) {
		w.t.Fatalf("%v: checkpoints %v, want %v", w.log, names, m.checkpoints)
	}
	commits := w.history.Commits(5)
	for i, c := range commits {
		want := m.commits[len(m.commits)-1-i]
		t, err := w.history.Tree(w.t.Context(), c.Generation)
		if err != nil || stateOf(t).String() != want.String() {
			w.t.Fatalf("%v: commit %d: %v, %v; want %v", w.log, c.Generation, stateOf(t), err, want)
		}
	}
	if len(commits) != min(5, len(m.commits)) {
		w.t.Fatalf("%v: %d commits are recorded", w.log, len(commits))
	}
}

// TestModel takes random steps on the engine and on a model of it, in fake time:
// lines, confirmed commits, checkpoints, rollbacks, drafts that conflict, kills.
func TestModel(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t, r: rand.New(rand.NewPCG(seed, 3)), model: model{running: state{}}}
			w.start()
			defer func() { w.kill() }()
			for range 150 {
				w.step()
				synctest.Wait()
				w.compare()
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func rng(a, b uint64) *rand.Rand { return rand.New(rand.NewPCG(a, b)) }
