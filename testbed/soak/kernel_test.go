package soak

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/inns"
	"trunkline/testbed/vhost"
)

// kernel is a host whose interface is a device of the kernel: a socket on it
// with the virtio header, so that the test decides on offloads and not the
// host's stack, which sees that the frames are for others and drops them. Many
// frames go out and come in with one system call.
type kernel struct {
	fd      int
	out, in *burst
	queued  int // of out
	taken   int // of in, of the got ones
	got     int
}

// Frames of a system call, and the bytes of the largest: a super-frame with its
// tag and virtio header.
const (
	perCall = 32
	largest = 1<<17 + vnetLen
)

// message is struct mmsghdr.
type message struct {
	unix.Msghdr
	n uint32
	_ uint32
}

// burst is memory for the frames of a system call.
type burst struct {
	msgs    [perCall]message
	iovs    [perCall]unix.Iovec
	data    []byte
	control [perCall][64]byte
}

// headroom before a frame's virtio header, for the tag that is put back in.
const headroom = 4

func newBurst() *burst {
	b := &burst{data: make([]byte, perCall*(headroom+largest))}
	for i := range b.msgs {
		b.iovs[i] = unix.Iovec{Base: &b.frame(i)[headroom], Len: largest}
		b.msgs[i].Iov, b.msgs[i].Iovlen = &b.iovs[i], 1
	}
	return b
}

func (b *burst) frame(i int) []byte { return b.data[i*(headroom+largest):][:headroom+largest] }

// vnetLen is the header of AF_PACKET without PACKET_VNET_HDR_SZ.
const vnetLen = 10

func newKernel(t testing.TB, namespace, device string) *kernel {
	t.Helper()
	h := &kernel{fd: -1, out: newBurst(), in: newBurst()}
	err := inns.Do(namespace, func() error {
		ifi, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		if h.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		for _, option := range []int{unix.PACKET_VNET_HDR, unix.PACKET_AUXDATA, unix.PACKET_IGNORE_OUTGOING} {
			if err := unix.SetsockoptInt(h.fd, unix.SOL_PACKET, option, 1); err != nil {
				return fmt.Errorf("set packet option %d: %w", option, err)
			}
		}
		for _, o := range []int{unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
			if err := unix.SetsockoptInt(h.fd, unix.SOL_SOCKET, o, 64<<20); err != nil {
				return fmt.Errorf("set buffer: %w", err)
			}
		}
		return unix.Bind(h.fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index, Protocol: 3 << 8}) // ETH_P_ALL
	})
	if err != nil {
		t.Fatalf("host at %s: %v", device, err)
	}
	t.Cleanup(func() { _ = unix.Close(h.fd) })
	return h
}

// send keeps the frame for the next flush.
func (h *kernel) send(f vhost.Frame) error {
	b := h.out.frame(h.queued)[headroom:]
	copy(b, f.Header.Bytes(vnetLen))
	h.out.iovs[h.queued].Len = uint64(vnetLen + copy(b[vnetLen:], f.Data))
	if h.queued++; h.queued == perCall {
		return h.flush()
	}
	return nil
}

// flush waits up to 30 s for room.
func (h *kernel) flush() error {
	deadline := time.Now().Add(30 * time.Second)
	for done := 0; done < h.queued; {
		n, _, e := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(h.fd), uintptr(unsafe.Pointer(&h.out.msgs[done])), uintptr(h.queued-done), 0, 0, 0)
		switch {
		case e == 0:
			done += int(n)
			continue
		case e != unix.EAGAIN && e != unix.ENOBUFS && e != unix.EINTR:
			return fmt.Errorf("send %d bytes: %w", h.out.iovs[done].Len-vnetLen, e)
		case time.Now().After(deadline):
			return errors.New("the device takes no frame for 2 s")
		}
		h.wait(time.Millisecond)
	}
	h.queued = 0
	return nil
}

// receive returns the next frame, valid until the next call.
func (h *kernel) receive() (f vhost.Frame, ok bool, err error) {
	if h.taken == h.got {
		for i := range h.in.msgs {
			h.in.msgs[i].Control = &h.in.control[i][0]
			h.in.msgs[i].SetControllen(len(h.in.control[i]))
		}
		n, _, e := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(h.fd), uintptr(unsafe.Pointer(&h.in.msgs[0])), perCall, 0, 0, 0)
		if e == unix.EAGAIN || e == unix.EINTR {
			return f, false, nil
		}
		if e != 0 {
			return f, false, fmt.Errorf("receive: %w", e)
		}
		h.got, h.taken = int(n), 0
	}
	i := h.taken
	h.taken++
	return h.frame(i)
}

// frame returns frame i of the last call.
func (h *kernel) frame(i int) (f vhost.Frame, ok bool, err error) {
	n := int(h.in.msgs[i].n)
	if n < vnetLen || n > largest {
		return f, false, fmt.Errorf("receive: %d bytes", n)
	}
	b := h.in.frame(i)
	hdr := b[headroom : headroom+vnetLen]
	f.Header = vhost.Header{
		Flags: hdr[0], GSO: hdr[1], HdrLen: binary.NativeEndian.Uint16(hdr[2:]), GSOSize: binary.NativeEndian.Uint16(hdr[4:]),
		CsumStart: binary.NativeEndian.Uint16(hdr[6:]), CsumOffset: binary.NativeEndian.Uint16(hdr[8:]),
	}
	f.Data = b[headroom+vnetLen : headroom+n]
	messages, err := unix.ParseSocketControlMessage(h.in.control[i][:h.in.msgs[i].Controllen])
	if err != nil {
		return f, false, fmt.Errorf("receive: %w", err)
	}
	for _, m := range messages {
		if m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < 20 {
			continue
		}
		if status := binary.NativeEndian.Uint32(m.Data); status&unix.TP_STATUS_VLAN_VALID != 0 {
			f.Data = retag(b, len(f.Data), binary.NativeEndian.Uint16(m.Data[16:]))
			f.CsumStart += 4
		}
	}
	if f.GSO == 0 && f.Header.Flags&vhost.NeedsCsum == 0 {
		f.CsumStart = 0
	}
	return f, true, nil
}

// retag puts the tag that the kernel took out back into the n bytes of a frame
// behind b's headroom and header, over the header, which has been read.
func retag(b []byte, n int, tci uint16) []byte {
	b = b[vnetLen : headroom+vnetLen+n]
	copy(b, b[headroom:headroom+12])
	b[12], b[13] = 0x81, 0
	binary.BigEndian.PutUint16(b[14:], tci)
	return b
}

func (h *kernel) wait(d time.Duration) {
	if h.taken < h.got {
		return
	}
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(h.fd), Events: unix.POLLIN}}, max(1, int(d.Milliseconds())))
}
