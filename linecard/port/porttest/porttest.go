// Package porttest is a driver in memory: frames go in by Deliver and come out
// by Sent, as they would on a wire. It behaves like the real drivers: it pops
// the tag, validates the virtio header with port/vnet, splits long frames into
// head and tail, and keeps nothing after Send. It can refuse frames for lack of
// room, vanish, and lose carrier.
package porttest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vnet"
)

// Frame is a frame on the wire: its bytes with tag and without FCS, and the
// virtio header it travels with, zero for none.
type Frame struct {
	Bytes []byte
	Hdr   [frame.VnetLen]byte
}

// Options set up a port.
type Options struct {
	Name     string
	MTU      int // bytes; 0: 1500
	Offloads port.Offloads
	// HeadLen is how many bytes of a frame are put in the head; 0: 1920, at
	// least frame.HeadMin.
	HeadLen int
	// Receivers is the number of receive queues; 0: 1.
	Receivers int
	// Polled makes FD return -1. Armed makes the queues tell of frames only when
	// they are asked to (port.Armed).
	Polled, Armed bool
	// Repeat makes every Recv deliver these frames again, without copying:
	// for measurements. Discard makes Send keep nothing.
	Repeat  []Frame
	Discard bool
}

// Port is a port in memory. Its methods may be called from any goroutine.
type Port struct {
	o Options

	mu      sync.Mutex
	in      [][]Frame // by receive queue
	sent    []Frame
	room    int // frames that Send still takes; -1: no limit
	gone    bool
	carrier bool
	closed  bool
	lost    uint64
	open    []*queue // those that receive
	queues  int
}

// New returns a port with carrier.
func New(o Options) *Port {
	if o.MTU == 0 {
		o.MTU = 1500
	}
	if o.HeadLen == 0 {
		o.HeadLen = 1920
	}
	o.HeadLen = max(o.HeadLen, frame.HeadMin)
	o.Receivers = max(o.Receivers, 1)
	return &Port{o: o, room: -1, carrier: true, in: make([][]Frame, o.Receivers)}
}

// Receivers implements port.Multi.
func (p *Port) Receivers() int { return p.o.Receivers }

// Deliver queues plain frames for reception.
func (p *Port) Deliver(frames ...[]byte) {
	list := make([]Frame, len(frames))
	for i, b := range frames {
		list[i].Bytes = b
	}
	p.DeliverFrames(list...)
}

// DeliverFrames queues frames with virtio headers for reception.
func (p *Port) DeliverFrames(frames ...Frame) { p.DeliverTo(0, frames...) }

// DeliverTo queues frames for one receive queue.
func (p *Port) DeliverTo(receive int, frames ...Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in[receive] = append(p.in[receive], frames...)
	p.signal()
}

// signal makes the receiving queues poll readable that have something to say.
// Called with mu held.
func (p *Port) signal() {
	for _, q := range p.open {
		if q.fd >= 0 && (!p.o.Armed || q.armed) && q.ready() {
			one := [8]byte{1}
			_, _ = unix.Write(q.fd, one[:]) // EAGAIN: it is readable already
		}
	}
}

// Lose makes the port say that n more frames never reached Recv.
func (p *Port) Lose(n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost += n
}

// Lost implements port.Lossy.
func (p *Port) Lost() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Waiting returns the number of frames not received yet.
func (p *Port) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, list := range p.in {
		n += len(list)
	}
	return n
}

// Sent returns the frames sent since the last call.
func (p *Port) Sent() []Frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sent
	p.sent = nil
	return s
}

// Room makes Send take only n more frames, and then report queue-full; -1 takes
// the limit away.
func (p *Port) Room(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room = n
}

// Vanish makes the device disappear: queues report port.ErrGone.
func (p *Port) Vanish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	p.signal()
}

// SetCarrier changes what Info says of the carrier.
func (p *Port) SetCarrier(up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.carrier = up
}

// Closed reports whether the port was closed, and the queues still open.
func (p *Port) Closed() (closed bool, queues int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed, p.queues
}

// Queue opens a queue; see port.Port.
func (p *Port) Queue(worker, receive int) (port.Queue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.gone {
		return nil, fmt.Errorf("open queue of %s: %w", p.o.Name, port.ErrGone)
	}
	q := &queue{p: p, worker: worker, receive: receive, fd: -1}
	if receive != port.SendOnly {
		if receive < 0 || receive >= p.o.Receivers {
			return nil, fmt.Errorf("open queue of %s: no receive queue %d", p.o.Name, receive)
		}
		for _, other := range p.open {
			if other.receive == receive {
				return nil, fmt.Errorf("open queue of %s: receive queue %d is open", p.o.Name, receive)
			}
		}
		if !p.o.Polled {
			fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
			if err != nil {
				return nil, fmt.Errorf("open queue of %s: %w", p.o.Name, err)
			}
			q.fd = fd
		}
		for i := range q.heads {
			q.heads[i] = make([]byte, frame.Headroom+p.o.HeadLen)
		}
		p.open = append(p.open, q)
		p.signal()
	}
	p.queues++
	if p.o.Armed {
		return &armedQueue{queue: q}, nil
	}
	return q, nil
}

// Owner returns the worker that has a receive queue, -1 when it is not open.
func (p *Port) Owner(receive int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.open {
		if q.receive == receive {
			return q.worker
		}
	}
	return -1
}

// Info describes the port.
func (p *Port) Info() port.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	return port.Info{
		Kind: "test", Driver: "porttest", Device: p.o.Name, MTU: p.o.MTU,
		Carrier: p.carrier && !p.gone, Offloads: p.o.Offloads,
	}
}

// Close closes the port. Its queues must be closed already.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queues != 0 {
		return fmt.Errorf("close %s: %d queues are open", p.o.Name, p.queues)
	}
	if p.closed {
		return errors.New("port is closed already")
	}
	p.closed = true
	return nil
}

type queue struct {
	p       *Port
	worker  int
	receive int
	fd      int
	armed   bool
	heads   [frame.BatchSize][]byte
	busy    bool // between Recv and Release
}

// ready reports whether Recv would have something to say. Called with mu held.
func (q *queue) ready() bool {
	return q.p.gone || q.p.o.Repeat != nil || len(q.p.in[q.receive]) > 0
}

// drain makes the descriptor poll not readable. Called with mu held.
func (q *queue) drain() {
	if q.fd >= 0 {
		var x [8]byte
		_, _ = unix.Read(q.fd, x[:]) // EAGAIN: it is empty already
	}
}

// Recv delivers what is queued.
func (q *queue) Recv(b *frame.Batch) error {
	p := q.p
	p.mu.Lock()
	defer p.mu.Unlock()
	b.N = 0
	if q.busy {
		return errors.New("Recv before Release")
	}
	if p.gone {
		return port.ErrGone
	}
	if q.receive == port.SendOnly {
		return nil
	}
	list := p.in[q.receive]
	if p.o.Repeat != nil {
		list = p.o.Repeat
	}
	n := min(len(list), frame.BatchSize)
	for i := range n {
		b.Drop[i] = q.fill(&b.Frames[i], i, &list[i])
	}
	b.N = n
	q.busy = n > 0
	if p.o.Repeat == nil {
		p.in[q.receive] = list[n:]
		if len(list) == n && !p.o.Armed {
			q.drain()
		}
	}
	return nil
}

// fill describes a frame as the drivers do.
func (q *queue) fill(f *frame.Frame, i int, from *Frame) frame.Reason {
	buf := q.heads[i]
	n := copy(buf[frame.Headroom:], from.Bytes)
	*f = frame.Frame{Buf: buf, Off: frame.Headroom, Head: uint32(n), Slot: uint32(i)}
	if n < len(from.Bytes) {
		f.Tail = from.Bytes[n:]
	}
	return vnet.Decode(from.Hdr[:], f, vnet.Pop(f))
}

// Release takes the batch back.
func (q *queue) Release(*frame.Batch) { q.busy = false }

// Send keeps copies of the frames for Sent.
func (q *queue) Send(out []frame.Out) error {
	p := q.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range out {
		o := &out[i]
		o.Drop = frame.Forward
		switch {
		case p.gone:
			o.Drop = frame.TxError
		case p.room == 0:
			o.Drop = frame.QueueFull
		case !p.o.Discard:
			p.sent = append(p.sent, wire(o))
		}
		if o.Drop == frame.Forward && p.room > 0 {
			p.room--
		}
	}
	if p.gone {
		return port.ErrGone
	}
	return nil
}

// wire returns what the receiver sees of a frame.
func wire(o *frame.Out) Frame {
	var f Frame
	shift := 0
	if o.Tag {
		shift = frame.TagLen
		f.Bytes = frame.AppendTagged(nil, o.Frame, o.TCI)
	} else {
		f.Bytes = append(append([]byte(nil), o.Bytes()...), o.Tail...)
	}
	vnet.Encode(f.Hdr[:], o.Frame, shift)
	return f
}

// FD returns the descriptor that polls readable.
func (q *queue) FD() int { return q.fd }

// Close closes the queue.
func (q *queue) Close() error {
	p := q.p
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queues--
	p.open = slices.DeleteFunc(p.open, func(x *queue) bool { return x == q })
	if q.fd < 0 {
		return nil
	}
	return unix.Close(q.fd)
}

// armedQueue is a queue that tells of frames only when asked to.
type armedQueue struct{ *queue }

// Arm implements port.Armed.
func (q *armedQueue) Arm() (pending bool) {
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	q.armed = !q.ready()
	return !q.armed
}

// Disarm implements port.Armed.
func (q *armedQueue) Disarm() {
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	q.armed = false
	q.drain()
}

// Tagged returns a frame with an 802.1Q tag put in.
func Tagged(b []byte, tci uint16) []byte {
	t := append([]byte(nil), b[:12]...)
	t = append(t, 0x81, 0)
	t = binary.BigEndian.AppendUint16(t, tci)
	return append(t, b[12:]...)
}

// Untagged returns a frame with its outer tag taken out, and the tag.
func Untagged(b []byte) (rest []byte, tci uint16, ok bool) {
	if len(b) < frame.HeaderLen+frame.TagLen || b[12] != 0x81 || b[13] != 0 {
		return b, 0, false
	}
	return append(append([]byte(nil), b[:12]...), b[16:]...), binary.BigEndian.Uint16(b[14:]), true
}
