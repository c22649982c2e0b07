package frame

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Pool is a worker's supply of frame buffers: anonymous memory outside the Go
// heap, which the collector never scans and whose pages are committed when
// first used. The buffer given back last is handed out first, so that a lightly
// loaded worker lives in few cache lines. It is not safe for concurrent use.
type Pool struct {
	mem  []byte
	all  [][]byte
	free [][]byte
}

// NewPool reserves n buffers of size bytes, rounded up to whole cache lines.
func NewPool(n, size int) (*Pool, error) {
	stride := (size + 63) &^ 63
	mem, err := unix.Mmap(-1, 0, n*stride, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of frame memory: %w", n*stride, err)
	}
	p := &Pool{mem: mem, all: make([][]byte, n), free: make([][]byte, 0, n)}
	for i := range p.all {
		at := (n - 1 - i) * stride
		p.all[i] = mem[at : at+size : at+size]
	}
	p.Reset()
	return p, nil
}

// Get returns a buffer, or nil when all are in use. Its content is undefined.
func (p *Pool) Get() []byte {
	n := len(p.free)
	if n == 0 {
		return nil
	}
	b := p.free[n-1]
	p.free = p.free[:n-1]
	return b
}

// Put gives back a buffer that came from Get.
func (p *Pool) Put(b []byte) { p.free = append(p.free, b) }

// Reset takes back every buffer, whoever has it.
func (p *Pool) Reset() { p.free = append(p.free[:0], p.all...) }

// Free returns the number of buffers that are left.
func (p *Pool) Free() int { return len(p.free) }

// Close unmaps the memory. No buffer may be in use.
func (p *Pool) Close() error {
	mem := p.mem
	p.mem, p.all, p.free = nil, nil, nil
	if mem == nil {
		return nil
	}
	if err := unix.Munmap(mem); err != nil {
		return fmt.Errorf("unmap frame memory: %w", err)
	}
	return nil
}
