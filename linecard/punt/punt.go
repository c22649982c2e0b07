// Package punt is the slow path of a line card: control frames leave the frame
// path here and are given, decoded by gopacket and on a goroutine of its own, to
// the handler of their protocol.
//
// Decoding is lazy: a frame is read as far as its protocol to find the handler,
// and further as that asks for layers. A frame on which gopacket or a handler
// stumbles is lost and counted, no more.
//
// A worker copies a frame into a free buffer and goes on; it never waits. Three
// bounds keep one sender from starving the others: a policer per port, a fixed
// number of buffers, and a length limit. A frame that meets one of them is
// refused, which the pipeline counts as punt-full.
//
// The policer's state of a port is touched only by the worker that receives
// from the port; when a port changes hands, the workers' mailboxes order that.
// Buffers travel through two bounded channels, free and full, so each has one
// owner at any time.
package punt

import (
	"context"
	"sync/atomic"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
)

// Limits and defaults.
const (
	DefaultRate    = 100 // frames a second from one port
	DefaultBurst   = 50  // frames
	DefaultBuffers = 256
	MaxLen         = 2048 // bytes of a frame: control frames are short
	maxPorts       = 2048
)

// Packet is a punted frame, without the 802.1Q tags it carried. It and all that
// is decoded of it belong to the handler only during the call.
type Packet struct {
	Port uint16 // index
	Name string // of the port; "" when it has gone
	gopacket.Packet
}

// Handler handles the frames of one protocol. It is called on the goroutine of
// Queue.Run, one frame at a time.
type Handler func(ctx context.Context, p *Packet)

// Config sets up a queue. Zero values stand for the defaults.
type Config struct {
	Rate, Burst int // frames per second and port, frames
	Buffers     int
	// PortName names a port index, "" when there is none.
	PortName func(index uint16) string
	// Handlers by EtherType; ether.TypeCDP stands for CDP's SNAP identifier.
	Handlers map[ether.EtherType]Handler
	// Panicked is told of a handler that panicked. The frame is lost, the queue
	// goes on.
	Panicked func(p *Packet, cause any)
}

// Queue is the way from the workers to the handlers.
type Queue struct {
	c     Config
	free  chan *item
	full  chan *item
	ports [maxPorts]bucket

	panics atomic.Uint64
}

type item struct {
	port uint16
	n    int
	data [MaxLen + frame.TagLen]byte
}

// bucket is a token bucket; tokens are counted in ns of the rate.
type bucket struct {
	last int64 // worker clock, ns
	ns   int64 // credit
	seen bool
}

// New returns a queue.
func New(c Config) *Queue {
	if c.Rate <= 0 {
		c.Rate = DefaultRate
	}
	if c.Burst <= 0 {
		c.Burst = DefaultBurst
	}
	if c.Buffers <= 0 {
		c.Buffers = DefaultBuffers
	}
	q := &Queue{c: c, free: make(chan *item, c.Buffers), full: make(chan *item, c.Buffers)}
	for range c.Buffers {
		q.free <- new(item)
	}
	return q
}

// Punt implements pipeline.Punter.
func (q *Queue) Punt(port uint16, f *frame.Frame, now int64) bool {
	if f.Len() > MaxLen || int(port) >= len(q.ports) || !q.admit(&q.ports[port], now) {
		return false
	}
	select {
	case it := <-q.free:
		it.port = port
		it.n = len(f.Append(it.data[:0]))
		q.full <- it // there is room: as many places as buffers
		return true
	default:
		return false
	}
}

// admit takes one frame's worth from a port's bucket.
func (q *Queue) admit(b *bucket, now int64) bool {
	cost := int64(1e9) / int64(q.c.Rate)
	limit := cost * int64(q.c.Burst)
	if !b.seen {
		*b = bucket{last: now, ns: limit, seen: true}
	}
	b.ns = min(limit, b.ns+max(now-b.last, 0))
	b.last = now
	if b.ns < cost {
		return false
	}
	b.ns -= cost
	return true
}

// Run gives frames to their handlers until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case it := <-q.full:
			q.handle(ctx, it)
			q.free <- it
		}
	}
}

// Panics returns how many frames were lost to a handler that panicked.
func (q *Queue) Panics() uint64 { return q.panics.Load() }

// handle calls the handler of one frame.
func (q *Queue) handle(ctx context.Context, it *item) {
	p := &Packet{Port: it.port, Packet: Decode(it.data[:it.n])}
	defer func() {
		if cause := recover(); cause != nil {
			q.panics.Add(1)
			if q.c.Panicked != nil {
				q.c.Panicked(p, cause)
			}
		}
	}()
	h := q.c.Handlers[Protocol(p)]
	if h == nil {
		return
	}
	if q.c.PortName != nil {
		p.Name = q.c.PortName(it.port)
	}
	h(ctx, p)
}

// Decode makes a packet of a frame, as the queue does. It writes to b, which
// must stay as it is while the packet is in use.
func Decode(b []byte) gopacket.Packet {
	return gopacket.NewPacket(untagged(b), layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
}

// maxTags is how many tags are removed from a frame.
const maxTags = 2

// untagged moves the addresses of a frame over its tags: gopacket reads no
// frame that has an LLC header behind a tag, as CDP has where the native VLAN is
// tagged.
func untagged(b []byte) []byte {
	const addresses = 12
	for range maxTags {
		if len(b) < addresses+frame.TagLen {
			break
		}
		if t := ether.EtherType(b[addresses])<<8 | ether.EtherType(b[addresses+1]); t != ether.TypeVLAN && t != ether.TypeQinQ {
			break
		}
		copy(b[frame.TagLen:], b[:addresses])
		b = b[frame.TagLen:]
	}
	return b
}

// cisco is the organization of CDP's SNAP identifier.
var cisco = [3]byte{0x00, 0x00, 0x0c}

// Protocol returns the EtherType of a frame, ether.TypeCDP for CDP, and 0 for
// other frames with an LLC header.
func Protocol(p gopacket.Packet) ether.EtherType {
	e, ok := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	if !ok {
		return 0
	}
	if t := ether.EtherType(e.EthernetType); e.EthernetType != layers.EthernetTypeLLC && t != ether.TypeCDP {
		return t
	}
	s, ok := p.Layer(layers.LayerTypeSNAP).(*layers.SNAP)
	if ok && s.Type == layers.EthernetTypeCiscoDiscovery && [3]byte(s.OrganizationalCode) == cisco {
		return ether.TypeCDP
	}
	return 0
}
