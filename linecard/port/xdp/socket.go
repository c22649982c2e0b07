package xdp

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/spinlock"
	"trunkline/linecard/port"
)

// Sizes of a socket: bytes of a chunk of its memory, of which the first are the
// kernel's headroom; entries of its rings, and with them chunks that wait for
// frames or carry them out.
const (
	chunkLen    = 4096
	headroom    = 256 // XDP_PACKET_HEADROOM
	maxFrame    = chunkLen - headroom
	receiveRing = 1024
	sendRing    = 1024
	chunks      = receiveRing + sendRing
)

// budget is how many frames one system call sends in copy mode.
const budget = 512

// socket is an AF_XDP socket bound to one queue pair of the device, with its
// memory. Receive and fill rings belong to the worker that receives from it;
// send and completion rings, and the free chunks, to whoever holds sending.
type socket struct {
	fd   int
	mem  []byte
	rx   *ring[unix.XDPDesc]
	fill *ring[uint64]

	sending    spinlock.Mutex // held for a burst
	tx         *ring[unix.XDPDesc]
	completion *ring[uint64]
	free       []uint64 // chunks
}

// open opens a socket and its rings and binds it to a queue. It must run in the
// device's namespace.
func open(index, queue int) (s *socket, err error) {
	s = &socket{fd: -1}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open socket of queue %d: %w", queue, err), s.close())
			s = nil
		}
	}()
	if s.fd, err = unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return s, err
	}
	if s.mem, err = unix.Mmap(-1, 0, chunks*chunkLen, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS); err != nil {
		return s, fmt.Errorf("map frame memory: %w", err)
	}
	memory := unix.XDPUmemReg{Addr: uint64(uintptr(unsafe.Pointer(&s.mem[0]))), Len: chunks * chunkLen, Size: chunkLen}
	if err = set(s.fd, unix.XDP_UMEM_REG, unsafe.Pointer(&memory), unsafe.Sizeof(memory)); err != nil {
		return s, fmt.Errorf("register frame memory: %w", err)
	}
	for _, o := range [...]struct {
		option int
		n      uint32
	}{
		{unix.XDP_UMEM_FILL_RING, receiveRing}, {unix.XDP_RX_RING, receiveRing},
		{unix.XDP_TX_RING, sendRing}, {unix.XDP_UMEM_COMPLETION_RING, sendRing},
	} {
		if err = set(s.fd, o.option, unsafe.Pointer(&o.n), unsafe.Sizeof(o.n)); err != nil {
			return s, fmt.Errorf("size ring: %w", err)
		}
	}
	n := uint32(budget)
	_ = set(s.fd, unix.XDP_MAX_TX_SKB_BUDGET, unsafe.Pointer(&n), unsafe.Sizeof(n)) // new in 6.17; Send loops
	if err = s.mapRings(); err != nil {
		return s, err
	}
	address := unix.SockaddrXDP{Flags: unix.XDP_USE_NEED_WAKEUP, Ifindex: uint32(index), QueueID: uint32(queue)}
	if err = unix.Bind(s.fd, &address); err != nil {
		return s, fmt.Errorf("bind: %w", err)
	}
	for i := range uint32(receiveRing) {
		*s.fill.entry(i) = uint64(i) * chunkLen
	}
	s.fill.produced(receiveRing)
	s.free = make([]uint64, 0, sendRing)
	for i := range uint64(sendRing) {
		s.free = append(s.free, (chunks-1-i)*chunkLen)
	}
	return s, nil
}

func (s *socket) mapRings() error {
	var at unix.XDPMmapOffsets
	if err := get(s.fd, unix.XDP_MMAP_OFFSETS, unsafe.Pointer(&at), unsafe.Sizeof(at)); err != nil {
		return fmt.Errorf("ask for rings: %w", err)
	}
	var err [4]error
	s.fill, err[0] = mapRing[uint64](s.fd, unix.XDP_UMEM_PGOFF_FILL_RING, at.Fr, receiveRing)
	s.rx, err[1] = mapRing[unix.XDPDesc](s.fd, unix.XDP_PGOFF_RX_RING, at.Rx, receiveRing)
	s.tx, err[2] = mapRing[unix.XDPDesc](s.fd, unix.XDP_PGOFF_TX_RING, at.Tx, sendRing)
	s.completion, err[3] = mapRing[uint64](s.fd, unix.XDP_UMEM_PGOFF_COMPLETION_RING, at.Cr, sendRing)
	return errors.Join(err[:]...)
}

// zeroCopy reports whether the driver moves frames to and from the memory of
// the socket itself.
func (s *socket) zeroCopy() bool {
	var options uint32
	return get(s.fd, unix.XDP_OPTIONS, unsafe.Pointer(&options), unsafe.Sizeof(options)) == nil &&
		options&unix.XDP_OPTIONS_ZEROCOPY != 0
}

// lost returns the frames that the socket could not take.
func (s *socket) lost() uint64 {
	var n unix.XDPStatistics
	if get(s.fd, unix.XDP_STATISTICS, unsafe.Pointer(&n), unsafe.Sizeof(n)) != nil {
		return 0
	}
	return n.Rx_dropped + n.Rx_ring_full
}

// reap takes back the chunks of frames that have left.
func (s *socket) reap() {
	n := s.completion.filled(sendRing)
	for i := range n {
		if at := *s.completion.entry(i); at < chunks*chunkLen && len(s.free) < cap(s.free) {
			s.free = append(s.free, at&^(chunkLen-1))
		}
	}
	s.completion.consumed(n)
}

// kicks bounds the system calls of one burst: in copy mode each sends a part.
const kicks = 4 * sendRing / 32

// kick makes the kernel send what is in the ring. In copy mode it sends while
// it is called; what a device is too busy for stays for the next time.
func (s *socket) kick() error {
	for range kicks {
		if !s.tx.sleeping() || s.tx.left() == 0 {
			return nil
		}
		_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0: // sent, or in zero-copy mode the driver is at it
			return nil
		case unix.EAGAIN, unix.EINTR:
			s.reap() // the budget is spent, or the completion ring is full
		case unix.ENXIO, unix.ENODEV:
			return port.ErrGone
		default: // EBUSY, ENOBUFS: the device is busy; ENETDOWN: it is down
			return e
		}
	}
	return nil
}

// wake makes the driver look at the fill ring again.
func (s *socket) wake() {
	_, _, _ = unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), 0, 0, unix.MSG_DONTWAIT, 0, 0) // EAGAIN is the rule
}

// failure returns the error the socket keeps, once: ErrGone when its device was
// unregistered.
func (s *socket) failure() error {
	var e int32
	n := uint32(unsafe.Sizeof(e))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&n)), 0)
	if errno == 0 && e != 0 {
		return port.ErrGone // nothing but the end of the device sets it
	}
	return nil
}

func (s *socket) close() error {
	var errs []error
	if s.fd >= 0 {
		errs = append(errs, unix.Close(s.fd))
	}
	errs = append(errs, s.rx.close(), s.fill.close(), s.tx.close(), s.completion.close())
	if s.mem != nil {
		errs = append(errs, unix.Munmap(s.mem))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close xdp socket: %w", err)
	}
	return nil
}

func set(fd, option int, value unsafe.Pointer, n uintptr) error {
	if _, _, e := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(option), uintptr(value), n, 0); e != 0 {
		return e
	}
	return nil
}

func get(fd, option int, value unsafe.Pointer, n uintptr) error {
	size := uint32(n)
	if _, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(option), uintptr(value), uintptr(unsafe.Pointer(&size)), 0); e != 0 {
		return e
	}
	return nil
}
