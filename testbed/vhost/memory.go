package vhost

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Region is a piece of the guest's memory, in a file of its own.
type Region struct {
	Guest  uint64 // address in the guest
	User   uint64 // address in the front end, as it tells the back end
	Size   uint64 // bytes
	Offset uint64 // of the first byte in the file
	Behind uint64 // bytes of the file that follow

	FD  int
	mem []byte // of the whole file
}

// Bytes returns the region's memory.
func (r *Region) Bytes() []byte { return r.mem[r.Offset : r.Offset+r.Size] }

// Outside returns a copy of the bytes of the file that are not the region's.
func (r *Region) Outside() []byte {
	return append(append([]byte(nil), r.mem[:r.Offset]...), r.mem[r.Offset+r.Size:]...)
}

// Memory is the memory of a guest.
type Memory struct {
	Regions []*Region
	next    uint64 // bytes of the first region given away
}

// NewMemory makes memory of the regions, whose FD is set here.
func NewMemory(regions ...Region) (*Memory, error) {
	m := &Memory{}
	for _, r := range regions {
		fd, err := unix.MemfdCreate("guest", unix.MFD_CLOEXEC)
		if err == nil {
			r.FD = fd
			err = unix.Ftruncate(fd, int64(r.Offset+r.Size+r.Behind))
			if err == nil {
				r.mem, err = unix.Mmap(fd, 0, int(r.Offset+r.Size+r.Behind), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			}
			if err != nil {
				err = errors.Join(err, unix.Close(fd))
			}
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make %d bytes of guest memory: %w", r.Size, err), m.Close())
		}
		m.Regions = append(m.Regions, &r)
	}
	return m, nil
}

// Alloc gives away n bytes of the first region; align is a power of two. The
// address returned is the guest's.
func (m *Memory) Alloc(n int, align uint64) (uint64, error) {
	r := m.Regions[0]
	at := (m.next + align - 1) &^ (align - 1)
	if at+uint64(n) > r.Size {
		return 0, fmt.Errorf("guest memory of %d bytes is full", r.Size)
	}
	m.next = at + uint64(n)
	return r.Guest + at, nil
}

// Reset takes back everything that Alloc gave.
func (m *Memory) Reset() { m.next = 0 }

// At returns n bytes at a guest address; it panics when they are not in one
// region: a fault of the test.
func (m *Memory) At(guest uint64, n int) []byte {
	for _, r := range m.Regions {
		if at := guest - r.Guest; guest >= r.Guest && at < r.Size && uint64(n) <= r.Size-at {
			return r.Bytes()[at : at+uint64(n) : at+uint64(n)]
		}
	}
	panic(fmt.Sprintf("no guest memory of %d bytes at %#x", n, guest))
}

// User returns the front end's address of a guest address.
func (m *Memory) User(guest uint64) uint64 {
	for _, r := range m.Regions {
		if guest >= r.Guest && guest-r.Guest < r.Size {
			return guest - r.Guest + r.User
		}
	}
	panic(fmt.Sprintf("no guest memory at %#x", guest))
}

// Alias maps the memory again, for a goroutine that writes while the back end
// reads. It does not own the files.
func (m *Memory) Alias() (*Memory, error) {
	a := &Memory{}
	for _, r := range m.Regions {
		c := *r
		var err error
		if c.mem, err = unix.Mmap(r.FD, 0, len(r.mem), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			return nil, errors.Join(fmt.Errorf("map guest memory again: %w", err), a.Close())
		}
		c.FD = -1
		a.Regions = append(a.Regions, &c)
	}
	return a, nil
}

// Truncate cuts the file of a region while it is mapped. Whoever then touches
// what was cut off gets SIGBUS, the caller included.
func (m *Memory) Truncate(region int, size uint64) error {
	if err := unix.Ftruncate(m.Regions[region].FD, int64(size)); err != nil {
		return fmt.Errorf("truncate guest memory: %w", err)
	}
	return nil
}

// Close unmaps the memory.
func (m *Memory) Close() error {
	var err error
	for _, r := range m.Regions {
		err = errors.Join(err, unix.Munmap(r.mem))
		if r.FD >= 0 {
			err = errors.Join(err, unix.Close(r.FD))
		}
	}
	m.Regions = nil
	return err
}
