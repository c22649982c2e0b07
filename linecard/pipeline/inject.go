package pipeline

import (
	"errors"
	"fmt"

	"trunkline/linecard/frame"
)

// injection is a frame from the control plane on its way out of a port.
type injection struct {
	port uint16
	buf  []byte // headroom, frame
}

// maxInjections bounds the frames that wait for a worker; one that finds no
// room is refused.
const maxInjections = 256

// ErrFull is returned by Inject when too many frames wait already.
var ErrFull = errors.New("too many frames wait")

// Inject sends a frame out of a port as it is, past VLAN rules and stages: what
// the slow path has to say (LLDP, LACP). It is counted as sent, or as dropped
// on the port. The bytes are copied.
func (e *Engine) Inject(name string, data []byte) error {
	if len(data) < frame.MinLen || len(data) > frame.MaxWire {
		return fmt.Errorf("inject into %s: frame of %d bytes", name, len(data))
	}
	e.mu.Lock()
	p := e.ports[name]
	var index uint16
	attached := p != nil && p.dev != nil
	owner := 0
	if attached {
		index, owner = p.index, p.owners[0]
	}
	e.mu.Unlock()
	if !attached {
		return fmt.Errorf("inject into %s: no such port or no device", name)
	}
	w := e.workers[owner]
	buf := make([]byte, frame.Headroom+len(data))
	copy(buf[frame.Headroom:], data)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.inject) >= maxInjections {
		return fmt.Errorf("inject into %s: %w", name, ErrFull)
	}
	w.inject = append(w.inject, injection{port: index, buf: buf})
	w.pending.Store(true)
	w.wake()
	return nil
}

// Flush waits until the frames injected so far have been sent or dropped. What
// is injected before Run waits for it.
func (e *Engine) Flush() {
	for _, w := range e.workers {
		w.do(func() {})
	}
}

// transmitInjected sends one frame. It runs between rounds, when the egress
// lists are empty.
func (w *Worker) transmitInjected(in *injection) {
	defer bump(&w.stats.injected, 1)
	f := frame.Frame{Buf: in.buf, Off: frame.Headroom, Head: uint32(len(in.buf) - frame.Headroom)}
	out := [1]frame.Out{{Frame: &f}}
	plan := w.e.plan.Load()
	if out[0].Drop = w.exit(plan, in.port); out[0].Drop == frame.Forward {
		if giant(&f, int(plan.Ports[in.port].MTU)) {
			out[0].Drop = frame.Giant
		}
	}
	if out[0].Drop != frame.Forward {
		w.account(in.port, out[:])
		return
	}
	w.transmit(in.port, out[:])
}
