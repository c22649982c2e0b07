package pipeline

import (
	"sync/atomic"

	"trunkline/linecard/frame"
)

// Counters count one port's frames as they are on a wire, and their octets
// without FCS and tag. Rx frames include those dropped, except overruns, which
// nobody has seen; Tx frames are those that left.
type Counters struct {
	RxUnicast, RxMulticast, RxBroadcast, RxOctets, RxJumbo uint64
	TxUnicast, TxMulticast, TxBroadcast, TxOctets, TxJumbo uint64
	RxDrops, TxDrops                                       [frame.Reasons]uint64
}

// Rx returns the frames received.
func (c *Counters) Rx() uint64 { return c.RxUnicast + c.RxMulticast + c.RxBroadcast }

// Tx returns the frames sent.
func (c *Counters) Tx() uint64 { return c.TxUnicast + c.TxMulticast + c.TxBroadcast }

// jumbo is the length in bytes without FCS of the longest ordinary frame.
const jumbo = 1514

// portCounters are one worker's counters of one port. Only the worker writes,
// by atomic stores; readers sum over workers. Padded to whole cache lines.
type portCounters struct {
	rx, tx  [countersDir]uint64
	rxDrops [frame.Reasons]uint64
	txDrops [frame.Reasons]uint64
	_       [(64 - (2*countersDir+2*int(frame.Reasons))*8%64) % 64]byte
}

// Indices of portCounters.rx and tx.
const (
	unicast = iota
	multicast
	broadcast
	octets
	jumbos
	countersDir
)

// tally gathers a batch's counts before they are published.
type tally struct{ n [countersDir]uint64 }

// class returns the index of the counter for a frame with at least six bytes.
func class(f *frame.Frame) int {
	b := f.Buf[f.Off:]
	if b[0]&1 == 0 {
		return unicast
	}
	if f.Dst() == frame.Broadcast {
		return broadcast
	}
	return multicast
}

// count adds one frame that stands for n on a wire.
func (t *tally) count(f *frame.Frame) (n uint64) {
	c := unicast
	if f.Head >= frame.MinLen {
		c = class(f)
	}
	length := f.Len()
	if f.GSO == frame.GSONone {
		t.n[c]++
		t.n[octets] += uint64(length)
		if length > jumbo {
			t.n[jumbos]++
		}
		return 1
	}
	n = uint64(f.Segments())
	t.n[c] += n
	t.n[octets] += uint64(f.WireOctets())
	if f.WireLen() > jumbo {
		t.n[jumbos] += n
	}
	return n
}

// publish adds the counts to a port's.
func (t *tally) publish(to *[countersDir]uint64) {
	for i, n := range t.n {
		if n != 0 {
			atomic.StoreUint64(&to[i], to[i]+n)
		}
	}
}

func bump(p *uint64, n uint64) { atomic.StoreUint64(p, *p+n) }

// addTo adds the counters to a sum.
func (p *portCounters) addTo(c *Counters) {
	for i, to := range [countersDir]*uint64{&c.RxUnicast, &c.RxMulticast, &c.RxBroadcast, &c.RxOctets, &c.RxJumbo} {
		*to += atomic.LoadUint64(&p.rx[i])
	}
	for i, to := range [countersDir]*uint64{&c.TxUnicast, &c.TxMulticast, &c.TxBroadcast, &c.TxOctets, &c.TxJumbo} {
		*to += atomic.LoadUint64(&p.tx[i])
	}
	for r := range p.rxDrops {
		c.RxDrops[r] += atomic.LoadUint64(&p.rxDrops[r])
		c.TxDrops[r] += atomic.LoadUint64(&p.txDrops[r])
	}
}

// totals adds frames and octets to a sum.
func (p *portCounters) totals(t *Totals) {
	for _, i := range [...]int{unicast, multicast, broadcast} {
		t.RxFrames += atomic.LoadUint64(&p.rx[i])
		t.TxFrames += atomic.LoadUint64(&p.tx[i])
	}
	t.RxOctets += atomic.LoadUint64(&p.rx[octets])
	t.TxOctets += atomic.LoadUint64(&p.tx[octets])
}

// since returns the counters less those at an earlier time.
func (c Counters) since(base *Counters) Counters {
	c.RxUnicast -= base.RxUnicast
	c.RxMulticast -= base.RxMulticast
	c.RxBroadcast -= base.RxBroadcast
	c.RxOctets -= base.RxOctets
	c.RxJumbo -= base.RxJumbo
	c.TxUnicast -= base.TxUnicast
	c.TxMulticast -= base.TxMulticast
	c.TxBroadcast -= base.TxBroadcast
	c.TxOctets -= base.TxOctets
	c.TxJumbo -= base.TxJumbo
	for r := range c.RxDrops {
		c.RxDrops[r] -= base.RxDrops[r]
		c.TxDrops[r] -= base.TxDrops[r]
	}
	return c
}
