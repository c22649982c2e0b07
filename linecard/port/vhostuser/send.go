package vhostuser

import (
	"encoding/binary"
	"runtime/debug"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vmem"
	"trunkline/linecard/port/vnet"
	"trunkline/linecard/port/vring"
)

// maxPieces bounds the buffers that one frame is spread over: what a 64 KiB
// super-frame takes in buffers of 64 bytes.
const maxPieces = 1100

// Send writes frames into the guest's buffers. Several workers may send to one
// ring: its cursor is locked for the burst.
func (q *queue) Send(out []frame.Out) error {
	debug.SetPanicOnFault(true)
	v := q.p.enter(&q.tx)
	if len(v.send) > 1 {
		q.spread(v, out)
	} else {
		q.flush(v, v.to(0), out, nil)
	}
	q.tx.Store(nil)
	return nil
}

// flush writes frames to one ring, nil for none, and calls the guest: those that
// are in mine, if it is not nil.
func (q *queue) flush(v *view, l *lane, out []frame.Out, mine *[chunk]bool) {
	if l == nil {
		refuse(out, mine, frame.PortDown)
	} else if q.burst(v, l, out, mine) {
		l.notify()
	}
}

func refuse(out []frame.Out, mine *[chunk]bool, why frame.Reason) {
	for i := range out {
		if mine == nil || mine[i] {
			out[i].Drop = why
		}
	}
}

// burst writes the frames and reports whether the guest is to be called. Chains
// are taken from the ring when all is written, so that a fault leaves it as it
// was.
func (q *queue) burst(v *view, l *lane, out []frame.Out, mine *[chunk]bool) (call bool) {
	l.at.Lock()
	defer func() {
		cause := recover()
		if cause != nil && q.absorb(v, cause) {
			refuse(out, mine, frame.TxError)
			cause = nil
		}
		l.at.Unlock()
		if cause != nil { // the sender's memory, or a mistake of ours
			q.tx.Store(nil)
			panic(cause)
		}
	}()
	s := &q.out
	s.ring, s.at, s.log, s.long = l.ring, l.at, v.log, v.header == frame.VnetLen
	s.merge, s.ecn = v.features>>fMrgRxbuf&1 != 0, v.features>>fGuestECN&1 != 0
	bytes := max(out[0].Len(), 1)
	s.ahead = 0
	s.hint, s.step = pace(bytes)
	s.hint.Skip, s.hint.Bytes, s.hint.Write = v.header, bytes, true
	taken := 0
	have := v.offloads()
	for i := range out {
		if mine != nil && !mine[i] {
			continue
		}
		o := &out[i]
		if l.at.Fault() != vring.NoFault {
			o.Drop = frame.TxError
			continue
		}
		if s.quick(o, taken) {
			o.Drop = frame.Forward
			taken++
			continue
		}
		if o.Drop = refuses(o, have); o.Drop != frame.Forward {
			continue
		}
		o.Drop = s.put(v.header, o, taken)
		if o.Drop == frame.Forward {
			taken += s.chains
		} else if l.at.Fault() != vring.NoFault {
			q.p.attend()
		}
	}
	l.ring.Take(l.at, taken)
	return l.ring.Publish(l.at, taken)
}

// plainHeader is the virtio header of a frame without offloads, in one chain.
var plainHeader = [frame.VnetLen]byte{frame.VnetLen - 2: 1}

// sink writes one frame after another into chains of a receive queue.
type sink struct {
	ring  *vring.Ring
	at    *vring.Cursor
	log   *vmem.Log
	long  bool // the header has VnetLen bytes
	merge bool // a frame may take several chains
	ecn   bool // the guest knows of GSOECN

	ahead int // chains that were looked at, from the start of the burst
	hint  vring.Hint
	step  int // chains to look at at a time

	chain  vring.Chain
	base   int    // chains that earlier frames of the burst have taken
	chains int    // that this frame has finished
	head   uint16 // of the chain in work
	open   bool
	wrote  uint32 // bytes, to the chain in work
	pieces int

	room   []byte   // what is left of the buffer in work
	guest  uint64   // its guest address
	count  [2]*byte // where the number of chains stands: the bytes may lie apart
	marks  [2]uint64
	prefix [frame.VnetLen + 16]byte
}

// quick writes what most frames are: without offload or tag, into one buffer that
// is long enough for it. It reports whether it has.
func (s *sink) quick(o *frame.Out, base int) bool {
	if o.Tag || o.Flags&frame.NeedsCsum != 0 || o.Head < frame.MinLen || !s.long {
		return false
	}
	if base >= s.ahead {
		if s.ahead = s.ring.Look(s.at, min(base+s.step, vring.Most), s.hint); base >= s.ahead {
			return false
		}
	}
	x := s.at.Seen(base)
	p, head, tail := x.Buf(), o.Bytes(), o.Tail
	n := frame.VnetLen + len(head) + len(tail)
	if n > len(p) {
		return false
	}
	// The header is left as it is where it is right already: the line it is in is
	// then not taken from the driver's core.
	if h := (*[frame.VnetLen]byte)(p); *h != plainHeader {
		*h = plainHeader
	}
	copy(p[frame.VnetLen:], head)
	if len(tail) > 0 {
		copy(p[frame.VnetLen+len(head):], tail)
	}
	s.log.Mark(x.Guest(), uint32(n))
	s.ring.Complete(s.at, base, x.Head(), uint32(n))
	return true
}

// refuses says why a frame cannot be given to the guest as it is. The pipeline has
// seen to its offloads, by what the driver took when it last looked.
func refuses(o *frame.Out, have port.Offloads) frame.Reason {
	if o.Head < frame.MinLen {
		return frame.TxError
	}
	if o.Flags&frame.NeedsCsum == 0 {
		return frame.Forward
	}
	need := port.Csum
	switch o.GSO &^ frame.GSOECN {
	case frame.GSOTCPv4:
		need |= port.TSO4
	case frame.GSOTCPv6:
		need |= port.TSO6
	case frame.GSOUDPL4:
		need |= port.USO
	case frame.GSOUDP:
		need |= port.UFO
	}
	if need&^have != 0 {
		return frame.TxError
	}
	return frame.Forward
}

// put writes one frame, behind base chains of the burst.
func (s *sink) put(header int, o *frame.Out, base int) frame.Reason {
	s.base, s.chains, s.open, s.pieces, s.room = base, 0, false, 0, nil
	head := o.Bytes()
	shift, n := 0, header
	if o.Tag {
		shift = frame.TagLen
		p := s.prefix[header : header+16]
		copy(p, head[:12])
		p[12], p[13] = 0x81, 0x00
		binary.BigEndian.PutUint16(p[14:], o.TCI)
		n += 16
		head = head[12:]
	}
	vnet.Encode(s.prefix[:header], o.Frame, shift)
	if !s.ecn {
		// A guest that keeps the frame does not miss it; one that forwards it
		// repeats CWR in each segment, as before ECN was known to offloads.
		s.prefix[1] &^= byte(frame.GSOECN)
	}
	if r := s.start(s.prefix[:n], header); r != frame.Forward {
		return r
	}
	if r := s.write(head); r != frame.Forward {
		return r
	}
	if len(o.Tail) > 0 {
		if r := s.write(o.Tail); r != frame.Forward {
			return r
		}
	}
	s.finish()
	if header == frame.VnetLen {
		for i, p := range s.count {
			*p = byte(s.chains >> (8 * i))
			s.log.Mark(s.marks[i], 1)
		}
	}
	return frame.Forward
}

// start writes the prefix, whose header must fit into the first chain, and notes
// where the number of chains stands in it.
func (s *sink) start(p []byte, header int) frame.Reason {
	for at := 0; at < len(p); {
		if len(s.room) == 0 {
			if r := s.more(); r != frame.Forward {
				return r
			}
			if at < header && s.chains > 0 {
				s.at.Break(vring.BadBuffer)
				return frame.TxError
			}
		}
		n := min(len(s.room), len(p)-at)
		for i := range s.count {
			if k := frame.VnetLen - 2 + i; header == frame.VnetLen && k >= at && k < at+n {
				s.count[i], s.marks[i] = &s.room[k-at], s.guest+uint64(k-at)
			}
		}
		at += s.copy(p[at:])
	}
	return frame.Forward
}

// write appends bytes to the frame.
func (s *sink) write(p []byte) frame.Reason {
	for {
		if p = p[s.copy(p):]; len(p) == 0 {
			return frame.Forward
		}
		if r := s.more(); r != frame.Forward {
			return r
		}
	}
}

// copy fills the buffer in work, and returns the number of bytes.
func (s *sink) copy(p []byte) int {
	n := copy(s.room, p)
	s.log.Mark(s.guest, uint32(n))
	s.room = s.room[n:]
	s.guest += uint64(n)
	s.wrote += uint32(n)
	return n
}

// more goes on to the next buffer, which may be in the next chain.
func (s *sink) more() frame.Reason {
	for {
		if !s.open {
			head, ok := s.ring.Peek(s.at, s.base+s.chains)
			if !ok {
				if s.at.Fault() != vring.NoFault {
					return frame.TxError
				}
				return frame.QueueFull
			}
			s.ring.Open(&s.chain, head, true)
			s.head, s.open, s.wrote = head, true, 0
		}
		before := s.chain.Walked()
		b, guest, fault := s.chain.Next()
		// Empty descriptors are looked at, too.
		if s.pieces += max(1, s.chain.Walked()-before); fault == vring.NoFault && s.pieces > maxPieces {
			fault = vring.BadBuffer
		}
		switch {
		case fault != vring.NoFault:
			s.at.Break(fault)
			return frame.TxError
		case b != nil:
			s.room, s.guest = b, guest
			return frame.Forward
		case s.wrote == 0:
			s.at.Break(vring.BadBuffer)
			return frame.TxError
		case !s.merge:
			return frame.Giant // the guest's buffer is too small for it
		}
		s.finish()
	}
}

// finish ends the chain in work. What is left of it stays unused.
func (s *sink) finish() {
	s.ring.Complete(s.at, s.base+s.chains, s.head, s.wrote)
	s.chains++
	s.open = false
	s.room = nil
}
