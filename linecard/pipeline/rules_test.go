package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/bridge"
	"trunkline/linecard/frame"
	"trunkline/linecard/port/porttest"
)

// chassis has every kind of port: vEthernets, plain Ethernets and uplinks.
//
//	V1 V2  access 10            E1     plain, access 10
//	V3     access 20            E2     plain trunk 1,10,20,30 native 10 (30 not active)
//	V4     trunk 10,20 native 20 (untagged is 20)
//	V5     access 30, not active
//	U1 U2  uplinks, trunk 1-4094 native 1; U1 is designated
func chassis(b *Builder) error {
	b.Activate(ether.VLANs(1, 10, 20))
	for _, x := range []struct {
		name    string
		kind    byte
		number  int
		trunk   bool
		pvid    ether.VLANID
		allowed string
	}{
		{"V1", 'v', 1, false, 10, "10"}, {"V2", 'v', 2, false, 10, "10"}, {"V3", 'v', 3, false, 20, "20"},
		{"V4", 'v', 4, true, 20, "10,20"}, {"V5", 'v', 5, false, 30, "30"},
		{"E1", 'e', 1, false, 10, "10"}, {"E2", 'e', 2, true, 10, "1,10,20,30"},
		{"U1", 'u', 3, true, 1, "all"}, {"U2", 'u', 4, true, 1, "all"},
	} {
		p, err := b.AddPort(x.name)
		if err != nil {
			return err
		}
		p.Up, p.Number, p.Trunk, p.PVID = true, x.number, x.trunk, x.pvid
		p.Vethernet, p.Uplink = x.kind == 'v', x.kind == 'u'
		if p.Allowed, err = ether.ParseVLANSet(x.allowed); err != nil {
			return err
		}
	}
	return nil
}

var chassisPorts = []string{"V1", "V2", "V3", "V4", "V5", "E1", "E2", "U1", "U2"}

// run delivers one frame and says what came out where: "V2 E2=10" are V2
// untagged and E2 with a tag of VLAN 10; "10p5" is priority 5. A drop on the
// way in follows as "!reason", one on the way out as "V2!reason".
func (b *bench) run(in string, data []byte) string {
	b.t.Helper()
	before := map[string]Counters{}
	for _, p := range b.e.Ports() {
		before[p.Name] = p.Counters
	}
	b.ports[in].Deliver(data)
	b.turn()
	var got []string
	for _, name := range slices.Sorted(maps.Keys(b.ports)) {
		for _, f := range b.ports[name].Sent() {
			want, _, _ := porttest.Untagged(data)
			rest, tci, tagged := porttest.Untagged(f.Bytes)
			s := name
			if string(f.Bytes) == string(want) {
				rest = f.Bytes // untagged, or with a tag that is payload
			} else if tagged {
				s = fmt.Sprintf("%s=%d", name, tci&0xfff)
				if tci>>13 != 0 {
					s += fmt.Sprintf("p%d", tci>>13)
				}
			}
			if string(rest) != string(want) {
				s += " damaged"
			}
			got = append(got, s)
		}
	}
	for _, p := range b.e.Ports() {
		was := before[p.Name]
		c := p.Counters.since(&was)
		for r := range c.RxDrops {
			if c.RxDrops[r] != 0 {
				got = append(got, "!"+frame.Reason(r).String())
			}
			if c.TxDrops[r] != 0 {
				got = append(got, p.Name+"!"+frame.Reason(r).String())
			}
		}
	}
	b.checkSum()
	return strings.Join(got, " ")
}

func TestVLANRules(t *testing.T) {
	m1 := mac(1)
	u := ethernet(ether.Broadcast, m1, 60)
	tag := func(tci uint16) []byte { return porttest.Tagged(u, tci) }
	link := func(last byte) ether.MAC { return ether.MAC{1, 0x80, 0xc2, 0, 0, last} }
	for _, c := range []struct {
		name, in string
		data     []byte
		want     string
	}{
		{"access untagged", "V1", u, "E1 E2 U1=10 V2 V4=10"},
		{"access priority tag", "V1", tag(5 << 13), "E1 E2 U1=10p5 V2 V4=10p5"},
		{"access tagged, own vlan", "V1", tag(10), "!tagged-on-access"},
		{"access tagged, other vlan", "V1", tag(20), "!tagged-on-access"},
		{"access double-tagged", "V1", porttest.Tagged(tag(20), 10), "!tagged-on-access"},
		{"access priority tag over a tag", "V1", porttest.Tagged(tag(20), 0), "E1 E2 U1=10 V2 V4=10"},
		{"access, vlan not active", "V5", u, "!port-down"},
		{"plain access", "E1", u, "E2 U1=10 V1 V2 V4=10"},
		{"trunk untagged is native", "E2", u, "E1 U1=10 V1 V2 V4=10"},
		{"trunk native tagged", "E2", tag(10), "E1 U1=10 V1 V2 V4=10"},
		{"trunk priority tag", "E2", tag(3 << 13), "E1 U1=10p3 V1 V2 V4=10p3"},
		{"trunk tagged", "E2", tag(20), "U1=20 V3 V4"},
		{"trunk tagged, priority kept", "E2", tag(20 | 7<<13), "U1=20p7 V3 V4"},
		{"trunk double-tagged", "E2", porttest.Tagged(tag(10), 20), "U1=20 V3 V4"},
		{"trunk, not allowed", "E2", tag(40), "!vlan-not-allowed"},
		{"trunk, 4095", "E2", tag(4095), "!vlan-not-allowed"},
		{"trunk, allowed but not active", "E2", tag(30), "!vlan-inactive"},
		{"vethernet trunk native", "V4", u, "E2=20 U1=20 V3"},
		{"vethernet trunk tagged", "V4", tag(10), "E1 E2 U1=10 V1 V2"},
		{"uplink tagged", "U1", tag(10), "E1 E2 V1 V2 V4=10"},
		{"uplink native", "U1", u, "E2=1"},
		{"uplink without members", "U1", tag(4000), "!vlan-inactive"},
		{"uplink not designated", "U2", tag(10), "!not-designated"},

		{"bpdu on a vethernet", "V1", ethernet(link(0), m1, 60), "!filtered"},
		{"bpdu on an uplink", "U1", ethernet(link(0), m1, 60), "!filtered"},
		{"bpdu between plain ports", "E1", ethernet(link(0), m1, 60), "E2"},
		{"pvst bpdu between plain ports", "E2", porttest.Tagged(ethernet(ether.MAC{1, 0, 0xc, 0xcc, 0xcc, 0xcd}, m1, 60), 10), "E1"},
		{"bpdu without a peer", "E2", porttest.Tagged(ethernet(link(0), m1, 60), 20), "!no-member"},
		{"pause", "E1", ethernet(link(1), m1, 60), "!link-local"},
		{"lacp", "E1", ethernet(link(2), m1, 60), "!link-local"},
		{"lldp", "V1", ethernet(link(14), m1, 60), "!link-local"},
		{"cdp", "V1", ethernet(ether.MAC{1, 0, 0xc, 0xcc, 0xcc, 0xcc}, m1, 60), "!link-local"},
		{"gvrp is no control frame to us", "V1", ethernet(link(0x20), m1, 60), "E1 E2 U1=10 V2 V4=10"},

		{"group source", "V1", ethernet(ether.Broadcast, ether.MAC{3, 0, 0, 0, 0, 1}, 60), "!bad-source"},
		{"zero source", "V1", ethernet(ether.Broadcast, ether.MAC{}, 60), "!bad-source"},
		{"broadcast source", "V1", ethernet(mac(9), ether.Broadcast, 60), "!bad-source"},
		{"13 bytes", "V1", ethernet(ether.Broadcast, m1, 13), "!runt"},
		{"empty", "V1", nil, "!runt"},
		{"14 bytes", "V1", ethernet(ether.Broadcast, m1, 14), "E1 E2 U1=10 V2 V4=10"},
		{"as long as the mtu", "V1", ethernet(ether.Broadcast, m1, 1514), "E1 E2 U1=10 V2 V4=10"},
		{"payload tag beyond the mtu", "V1", porttest.Tagged(porttest.Tagged(ethernet(ether.Broadcast, m1, 1514), 9), 0), "E1 E2 U1=10 V2 V4=10"},
		{"above the mtu", "V1", ethernet(ether.Broadcast, m1, 1515), "E1!giant E2!giant U1!giant V2!giant V4!giant"},
		{"9,600 bytes", "V1", ethernet(ether.Broadcast, m1, 9600), "!giant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, chassis, allPorts(chassisPorts...))
			if got := b.run(c.in, c.data); got != c.want {
				t.Errorf("out of %s:\n got %s\nwant %s", c.in, got, c.want)
			}
		})
	}
}

// TestUnicast sends sequences of frames; each line is "in dst src [vlan]" and
// what comes of it.
func TestUnicast(t *testing.T) {
	type step struct {
		in       string
		dst, src int
		vid      uint16
		want     string
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"learn and answer", []step{
			{"V1", 2, 1, 0, "E1 E2 U1=10 V2 V4=10"},
			{"V2", 1, 2, 0, "V1"},
			{"V1", 2, 1, 0, "V2"},
			{"E2", 1, 3, 10, "V1"},
			{"V2", 3, 2, 0, "E2"},
		}},
		{"one address in two vlans", []step{
			{"V1", 9, 1, 0, "E1 E2 U1=10 V2 V4=10"},
			{"V3", 9, 1, 0, "E2=20 U1=20 V4"},
			{"E2", 1, 3, 10, "V1"},
			{"E2", 1, 3, 20, "V3"},
		}},
		{"same segment", []step{
			{"E1", 9, 1, 0, "E2 U1=10 V1 V2 V4=10"},
			{"E1", 1, 2, 0, "!same-segment"},
		}},
		{"moved", []step{
			{"V1", 9, 1, 0, "E1 E2 U1=10 V2 V4=10"},
			{"V2", 9, 1, 0, "E1 E2 U1=10 V1 V4=10"},
			{"E1", 1, 3, 0, "V2"},
		}},
		{"split horizon", []step{
			{"U1", 9, 1, 10, "E1 E2 V1 V2 V4=10"},
			{"V1", 1, 2, 0, "U1=10"},
			{"U2", 1, 3, 10, "!split-horizon"},
			{"U2", 2, 3, 10, "V1"},                  // a known destination is served
			{"V1", 3, 2, 0, "E1 E2 U1=10 V2 V4=10"}, // but nothing was learned
			{"U2", 8, 3, 10, "!not-designated"},
		}},
		{"own address comes back", []step{
			{"V1", 9, 1, 0, "E1 E2 U1=10 V2 V4=10"},
			{"U1", 2, 100, 10, "!own-mac"},
			{"V2", 2, 100, 0, "!static-move"},
			{"V2", 100, 2, 0, "V1"},
		}},
		{"static entries", []step{
			{"V1", 101, 1, 0, "V2"},
			{"V1", 9, 101, 0, "!static-move"},
			{"V2", 1, 101, 0, "V1"},
			{"V1", 102, 1, 0, "!static-drop"},
			{"V1", 9, 102, 0, "!static-drop"},
			{"V1", 103, 1, 0, "!port-down"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			build := func(b *Builder) error {
				if err := chassis(b); err != nil {
					return err
				}
				b.Port("V1").OwnMAC = mac(100)
				b.Static(10, mac(101), "V2")
				b.Static(10, mac(102), "")
				b.Static(10, mac(103), "V9")
				p, err := b.AddPort("V9")
				if err == nil {
					p.Vethernet, p.PVID, p.Allowed = true, 10, ether.VLANs(10)
				}
				return err
			}
			b := newBench(t, build, allPorts(chassisPorts...))
			for i, s := range c.steps {
				data := ethernet(mac(s.dst), mac(s.src), 60)
				if s.vid != 0 {
					data = porttest.Tagged(data, s.vid)
				}
				if got := b.run(s.in, data); got != s.want {
					t.Errorf("step %d: %d to %d out of %s:\n got %s\nwant %s", i, s.src, s.dst, s.in, got, s.want)
				}
			}
		})
	}
}

// TestUplinkChoice takes the designated uplink down and up again.
func TestUplinkChoice(t *testing.T) {
	b := newBench(t, chassis, allPorts(chassisPorts...))
	u := ethernet(ether.Broadcast, mac(1), 60)
	check := func(in string, data []byte, want string) {
		t.Helper()
		if got := b.run(in, data); got != want {
			t.Errorf("out of %s: got %s, want %s", in, got, want)
		}
	}
	check("U1", porttest.Tagged(ethernet(ether.Broadcast, mac(50), 60), 10), "E1 E2 V1 V2 V4=10")
	check("V1", ethernet(mac(50), mac(1), 60), "U1=10")
	b.ports["U1"].SetCarrier(false)
	b.e.Refresh("U1")
	check("V1", ethernet(mac(50), mac(1), 60), "E1 E2 U2=10 V2 V4=10")
	check("V1", u, "E1 E2 U2=10 V2 V4=10")
	check("U2", porttest.Tagged(u, 10), "E1 E2 V1 V2 V4=10")
	check("U1", porttest.Tagged(u, 10), "!port-down")
	b.ports["U1"].SetCarrier(true)
	b.e.Refresh("U1")
	check("V1", u, "E1 E2 U1=10 V2 V4=10")
	check("U2", porttest.Tagged(u, 10), "!not-designated")
}

// TestSpoof has the address of a guest sent by another, 200 times a second: once
// on the victim's card, where it comes in by the uplink, and once on the
// sender's own. Only the sender's port may go.
func TestSpoof(t *testing.T) {
	for _, c := range []struct{ victim, sender, disabled, dropped string }{
		{"V1", "U1", "", "!mac-move"},
		{"U1", "V2", "V2", "!loop-detected"},
		{"V1", "V2", "V2", "!loop-detected"},
	} {
		b := newBench(t, chassis, allPorts(chassisPorts...))
		u := ethernet(ether.Broadcast, mac(1), 60)
		send := func(in string) string {
			if in == "U1" {
				return b.run(in, porttest.Tagged(u, 10))
			}
			return b.run(in, u)
		}
		send(c.victim)
		dropped := 0
		for range 600 { // 3 s
			if strings.Contains(send(c.sender), c.dropped) {
				dropped++
			}
			if got := send(c.victim); strings.Contains(got, "!") {
				t.Fatalf("spoofed from %s: frame of %s: %s", c.sender, c.victim, got)
			}
			b.now += 5e6
		}
		if dropped < 500 {
			t.Errorf("spoofed from %s: %d frames dropped", c.sender, dropped)
		}
		for _, p := range b.e.Ports() {
			if down := p.ErrDisabled != frame.Forward; down != (p.Name == c.disabled) {
				t.Errorf("spoofed from %s: %s err-disabled %v", c.sender, p.Name, down)
			}
		}
		if got := b.run("E1", ethernet(mac(1), mac(2), 60)); !strings.HasPrefix(got, c.victim) {
			t.Errorf("spoofed from %s: the victim's frame goes to %s", c.sender, got)
		}
	}
}

// TestRecovers runs the control goroutine on fake time: what the MAC-move guard
// has err-disabled comes back by itself, a quarantined port does not.
func TestRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kinds []EventKind
		e := New(Config{OnEvent: func(ev Event) { kinds = append(kinds, ev.Kind) }})
		if err := e.Apply(chassis); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { e.control(ctx); close(done) }()
		v1, v2 := e.PortIndex("V1"), e.PortIndex("V2")
		e.block(v1, frame.LoopDetected)
		e.block(v2, frame.Fault)
		time.Sleep(RecoverAfter - time.Second)
		synctest.Wait()
		if e.closed(v1) != frame.LoopDetected {
			t.Error("recovered too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if e.closed(v1) != frame.Forward || e.closed(v2) != frame.Fault {
			t.Errorf("after %v: V1 %v, V2 %v", RecoverAfter, e.closed(v1), e.closed(v2))
		}
		// Once more, and it takes as long.
		e.block(v1, frame.LoopDetected)
		time.Sleep(RecoverAfter - time.Second)
		synctest.Wait()
		if e.closed(v1) != frame.LoopDetected {
			t.Error("recovered too early the second time")
		}
		cancel()
		<-done
		if n := len(slices.DeleteFunc(kinds, func(k EventKind) bool { return k != EventRecovered })); n != 1 {
			t.Errorf("%d times told of recovery, want 1", n)
		}
	})
}

// TestLoop plays a loop between two ports: the address's last port is
// err-disabled, and comes back by Recover and by shutting it down.
func TestLoop(t *testing.T) {
	b := newBench(t, chassis, allPorts(chassisPorts...))
	u := ethernet(ether.Broadcast, mac(1), 60)
	for i := range 12 {
		b.run([]string{"V1", "V2"}[i%2], u)
	}
	status := func(name string) PortStatus {
		for _, p := range b.e.Ports() {
			if p.Name == name {
				return p
			}
		}
		return PortStatus{}
	}
	if s := status("V2"); s.Up || s.ErrDisabled != frame.LoopDetected || s.Reason != "errDisabled" {
		t.Fatalf("V2 is up %v, %v, %q", s.Up, s.ErrDisabled, s.Reason)
	}
	if s := status("V1"); !s.Up {
		t.Fatal("V1 is down")
	}
	if got := b.run("V2", u); got != "!loop-detected" {
		t.Errorf("out of the closed port: %s", got)
	}
	if got := b.run("V1", u); got != "E1 E2 U1=10 V4=10" {
		t.Errorf("beside the closed port: %s", got)
	}
	b.now += 2e9
	if !b.e.Recover("V2") || b.e.Recover("V2") {
		t.Error("recover reports wrongly")
	}
	if got := b.run("V2", u); got != "E1 E2 U1=10 V1 V4=10" {
		t.Errorf("after recovery: %s", got)
	}
}

// TestMACLimit floods one port with addresses.
func TestMACLimit(t *testing.T) {
	build := func(b *Builder) error {
		err := chassis(b)
		b.Port("V1").MACLimit = 100
		return err
	}
	b := newBench(t, build, allPorts(chassisPorts...))
	b.run("V2", ethernet(ether.Broadcast, mac(2), 60))
	for i := range 300 {
		got := b.run("V1", ethernet(mac(3), mac(1000+i), 60))
		want := "E1 E2 U1=10 V2 V4=10"
		if i >= 100 {
			want = "!mac-limit"
		}
		if got != want {
			t.Fatalf("address %d: %s, want %s", i, got, want)
		}
	}
	if got := b.run("V1", ethernet(mac(2), mac(5000), 60)); got != "V2" {
		t.Errorf("unicast of a source that was not admitted: %s", got)
	}
	if got := b.run("V1", ethernet(ether.Broadcast, mac(5000), 60)); got != "E1 E2 U1=10 V2 V4=10" {
		t.Errorf("broadcast of a source that was not admitted: %s", got)
	}
	if got := b.run("E1", ethernet(mac(2), mac(6000), 60)); got != "V2" {
		t.Errorf("another port: %s", got)
	}
	if got := b.run("V2", ethernet(mac(6000), mac(2), 60)); got != "E1" {
		t.Errorf("another port's address: %s", got)
	}
}

// punts takes frames and notes them.
type punts struct {
	taken []string
	full  bool
}

func (p *punts) Punt(port uint16, f *frame.Frame, _ int64) bool {
	if p.full {
		return false
	}
	p.taken = append(p.taken, fmt.Sprintf("%d:%x", port, f.Append(nil)[:14]))
	return true
}

func TestPunt(t *testing.T) {
	build := func(b *Builder) error {
		err := chassis(b)
		for p := range b.Ports() {
			p.Punts = bridge.PuntLLDP | bridge.PuntCDP | bridge.PuntSlow
		}
		return err
	}
	b := newBench(t, build, allPorts(chassisPorts...))
	sink := &punts{}
	b.e.punt = sink
	lldp := ethernet(ether.MAC{1, 0x80, 0xc2, 0, 0, 14}, mac(1), 60)
	lldp[12], lldp[13] = 0x88, 0xcc
	cdp := ethernet(ether.MAC{1, 0, 0xc, 0xcc, 0xcc, 0xcc}, mac(1), 60)
	copy(cdp[12:], []byte{0, 46, 0xaa, 0xaa, 3, 0, 0, 0xc, 0x20, 0})
	lacp := ethernet(ether.MAC{1, 0x80, 0xc2, 0, 0, 2}, mac(1), 60)
	lacp[12], lacp[13] = 0x88, 0x09
	for _, c := range []struct {
		in   string
		data []byte
		want string
	}{
		{"V1", lldp, "!consumed"},
		{"V1", porttest.Tagged(lldp, 99), "!consumed"}, // before VLAN checks
		{"U2", cdp, "!consumed"},
		{"E1", lacp, "!consumed"},
		{"E1", ethernet(ether.MAC{1, 0x80, 0xc2, 0, 0, 2}, mac(1), 60), "!link-local"},
		{"U1", ethernet(ether.MAC{1, 0, 0xc, 0xcc, 0xcc, 0xcc}, mac(1), 60), "!link-local"},
	} {
		if got := b.run(c.in, c.data); got != c.want {
			t.Errorf("%s %x: %s, want %s", c.in, c.data[:14], got, c.want)
		}
	}
	if len(sink.taken) != 4 {
		t.Errorf("punted %q", sink.taken)
	}
	sink.full = true
	if got := b.run("V1", lldp); got != "!punt-full" {
		t.Errorf("full: %s", got)
	}
}

// TestState reads the words of show interface brief.
func TestState(t *testing.T) {
	ports := allPorts("V1", "V5", "E1", "V3")
	b := newBench(t, func(b *Builder) error {
		err := chassis(b)
		b.Port("V3").Up = false
		return err
	}, ports)
	ports["E1"].SetCarrier(false)
	b.e.Refresh("E1")
	want := map[string]string{
		"V1": "none", "V2": "nonParticipating", "V3": "Administratively down", "V4": "nonParticipating",
		"V5": "inactive", "E1": "Link not connected", "E2": "Link not connected",
		"U1": "Link not connected", "U2": "Link not connected",
	}
	for _, p := range b.e.Ports() {
		if p.Reason != want[p.Name] || p.Up != (p.Reason == "none") {
			t.Errorf("%s: up %v, %q, want %q", p.Name, p.Up, p.Reason, want[p.Name])
		}
	}
}
