package acceptance

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/linecard/frame"
	"trunkline/testbed/vhost"
	"trunkline/testbed/vhost/pmd"
)

// TestApplicationPorts gives a DPDK application two ports of the switch through
// shared memory. It forwards what it receives on one to the other, so a few
// frames circle through the switch for ever: both count the same, the addresses
// are learned, and the ports go down with the application and come up with the
// next.
func TestApplicationPorts(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-u", 1)
	dir := t.TempDir()
	path := [2]string{filepath.Join(dir, "a.sock"), filepath.Join(dir, "b.sock")}
	config := "configure terminal ; vlan 30"
	for i, p := range path {
		config += fmt.Sprintf(" ; interface vethernet %d ; switchport access vlan 30 ; owner vhost-user socket %s module 3", i+1, p)
	}
	if r := vsh(t, a.socket, config); r.code != 0 {
		t.Fatalf("configure: %s %s", r.out, r.log)
	}
	for round := range 2 {
		p := application(t, path)
		eventually(t, 10*time.Second, "the ports come up", func() error {
			return contains(vsh(t, a.socket, "show interface vethernet 1 ; show interface vethernet 2").out, "Vethernet1 is up", "Vethernet2 is up")
		})
		if r := vsh(t, a.socket, "clear counters"); r.code != 0 {
			t.Fatal(r.out, r.log)
		}
		if _, err := p.Do("start tx_first 2"); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, "frames circle", func() error {
			if s, err := p.Stats(0); err != nil || s.RxFrames < 1000 {
				return fmt.Errorf("%+v %w", s, err)
			}
			return nil
		})
		if _, err := p.Do("stop"); err != nil {
			t.Fatal(err)
		}
		for i := range path {
			s, err := p.Stats(i)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, 10*time.Second, fmt.Sprintf("round %d: the switch counts on port %d what the application counts", round, i), func() error {
				out := vsh(t, a.socket, fmt.Sprintf("show interface vethernet %d", i+1)).out
				rx, tx := packets(out, "input"), packets(out, "output")
				// Two bursts of 32 in each direction may wait in the rings of the
				// application.
				if rx != s.TxFrames || tx < s.RxFrames || tx > s.RxFrames+128 {
					return fmt.Errorf("the application counts %+v, the switch\n%s", s, out)
				}
				return nil
			})
		}
		if err := contains(vsh(t, a.socket, "show mac address-table vlan 30").out, "0200.0000.00a0", "0200.0000.00a1", "Veth1", "Veth2"); err != nil {
			t.Error(err)
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		eventually(t, 10*time.Second, "the ports go down", func() error {
			return contains(vsh(t, a.socket, "show interface vethernet 1 ; show interface vethernet 2").out, "Vethernet1 is down", "Vethernet2 is down")
		})
	}
}

// packets reads the count of frames from a block of show interface.
func packets(shown, direction string) uint64 {
	m := regexp.MustCompile(`(\d+) ` + direction + ` packets`).FindStringSubmatch(shown)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseUint(m[1], 10, 64) // digits
	return n
}

// application starts testpmd with a port on each socket.
func application(t *testing.T, path [2]string) *pmd.Process {
	t.Helper()
	o := pmd.Options{Args: []string{"--forward-mode=io", "--txd=256", "--rxd=256"}}
	for i, s := range path {
		o.Vdevs = append(o.Vdevs, fmt.Sprintf("net_virtio_user%d,path=%s,queue_size=256,mac=02:00:00:00:00:%02x", i, s, 0xa0+i))
	}
	p, err := pmd.Start(o)
	if errors.Is(err, pmd.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() }) // stopped already, or failed
	for _, line := range []string{"set eth-peer 0 02:00:00:00:00:a1", "set eth-peer 1 02:00:00:00:00:a0", "set txpkts 60"} {
		if _, err := p.Do(line); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestGuestToTAP has a front end of vhost-user, with a protocol stack of three
// messages, talk to the kernel behind a TAP: ARP, echoes of all sizes in chains
// of all shapes, a datagram whose checksum is left to the device, and one that is
// to be fragmented; the latter to the kernel behind another card's TAP, too, which
// it reaches in fragments, since the uplink between the cards takes none.
func TestGuestToTAP(t *testing.T) {
	needRoot(t)
	c := runChassis(t, "tlt-k")
	path := filepath.Join(t.TempDir(), "guest.sock")
	if r := vsh(t, c.socket, "configure terminal ; interface vethernet 3 ; switchport access vlan 10 ; owner vhost-user socket "+path+" module 3"); r.code != 0 {
		t.Fatal(r.out, r.log)
	}
	p, err := vhost.Dial(path, vhost.Options{Guard: true, Timeout: 10 * time.Second, Stride: 8192})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Offer(0, 256, 1600, vhost.Shape{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the guest's port comes up", func() error {
		return contains(vsh(t, c.socket, "show interface vethernet 3").out, "Vethernet3 is up")
	})
	me, mac := net.IPv4(10, 9, 0, 50).To4(), net.HardwareAddr{2, 0, 0, 0, 0, 0x50}
	peer := net.IPv4(10, 9, 0, 1).To4()
	send := func(h vhost.Header, s vhost.Shape, parts ...gopacket.SerializableLayer) {
		t.Helper()
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, parts...); err != nil {
			t.Fatal(err)
		}
		data := b.Bytes()
		if h.Flags != 0 { // the sum of the pseudo header alone
			binary.BigEndian.PutUint16(data[h.CsumStart+h.CsumOffset:], ^frame.Checksum(append(append([]byte(nil), data[26:34]...), 0, 17, byte((len(data)-34)>>8), byte(len(data)-34))))
		}
		if err := p.Send(0, vhost.Frame{Header: h, Data: data}, s); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(want gopacket.LayerType) gopacket.Packet {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; {
			f, err := p.ReceiveBy(0, deadline)
			if err != nil {
				t.Fatalf("no %v: %v", want, err)
			}
			x := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
			if x.Layer(want) != nil && bytes.Equal(f.Data[:6], mac) {
				return x
			}
		}
	}
	resolve := func(peer net.IP) *layers.Ethernet {
		t.Helper()
		send(vhost.Header{}, vhost.Shape{},
			&layers.Ethernet{SrcMAC: mac, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
			&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
				SourceHwAddress: mac, SourceProtAddress: me, DstHwAddress: make([]byte, 6), DstProtAddress: peer}, gopacket.Payload(make([]byte, 18)))
		for {
			arp := receive(layers.LayerTypeARP).Layer(layers.LayerTypeARP).(*layers.ARP)
			if peer.Equal(arp.SourceProtAddress) {
				return &layers.Ethernet{SrcMAC: mac, DstMAC: arp.SourceHwAddress, EthernetType: layers.EthernetTypeIPv4}
			}
		}
	}
	e := resolve(peer)
	ip := func(proto layers.IPProtocol) *layers.IPv4 {
		return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: me, DstIP: peer}
	}
	for i, n := 0, 18; n <= 1472; i, n = i+1, n+53 {
		data := bytes.Repeat([]byte{byte(n), byte(i)}, n/2)
		s := []vhost.Shape{{}, {Pieces: []int{12}}, {Pieces: []int{12, 14, 20, 8}, Gap: 3}, {Pieces: []int{100, 200}, Indirect: true}, {Pieces: []int{1, 0, 11, 1}}}[i%5]
		send(vhost.Header{}, s, e, ip(layers.IPProtocolICMPv4),
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 7, Seq: uint16(i)}, gopacket.Payload(data))
		x := receive(layers.LayerTypeICMPv4).Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
		if x.TypeCode.Type() != layers.ICMPv4TypeEchoReply || x.Seq != uint16(i) || !bytes.Equal(x.Payload, data) {
			t.Fatalf("echo %d of %d bytes in %v: %+v", i, n, s, x)
		}
	}
	// The kernel checks the sum before it says that nobody listens.
	ip4, udp := ip(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 9}
	if err := udp.SetNetworkLayerForChecksum(ip4); err != nil {
		t.Fatal(err)
	}
	send(vhost.Header{Flags: vhost.NeedsCsum, CsumStart: 34, CsumOffset: 6}, vhost.Shape{}, e, ip4, udp, gopacket.Payload("twenty bytes of data"))
	x := receive(layers.LayerTypeICMPv4).Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
	if x.TypeCode != layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodePort) {
		t.Errorf("answer to a datagram with a partial checksum: %+v", x)
	}
	// It is shown by module and by vemcmd alike.
	if out := vsh(t, c.socket, "show module 3 datapath").out; !strings.Contains(out, "ufo") {
		t.Errorf("the driver does not name UFO:\n%s", out)
	}
	for i, far := range []net.IP{peer, net.IPv4(10, 9, 0, 2).To4()} {
		e := resolve(far)
		ip4 := ip(layers.IPProtocolUDP)
		ip4.DstIP, ip4.Id = far, uint16(100+i)
		udp := &layers.UDP{SrcPort: layers.UDPPort(2000 + i), DstPort: 9}
		if err := udp.SetNetworkLayerForChecksum(ip4); err != nil {
			t.Fatal(err)
		}
		send(vhost.Header{Flags: vhost.NeedsCsum, GSO: vhost.GSOUDP, HdrLen: 42, GSOSize: 1480, CsumStart: 34, CsumOffset: 6}, vhost.Shape{},
			e, ip4, udp, gopacket.Payload(bytes.Repeat([]byte("datagram"), 200*(i+1))))
		x := receive(layers.LayerTypeICMPv4)
		icmp, from := x.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4), x.Layer(layers.LayerTypeIPv4).(*layers.IPv4).SrcIP
		if icmp.TypeCode != layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodePort) || !from.Equal(far) {
			t.Errorf("answer to a datagram that is to be fragmented, to %v: %+v from %v", far, icmp, from)
		}
	}
	for i, want := range []uint64{0, 1} {
		if n := reassembled(t, c.hosts[i]); n != want {
			t.Errorf("host %d has put together %d datagrams, want %d", i+1, n, want)
		}
	}
}

// reassembled reads how many IPv4 datagrams a host has put together.
func reassembled(t *testing.T, host string) uint64 {
	t.Helper()
	out := run(t, 5*time.Second, "ip", "netns", "exec", host, "cat", "/proc/net/snmp").out
	m := regexp.MustCompile(`(?m)^Ip: (.*)\nIp: (.*)$`).FindStringSubmatch(out)
	if m == nil {
		t.Fatal(out)
	}
	values := strings.Fields(m[2])
	for i, name := range strings.Fields(m[1]) {
		if name == "ReasmOKs" && i < len(values) {
			n, _ := strconv.ParseUint(values[i], 10, 64) // digits
			return n
		}
	}
	t.Fatal(out)
	return 0
}
