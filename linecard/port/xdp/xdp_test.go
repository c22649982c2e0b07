package xdp_test

import (
	"strings"
	"testing"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/xdp"
	"trunkline/testbed/drivertest"
	"trunkline/testbed/traffic"
)

func open(generic bool) func(t testing.TB, namespace, device string) port.Port {
	return func(t testing.TB, namespace, device string) port.Port {
		t.Helper()
		p, err := xdp.Open(xdp.Config{Device: device, Namespace: namespace, Generic: generic})
		if err != nil {
			t.Skipf("needs AF_XDP: %v", err)
		}
		return p
	}
}

// finish makes the other end finish its frames.
func finish(t testing.TB, namespace, device string) {
	t.Helper()
	c, err := ifctl.Open(namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetSendOffloads(device, false); err != nil {
		t.Fatal(err)
	}
}

func TestDriver(t *testing.T) {
	for name, generic := range map[string]bool{"native": false, "generic": true} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Driver{Open: open(generic), Prepare: finish, MTU: 3400})
		})
	}
}

// attached reports whether a program is attached to a device.
func attached(t *testing.T, namespace, device string) bool {
	t.Helper()
	return strings.Contains(innstest.Run(t, namespace, "ip", "link", "show", "dev", device), "prog/xdp")
}

// TestDetach: the program is there as long as the port is open, also when Open
// fails half-way, and the device works as before afterwards.
func TestDetach(t *testing.T) {
	card, host := innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "eth0", card, "p1")
	for round := range 3 {
		p := open(false)(t, card, "p1")
		if !attached(t, card, "p1") {
			t.Errorf("round %d: no program on an open port", round)
		}
		if _, err := xdp.Open(xdp.Config{Device: "p1", Namespace: card}); err == nil {
			t.Errorf("round %d: a second program was attached", round)
		}
		if !attached(t, card, "p1") {
			t.Errorf("round %d: the second took the first with it", round)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if attached(t, card, "p1") {
			t.Errorf("round %d: program left on a closed port", round)
		}
	}
}

// TestRefused: what a device cannot carry is an error that says so.
func TestRefused(t *testing.T) {
	card, host := innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "eth0", card, "p1")
	if err := open(false)(t, card, "p1").Close(); err != nil {
		t.Fatal(err)
	}
	innstest.IP(t, card, "link set p1 mtu 9500")
	innstest.IP(t, host, "link set eth0 mtu 9500")
	for device, want := range map[string]string{"p1": "mtu of 9500 bytes", "lo": "not an Ethernet device", "none": "no such device"} {
		p, err := xdp.Open(xdp.Config{Device: device, Namespace: card})
		if err == nil {
			t.Errorf("%s: opened as %s", device, p.Info().Driver)
			_ = p.Close()
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", device, err, want)
		}
	}
}

// TestFull: a peer that takes nothing costs frames, not the worker: Send returns,
// and what follows leaves when the device is up again.
func TestFull(t *testing.T) {
	c := drivertest.Driver{Open: open(false), Prepare: finish, MTU: 1500}.Connect(t)
	innstest.IP(t, c.Card, "link set p1 down")
	buf := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}})
	f := &frame.Frame{Buf: buf, Head: uint32(len(buf))}
	out := make([]frame.Out, frame.BatchSize)
	full := 0
	for range 40 {
		for i := range out {
			out[i] = frame.Out{Frame: f}
		}
		if err := c.Queue.Send(out); err != nil {
			t.Fatal(err)
		}
		for i := range out {
			if out[i].Drop == frame.QueueFull {
				full++
			}
		}
	}
	if full == 0 {
		t.Errorf("%d frames taken by a device that is down, none refused", 40*len(out))
	}
	innstest.IP(t, c.Card, "link set p1 up")
	for range 3 {
		for i := range out {
			out[i] = frame.Out{Frame: f}
		}
		if err := c.Queue.Send(out); err != nil {
			t.Fatal(err)
		}
	}
	for i := range out {
		if out[i].Drop != frame.Forward {
			t.Fatalf("frame %d after the device came up: %v", i, out[i].Drop)
		}
	}
}
