package xdp

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is one of the four rings of a socket, shared with the kernel: one side
// produces entries of T, the other consumes them. Indices run free and are
// masked; each side publishes its own and reads the other's. The kernel is
// trusted with its index only as far as the size of the ring goes.
type ring[T any] struct {
	mem      []byte
	producer *uint32
	consumer *uint32
	flags    *uint32
	entries  []T
	mask     uint32
	mine     uint32 // my index, published by publish
	theirs   uint32 // the other side's, as last seen
}

// mapRing maps a ring of n entries, a power of two.
func mapRing[T any](fd int, at int64, o unix.XDPRingOffset, n uint32) (*ring[T], error) {
	var entry T
	mem, err := unix.Mmap(fd, at, int(o.Desc)+int(n)*int(unsafe.Sizeof(entry)), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map ring: %w", err)
	}
	word := func(at uint64) *uint32 { return (*uint32)(unsafe.Pointer(&mem[at])) }
	return &ring[T]{
		mem: mem, producer: word(o.Producer), consumer: word(o.Consumer), flags: word(o.Flags),
		entries: unsafe.Slice((*T)(unsafe.Pointer(&mem[o.Desc])), n), mask: n - 1,
	}, nil
}

// room returns how many entries may be produced, and looks for more if they are
// fewer than want.
func (r *ring[T]) room(want uint32) uint32 {
	n := uint32(len(r.entries))
	if free := n - (r.mine - r.theirs); free >= want {
		return free
	}
	if seen := atomic.LoadUint32(r.consumer); r.mine-seen <= n {
		r.theirs = seen
	}
	return n - (r.mine - r.theirs)
}

// filled returns how many entries may be consumed, up to most.
func (r *ring[T]) filled(most uint32) uint32 {
	if n := r.theirs - r.mine; n >= most {
		return most
	}
	if seen := atomic.LoadUint32(r.producer); seen-r.mine <= uint32(len(r.entries)) {
		r.theirs = seen
	}
	return min(r.theirs-r.mine, most)
}

// entry returns entry i from the own index on.
func (r *ring[T]) entry(i uint32) *T { return &r.entries[(r.mine+i)&r.mask] }

// produced and consumed move the own index on by n and publish it.
func (r *ring[T]) produced(n uint32) {
	r.mine += n
	atomic.StoreUint32(r.producer, r.mine)
}

func (r *ring[T]) consumed(n uint32) {
	r.mine += n
	atomic.StoreUint32(r.consumer, r.mine)
}

// left returns how many produced entries the other side has not consumed.
func (r *ring[T]) left() uint32 { return r.mine - atomic.LoadUint32(r.consumer) }

// sleeping reports whether the kernel has to be woken to serve the ring.
func (r *ring[T]) sleeping() bool { return atomic.LoadUint32(r.flags)&unix.XDP_RING_NEED_WAKEUP != 0 }

func (r *ring[T]) close() error {
	if r == nil {
		return nil
	}
	return unix.Munmap(r.mem)
}
