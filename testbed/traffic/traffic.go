// Package traffic builds, sends, captures and compares frames on devices of
// network namespaces, for tests and the bench.
//
// It uses AF_PACKET on its own account, without the drivers of the card, so
// that a fault of a driver is not hidden by the same fault in the test. Every
// wait is bounded by a context.
package traffic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/inns"
)

// open opens a raw socket on a device; protocol 0 receives nothing.
func open(namespace, device string, protocol uint16) (int, error) {
	fd := -1
	err := inns.Do(namespace, func() error {
		var err error
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		r, err := unix.NewIfreq(device)
		if err == nil {
			err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, r)
		}
		if err != nil {
			return err
		}
		for _, o := range []int{unix.PACKET_AUXDATA, unix.PACKET_IGNORE_OUTGOING} {
			if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, o, 1); err != nil {
				return err
			}
		}
		index := int(r.Uint32())
		promiscuous := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &promiscuous); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index, Protocol: protocol<<8 | protocol>>8})
	})
	if err != nil {
		if fd >= 0 {
			err = errors.Join(err, unix.Close(fd))
		}
		return -1, fmt.Errorf("open raw socket on %s: %w", device, err)
	}
	return fd, nil
}

// Sender sends frames out of a device.
type Sender struct {
	fd     int
	device string
}

// NewSender opens a device in a namespace; see inns.Do for its name.
func NewSender(namespace, device string) (*Sender, error) {
	fd, err := open(namespace, device, 0)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1) // a rate, not a need
	return &Sender{fd: fd, device: device}, nil
}

// Send sends one frame, without FCS. It waits up to a second for room.
func (s *Sender) Send(frame []byte) error {
	for deadline := time.Now().Add(time.Second); ; {
		_, err := unix.Write(s.fd, frame)
		if err == nil {
			return nil
		}
		if err != unix.EAGAIN && err != unix.ENOBUFS || time.Now().After(deadline) {
			return fmt.Errorf("send %d bytes on %s: %w", len(frame), s.device, err)
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, 1)
	}
}

// vector is the number of frames Flood hands to one system call.
const vector = 64

// Flood sends frames in turn as fast as the device takes them, until the
// context ends, and returns the number the kernel took. It is meant for 64-byte
// frames; what arrives is to be read from the counters of the receiving device.
func (s *Sender) Flood(ctx context.Context, frames ...[]byte) (sent uint64, err error) {
	type message struct {
		hdr unix.Msghdr
		len uint32
	}
	if len(frames) == 0 {
		return 0, errors.New("flood: no frame")
	}
	iov := make([]unix.Iovec, vector)
	messages := make([]message, vector)
	for i := range messages {
		f := frames[i%len(frames)]
		iov[i].Base = &f[0]
		iov[i].SetLen(len(f))
		messages[i].hdr.Iov = &iov[i]
		messages[i].hdr.SetIovlen(1)
	}
	for round := 0; round%16 != 0 || ctx.Err() == nil; round++ {
		n, _, e := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&messages[0])),
			vector, unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			sent += uint64(n)
		case unix.EAGAIN, unix.ENOBUFS, unix.EINTR:
			pause := unix.NsecToTimespec(20_000)
			_ = unix.Nanosleep(&pause, nil)
		default:
			return sent, fmt.Errorf("flood %s: %w", s.device, e)
		}
	}
	return sent, nil
}

// Close closes the socket.
func (s *Sender) Close() error { return unix.Close(s.fd) }

// Receiver captures frames that arrive at a device.
type Receiver struct {
	fd     int
	device string
	buf    []byte
}

// NewReceiver opens a device in a namespace. Frames are kept from now on, as
// many as the socket buffer holds.
func NewReceiver(namespace, device string) (*Receiver, error) {
	fd, err := open(namespace, device, unix.ETH_P_ALL)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // granted up to rmem_max
	return &Receiver{fd: fd, device: device, buf: make([]byte, 128<<10)}, nil
}

// Next returns the next frame as it was on the wire, tag included. It waits
// until the context ends, whose error it then returns.
func (r *Receiver) Next(ctx context.Context) ([]byte, error) {
	var oob [64]byte
	for {
		n, oobn, _, _, err := unix.Recvmsg(r.fd, r.buf, oob[:], unix.MSG_DONTWAIT)
		switch {
		case err == nil:
			return untouched(r.buf[:n], oob[:oobn])
		case err != unix.EAGAIN && err != unix.EINTR:
			return nil, fmt.Errorf("receive on %s: %w", r.device, err)
		case ctx.Err() != nil:
			return nil, fmt.Errorf("receive on %s: %w", r.device, ctx.Err())
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}}, 20)
	}
}

// untouched copies a frame and puts back the tag that the kernel took out.
func untouched(b, oob []byte) ([]byte, error) {
	const (
		status, tci, tpid = 0, 16, 18 // offsets in struct tpacket_auxdata
		vlanValid         = 1 << 4
	)
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("read auxiliary data: %w", err)
	}
	for _, m := range list {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < 20 || len(b) < 12 {
			continue
		}
		if binary.NativeEndian.Uint32(m.Data[status:])&vlanValid == 0 {
			continue
		}
		out := make([]byte, 0, len(b)+4)
		out = append(out, b[:12]...)
		out = binary.BigEndian.AppendUint16(out, binary.NativeEndian.Uint16(m.Data[tpid:]))
		out = binary.BigEndian.AppendUint16(out, binary.NativeEndian.Uint16(m.Data[tci:]))
		return append(out, b[12:]...), nil
	}
	return append([]byte(nil), b...), nil
}

// Find returns the first frame that match accepts; others are passed over.
func (r *Receiver) Find(ctx context.Context, match func(frame []byte) bool) ([]byte, error) {
	for {
		f, err := r.Next(ctx)
		if err != nil || match(f) {
			return f, err
		}
	}
}

// Close closes the socket.
func (r *Receiver) Close() error { return unix.Close(r.fd) }
