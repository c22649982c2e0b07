package vhost

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Shape says how a buffer is cut into the descriptors of a chain.
type Shape struct {
	Pieces   []int // lengths of the first descriptors; the rest is one more
	Indirect bool  // in an indirect table
	Gap      int   // bytes between the pieces in memory
}

// Piece is one descriptor's part of a buffer.
type Piece struct {
	Addr uint64 // guest
	Len  int
}

// ErrFull means that the ring has no descriptor left.
var ErrFull = errors.New("ring is full")

// Cut divides total bytes at addr by the shape.
func (s Shape) Cut(addr uint64, total int) []Piece {
	var list []Piece
	for _, n := range s.Pieces {
		n = min(n, total)
		list = append(list, Piece{addr, n})
		addr += uint64(n + s.Gap)
		total -= n
	}
	if total > 0 || len(list) == 0 {
		list = append(list, Piece{addr, total})
	}
	return list
}

// Post puts a chain of total bytes into the avail ring, for the back end to
// read, or to write with write. fill, which may be nil, is called with its
// pieces before. Publish makes it known.
func (r *Ring) Post(total int, s Shape, write bool, fill func([]Piece)) (head uint16, err error) {
	if len(r.free) == 0 {
		return 0, ErrFull
	}
	head = r.free[len(r.free)-1]
	pieces := s.Cut(r.Buffer(head), total)
	if end := pieces[len(pieces)-1]; end.Addr+uint64(end.Len) > r.Buffer(head)+uint64(r.Stride) {
		return 0, fmt.Errorf("a chain of %d bytes in pieces %v, %d apart, does not fit into a buffer of %d", total, s.Pieces, s.Gap, r.Stride)
	}
	if fill != nil {
		fill(pieces)
	}
	var flags uint16
	if write {
		flags = DescWrite
	}
	if s.Indirect {
		if len(pieces) > maxIndirect {
			return 0, fmt.Errorf("%d pieces do not fit into an indirect table of %d", len(pieces), maxIndirect)
		}
		table, set := r.Table(head)
		for i, p := range pieces {
			d := Desc{Addr: p.Addr, Len: uint32(p.Len), Flags: flags}
			if i+1 < len(pieces) {
				d.Flags, d.Next = d.Flags|DescNext, uint16(i+1)
			}
			set(i, d)
		}
		r.take(1)
		r.SetDesc(int(head), Desc{Addr: table, Len: uint32(16 * len(pieces)), Flags: DescIndirect})
	} else {
		if len(pieces) > len(r.free) {
			return 0, ErrFull
		}
		chain := r.take(len(pieces))
		for i, p := range pieces {
			d := Desc{Addr: p.Addr, Len: uint32(p.Len), Flags: flags}
			if i+1 < len(pieces) {
				d.Flags, d.Next = d.Flags|DescNext, chain[i+1]
			}
			r.SetDesc(int(chain[i]), d)
		}
	}
	r.shapes[head] = s
	r.SetAvail(r.next, head)
	r.next++
	return head, nil
}

// PostAt puts a chain of buffers anywhere in memory into the avail ring, for the
// back end to read.
func (r *Ring) PostAt(pieces ...Piece) (head uint16, err error) {
	if len(pieces) == 0 || len(pieces) > len(r.free) {
		return 0, ErrFull
	}
	chain := r.take(len(pieces))
	for i, p := range pieces {
		d := Desc{Addr: p.Addr, Len: uint32(p.Len)}
		if i+1 < len(pieces) {
			d.Flags, d.Next = DescNext, chain[i+1]
		}
		r.SetDesc(int(chain[i]), d)
	}
	r.shapes[chain[0]] = Shape{}
	r.SetAvail(r.next, chain[0])
	r.next++
	return chain[0], nil
}

// take takes n descriptors off the free list and notes them under the first.
func (r *Ring) take(n int) []uint16 {
	chain := make([]uint16, n)
	for i := range chain {
		chain[i] = r.free[len(r.free)-1]
		r.free = r.free[:len(r.free)-1]
	}
	r.chains[chain[0]] = chain
	return chain
}

// Publish shows the back end what was posted and kicks it if it wants that
// (virtio 1.2 §2.7.10).
func (r *Ring) Publish() {
	var flags uint16
	if r.silent {
		flags = AvailNoInterrupt
	}
	r.SetAvailIdx(flags, r.next)
	used, _ := r.UsedIdx()
	want := used&UsedNoNotify == 0
	if r.eventIdx {
		want = r.next-r.AvailEvent()-1 < r.next-r.told
	}
	if want && r.next != r.told {
		r.Notify()
	}
	r.told = r.next
}

// InFlight returns the number of chains that the back end has.
func (r *Ring) InFlight() int {
	n := 0
	for _, c := range r.chains {
		if c != nil {
			n++
		}
	}
	return n
}

// Seen returns the used index up to which Reap came.
func (r *Ring) Seen() uint16 { return r.seen }

// Kicks returns how often the back end was notified.
func (r *Ring) Kicks() int { return r.kicks }

// Silence says whether the back end may leave out its calls.
func (r *Ring) Silence(on bool) {
	r.silent = on
	if r.eventIdx {
		event := r.seen
		if on {
			event += 1 << 15
		}
		r.SetUsedEvent(event)
	}
	var flags uint16
	if on {
		flags = AvailNoInterrupt
	}
	_, idx := r.AvailIdx()
	r.SetAvailIdx(flags, idx)
}

// Used is a chain that the back end is done with.
type Used struct {
	Head  uint16
	Len   int // bytes that it wrote, by its own account
	Shape Shape
}

// Reap returns the next chain that the back end is done with; its descriptors
// are free afterwards. An error means that the back end has returned what it
// did not have.
func (r *Ring) Reap() (u Used, ok bool, err error) {
	_, idx := r.UsedIdx()
	if idx == r.seen {
		return u, false, nil
	}
	if n := int(idx - r.seen); n > r.Size {
		return u, false, fmt.Errorf("ring %d: used index %d is %d beyond %d", r.Index, idx, n, r.seen)
	}
	id, n := r.UsedElem(r.seen)
	if id >= uint32(r.Size) || r.chains[id] == nil {
		return u, false, fmt.Errorf("ring %d: chain %d was returned, but was not in flight", r.Index, id)
	}
	u = Used{uint16(id), int(n), r.shapes[id]}
	r.seen++
	chain := r.chains[id]
	for i := range chain {
		r.free = append(r.free, chain[len(chain)-1-i])
	}
	r.chains[id] = nil
	if r.eventIdx && !r.silent {
		r.SetUsedEvent(r.seen)
	}
	return u, true, nil
}

// Wait waits until the back end has returned a chain, and relies on its call
// for that: a call that it owes is an error.
func (r *Ring) Wait(deadline time.Time) error {
	if r.silent {
		r.Silence(false)
	}
	for {
		var x [8]byte
		_, _ = unix.Read(r.Call, x[:]) // EAGAIN: none yet
		if r.eventIdx {
			r.SetUsedEvent(r.seen)
			_, idx := r.AvailIdx()
			r.SetAvailIdx(0, idx) // orders the event before the look
		}
		if _, idx := r.UsedIdx(); idx != r.seen {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("ring %d: %d chains in flight: %w", r.Index, r.InFlight(), unix.ETIMEDOUT)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(r.Call), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("ring %d: wait for a call: %w", r.Index, err)
		}
		if _, idx := r.UsedIdx(); n == 0 && err == nil && idx != r.seen {
			return fmt.Errorf("ring %d: the back end returned a chain without the call it owes", r.Index)
		}
	}
}
