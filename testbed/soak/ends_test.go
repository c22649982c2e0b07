package soak

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/packet"
	"trunkline/linecard/port/tap"
	"trunkline/linecard/port/vhostuser"
	"trunkline/linecard/port/xdp"
	"trunkline/testbed/vhost"
)

// options are what the host at one end can do.
type options struct {
	driver string
	csum   bool // partial checksums
	tso    bool // TCP super-frames; only with csum
	uso    bool // UDP super-frames; only with csum
	ufo    bool // vhost-user: datagrams that are to be fragmented; only with csum
	mrg    bool // vhost-user: frames in several buffers
	event  bool // vhost-user: event index, and frames of the guest in indirect chains
	tag    bool // a trunk that sends tagged, else an access port
}

func (o options) String() string {
	s := o.driver
	for _, x := range []struct {
		on   bool
		name string
	}{{o.csum, "csum"}, {o.tso, "tso"}, {o.uso, "uso"}, {o.ufo, "ufo"}, {o.mrg, "mrg"}, {o.event, "event"}, {o.tag, "tag"}} {
		if x.on {
			s += "+" + x.name
		}
	}
	return s
}

// valid reports whether a device can have these options together.
func (o options) valid() bool {
	if (o.tso || o.uso || o.ufo) && !o.csum {
		return false
	}
	return o.driver == "vhost" || !o.mrg && !o.event && !o.ufo
}

// bigBuffers reports whether each receive buffer of a guest must hold a
// super-frame.
func (o options) bigBuffers() bool { return o.driver == "vhost" && !o.mrg && (o.tso || o.uso || o.ufo) }

// window is the number of segments that may be on the way to the end.
func (o options) window() int {
	if o.bigBuffers() {
		return bigRing / 2
	}
	return window
}

// bigRing is the number of buffers of such a guest: for a window, and the 44
// segments of the last super-frame that is begun within it.
const bigRing = 128

// host is the machine at one end. It belongs to one goroutine.
type host interface {
	// send waits for room, within bounds, and may keep a copy of the frame for
	// flush, which sends all that was kept.
	send(vhost.Frame) error
	flush() error
	// receive returns a frame that is there; it is valid until the next call.
	receive() (f vhost.Frame, ok bool, err error)
	// wait returns when a frame is there, or after d.
	wait(d time.Duration)
}

// openers open a port with a host behind it, by the name of the driver.
var openers = map[string]func(t testing.TB, o options) (port.Port, func() host){
	"tap":    func(t testing.TB, o options) (port.Port, func() host) { return openTAP(t, tap.Config{}) },
	"taprw":  func(t testing.TB, o options) (port.Port, func() host) { return openTAP(t, tap.Config{NoRing: true}) },
	"tapmq":  func(t testing.TB, o options) (port.Port, func() host) { return openTAP(t, tap.Config{Queues: 2}) },
	"packet": func(t testing.TB, o options) (port.Port, func() host) { return openVeth(t, packet.Config{}) },
	"ring":   func(t testing.TB, o options) (port.Port, func() host) { return openVeth(t, packet.Config{Ring: true}) },
	"plain":  func(t testing.TB, o options) (port.Port, func() host) { return openVeth(t, packet.Config{Plain: true}) },
	"xdp":    openXDP,
	"vhost":  openVhost,
}

// drivers are the names of openers in a fixed order.
var drivers = []string{"tap", "taprw", "tapmq", "packet", "ring", "plain", "xdp", "vhost"}

func ready[P port.Port](t testing.TB, p P, err error) P {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func openTAP(t testing.TB, c tap.Config) (port.Port, func() host) {
	ns := innstest.New(t)
	innstest.TUN(t)
	c.Name, c.Namespace, c.Up = "h0", ns, true
	p, err := tap.Open(c)
	return ready(t, p, err), func() host { return newKernel(t, ns, "h0") }
}

func openVeth(t testing.TB, c packet.Config) (port.Port, func() host) {
	card, far := veth(t, !c.Plain)
	c.Device, c.Namespace = "s0", card
	p, err := packet.Open(c)
	return ready(t, p, err), func() host { return newKernel(t, far, "h0") }
}

func openXDP(t testing.TB, _ options) (port.Port, func() host) {
	card, far := veth(t, false)
	p, err := xdp.Open(xdp.Config{Device: "s0", Namespace: card})
	return ready(t, p, err), func() host { return newKernel(t, far, "h0") }
}

// veth makes a veth between the card's s0 and the host's h0. Unless it may
// leave work to the switch, the host finishes its frames before they pass: a
// driver that is not told of unfinished ones cannot take them.
func veth(t testing.TB, offload bool) (card, far string) {
	card, far = innstest.New(t), innstest.New(t)
	innstest.Veth(t, card, "s0", far, "h0")
	if !offload {
		innstest.Run(t, far, "ethtool", "-K", "h0", "tx", "off", "tso", "off", "gso", "off", "txvlan", "off")
	}
	return card, far
}

// guest is a host behind vhost-user.
type guest struct {
	*vhost.Peer
	shape vhost.Shape
}

func (g guest) send(f vhost.Frame) error { return g.Peer.Send(0, f, g.shape) }

func (g guest) flush() error { return nil }

func (g guest) receive() (f vhost.Frame, ok bool, err error) {
	f, err = g.ReceiveBy(0, time.Time{})
	if errors.Is(err, unix.ETIMEDOUT) {
		return f, false, nil
	}
	return f, err == nil, err
}

func (g guest) wait(d time.Duration) { _ = g.Rx(0).Wait(time.Now().Add(d)) }

func openVhost(t testing.TB, o options) (port.Port, func() host) {
	path := filepath.Join(t.TempDir(), "s")
	p, err := vhostuser.Open(vhostuser.Config{Path: path, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	return ready(t, p, err), func() host {
		features := uint64(vhost.FeatureVersion1 | vhost.FeatureProtocol)
		add := func(on bool, bits uint64) {
			if on {
				features |= bits
			}
		}
		add(o.csum, vhost.FeatureCsum|vhost.FeatureGuestCsum)
		add(o.tso, vhost.FeatureHostTSO4|vhost.FeatureHostTSO6|vhost.FeatureGuestTSO4|vhost.FeatureGuestTSO6)
		add(o.uso, vhost.FeatureHostUSO|vhost.FeatureGuestUSO4|vhost.FeatureGuestUSO6)
		add(o.ufo, vhost.FeatureHostUFO|vhost.FeatureGuestUFO)
		add(o.mrg, vhost.FeatureMrgRxbuf)
		add(o.event, vhost.FeatureEventIdx|vhost.FeatureIndirect)
		h := vhost.Options{Features: features, RingSize: 1024, Stride: 2048}
		size := 2048
		if o.bigBuffers() {
			size, h.RingSize, h.Stride = 1<<16+64, bigRing, 1<<16+64
		} else if o.tso || o.uso || o.ufo {
			h.Stride = 1 << 17 // of a sent super-frame
		}
		peer, err := vhost.Dial(path, h)
		if err == nil {
			err = peer.Start()
		}
		if err != nil {
			t.Fatalf("front end: %v", err)
		}
		t.Cleanup(func() { _ = peer.Close() })
		if _, err := peer.Offer(0, h.RingSize, size, vhost.Shape{}); err != nil {
			t.Fatalf("front end: offer buffers: %v", err)
		}
		g := guest{Peer: peer}
		if o.event {
			g.shape = vhost.Shape{Pieces: []int{peer.HeaderLen(), 40}, Indirect: true}
		}
		return g
	}
}

// Each driver of the list can be opened.
func TestDrivers(t *testing.T) {
	for _, d := range drivers {
		if openers[d] == nil {
			t.Errorf("driver %s has no opener", d)
		}
	}
	if len(drivers) != len(openers) {
		t.Errorf("%d drivers, %d openers", len(drivers), len(openers))
	}
	if (options{driver: "tap", tso: true}).valid() {
		t.Error("segmentation without checksums is taken for valid")
	}
}
