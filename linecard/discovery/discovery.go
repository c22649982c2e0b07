// Package discovery is the machine behind protocols by which neighbours on a
// wire announce themselves (LLDP, CDP): when to send, whom to remember, and for
// how long. What the frames look like is the protocol's business.
//
// A port sends when its link comes up, a few more times a second apart, and then
// once an interval; a neighbour not heard before starts the quick ones again, so
// that a peer that restarts learns of us at once (IEEE 802.1AB-2016 §9.1.1). A
// port that stops sending says so with a frame whose time to live is zero, and
// waits for the reinit delay before it sends again. Neighbours are forgotten
// when their time to live ends, when they say goodbye, and when the link goes
// down.
//
// What strangers send cannot take more than its share: a port keeps
// api.MaxPortNeighbours, a card api.MaxNeighbours, and a neighbour that finds no
// room is counted.
//
// A Speaker needs no supervisor. One mutex guards all its state; functions of
// its Config are called without it.
package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/linecard/api"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/punt"
)

// Settings are what the program says. The zero value is a protocol that is off.
type Settings[P any] struct {
	Program  P             // for Encode
	Interval time.Duration // between frames
	Hold     time.Duration // time to live of what is sent
	Reinit   time.Duration // between the last frame of a port and the next first
	Ports    map[string]Port
}

// Port is what the program says of one port.
type Port struct{ Transmit, Receive bool }

// Heard is what a frame says of its sender.
type Heard[N any] struct {
	ID      string
	Live    time.Duration // 0: the sender says goodbye
	Info    N
	Unknown int  // TLVs that were skipped
	V1      bool // of the protocol's first version
}

// Errors that a Decode wraps, by the counter that a frame goes to; any other is
// malformed.
var (
	ErrChecksum = errors.New("wrong checksum")
	ErrVersion  = errors.New("unknown version")
)

// Config is what a Speaker is made of.
type Config[P, N any] struct {
	// Settings reads the protocol's section of a program, nil when there is none.
	Settings func(section []byte) (Settings[P], error)
	Quick    int // frames a second apart after a start
	// Link returns the state of a port, Inject sends a frame out of it.
	Link   func(port string) pipeline.Link
	Inject func(port string, frame []byte) error
	// Encode makes the frame of a port with a time to live; v1 reports the
	// version.
	Encode func(program P, port string, l pipeline.Link, live time.Duration) (frame []byte, v1 bool)
	// Decode reads a frame from the wire.
	Decode func(frame *punt.Packet) (Heard[N], error)
	// Changed is called after the neighbours have changed.
	Changed func()
	Log     *slog.Logger
}

// quickly is the time between frames after a start.
const quickly = time.Second

// Speaker speaks one protocol on the ports of a card.
type Speaker[P any, N comparable] struct {
	c    Config[P, N]
	wake chan struct{} // of one: look at links and times again

	mu    sync.Mutex
	set   Settings[P]
	ports map[string]*portState[N]
	total int // neighbours
}

// portState is one port. Guarded by Speaker.mu.
type portState[N comparable] struct {
	Port
	link       pipeline.Link
	next       time.Time // of the next frame; zero while none is to be sent
	quick      int       // frames left to send quickly
	notBefore  time.Time // a frame after a goodbye
	counters   api.DiscoveryCounters
	neighbours map[string]*api.Neighbour[N]
}

// New returns a speaker that is silent until Apply.
func New[P any, N comparable](c Config[P, N]) *Speaker[P, N] {
	return &Speaker[P, N]{c: c, wake: make(chan struct{}, 1), ports: map[string]*portState[N]{}}
}

// send is a frame to be sent.
type send struct {
	port string
	link pipeline.Link
	live time.Duration
}

// Leave says goodbye on the ports that would not send any more with other
// program. It is called before that is in force, while the ports are still up;
// it returns how many frames are on their way.
func (s *Speaker[P, N]) Leave(section []byte) (int, error) {
	next, err := s.c.Settings(section)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	now := time.Now()
	var out []send
	for name, p := range s.ports {
		if p.sending() && !next.Ports[name].Transmit {
			out = append(out, send{port: name, link: p.link})
			p.next, p.quick, p.notBefore = time.Time{}, 0, now.Add(s.set.Reinit)
		}
	}
	s.mu.Unlock()
	s.transmit(out)
	return len(out), nil
}

// Apply puts the section of a program in force, nil when it has none.
func (s *Speaker[P, N]) Apply(section []byte) error {
	set, err := s.c.Settings(section)
	if err != nil {
		return err
	}
	s.mu.Lock()
	changed := false
	for name, p := range s.ports {
		if n, ok := set.Ports[name]; !ok || !n.Receive {
			changed = s.forget(p) || changed
		}
		if _, ok := set.Ports[name]; !ok && time.Now().After(p.notBefore) {
			delete(s.ports, name)
		} else if !ok {
			p.Port = Port{} // it may come back before it may send
		}
	}
	for name, n := range set.Ports {
		p := s.ports[name]
		if p == nil {
			p = &portState[N]{neighbours: map[string]*api.Neighbour[N]{}}
			s.ports[name] = p
		}
		if n.Transmit && (!p.Transmit || p.next.IsZero()) || set.Interval != s.set.Interval || set.Hold != s.set.Hold {
			p.next = time.Time{}
			p.link.Up = false // the next look starts it
		}
		if !n.Transmit {
			p.next, p.quick = time.Time{}, 0
		}
		p.Port = n
	}
	s.set = set
	s.mu.Unlock()
	if changed {
		s.c.Changed()
	}
	s.Poke()
	return nil
}

// Poke has the speaker look at the links of its ports.
func (s *Speaker[P, N]) Poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run sends and ages until ctx ends.
func (s *Speaker[P, N]) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
			s.relink(time.Now())
		case <-timer.C:
		}
		if next := s.turn(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		} else {
			timer.Stop()
		}
	}
}

// relink takes over the state of the links.
func (s *Speaker[P, N]) relink(now time.Time) {
	s.mu.Lock()
	names := slices.Collect(maps.Keys(s.ports))
	s.mu.Unlock()
	changed := false
	for _, name := range names {
		l := s.c.Link(name)
		s.mu.Lock()
		if p := s.ports[name]; p != nil {
			was := p.link
			p.link = l
			switch {
			case !l.Up:
				p.next, p.quick = time.Time{}, 0
				changed = s.forget(p) || changed || was.Up
			case !was.Up && p.Transmit:
				p.next, p.quick = later(now, p.notBefore), s.c.Quick
				changed = true
			}
		}
		s.mu.Unlock()
	}
	if changed {
		s.c.Changed()
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// sending reports whether the port sends from time to time.
func (p *portState[N]) sending() bool { return !p.next.IsZero() }

// turn sends what is due, forgets whom it is time to forget, and returns when
// to look again, zero for never.
func (s *Speaker[P, N]) turn(now time.Time) (next time.Time) {
	s.mu.Lock()
	soonest := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	var out []send
	aged := false
	for name, p := range s.ports {
		if p.sending() {
			if !p.next.After(now) {
				out = append(out, send{name, p.link, s.set.Hold})
				wait := s.set.Interval
				if p.quick > 0 {
					p.quick--
					wait = min(quickly, wait)
				}
				p.next = now.Add(wait)
			}
			soonest(p.next)
		}
		for id, n := range p.neighbours {
			if !n.Expires.After(now) {
				delete(p.neighbours, id)
				s.total--
				p.counters.Aged++
				aged = true
				continue
			}
			soonest(n.Expires)
		}
	}
	s.mu.Unlock()
	s.transmit(out)
	if aged {
		s.c.Changed()
	}
	return next
}

// transmit sends frames and counts them.
func (s *Speaker[P, N]) transmit(out []send) {
	slices.SortFunc(out, func(a, b send) int { return strings.Compare(a.port, b.port) })
	s.mu.Lock()
	program := s.set.Program
	s.mu.Unlock()
	for _, o := range out {
		frame, v1 := s.c.Encode(program, o.port, o.link, o.live)
		err := s.c.Inject(o.port, frame)
		s.mu.Lock()
		if p := s.ports[o.port]; p != nil {
			switch {
			case err != nil:
				p.counters.SendErrors++
			case v1:
				p.counters.SentV1++
				fallthrough
			default:
				p.counters.Sent++
			}
		}
		s.mu.Unlock()
		if err != nil {
			s.c.Log.Debug("discovery frame not sent", "port", o.port, "error", err)
		}
	}
}

// Handle is the punt handler of the protocol.
func (s *Speaker[P, N]) Handle(_ context.Context, in *punt.Packet) {
	h, err := s.c.Decode(in)
	if s.heard(in.Name, h, err, time.Now()) {
		s.c.Changed()
	}
}

// heard takes over what a frame says and reports whether the neighbours have
// changed.
func (s *Speaker[P, N]) heard(name string, h Heard[N], err error, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.ports[name]
	if p == nil || !p.Receive {
		return false // it was turned off while the frame waited
	}
	c := &p.counters
	c.Received++
	switch {
	case errors.Is(err, ErrChecksum):
		c.BadChecksum++
		return false
	case errors.Is(err, ErrVersion):
		c.BadVersion++
		return false
	case err != nil:
		c.Malformed++
		return false
	case h.V1:
		c.ReceivedV1++
	}
	c.Unknown += uint64(h.Unknown)
	n := p.neighbours[h.ID]
	if h.Live <= 0 {
		if n != nil {
			delete(p.neighbours, h.ID)
			s.total--
		}
		return n != nil
	}
	if n == nil {
		if len(p.neighbours) >= api.MaxPortNeighbours || s.total >= api.MaxNeighbours {
			c.Discarded++
			return false
		}
		n = &api.Neighbour[N]{ID: h.ID, Since: now}
		p.neighbours[h.ID] = n
		s.total++
		if soon := later(now.Add(quickly), p.notBefore); p.sending() && p.next.After(soon) {
			p.quick, p.next = s.c.Quick, soon
		}
	}
	n.Heard, n.Expires, n.Info = now, now.Add(h.Live), h.Info
	s.Poke() // it may be the first to age
	return true
}

// forget removes a port's neighbours and reports whether there were any.
// Called with mu held.
func (s *Speaker[P, N]) forget(p *portState[N]) bool {
	n := len(p.neighbours)
	s.total -= n
	clear(p.neighbours)
	return n > 0
}

// Table returns the ports with their neighbours, in the order of their names.
func (s *Speaker[P, N]) Table() api.Discovery[N] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var r api.Discovery[N]
	for _, name := range slices.Sorted(maps.Keys(s.ports)) {
		p := s.ports[name]
		if _, ok := s.set.Ports[name]; !ok {
			continue
		}
		out := api.DiscoveryPort[N]{Name: name, Up: p.link.Up, Counters: p.counters}
		if p.link.Info.Device != "" {
			out.MAC = p.link.Info.MAC.String()
		}
		for _, id := range slices.Sorted(maps.Keys(p.neighbours)) {
			out.Neighbours = append(out.Neighbours, *p.neighbours[id])
		}
		r.Ports = append(r.Ports, out)
	}
	return r
}

// Report encodes Table.
func (s *Speaker[P, N]) Report() ([]byte, error) { return json.Marshal(s.Table()) }

// Query answers an api.DiscoveryQuery.
func (s *Speaker[P, N]) Query(request []byte) ([]byte, error) {
	var q api.DiscoveryQuery
	d := json.NewDecoder(bytes.NewReader(request))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return nil, err
	}
	s.mu.Lock()
	for _, p := range s.ports {
		switch q.Clear {
		case "counters":
			p.counters = api.DiscoveryCounters{}
		case "table":
			s.forget(p)
		}
	}
	s.mu.Unlock()
	if q.Clear != "counters" && q.Clear != "table" {
		return nil, fmt.Errorf("clear %.32q: unknown", q.Clear)
	}
	s.c.Changed()
	return nil, nil
}
