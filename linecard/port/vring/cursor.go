package vring

import (
	"fmt"
	"sync/atomic"

	"trunkline/internal/spinlock"
)

// Fault says what is wrong with a ring.
type Fault uint32

// Faults.
const (
	NoFault     Fault = iota
	BadIndex          // avail.idx is further ahead than the ring is long
	BadHead           // an entry of the avail ring is no descriptor
	BadNext           // next is no descriptor
	BadAddress        // a buffer is not inside one memory region
	BadFlags          // a direction, or indirect where it may not be
	BadIndirect       // the size of an indirect table
	BadLength         // a chain that is too long or loops
	BadBuffer         // buffers too small or too many for one frame
)

var faultText = [...]string{
	"none", "available index too far ahead", "no such head descriptor", "no such next descriptor",
	"buffer outside guest memory", "descriptor with wrong flags", "indirect table of wrong size",
	"descriptor chain too long", "receive buffers too small",
}

func (f Fault) String() string {
	if int(f) < len(faultText) {
		return faultText[f]
	}
	return fmt.Sprintf("fault %d", uint32(f))
}

// Cursor is the position in a ring. Lock guards it where several workers may
// send; Fault may be read by anybody.
type Cursor struct {
	// Held for one burst by the thread that uses the cursor.
	spinlock.Mutex
	fault atomic.Uint32

	last   uint16 // next entry of the avail ring to take
	seen   uint16 // avail.idx as last loaded
	used   uint16 // next entry of the used ring to write
	told   uint16 // used.idx as last published
	flags  uint16 // used.flags
	again  []uint16
	record *Inflight

	sight sight
}

// Start returns the cursor of a ring that begins at base of the avail ring. The
// used ring goes on where it is. Chains that a former device had taken and not
// completed, as record tells if it is not nil, are served first. Kicks are
// wanted.
func (r *Ring) Start(base uint16, record *Inflight) *Cursor {
	c := &Cursor{last: base, seen: base, used: r.usedIdx(), record: record}
	c.told = c.used
	if record != nil && record.resumed {
		// What was taken lies between what was completed and what is new. base is
		// no better: the front end may have read it off the used ring while the
		// former device still wrote there.
		c.again = record.recover(c.used)
		c.last = c.used + uint16(len(c.again))
		c.seen = c.last
	}
	if r.l.EventIdx {
		r.setAvailEvent(c.last)
	}
	r.setUsed(0, c.used)
	return c
}

// Last returns the index of the next entry of the avail ring: what
// GET_VRING_BASE asks for. Chains that are to be served again count as not
// taken.
func (c *Cursor) Last() uint16 { return c.last - uint16(len(c.again)) }

// Fault returns what broke the ring, or NoFault.
func (c *Cursor) Fault() Fault { return Fault(c.fault.Load()) }

// Break marks the ring as broken.
func (c *Cursor) Break(f Fault) { c.fault.CompareAndSwap(0, uint32(f)) }

// Peek returns the head of the k-th chain that was not taken yet, and false when
// there is none or the ring is broken.
func (r *Ring) Peek(c *Cursor, k int) (head uint16, ok bool) {
	if k < len(c.again) {
		head = c.again[k]
	} else {
		k -= len(c.again)
		if k >= int(c.seen-c.last) {
			n := r.availIdx() - c.last
			if int(n) > int(r.mask)+1 {
				c.Break(BadIndex)
				return 0, false
			}
			if k >= int(n) {
				return 0, false // an index that went back is not believed
			}
			c.seen = c.last + n
		}
		head = r.entry(c.last + uint16(k))
	}
	if uint32(head) > r.mask {
		c.Break(BadHead)
		return 0, false
	}
	return head, true
}

// Take takes the first n chains that Peek showed.
func (r *Ring) Take(c *Cursor, n int) {
	if c.record != nil {
		for k := range n {
			head, _ := r.Peek(c, k)
			c.record.take(head)
		}
	}
	c.sight.taken(n)
	if m := min(n, len(c.again)); m > 0 {
		c.again = c.again[m:]
		n -= m
	}
	c.last += uint16(n)
}

// Complete gives the chain of head back to the driver, with n bytes written to
// it, as the k-th since Publish. The driver sees it after Publish.
func (r *Ring) Complete(c *Cursor, k int, head uint16, n uint32) {
	r.put(c.used+uint16(k), head, n)
}

// Return is Complete for a burst, from the first since Publish on, in which nothing
// was written to.
func (r *Ring) Return(c *Cursor, heads []uint16) {
	for k, head := range heads {
		r.put(c.used+uint16(k), head, 0)
	}
}

// Publish shows the driver the first n chains of Complete. It reports whether
// the driver wants to be called.
func (r *Ring) Publish(c *Cursor, n int) (call bool) {
	if n == 0 {
		return false
	}
	was := c.used
	if c.record != nil {
		c.record.batch(r, was, n)
	}
	c.used += uint16(n)
	r.setUsed(c.flags, c.used)
	if c.record != nil {
		c.record.done(r, was, n)
	}
	if r.l.EventIdx {
		old := c.told
		c.told = c.used
		return c.used-r.usedEvent()-1 < c.used-old
	}
	return *(*uint16)(ptr(r.avail))&noInterrupt == 0
}

// Arm asks the driver for a kick with the next chain. It reports whether there
// are chains already; then the kick is not asked for.
func (r *Ring) Arm(c *Cursor) (pending bool) {
	if len(c.again) > 0 {
		return true
	}
	if r.l.EventIdx {
		r.setAvailEvent(c.last)
	}
	c.flags = 0
	r.setUsed(c.flags, c.used) // full barrier
	if r.availIdx() == c.last {
		return false
	}
	r.Disarm(c)
	return true
}

// Disarm asks for no kicks. With EVENT_IDX there is nothing to say: the driver
// kicks when it passes the index of the last Arm.
func (r *Ring) Disarm(c *Cursor) {
	if !r.l.EventIdx && c.flags != noNotify {
		c.flags = noNotify
		r.setUsed(c.flags, c.used)
	}
}
