package vhostuser

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/vmem"
	"trunkline/linecard/port/vring"
)

// answer is a reply's payload, and the descriptor that goes with it, which is
// closed then; -1: none.
type answer struct {
	payload []byte
	fd      int
}

func (a *answer) close() {
	if a.fd >= 0 {
		_ = unix.Close(a.fd) // nothing was written to it
	}
}

func number(v uint64) *answer { return &answer{u64(v), -1} }

// Sizes of payloads.
const (
	sizeU64     = 8
	sizeState   = 8
	sizeAddr    = 40
	sizeRegion  = 32
	sizeLog     = 16
	sizeRecords = 20 // and padding to 24
)

// request is one request of the protocol: what its payload and descriptors may
// be, and what is done.
type request struct {
	min, max int // bytes of payload
	fds      int // the most descriptors
	run      func(*session, *message) (*answer, error)
}

// requests, by number; those without a function are not supported.
var requests = [...]request{
	1:  {0, 0, 0, (*session).getFeatures},
	2:  {sizeU64, sizeU64, 0, (*session).setFeatures},
	3:  {0, 0, 0, (*session).setOwner},
	4:  {0, 0, 0, (*session).resetOwner},
	5:  {8, 8 + 8*sizeRegion, 8, (*session).setMemTable},
	6:  {sizeU64, sizeLog, 1, (*session).setLogBase},
	7:  {0, sizeU64, 1, (*session).setLogFD},
	8:  {sizeState, sizeState, 0, (*session).setRingNum},
	9:  {sizeAddr, sizeAddr, 0, (*session).setRingAddr},
	10: {sizeState, sizeState, 0, (*session).setRingBase},
	11: {sizeState, sizeState, 0, (*session).getRingBase},
	12: {sizeU64, sizeU64, 1, (*session).setRingKick},
	13: {sizeU64, sizeU64, 1, (*session).setRingCall},
	14: {sizeU64, sizeU64, 1, (*session).setRingErr},
	15: {0, 0, 0, (*session).getProtocol},
	16: {sizeU64, sizeU64, 0, (*session).setProtocol},
	17: {0, 0, 0, (*session).getQueueNum},
	18: {sizeState, sizeState, 0, (*session).setRingEnable},
	19: {sizeU64, sizeU64, 0, (*session).sendRARP},
	20: {sizeU64, sizeU64, 0, (*session).setMTU},
	31: {sizeRecords, sizeRecords + 4, 0, (*session).getInflight},
	32: {sizeRecords, sizeRecords + 4, 1, (*session).setInflight},
	34: {0, 0, 0, (*session).resetDevice},
	36: {0, 0, 0, (*session).getMemSlots},
	37: {8 + sizeRegion, 8 + sizeRegion, 1, (*session).addRegion},
	38: {8 + sizeRegion, 8 + sizeRegion, 1, (*session).removeRegion},
}

// dispatch checks the form of a request and does it.
func (s *session) dispatch(m *message) (*answer, error) {
	if m.request >= uint32(len(requests)) || requests[m.request].run == nil {
		return nil, refusef("request %d is not supported", m.request)
	}
	r := &requests[m.request]
	if n := len(m.payload); n < r.min || n > r.max {
		return nil, fmt.Errorf("request %d: payload of %d bytes", m.request, n)
	}
	if len(m.fds) > r.fds {
		return nil, fmt.Errorf("request %d: %d descriptors", m.request, len(m.fds))
	}
	a, err := r.run(s, m)
	if err != nil {
		return nil, fmt.Errorf("request %d: %w", m.request, err)
	}
	return a, nil
}

func (s *session) offered() uint64 {
	if s.p.c.Queues > 1 {
		return offered | 1<<fMQ
	}
	return offered
}

func (s *session) getFeatures(*message) (*answer, error) { return number(s.offered()), nil }

func (s *session) setFeatures(m *message) (*answer, error) {
	v := m.u64(0)
	if extra := v &^ s.offered(); extra != 0 {
		return nil, refusef("features %#x were not offered", extra)
	}
	// Logging comes and goes with migration; what shapes the rings does not
	// change under way.
	if s.running() && (v^s.features)&^(1<<fLogAll) != 0 {
		return nil, refusef("features change while rings run")
	}
	s.features = v
	return nil, s.commit()
}

func (s *session) running() bool {
	return slices.ContainsFunc(s.rings, func(r ring) bool { return r.at != nil })
}

func (s *session) setOwner(*message) (*answer, error) { return nil, nil }

// resetOwner disables all rings, which is what is left of its meaning.
func (s *session) resetOwner(*message) (*answer, error) {
	for i := range s.rings {
		s.rings[i].enabled = false
	}
	return nil, s.commit()
}

// resetDevice stops all rings and forgets what the driver has agreed to.
func (s *session) resetDevice(*message) (*answer, error) {
	for i := range s.rings {
		s.stop(i)
		r := &s.rings[i]
		r.enabled, r.placed, r.size, r.base = false, false, 0, 0
	}
	s.features &= 1 << fProtocolFeatures
	s.p.peerMTU.Store(0)
	return nil, s.commit()
}

func (s *session) getProtocol(*message) (*answer, error) { return number(offeredProtocol), nil }

func (s *session) setProtocol(m *message) (*answer, error) {
	v := m.u64(0)
	if extra := v &^ offeredProtocol; extra != 0 {
		return nil, refusef("protocol features %#x were not offered", extra)
	}
	s.protocol = v
	return nil, nil
}

func (s *session) getQueueNum(*message) (*answer, error) {
	return number(uint64(s.p.c.Queues)), nil
}

// sendRARP keeps the address until the port may forward (rarp.go).
func (s *session) sendRARP(m *message) (*answer, error) {
	var mac uint64
	for _, b := range m.payload[:6] {
		mac = mac<<8 | uint64(b)
	}
	if mac == 0 || mac>>40&1 != 0 {
		return nil, refusef("%012x is no address of a station", mac)
	}
	s.p.rarp.Store(mac)
	s.poke()
	return nil, nil
}

func (s *session) setMTU(m *message) (*answer, error) {
	v := m.u64(0)
	if v < 68 || v > 65535 {
		return nil, refusef("mtu of %d bytes", v)
	}
	s.p.peerMTU.Store(int64(v))
	s.p.changed()
	return nil, nil
}

func (s *session) getMemSlots(*message) (*answer, error) { return number(vmem.MaxRegions), nil }

// place reads a region's description.
func (m *message) place(at int) vmem.Place {
	return vmem.Place{Guest: m.u64(at), Size: m.u64(at + 8), User: m.u64(at + 16), Offset: m.u64(at + 24)}
}

// setMemTable replaces all regions.
func (s *session) setMemTable(m *message) (*answer, error) {
	n := int(m.u32(0))
	if n > 8 || len(m.payload) < 8+n*sizeRegion || len(m.fds) != n {
		return nil, fmt.Errorf("%d regions in %d bytes with %d descriptors", n, len(m.payload), len(m.fds))
	}
	var list []*vmem.Region
	for i := range n {
		r, err := vmem.Map(m.fds[i], m.place(8+i*sizeRegion))
		if err != nil {
			return nil, refused{closeAll(list, err)}
		}
		list = append(list, r)
	}
	return nil, s.remember(list, list, s.regions)
}

func closeAll(list []*vmem.Region, err error) error {
	for _, r := range list {
		if e := r.Close(); e != nil {
			return e
		}
	}
	return err
}

// remember uses a new list of regions: fresh ones are closed when it cannot be,
// old ones when it is.
func (s *session) remember(list, fresh, old []*vmem.Region) error {
	t, err := vmem.NewTable(list)
	if err != nil {
		return refused{closeAll(fresh, err)}
	}
	s.regions, s.table = list, t
	for _, r := range old {
		s.waste = append(s.waste, r.Close)
	}
	return s.commit()
}

func (s *session) addRegion(m *message) (*answer, error) {
	if len(m.fds) != 1 {
		return nil, fmt.Errorf("region with %d descriptors", len(m.fds))
	}
	if len(s.regions) >= vmem.MaxRegions {
		return nil, refusef("more than %d regions", vmem.MaxRegions)
	}
	r, err := vmem.Map(m.fds[0], m.place(8))
	if err != nil {
		return nil, refused{err}
	}
	fresh := []*vmem.Region{r}
	return nil, s.remember(append(slices.Clone(s.regions), r), fresh, nil)
}

func (s *session) removeRegion(m *message) (*answer, error) {
	p := m.place(8)
	at := slices.IndexFunc(s.regions, func(r *vmem.Region) bool {
		return r.Place.Guest == p.Guest && r.Place.User == p.User && r.Size == p.Size
	})
	if at < 0 {
		return nil, refusef("no such region")
	}
	old := s.regions[at : at+1 : at+1]
	return nil, s.remember(slices.Delete(slices.Clone(s.regions), at, at+1), nil, old)
}

// setLogBase begins a new dirty log. It is answered by a number, also without
// REPLY_ACK, when the log is in a file.
func (s *session) setLogBase(m *message) (*answer, error) {
	if s.protocol>>pLogShmfd&1 == 0 || len(m.fds) != 1 || len(m.payload) != sizeLog {
		return nil, refusef("a log is taken in a file only")
	}
	l, err := vmem.MapLog(m.fds[0], m.u64(0), m.u64(8))
	if err != nil {
		return nil, err // no answer says that there is no log
	}
	s.waste = append(s.waste, s.dirty.Close)
	s.dirty = l
	return number(0), s.commit()
}

// setLogFD hands over an eventfd for those who poll the log; nobody needs it.
func (s *session) setLogFD(*message) (*answer, error) { return nil, nil }

// getInflight makes a file for inflight records, which the front end keeps and
// hands to our successor.
func (s *session) getInflight(m *message) (*answer, error) {
	rings, size := recordShape(m)
	if rings == 0 || rings > len(s.rings) || !ringSize(size) {
		return nil, fmt.Errorf("inflight records of %d rings of %d", rings, size)
	}
	total := uint64(rings) * vring.InflightLen(size)
	fd, err := unix.MemfdCreate("trunkline-inflight", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make inflight records: %w", err)
	}
	a := &answer{fd: fd}
	if err := unix.Ftruncate(fd, int64(total)); err != nil {
		a.close()
		return nil, fmt.Errorf("make inflight records: %w", err)
	}
	// Best effort: who shrinks the file loses the session.
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	a.payload = make([]byte, len(m.payload))
	copy(a.payload, u64(total))
	copy(a.payload[16:], m.payload[16:])
	return a, nil
}

func recordShape(m *message) (rings int, size uint32) {
	v := m.u32(16)
	return int(v & 0xffff), v >> 16
}

func ringSize(n uint32) bool { return n > 0 && n <= vring.MaxSize && n&(n-1) == 0 }

// setInflight uses records for the rings that start from now on.
func (s *session) setInflight(m *message) (*answer, error) {
	rings, size := recordShape(m)
	if len(m.fds) != 1 || rings == 0 || rings > len(s.rings) || !ringSize(size) {
		return nil, fmt.Errorf("inflight records of %d rings of %d with %d descriptors", rings, size, len(m.fds))
	}
	if s.running() {
		return nil, refusef("inflight records while rings run")
	}
	if m.u64(0) < uint64(rings)*vring.InflightLen(size) {
		return nil, refusef("inflight records in %d bytes", m.u64(0))
	}
	if m.u64(8)%8 != 0 { // its counters are written atomically
		return nil, refusef("inflight records at offset %d", m.u64(8))
	}
	r, err := vmem.Map(m.fds[0], vmem.Place{Size: m.u64(0), Offset: m.u64(8)})
	if err != nil {
		return nil, refused{err}
	}
	s.waste = append(s.waste, s.dropRecords())
	s.records, s.recordOf = r, size
	return nil, s.commit()
}
