package vhostuser

import (
	"encoding/binary"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port/vnet"
)

// A guest that has migrated here, and that cannot say so itself, is announced by
// its front end (SEND_RARP): the back end is to send a reverse ARP request from
// the guest's address, so that the switches learn where it is now. The request
// comes before the rings are started; it waits until the port may forward.

// announceLen is the length in bytes of the request, padded to the least an
// Ethernet frame has.
const announceLen = 60

// announce puts a request into slot n of a batch, as if the guest had sent it. It
// reports whether there was one to send.
func (q *queue) announce(b *frame.Batch, n int) bool {
	if q.receive != 0 || q.p.rarp.Load() == 0 {
		return false
	}
	mac := q.p.rarp.Swap(0)
	f := &b.Frames[n]
	*f = frame.Frame{Buf: q.mem.Head(n), Off: frame.Headroom, Head: announceLen, Slot: uint32(n)}
	p := f.Bytes()
	clear(p)
	var a [8]byte
	binary.BigEndian.PutUint64(a[:], mac)
	addr := ether.MAC(a[2:])
	for i := range 6 {
		p[i] = 0xff
	}
	copy(p[6:], addr[:])
	binary.BigEndian.PutUint16(p[12:], 0x8035) // RARP (RFC 903)
	copy(p[14:], []byte{0, 1, 8, 0, 6, 4, 0, 3})
	copy(p[22:], addr[:])
	copy(p[32:], addr[:])
	vnet.Clear(f)
	b.Drop[n] = frame.Forward
	return true
}
