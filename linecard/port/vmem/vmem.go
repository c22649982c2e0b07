// Package vmem is the memory that a vhost-user peer shares: regions of guest
// memory mapped from descriptors, translation of the peer's two address spaces
// into them, and the bitmap of pages written for live migration.
//
// The peer is untrusted. A region is mapped only when the file behind it is
// large enough, sums of offset and size that wrap are refused, and an address
// range is translated only when it lies inside one region as a whole: a buffer
// that spans two regions is refused even when they touch. What cannot be checked
// is that the file stays as large as it was. When the peer truncates it, an
// access faults (SIGBUS); callers run with debug.SetPanicOnFault and ask Holds
// whose fault it was.
//
// A Table does not change once it is made and may be read from any goroutine.
// Whoever unmaps a region knows that nobody uses it any more. Pages are not
// populated: memory that the guest never touched stays uncommitted, and is not
// charged to us.
package vmem

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MaxRegions bounds the regions of one peer: what QEMU asks for at most on x86
// is one per memory slot with a backing file.
const MaxRegions = 64

// maxMap bounds what one region maps, and maxTable what all of a peer do, in
// bytes: address space is 47 bits for all peers and ourselves, and a file of memory
// without content costs a peer nothing.
const (
	maxMap   = 1 << 40
	maxTable = 1 << 41
)

// Place says where a region lies in the peer's address spaces and in its file.
type Place struct {
	Guest  uint64 // guest physical address
	Size   uint64 // bytes
	User   uint64 // address in the peer's process
	Offset uint64 // of the region in the file
}

// Region is a mapped region.
type Region struct {
	Place
	// Sealed says that the peer has promised, by F_SEAL_SHRINK, that the file
	// cannot become shorter: an access cannot fault.
	Sealed bool
	mem    []byte // of Size bytes
	whole  []byte // as mapped
}

// Map maps a region. The descriptor remains the caller's and may be closed.
func Map(fd int, p Place) (*Region, error) {
	switch {
	case p.Size == 0:
		return nil, errors.New("map region: no size")
	case p.Offset > maxMap || p.Size > maxMap-p.Offset:
		return nil, fmt.Errorf("map region of %d bytes at offset %d: too large", p.Size, p.Offset)
	case p.Guest > math.MaxUint64-p.Size || p.User > math.MaxUint64-p.Size:
		return nil, errors.New("map region: its addresses wrap")
	}
	whole, err := mapShared(fd, p.Offset+p.Size)
	if err != nil {
		return nil, fmt.Errorf("map region: %w", err)
	}
	// Guest memory does not belong into our core dump. Old kernels may refuse.
	_ = unix.Madvise(whole, unix.MADV_DONTDUMP)
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	return &Region{
		Place: p, whole: whole, mem: whole[p.Offset:],
		Sealed: err == nil && seals&unix.F_SEAL_SHRINK != 0,
	}, nil
}

// mapShared maps the first n bytes of a file that has that many. The whole of
// it, since the offset need not be a multiple of the page size of hugetlbfs.
func mapShared(fd int, n uint64) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("look at its file: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, errors.New("its descriptor is not a file of memory")
	}
	if st.Size < 0 || uint64(st.Size) < n {
		return nil, fmt.Errorf("its file has %d bytes, %d are needed", st.Size, n)
	}
	b, err := unix.Mmap(fd, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", n, err)
	}
	return b, nil
}

// Close unmaps the region.
func (r *Region) Close() error {
	whole := r.whole
	r.whole, r.mem = nil, nil
	if whole == nil {
		return nil
	}
	if err := unix.Munmap(whole); err != nil {
		return fmt.Errorf("unmap region: %w", err)
	}
	return nil
}

// Table translates addresses. The nil Table has no regions.
type Table struct {
	regions []*Region
	spans   []span // of the regions, for Guest
}

// span is what the frame path needs of a region, side by side.
type span struct {
	guest, size uint64
	mem         []byte
}

// NewTable returns the table of some regions. Regions that overlap in the
// guest's or in the peer's addresses are an error.
func NewTable(regions []*Region) (*Table, error) {
	if len(regions) > MaxRegions {
		return nil, fmt.Errorf("memory table: %d regions are more than %d", len(regions), MaxRegions)
	}
	total := uint64(0)
	for _, r := range regions {
		total += uint64(len(r.whole))
	}
	if total > maxTable {
		return nil, fmt.Errorf("memory table: its regions map %d bytes, more than %d", total, uint64(maxTable))
	}
	list := slices.Clone(regions)
	for _, start := range []func(*Region) uint64{
		func(r *Region) uint64 { return r.User },
		func(r *Region) uint64 { return r.Guest },
	} {
		slices.SortFunc(list, func(a, b *Region) int { return cmp.Compare(start(a), start(b)) })
		for i := 1; i < len(list); i++ {
			if start(list[i]) < start(list[i-1])+list[i-1].Size {
				return nil, fmt.Errorf("memory table: regions overlap at %#x", start(list[i]))
			}
		}
	}
	t := &Table{regions: list}
	for _, r := range list {
		t.spans = append(t.spans, span{r.Place.Guest, r.Size, r.mem})
	}
	return t, nil
}

// Regions returns the regions; the list is not to be changed.
func (t *Table) Regions() []*Region {
	if t == nil {
		return nil
	}
	return t.regions
}

// Guest returns the memory of n bytes, at least 1, at a guest physical address;
// nil when they are not all in one region.
func (t *Table) Guest(addr uint64, n uint32) []byte {
	for i := range t.spans {
		r := &t.spans[i]
		// Below the region the difference wraps to something too large.
		if at := addr - r.guest; at < r.size {
			if uint64(n) > r.size-at {
				return nil
			}
			return r.mem[at : at+uint64(n) : at+uint64(n)]
		}
	}
	return nil
}

// Region returns the memory of the region that a guest physical address is in, and
// where it begins; nil when there is none.
func (t *Table) Region(addr uint64) (mem []byte, guest uint64) {
	for i := range t.spans {
		if r := &t.spans[i]; addr-r.guest < r.size {
			return r.mem, r.guest
		}
	}
	return nil, 0
}

// User is Guest for an address in the peer's process. It returns the guest
// physical address, too.
func (t *Table) User(addr uint64, n uint32) (b []byte, guest uint64) {
	for _, r := range t.Regions() {
		if at := addr - r.Place.User; at < r.Size {
			if uint64(n) > r.Size-at {
				return nil, 0
			}
			return r.mem[at : at+uint64(n) : at+uint64(n)], r.Place.Guest + at
		}
	}
	return nil, 0
}

// Holds reports whether an address of our own process, as of a fault, belongs
// to one of the regions.
func (t *Table) Holds(addr uintptr) bool {
	for _, r := range t.Regions() {
		if within(r.whole, addr) {
			return true
		}
	}
	return false
}

func within(b []byte, addr uintptr) bool {
	if len(b) == 0 {
		return false
	}
	return addr-uintptr(unsafe.Pointer(&b[0])) < uintptr(len(b))
}

// Bytes returns the memory of the region, for one that is in no table.
func (r *Region) Bytes() []byte { return r.mem }

// Holds reports whether an address of our own process belongs to the region.
func (r *Region) Holds(addr uintptr) bool { return r != nil && within(r.whole, addr) }
