package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// End is one end of a wire.
type End struct {
	NS     NS
	Device string
}

// Wire joins two devices by a veth pair, both up, without addresses: the kernel
// does not speak on them by itself.
func Wire(a, b End) error {
	at, err := os.Open(b.NS.Path())
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", b.NS.name, err)
	}
	defer at.Close()
	err = a.NS.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = a.Device
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: b.Device, PeerNamespace: netlink.NsFd(at.Fd())})
	})
	if err != nil {
		return fmt.Errorf("wire %s to %s: %w", a.Device, b.Device, err)
	}
	for _, e := range []End{a, b} {
		if err := e.silent(); err != nil {
			return err
		}
	}
	return nil
}

// addrGenNone is IN6_ADDR_GEN_MODE_NONE of the kernel.
const addrGenNone = 1

// silent sets a device up that carries frames of others.
func (e End) silent() error {
	err := e.NS.Do(func() error {
		l, err := netlink.LinkByName(e.Device)
		if err != nil {
			return err
		}
		return netlink.LinkSetIP6AddrGenMode(l, addrGenNone)
	})
	// A kernel without IPv6 has nothing to switch off.
	if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("switch address generation of %s off: %w", e.Device, err)
	}
	return e.NS.Up(e.Device)
}

// Up sets a device administratively up.
func (n NS) Up(device string) error { return n.set(device, "up", netlink.LinkSetUp) }

// Down sets a device administratively down.
func (n NS) Down(device string) error { return n.set(device, "down", netlink.LinkSetDown) }

// Remove deletes a device.
func (n NS) Remove(device string) error { return n.set(device, "remove", netlink.LinkDel) }

func (n NS) set(device, what string, f func(netlink.Link) error) error {
	return n.Do(func() error {
		l, err := netlink.LinkByName(device)
		if err == nil {
			err = f(l)
		}
		if err != nil {
			return fmt.Errorf("set %s %s: %w", device, what, err)
		}
		return nil
	})
}

// Address gives a device an address, in addition to others. An address that is
// there already is no error.
func (n NS) Address(device string, p netip.Prefix) error {
	return n.Do(func() error {
		l, err := netlink.LinkByName(device)
		if err != nil {
			return fmt.Errorf("address %s: %w", device, err)
		}
		a, err := netlink.ParseAddr(p.String())
		if err == nil {
			err = netlink.AddrReplace(l, a)
		}
		if err != nil {
			return fmt.Errorf("give %s the address %v: %w", device, p, err)
		}
		return nil
	})
}

// Has reports whether a device is there.
func (n NS) Has(device string) bool {
	return n.Do(func() error {
		_, err := netlink.LinkByName(device)
		return err
	}) == nil
}

// Counters are what a device counted, as its own namespace sees it: received
// is what came to its owner.
type Counters struct {
	RxFrames, TxFrames, RxBytes, TxBytes, RxDropped, TxDropped uint64
}

// Counters reads the counters of a device.
func (n NS) Counters(device string) (c Counters, err error) {
	err = n.Do(func() error {
		l, err := netlink.LinkByName(device)
		if err != nil {
			return fmt.Errorf("read counters of %s: %w", device, err)
		}
		if s := l.Attrs().Statistics; s != nil {
			c = Counters{s.RxPackets, s.TxPackets, s.RxBytes, s.TxBytes, s.RxDropped, s.TxDropped}
		}
		return nil
	})
	return c, err
}

// Sysctl sets a kernel variable of the namespace, "net.ipv4.ip_forward".
func (n NS) Sysctl(name, value string) error {
	path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	return n.Do(func() error {
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			// The address family is not there at all.
			if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(name, "net.ipv6.") {
				return nil
			}
			return fmt.Errorf("set %s: %w", name, err)
		}
		return nil
	})
}
