package packet

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// A ring that overflows is exchanged for a larger one while frames arrive. A
// socket's ring cannot be resized while it receives, so the larger one has a
// socket of its own:
//
//  1. Tend, off the frame path, prepares it: the second member of a fan-out group
//     of which the first gets all frames. This waits for the kernel several times.
//  2. Recv has the second get them from now on, and take over the descriptor that
//     the worker waits for. No frame is lost or comes twice.
//  3. Recv serves the old ring until nothing is left in it, then the new one: so
//     the order within a flow is kept.
//  4. Tend, or Close, unmaps the old ring.

// grown are the rings of a queue besides the one that is served.
type grown struct {
	after   *ring                // takes what arrives, and is served when ring is dry; owned by the worker
	next    atomic.Pointer[ring] // prepared, takes nothing yet
	retired atomic.Pointer[ring] // served to its end
	both    atomic.Bool          // after is not nil
	size    atomic.Int64         // bytes of the ring that takes what arrives
}

// fromRing is Recv of a queue with a ring.
func (q *queue) fromRing(b *frame.Batch) error {
	if q.after == nil && q.next.Load() != nil {
		q.exchange()
	}
	err := q.ring.recv(q, b)
	if q.port.steered.Load() {
		q.flooded(b)
	}
	if q.after == nil || b.N > 0 || err != nil || !q.ring.dry() {
		return err
	}
	q.retire()
	return q.ring.recv(q, b)
}

// exchange lets the next ring take what arrives from now on. When it fails, all is
// as it was, but for the next ring, which is given up.
func (q *queue) exchange() {
	next := q.next.Swap(nil)
	if next == nil { // it was closed
		return
	}
	if old, ok := swap(int(q.fd), next.fd); ok {
		q.ring.fd, next.fd, q.after = old, int(q.fd), next
		q.both.Store(true)
		q.size.Store(int64(len(next.mem)))
		return
	}
	q.retired.Store(next) // nothing else is there: Tend has cleared it before it prepared next
}

// swap puts the socket next in the place of the one at the descriptor fd, which
// goes to the descriptor it returns.
func swap(fd, next int) (old int, ok bool) {
	old, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, false
	}
	if err = unix.Dup3(next, fd, unix.O_CLOEXEC); err == nil {
		if err = choose(fd, 1); err == nil {
			_ = unix.Close(next) // fd is the same socket
			return old, true
		}
		_ = unix.Dup3(old, fd, unix.O_CLOEXEC) // cannot fail where it has not before
	}
	_ = unix.Close(old)
	return -1, false
}

// retire ends the use of a ring from which all has been received.
func (q *queue) retire() {
	if s, err := unix.GetsockoptTpacketStats(q.ring.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		q.lost.Add(uint64(s.Drops))
	}
	q.retired.Store(q.ring)
	q.ring, q.after = q.after, nil
	q.both.Store(false)
}

// drop frees a ring and its socket, if that is not the queue's.
func (q *queue) drop(r *ring) error {
	err := r.close()
	if r.fd != int(q.fd) {
		err = errors.Join(err, unix.Close(r.fd))
	}
	q.port.config.Memory.give(len(r.mem))
	return err
}

// first makes the ring that a socket begins with.
func (p *Port) first(fd int) (*ring, error) {
	m, bytes, leave := p.config.Memory, firstRing, p.config.Memory.part(2)
	if p.fixed() {
		bytes, leave = secondRing, 0
	}
	if !m.take(bytes, leave) {
		return nil, m.none()
	}
	r, err := newRing(fd, bytes)
	if err != nil {
		m.give(bytes)
	}
	return r, err
}

func (p *Port) fixed() bool { return p.config.Fixed || p.Receivers() > 1 }

// Tend gives a port whose ring has overflowed since the last call a larger one, if
// its Memory has room. It takes some 50 ms then, and nearly nothing otherwise. It
// is meant to be called now and then, and by one goroutine at a time. may says
// whether it may prepare a ring now; the descriptor of the queue then comes to
// stand for another socket, which epoll would have to be told.
//
// It also steers the frames of bulk TCP (steer.go).
func (p *Port) Tend(may bool) error {
	q, bytes, err := p.look(may)
	if q == nil {
		return err
	}
	r, e := p.prepare(q, bytes)
	if e != nil {
		p.config.Memory.give(bytes)
		return errors.Join(err, fmt.Errorf("enlarge receive ring of %s to %d MiB: %w", p.config.Device, bytes>>20, e))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.receiving) != 1 || p.receiving[0] != q { // it has been closed meanwhile
		return errors.Join(err, q.drop(r))
	}
	q.next.Store(r)
	return err
}

// look sees what has arrived since the last time. It returns the queue that needs
// a larger ring and the size of that, nil for none.
func (p *Port) look(may bool) (*queue, int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done || len(p.receiving) == 0 {
		return nil, 0, nil
	}
	for _, q := range p.receiving {
		p.count(q)
	}
	since := arrivals{p.sum.arrived - p.tended.arrived, p.sum.dropped - p.tended.dropped, p.sum.long - p.tended.long}
	p.tended = p.sum
	err := p.steer(since)
	q, bytes, e := p.overflowing(since, may)
	return q, bytes, errors.Join(err, e)
}

// overflowing returns the queue that needs a larger ring and the size of it, which
// is taken from the memory; nil for none. What the last exchange left is freed.
// Called with mu held.
func (p *Port) overflowing(since arrivals, may bool) (*queue, int, error) {
	q := p.receiving[0]
	if p.fixed() || q.size.Load() == 0 || q.next.Load() != nil || q.both.Load() {
		return nil, 0, nil
	}
	if r := q.retired.Swap(nil); r != nil {
		if err := q.drop(r); err != nil {
			return nil, 0, fmt.Errorf("free receive ring of %s: %w", p.config.Device, err)
		}
	}
	m := p.config.Memory
	switch size := q.size.Load(); {
	case since.dropped == 0 || !may:
	case size < secondRing:
		if m.take(secondRing, 0) {
			return q, secondRing, nil
		}
	case size < thirdRing:
		const few = 16 // of so many frames, one is lost
		if since.dropped < since.arrived/few && m.take(thirdRing, m.part(4)) {
			return q, thirdRing, nil
		}
	}
	return nil, 0, nil
}

// prepare makes a socket with a ring that gets nothing yet, for a queue.
func (p *Port) prepare(q *queue, bytes int) (r *ring, err error) {
	group, err := p.alone(q)
	if err != nil {
		return nil, err
	}
	fd, err := p.socket()
	if err != nil {
		return nil, err
	}
	if err := p.options(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	if r, err = newRing(fd, bytes); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	if _, err = p.join(fd, group); err != nil {
		return nil, errors.Join(err, r.close(), unix.Close(fd))
	}
	return r, nil
}

// alone returns the group of a queue, in which it gets all frames whoever joins.
func (p *Port) alone(q *queue) (group int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.receiving, q) {
		return -1, port.ErrGone
	}
	return p.group, choose(int(q.fd), 0)
}

// tells says what Tend has done. Called with mu held.
func (p *Port) tells() string {
	var s string
	for _, q := range p.receiving {
		if n := q.size.Load(); n > firstRing && !p.fixed() {
			s = " grown to " + strconv.FormatInt(n>>20, 10) + " MiB"
		}
	}
	if p.steering != nil && p.steering.was != nil {
		s += " steered"
	}
	return s
}
