package dataplane

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/feature/lldp"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/bridge"
	"trunkline/linecard/discovery"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port"
	"trunkline/linecard/punt"
)

var own = ether.MAC{2, 0, 0, 0, 0, 1}

func card(management string) discovery.Card {
	return discovery.Card{
		Chassis: func() string { return "guid" }, Management: func() string { return management }, Version: "1.0(1)",
	}
}

func link() pipeline.Link {
	return pipeline.Link{Up: true, PVID: 20, Info: port.Info{MAC: own, MTU: 1500}}
}

// TestEncode has a frame read by gopacket and by ourselves.
func TestEncode(t *testing.T) {
	p := lldp.Program{System: "sw1", Ports: []lldp.Port{{Name: "Ethernet3/1", Description: "to tor-a"}}}
	b := encode(p, "Ethernet3/1", link(), 90*time.Second, card("192.0.2.1"))
	packet := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	l, ok := packet.Layer(layers.LayerTypeLinkLayerDiscovery).(*layers.LinkLayerDiscovery)
	info, ok2 := packet.Layer(layers.LayerTypeLinkLayerDiscoveryInfo).(*layers.LinkLayerDiscoveryInfo)
	if !ok || !ok2 || packet.ErrorLayer() != nil {
		t.Fatalf("gopacket does not read %x: %v", b, packet.ErrorLayer())
	}
	chassis := api.ChassisMAC("guid")
	if l.TTL != 90 || !bytes.Equal(l.ChassisID.ID, chassis[:]) || string(l.PortID.ID) != "Ethernet3/1" ||
		info.SysName != "sw1" || info.PortDescription != "to tor-a" || !info.SysCapabilities.EnabledCap.Bridge ||
		!bytes.Equal(info.MgmtAddress.Address, []byte{192, 0, 2, 1}) {
		t.Errorf("gopacket reads %+v %+v", l, info)
	}
	h, err := hear(b)
	want := lldp.Neighbour{
		ChassisType: 4, Chassis: chassis.String(), PortType: 5, Port: "Ethernet3/1", PortDescription: "to tor-a", System: "sw1",
		Description: "Trunkline, version 1.0(1)", Capabilities: 4, Enabled: 4, Management4: "192.0.2.1", VLAN: 20,
	}
	if err != nil || h.Info != want || h.Live != 90*time.Second || h.Unknown != 0 {
		t.Errorf("decoded %+v, %v\nwant %+v", h, err, want)
	}
}

func TestOmit(t *testing.T) {
	p := lldp.Program{System: "sw1"}
	for word := range optional {
		p.Omit = append(p.Omit, word)
	}
	h, err := hear(encode(p, "Ethernet3/1", link(), time.Second, card("2001:db8::1")))
	if want := (lldp.Neighbour{ChassisType: 4, Chassis: api.ChassisMAC("guid").String(), PortType: 5, Port: "Ethernet3/1"}); err != nil || h.Info != want {
		t.Errorf("all left out: %+v, %v", h.Info, err)
	}
	h, err = hear(encode(lldp.Program{}, "Ethernet3/1", link(), time.Second, card("2001:db8::1")))
	if err != nil || h.Info.Management6 != "2001:db8::1" {
		t.Errorf("IPv6: %+v, %v", h.Info, err)
	}
	both := lldp.Program{Management: []string{"192.0.2.9", "2001:db8::9"}}
	h, err = hear(encode(both, "Ethernet3/1", link(), time.Second, card("192.0.2.1")))
	if err != nil || h.Info.Management4 != "192.0.2.9" || h.Info.Management6 != "2001:db8::9" {
		t.Errorf("addresses of mgmt0: %+v, %v", h.Info, err)
	}
	bye := encode(p, "Ethernet3/1", link(), 0, card(""))
	g, err := hear(bye)
	if err != nil || g.Live != 0 || g.ID != h.ID || len(bye) != 60 {
		t.Errorf("goodbye of %d bytes: %+v, %v", len(bye), g, err)
	}
	long := lldp.Program{System: strings.Repeat("s", 255), Ports: []lldp.Port{{Name: "E", Description: strings.Repeat("d", 255)}}}
	if b := encode(long, "E", link(), time.Second, card("")); len(b) > maxFrame {
		t.Errorf("a frame of %d bytes", len(b))
	} else if _, err := hear(b); err != nil {
		t.Error(err)
	}
}

// frame makes a frame of a payload.
func lldpFrame(payload ...byte) []byte {
	return append(append(append(nearest[:], own[:]...), 0x88, 0xcc), payload...)
}

var lead = []byte{2, 7, 4, 2, 0, 0, 0, 0, 9, 4, 3, 7, 'p', '1', 6, 2, 0, 30}

func TestDecode(t *testing.T) {
	with := func(more ...byte) []byte { return lldpFrame(append(bytes.Clone(lead), more...)...) }
	for _, c := range []struct {
		name  string
		frame []byte
		want  string // error, or "" and the neighbour's text
	}{
		{"mandatory", with(), ""},
		{"end", with(0, 0, 1, 2, 3), ""},
		{"tagged", append(append(bytes.Clone(with()[:12]), 0x81, 0, 0, 5), with()[12:]...), ""},
		{"terminal controls", with(10, 3, 0x1b, '[', 'm'), ""},
		{"unknown", with(0x20, 1, 9), ""},
		{"empty", nil, "no LLDP"},
		{"other", make([]byte, 60), "no LLDP"},
		{"no port", lldpFrame(lead[:9]...), "cut"},
		{"wrong order", lldpFrame(lead[9:]...), "is of type 2"},
		{"cut", with()[:20], "cut"},
		{"cut at the end", with(10, 3, 'a'), "cut"},
		{"short VLAN name", with(0xfe, 6, 0, 0x80, 0xc2, 3, 0, 1), ""},
		{"two TTLs", with(6, 2, 0, 30), "second"},
		{"capabilities", with(14, 3, 0, 0, 0), "Capabilities"},
		{"long capabilities", with(14, 5, 0, 0, 0, 0, 0), "capabilities of 5"},
		{"management", with(16, 3, 5, 1, 1), "Management"},
		{"management length", with(16, 12, 200, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0), "Management"},
		{"management length of one byte's bound", with(16, 12, 250, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0), "slice bounds"},
		{"organization", with(0xfe, 2, 0, 0x80), "Organisation"},
		{"port vlan", with(0xfe, 5, 0, 0x80, 0xc2, 1, 1), "port VLAN"},
		{"many", with(bytes.Repeat([]byte{0x20, 0}, 300)...), "too many"},
	} {
		h, err := hear(c.frame)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err == nil && (h.Info.Chassis != "0200.0000.0009" || h.Info.Port != "p1" || h.Live != 30*time.Second) {
			t.Errorf("%s: %+v", c.name, h)
		}
		if c.name == "terminal controls" && h.Info.System != "?[m" {
			t.Errorf("a name of %q", h.Info.System)
		}
		if c.name == "unknown" && h.Unknown != 1 {
			t.Errorf("%d unknown", h.Unknown)
		}
	}
}

// hear decodes a frame as the card does.
func hear(b []byte) (discovery.Heard[lldp.Neighbour], error) {
	return Decode(&punt.Packet{Packet: punt.Decode(bytes.Clone(b))})
}

func FuzzDecode(f *testing.F) {
	f.Add(lldpFrame(lead...))
	f.Add(encode(lldp.Program{System: "sw1"}, "Ethernet3/1", link(), time.Minute, card("192.0.2.1")))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := hear(b)
		if err != nil {
			return
		}
		for _, s := range []string{h.Info.Chassis, h.Info.Port, h.Info.System, h.Info.PortDescription, h.Info.Description} {
			if len(s) > 2*api.MaxNeighbourText || s != api.Printable(s, true) && len(s) <= api.MaxNeighbourText {
				t.Errorf("%q", s)
			}
		}
		if h.Live < 0 || h.ID == "" {
			t.Errorf("%+v", h)
		}
	})
}

func TestBuild(t *testing.T) {
	section := func(extra string) []byte {
		return []byte(fmt.Sprintf(`{"system":"s","interval":30,"hold":120,"reinit":2,"ports":[{"name":"E1","receive":true,"transmit":true},{"name":"E2","transmit":true},{"name":"E9"}]%s}`, extra))
	}
	punts := map[string]bridge.Punts{}
	apply := func(b []byte, vethernet bool) error {
		return pipeline.New(pipeline.Config{}).Apply(func(builder *pipeline.Builder) error {
			for _, name := range []string{"E1", "E2"} {
				p, err := builder.AddPort(name)
				if err != nil {
					return err
				}
				p.Vethernet = vethernet
			}
			if err := build(builder, b); err != nil {
				return err
			}
			for p := range builder.Ports() {
				punts[p.Name] = p.Punts
			}
			return nil
		})
	}
	if err := apply(section(""), false); err != nil || !reflect.DeepEqual(punts, map[string]bridge.Punts{"E1": bridge.PuntLLDP, "E2": 0}) {
		t.Errorf("punts %v, %v", punts, err)
	}
	if err := apply(section(""), true); err == nil {
		t.Error("a vEthernet was taken")
	}
	for _, bad := range []string{`,"omit":["x"]`, `,"hold":0`, `,"interval":0`, `,"interval":70000`, `,"other":1`, `,"management":["x"]`, `,"management":["::1","::2","::3"]`, `,"system":"` + strings.Repeat("x", 256) + `"`} {
		if err := apply(section(bad), false); err == nil {
			t.Errorf("%.40s was taken", bad)
		}
	}
}
