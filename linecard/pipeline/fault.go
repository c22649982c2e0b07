package pipeline

import (
	"fmt"
	"runtime/debug"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// fault accounts for a batch in which something panicked, and saves its frames.
// Memory that a peer took away costs the peer's port, which is given up like a
// device that has vanished. Anything else is a mistake of ours that the frames
// of the ingress port bring out, so that port is quarantined.
func (w *Worker) fault(r *receiver, cause any) {
	b := &w.batch
	if w.phase == atRecv {
		b.N = 0
	}
	for i := w.at; i < b.N; i++ {
		if b.Drop[i] == frame.Forward {
			b.Drop[i] = frame.Fault
		}
	}
	touched := w.lists.Touched()
	rest := touched[min(w.sent, len(touched)):]
	for _, p := range rest {
		for _, o := range w.lists.List(p) {
			bump(&w.counters[p].txDrops[frame.Fault], uint64(o.Segments()))
		}
	}
	lost, address, ok := w.lostMemory(r, rest, cause)
	var saved [][]byte
	if !ok {
		saved = make([][]byte, b.N)
		for i := range saved {
			saved[i] = b.Frames[i].Append(nil)
		}
	}
	w.lists.Reset()
	w.pool.Reset() // segments that were in work
	capture := w.e.capture.Load()
	if ok {
		capture = nil // which would read the memory again
	}
	w.dropped(b, capture)
	if b.N > 0 && !(ok && lost == r.port) {
		r.queue.Release(b)
	}
	if ok {
		for _, x := range w.rx {
			if x.port == lost {
				w.retire(x)
			}
		}
		w.gone(lost, fmt.Errorf("%w: its memory at %#x was taken away", port.ErrGone, address))
		return
	}
	w.e.block(r.port, frame.Fault)
	w.e.post(event{kind: eventFault, port: r.port, cause: cause, frames: saved, stack: debug.Stack()})
}

// lostMemory returns the port whose shared memory a panic was about: the one
// received from, or the one being sent to.
func (w *Worker) lostMemory(r *receiver, sending []uint16, cause any) (index uint16, address uintptr, ok bool) {
	at, ok := cause.(interface{ Addr() uintptr }) // of the run-time error, see debug.SetPanicOnFault
	if !ok {
		return 0, 0, false
	}
	address = at.Addr()
	owns := func(q port.Queue) bool {
		m, ok := q.(port.Mapped)
		return ok && m.Owns(address)
	}
	if owns(r.queue) {
		return r.port, address, true
	}
	if w.phase == atSend && len(sending) > 0 && w.tx[sending[0]] != nil && owns(w.tx[sending[0]]) {
		return sending[0], address, true
	}
	return 0, 0, false
}
