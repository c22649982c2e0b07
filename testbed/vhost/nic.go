package vhost

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Header is struct virtio_net_hdr_v1 (virtio 1.2 §5.1.6.1).
type Header struct {
	Flags, GSO                                      uint8
	HdrLen, GSOSize, CsumStart, CsumOffset, Buffers uint16
}

// Bits of Header.Flags, and segmentation types.
const (
	NeedsCsum = 1
	DataValid = 2
	GSOTCPv4  = 1
	GSOUDP    = 3
	GSOTCPv6  = 4
	GSOUDPL4  = 5
)

// Bytes returns the first n bytes of the header: 10 or 12.
func (h Header) Bytes(n int) []byte {
	b := []byte{h.Flags, h.GSO}
	for _, x := range []uint16{h.HdrLen, h.GSOSize, h.CsumStart, h.CsumOffset, h.Buffers} {
		b = binary.NativeEndian.AppendUint16(b, x)
	}
	return b[:n]
}

func parseHeader(b []byte) (h Header) {
	h.Flags, h.GSO = b[0], b[1]
	for i, x := range []*uint16{&h.HdrLen, &h.GSOSize, &h.CsumStart, &h.CsumOffset, &h.Buffers} {
		if 2+2*i+2 <= len(b) {
			*x = binary.NativeEndian.Uint16(b[2+2*i:])
		}
	}
	return h
}

// Frame is a frame with its header.
type Frame struct {
	Header
	Data []byte
}

// guardByte fills receive buffers that are guarded.
const guardByte = 0xa5

// Send sends a frame in a chain of the shape; the header counts as its first
// bytes. It waits while the ring is full.
func (p *Peer) Send(queue int, f Frame, s Shape) error {
	if err := p.PostFrame(queue, f, s); err != nil {
		return err
	}
	p.Tx(queue).Publish()
	return nil
}

// PostFrame is Send without publishing.
func (p *Peer) PostFrame(queue int, f Frame, s Shape) error {
	return p.PostBytes(queue, append(f.Header.Bytes(p.HeaderLen()), f.Data...), s)
}

// PostBytes posts any bytes for the back end to read, header or not.
func (p *Peer) PostBytes(queue int, b []byte, s Shape) error {
	r := p.Tx(queue)
	fill := func(pieces []Piece) {
		rest := b
		for _, x := range pieces {
			rest = rest[copy(r.memory.At(x.Addr, x.Len), rest):]
		}
	}
	for deadline := time.Now().Add(p.Timeout); ; {
		if err := p.Reclaim(queue); err != nil {
			return err
		}
		if _, err := r.Post(len(b), s, false, fill); err != ErrFull {
			return err
		}
		r.Publish()
		if err := r.Wait(deadline); err != nil {
			return err
		}
	}
}

// Reclaim takes back what was sent.
func (p *Peer) Reclaim(queue int) error {
	for {
		if _, ok, err := p.Tx(queue).Reap(); !ok || err != nil {
			return err
		}
	}
}

// Drain waits until everything sent has been read.
func (p *Peer) Drain(queue int) error {
	r := p.Tx(queue)
	r.Publish()
	for deadline := time.Now().Add(p.Timeout); ; {
		if err := p.Reclaim(queue); err != nil || r.InFlight() == 0 {
			return err
		}
		if err := r.Wait(deadline); err != nil {
			return err
		}
	}
}

// Offer posts up to n receive chains of size bytes and returns how many the
// ring took.
func (p *Peer) Offer(queue, n, size int, s Shape) (int, error) {
	r := p.Rx(queue)
	for i := range n {
		if err := p.offer(r, size, s); err == ErrFull {
			n = i
		} else if err != nil {
			return i, err
		}
	}
	r.Publish()
	return n, nil
}

func (p *Peer) offer(r *Ring, size int, s Shape) error {
	var guard func([]Piece)
	if p.Guard {
		guard = func(pieces []Piece) {
			end := pieces[len(pieces)-1]
			b := r.memory.At(pieces[0].Addr, int(end.Addr-pieces[0].Addr)+end.Len)
			for i := range b {
				b[i] = guardByte
			}
		}
	}
	head, err := r.Post(size, s, true, guard)
	if err == nil {
		r.sizes[head] = size
	}
	return err
}

// Receive waits for a frame, and posts its chains again. Header.Buffers is as it
// was found: without MRG_RXBUF a device owes 1, but DPDK leaves it alone.
func (p *Peer) Receive(queue int) (Frame, error) {
	return p.ReceiveBy(queue, time.Now().Add(p.Timeout))
}

// ReceiveBy is Receive with a deadline.
func (p *Peer) ReceiveBy(queue int, deadline time.Time) (f Frame, err error) {
	r, n := p.Rx(queue), p.HeaderLen()
	data, err := p.chain(r, deadline)
	if err != nil {
		return f, err
	}
	if len(data) < n {
		return f, fmt.Errorf("%d bytes arrive, fewer than a header of %d", len(data), n)
	}
	f.Header, f.Data = parseHeader(data[:n]), data[n:]
	buffers := 1
	if p.Has(FeatureMrgRxbuf) {
		buffers = int(f.Buffers)
	}
	if buffers == 0 {
		return f, errors.New("num_buffers is 0")
	}
	for range buffers - 1 {
		// The others are there already: they are returned together.
		more, err := p.chain(r, time.Now())
		if err != nil {
			return f, fmt.Errorf("frame in %d buffers: %w", buffers, err)
		}
		f.Data = append(f.Data, more...)
	}
	r.Publish()
	return f, nil
}

// chain returns the bytes of the next chain that came back, and posts it again.
func (p *Peer) chain(r *Ring, deadline time.Time) ([]byte, error) {
	u, ok, err := r.Reap()
	for !ok && err == nil {
		if err = r.Wait(deadline); err == nil {
			u, ok, err = r.Reap()
		}
	}
	if err != nil {
		return nil, err
	}
	size := r.sizes[u.Head]
	if u.Len > size {
		return nil, fmt.Errorf("ring %d: %d bytes were written into a chain of %d", r.Index, u.Len, size)
	}
	data := make([]byte, 0, u.Len)
	pieces := u.Shape.Cut(r.Buffer(u.Head), size)
	for _, x := range pieces {
		data = append(data, r.memory.At(x.Addr, min(x.Len, u.Len-len(data)))...)
	}
	if p.Guard {
		if err := r.check(pieces, u); err != nil {
			return nil, err
		}
	}
	return data, p.offer(r, size, u.Shape)
}

// errGuard is a write to where the back end has no right to write.
var errGuard = errors.New("bytes beyond what was said to be written are changed")

// check looks at the bytes between and behind the pieces that were written.
func (r *Ring) check(pieces []Piece, u Used) error {
	end := pieces[len(pieces)-1]
	all := bytes.Clone(r.memory.At(pieces[0].Addr, int(end.Addr-pieces[0].Addr)+end.Len))
	left := u.Len
	for _, x := range pieces {
		n := min(x.Len, left)
		left -= n
		for i := range n {
			all[int(x.Addr-pieces[0].Addr)+i] = guardByte
		}
	}
	for i, x := range all {
		if x != guardByte {
			return fmt.Errorf("ring %d: byte %d of a chain with %d bytes written: %w", r.Index, i, u.Len, errGuard)
		}
	}
	return nil
}
