package attach_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/attach"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
)

// card is a manager with a recorder in place of the pipeline.
type card struct {
	t      testing.TB
	m      *attach.Manager
	cancel context.CancelFunc
	done   chan error

	mu     sync.Mutex
	ports  map[string]port.Port
	queues map[string]port.Queue
	states map[string]attach.State
	log    []string
	nics   []api.NIC
}

func start(t testing.TB, o attach.Options) *card {
	t.Helper()
	c := &card{t: t, ports: map[string]port.Port{}, queues: map[string]port.Queue{}, states: map[string]attach.State{}, done: make(chan error, 1)}
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	var err error
	c.m, err = attach.New(o, attach.Events{
		Opened: func(name string, p port.Port) error {
			q, err := p.Queue(0, 0)
			if err != nil {
				return err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.ports[name], c.queues[name] = p, q
			c.log = append(c.log, "open "+name)
			return nil
		},
		Closing: func(name string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if err := c.queues[name].Close(); err != nil {
				t.Errorf("close queue of %s: %v", name, err)
			}
			if err := c.ports[name].Close(); err != nil { // as the pipeline does
				t.Errorf("close %s: %v", name, err)
			}
			delete(c.ports, name)
			delete(c.queues, name)
			c.log = append(c.log, "close "+name)
		},
		State: func(name string, s attach.State) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.states[name] = s
			c.log = append(c.log, fmt.Sprintf("%s open=%v up=%v", name, s.Open, s.Up))
		},
		Adopted: func(nics []api.NIC) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.nics = nics
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go func() { c.done <- c.m.Run(ctx) }()
	t.Cleanup(c.stop)
	return c
}

// stop ends the card as a restart would.
func (c *card) stop() {
	if c.cancel == nil {
		return
	}
	c.cancel()
	c.cancel = nil
	if err := <-c.done; err != nil {
		c.t.Error(err)
	}
	if n := len(c.queues); n != 0 {
		c.t.Errorf("%d queues left open", n)
	}
}

// wait polls a condition on the recorded state.
func (c *card) wait(what string, ok func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		c.mu.Lock()
		met := ok()
		c.mu.Unlock()
		if met {
			return
		}
		if time.Now().After(deadline) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("not within 5 s: %s\n%s\n%+v\n%+v", what, strings.Join(c.log, "\n"), c.states, c.nics)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (c *card) up(name string) func() bool {
	return func() bool { s := c.states[name]; return s.Open && s.Up && s.Reason == attach.None }
}

func (c *card) down(name string, open bool) func() bool {
	return func() bool {
		s, ok := c.states[name]
		return ok && s.Open == open && !s.Up && s.Reason == attach.NotConnected
	}
}

func TestDeviceComesAndGoes(t *testing.T) {
	ns, host := innstest.New(t), innstest.New(t)
	c := start(t, attach.Options{Namespace: ns})
	c.m.Set([]attach.Want{{Name: "Vethernet1", Kind: attach.Device, Device: "p1", MTU: 4000}})
	c.wait("absent device", c.down("Vethernet1", false))
	for range 2 {
		innstest.Veth(t, host, "eth0", ns, "p1")
		c.wait("device appears", c.up("Vethernet1"))
		c.wait("mtu raised", func() bool { return c.ports["Vethernet1"].Info().MTU == 4000 })
		innstest.IP(t, host, "link set eth0 down")
		c.wait("carrier lost", c.down("Vethernet1", true))
		innstest.IP(t, host, "link set eth0 up")
		c.wait("carrier back", c.up("Vethernet1"))
		innstest.IP(t, host, "link del eth0")
		c.wait("device vanishes", c.down("Vethernet1", false))
	}
	innstest.Veth(t, host, "eth0", ns, "p1")
	c.wait("device appears", c.up("Vethernet1"))
	innstest.IP(t, ns, "link set p1 down")
	innstest.IP(t, ns, "link set p1 name q1")
	c.wait("device renamed", c.down("Vethernet1", false))
	c.m.Set([]attach.Want{{Name: "Vethernet1", Kind: attach.Device, Device: "q1"}})
	c.wait("other device wanted", c.up("Vethernet1"))
	if out := innstest.Run(t, ns, "cat", "/proc/sys/net/ipv6/conf/q1/disable_ipv6"); strings.TrimSpace(out) != "1" {
		t.Errorf("IPv6 of the host is on: %s", out)
	}
	c.m.Set(nil)
	c.wait("detached", func() bool { return len(c.m.States()) == 0 })
	c.wait("no state left", func() bool { return len(c.m.States()) == 0 })
}

// A worker notices first.
func TestGone(t *testing.T) {
	ns, host := innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "eth0", ns, "p1")
	c := start(t, attach.Options{Namespace: ns})
	c.m.Set([]attach.Want{{Name: "V1", Kind: attach.Device, Device: "p1"}})
	c.wait("attached", c.up("V1"))
	c.m.Gone("V1")
	c.wait("opened again", func() bool {
		return slices.Index(c.log, "close V1") > 0 && len(c.ports) == 1
	})
}

func TestNetns(t *testing.T) {
	for _, noTUN := range []bool{false, true} {
		t.Run(fmt.Sprintf("noTUN=%v", noTUN), func(t *testing.T) {
			if !noTUN {
				innstest.TUN(t)
			}
			ns, host, other := innstest.New(t), innstest.New(t), innstest.New(t)
			name := filepath.Join(t.TempDir(), "blue")
			w := attach.Want{
				Name: "Vethernet2", Kind: attach.Netns, Namespace: name, Ifname: "eth0",
				MTU: 1400, MAC: ether.MAC{2, 0, 0, 0, 0, 2},
			}
			o := attach.Options{Namespace: ns, NoTUN: noTUN}
			c := start(t, o)
			c.m.Set([]attach.Want{w})
			c.wait("namespace is not there", c.down(w.Name, false))
			if e := c.m.States()[w.Name].Error; e != "" {
				t.Errorf("error %q for an absent namespace", e)
			}
			link(t, host, name)
			c.wait("attached", c.up(w.Name))
			kind := map[bool]string{false: "tap", true: "veth"}[noTUN]
			if i := c.m.States()[w.Name].Info; i.Kind != kind {
				t.Errorf("kind %q, want %q", i.Kind, kind)
			}
			out := innstest.Run(t, host, "ip", "link", "show", "eth0")
			if !strings.Contains(out, "mtu 1400") || !strings.Contains(out, "02:00:00:00:00:02") || !strings.Contains(out, "UP") {
				t.Errorf("interface of the workload:\n%s", out)
			}
			innstest.IP(t, host, "addr add 192.0.2.2/24 dev eth0")

			// The workload takes its interface down and up.
			innstest.IP(t, host, "link set eth0 down")
			c.wait("carrier lost", c.down(w.Name, true))
			innstest.IP(t, host, "link set eth0 up")
			c.wait("carrier back", c.up(w.Name))

			// A restarted card finds the interface as it was.
			c.stop()
			c = start(t, o)
			c.m.Set([]attach.Want{w})
			c.wait("attached again", c.up(w.Name))
			if out := innstest.Run(t, host, "ip", "-br", "addr"); !strings.Contains(out, "192.0.2.2/24") {
				t.Errorf("address lost in the restart:\n%s", out)
			}
			w.MTU = 1300
			c.m.Set([]attach.Want{w})
			c.wait("mtu changed", func() bool { return c.states[w.Name].Info.MTU == 1300 })
			if out := innstest.Run(t, host, "ip", "link", "show", "eth0"); !strings.Contains(out, "mtu 1300") {
				t.Errorf("mtu of the workload:\n%s", out)
			}

			// The workload deletes it: it is made again.
			innstest.IP(t, host, "link del eth0")
			c.wait("closed", func() bool { return slices.Contains(c.log, "close "+w.Name) })
			c.wait("made again", c.up(w.Name))

			// The name leads to another namespace.
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			c.wait("namespace gone", c.down(w.Name, false))
			gone(t, host)
			link(t, other, name)
			c.wait("in the new one", c.up(w.Name))

			c.m.Set(nil)
			c.wait("detached", func() bool { return len(c.m.States()) == 0 })
			gone(t, other)
			if out := innstest.Run(t, ns, "ip", "-br", "link"); strings.Count(strings.TrimSpace(out), "\n") != 0 {
				t.Errorf("left in the card's namespace:\n%s", out)
			}
		})
	}
}

func link(t *testing.T, ns, name string) {
	t.Helper()
	if err := os.Symlink(ns, name); err != nil {
		t.Fatal(err)
	}
}

// gone checks that the interface is removed soon.
func gone(t *testing.T, ns string) {
	t.Helper()
	var out string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if out = innstest.Run(t, ns, "ip", "-br", "link"); !strings.Contains(out, "eth0") {
			return
		}
	}
	t.Errorf("the interface is still there:\n%s", out)
}

func TestTAP(t *testing.T) {
	innstest.TUN(t)
	ns := innstest.New(t)
	o := attach.Options{Namespace: ns}
	w := attach.Want{Name: "Vethernet3", Kind: attach.TAP, Device: "tap3"}
	c := start(t, o)
	c.m.Set([]attach.Want{w})
	c.wait("created", c.up(w.Name))
	c.stop()
	if out := innstest.Run(t, ns, "ip", "-br", "link"); !strings.Contains(out, "tap3") {
		t.Errorf("the device did not outlive the card:\n%s", out)
	}
	c = start(t, o)
	c.m.Set([]attach.Want{w})
	c.wait("attached again", c.up(w.Name))
	c.m.Set(nil)
	c.wait("detached", func() bool { return len(c.m.States()) == 0 })
	if out := innstest.Run(t, ns, "ip", "-br", "link"); strings.Contains(out, "tap3") {
		t.Errorf("what the card made is still there:\n%s", out)
	}
	innstest.IP(t, ns, "tuntap add mode tap name tap4")
	w.Device = "tap4"
	c.m.Set([]attach.Want{w, {Name: "inband", Kind: attach.Inband, Device: "vlan1"}})
	c.wait("a TAP made by others", c.up(w.Name))
	c.wait("in-band port", c.up("inband"))
	c.m.Set(nil)
	c.wait("detached", func() bool { return len(c.m.States()) == 0 })
	out := innstest.Run(t, ns, "ip", "-br", "link")
	if !strings.Contains(out, "tap4") || strings.Contains(out, "vlan1") {
		t.Errorf("devices after detach:\n%s", out)
	}
}

func TestOpenError(t *testing.T) {
	ns := innstest.New(t)
	innstest.IP(t, ns, "link add eth5 type veth peer name eth6")
	c := start(t, attach.Options{Namespace: ns})
	c.m.Set([]attach.Want{{Name: "V1", Kind: attach.TAP, Device: "eth5"}, {Name: "V2", Kind: "floppy"}})
	for _, name := range []string{"V1", "V2"} {
		c.wait("error of "+name, func() bool { return c.states[name].Error != "" && !c.states[name].Open })
	}
}

func TestAdopt(t *testing.T) {
	ns, host := innstest.New(t), innstest.New(t)
	dir := t.TempDir()
	o := attach.Options{Namespace: ns, StateDir: dir}
	c := start(t, o)
	c.m.Adopt(attach.Rule{Phys: []attach.Phys{{Device: "up*", Profile: "UPLINK"}}})
	c.m.Set([]attach.Want{{Name: "Ethernet3/2", Kind: attach.NIC, Number: 2}})
	innstest.IP(t, ns, "link add upB address 02:00:00:00:00:0b type veth peer name xB")
	c.wait("first", c.adopted("1 upB UPLINK"))
	innstest.Veth(t, host, "xA", ns, "upA")
	c.wait("second", c.adopted("1 upB UPLINK", "2 upA UPLINK"))
	c.wait("its port", c.up("Ethernet3/2"))
	// A renamed device keeps its number by its address.
	innstest.IP(t, ns, "link set upB name upZ")
	c.wait("renamed", c.adopted("1 upZ UPLINK", "2 upA UPLINK"))
	// A virtual device that returns with another address keeps it by its name.
	innstest.IP(t, ns, "link del upA")
	c.wait("removed", c.adopted("1 upZ UPLINK"))
	c.wait("its port", c.down("Ethernet3/2", false))
	c.stop()
	c = start(t, o)
	c.m.Adopt(attach.Rule{Phys: []attach.Phys{{Device: "up*"}}})
	c.m.Set([]attach.Want{{Name: "Ethernet3/2", Kind: attach.NIC, Number: 2}})
	innstest.Veth(t, host, "xA", ns, "upA")
	c.wait("back after a restart", c.adopted("1 upZ ", "2 upA "))
	c.wait("its port", c.up("Ethernet3/2"))
}

// TestAdoptNames has a program name uplinks: exactly, and neither what a card made
// nor what is a port already.
func TestAdoptNames(t *testing.T) {
	ns := innstest.New(t)
	for _, name := range []string{"up1", "up2", "mine", "taken"} {
		innstest.IP(t, ns, "link add "+name+" type veth peer name x"+name)
	}
	innstest.Run(t, ns, "ip", "link", "set", "dev", "mine", "alias", "trunkline Vethernet9")
	c := start(t, attach.Options{Namespace: ns})
	c.m.Set([]attach.Want{{Name: "Vethernet1", Kind: attach.Device, Device: "taken"}})
	c.m.Adopt(attach.Rule{Uplinks: []string{"*", "up?", "up2", "mine", "taken"}})
	c.wait("the one that is named", c.adopted("1 up2 "))
	c.m.Adopt(attach.Rule{Phys: []attach.Phys{{Device: "[mut]*"}}})
	c.wait("those of a pattern", c.adopted("1 up2 ", "2 up1 "))
}

// TestReserved asks for the management device by its name.
func TestReserved(t *testing.T) {
	ns, host := innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "xm", ns, "mgmt")
	innstest.Veth(t, host, "xe", ns, "eth0")
	innstest.IP(t, ns, "addr add 192.0.2.1/24 dev mgmt")
	c := start(t, attach.Options{Namespace: ns})
	c.m.Adopt(attach.Rule{Lab: true, Exclude: []string{"mgmt"}})
	c.m.Set([]attach.Want{
		{Name: "Vethernet1", Kind: attach.Device, Device: "mgmt"}, {Name: "Vethernet2", Kind: attach.Device, Device: "eth0"},
	})
	for name, device := range map[string]string{"Vethernet1": "mgmt", "Vethernet2": "eth0"} {
		c.wait(name, func() bool {
			s := c.states[name]
			return !s.Open && s.Error == "device "+device+" is reserved for management"
		})
	}
	c.m.Adopt(attach.Rule{Exclude: []string{"mgmt"}})
	c.wait("no longer reserved", c.up("Vethernet2"))
	c.m.Adopt(attach.Rule{Exclude: []string{"mgmt", "eth0"}})
	c.wait("reserved while it is a port", c.down("Vethernet2", false))
}

// TestGivesBack looks at the IPv6 settings of a device while it is a port, after
// that, and after the card has gone.
func TestGivesBack(t *testing.T) {
	ns, host := innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "eth0", ns, "p1")
	settings := func() string {
		return strings.Join(strings.Fields(innstest.Run(t, ns, "cat", "/proc/sys/net/ipv6/conf/p1/disable_ipv6", "/proc/sys/net/ipv6/conf/p1/addr_gen_mode")), " ")
	}
	innstest.Run(t, ns, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/p1/disable_ipv6")
	if got := settings(); got != "0 0" {
		t.Skipf("needs IPv6 with its defaults, has %q", got)
	}
	c := start(t, attach.Options{Namespace: ns})
	for range 2 {
		c.m.Set([]attach.Want{{Name: "V1", Kind: attach.Device, Device: "p1"}})
		c.wait("attached", c.up("V1"))
		if got := settings(); got != "1 1" {
			t.Errorf("of a port: %q", got)
		}
		c.m.Set(nil)
		c.wait("detached", func() bool { return len(c.m.States()) == 0 })
		if got := settings(); got != "0 0" {
			t.Errorf("of a device that was a port: %q", got)
		}
	}
	c.m.Set([]attach.Want{{Name: "V1", Kind: attach.Device, Device: "p1"}})
	c.wait("attached", c.up("V1"))
	c.stop()
	if got := settings(); got != "0 0" {
		t.Errorf("after the card: %q", got)
	}
}

// TestSettle looks at a port right after it was asked for.
func TestSettle(t *testing.T) {
	innstest.TUN(t)
	ns := innstest.New(t)
	c := start(t, attach.Options{Namespace: ns})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range 5 {
		c.m.Set([]attach.Want{{Name: "V1", Kind: attach.TAP, Device: "tap1"}})
		c.m.Settle(ctx)
		if s := c.m.States()["V1"]; !s.Open {
			t.Fatalf("settled, and %+v", s)
		}
		c.m.Set(nil)
		c.m.Settle(ctx)
		if n := len(c.m.States()); n != 0 {
			t.Fatalf("settled, and %d ports", n)
		}
	}
	if ctx.Err() != nil {
		t.Error("never settled")
	}
	cancel()
	c.stop()
	c.m.Set(nil)
	c.m.Settle(ctx) // nobody looks any more: returns with ctx
}

func TestAdoptLab(t *testing.T) {
	ns := innstest.New(t)
	c := start(t, attach.Options{Namespace: ns})
	c.m.Adopt(attach.Rule{Lab: true, Slot: 3, Exclude: []string{"eth4"}, Map: map[string]int{"other": 30}})
	for _, name := range []string{"eth0", "eth2", "eth4", "e3-7", "eth1_9", "eth5_3", "clab-1", "other"} {
		innstest.IP(t, ns, "link add "+name+" type veth peer name x"+name)
	}
	innstest.IP(t, ns, "link property add dev clab-1 altname Ethernet1-12")
	c.wait("numbers from names", c.adopted("2 eth2 ", "7 e3-7 ", "9 eth1_9 ", "12 clab-1 ", "30 other "))
}

// adopted compares the inventory with lines of number, device and profile.
func (c *card) adopted(want ...string) func() bool {
	return func() bool {
		var got []string
		for _, n := range c.nics {
			got = append(got, fmt.Sprintf("%d %s %s", n.Number, n.Device, n.Profile))
		}
		return slices.Equal(got, want)
	}
}

// Nothing may be left of ports that were opened and closed.
func TestNoLeak(t *testing.T) {
	innstest.TUN(t)
	ns, host := innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "eth0", ns, "p1")
	c := start(t, attach.Options{Namespace: ns})
	opened := 0
	turn := func() {
		c.m.Set([]attach.Want{
			{Name: "V1", Kind: attach.Device, Device: "p1"},
			{Name: "V2", Kind: attach.TAP, Device: "tap2"},
		})
		c.wait("open", func() bool { return len(c.ports) == 2 })
		c.m.Set(nil)
		c.wait("closed", func() bool { return len(c.ports) == 0 })
		opened += 2
	}
	turn()
	before := descriptors(t)
	for opened < 60 {
		turn()
	}
	if now := descriptors(t); now > before+3 {
		t.Errorf("%d descriptors after %d ports, %d before", now, opened, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
