package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/fdb"
	"trunkline/linecard/frame"
)

// DefaultSpin is how long a worker polls at most before it sleeps.
const DefaultSpin = 50 * time.Microsecond

// Config sets up an engine. The zero value is one worker with defaults.
type Config struct {
	Workers int           // 0: 1
	Spin    time.Duration // at most, before sleeping; 0: DefaultSpin; also SpinOff and SpinForever
	CPUs    []int         // worker i is pinned to CPUs[i]; those without one are not pinned
	FDB     fdb.Config
	Punt    Punter // nil: nothing is punted
	// OnEvent is called on the engine's control goroutine, without a lock.
	OnEvent func(Event)
}

// Engine is the data plane of a card.
type Engine struct {
	plan    atomic.Pointer[Plan]
	capture atomic.Pointer[Capture]
	blocked [MaxPorts]atomic.Uint32 // frame.Reason of an err-disabled port

	clears atomic.Uint64 // of counters

	fdb     *fdb.Table
	workers []*Worker
	epoch   time.Time
	punt    Punter
	onEvent func(Event)
	events  chan event
	wg      sync.WaitGroup

	mu      sync.Mutex
	running bool
	facts   *Builder // the program in force; nil before the first
	ports   map[string]*cardPort
	index   [MaxPorts]*cardPort
	pending []Event // to deliver when mu is free
}

// New returns an engine with no ports and no program: nothing forwards.
func New(c Config) *Engine {
	e := &Engine{
		fdb: fdb.New(c.FDB), punt: c.Punt, onEvent: c.OnEvent, epoch: time.Now(),
		events: make(chan event, maxEvents), ports: map[string]*cardPort{},
	}
	for i := range max(c.Workers, 1) {
		w := newWorker(e, i)
		w.spin = newSpin(c.Spin)
		if i < len(c.CPUs) {
			w.cpu.Store(int32(c.CPUs[i]))
		}
		e.workers = append(e.workers, w)
	}
	e.plan.Store(&Plan{})
	return e
}

// clock returns the monotonic time in ns since the engine was made.
func (e *Engine) clock() int64 { return int64(time.Since(e.epoch)) }

// FDB returns the MAC table. Hops in it are port indices; PortName names them.
func (e *Engine) FDB() *fdb.Table { return e.fdb }

// Run runs workers, MAC table maintenance and control until ctx ends, then
// closes every port. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	if e.running {
		e.mu.Unlock()
		return errors.New("run data plane: it runs already")
	}
	e.running = true
	e.mu.Unlock()
	for i, w := range e.workers {
		if err := w.open(); err != nil {
			for _, w := range e.workers[:i] {
				w.shut()
			}
			return err
		}
	}
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for _, w := range e.workers {
		workers.Go(func() { w.run(stop) })
	}
	e.wg.Go(func() { e.fdb.Run(ctx) })
	e.control(ctx)
	close(stop)
	workers.Wait()
	e.wg.Wait()
	for _, w := range e.workers {
		w.shut()
	}
	return e.closeAll()
}

// RecoverAfter is how long the MAC-move guard keeps a port err-disabled
// (errdisable recovery interval, cli.md §9.7).
const RecoverAfter = 300 * time.Second

// control handles events, and ends err-disabled states, until ctx ends.
func (e *Engine) control(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case ev := <-e.events:
			e.handle(ev)
		case now := <-tick.C:
			e.expire(now)
		}
	}
}

// expire ends the err-disabled state of ports that the MAC-move guard has kept
// in it long enough. A port quarantined for a fault stays as it is.
func (e *Engine) expire(now time.Time) {
	e.mu.Lock()
	recovered := false
	for _, p := range e.ports {
		if e.closed(p.index) != frame.LoopDetected {
			continue
		}
		if p.blockedAt.IsZero() {
			p.blockedAt = now // its event is on the way, or was lost
		}
		if now.Sub(p.blockedAt) >= RecoverAfter {
			e.unblock(p)
			e.note(Event{Kind: EventRecovered, Port: p.name})
			recovered = true
		}
	}
	if recovered {
		e.rebuild()
	}
	e.mu.Unlock()
	e.deliver()
}

// unblock ends the err-disabled state of a port and reports whether it was in
// it. Called with mu held.
func (e *Engine) unblock(p *cardPort) bool {
	p.blockedAt = time.Time{}
	return e.blocked[p.index].Swap(uint32(frame.Forward)) != uint32(frame.Forward)
}

func (e *Engine) handle(ev event) {
	e.mu.Lock()
	p := e.index[ev.port]
	if p != nil {
		switch ev.kind {
		case eventGone:
			if p.dev == nil || p.gone {
				p = nil // reported already, or let go of meanwhile
				break
			}
			p.gone, p.err = true, ev.err
			e.note(Event{Kind: EventGone, Port: p.name, Err: ev.err})
			e.rebuild()
		case eventBlocked:
			p.blockedAt = time.Now()
			if e.closed(ev.port) == frame.LoopDetected {
				e.note(Event{Kind: EventLoop, Port: p.name})
			}
			e.rebuild()
		case eventFault:
			e.note(Event{Kind: EventFault, Port: p.name, Fault: &Fault{
				Cause: ev.cause, Stack: ev.stack, Frames: ev.frames, Time: time.Now(),
			}})
		}
	}
	e.mu.Unlock()
	e.deliver()
}

// note keeps an event until the lock is free. Called with mu held.
func (e *Engine) note(ev Event) {
	if e.onEvent != nil {
		e.pending = append(e.pending, ev)
	}
}

// deliver calls OnEvent for what was noted.
func (e *Engine) deliver() {
	e.mu.Lock()
	events := e.pending
	e.pending = nil
	e.mu.Unlock()
	for _, ev := range events {
		e.onEvent(ev)
	}
}

// Apply replaces the program. build fills in the facts; when it returns an
// error nothing changes. Traffic goes on through the swap.
func (e *Engine) Apply(build func(*Builder) error) error {
	b := newBuilder()
	if err := build(b); err != nil {
		return fmt.Errorf("apply program: %w", err)
	}
	e.mu.Lock()
	err := e.apply(b)
	e.mu.Unlock()
	e.deliver()
	return err
}

func (e *Engine) apply(b *Builder) error {
	need := len(b.order)
	for name, p := range e.ports {
		if p.dev != nil && b.ports[name] == nil {
			need++
		}
	}
	if need >= MaxPorts {
		return fmt.Errorf("apply program: %d ports, the card has room for %d", need, MaxPorts-1)
	}
	old := e.facts
	e.facts = b
	for name, p := range e.ports {
		p.facts = nil
		if p.dev == nil && b.ports[name] == nil {
			e.forget(name, p)
		}
	}
	for _, name := range b.order {
		p, err := e.port(name)
		if err != nil { // there is room
			return fmt.Errorf("apply program: %w", err)
		}
		p.facts = b.ports[name]
		// Shutting a port down by hand ends its err-disabled state.
		if !p.facts.Up {
			e.unblock(p)
		}
		e.fdb.SetPortLimit(p.index, int(p.facts.MACLimit))
	}
	if old == nil || old.limit != b.limit {
		e.fdb.SetLimit(b.limit)
	}
	for v := ether.MinVLAN; v <= ether.MaxVLAN; v++ {
		age, ok := b.ageVLAN[v]
		if !ok {
			age = b.age
		}
		e.fdb.SetAge(uint16(v), max(age, -1))
	}
	e.rebuild()
	return nil
}

// Generation returns the number of the plan in force. Plans change with
// programs and with the state of ports.
func (e *Engine) Generation() uint64 { return e.plan.Load().Generation }

// Capture opens a capture; one may be open at a time.
func (e *Engine) Capture(c CaptureConfig) (*Capture, error) {
	index := uint16(0)
	if c.Port != "" {
		e.mu.Lock()
		p := e.ports[c.Port]
		e.mu.Unlock()
		if p == nil {
			return nil, fmt.Errorf("capture on %s: no such port", c.Port)
		}
		index = p.index
	}
	k := newCapture(c, index)
	k.close = func() { e.capture.CompareAndSwap(k, nil) }
	if !e.capture.CompareAndSwap(nil, k) {
		return nil, errors.New("capture: another capture is open")
	}
	return k, nil
}
