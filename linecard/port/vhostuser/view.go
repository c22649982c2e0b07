package vhostuser

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"trunkline/linecard/port"
	"trunkline/linecard/port/vmem"
	"trunkline/linecard/port/vring"
)

// view is what workers see of a session. It does not change, except that dead is
// set once.
type view struct {
	features uint64
	header   int     // bytes of the virtio header
	plain    bool    // the driver sends no offloads
	rings    []*lane // by number of the ring; nil: not started
	send     []*lane // of rings, those that frames may be sent to
	table    *vmem.Table
	log      *vmem.Log
	records  *vmem.Region // inflight records
	// dead says that memory of the view has faulted: it is not used any more.
	dead atomic.Bool
}

// lane is a ring in a view.
type lane struct {
	ring    *vring.Ring
	at      *vring.Cursor
	call    int // eventfd, -1 for none
	enabled bool
}

// lane returns a ring that may be used, or nil.
func (v *view) lane(ring int) *lane {
	if ring >= len(v.rings) || v.dead.Load() {
		return nil
	}
	l := v.rings[ring]
	if l == nil || l.at.Fault() != vring.NoFault {
		return nil
	}
	return l
}

// to returns the i-th of the rings that may be sent to, or nil.
func (v *view) to(i int) *lane {
	if i >= len(v.send) || v.dead.Load() {
		return nil
	}
	l := v.send[i]
	if l.at.Fault() != vring.NoFault {
		return nil
	}
	return l
}

// holds reports whether an address of a fault is in memory of the peer's.
func (v *view) holds(addr uintptr) bool {
	return v.table.Holds(addr) || v.log.Holds(addr) || v.records.Holds(addr)
}

func (v *view) carrier() bool {
	in, out := v.lane(0), v.lane(1)
	return in != nil && in.enabled && out != nil && out.enabled
}

// offloads returns what the driver takes.
func (v *view) offloads() port.Offloads {
	has := func(bit uint) bool { return v.features>>bit&1 != 0 }
	if !has(fGuestCsum) {
		return 0
	}
	o := port.Csum
	if has(fGuestTSO4) {
		o |= port.TSO4
	}
	if has(fGuestTSO6) {
		o |= port.TSO6
	}
	if has(fGuestUSO4) && has(fGuestUSO6) {
		o |= port.USO
	}
	if has(fGuestUFO) {
		o |= port.UFO
	}
	return o
}

// driver describes the mode.
func (v *view) driver(client bool) string {
	words := []string{"vhost-user server"}
	if client {
		words[0] = "vhost-user client"
	}
	if len(v.rings) == 0 {
		return words[0]
	}
	for _, w := range []struct {
		bit  uint
		name string
	}{{fMrgRxbuf, "mrg"}, {fIndirect, "indirect"}, {fEventIdx, "event-idx"}} {
		if v.features>>w.bit&1 != 0 {
			words = append(words, w.name)
		}
	}
	if v.offloads()&port.UFO != 0 {
		words = append(words, "ufo")
	}
	if len(v.send) > 1 {
		words = append(words, fmt.Sprintf("%d queues", len(v.send)))
	}
	return strings.Join(words, " ")
}

// enter returns the view in force and keeps it, by the slot, until the slot is
// cleared.
func (p *Port) enter(slot *atomic.Pointer[view]) *view {
	for {
		v := p.view.Load()
		slot.Store(v)
		if p.view.Load() == v {
			return v
		}
	}
}

// publish replaces the view and waits until no worker is in the old one. A worker
// leaves at the end of its batch, so the wait is short; it has no other end, since
// what is unmapped earlier would be used.
func (p *Port) publish(v *view) {
	old := p.view.Swap(v)
	p.mu.Lock()
	queues := append([]*queue(nil), p.queues...)
	p.mu.Unlock()
	for _, q := range queues {
		for tries := 0; q.rx.Load() == old || q.tx.Load() == old; tries++ {
			if tries < 100 {
				runtime.Gosched()
			} else {
				time.Sleep(20 * time.Microsecond)
			}
		}
	}
}
