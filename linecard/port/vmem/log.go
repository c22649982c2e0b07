package vmem

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/sharedmem"
)

// LogPage is the number of bytes of guest memory that one bit of a Log stands
// for.
const LogPage = 4096

// maxLog bounds the bytes of a log: those of 512 TiB of guest memory.
const maxLog = 1 << 34

// Log is the bitmap of guest pages that were written, which the peer reads and
// clears while a guest migrates: bit n%8 of byte n/8 is page n. Bits are set
// atomically, by any number of goroutines, and after the write they stand for.
// The nil Log takes no notes.
type Log struct {
	bits  []byte // rounded down to whole words
	whole []byte
}

// MapLog maps a log of size bytes at an offset of the file. The descriptor
// remains the caller's.
func MapLog(fd int, size, offset uint64) (*Log, error) {
	if size == 0 || size > maxLog || offset > maxMap {
		return nil, fmt.Errorf("map dirty log of %d bytes at offset %d: no such size", size, offset)
	}
	if offset%4 != 0 {
		return nil, errors.New("map dirty log: its offset is not aligned")
	}
	whole, err := mapShared(fd, offset+size)
	if err != nil {
		return nil, fmt.Errorf("map dirty log: %w", err)
	}
	return &Log{whole: whole, bits: whole[offset : offset+size&^3]}, nil
}

// Mark notes that n bytes at a guest address were written. Pages that the log
// has no bit for are left out: the peer has sized it for the memory it wants
// back.
func (l *Log) Mark(addr uint64, n uint32) {
	if l == nil || n == 0 {
		return
	}
	last := (addr + uint64(n) - 1) / LogPage
	for page := addr / LogPage; page <= last; page++ {
		l.set(page)
	}
}

// set sets the bit of a page.
func (l *Log) set(page uint64) {
	at := page / 32 * 4
	if at+4 > uint64(len(l.bits)) {
		return
	}
	// Little-endian, hence the bits of a word are those of its four bytes.
	word, bit := (*uint32)(unsafe.Pointer(&l.bits[at])), uint32(1)<<(page%32)
	if sharedmem.Load32(word)&bit == 0 {
		sharedmem.Or32(word, bit)
	}
}

// Holds reports whether an address of our own process belongs to the log.
func (l *Log) Holds(addr uintptr) bool { return l != nil && within(l.whole, addr) }

// Close unmaps the log.
func (l *Log) Close() error {
	if l == nil || l.whole == nil {
		return nil
	}
	whole := l.whole
	l.whole, l.bits = nil, nil
	if err := unix.Munmap(whole); err != nil {
		return fmt.Errorf("unmap dirty log: %w", err)
	}
	return nil
}
