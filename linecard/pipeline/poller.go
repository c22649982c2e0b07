package pipeline

import (
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes of a poller.
const (
	fewQueues  = 16 // more of them are watched with epoll
	readyAtOne = 64 // descriptors that one call of epoll tells of
)

// poller waits for the descriptors of a worker's queues, level-triggered. A few
// are handed to ppoll in each call, which costs their senders nothing while the
// worker is awake; many stay registered with epoll, where a call costs what is
// ready and not what is registered.
type poller struct {
	event  int           // eventfd of the worker
	ep     int           // epoll, or -1
	many   atomic.Bool   // ep is in use, for statistics
	refuse bool          // epoll is not to be had
	n      int           // queues
	fds    []unix.PollFd // by slot
	owner  []*receiver   // by slot; nil for a free one
	free   []int         // slots
	naps   []*receiver   // left out for a while
	events [readyAtOne]unix.EpollEvent
	ready  []*receiver
}

// eventSlot is where the worker's own eventfd stands in ppoll's list and in
// epoll's data; queues come after it.
const eventSlot = 0

// add watches a queue.
func (p *poller) add(r *receiver) {
	if len(p.owner) == 0 {
		p.owner = append(p.owner, nil)
		p.fds = append(p.fds, unix.PollFd{Fd: -1, Events: unix.POLLIN})
	}
	if n := len(p.free); n > 0 {
		r.slot, p.free = p.free[n-1], p.free[:n-1]
	} else {
		r.slot = len(p.owner)
		p.owner = append(p.owner, nil)
		p.fds = append(p.fds, unix.PollFd{Fd: -1, Events: unix.POLLIN})
		p.ready = slices.Grow(p.ready[:0], len(p.owner))
	}
	p.owner[r.slot] = r
	p.n++
	p.watch(r)
}

// remove watches a queue no more.
func (p *poller) remove(r *receiver) {
	if r.slot < 0 {
		return
	}
	p.unwatch(r)
	p.naps = slices.DeleteFunc(p.naps, func(x *receiver) bool { return x == r })
	p.owner[r.slot] = nil
	p.free = append(p.free, r.slot)
	r.slot = -1
	p.n--
}

// watch lets a queue's descriptor be waited for.
func (p *poller) watch(r *receiver) {
	p.fds[r.slot].Fd = int32(r.fd)
	if p.ep >= 0 && p.register(r.fd, r.slot) != nil {
		p.surrender()
	}
}

func (p *poller) unwatch(r *receiver) {
	p.fds[r.slot].Fd = -1
	if p.ep >= 0 {
		// The descriptor may be gone already, and with it its registration.
		_ = unix.EpollCtl(p.ep, unix.EPOLL_CTL_DEL, r.fd, nil)
	}
}

func (p *poller) register(fd, slot int) error {
	return unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(slot)})
}

// choose changes to epoll when there are many queues and back when there are
// few.
func (p *poller) choose() {
	switch {
	case p.ep < 0 && p.n > fewQueues && !p.refuse:
		ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			p.refuse = true
			return
		}
		p.ep = ep
		p.many.Store(true)
		if p.event >= 0 && p.register(p.event, eventSlot) != nil {
			p.surrender()
			return
		}
		for slot, r := range p.owner {
			if r != nil && p.fds[slot].Fd >= 0 && p.register(r.fd, slot) != nil {
				p.surrender()
				return
			}
		}
	case p.ep >= 0 && p.n <= fewQueues/2:
		p.close()
	}
}

// surrender goes back to ppoll for good: a descriptor, or the system's limits,
// will not have epoll.
func (p *poller) surrender() {
	p.refuse = true
	p.close()
}

// close ends the use of epoll.
func (p *poller) close() {
	if p.ep >= 0 {
		_ = unix.Close(p.ep) // it has nothing to lose
		p.ep = -1
		p.many.Store(false)
	}
}

// poll returns the queues whose descriptors are ready, and whether the worker's
// own is. The list is valid until the next call.
func (p *poller) poll(wait, now int64) (called bool, ready []*receiver) {
	p.ready = p.ready[:0]
	if p.event < 0 {
		return false, nil
	}
	p.choose()
	p.wakeNaps(now)
	if p.ep >= 0 {
		called = p.epoll(wait)
	} else {
		called = p.ppoll(wait)
	}
	for _, r := range p.ready {
		if r.barren >= barrenMax {
			r.barren, r.nap = 0, now+int64(barrenNap)
			p.unwatch(r)
			p.naps = append(p.naps, r)
		}
	}
	return called, p.ready
}

// wakeNaps watches the queues again that have napped long enough.
func (p *poller) wakeNaps(now int64) {
	if len(p.naps) == 0 {
		return
	}
	p.naps = slices.DeleteFunc(p.naps, func(r *receiver) bool {
		if r.nap > now {
			return false
		}
		p.watch(r)
		return true
	})
}

// ppoll asks for all descriptors at once. A call that does not wait cannot
// block, so the run-time system need not know of it.
func (p *poller) ppoll(wait int64) (called bool) {
	if len(p.fds) == 0 {
		p.fds = append(p.fds, unix.PollFd{Events: unix.POLLIN})
		p.owner = append(p.owner, nil)
	}
	p.fds[eventSlot].Fd = int32(p.event)
	n := 0
	if wait == 0 {
		var now unix.Timespec
		r, _, e := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p.fds[0])), uintptr(len(p.fds)),
			uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		if e != 0 {
			return false
		}
		n = int(r)
	} else {
		var t *unix.Timespec
		if wait > 0 {
			x := unix.NsecToTimespec(wait)
			t = &x
		}
		var err error
		if n, err = unix.Ppoll(p.fds, t, nil); err != nil { // EINTR: the loop comes round again
			return false
		}
	}
	for i := 0; n > 0 && i < len(p.fds); i++ {
		if p.fds[i].Revents == 0 {
			continue
		}
		n--
		if i == eventSlot {
			called = true
		} else if r := p.owner[i]; r != nil {
			p.ready = append(p.ready, r)
		}
	}
	return called
}

// epoll takes what is ready, readyAtOne at a time: the next call goes on where
// this one ended.
func (p *poller) epoll(wait int64) (called bool) {
	n := 0
	if wait == 0 {
		r, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.ep), uintptr(unsafe.Pointer(&p.events[0])), readyAtOne, 0, 0, 0)
		if e != 0 {
			return false
		}
		n = int(r)
	} else {
		ms := -1
		if wait > 0 {
			ms = int((wait + int64(time.Millisecond) - 1) / int64(time.Millisecond))
		}
		var err error
		if n, err = unix.EpollWait(p.ep, p.events[:], ms); err != nil { // EINTR, as above
			return false
		}
	}
	for _, e := range p.events[:n] {
		if e.Fd == eventSlot {
			called = true
		} else if r := p.owner[e.Fd]; r != nil {
			p.ready = append(p.ready, r)
		}
	}
	return called
}
