// Package vhost is the front end of vhost-user, as QEMU and virtio-user are:
// the side that owns the memory and drives the rings (virtio 1.2 §2.7, §5.1;
// the QEMU document "Vhost-user Protocol"). Tests and the bench put it in the
// place of a virtual machine, with every part of it in their hands:
//
//   - well behaved, it sends and receives frames in chains of any shape, with
//     any subset of the features, and drives load in a closed loop;
//   - hostile, it sends any bytes with any descriptors as a message, and writes
//     anything anywhere into the memory it shares, also while the back end
//     reads it.
//
// Nothing here is shared with the back end of the card, so that a fault there
// is not hidden by the same fault in its test.
//
//	            rings[0]   used ← frames to the guest    (receive queue 0)
//	Peer ─ Conn rings[1]   avail → frames of the guest   (transmit queue 0)
//	     └ Memory: regions of memfds; rings and buffers lie in them
//
// A Peer belongs to one goroutine. Memory.Alias maps the same memory again for
// another goroutine, and for the race detector it is other memory. Every wait
// has a deadline.
package vhost

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Options set up a front end. The zero value of each is a sensible default.
type Options struct {
	// Features and Protocol are the bits to accept of those that are offered;
	// zero accepts what this package knows. FeatureProtocol is a matter of
	// transport: it is accepted whenever it is in Features and offered.
	Features uint64
	Protocol uint64
	// Pairs is the number of queue pairs; 0: 1.
	Pairs int
	// RingSize is the number of descriptors of each ring, a power of two; 0: 256.
	RingSize int
	// Stride is the size in bytes of the buffer that each descriptor has; 0: 2048.
	Stride int
	// Memory is the guest's memory; nil: one region that is large enough.
	Memory *Memory
	// Base is the avail index that rings begin with.
	Base uint16
	// Guard fills receive buffers with a pattern and checks that the back end
	// wrote only what it said it wrote.
	Guard bool
	// Timeout bounds each wait; 0: 5 seconds.
	Timeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Features == 0 {
		o.Features = KnownFeatures
	}
	if o.Protocol == 0 {
		o.Protocol = KnownProtocol
	}
	if o.Pairs == 0 {
		o.Pairs = 1
	}
	if o.RingSize == 0 {
		o.RingSize = 256
	}
	if o.Stride == 0 {
		o.Stride = 2048
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return o
}

// Peer is a front end with one connection.
type Peer struct {
	*Conn
	Options
	Offered      uint64 // features the back end has
	OfferedProto uint64
	MaxQueues    int // receive and transmit queues of the back end in pairs; 0: not asked
	Rings        []*Ring
	Dirty        *Dirty // nil: not logging
	// Translate, if not nil, takes the place of Memory.User for the addresses of
	// rings.
	Translate      func(guest uint64) uint64
	inflight       int    // descriptor, or -1
	inflightLayout []byte // payload of GET_INFLIGHT_FD's reply

	accepted, proto uint64 // in force
	ownMemory       bool
}

// Dial connects to the socket of a back end that listens. It waits for the
// socket to appear.
func Dial(path string, o Options) (*Peer, error) {
	o = o.withDefaults()
	c, err := dial(path, o.Timeout)
	if err != nil {
		return nil, err
	}
	return New(c, o)
}

func dial(path string, timeout time.Duration) (*net.UnixConn, error) {
	for deadline := time.Now().Add(timeout); ; {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if err == nil {
			return c, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("connect to back end: %w", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// Listener waits for back ends that connect, as QEMU with server=on does.
type Listener struct{ l *net.UnixListener }

// Listen makes the socket.
func Listen(path string) (*Listener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for back ends: %w", err)
	}
	return &Listener{l}, nil
}

// Accept waits for a back end to connect.
func (l *Listener) Accept(o Options) (*Peer, error) {
	o = o.withDefaults()
	if err := l.l.SetDeadline(time.Now().Add(o.Timeout)); err != nil {
		return nil, err
	}
	c, err := l.l.AcceptUnix()
	if err != nil {
		return nil, fmt.Errorf("wait for back end: %w", err)
	}
	return New(c, o)
}

// Close removes the socket.
func (l *Listener) Close() error { return l.l.Close() }

// New makes a front end of a connection, which it owns from now on.
func New(c *net.UnixConn, o Options) (p *Peer, err error) {
	o = o.withDefaults()
	p = &Peer{Conn: &Conn{UnixConn: c, Wait: o.Timeout}, Options: o, inflight: -1}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
			p = nil
		}
	}()
	if p.Memory == nil {
		p.ownMemory = true
		ring := RingBytes(o.RingSize) + o.RingSize*(o.Stride+16*maxIndirect) + 3*LogPage
		size := (uint64(2*o.Pairs*ring)+1<<20)&^(1<<20-1) + 1<<20
		if p.Memory, err = NewMemory(Region{Guest: 0x1_0000_0000, User: 0x7f12_0000_0000, Size: size}); err != nil {
			return p, err
		}
	}
	for i := range 2 * o.Pairs {
		r, err := newRing(p.Memory, i, o)
		if err != nil {
			return p, err
		}
		p.Rings = append(p.Rings, r)
	}
	return p, nil
}

// Rx returns the ring of receive queue i: frames to the guest.
func (p *Peer) Rx(i int) *Ring { return p.Rings[2*i] }

// Tx returns the ring of transmit queue i: frames of the guest.
func (p *Peer) Tx(i int) *Ring { return p.Rings[2*i+1] }

// Has reports whether a feature was negotiated.
func (p *Peer) Has(feature uint64) bool { return p.accepted&feature == feature }

// HasProtocol reports whether a protocol feature was negotiated.
func (p *Peer) HasProtocol(feature uint64) bool { return p.proto&feature == feature }

// HeaderLen returns the length in bytes of the header before each frame
// (virtio 1.2 §5.1.6.1).
func (p *Peer) HeaderLen() int {
	if p.Has(FeatureVersion1) || p.Has(FeatureMrgRxbuf) {
		return 12
	}
	return 10
}

// Close ends the connection and gives everything back, without a word to the
// back end: a virtual machine that is killed.
func (p *Peer) Close() error {
	err := p.Conn.Close()
	for _, r := range p.Rings {
		err = errors.Join(err, r.close())
	}
	p.Rings = nil
	if p.inflight >= 0 {
		err = errors.Join(err, unix.Close(p.inflight))
		p.inflight = -1
	}
	if p.Dirty != nil {
		err = errors.Join(err, p.Dirty.Close())
		p.Dirty = nil
	}
	if p.ownMemory && p.Memory != nil {
		err = errors.Join(err, p.Memory.Close())
		p.Memory = nil
	}
	return err
}
