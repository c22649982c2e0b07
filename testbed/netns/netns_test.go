package netns_test

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"trunkline/testbed/netns"
	"trunkline/testbed/netns/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

func wired(t *testing.T) (a, b netns.NS) {
	t.Helper()
	nstest.Require(t)
	a, b = nstest.Create(t, "t-a"), nstest.Create(t, "t-b")
	if err := netns.Wire(netns.End{NS: a, Device: "eth0"}, netns.End{NS: b, Device: "eth0"}); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func address(t *testing.T, n netns.NS, device, prefix string) {
	t.Helper()
	for range 2 { // the second time changes nothing
		if err := n.Address(device, netip.MustParsePrefix(prefix)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWire(t *testing.T) {
	a, b := wired(t)
	address(t, a, "eth0", "10.9.0.1/24")
	address(t, b, "eth0", "10.9.0.2/24")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := a.Output(ctx, "ping", "-c", "2", "-i", "0.1", "-W", "2", "10.9.0.2")
	if err != nil {
		t.Skipf("ping does not run here: %v", err)
	}
	if !strings.Contains(out, " 0% packet loss") {
		t.Errorf("ping: %s", out)
	}
	c, err := b.Counters("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if c.RxFrames < 2 || c.TxFrames < 2 || c.RxBytes < 2*98 {
		t.Errorf("counters after two echo requests: %+v", c)
	}
}

// TestSilent holds that a wire carries nothing of its own.
func TestSilent(t *testing.T) {
	a, b := wired(t)
	for _, n := range []netns.NS{a, b} {
		out, err := n.Output(t.Context(), "ip", "-6", "address", "show")
		if err != nil {
			t.Skipf("ip does not run here: %v", err)
		}
		if strings.Contains(out, "fe80") {
			t.Errorf("%s has IPv6 addresses: %s", n.Name(), out)
		}
	}
}

func TestDelete(t *testing.T) {
	a, b := wired(t)
	if err := a.Delete(); err != nil {
		t.Fatal(err)
	}
	if b.Has("eth0") {
		t.Error("the peer is still there when Delete has returned")
	}
	if _, err := os.Lstat(a.Path()); !os.IsNotExist(err) {
		t.Errorf("%s: %v", a.Path(), err)
	}
	if err := a.Delete(); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if err := a.Do(func() error { return nil }); err == nil {
		t.Error("entered a namespace that is gone")
	}
}

func TestCreateTwice(t *testing.T) {
	a, _ := wired(t)
	if _, err := netns.Create(a.Name()); err == nil {
		t.Error("created a namespace that is there")
	}
	if !a.Has("eth0") {
		t.Error("the refused creation damaged the namespace")
	}
	for _, name := range []string{"", ".", "..", "a/b"} {
		if _, err := netns.Create(name); err == nil {
			t.Errorf("created %q", name)
		}
	}
}

// TestDo holds that a call in a namespace leaves no thread in it.
func TestDo(t *testing.T) {
	a, _ := wired(t)
	home := netns.Named("")
	for range 50 {
		if err := a.Do(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		if home.Has("eth0") {
			t.Fatal("a thread stayed in the namespace")
		}
	}
}

func TestRemove(t *testing.T) {
	a, b := wired(t)
	if err := a.Down("eth0"); err != nil {
		t.Fatal(err)
	}
	if err := a.Remove("eth0"); err != nil {
		t.Fatal(err)
	}
	if a.Has("eth0") || b.Has("eth0") {
		t.Error("the pair is still there")
	}
	if err := a.Remove("eth0"); err == nil {
		t.Error("removed what is not there")
	}
}
