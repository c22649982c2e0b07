package agent

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"

	"trunkline/linecard/api"
)

// mailbox is where the session leaves programs for the applier: at most one
// waits, the newest. What is in force belongs to the applier.
type mailbox struct {
	ready chan struct{} // of one

	mu   sync.Mutex
	next *job

	inForce *api.Program      // nil: none; before restore, what to put in force
	faults  map[string]string // ports that could not take it
	saved   bool              // it is on disk
}

// job is a program with who wants to know what became of it.
type job struct {
	program *api.Program
	answer  func(*api.Ack)
}

func (m *mailbox) put(j *job) {
	m.mu.Lock()
	m.next = j
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

func (m *mailbox) take() *job {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.next
	m.next = nil
	return j
}

// restore puts the saved program in force, and hands out the saved entries.
func (a *Agent) restore() {
	if taker, ok := a.cfg.Card.(EntryTaker); ok {
		if e := a.entries.snapshot(); len(e.GetEntries()) > 0 {
			taker.Entries(e)
		}
	}
	p := a.jobs.inForce
	a.jobs.inForce = nil
	if p == nil {
		return
	}
	faults, err := a.call(p)
	if err != nil {
		a.cfg.Log.Error("saved program refused", "generation", p.GetGeneration(), "error", err)
		a.update(func(s *Status) { s.Refused = err.Error() })
		return
	}
	a.jobs.inForce, a.jobs.faults, a.jobs.saved = p, faults, true
	a.update(func(s *Status) { s.Generation = p.GetGeneration() })
	a.cfg.Log.Info("saved program in force", "generation", p.GetGeneration(), "sections", len(p.GetSections()))
}

// applier hands programs to the card, one at a time.
func (a *Agent) applier(ctx context.Context) {
	for {
		select {
		case <-a.jobs.ready:
		case <-ctx.Done():
			return
		}
		if j := a.jobs.take(); j != nil {
			j.answer(a.apply(j.program))
			a.Changed()
		}
	}
}

// apply puts a program in force and saves it.
func (a *Agent) apply(p *api.Program) *api.Ack {
	ack := &api.Ack{Generation: p.GetGeneration()}
	refuse := func(err error) *api.Ack {
		ack.Error = err.Error()
		a.update(func(s *Status) { s.Refused = ack.Error })
		a.cfg.Log.Error("program refused", "generation", p.GetGeneration(), "error", err)
		return ack
	}
	if term := a.Status().Term; p.GetTerm() < term {
		return refuse(fmt.Errorf("the program is of term %d, and %d was seen", p.GetTerm(), term))
	}
	m := &a.jobs
	if m.inForce == nil || !maps.EqualFunc(m.inForce.GetSections(), p.GetSections(), bytes.Equal) {
		faults, err := a.call(p)
		if err != nil {
			return refuse(err)
		}
		m.faults, m.saved = faults, false
	}
	ack.Ports = m.faults
	if !m.saved || m.inForce.GetGeneration() != p.GetGeneration() || m.inForce.GetTerm() != p.GetTerm() {
		err := a.store.saveProgram(p)
		m.saved = err == nil
		if err != nil {
			m.inForce = p
			a.update(func(s *Status) { s.Generation = p.GetGeneration() })
			return refuse(fmt.Errorf("program is in force but not saved: %w", err))
		}
	}
	m.inForce = p
	a.update(func(s *Status) {
		s.Generation, s.Refused = p.GetGeneration(), ""
		s.Term = max(s.Term, p.GetTerm())
	})
	return ack
}

// call hands a program to the card. A panic there refuses the program, or the
// same program would end every start of the card.
func (a *Agent) call(p *api.Program) (faults map[string]string, err error) {
	defer func() {
		if r := recover(); r != nil {
			a.cfg.Log.Error("panic in program", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return a.cfg.Card.Apply(p.GetGeneration(), p.GetSections())
}
