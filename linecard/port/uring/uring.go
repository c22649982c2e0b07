// Package uring carries out a batch of reads and writes that do not wait by one
// system call: io_uring as a way to enter the kernel once for 64 frames.
//
// Every operation is submitted with RWF_NOWAIT, so the kernel completes it
// before the call that submits it returns, in the order of submission, on the
// caller's thread; what would have to wait ends with EAGAIN. Nothing is left in
// the kernel between two calls:
//
//   - buffers need to stay only until Do returns;
//   - no operation refers to a file that is being closed;
//   - any thread may use a ring, one at a time;
//   - kernels from 5.6 on will do, and the readiness of a file is asked of the
//     file, by ppoll, as without io_uring.
//
// It works on files whose driver honours RWF_NOWAIT, as TUN devices do; others
// refuse with EOPNOTSUPP, which Probe tells. ADR 0016 compares this with
// multishot receive and says why there is no library underneath.
//
// A Ring is not safe for concurrent use. A system call in Do is made without
// telling the Go scheduler, because it cannot block.
package uring

import (
	"errors"
	"fmt"
	"math/bits"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of linux/io_uring.h.
const (
	opWritev = 2
	opRead   = 22
	opWrite  = 23

	offSQ   = 0
	offSQEs = 0x10000000

	enterGetEvents    = 1
	featureSingleMmap = 1
	nowait            = 8 // RWF_NOWAIT
	noOffset          = ^uint64(0)
)

// MaxEntries bounds the operations of one batch.
const MaxEntries = 1024

// sqe is struct io_uring_sqe.
type sqe struct {
	opcode, flags     uint8
	ioprio            uint16
	fd                int32
	off, addr         uint64
	len, rwFlags      uint32
	userData          uint64
	bufIndex, persona uint16
	fileIndex         int32
	_                 [2]uint64
}

// cqe is struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// params is struct io_uring_params.
type params struct {
	sqEntries, cqEntries, flags, sqCPU, sqIdle, features, wqFD uint32
	_                                                          [3]uint32
	sq, cq                                                     [10]uint32 // struct io_sqring_offsets, io_cqring_offsets
}

// Words of params.sq and params.cq.
const (
	sqHead  = 0
	sqTail  = 1
	sqArray = 6
	cqHead  = 0
	cqTail  = 1
	cqCQEs  = 5
)

// Ring is a submission and a completion queue that are shared with the kernel.
type Ring struct {
	fd            uintptr
	rings, sqeMem []byte
	sqes          []sqe
	cqes          []cqe
	head, tail    *uint32 // of the submission queue; the kernel moves head
	done, posted  *uint32 // of the completion queue; the kernel moves posted
	queued        uint32  // operations since the last Do
	results       []int32
	memory        []unsafe.Pointer // of each operation queued, for the collector
}

// New opens a ring for batches of up to entries operations, a power of two up
// to MaxEntries. The error wraps what the kernel said: ENOSYS or EPERM where
// io_uring is missing or switched off (kernel.io_uring_disabled, seccomp).
func New(entries int) (*Ring, error) {
	if entries < 1 || entries > MaxEntries || bits.OnesCount(uint(entries)) != 1 {
		return nil, fmt.Errorf("open io_uring: %d entries", entries)
	}
	var p params
	fd, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(&p)), 0)
	if e != 0 {
		return nil, fmt.Errorf("open io_uring: %w", e)
	}
	unix.CloseOnExec(int(fd))
	r := &Ring{fd: fd, results: make([]int32, entries), memory: make([]unsafe.Pointer, entries)}
	if err := r.mapRings(&p, entries); err != nil {
		return nil, errors.Join(fmt.Errorf("map io_uring: %w", err), r.Close())
	}
	return r, nil
}

func (r *Ring) mapRings(p *params, entries int) error {
	if p.features&featureSingleMmap == 0 || int(p.sqEntries) != entries || int(p.cqEntries) < entries {
		return errors.ErrUnsupported
	}
	const access, how = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	cqSize := uint64(unsafe.Sizeof(cqe{})) * uint64(p.cqEntries)
	size := max(uint64(p.sq[sqArray])+4*uint64(p.sqEntries), uint64(p.cq[cqCQEs])+cqSize)
	var err error
	if r.rings, err = unix.Mmap(int(r.fd), offSQ, int(size), access, how); err != nil {
		return err
	}
	if r.sqeMem, err = unix.Mmap(int(r.fd), offSQEs, entries*int(unsafe.Sizeof(sqe{})), access, how); err != nil {
		return err
	}
	word := func(at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[at])) }
	r.head, r.tail = word(p.sq[sqHead]), word(p.sq[sqTail])
	r.done, r.posted = word(p.cq[cqHead]), word(p.cq[cqTail])
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.sqeMem[0])), entries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.rings[p.cq[cqCQEs]])), p.cqEntries)
	order := unsafe.Slice(word(p.sq[sqArray]), entries)
	for i := range order {
		order[i] = uint32(i) // entries are used in the order of the ring
	}
	return nil
}

// Len returns how many operations fit in a batch.
func (r *Ring) Len() int { return len(r.sqes) }

// Read queues a read of up to n bytes into the memory that begins at b, which
// must be left alone until Do returns. It panics when the batch is full.
func (r *Ring) Read(fd int, b *byte, n int) { r.push(opRead, fd, unsafe.Pointer(b), n) }

// Write queues a write of the n bytes that begin at b; see Read.
func (r *Ring) Write(fd int, b *byte, n int) { r.push(opWrite, fd, unsafe.Pointer(b), n) }

// Writev queues a write of the n pieces that the vector at v describes; see
// Read.
func (r *Ring) Writev(fd int, v *unix.Iovec, n int) { r.push(opWritev, fd, unsafe.Pointer(v), n) }

func (r *Ring) push(op uint8, fd int, at unsafe.Pointer, n int) {
	mask := uint32(len(r.sqes) - 1)
	if r.queued > mask {
		panic("uring: batch is full")
	}
	s := &r.sqes[(*r.tail+r.queued)&mask]
	*s = sqe{opcode: op, fd: int32(fd), off: noOffset, addr: uint64(uintptr(at)), len: uint32(n), rwFlags: nowait, userData: uint64(r.queued)}
	r.memory[r.queued] = at // which keeps it off the stack, too
	r.queued++
}

// Reset forgets what was queued since the last Do: of a batch that its maker gave
// up half-way.
func (r *Ring) Reset() { r.queued = 0 }

// Do carries out what was queued and returns the result of each operation, in
// order: the number of bytes, or a negative errno. The slice is the ring's until
// the next Do. With an error, operations that the kernel did not take have the
// result -EAGAIN.
func (r *Ring) Do() ([]int32, error) {
	n := r.queued
	res := r.results[:n]
	if n == 0 {
		return res, nil
	}
	r.queued = 0
	for i := range res {
		res[i] = -int32(unix.EAGAIN)
	}
	before := atomic.LoadUint32(r.head)
	atomic.StoreUint32(r.tail, before+n)
	_, _, e := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, r.fd, uintptr(n), 0, 0, 0, 0)
	taken := atomic.LoadUint32(r.head) - before
	if taken < n && (e == 0 || e == unix.EINTR) { // interrupted, or out of memory half-way
		_, _, e = unix.RawSyscall6(unix.SYS_IO_URING_ENTER, r.fd, uintptr(n-taken), 0, 0, 0, 0)
		taken = atomic.LoadUint32(r.head) - before
	}
	if taken < n { // take the rest back
		atomic.StoreUint32(r.tail, before+taken)
	}
	if err := r.reap(res, taken); err != nil {
		return res, err
	}
	if taken < n {
		if e == 0 {
			e = unix.EAGAIN
		}
		return res, fmt.Errorf("submit to io_uring: %w", e)
	}
	return res, nil
}

// reap collects n results. All are there when the submission has returned; a
// kernel that had one to finish later is waited for, since it has our buffers.
func (r *Ring) reap(res []int32, n uint32) error {
	mask := uint32(len(r.cqes) - 1)
	at := *r.done
	for n > 0 {
		end := atomic.LoadUint32(r.posted)
		if end == at {
			_, _, e := unix.Syscall6(unix.SYS_IO_URING_ENTER, r.fd, 0, uintptr(n), enterGetEvents, 0, 0)
			if e != 0 && e != unix.EINTR {
				return fmt.Errorf("wait for io_uring: %w", e)
			}
			continue
		}
		for ; at != end && n > 0; at++ {
			c := &r.cqes[at&mask]
			if i := c.userData; i < uint64(len(res)) {
				res[i] = c.res
			}
			n--
		}
	}
	atomic.StoreUint32(r.done, at)
	return nil
}

// Probe reports whether the driver of a file, open for reading, takes reads
// that do not wait. It reads nothing.
func (r *Ring) Probe(fd int) error {
	r.Read(fd, nil, 0)
	res, err := r.Do()
	if err == nil && res[0] < 0 && res[0] != -int32(unix.EAGAIN) {
		err = fmt.Errorf("read by io_uring: %w", syscall.Errno(-res[0]))
	}
	return err
}

// Close frees the ring.
func (r *Ring) Close() error {
	var errs []error
	for _, m := range [][]byte{r.rings, r.sqeMem} {
		if m != nil {
			errs = append(errs, unix.Munmap(m))
		}
	}
	r.rings, r.sqeMem, r.sqes, r.cqes = nil, nil, nil, nil
	errs = append(errs, unix.Close(int(r.fd)))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close io_uring: %w", err)
	}
	return nil
}
