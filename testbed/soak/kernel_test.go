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
// host's stack, which sees that the frames are for others and drops them.
type kernel struct {
	fd      int
	buf     []byte
	control []byte
}

// vnetLen is the header of AF_PACKET without PACKET_VNET_HDR_SZ.
const vnetLen = 10

func newKernel(t testing.TB, namespace, device string) *kernel {
	t.Helper()
	h := &kernel{fd: -1, buf: make([]byte, vnetLen+1<<17), control: make([]byte, 256)}
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

// send waits up to two seconds for room.
func (h *kernel) send(f vhost.Frame) error {
	hdr := f.Header.Bytes(vnetLen)
	iov := [2]unix.Iovec{{Base: &hdr[0], Len: vnetLen}, {Base: &f.Data[0], Len: uint64(len(f.Data))}}
	m := unix.Msghdr{Iov: &iov[0], Iovlen: 2}
	for deadline := time.Now().Add(2 * time.Second); ; {
		_, _, e := unix.Syscall(unix.SYS_SENDMSG, uintptr(h.fd), uintptr(unsafe.Pointer(&m)), 0)
		switch {
		case e == 0:
			return nil
		case e != unix.EAGAIN && e != unix.ENOBUFS && e != unix.EINTR:
			return fmt.Errorf("send %d bytes (GSO %d of %d): %w", len(f.Data), f.GSO, f.GSOSize, e)
		case time.Now().After(deadline):
			return errors.New("the device takes no frame for 2 s")
		}
		h.wait(time.Millisecond)
	}
}

// receive returns the next frame, valid until the next call.
func (h *kernel) receive() (f vhost.Frame, ok bool, err error) {
	n, cn, _, _, err := unix.Recvmsg(h.fd, h.buf[4:], h.control, 0)
	if err == unix.EAGAIN || err == unix.EINTR {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("receive: %w", err)
	}
	if n < vnetLen {
		return f, false, fmt.Errorf("receive: %d bytes", n)
	}
	hdr := h.buf[4 : 4+vnetLen]
	f.Header = vhost.Header{
		Flags: hdr[0], GSO: hdr[1], HdrLen: binary.NativeEndian.Uint16(hdr[2:]), GSOSize: binary.NativeEndian.Uint16(hdr[4:]),
		CsumStart: binary.NativeEndian.Uint16(hdr[6:]), CsumOffset: binary.NativeEndian.Uint16(hdr[8:]),
	}
	f.Data = h.buf[4+vnetLen : 4+n]
	messages, err := unix.ParseSocketControlMessage(h.control[:cn])
	if err != nil {
		return f, false, fmt.Errorf("receive: %w", err)
	}
	for _, m := range messages {
		if m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < 20 {
			continue
		}
		if status := binary.NativeEndian.Uint32(m.Data); status&unix.TP_STATUS_VLAN_VALID != 0 {
			f.Data = h.tag(f.Data, binary.NativeEndian.Uint16(m.Data[16:]))
			f.CsumStart += 4
		}
	}
	if f.GSO == 0 && f.Header.Flags&vhost.NeedsCsum == 0 {
		f.CsumStart = 0
	}
	return f, true, nil
}

// tag puts the tag that the kernel took out back in, over the header that has
// been read.
func (h *kernel) tag(data []byte, tci uint16) []byte {
	b := h.buf[vnetLen : 4+vnetLen+len(data)]
	copy(b, data[:12])
	b[12], b[13] = 0x81, 0
	binary.BigEndian.PutUint16(b[14:], tci)
	return b
}

func (h *kernel) wait(d time.Duration) {
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(h.fd), Events: unix.POLLIN}}, max(1, int(d.Milliseconds())))
}
