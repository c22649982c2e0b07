package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stream is what -flood sends: frames from A's kind of address to B's, which
// are locally administered ones that no interface owns, so that the receiving
// stack counts and drops. B claims its address by sending from it once.
type stream struct {
	size      int // bytes without FCS, at least 60
	flows     int // source addresses and UDP ports, taken in turn
	rate      int // frames per second; 0: as fast as the device takes them
	count     int // frames from B to A, then the end; 0: from A to B until the time is over
	super     bool
	broadcast bool
}

// burst is the number of frames in one system call.
const burst = 64

// superSegment and superSize are the payload of one segment and the length of
// a TCP super-frame of 45 of them.
const (
	superSegment = 1448
	superHeaders = 14 + 20 + 20
	superSize    = superHeaders + 45*superSegment
)

// flood sends a stream out of a device: AF_PACKET, a burst a call, past the
// queueing discipline but for super-frames.
func flood(ctx context.Context, device string, s stream, length time.Duration) error {
	ifi, err := net.InterfaceByName(device)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if !s.super { // past it, the kernel drops what it has to segment
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
			return fmt.Errorf("bypass the queueing discipline: %w", err)
		}
	} else {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
			return fmt.Errorf("ask for the virtio header: %w", err)
		}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20) // less is slower, not wrong
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index}); err != nil {
		return err
	}
	type mmsghdr struct {
		unix.Msghdr
		n uint32
		_ [4]byte
	}
	frames := s.frames()
	var iovs [burst]unix.Iovec
	var msgs [burst]mmsghdr
	for i := range msgs {
		msgs[i].Iov, msgs[i].Iovlen = &iovs[i], 1
	}
	start := time.Now()
	next := 0
	for sent := 0; ctx.Err() == nil && time.Since(start) < length; {
		n := burst
		if s.count > 0 {
			n = min(burst, s.count-sent)
		}
		if s.rate > 0 {
			if n = min(n, int(time.Since(start).Seconds()*float64(s.rate))-sent); n <= 0 {
				time.Sleep(50 * time.Microsecond)
				continue
			}
		}
		for i := range n {
			f := frames[(next+i)%len(frames)]
			iovs[i].Base, iovs[i].Len = &f[0], uint64(len(f))
		}
		got, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&msgs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			time.Sleep(20 * time.Microsecond) // the device is full
			continue
		}
		next = (next + int(got)) % len(frames)
		if sent += int(got); s.count > 0 && sent >= s.count {
			break
		}
	}
	return nil
}

// frames returns one frame of each flow.
func (s stream) frames() [][]byte {
	all := make([][]byte, max(s.flows, 1))
	for i := range all {
		src := net.HardwareAddr{2, 0, 0x77, byte(i >> 16), byte(i >> 8), byte(i)}
		dst := net.HardwareAddr{2, 0, 0x78, 0, 0, 2}
		switch {
		case s.count > 0:
			src, dst = dst, src
		case s.broadcast:
			dst = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		}
		if s.super {
			all[i] = superFrame(dst, src)
		} else {
			all[i] = udpFrame(dst, src, max(s.size, 60), uint16(1024+i%50_000))
		}
	}
	return all
}

// ipv4 writes an Ethernet and an IPv4 header for a packet of the frame's
// length.
func ipv4(f []byte, dst, src net.HardwareAddr, protocol byte) {
	copy(f, dst)
	copy(f[6:], src)
	binary.BigEndian.PutUint16(f[12:], unix.ETH_P_IP)
	ip := f[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[12:], []byte{10, 78, 1, 1})
	copy(ip[16:], []byte{10, 78, 1, 2})
	binary.BigEndian.PutUint16(ip[10:], ^sum(ip[:20], 0))
}

func udpFrame(dst, src net.HardwareAddr, size int, port uint16) []byte {
	f := make([]byte, size)
	ipv4(f, dst, src, unix.IPPROTO_UDP)
	udp := f[34:]
	binary.BigEndian.PutUint16(udp, port)
	binary.BigEndian.PutUint16(udp[2:], 9)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	return f
}

// superFrame returns a TCP super-frame behind its virtio header.
func superFrame(dst, src net.HardwareAddr) []byte {
	const vnet = 10
	b := make([]byte, vnet+superSize)
	b[0] = unix.VIRTIO_NET_HDR_F_NEEDS_CSUM
	b[1] = unix.VIRTIO_NET_HDR_GSO_TCPV4
	binary.NativeEndian.PutUint16(b[2:], superHeaders)
	binary.NativeEndian.PutUint16(b[4:], superSegment)
	binary.NativeEndian.PutUint16(b[6:], 34)
	binary.NativeEndian.PutUint16(b[8:], 16)
	f := b[vnet:]
	ipv4(f, dst, src, unix.IPPROTO_TCP)
	tcp := f[34:]
	binary.BigEndian.PutUint16(tcp, 1024)
	binary.BigEndian.PutUint16(tcp[2:], 9)
	tcp[12], tcp[13] = 5<<4, 0x10 // header of 20 bytes, ACK
	pseudo := sum(f[26:34], unix.IPPROTO_TCP+uint32(len(tcp)))
	binary.BigEndian.PutUint16(tcp[16:], pseudo)
	return b
}

// sum is the Internet checksum (RFC 1071) of b, not complemented.
func sum(b []byte, s uint32) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
