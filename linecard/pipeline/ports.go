package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// cardPort is a port that the program names or a device was attached for.
// Guarded by Engine.mu.
type cardPort struct {
	name   string
	index  uint16
	facts  *PortFacts // nil: not in the program
	dev    port.Port  // nil: no device
	info   port.Info
	owners []int // the worker of each receive queue; nil without a device
	gone   bool
	err    error // why the device is gone

	up        bool
	reason    string
	since     time.Time // of the last change of up
	cleared   time.Time
	blockedAt time.Time // zero while not err-disabled
	resets    uint64
	base      Counters // when they were cleared
	lost      uint64   // frames that devices of the past lost before Recv
	losing    uint64   // that this one has lost, as of
	rxAsked   uint64   // so many frames received, on
	asked     bool     // it has been asked
}

// mtu returns the payload bytes that may leave the port, 0 for no limit.
func (p *cardPort) mtu() uint32 {
	limit := p.facts.MTU
	if d := uint32(max(p.info.MTU, 0)); d != 0 && (limit == 0 || d < limit) {
		limit = d
	}
	return limit
}

// port returns the port of a name, made if it is not there. Called with mu
// held.
func (e *Engine) port(name string) (*cardPort, error) {
	if p := e.ports[name]; p != nil {
		return p, nil
	}
	for i := 1; i < MaxPorts; i++ {
		if e.index[i] == nil {
			p := &cardPort{name: name, index: uint16(i), reason: reasonNoPlan}
			p.base = e.sum(p)
			e.ports[name], e.index[i] = p, p
			return p, nil
		}
	}
	return nil, fmt.Errorf("port %s: the card has %d ports already", name, MaxPorts-1)
}

// forget gives a port's index back. Called with mu held.
func (e *Engine) forget(name string, p *cardPort) {
	e.fdb.FlushHop(p.index)
	e.blocked[p.index].Store(uint32(frame.Forward))
	e.index[p.index] = nil
	delete(e.ports, name)
}

// SetPort attaches an open device to a port by name, in place of the device it
// had, which is closed. The engine owns the device from then on and closes it,
// also when SetPort fails. Other ports are not disturbed. A port forwards once
// the program names it, it is up and its device has carrier.
func (e *Engine) SetPort(name string, dev port.Port) error {
	if err := e.release(name); err != nil {
		return errors.Join(err, dev.Close())
	}
	e.mu.Lock()
	err := e.attach(name, dev)
	e.mu.Unlock()
	e.deliver()
	if err != nil {
		return errors.Join(fmt.Errorf("attach %s: %w", name, err), dev.Close())
	}
	return nil
}

func (e *Engine) attach(name string, dev port.Port) error {
	p, err := e.port(name)
	if err != nil {
		return err
	}
	if p.dev != nil {
		return errors.New("another device was attached meanwhile")
	}
	owners := e.owners(port.Receivers(dev))
	queues := make([][]ownQueue, len(e.workers))
	for i, w := range e.workers {
		if queues[i], err = openQueues(dev, w.id, owners); err != nil {
			for _, list := range queues[:i] {
				err = errors.Join(err, closeQueues(list))
			}
			if p.facts == nil {
				e.forget(name, p)
			}
			return err
		}
	}
	p.dev, p.info, p.owners, p.gone, p.err = dev, dev.Info(), owners, false, nil
	for i, w := range e.workers {
		w.do(func() { w.attach(p.index, queues[i], p.info.Offloads) })
	}
	e.rebuild()
	return nil
}

// openQueues opens the queues of a port that one worker owns: its receive
// queues, or one to send through when it has none.
func openQueues(dev port.Port, worker int, owners []int) ([]ownQueue, error) {
	var list []ownQueue
	open := func(receive int) error {
		q, err := dev.Queue(worker, receive)
		if err != nil {
			return errors.Join(err, closeQueues(list))
		}
		list = append(list, ownQueue{q, receive})
		return nil
	}
	for receive, owner := range owners {
		if owner == worker {
			if err := open(receive); err != nil {
				return nil, err
			}
		}
	}
	if len(list) == 0 {
		if err := open(port.SendOnly); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func closeQueues(list []ownQueue) error {
	var errs []error
	for _, q := range list {
		errs = append(errs, q.Close())
	}
	return errors.Join(errs...)
}

// owners spreads n receive queues of one port over the workers: each goes to
// the one with the fewest so far. A flow stays in one queue and a queue with one
// worker, so the order within a flow is kept.
func (e *Engine) owners(n int) []int {
	load := make([]int, len(e.workers))
	for _, p := range e.ports {
		for _, w := range p.owners {
			load[w]++
		}
	}
	owners := make([]int, n)
	for i := range owners {
		w := slices.Index(load, slices.Min(load))
		owners[i] = w
		load[w]++
	}
	return owners
}

// RemovePort detaches the device of a port and closes it, once every worker has
// let go of it. The port stays as long as the program names it. No error for a
// port without a device.
func (e *Engine) RemovePort(name string) error {
	err := e.release(name)
	e.deliver()
	return err
}

func (e *Engine) release(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.ports[name]
	if p == nil || p.dev == nil {
		return nil
	}
	return e.detach(p)
}

// detach takes the device from a port. Called with mu held.
func (e *Engine) detach(p *cardPort) error {
	dev := p.dev
	p.dev, p.owners, p.gone, p.info = nil, nil, false, port.Info{}
	e.rebuild()
	var errs []error
	for _, w := range e.workers {
		w.do(func() {
			if err := w.detach(p.index); err != nil {
				errs = append(errs, err)
			}
		})
	}
	p.lost += port.Lost(dev)
	p.asked, p.losing = false, 0
	if err := dev.Close(); err != nil {
		errs = append(errs, err)
	}
	if p.facts == nil {
		e.forget(p.name, p)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("detach %s: %w", p.name, err)
	}
	return nil
}

func (e *Engine) closeAll() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, name := range e.names() {
		if p := e.ports[name]; p.dev != nil {
			errs = append(errs, e.detach(p))
		}
	}
	e.pending = nil
	return errors.Join(errs...)
}

// names returns the ports' names in index order. Called with mu held.
func (e *Engine) names() []string {
	var names []string
	for _, p := range e.index {
		if p != nil {
			names = append(names, p.name)
		}
	}
	return names
}

// Refresh reads what a port's device says of itself again: after its carrier,
// MTU or address changed.
func (e *Engine) Refresh(name string) {
	e.mu.Lock()
	if p := e.ports[name]; p != nil && p.dev != nil {
		was := p.info
		if p.info = p.dev.Info(); p.info != was {
			if p.info.Offloads != was.Offloads {
				have := p.info.Offloads
				for _, w := range e.workers {
					w.do(func() { w.offloads[p.index] = have })
				}
			}
			e.rebuild()
		}
	}
	e.mu.Unlock()
	e.deliver()
}

// Recover ends the err-disabled state of a port. It reports whether the port
// was in it.
func (e *Engine) Recover(name string) bool {
	e.mu.Lock()
	p := e.ports[name]
	was := p != nil && e.unblock(p)
	if was {
		e.rebuild()
	}
	e.mu.Unlock()
	e.deliver()
	return was
}

// Link is what the slow path needs to know of a port.
type Link struct {
	Up   bool // it forwards
	Info port.Info
	PVID ether.VLANID // access or native VLAN, 0 without a program
}

// Link returns the link of a port, the zero Link when there is no such port.
func (e *Engine) Link(name string) Link {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.ports[name]
	if p == nil {
		return Link{}
	}
	l := Link{Info: p.info}
	if l.Up, _ = e.state(p); p.facts != nil {
		l.PVID = p.facts.PVID
	}
	return l
}

// PortName returns the name of a port index, "" when there is none.
func (e *Engine) PortName(index uint16) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if int(index) < len(e.index) && e.index[index] != nil {
		return e.index[index].name
	}
	return ""
}

// PortIndex returns the index of a port, 0 when there is none. It is what the
// MAC table calls a hop.
func (e *Engine) PortIndex(name string) uint16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.ports[name]; p != nil {
		return p.index
	}
	return 0
}

// PortStatus is the state of one port.
type PortStatus struct {
	Name  string
	Index uint16
	// Known says that the program names the port; Attached that it has a
	// device, which may be gone.
	Known, Attached, Gone bool
	Up                    bool
	Reason                string       // words of cli.md §11.4, "none" when up
	ErrDisabled           frame.Reason // LoopDetected, Fault; Forward when it is not
	ErrDisabledAt         time.Time
	Error                 string // of the device that is gone
	Info                  port.Info
	Workers               []int  // that receive, one for each receive queue
	MTU                   uint32 // payload bytes that may leave; 0: no limit
	MACs                  int    // dynamic MAC entries
	Since                 time.Time
	Cleared               time.Time
	Resets                uint64 // times it came up
	Facts                 PortFacts
	Counters              Counters
}

// Ports returns the state of every port, in the order of their names.
func (e *Engine) Ports() []PortStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]PortStatus, 0, len(e.ports))
	for _, name := range slices.Sorted(maps.Keys(e.ports)) {
		p := e.ports[name]
		sum := e.sum(p)
		s := PortStatus{
			Name: p.name, Index: p.index, Known: p.facts != nil, Attached: p.dev != nil, Gone: p.gone,
			ErrDisabled: e.closed(p.index), Info: p.info, Workers: p.owners, MACs: e.fdb.Count(p.index),
			Since: p.since, Cleared: p.cleared, Resets: p.resets, Counters: sum.since(&p.base),
		}
		s.Up, s.Reason = e.state(p)
		if s.ErrDisabled != frame.Forward {
			s.ErrDisabledAt = p.blockedAt
		}
		if p.err != nil {
			s.Error = p.err.Error()
		}
		if p.facts != nil {
			s.Facts, s.MTU = *p.facts, p.mtu()
		}
		list = append(list, s)
	}
	return list
}

// Counters returns the counters of one port; false when there is no such port.
func (e *Engine) Counters(name string) (Counters, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.ports[name]
	if p == nil {
		return Counters{}, false
	}
	sum := e.sum(p)
	return sum.since(&p.base), true
}

// Totals are the frames and octets of a port since it exists, without regard to
// ClearCounters.
type Totals struct{ RxOctets, RxFrames, TxOctets, TxFrames uint64 }

// Totals yields the totals of every port, in no order. It costs less than Ports;
// yield may not call the engine.
func (e *Engine) Totals(yield func(name string, t Totals)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.index {
		if p == nil {
			continue
		}
		var t Totals
		for _, w := range e.workers {
			w.counters[p.index].totals(&t)
		}
		yield(p.name, t)
	}
}

// ClearCounters starts the counters of a port, or of all for "", at zero. It
// reports whether there is such a port.
func (e *Engine) ClearCounters(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clears.Add(1)
	for _, p := range e.ports {
		if name == "" || name == p.name {
			p.base, p.cleared = e.sum(p), time.Now()
		}
	}
	return name == "" || e.ports[name] != nil
}

// sum adds up the workers' counters of a port and what its device lost. Called
// with mu held.
func (e *Engine) sum(p *cardPort) Counters {
	var c Counters
	for _, w := range e.workers {
		w.counters[p.index].addTo(&c)
	}
	if p.dev != nil {
		// What a driver knows costs it system calls, and there may be a thousand
		// ports. A buffer that overflows is full of frames that are received
		// later: where none have been, none were lost.
		if rx := c.Rx(); !p.asked || rx != p.rxAsked {
			p.asked, p.rxAsked, p.losing = true, rx, port.Lost(p.dev)
		}
	}
	c.RxDrops[frame.Overrun] += p.lost + p.losing
	return c
}
