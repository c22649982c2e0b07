package soak

import (
	"encoding/binary"
	"fmt"
	"strings"

	"trunkline/testbed/vhost"
)

// A UFO super-frame is one datagram, which counts as many segments as it has
// fragments: it carries the number of the first and uses up the others'. It
// arrives whole or in fragments, which are put together here; those of a flow
// come in order.

// parts is a datagram of which fragments have arrived.
type parts struct {
	n     int // fragments
	ident uint32
	data  []byte // from the UDP header on
}

// fragmented reports whether a frame of the flow is a fragment.
func (f *flow) fragmented(b []byte, shift int) bool {
	l3 := 14 + shift
	if len(b) < l3+f.l3() {
		return false
	}
	if f.v6() {
		return b[l3+6] == 44
	}
	return binary.BigEndian.Uint16(b[l3+6:])&0x3fff != 0
}

// collect adds a fragment. It returns the number of fragments with the last.
func (f *flow) collect(in vhost.Frame, shift int) (int, error) {
	b, l3, at := in.Data, 14+shift, 14+shift+f.l3()
	var offset int
	var more bool
	var ident uint32
	if f.v6() {
		if len(b) < at+8 || int(binary.BigEndian.Uint16(b[l3+4:])) != len(b)-at || b[at] != 17 {
			return 0, fmt.Errorf("IPv6 fragment of %d bytes: header % x", len(b), b[l3:at])
		}
		x := binary.BigEndian.Uint16(b[at+2:])
		offset, more, ident = int(x&^7), x&1 != 0, binary.BigEndian.Uint32(b[at+4:])
		at += 8
	} else {
		if int(binary.BigEndian.Uint16(b[l3+2:])) != len(b)-l3 || sum(b[l3:at], 0) != 0xffff {
			return 0, fmt.Errorf("IPv4 fragment of %d bytes: header % x", len(b), b[l3:at])
		}
		x := binary.BigEndian.Uint16(b[l3+6:])
		offset, more, ident = int(x&0x1fff)*8, x&0x2000 != 0, uint32(binary.BigEndian.Uint16(b[l3+4:]))
	}
	p := &f.parts
	if in.GSO != 0 || in.Header.Flags&vhost.NeedsCsum != 0 || offset != len(p.data) || p.n > 0 && ident != p.ident {
		return 0, fmt.Errorf("fragment at %d of datagram %#x, with header %+v, arrives after %d bytes of datagram %#x",
			offset, ident, in.Header, len(p.data), p.ident)
	}
	p.n++
	p.ident = ident
	p.data = append(p.data, b[at:]...)
	if more {
		return 0, nil
	}
	n, d := p.n, p.data
	*p = parts{data: p.data[:0]}
	addresses := b[l3+12 : l3+20]
	if f.v6() {
		addresses = b[l3+8 : l3+40]
	}
	if len(d) < 8+numbered || int(binary.BigEndian.Uint16(d[4:])) != len(d) {
		return 0, fmt.Errorf("datagram of %d bytes says % x", len(d), d[:min(8, len(d))])
	}
	if s := sum(d, sum(addresses, uint32(17+len(d)))); s != 0xffff {
		return 0, fmt.Errorf("checksum of a datagram in %d fragments is wrong: sum %#x", n, s)
	}
	return f.datagram(d[8:], n)
}

// datagram checks the payload of a datagram that stands for n segments.
func (f *flow) datagram(payload []byte, n int) (int, error) {
	if len(payload) < numbered || len(payload) > largestDatagram || !f.filled(payload, f.next) {
		return 0, fmt.Errorf("datagram of %d bytes for segment %d and on, % x..., is spoilt", len(payload), f.next, payload[:min(numbered, len(payload))])
	}
	f.next += uint64(n)
	return n, nil
}

// ufo makes a super-frame of segments, of which frame has built the headers, one
// of a datagram.
func (f *flow) ufo(b []byte, how form) {
	f.fill(b[f.headers():], f.next)
	if !f.v6() {
		binary.BigEndian.PutUint16(b[18:], uint16(f.next))
		binary.BigEndian.PutUint16(b[20:], 0) // may be fragmented
		binary.BigEndian.PutUint16(b[24:], 0)
		binary.BigEndian.PutUint16(b[24:], ^uint16(sum(b[14:34], 0)))
	}
	f.next += uint64(how.segments)
}

// chooseUFO chooses the lengths of a datagram that is to be fragmented.
func (r *rig) chooseUFO(how *form) {
	how.partial, how.ufo = true, true
	how.size = 8 * (8 + r.rng.IntN(largestSeg/8-8+1))
	how.segments = 2 + r.rng.IntN(min(43, (largestDatagram-largestSeg)/how.size-1))
	how.total = (how.segments-1)*how.size - 8 + 1 + r.rng.IntN(how.size)
}

// seesUFO reports whether a host can tell of a UFO super-frame. The packet socket
// of a host behind a TAP, which takes it, cannot: Linux has no header for it on
// this way. (linecard/port/tap sends such to a UDP socket.)
func (o options) seesUFO() bool { return !strings.HasPrefix(o.driver, "tap") }
