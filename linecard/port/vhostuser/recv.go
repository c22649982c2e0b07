package vhostuser

import (
	"runtime/debug"

	"trunkline/linecard/frame"
	"trunkline/linecard/port/slab"
	"trunkline/linecard/port/vnet"
	"trunkline/linecard/port/vring"
)

// Bounds of one Recv.
const (
	// headLen is how many bytes of a frame are copied: enough for the headers of
	// anything that Linux segments.
	headLen = 256
	// burst bounds the bytes, so that a burst of super-frames is sent on while it
	// is still in the second-level cache.
	burst = 768 << 10
	// budget bounds the descriptors, after which no further chain is begun.
	budget = 2048
	// step is how many chains of short frames are looked at at a time: so many
	// cache lines can be on their way while others are worked on.
	step = 8
	// shortLen bounds the frames that a path of their own is worth while for.
	shortLen = 64
)

// Recv takes what the guest sends.
func (q *queue) Recv(b *frame.Batch) error {
	b.N = 0
	q.taken = 0
	if q.mem == nil {
		return nil
	}
	debug.SetPanicOnFault(true)
	v := q.p.enter(&q.rx)
	l := v.lane(q.ring())
	if l == nil {
		q.rx.Store(nil)
		return nil
	}
	q.lane = l
	if q.fill(v, l, b) == 0 {
		q.rx.Store(nil)
	}
	return nil
}

// fill receives a batch and returns its length.
func (q *queue) fill(v *view, l *lane, b *frame.Batch) (n int) {
	defer func() {
		if cause := recover(); cause != nil {
			if !q.absorb(v, cause) {
				q.rx.Store(nil)
				panic(cause)
			}
			b.N, n, q.taken = 0, 0, 0
		}
	}()
	if !l.enabled {
		q.discard(l)
		return 0
	}
	hint, step := pace(q.mean)
	hint.Bytes = headLen
	if v.plain {
		hint.Skip = v.header
	}
	total, walked, seen := 0, 0, 0
	for q.taken < frame.BatchSize && total < burst && walked < budget {
		if q.taken == seen {
			if seen = l.ring.Look(l.at, min(seen+step, frame.BatchSize), hint); seen == q.taken {
				break
			}
		}
		x := l.at.Seen(q.taken)
		f := &b.Frames[q.taken]
		reason, fault := frame.Forward, vring.NoFault
		if p := x.Buf(); v.plain && len(p) >= v.header+frame.MinLen+frame.TagLen && len(p) <= v.header+shortLen {
			q.short(p[v.header:], q.taken, f)
		} else if len(p) >= v.header+frame.MinLen {
			reason = q.one(v, p, q.taken, f)
		} else {
			reason, fault = q.gather(v, l.ring, x.Head(), q.taken, f)
			walked += q.chain.Walked()
		}
		if fault != vring.NoFault {
			l.at.Break(fault)
			break
		}
		b.Drop[q.taken] = reason
		q.heads[q.taken] = x.Head()
		total += f.Len()
		q.taken++
	}
	if l.at.Fault() != vring.NoFault {
		q.p.attend()
	}
	l.ring.Take(l.at, q.taken)
	if n = q.taken; n > 0 {
		q.mean = total / n
	}
	if n < frame.BatchSize && q.announce(b, n) {
		n++
	}
	b.N = n
	return n
}

// pace says how chains of frames of so many bytes are looked at: in short steps
// and some ahead, or all of a burst at once.
func pace(bytes int) (h vring.Hint, at int) {
	if bytes > headLen {
		return vring.Hint{}, frame.BatchSize
	}
	return vring.Hint{Ahead: vring.Ahead}, step
}

// short is one for the shortest frames, of a driver without offloads.
// None is a runt, with its tag or without.
func (q *queue) short(p []byte, i int, f *frame.Frame) {
	buf := q.mem.Head(i)
	f.Buf, f.Off, f.Head, f.Tail = buf, frame.Headroom, uint32(len(p)), nil
	f.GSO, f.Flags, f.HdrLen, f.GSOSize, f.CsumStart, f.CsumOffset = 0, 0, 0, 0, 0, 0
	f.TCI, f.BD, f.Slot = 0, 0, uint32(i)
	copy(buf[frame.Headroom:], p)
	vnet.Pop(f)
}

// one makes a frame of a single buffer that holds the header and an Ethernet
// header at least.
func (q *queue) one(v *view, p []byte, i int, f *frame.Frame) frame.Reason {
	buf := q.mem.Head(i)
	header := v.header
	n := min(len(p)-header, headLen)
	f.Buf, f.Off, f.Head, f.Tail = buf, frame.Headroom, uint32(n), nil
	f.Flags, f.TCI, f.BD, f.Slot = 0, 0, 0, uint32(i)
	if rest := p[header+n:]; len(rest) > 0 {
		if len(rest) > slab.TailLen {
			vnet.Clear(f)
			return frame.Giant
		}
		f.Tail = rest
	}
	if !v.plain {
		copy(buf[frame.Headroom-header:], p[:header+n])
		return vnet.Decode(buf[frame.Headroom-header:][:vnet.ShortLen], f, vnet.Pop(f))
	}
	copy(buf[frame.Headroom:], p[header:header+n])
	vnet.Clear(f)
	vnet.Pop(f)
	switch n := f.Len(); {
	case n < frame.MinLen:
		return frame.Runt
	case n > frame.MaxWire:
		return frame.Giant
	}
	return frame.Forward
}

// gather makes a frame of a chain: its head in slot i of our memory, its tail
// where it is, or gathered when it is in several pieces.
//
// The header of a driver that has agreed to no offload says nothing, and is not
// looked at: it lies in a cache line of its own, which stays with the driver.
func (q *queue) gather(v *view, r *vring.Ring, head uint16, i int, f *frame.Frame) (frame.Reason, vring.Fault) {
	header := v.header
	buf := q.mem.Head(i)
	into := buf[frame.Headroom-header : frame.Headroom+headLen]
	got := 0
	if v.plain {
		clear(into[:header])
	}
	var tail, room []byte
	tooLong := false
	r.Open(&q.chain, head, false)
	for !tooLong {
		p, _, fault := q.chain.Next()
		if fault != vring.NoFault {
			return 0, fault
		}
		if p == nil {
			break
		}
		if got < header && v.plain {
			n := min(header-got, len(p))
			got += n
			if p = p[n:]; len(p) == 0 {
				continue
			}
		}
		if got < len(into) {
			n := copy(into[got:], p)
			got += n
			if p = p[n:]; len(p) == 0 {
				continue
			}
		}
		switch {
		case len(tail)+len(p) > slab.TailLen:
			tooLong = true
		case tail == nil:
			tail = p
		default:
			if room == nil {
				room = q.mem.Tail(i)
				tail = room[:copy(room, tail)]
			}
			tail = room[:len(tail)+copy(room[len(tail):], p)]
		}
	}
	f.Buf, f.Off, f.Head = buf, frame.Headroom, uint32(max(got-header, 0))
	f.Tail, f.Flags, f.TCI, f.BD, f.Slot = tail, 0, 0, 0, uint32(i)
	if tooLong {
		vnet.Clear(f)
		return frame.Giant, vring.NoFault
	}
	return vnet.Decode(into[:vnet.ShortLen], f, vnet.Pop(f)), vring.NoFault
}

// discard gives back what a guest sends on a ring that is not enabled.
func (q *queue) discard(l *lane) {
	n := 0
	for n < frame.BatchSize {
		head, ok := l.ring.Peek(l.at, n)
		if !ok {
			break
		}
		l.ring.Complete(l.at, n, head, 0)
		n++
	}
	l.ring.Take(l.at, n)
	if l.ring.Publish(l.at, n) {
		l.notify()
	}
	if l.at.Fault() != vring.NoFault {
		q.p.attend()
	}
}

// Release gives the buffers of the batch back to the guest.
func (q *queue) Release(*frame.Batch) {
	v := q.rx.Load()
	if v == nil {
		return
	}
	defer q.released(v)
	if v.dead.Load() {
		return
	}
	l := q.lane
	n := q.taken
	l.ring.Return(l.at, q.heads[:n])
	q.taken = 0
	if l.ring.Publish(l.at, n) {
		l.notify()
	}
}

// released leaves the view. Deferred, it ends a panic that is the peer's fault.
func (q *queue) released(v *view) {
	cause := recover()
	absorbed := cause != nil && q.absorb(v, cause)
	q.lane = nil
	q.rx.Store(nil)
	if cause != nil && !absorbed {
		panic(cause)
	}
}
