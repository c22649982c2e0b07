package traffic

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/internal/ether"
)

// Smallest is the length of the shortest Ethernet frame, without FCS.
const Smallest = 60

// Spec describes a test frame; zero fields are left out.
type Spec struct {
	Src, Dst ether.MAC
	Tags     []ether.VLANID // outermost first
	From, To netip.AddrPort // a UDP datagram, IPv4 or IPv6; else a frame of an experimental type
	Payload  []byte
	Len      int // pad to this length; at least Smallest
}

// Build returns the frame with lengths and checksums filled in. It panics on a
// specification that cannot be a frame: a fault of the test.
func Build(s Spec) []byte {
	e := &layers.Ethernet{SrcMAC: net.HardwareAddr(s.Src[:]), DstMAC: net.HardwareAddr(s.Dst[:])}
	stack := []gopacket.SerializableLayer{e}
	kind := &e.EthernetType
	for _, v := range s.Tags {
		*kind = layers.EthernetTypeDot1Q
		t := &layers.Dot1Q{VLANIdentifier: uint16(v)}
		stack, kind = append(stack, t), &t.Type
	}
	if s.From.IsValid() {
		u := &layers.UDP{SrcPort: layers.UDPPort(s.From.Port()), DstPort: layers.UDPPort(s.To.Port())}
		if s.From.Addr().Is4() {
			*kind = layers.EthernetTypeIPv4
			ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: s.From.Addr().AsSlice(), DstIP: s.To.Addr().AsSlice()}
			must(u.SetNetworkLayerForChecksum(ip))
			stack = append(stack, ip, u)
		} else {
			*kind = layers.EthernetTypeIPv6
			ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: s.From.Addr().AsSlice(), DstIP: s.To.Addr().AsSlice()}
			must(u.SetNetworkLayerForChecksum(ip))
			stack = append(stack, ip, u)
		}
	} else {
		*kind = 0x88b5 // IEEE 802 local experimental
	}
	stack = append(stack, gopacket.Payload(s.Payload))
	b := gopacket.NewSerializeBuffer()
	must(gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...))
	out := bytes.Clone(b.Bytes())
	if n := max(s.Len, Smallest); len(out) < n {
		out = append(out, make([]byte, n-len(out))...)
	}
	return out
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("build test frame: %v", err))
	}
}

// Diff compares two frames and returns "" when they are equal, else both in
// decoded form.
func Diff(got, want []byte) string {
	if bytes.Equal(got, want) {
		return ""
	}
	decode := func(b []byte) string {
		return gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default).Dump()
	}
	return fmt.Sprintf("got %d bytes:\n%s\nwant %d bytes:\n%s", len(got), decode(got), len(want), decode(want))
}
