// Package slab holds the receive memory of one queue: anonymous memory outside
// the Go heap, so that the collector never scans it and the addresses that
// system calls are given never change.
//
// Message i of a receive call always lands in slot i, which makes the hand-out
// last-in first-out: a lightly loaded queue lives in its first few slots and
// those stay in the cache. A slot has two parts:
//
//	head  |headroom 128|1,920 bytes: all of an ordinary frame|
//	tail  |64 KiB: the rest of a super-frame|
//
// Tails are committed by the kernel when first touched, so a port that never
// sees super-frames costs the heads only.
package slab

import (
	"fmt"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
)

// Sizes in bytes.
const (
	HeadLen = 1920  // of frame bytes in a head
	TailLen = 65536 // of a tail; head and tail hold frame.MaxLen with room to spare
	// stride is headroom and head, and one cache line that keeps the frames'
	// first lines from sharing a set of the cache.
	stride = frame.Headroom + HeadLen + 64
)

// Slab is the memory of frame.BatchSize slots. It is not safe for concurrent
// use.
type Slab struct {
	heads, tails []byte
}

// New reserves the memory.
func New() (*Slab, error) {
	heads, err := reserve(frame.BatchSize * stride)
	if err != nil {
		return nil, err
	}
	tails, err := reserve(frame.BatchSize * TailLen)
	if err != nil {
		return nil, fmt.Errorf("%w (and %v)", err, unix.Munmap(heads))
	}
	// Best effort: where huge pages are always on, the first super-frame would
	// commit 2 MiB.
	_ = unix.Madvise(tails, unix.MADV_NOHUGEPAGE)
	return &Slab{heads: heads, tails: tails}, nil
}

func reserve(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of frame memory: %w", n, err)
	}
	return b, nil
}

// Head returns the head of slot i with its headroom.
func (s *Slab) Head(i int) []byte {
	return s.heads[i*stride : i*stride+frame.Headroom+HeadLen : i*stride+frame.Headroom+HeadLen]
}

// Tail returns the tail of slot i.
func (s *Slab) Tail(i int) []byte {
	return s.tails[i*TailLen : (i+1)*TailLen : (i+1)*TailLen]
}

// Frame describes in f the n bytes that were received into slot i.
func (s *Slab) Frame(f *frame.Frame, i, n int) {
	f.Buf = s.Head(i)
	f.Off = frame.Headroom
	f.Flags = 0
	f.TCI = 0
	f.BD = 0
	f.Slot = uint32(i)
	if n > HeadLen {
		f.Head = HeadLen
		f.Tail = s.Tail(i)[:n-HeadLen]
		return
	}
	f.Head = uint32(n)
	f.Tail = nil
}

// Close unmaps the memory. No frame may be in use.
func (s *Slab) Close() error {
	heads, tails := s.heads, s.tails
	s.heads, s.tails = nil, nil
	if heads == nil {
		return nil
	}
	err := unix.Munmap(heads)
	if e := unix.Munmap(tails); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("unmap frame memory: %w", err)
	}
	return nil
}
