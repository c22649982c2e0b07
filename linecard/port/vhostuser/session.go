package vhostuser

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/vmem"
	"trunkline/linecard/port/vring"
)

// session is the conversation with one peer. All of it belongs to the goroutine
// in run.
type session struct {
	p    *Port
	conn *net.UnixConn
	in   reader

	features uint64 // that the driver has accepted
	protocol uint64 // that the front end has accepted
	rings    []ring
	regions  []*vmem.Region
	table    *vmem.Table
	dirty    *vmem.Log // as mapped; in use with LOG_ALL
	records  *vmem.Region
	recordOf uint32 // descriptors of each record

	// What the view in force may still use, and goes once it has been replaced.
	waste []func() error
}

// ring is what the peer has said of a ring.
type ring struct {
	size    uint32
	base    uint16
	layout  vring.Layout // addresses; Size and modes are filled in
	placed  bool         // layout has addresses
	kick    int          // descriptors; -1: none
	call    int
	errs    int
	enabled bool

	at     *vring.Cursor // nil while stopped
	broken bool          // reported
}

// refused is an error in a request that leaves the session as it was. Others end
// the session.
type refused struct{ error }

func refusef(format string, a ...any) error { return refused{fmt.Errorf(format, a...)} }

func newSession(p *Port, conn *net.UnixConn) *session {
	s := &session{p: p, conn: conn, rings: make([]ring, 2*p.c.Queues)}
	s.in.conn, s.in.idle = conn, s.attend
	for i := range s.rings {
		r := &s.rings[i]
		r.kick, r.call, r.errs = -1, -1, -1
	}
	return s
}

// run answers requests until the connection ends.
func (s *session) run() (err error) {
	defer func() { err = errors.Join(err, s.end()) }()
	for {
		m, err := s.in.next()
		if err != nil {
			return err
		}
		err = s.handle(&m)
		m.close()
		if err != nil {
			return err
		}
	}
}

// end takes the ports' memory away from the workers and gives it back.
func (s *session) end() error {
	for i := range s.rings {
		r := &s.rings[i]
		s.watch(i, -1)
		s.discard(&r.kick)
		s.discard(&r.call)
		s.discard(&r.errs)
		r.at = nil
	}
	for _, r := range s.regions {
		s.waste = append(s.waste, r.Close)
	}
	s.waste = append(s.waste, s.dirty.Close, s.dropRecords())
	s.p.peerMTU.Store(0)
	s.p.rarp.Store(0)
	s.p.publish(&view{})
	err := s.sweep()
	s.p.changed()
	return err
}

// sweep releases what no view uses any more.
func (s *session) sweep() error {
	var errs []error
	for _, fn := range s.waste {
		errs = append(errs, fn())
	}
	s.waste = s.waste[:0]
	return errors.Join(errs...)
}

func (s *session) dropRecords() func() error {
	r := s.records
	s.records = nil
	if r == nil {
		return func() error { return nil }
	}
	return r.Close
}

// discard closes a descriptor once no view has it.
func (s *session) discard(fd *int) {
	if n := *fd; n >= 0 {
		s.waste = append(s.waste, func() error { return unix.Close(n) })
	}
	*fd = -1
}

// handle answers one request. A panic on memory that the peer has taken away ends
// the session.
func (s *session) handle(m *message) (err error) {
	debug.SetPanicOnFault(true)
	defer func() {
		if cause := recover(); cause != nil {
			e, ok := cause.(interface {
				runtime.Error
				Addr() uintptr
			})
			if !ok || !s.holds(e.Addr()) {
				panic(cause)
			}
			err = fmt.Errorf("request %d: the peer's memory is gone", m.request)
		}
	}()
	answer, err := s.dispatch(m)
	var no refused
	if err != nil && !errors.As(err, &no) {
		return err
	}
	acked := s.protocol>>pReplyAck&1 != 0 && m.flags&flagNeedReply != 0
	switch {
	case answer != nil && err == nil:
		defer answer.close()
		return reply(s.conn, m.request, answer.payload, answer.fd)
	case acked && err == nil:
		return reply(s.conn, m.request, u64(0), -1)
	case acked:
		s.p.c.Log.Warn("vhost-user request refused", "socket", s.p.c.Path, "request", m.request, "error", err)
		return reply(s.conn, m.request, u64(1), -1)
	}
	return err
}

func (s *session) holds(addr uintptr) bool {
	for _, r := range s.regions {
		if r.Holds(addr) {
			return true
		}
	}
	return s.dirty.Holds(addr) || s.records.Holds(addr)
}

// attend looks at what workers have found: memory that is gone ends the session,
// a broken ring is reported.
func (s *session) attend() error {
	v := s.p.view.Load()
	if v.dead.Load() {
		return errors.New("the peer's memory is gone")
	}
	for i := range s.rings {
		r := &s.rings[i]
		if r.at == nil || r.broken || r.at.Fault() == vring.NoFault {
			continue
		}
		r.broken = true
		s.p.c.Log.Warn("ring stopped: it is against the rules", "socket", s.p.c.Path, "ring", i, "error", r.at.Fault().String())
		if r.errs >= 0 {
			one := [8]byte{1}
			_, _ = unix.Write(r.errs, one[:]) // EAGAIN: told already
		}
	}
	s.p.changed()
	return nil
}

// watch tells the receive queue of a ring which kick to wait for.
func (s *session) watch(ring, kick int) {
	if ring%2 == 0 {
		return // nobody waits for buffers to send with
	}
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.kicks[ring/2]
	p.kicks[ring/2] = kick
	for _, q := range p.queues {
		if q.receive != ring/2 {
			continue
		}
		if was >= 0 {
			q.unwatch(was)
		}
		if kick >= 0 {
			q.watch(kick)
		}
	}
}

// commit makes the workers see the session as it is now.
func (s *session) commit() error {
	v := &view{features: s.features, header: 10, table: s.table, records: s.records}
	if s.features&(1<<fVersion1|1<<fMrgRxbuf) != 0 {
		v.header = 12
	}
	v.plain = s.features&(1<<fCsum|1<<fHostTSO4|1<<fHostTSO6|1<<fHostECN|1<<fHostUFO|1<<fHostUSO) == 0
	if s.features>>fLogAll&1 != 0 {
		v.log = s.dirty
	}
	var problem error
	running := false
	for i := range s.rings {
		l, err := s.lane(i, v.log)
		if err != nil {
			problem = refusef("ring %d: %w", i, err)
			s.stop(i)
		}
		if l == nil {
			continue
		}
		if !running {
			running = true
			v.rings = make([]*lane, len(s.rings))
		}
		v.rings[i] = l
		if i%2 == 0 && l.enabled {
			v.send = append(v.send, l)
		}
	}
	old := s.p.view.Load()
	if running || len(old.rings) > 0 {
		s.p.publish(v)
		s.poke()
		if v.carrier() != old.carrier() || v.offloads() != old.offloads() || v.driver(false) != old.driver(false) {
			s.p.changed()
		}
	}
	if err := s.sweep(); err != nil {
		return err
	}
	return problem
}

// lane returns a ring as workers see it; nil when it is not started. A ring
// starts when it has all it takes.
func (s *session) lane(i int, log *vmem.Log) (*lane, error) {
	r := &s.rings[i]
	if r.kick < 0 || !r.placed || r.size == 0 || len(s.regions) == 0 {
		return nil, nil
	}
	r.layout.Size = r.size
	r.layout.EventIdx = s.features>>fEventIdx&1 != 0
	r.layout.Indirect = s.features>>fIndirect&1 != 0
	ring, err := vring.New(r.layout, s.table, log)
	if err != nil {
		return nil, err
	}
	if r.at == nil {
		record, err := s.record(i)
		if err != nil {
			return nil, err
		}
		r.at = ring.Start(r.base, record)
		r.broken = false
		if i%2 == 0 {
			ring.Disarm(r.at)
		}
		r.rouse()
	}
	return &lane{ring: ring, at: r.at, call: r.call, enabled: r.enabled || s.features>>fProtocolFeatures&1 == 0}, nil
}

// record returns the inflight record of a ring, nil when there is none.
func (s *session) record(i int) (*vring.Inflight, error) {
	if s.records == nil {
		return nil, nil
	}
	mem := s.records.Bytes()
	n := vring.InflightLen(s.recordOf)
	if uint64(i+1)*n > uint64(len(mem)) || s.rings[i].size != s.recordOf {
		return nil, errors.New("inflight records are of other rings")
	}
	return vring.NewInflight(mem[uint64(i)*n:uint64(i+1)*n], s.recordOf)
}

// poke makes the receive queues look at their rings.
func (s *session) poke() {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	for _, q := range s.p.queues {
		q.poke()
	}
}

// eventfd checks a descriptor that notifications are written to or waited for at,
// and makes it non-blocking: a pipe or a socket in its place would let the peer
// stop a worker.
func eventfd(fd int) error {
	name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return fmt.Errorf("look at descriptor: %w", err)
	}
	if name != "anon_inode:[eventfd]" {
		return refusef("%s is no eventfd", name)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("make eventfd non-blocking: %w", err)
	}
	return nil
}
