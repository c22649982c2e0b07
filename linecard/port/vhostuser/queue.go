package vhostuser

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/slab"
	"trunkline/linecard/port/vring"
)

// queue is one worker's access to a port.
//
// FD is a descriptor of our own, an epoll set: it holds the kick of the ring,
// which changes with every session, and a wake-up of the session's. Both are
// edge-triggered, so that the set is drained by epoll_wait, which never blocks; a
// read of the peer's descriptor might.
type queue struct {
	p       *Port
	receive int // receive queue, or port.SendOnly
	epoll   int
	wake    int // eventfd

	// rx and tx hold the views that the worker is in: between Recv and Release,
	// and in Send. They are alone on their cache line.
	_  [64]byte
	rx atomic.Pointer[view]
	tx atomic.Pointer[view]
	_  [64]byte

	// Of the batch between Recv and Release.
	lane  *lane
	taken int // chains
	heads [frame.BatchSize]uint16
	mean  int // bytes of a frame in the last batch

	mem    *slab.Slab // nil for SendOnly
	chain  vring.Chain
	out    sink
	steer  [chunk]uint8 // ring of each frame, see spread
	mine   [chunk]bool
	events [4]unix.EpollEvent
}

// Queue implements port.Port.
func (p *Port) Queue(_, receive int) (port.Queue, error) {
	if receive != port.SendOnly && (receive < 0 || receive >= p.c.Queues) {
		return nil, fmt.Errorf("open queue %d of %s: there are %d", receive, p.c.Path, p.c.Queues)
	}
	q := &queue{p: p, receive: receive, epoll: -1, wake: -1}
	if receive != port.SendOnly {
		if err := q.open(); err != nil {
			return nil, errors.Join(fmt.Errorf("open queue of %s: %w", p.c.Path, err), q.free())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.Join(fmt.Errorf("open queue of %s: %w", p.c.Path, port.ErrGone), q.free())
	}
	p.queues = append(p.queues, q)
	if receive != port.SendOnly && p.kicks[receive] >= 0 {
		q.watch(p.kicks[receive])
	}
	return q, nil
}

func (q *queue) open() (err error) {
	if q.mem, err = slab.New(); err != nil {
		return err
	}
	if q.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("make epoll set: %w", err)
	}
	if q.wake, err = unix.Eventfd(1, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return fmt.Errorf("make eventfd: %w", err)
	}
	return q.add(q.wake)
}

func (q *queue) add(fd int) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}
	if err := unix.EpollCtl(q.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return fmt.Errorf("watch descriptor: %w", err)
	}
	return nil
}

// watch makes the queue readable by a kick. Called with p.mu held.
func (q *queue) watch(kick int) {
	if err := q.add(kick); err != nil {
		q.p.c.Log.Warn("watch ring", "socket", q.p.c.Path, "error", err)
	}
}

// unwatch is the inverse of watch. The peer has the file open, too, so closing
// the descriptor would not do.
func (q *queue) unwatch(kick int) {
	_ = unix.EpollCtl(q.epoll, unix.EPOLL_CTL_DEL, kick, nil) // it may have failed to get in
}

// poke makes the queue readable. Called from the session.
func (q *queue) poke() {
	if q.wake >= 0 {
		one := [8]byte{1}
		_, _ = unix.Write(q.wake, one[:]) // EAGAIN: 2^64 pokes
	}
}

// FD implements port.Queue.
func (q *queue) FD() int { return q.epoll }

// Arm implements port.Armed.
func (q *queue) Arm() (pending bool) {
	v := q.p.enter(&q.tx)
	defer q.leave(v, nil)
	l := v.lane(q.ring())
	if l == nil {
		return false
	}
	// Announcements are sent by the first queue, see announce.
	return l.ring.Arm(l.at) || q.receive == 0 && l.enabled && q.p.rarp.Load() != 0
}

// Disarm implements port.Armed.
func (q *queue) Disarm() {
	q.drain()
	v := q.p.enter(&q.tx)
	defer q.leave(v, nil)
	if l := v.lane(q.ring()); l != nil {
		l.ring.Disarm(l.at)
	}
}

// drain takes the edges out of the epoll set.
func (q *queue) drain() {
	for range 4 {
		n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(q.epoll),
			uintptr(unsafe.Pointer(&q.events)), uintptr(len(q.events)), 0, 0, 0)
		if e != 0 || int(n) < len(q.events) {
			return
		}
	}
}

// ring returns the number of the ring that the queue receives from. Even rings
// are the driver's receive queues, odd ones its transmit queues.
func (q *queue) ring() int { return 2*q.receive + 1 }

// leave ends a use of the view by slot tx. Deferred, it ends a panic that is the
// peer's fault, after calling then.
func (q *queue) leave(v *view, then func()) {
	if cause := recover(); cause != nil && !q.absorb(v, cause) {
		q.tx.Store(nil)
		panic(cause)
	} else if cause != nil && then != nil {
		then()
	}
	q.tx.Store(nil)
}

// absorb reports whether a panic was an access to memory of v, and then ends the
// session.
func (q *queue) absorb(v *view, cause any) bool {
	e, ok := cause.(interface {
		runtime.Error
		Addr() uintptr
	})
	return ok && q.lost(v, e.Addr())
}

func (q *queue) lost(v *view, addr uintptr) bool {
	if !v.holds(addr) {
		return false
	}
	v.dead.Store(true)
	q.p.attend()
	return true
}

// Owns implements port.Mapped, for a fault between Recv and Release. It is then in
// place of Release.
func (q *queue) Owns(addr uintptr) bool {
	v := q.rx.Load()
	if v == nil || !q.lost(v, addr) {
		return false
	}
	q.lane, q.taken = nil, 0
	q.rx.Store(nil)
	return true
}

// notify calls the driver. The descriptor is an eventfd, non-blocking when it was
// taken over; a peer that makes it block holds this worker, and no more: the
// system call lets the rest of the process go on.
func (l *lane) notify() {
	if l.call >= 0 {
		one := [8]byte{1}
		_, _, _ = unix.Syscall(unix.SYS_WRITE, uintptr(l.call), uintptr(unsafe.Pointer(&one)), 8)
	}
}

// Close implements port.Queue.
func (q *queue) Close() error {
	q.p.mu.Lock()
	q.p.queues = slices.DeleteFunc(q.p.queues, func(o *queue) bool { return o == q })
	q.p.mu.Unlock()
	q.rx.Store(nil)
	q.tx.Store(nil)
	return q.free()
}

func (q *queue) free() error {
	var errs []error
	for _, fd := range []*int{&q.epoll, &q.wake} {
		if *fd >= 0 {
			errs = append(errs, unix.Close(*fd))
			*fd = -1
		}
	}
	if q.mem != nil {
		errs = append(errs, q.mem.Close())
	}
	return errors.Join(errs...)
}
