package dataplane

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/feature/cdp"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/bridge"
	"trunkline/linecard/discovery"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port"
	"trunkline/linecard/punt"
)

func card(management string) discovery.Card {
	return discovery.Card{
		Chassis: func() string { return "guid" }, Management: func() string { return management }, Version: "1.0(1)",
	}
}

func link() pipeline.Link {
	return pipeline.Link{Up: true, PVID: 20, Info: port.Info{MAC: ether.MAC{2, 0, 0, 0, 0, 1}, MTU: 9000}}
}

// TestEncode has frames read by gopacket and by ourselves.
func TestEncode(t *testing.T) {
	mac, serial := api.ChassisMAC("guid").String(), api.ChassisSerial("guid")
	v2 := cdp.Neighbour{
		Device: "sw1", Port: "Ethernet3/1", System: "sw1", Platform: "Trunkline", Software: "Trunkline, version 1.0(1)",
		Capabilities: 8, Version: 2, NativeVLAN: 20, Duplex: "full", MTU: 9000, Addresses: "192.0.2.1", Management: "192.0.2.1",
	}
	v1 := v2
	v1.Version, v1.NativeVLAN, v1.Duplex, v1.MTU, v1.Management, v1.System = 1, 0, "", 0, "", ""
	six := v2
	six.Addresses, six.Management = "2001:db8::1", "2001:db8::1"
	both := v2
	both.Addresses, both.Management = "192.0.2.9 2001:db8::9", "192.0.2.9 2001:db8::9"
	for _, c := range []struct {
		program    cdp.Program
		management string
		device     string
		want       cdp.Neighbour
	}{
		{cdp.Program{System: "sw1", DeviceID: cdp.ByName}, "192.0.2.1", "sw1", v2},
		{cdp.Program{System: "sw1", DeviceID: cdp.ByName, V1: true}, "192.0.2.1", "sw1", v1},
		{cdp.Program{System: "sw1", DeviceID: cdp.ByName, Management: []string{"192.0.2.9", "2001:db8::9"}}, "192.0.2.1", "sw1", both},
		{cdp.Program{System: "sw1", DeviceID: cdp.BySerial}, "192.0.2.1", serial, v2},
		{cdp.Program{System: "sw1", DeviceID: cdp.ByMAC}, "192.0.2.1", mac, v2},
		{cdp.Program{System: "sw1", DeviceID: cdp.ByOther}, "2001:db8::1", "sw1(" + serial + ")", six},
	} {
		b := encode(c.program, "Ethernet3/1", link(), 90*time.Second, card(c.management))
		c.want.Device = c.device
		h, err := hear(b)
		if err != nil || h.Info != c.want || h.Live != 90*time.Second || h.Unknown != 0 {
			t.Errorf("%+v: decoded %+v, %v\nwant %+v", c.program, h, err, c.want)
		}
		packet := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
		head, ok := packet.Layer(layers.LayerTypeCiscoDiscovery).(*layers.CiscoDiscovery)
		info, ok2 := packet.Layer(layers.LayerTypeCiscoDiscoveryInfo).(*layers.CiscoDiscoveryInfo)
		if !ok || !ok2 || packet.ErrorLayer() != nil {
			t.Errorf("%+v: gopacket does not read %x: %v", c.program, b, packet.ErrorLayer())
			continue
		}
		if head.TTL != 90 || info.DeviceID != c.device || info.PortID != "Ethernet3/1" || !info.Capabilities.L2Switch || info.Platform != "Trunkline" {
			t.Errorf("gopacket reads %+v %+v", head, info)
		}
	}
}

// cdpFrame makes a frame of version, time to live and TLVs, with its checksum.
func cdpFrame(version byte, tlvs ...byte) []byte {
	body := append([]byte{version, 60, 0, 0}, tlvs...)
	binary.BigEndian.PutUint16(body[2:], checksum(body))
	return frameOf(body)
}

func frameOf(body []byte) []byte {
	b := append(group[:], 2, 0, 0, 0, 0, 9)
	b = binary.BigEndian.AppendUint16(b, uint16(len(snap)+len(body)))
	return append(append(b, snap[:]...), body...)
}

var lead = []byte{0, 1, 0, 6, 'd', '1', 0, 3, 0, 6, 'p', '1'}

func TestDecode(t *testing.T) {
	with := func(more ...byte) []byte { return cdpFrame(2, append(bytes.Clone(lead), more...)...) }
	for _, c := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"least", with(), ""},
		{"padded", append(with(), make([]byte, 20)...), ""},
		{"version 1", cdpFrame(1, lead...), ""},
		{"unknown", with(0, 99, 0, 4), ""},
		{"terminal controls", with(0, 20, 0, 6, 0x1b, 'c'), ""},
		{"empty", nil, "no CDP"},
		{"short", with()[:25], "no CDP"},
		{"length of nothing", frameOf(nil), "cut header"},
		{"version 3", cdpFrame(3, lead...), "unknown version"},
		{"checksum", frameOf(append([]byte{2, 60, 1, 1}, lead...)), "checksum"},
		{"no port", cdpFrame(2, lead[:6]...), "no port id"},
		{"cut TLV", with(0, 5, 0), "< 4 bytes"},
		{"TLV of 3", with(0, 5, 0, 3), "length 3"},
		{"TLV beyond", with(0, 5, 0, 9, 1), "length 9"},
		{"capabilities", with(0, 4, 0, 5, 1), "0x4: 1 bytes"},
		{"addresses", with(0, 2, 0, 12, 0, 0, 0, 1, 1, 9, 1, 1), "cut address"},
		{"counted addresses", with(0, 2, 0, 8, 0xff, 0xff, 0xff, 0xff), "cut address"},
		{"no addresses", with(0, 2, 0, 8, 0, 0, 0, 0), ""},
		{"native VLAN", with(0, 10, 0, 5, 1), "Native VLAN"},
		{"tagged", slices.Concat(with()[:12], []byte{0x81, 0, 0, 1}, with()[12:]), ""},
		{"power request that gopacket does not read", with(0, 0x19, 0, 9, 0, 0, 0, 0, 1), ""},
		{"many", with(bytes.Repeat([]byte{0, 99, 0, 4}, 200)...), "too many"},
	} {
		h, err := hear(c.frame)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err == nil && (h.Info.Device != "d1" || h.Info.Port != "p1" || h.Live != time.Minute) {
			t.Errorf("%s: %+v", c.name, h)
		}
		switch c.name {
		case "version 3":
			if !errors.Is(err, discovery.ErrVersion) {
				t.Error("not counted as a version")
			}
		case "checksum":
			if !errors.Is(err, discovery.ErrChecksum) {
				t.Error("not counted as a checksum")
			}
		case "version 1":
			if !h.V1 {
				t.Error("not counted as version 1")
			}
		case "unknown":
			if h.Unknown != 1 {
				t.Errorf("%d unknown", h.Unknown)
			}
		case "terminal controls":
			if h.Info.System != "?c" {
				t.Errorf("a name of %q", h.Info.System)
			}
		}
	}
}

// TestOddChecksum takes frames of odd length from all kinds of senders.
func TestOddChecksum(t *testing.T) {
	for _, last := range []byte{'x', 0x80, 0xff} {
		body := append(append([]byte{2, 60, 0, 0}, lead...), 0, 99, 0, 5, last)
		even := body[: len(body)-1 : len(body)-1]
		for name, padded := range map[string][]byte{
			"RFC 1071": append(even, last, 0), "swapped": append(even, 0, last), "signed": append(even, 0xff, last-1),
		} {
			if name == "signed" && last < 0x80 {
				continue
			}
			b := bytes.Clone(body)
			binary.BigEndian.PutUint16(b[2:], checksum(padded))
			if _, err := hear(frameOf(b)); err != nil {
				t.Errorf("%s, last byte %#x: %v", name, last, err)
			}
		}
	}
}

// hear decodes a frame as the card does.
func hear(b []byte) (discovery.Heard[cdp.Neighbour], error) {
	return Decode(&punt.Packet{Packet: punt.Decode(bytes.Clone(b))})
}

func FuzzDecode(f *testing.F) {
	f.Add(cdpFrame(2, lead...), true)
	f.Add(encode(cdp.Program{System: "sw1"}, "Ethernet3/1", link(), time.Minute, card("192.0.2.1")), false)
	f.Fuzz(func(t *testing.T, b []byte, repair bool) {
		packet := punt.Decode(bytes.Clone(b))
		b = packet.Data()
		if snap := packet.Layer(layers.LayerTypeSNAP); repair && snap != nil && len(snap.LayerPayload()) >= 4 {
			body := snap.LayerPayload() // of b: nothing is copied
			body[2], body[3] = 0, 0
			binary.BigEndian.PutUint16(body[2:], checksum(body))
		}
		h, err := hear(b)
		if err != nil {
			return
		}
		n := &h.Info
		for _, s := range []string{n.Device, n.Port, n.System, n.Platform, n.Software, n.Addresses, n.Management} {
			if len(s) > 2*api.MaxNeighbourText {
				t.Errorf("%q", s)
			}
		}
		if h.ID == "" || n.Version != 1 && n.Version != 2 {
			t.Errorf("%+v", h)
		}
	})
}

func TestBuild(t *testing.T) {
	section := func(extra string) []byte {
		return []byte(fmt.Sprintf(`{"system":"s","deviceId":"other","interval":60,"hold":180,"ports":[{"name":"E1"},{"name":"E9"}]%s}`, extra))
	}
	var punts bridge.Punts
	apply := func(b []byte, vethernet bool) error {
		return pipeline.New(pipeline.Config{}).Apply(func(builder *pipeline.Builder) error {
			p, err := builder.AddPort("E1")
			if err != nil {
				return err
			}
			p.Vethernet = vethernet
			err = build(builder, b)
			punts = p.Punts
			return err
		})
	}
	if err := apply(section(""), false); err != nil || punts != bridge.PuntCDP {
		t.Errorf("punts %v, %v", punts, err)
	}
	if err := apply(section(""), true); err == nil {
		t.Error("a vEthernet was taken")
	}
	for _, bad := range []string{`,"deviceId":"x"`, `,"hold":0`, `,"hold":256`, `,"interval":0`, `,"other":1`, `,"management":["x"]`, `,"management":["::1","::2","::3"]`, `,"system":"` + strings.Repeat("x", 256) + `"`} {
		if err := apply(section(bad), false); err == nil {
			t.Errorf("%.40s was taken", bad)
		}
	}
}
