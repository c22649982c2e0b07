package module

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"trunkline/linecard/api"
)

type stream = grpc.BidiStreamingServer[api.FromCard, api.ToCard]

// session is one attached card. The fields of the first group never change;
// those of the second belong to the runner.
type session struct {
	m    *Manager
	slot int
	host string
	// unsupported are the sections that the card cannot apply; set before run.
	unsupported []string

	out    *outbox
	in     chan any      // what the receiver reads: *api.FromCard, or ended as the last; it blocks when full
	kicks  chan ended    // of one: somebody wants the session to end
	pokes  chan struct{} // of one: configuration has changed
	closed chan struct{} // the runner has ended

	life      life
	timer     Settings // as the card was told
	program   Program  // desired
	ticker    *time.Ticker
	portFault map[string]string
	noProgram string // why there is none, as logged

	mu       sync.Mutex
	requests map[uint64]chan *api.Reply // of one
	nextID   uint64

	// Guarded by Manager.mu.
	lastHeard time.Time
	converged uint64 // generation of the configuration that the card has answered
}

func newSession(m *Manager, slot int, host string, settings Settings) *session {
	return &session{
		m: m, slot: slot, host: host,
		out:      newOutbox(),
		in:       make(chan any, 1), // a message may be long
		kicks:    make(chan ended, 1),
		pokes:    make(chan struct{}, 1),
		closed:   make(chan struct{}),
		life:     life{loss: settings.Loss},
		timer:    settings,
		requests: map[uint64]chan *api.Reply{},
	}
}

// end asks the session to end; it does not wait.
func (s *session) end(why ended) {
	select {
	case s.kicks <- why:
	default:
	}
}

// changed tells the session that configuration has changed.
func (s *session) changed() {
	select {
	case s.pokes <- struct{}{}:
	default:
	}
}

// run is the session: it returns when the card has gone.
func (s *session) run(st stream) error {
	s.welcome()
	s.m.streams.Go(func() { s.safely(func() { s.receive(st) }) })
	s.m.streams.Go(func() { s.safely(func() { s.send(st) }) })
	s.ticker = time.NewTicker(s.timer.Interval)
	defer s.ticker.Stop()
	s.changed()
	why := internal
	s.safely(func() { why = s.live(st.Context()) })
	s.m.detach(s)
	return status.Error(codes.Unavailable, why)
}

// internal is why a session ends that has met a bug.
const internal = "internal error of the supervisor"

// safely calls f; a panic in it ends the session.
func (s *session) safely(f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.log().Error("panic in the session of a line card", "panic", p, "stack", string(debug.Stack()))
			s.end(ended{why: internal})
		}
	}()
	f()
}

// live is the runner's loop. It returns why the session ended.
func (s *session) live(ctx context.Context) string {
	for {
		var event any
		select {
		case <-ctx.Done():
			event = ended{why: "connection lost"}
		case event = <-s.kicks:
		case event = <-s.in:
		case <-s.ticker.C:
			event = tick{}
		case <-s.pokes:
			event = s.refresh()
		}
		if why, over := s.handle(event); over {
			return why
		}
	}
}

// receive hands what the card says to the runner, until the stream ends.
func (s *session) receive(st stream) {
	var p pace
	for {
		var event any
		msg, err := st.Recv()
		switch {
		case errors.Is(err, io.EOF):
			event = ended{why: "card ended the session"}
		case err != nil:
			event = ended{why: "connection lost"}
		default:
			event = msg
		}
		select {
		case s.in <- event:
		case <-s.closed:
			return
		}
		if err != nil {
			return
		}
		if wait := p.after(time.Now(), proto.Size(msg)); wait > 0 {
			select {
			case <-time.After(wait):
			case <-s.closed:
				return
			}
		}
	}
}

// send writes the outbox to the stream, until the session ends.
func (s *session) send(st stream) {
	for {
		msg := s.out.take()
		if msg == nil {
			select {
			case <-s.out.ready:
			case <-s.closed:
				return
			}
			continue
		}
		if st.Send(msg) != nil {
			s.m.count(s, func(v *slot) { v.view.SendErrors++ })
			return // the receiver sees why
		}
	}
}

// handle takes one event and does what follows. It reports whether the session
// is over, and why.
func (s *session) handle(event any) (why string, over bool) {
	if msg, ok := event.(*api.FromCard); ok {
		s.act(s.life.step(heard{}), nil)
		event = s.message(msg)
	}
	if event == nil {
		return "", false
	}
	return s.act(s.life.step(event), event)
}

// message takes what is in a message and returns the event it makes, or nil.
func (s *session) message(msg *api.FromCard) any {
	s.m.count(s, func(*slot) { s.lastHeard = time.Now() })
	switch m := msg.GetM().(type) {
	case *api.FromCard_Heartbeat:
		s.m.count(s, func(v *slot) { v.view.HeartbeatsIn++ })
	case *api.FromCard_Ack:
		s.ports(m.Ack.GetPorts())
		return acked{m.Ack.GetGeneration(), m.Ack.GetError()}
	case *api.FromCard_Report:
		s.report(m.Report.GetSections())
	case *api.FromCard_Reply:
		s.reply(m.Reply)
	case *api.FromCard_Hello:
		return ended{why: "card says hello twice"}
	}
	return nil
}

func (s *session) report(sections map[string][]byte) {
	if len(sections) > maxSections {
		s.warn("report refused", "sections", len(sections))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		if err := s.m.cfg.Report(s.slot, name, sections[name]); err != nil {
			s.warn("report refused", "section", shown(name, 64), "error", err)
		}
	}
}

// ports logs which ports could not take the program, when that changes.
func (s *session) ports(faults map[string]string) {
	if maps.Equal(faults, s.portFault) {
		return
	}
	for i, name := range slices.Sorted(maps.Keys(faults)) {
		if i == 16 {
			s.warn("more ports without their program", "count", len(faults)-i)
			break
		}
		if s.portFault[name] != faults[name] {
			s.warn("port without its program", "interface", shown(name, 64), "error", shown(faults[name], 256))
		}
	}
	s.portFault = maps.Clone(faults)
}

// act does what the machine says.
func (s *session) act(actions []action, event any) (why string, over bool) {
	m := s.m
	for _, a := range actions {
		switch a {
		case sendHeartbeat:
			m.count(s, func(v *slot) { v.view.HeartbeatsOut++ })
			s.put(&api.ToCard{M: &api.ToCard_Heartbeat{Heartbeat: &api.Heartbeat{}}})
		case sendProgram:
			m.change(s, func(v *slot) { v.view.Desired = s.program.Generation })
			s.put(&api.ToCard{M: &api.ToCard_Program{Program: &api.Program{
				Generation: s.program.Generation, Term: m.cfg.Term, Sections: s.program.Sections,
			}}})
		case goOnline:
			m.online(s)
			s.event(critical, evOnline, "Module %d is online", s.slot)
		case applied:
			m.change(s, func(v *slot) { v.view.Applied = s.program.Generation })
		case answered:
			m.converged(s, s.program.Config)
		case complain:
			s.event(critical, evProgram, "Module %d refuses its program: %s", s.slot, shown(event.(acked).refused, 512))
		case warn:
			s.event(critical, evSilent, "Module %d has missed %d heartbeats", s.slot, warnAfter)
		case recovered:
			s.event(critical, evHeard, "Module %d is heard again", s.slot)
		case removeLost:
			s.event(critical, evLost, "Removing VEM %d (heartbeats lost)", s.slot)
			return "heartbeats lost", true
		case remove:
			e := event.(ended)
			if e.conflict {
				s.event(critical, evConflict, "Removing VEM %d (%s)", s.slot, e.why)
			}
			return e.why, true
		}
	}
	return "", false
}

func (s *session) put(msg *api.ToCard) {
	if !s.out.put(msg) {
		s.m.count(s, func(v *slot) { v.view.SendErrors++ })
	}
}

// welcome tells the card its slot, and how long to wait for heartbeats.
func (s *session) welcome() {
	s.put(&api.ToCard{M: &api.ToCard_Welcome{Welcome: &api.Welcome{
		Slot: uint32(s.slot), Term: s.m.cfg.Term,
		IntervalMs: uint32(s.timer.Interval.Milliseconds()), Loss: uint32(s.timer.Loss),
	}}})
}

// refresh compares the session with configuration and returns the event that
// follows, or nil.
func (s *session) refresh() any {
	now := s.m.settings()
	if bound := s.m.cfg.Bindings.Host(s.slot); bound != s.host {
		return ended{why: fmt.Sprintf("slot %d is not bound to this host any more", s.slot), conflict: true}
	}
	if now.Domain != s.timer.Domain {
		return ended{why: "the domain id has changed"}
	}
	if now.Interval != s.timer.Interval || now.Loss != s.timer.Loss {
		s.timer.Interval, s.timer.Loss = now.Interval, now.Loss
		s.ticker.Reset(now.Interval)
		s.life.step(timing{now.Loss})
		s.welcome()
	}
	p, err := s.m.cfg.Programs.Program(s.slot)
	if err != nil {
		if text := err.Error(); text != s.noProgram {
			s.noProgram = text
			s.log().Error("no program", "error", err)
		}
		s.m.converged(s, p.Config) // there is nothing to wait for
		return nil
	}
	s.noProgram = ""
	p.Sections = without(p.Sections, s.unsupported)
	s.program = p
	if s.life.done && p.Generation == s.life.desired {
		s.m.converged(s, p.Config)
	}
	return desired{p.Generation}
}

// warn logs what a card gives reason to, as often as it may.
func (s *session) warn(text string, args ...any) {
	if s.may() {
		s.log().Warn(text, args...)
	}
}

// event tells the operator of what a card does, as often as it may.
func (s *session) event(severity int, mnemonic, format string, args ...any) {
	if s.may() {
		s.m.event(severity, mnemonic, s.slot, format, args...)
	}
}

// may reports whether the cards of the slot may have one more thing said of them:
// one that lies, or comes and goes, can do so often.
func (s *session) may() bool {
	more := false
	ok := false
	s.m.count(s, func(v *slot) {
		ok = v.said.take(time.Now(), sayings, sayInterval)
		more = !ok && !v.silent
		v.silent = !ok
	})
	if more {
		s.log().Warn("more happens with this card than is said")
	}
	return ok
}

func (s *session) log() *slog.Logger { return s.m.cfg.Log.With("slot", s.slot) }
