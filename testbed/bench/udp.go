package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The round trips are those of two processes that sleep in the kernel, as most
// programs do: the sockets block, and threads of their own wait for them. The
// run-time system's poller would add a thread's wake-up to each trip of every
// switch.

// patience is how long a datagram is waited for.
const patience = 200 * time.Millisecond

// udpSocket returns a socket whose reads end after patience, bound to an IPv4
// address or connected to it.
func udpSocket(addr string, use func(int, unix.Sockaddr) error) (int, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return -1, err
	}
	if !at.Addr().Is4() {
		return -1, fmt.Errorf("%s is no IPv4 address", addr)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("UDP socket: %w", err)
	}
	limit := unix.NsecToTimeval(patience.Nanoseconds())
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	if err == nil {
		err = use(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("UDP socket at %s: %w", addr, err)
	}
	return fd, nil
}

// recvFrom waits for a datagram on the thread itself: this process has nothing
// else to run.
func recvFrom(fd int, buf []byte, from *unix.RawSockaddrInet4) (int, error) {
	size := uint32(unix.SizeofSockaddrInet4)
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0,
		uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// sendTo sends to whoever is given, or to whom the socket is connected.
func sendTo(fd int, buf []byte, to *unix.RawSockaddrInet4) error {
	size := uintptr(0)
	if to != nil {
		size = unix.SizeofSockaddrInet4
	}
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0,
		uintptr(unsafe.Pointer(to)), size)
	if e != 0 {
		return e
	}
	return nil
}

// waiting reports whether a read ended for nothing worse than that there is
// nothing to read.
func waiting(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNREFUSED)
}

// echoUDP returns every datagram to its sender until the context ends.
func echoUDP(ctx context.Context, addr string) error {
	runtime.LockOSThread()
	fd, err := udpSocket(addr, unix.Bind)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // it is over
	buf := make([]byte, 2048)
	var from unix.RawSockaddrInet4
	for ctx.Err() == nil {
		n, err := recvFrom(fd, buf, &from)
		if err == nil && n > 0 {
			err = sendTo(fd, buf[:n], &from)
		}
		if err != nil && !waiting(err) {
			return fmt.Errorf("echo: %w", err)
		}
	}
	return nil
}

// askUDP sends 64-byte datagrams one at a time and prints the median and the
// 99th percentile of the round trips in microseconds. A lost one is asked
// again and does not count.
func askUDP(ctx context.Context, addr string, length time.Duration) error {
	runtime.LockOSThread()
	fd, err := udpSocket(addr, unix.Connect)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // it is over
	trips := make([]time.Duration, 0, 1<<20)
	question, answer := make([]byte, 64), make([]byte, 64)
	var from unix.RawSockaddrInet4
	for end := time.Now().Add(length); time.Now().Before(end) && ctx.Err() == nil; {
		binary.BigEndian.PutUint64(question, binary.BigEndian.Uint64(question)+1)
		start := time.Now()
		if err := sendTo(fd, question, nil); err != nil {
			time.Sleep(time.Millisecond) // the server is not listening yet
			continue
		}
		for {
			if _, err = recvFrom(fd, answer, &from); err != nil {
				break
			}
			if bytes.Equal(answer, question) { // else it is late, and counted as lost
				trips = append(trips, time.Since(start))
				break
			}
		}
		if err != nil && !waiting(err) {
			return fmt.Errorf("ask: %w", err)
		}
	}
	if len(trips) < 100 {
		return fmt.Errorf("only %d round trips in %v", len(trips), length)
	}
	slices.Sort(trips)
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	fmt.Printf("%.1f %.1f\n", us(trips[len(trips)/2]), us(trips[len(trips)*99/100]))
	return nil
}
