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

// floodFrames sends 60-byte IPv4/UDP frames (64 on a wire) out of a device as
// fast as it can: AF_PACKET, 64 frames a call, past the queueing discipline.
// The destination is a locally administered address that the other host claims
// only by sending itself, which -frames 1 does there: the switch forwards by
// its table and the receiving stack counts and drops. count 0 floods for the
// whole length.
func floodFrames(ctx context.Context, device string, count int, length time.Duration) error {
	ifi, err := net.InterfaceByName(device)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
		return fmt.Errorf("bypass the queueing discipline: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index}); err != nil {
		return err
	}
	a, b := net.HardwareAddr{2, 0, 0, 0x77, 0, 1}, net.HardwareAddr{2, 0, 0, 0x77, 0, 2}
	src, dst := a, b
	if count > 0 {
		src, dst = b, a
	}
	frame := udpFrame(dst, src)
	const burst = 64
	type mmsghdr struct {
		unix.Msghdr
		n uint32
		_ [4]byte
	}
	iov := unix.Iovec{Base: &frame[0], Len: uint64(len(frame))}
	var msgs [burst]mmsghdr
	for i := range msgs {
		msgs[i].Iov, msgs[i].Iovlen = &iov, 1
	}
	end := time.Now().Add(length)
	for sent := 0; ctx.Err() == nil && time.Now().Before(end); {
		n := burst
		if count > 0 {
			n = min(burst, count-sent)
		}
		got, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&msgs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			time.Sleep(20 * time.Microsecond) // the device is full
			continue
		}
		if sent += int(got); count > 0 && sent >= count {
			break
		}
	}
	return nil
}

func udpFrame(dst, src net.HardwareAddr) []byte {
	f := make([]byte, 60)
	copy(f, dst)
	copy(f[6:], src)
	binary.BigEndian.PutUint16(f[12:], unix.ETH_P_IP)
	ip := f[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(ip[2:], 46)
	copy(ip[12:], []byte{10, 77, 1, 1})
	copy(ip[16:], []byte{10, 77, 1, 2})
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	udp := ip[20:]
	binary.BigEndian.PutUint16(udp, 9)
	binary.BigEndian.PutUint16(udp[2:], 9)
	binary.BigEndian.PutUint16(udp[4:], 26)
	return f
}
