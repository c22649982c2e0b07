package vxlan

import (
	"encoding/binary"
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
)

// Bounds of what is gathered before it is sent.
const (
	buckets    = 8 // of flows, each with a socket
	maxPieces  = 128
	maxTrain   = 64    // datagrams of a train; some kernels take more
	maxPayload = 65507 // bytes of a train: that of the longest IPv4 datagram
	vectors    = 3     // of a piece: header, head, tail
	arenaLen   = 32 << 10
	maxHeaders = 1024 // bytes of a super-frame's headers
)

// queue is one worker's way in and out of a tunnel. The system calls are
// non-blocking, hence RawSyscall.
type queue struct {
	port *Port
	send *sender
	rx   *receiver // nil without the receive side
	fds  [buckets]int
	open int // of fds
}

// message is struct mmsghdr.
type message struct {
	hdr unix.Msghdr
	len uint32
}

// control is the control message of a train: struct cmsghdr and the size of its
// datagrams, in 16 bits when it is sent and in an int when it is received.
type control struct {
	header unix.Cmsghdr
	size   [8]byte
}

// sender is what a worker sends from.
type sender struct {
	seg     frame.Segmenter
	buckets [buckets]bucket
	// unfinished says that Send has begun and not come to its end: a frame whose
	// tail is taken away while it is read makes it panic, and the pipeline goes on.
	unfinished bool
}

func newSender() *sender {
	s := &sender{}
	for i := range s.buckets {
		b := &s.buckets[i]
		for j := range b.controls {
			b.controls[j].header = unix.Cmsghdr{Level: unix.SOL_UDP, Type: udpSegment}
			b.controls[j].header.SetLen(unix.CmsgLen(2))
		}
	}
	return s
}

// bucket gathers the trains of some flows. Trains are in order, and so are the
// pieces of a train, each of which becomes a datagram.
type bucket struct {
	trains int
	pieces int
	iovs   int
	arena  int // bytes used

	train    [maxPieces]train
	messages [maxPieces]message
	controls [maxPieces]control
	iov      [maxPieces * vectors]unix.Iovec
	owner    [maxPieces]uint8 // the frame a piece is of, by its place in Send
	text     [arenaLen]byte   // headers of segments
}

// train is one message.
type train struct {
	first, n int // pieces
	iov      int // first vector
	size     int // bytes of each piece but perhaps the last
	total    int
	whole    bool // nothing can be added behind a shorter piece
}

// Send sends frames in trains: as many system calls as there are buckets with
// frames, and more when there are more than a bucket holds.
func (q *queue) Send(out []frame.Out) error {
	for len(out) > frame.BatchSize { // owner is one byte
		if err := q.Send(out[:frame.BatchSize]); err != nil {
			return err
		}
		out = out[frame.BatchSize:]
	}
	s := q.send
	if s.unfinished { // what the buckets hold may be gone, and is another tunnel's
		for i := range s.buckets {
			s.buckets[i].reset()
		}
	}
	s.unfinished = true
	t := q.port.table.Load()
	for i := range out {
		o := &out[i]
		o.Drop = frame.Forward
		if r := q.put(t, out, i); r != frame.Forward {
			o.Drop = r
		}
	}
	for i := range q.send.buckets {
		if q.send.buckets[i].trains > 0 {
			q.flush(i, out)
		}
	}
	s.unfinished = false
	return nil
}

// put adds a frame to the trains of its bucket.
func (q *queue) put(t *Table, out []frame.Out, i int) frame.Reason {
	o := &out[i]
	h := t.header(o.TCI)
	head := o.Bytes()
	switch {
	case h == nil:
		return frame.VLANNotAllowed // its segment was removed meanwhile
	case len(head) < frame.MinLen:
		return frame.Runt
	case tagged(o.Type()):
		return frame.BadEncap
	}
	n := int(frame.FlowHash(head) >> 29)
	b := &q.send.buckets[n]
	if o.GSO != frame.GSONone {
		return q.segment(h, out, i, n)
	}
	if o.Flags&frame.NeedsCsum != 0 && !frame.CompleteChecksum(o.Frame) {
		return frame.BadHeader
	}
	q.begin(b, n, out, i, headerLen+o.Len())
	b.vector(h[:])
	b.vector(head)
	b.vector(o.Tail)
	return frame.Forward
}

// segment adds a super-frame to the trains of bucket n, a piece for each of its
// segments.
func (q *queue) segment(h *header, out []frame.Out, i, n int) frame.Reason {
	o := &out[i]
	b, s := &q.send.buckets[n], &q.send.seg
	if o.GSO == frame.GSOUDP || o.HdrLen > maxHeaders {
		return frame.BadHeader
	}
	if r := s.Start(o.Frame, false); r != frame.Forward {
		return r
	}
	size := headerLen + int(o.HdrLen)
	for {
		if b.arena+size > arenaLen {
			q.flush(n, out)
		}
		text := b.text[b.arena : b.arena+size]
		copy(text, h[:])
		from, payload := s.Cut(text[headerLen:])
		if payload == 0 {
			return o.Drop // of what was sent already
		}
		if q.begin(b, n, out, i, size+payload) { // text is free again, and the first
			copy(b.text[:size], text)
			text = b.text[:size]
		}
		b.arena += size
		head, tail := o.Span(from, payload)
		b.vector(text)
		b.vector(head)
		b.vector(tail)
	}
}

// begin makes room for a piece of a size, of frame i, at the end of the last
// train or in one of its own. It reports whether the bucket was flushed before.
func (q *queue) begin(b *bucket, n int, out []frame.Out, i, size int) (flushed bool) {
	if b.pieces == maxPieces {
		q.flush(n, out)
		flushed = true
	}
	b.owner[b.pieces] = uint8(i)
	if b.trains > 0 && q.port.trains.Load() {
		if t := &b.train[b.trains-1]; !t.whole && size <= t.size && t.n < maxTrain && t.total+size <= maxPayload {
			t.n++
			t.total += size
			t.whole = size < t.size
			b.pieces++
			return flushed
		}
	}
	b.train[b.trains] = train{first: b.pieces, n: 1, iov: b.iovs, size: size, total: size}
	b.trains++
	b.pieces++
	return flushed
}

// vector adds bytes to the piece begun last.
func (b *bucket) vector(p []byte) {
	if len(p) > 0 {
		v := &b.iov[b.iovs]
		v.Base, v.Len = &p[0], uint64(len(p))
		b.iovs++
	}
}

// flush sends the trains of bucket n. sendmmsg stops at the first message that
// fails and returns its error only when it is the first of the call.
func (q *queue) flush(n int, out []frame.Out) {
	b := &q.send.buckets[n]
	for i := range b.trains {
		q.describe(b, i)
	}
	again := false // after an error of an earlier datagram
	for done := 0; done < b.trains; {
		got, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(q.fds[n]), uintptr(unsafe.Pointer(&b.messages[done])),
			uintptr(b.trains-done), unix.MSG_DONTWAIT, 0, 0)
		if e == 0 && got > 0 {
			done, again = done+int(got), false
			continue
		}
		t, reason := &b.train[done], frame.TxError
		switch e {
		case unix.EINTR:
			continue
		case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH:
			// Mostly what ICMP said of an earlier datagram: this one was not tried.
			if !again {
				again = true
				continue
			}
		case unix.EAGAIN, unix.ENOBUFS:
			reason = frame.QueueFull
		case unix.ENOMEM:
			reason = frame.NoMemory
		case unix.EIO, unix.EINVAL, unix.EMSGSIZE:
			if t.n > 1 && !(e == unix.EMSGSIZE && q.narrower(n)) && q.fits(t.size) { // the way out, or this kernel, takes no trains
				q.port.trains.Store(false)
				q.single(b, n, done, out)
				b.reset()
				return
			}
			reason = frame.Giant
		}
		for _, owner := range b.owner[t.first : t.first+t.n] {
			out[owner].Drop = reason
		}
		done, again = done+1, false
	}
	runtime.KeepAlive(out)
	b.reset()
}

// fits reports whether a datagram of a size has room on the way to the peer, as
// far as was known when it was last looked at.
func (q *queue) fits(size int) bool { return size <= int(q.port.mtu.Load())+frame.HeaderLen+headerLen }

// narrower looks at the way to the peer again, which may have become narrower
// since, and reports whether it has.
func (q *queue) narrower(n int) bool {
	outer, err := unix.GetsockoptInt(q.fds[n], unix.IPPROTO_IP, unix.IP_MTU)
	was := int(q.port.mtu.Load())
	if err != nil || outer-Overhead >= was {
		return false
	}
	q.port.mtu.Store(int32(outer - Overhead))
	return true
}

func (b *bucket) reset() { b.trains, b.pieces, b.iovs, b.arena = 0, 0, 0, 0 }

// describe fills in the message of a train.
func (q *queue) describe(b *bucket, i int) {
	t, end := &b.train[i], b.iovs
	if i+1 < b.trains {
		end = b.train[i+1].iov
	}
	h := &b.messages[i].hdr
	h.Iov, h.Iovlen = &b.iov[t.iov], uint64(end-t.iov)
	h.Control, h.Controllen = nil, 0
	if t.n > 1 {
		c := &b.controls[i]
		binary.NativeEndian.PutUint16(c.size[:], uint16(t.size))
		h.Control, h.Controllen = (*byte)(unsafe.Pointer(c)), uint64(unsafe.Sizeof(*c))
	}
}

// single sends the datagrams of trains from number from on one by one. It is
// used once per tunnel, when trains turn out not to work.
func (q *queue) single(b *bucket, n, from int, out []frame.Out) {
	at := b.train[from].iov
	for i := from; i < b.trains; i++ {
		t := &b.train[i]
		left := t.total
		for k := range t.n {
			var h unix.Msghdr
			h.Iov = &b.iov[at]
			for bytes := min(t.size, left); bytes > 0; at++ {
				bytes -= int(b.iov[at].Len)
				left -= int(b.iov[at].Len)
				h.Iovlen++
			}
			_, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(q.fds[n]), uintptr(unsafe.Pointer(&h)), unix.MSG_DONTWAIT)
			if e != 0 {
				out[b.owner[t.first+k]].Drop = frame.TxError
			}
		}
	}
}

// tagged reports whether an EtherType is that of a VLAN tag, which an inner
// frame must not have (RFC 7348 §6.1).
func tagged(kind uint16) bool { return kind == 0x8100 || kind == 0x88a8 }

// FD returns the descriptor that polls readable.
func (q *queue) FD() int {
	if q.rx == nil {
		return -1
	}
	return q.port.rx
}

// Close closes the sockets that send and frees the receive memory.
func (q *queue) Close() error {
	var errs []error
	for _, fd := range q.fds[:q.open] {
		errs = append(errs, unix.Close(fd))
	}
	q.open = 0
	if q.rx != nil {
		errs = append(errs, q.rx.close())
		q.rx = nil
	}
	return errors.Join(errs...)
}
