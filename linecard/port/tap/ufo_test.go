package tap_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/tap"
)

// TestUFO sends datagrams that are to be fragmented to the kernel behind a TAP:
// as a whole, and in the fragments that the switch makes. A socket there has
// what was sent. Datagrams with one byte changed are sent between them: of those
// in fragments nothing arrives, so the kernel has looked at their checksums.
func TestUFO(t *testing.T) { drivers(t, testUFO) }

func testUFO(t *testing.T, noRing bool) {
	ns := innstest.New(t)
	p := open(t, tap.Config{Name: "eth0", Namespace: ns, Up: true, NoRing: noRing})
	if p.Info().Offloads&port.UFO == 0 {
		t.Skipf("needs a kernel that takes UFO: %s", p.Info().Driver)
	}
	innstest.Run(t, ns, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")
	innstest.IP(t, ns, "addr add 192.0.2.2/24 dev eth0")
	innstest.IP(t, ns, "addr add 2001:db8::2/64 dev eth0 nodad")
	q, mac := queue(t, p), p.Info().MAC
	for _, a := range []string{"192.0.2.2", "2001:db8::2"} {
		for _, whole := range []bool{true, false} {
			for _, tagged := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s,whole=%v,tagged=%v", a, whole, tagged), func(t *testing.T) {
					device, to := "eth0", netip.MustParseAddr(a)
					if tagged {
						device = "eth0.5"
						if out, err := innstest.Try(ns, "ip", "link", "add", "link", "eth0", "name", "eth0.5", "type", "vlan", "id", "5"); err != nil {
							t.Skipf("needs VLAN devices: %v %s", err, out)
						}
						defer innstest.IP(t, ns, "link del eth0.5")
						innstest.Run(t, ns, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0.5/disable_ipv6; ip link set eth0.5 up")
						if to.Is4() {
							to = netip.MustParseAddr("198.51.100.2")
							innstest.IP(t, ns, "addr add 198.51.100.2/24 dev eth0.5")
						} else {
							to = netip.MustParseAddr("2001:db8:5::2")
							innstest.IP(t, ns, "addr add 2001:db8:5::2/64 dev eth0.5 nodad")
						}
					}
					awaitLocal(t, ns, to)
					deliverUFO(t, ns, device, q, mac[:], to, whole, tagged)
				})
			}
		}
	}
}

// awaitLocal waits until the kernel has an address for its own: it works on new
// ones of IPv6 in the background.
func awaitLocal(t *testing.T, ns string, a netip.Addr) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if out := innstest.Run(t, ns, "ip", "route", "get", a.String()); strings.HasPrefix(out, "local") {
			return
		}
	}
	t.Fatalf("%v is no address of the host within 30 s", a)
}

func deliverUFO(t *testing.T, ns, device string, q port.Queue, mac net.HardwareAddr, to netip.Addr, whole, tagged bool) {
	var far *net.UDPConn
	if err := inns.Do(ns, func() (err error) {
		far, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 0)))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if err := far.SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	dst := far.LocalAddr().(*net.UDPAddr).AddrPort()
	buf := make([]byte, 1<<16)
	const size = 1448 // fits the MTU, for IPv6 too
	before, sent := arrived(t, ns, device), 0
	for i, n := range []int{1441, 3000, 9001, 60_000} {
		data := pattern(n)
		data[0] = byte(i)
		if !whole {
			list := fragments(t, ufoFrame(mac, dst, data, size, uint16(2*i)))
			last := list[len(list)-1].Bytes()
			last[len(last)-1]++
			transmit(t, q, list, tagged)
			sent += len(list)
		}
		list := []*frame.Frame{ufoFrame(mac, dst, data, size, uint16(2*i+1))}
		if !whole {
			list = fragments(t, list[0])
		}
		transmit(t, q, list, tagged)
		sent += len(list)
		if err := far.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		k, from, err := far.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatalf("datagram of %d bytes: %v", n, err)
		}
		if !bytes.Equal(buf[:k], data) {
			t.Errorf("%d bytes arrive from %v, which are not the %d sent", k, from, n)
		}
	}
	if got := arrived(t, ns, device) - before; got != sent {
		t.Errorf("the device counts %d packets, %d were sent", got, sent)
	}
}

// arrived returns the packets that a device has received.
func arrived(t *testing.T, ns, device string) int {
	t.Helper()
	for line := range strings.Lines(innstest.Run(t, ns, "cat", "/proc/thread-self/net/dev")) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == device {
			n, err := strconv.Atoi(strings.Fields(rest)[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no device %s", device)
	return 0
}

// ufoFrame makes a datagram, to be sent in fragments of size bytes.
func ufoFrame(mac net.HardwareAddr, to netip.AddrPort, data []byte, size, ident uint16) *frame.Frame {
	b := append(append([]byte(nil), mac...), 2, 0, 0, 0, 0, 9)
	n := uint16(len(data) + 8)
	dst := to.Addr().AsSlice()
	src := append(bytes.Clone(dst[:len(dst)-1]), 9)
	if to.Addr().Is4() {
		b = append(b, 0x08, 0x00, 0x45, 0)
		b = binary.BigEndian.AppendUint16(b, n+20)
		b = binary.BigEndian.AppendUint16(b, 0x1000+ident)
		b = append(b, 0, 0, 64, unix.IPPROTO_UDP, 0, 0)
		b = append(append(b, src...), dst...)
		binary.BigEndian.PutUint16(b[24:], frame.Checksum(b[14:34]))
	} else {
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, n)
		b = append(b, unix.IPPROTO_UDP, 64)
		b = append(append(b, src...), dst...)
	}
	start := len(b)
	b = binary.BigEndian.AppendUint16(b, 4000)
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint16(b, n)
	pseudo := append(append(bytes.Clone(src), dst...), 0, unix.IPPROTO_UDP, byte(n>>8), byte(n))
	b = binary.BigEndian.AppendUint16(b, ^frame.Checksum(pseudo))
	head := append(make([]byte, frame.Headroom), b...)
	return &frame.Frame{
		Buf: head, Off: frame.Headroom, Head: uint32(len(b)), Tail: bytes.Clone(data),
		GSO: frame.GSOUDP, Flags: frame.NeedsCsum, HdrLen: uint16(start), GSOSize: size,
		CsumStart: uint16(start), CsumOffset: 6,
	}
}

func fragments(t *testing.T, f *frame.Frame) (list []*frame.Frame) {
	t.Helper()
	var s frame.Segmenter
	if r := s.Start(f, true); r != frame.Forward {
		t.Fatalf("cut: %v", r)
	}
	for {
		out, buf := &frame.Frame{}, make([]byte, frame.SegmentBuf)
		if !s.Next(out, buf) {
			return list
		}
		list = append(list, out)
	}
}

// transmit sends frames in bursts, as the pipeline does.
func transmit(t *testing.T, q port.Queue, list []*frame.Frame, tagged bool) {
	t.Helper()
	for len(list) > 0 {
		n := min(len(list), frame.BatchSize)
		out := make([]frame.Out, n)
		for i := range out {
			out[i] = frame.Out{Frame: list[i], TCI: 5, Tag: tagged}
		}
		if err := q.Send(out); err != nil {
			t.Fatal(err)
		}
		for i := range out {
			if out[i].Drop != frame.Forward {
				t.Fatalf("frame of %d bytes: %v", out[i].Len(), out[i].Drop)
			}
		}
		list = list[n:]
	}
}
