package vhostuser

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/vring"
)

// index returns the ring that a request names in its first word.
func (s *session) index(m *message) (int, error) {
	i := m.u32(0)
	if i >= uint32(len(s.rings)) {
		return 0, refusef("no ring %d", i)
	}
	return int(i), nil
}

// idle returns a ring that may be changed: one that is not running.
func (s *session) idle(m *message) (*ring, error) {
	i, err := s.index(m)
	if err != nil {
		return nil, err
	}
	if s.rings[i].at != nil {
		return nil, refusef("ring %d runs", i)
	}
	return &s.rings[i], nil
}

func (s *session) setRingNum(m *message) (*answer, error) {
	r, err := s.idle(m)
	if err != nil {
		return nil, err
	}
	n := m.u32(4)
	if !ringSize(n) {
		return nil, refusef("ring of %d descriptors", n)
	}
	r.size = n
	return nil, s.commit()
}

func (s *session) setRingBase(m *message) (*answer, error) {
	r, err := s.idle(m)
	if err != nil {
		return nil, err
	}
	n := m.u32(4)
	if n > 0xffff {
		return nil, refusef("base %d of a ring", n)
	}
	r.base = uint16(n)
	return nil, s.commit()
}

// setRingAddr says where the parts of a ring are; while it runs, for the sake of
// the flag that has its used ring logged.
func (s *session) setRingAddr(m *message) (*answer, error) {
	i, err := s.index(m)
	if err != nil {
		return nil, err
	}
	r := &s.rings[i]
	old, placed := r.layout, r.placed
	r.layout = vring.Layout{
		Desc: m.u64(8), Used: m.u64(16), Avail: m.u64(24), LogAddr: m.u64(32),
		LogUsed: m.u32(4)&1 != 0,
	}
	r.placed = true
	if r.at != nil {
		moved := r.layout
		moved.LogUsed, moved.LogAddr = old.LogUsed, old.LogAddr
		moved.Size, moved.EventIdx, moved.Indirect = old.Size, old.EventIdx, old.Indirect
		if moved != old {
			r.layout, r.placed = old, placed
			return nil, refusef("ring %d runs", i)
		}
	}
	return nil, s.commit()
}

// getRingBase stops a ring: when it is answered, nobody touches the ring.
func (s *session) getRingBase(m *message) (*answer, error) {
	i, err := s.index(m)
	if err != nil {
		return nil, fmt.Errorf("base of a ring: %w", err)
	}
	at := s.rings[i].at
	s.stop(i)
	if err := s.commit(); err != nil {
		if !errors.As(err, new(refused)) {
			return nil, err
		}
		// Another ring's trouble: this one has stopped.
		s.p.c.Log.Warn("ring stopped", "socket", s.p.c.Path, "error", err)
	}
	r := &s.rings[i]
	if at != nil { // where the worker has left it
		r.base = at.Last()
	}
	b := append([]byte(nil), m.payload...)
	b[4], b[5], b[6], b[7] = byte(r.base), byte(r.base>>8), 0, 0
	return &answer{b, -1}, nil
}

// stop stops a ring with the next commit.
func (s *session) stop(i int) {
	r := &s.rings[i]
	r.at, r.broken = nil, false
	s.watch(i, -1)
	s.discard(&r.kick)
}

// descriptor returns the ring that a request brings an eventfd for, and the
// eventfd; -1 when it says that there is none.
func (s *session) descriptor(m *message) (i, fd int, err error) {
	v := m.u64(0)
	i = int(v & 0xff)
	none := v&0x100 != 0
	switch {
	case v&^0x1ff != 0 || i >= len(s.rings):
		return 0, -1, refusef("no ring %d", v)
	case none && len(m.fds) == 0:
		return i, -1, nil
	case none || len(m.fds) != 1:
		return 0, -1, fmt.Errorf("%d descriptors for ring %d", len(m.fds), i)
	}
	if err := eventfd(m.fds[0]); err != nil {
		return 0, -1, err
	}
	return i, m.take(0), nil
}

// setRingKick starts a ring, when it has all else. A front end that wants the
// ring polled for ever, without an eventfd, is refused: it would cost a core.
func (s *session) setRingKick(m *message) (*answer, error) {
	i, fd, err := s.descriptor(m)
	if err != nil {
		return nil, err
	}
	if fd < 0 {
		return nil, refusef("ring %d without a kick", i)
	}
	r := &s.rings[i]
	s.watch(i, fd)
	s.discard(&r.kick)
	r.kick = fd
	return nil, s.commit()
}

func (s *session) setRingCall(m *message) (*answer, error) {
	i, fd, err := s.descriptor(m)
	if err != nil {
		return nil, err
	}
	r := &s.rings[i]
	s.discard(&r.call)
	r.call = fd
	err = s.commit()
	if r.at != nil {
		r.rouse()
	}
	return nil, err
}

// rouse calls the driver for what may have been published without a call: a
// process before us may have ended between the two, or the descriptor may have
// come after. A driver that finds nothing sleeps on.
func (r *ring) rouse() {
	if r.call >= 0 {
		one := [8]byte{1}
		_, _ = unix.Write(r.call, one[:]) // EAGAIN: 2^64 calls wait
	}
}

func (s *session) setRingErr(m *message) (*answer, error) {
	i, fd, err := s.descriptor(m)
	if err != nil {
		return nil, err
	}
	s.discard(&s.rings[i].errs)
	s.rings[i].errs = fd
	return nil, s.commit()
}

func (s *session) setRingEnable(m *message) (*answer, error) {
	i, err := s.index(m)
	if err != nil {
		return nil, err
	}
	on := m.u32(4)
	if on > 1 {
		return nil, refusef("ring %d enabled by %d", i, on)
	}
	s.rings[i].enabled = on == 1
	return nil, s.commit()
}
