package packet

import (
	"fmt"
	"sync"
)

// Sizes of a receive ring in bytes. A port begins with the first; one that loses
// frames goes on to the next.
const (
	firstRing  = 1 << 20
	secondRing = 4 << 20
	thirdRing  = 16 << 20
)

// Memory is what the receive rings of several ports may take together: it is
// committed whether there is traffic or not. Ports share it so that one that is
// flooded does not starve the others:
//
//   - the first rings take at most half of it, one that cannot grow all of it;
//   - what is left goes to ports that lose frames, up to secondRing each;
//   - more than that is for a port that loses few of its frames, in bursts (one
//     that is overloaded loses as many with any ring), and leaves a quarter.
//
// Its methods may be called from any goroutine.
type Memory struct {
	total int

	mu   sync.Mutex
	used int // bytes
}

// NewMemory returns a memory of so many bytes.
func NewMemory(bytes int) *Memory { return &Memory{total: bytes} }

// take takes n bytes if so many others are left then. A nil memory has no end.
func (m *Memory) take(n, leave int) bool {
	if m == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used+n+leave > m.total {
		return false
	}
	m.used += n
	return true
}

func (m *Memory) give(n int) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= n
}

// part returns a fraction of the whole.
func (m *Memory) part(of int) int {
	if m == nil {
		return 0
	}
	return m.total / of
}

// none says that there was no more for a first ring.
func (m *Memory) none() error {
	return fmt.Errorf("no ring: other ports have the memory for them, %d MiB", m.total>>20)
}
