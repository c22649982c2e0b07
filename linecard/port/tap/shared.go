package tap

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port/uring"
)

// Shared is what the TAP queues of one worker have in common, for each worker
// of a card: an io_uring and receive memory. A worker serves its queues in
// turn, so a thousand of them need no more than one. The zero value is ready.
//
// mu guards the map; a worker's part belongs to the worker's thread, and is
// made before its first queue and freed after its last.
type Shared struct {
	mu      sync.Mutex
	workers map[int]*common
	several int // open TAPs with several queues
	probed  bool
	able    bool // the kernel has an io_uring that TUN devices take
}

// common is the part of one worker.
type common struct {
	users int
	ring  *uring.Ring // nil until a queue uses it
	free  []*memory   // not in use, hottest last
	texts *[frame.BatchSize]text
	heads *[frame.BatchSize]gathered
}

// probe reports whether queues can use io_uring. The answer is the same for all
// TAPs of a kernel.
func (s *Shared) probe(fd int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probed {
		return s.able
	}
	s.probed = true
	r, err := uring.New(1)
	if err != nil {
		return false
	}
	s.able = r.Probe(fd) == nil
	_ = r.Close() // nothing was in it
	return s.able
}

// Several is how many TAPs of a card have more than one queue. The kernel keeps
// 300 KiB for such a device, and each worker a queue to look at.
const Several = 64

// admit returns how many queues one more TAP may have.
func (s *Shared) admit(queues int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if queues <= 1 || s.several >= Several {
		return 1
	}
	return queues
}

// count notes that a TAP with several queues was opened or closed.
func (s *Shared) count(ports int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.several += ports
}

// acquire returns the part of a worker for one more queue. The error of a ring
// that the queue would use and that cannot be had is returned: there is no
// descriptor or memory left.
func (s *Shared) acquire(worker int, ring bool) (*common, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.workers[worker]
	if c == nil {
		c = &common{}
	}
	if ring && c.ring == nil {
		r, err := uring.New(frame.BatchSize)
		if err != nil {
			return nil, err
		}
		c.ring, c.texts, c.heads = r, new([frame.BatchSize]text), new([frame.BatchSize]gathered)
	}
	if s.workers == nil {
		s.workers = map[int]*common{}
	}
	s.workers[worker] = c
	c.users++
	return c, nil
}

// release is the inverse of acquire.
func (s *Shared) release(worker int, c *common) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.users--; c.users > 0 {
		return nil
	}
	delete(s.workers, worker)
	var errs []error
	if c.ring != nil {
		errs = append(errs, c.ring.Close())
	}
	for _, m := range c.free {
		errs = append(errs, m.unmap())
	}
	return errors.Join(errs...)
}

// take hands out receive memory. There is more than one only while a worker
// holds batches of several queues.
func (c *common) take() (*memory, error) {
	if n := len(c.free); n > 0 {
		m := c.free[n-1]
		c.free = c.free[:n-1]
		return m, nil
	}
	return reserve()
}

// give takes it back.
func (c *common) give(m *memory) { c.free = append(c.free, m) }

// slot is the distance of two slots in bytes: headroom and the longest frame,
// rounded up to cache lines. It is an odd number of lines, so that the first
// lines of the slots fall into different sets of the caches.
const slot = (frame.Headroom + frame.MaxLen + 63) &^ 63

// memory is room for one batch: anonymous memory outside the Go heap, in slots
// that hold a super-frame in one piece, header in the headroom. The kernel
// commits what is touched, a page or two of a slot while frames are small.
type memory struct{ bytes []byte }

func reserve() (*memory, error) {
	b, err := unix.Mmap(-1, 0, frame.BatchSize*slot, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map frame memory: %w", err)
	}
	// Best effort: where huge pages are always on, a frame would commit 2 MiB.
	_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE)
	return &memory{b}, nil
}

// slot returns slot i with its headroom.
func (m *memory) slot(i int) []byte { return m.bytes[i*slot : (i+1)*slot : (i+1)*slot] }

func (m *memory) unmap() error {
	if err := unix.Munmap(m.bytes); err != nil {
		return fmt.Errorf("unmap frame memory: %w", err)
	}
	return nil
}
