package module

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"trunkline/feature"
	"trunkline/linecard/api"
)

// Snapshot returns what is known of every slot that a card was seen in, by
// slot. Slots that are only configured are not in it.
func (m *Manager) Snapshot() []feature.Module {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]feature.Module, 0, len(m.slots))
	for _, v := range m.slots {
		out := v.view
		if v.session != nil {
			out.LastSeen = v.session.lastHeard
		}
		all = append(all, out)
	}
	slices.SortFunc(all, func(a, b feature.Module) int { return a.Slot - b.Slot })
	return all
}

// WaitApplied returns when every attached card has answered its program of the
// configuration generation, or a later one, when max has passed, or when ctx
// ends. It reports whether all have.
func (m *Manager) WaitApplied(ctx context.Context, generation uint64, max time.Duration) bool {
	timer := time.NewTimer(max)
	defer timer.Stop()
	for {
		m.mu.Lock()
		moved, all := m.moved, true
		for _, v := range m.slots {
			all = all && (v.session == nil || v.session.converged >= generation)
		}
		m.mu.Unlock()
		if all {
			return true
		}
		select {
		case <-moved:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// Query asks the feature's half on a card and returns its reply. It blocks
// until there is one, the session or ctx ends. Errors do not name the module.
func (m *Manager) Query(ctx context.Context, slot int, feature string, request []byte) ([]byte, error) {
	m.mu.Lock()
	var s *session
	if v := m.slots[slot]; v != nil {
		s = v.session
	}
	m.mu.Unlock()
	if s == nil {
		return nil, errors.New("not attached")
	}
	return s.query(ctx, feature, request)
}

// Bounds of requests to a card.
const (
	maxRequests = 64               // that wait
	replyTime   = 20 * time.Second // that one may wait
)

func (s *session) query(ctx context.Context, feature string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTime)
	defer cancel()
	answer := make(chan *api.Reply, 1)
	s.mu.Lock()
	if len(s.requests) >= maxRequests {
		s.mu.Unlock()
		return nil, errors.New("too many requests at a time")
	}
	s.nextID++
	id := s.nextID
	s.requests[id] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.requests, id)
		s.mu.Unlock()
	}()
	msg := &api.ToCard{M: &api.ToCard_Query{Query: &api.Query{Id: id, Feature: feature, Request: request}}}
	if !s.out.put(msg) {
		s.m.count(s, func(v *slot) { v.view.SendErrors++ })
		return nil, errors.New("does not take requests")
	}
	select {
	case r := <-answer:
		if r.GetError() != "" {
			return nil, errors.New(shown(r.GetError(), 512))
		}
		return r.GetReply(), nil
	case <-s.closed:
		return nil, errors.New("has gone")
	case <-ctx.Done():
		return nil, fmt.Errorf("does not answer: %w", ctx.Err())
	}
}

// reply gives an answer to who waits for it; late and made-up ones are dropped.
func (s *session) reply(r *api.Reply) {
	s.mu.Lock()
	answer := s.requests[r.GetId()]
	delete(s.requests, r.GetId())
	s.mu.Unlock()
	if answer != nil {
		answer <- r
	}
}

// settings are those of configuration, made usable.
func (m *Manager) settings() Settings {
	s := m.cfg.Settings()
	if s.Interval <= 0 {
		s.Interval = time.Second
	}
	if s.Loss <= 1 {
		s.Loss = 15
	}
	return s
}

// count changes the counters of the session's slot under the lock.
func (m *Manager) count(s *session, f func(*slot)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.slots[s.slot]; v != nil {
		f(v)
	}
}

// change is count for what is no counter.
func (m *Manager) change(s *session, f func(*slot)) {
	m.count(s, f)
	m.cfg.Changed()
}

// online marks the module as ok.
func (m *Manager) online(s *session) {
	m.change(s, func(v *slot) {
		v.view.Status, v.view.Since = feature.ModuleOK, time.Now()
		v.view.InsertedIn++
		v.view.Insertions++
	})
}

// converged notes how far the card has come and wakes who waits for it.
func (m *Manager) converged(s *session, generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.converged = generation
	m.wake()
}

// wake is called with mu held.
func (m *Manager) wake() {
	close(m.moved)
	m.moved = make(chan struct{})
}

// detach takes the session out of its slot. Lost comes before the slot is free,
// so that it never follows a report of the next session.
func (m *Manager) detach(s *session) {
	m.cfg.Lost(s.slot)
	m.mu.Lock()
	v := m.slots[s.slot]
	v.session = nil
	v.view.LastSeen = s.lastHeard
	v.view.Status, v.view.Since = feature.ModuleAbsent, time.Now()
	v.view.Removals++
	m.wake()
	m.mu.Unlock()
	m.cfg.Changed()
	close(s.closed)
	s.event(critical, evOffline, "Module %d is offline", s.slot)
}
