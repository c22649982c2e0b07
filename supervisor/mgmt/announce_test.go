package mgmt

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/testbed/netns/nstest"
)

// TestGratuitous reads at the other end of a wire what an address says of itself.
func TestGratuitous(t *testing.T) {
	nstest.Require(t)
	wire := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "say0"}, PeerName: "say1"}
	if err := netlink.LinkAdd(wire); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = netlink.LinkDel(wire) })
	index := map[string]int{}
	for _, name := range []string{"say0", "say1"} {
		l, err := netlink.LinkByName(name)
		if err == nil {
			err = netlink.LinkSetUp(l)
		}
		if err != nil {
			t.Fatal(err)
		}
		index[name] = l.Attrs().Index
	}
	const arp = 0x0608 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, arp)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd) //nolint:errcheck // of a test
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: arp, Ifindex: index["say1"]}); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 30}); err != nil {
		t.Fatal(err)
	}
	mac := ether.MAC{2, 0, 0, 0, 0, 7}
	for _, a := range []string{"2001:db8::1", "192.0.2.7"} {
		if err := gratuitous(index["say0"], mac, netip.MustParseAddr(a)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 64)
	n, err := unix.Read(fd, b)
	if err != nil {
		t.Fatal(err)
	}
	ip := []byte{192, 0, 2, 7}
	want := append([]byte{0, 1, 8, 0, 6, 4, 0, 1}, mac[:]...)
	want = append(append(append(want, ip...), 0, 0, 0, 0, 0, 0), ip...)
	if n < 42 || !bytes.Equal(b[:6], []byte{255, 255, 255, 255, 255, 255}) || !bytes.Equal(b[14:42], want) {
		t.Errorf("% x, want % x", b[:n], want)
	}
}
