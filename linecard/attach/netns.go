package attach

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/tap"
)

// An interface in a workload's namespace is a persistent TAP made there, so
// that frames keep their virtio header. Where the TUN device cannot be used it
// is a veth whose other end, in the card's namespace, has a name derived from
// the port, by which a restarted card finds it again.
//
// An open TAP keeps its namespace alive after the name has been taken away.
// The identity of the namespace is therefore compared at every refresh; when
// the name leads elsewhere or nowhere, the interface is removed.

// inside is an interface in a workload's namespace.
type inside struct {
	port  port.Port
	tap   *tap.Port // nil for a veth
	veth  string    // its end in the card's namespace
	index int       // of it
	want  Want
	ns    os.FileInfo
}

func (m *Manager) attachNetns(w Want) (attached, error) {
	ns, err := os.Stat(inns.Path(w.Namespace))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("look at network namespace %s: %w", w.Namespace, err)
	}
	if !m.options.NoTUN {
		p, err := tap.Open(tap.Config{
			Name: w.Ifname, Namespace: w.Namespace, Persist: true, Up: true, MTU: w.MTU, MAC: w.MAC,
			Queues: m.options.Queues, Shared: &m.taps,
		})
		switch {
		case err == nil:
			return &inside{port: p, tap: p, want: w, ns: ns}, nil
		case !errors.Is(err, tap.ErrUnavailable):
			return nil, err
		}
		m.options.Log.Debug("no tap, taking a veth", "port", w.Name, "error", err)
	}
	name := pairName(w)
	if err := m.pair(w, name); err != nil {
		return nil, err
	}
	m.silence(name)
	m.setUp(name)
	i := &inside{veth: name, want: w, ns: ns}
	if i.port, err = m.drive(name, w.MTU, &i.want); err != nil {
		return nil, err
	}
	i.index = i.port.Info().IfIndex
	return i, nil
}

// pairName is the name of the card's end of a veth.
func pairName(w Want) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s", w.Name, inns.Path(w.Namespace), w.Ifname)
	return fmt.Sprintf("tl%012x", h.Sum64()&(1<<48-1))
}

// pair makes the veth of w unless it is there already.
func (m *Manager) pair(w Want, name string) error {
	c, err := ifctl.Open(w.Namespace)
	if err != nil {
		return err
	}
	defer c.Close()
	if old, err := m.handle.LinkByName(name); err == nil {
		if _, err := c.Index(w.Ifname); err == nil {
			return c.SetUp(w.Ifname)
		}
		// The other end was renamed or is in a namespace of the past.
		if err := m.handle.LinkDel(old); err != nil {
			return fmt.Errorf("remove stale veth %s: %w", name, err)
		}
	}
	ns, err := os.Open(inns.Path(w.Namespace))
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", w.Namespace, err)
	}
	defer ns.Close()
	a := netlink.NewLinkAttrs()
	a.Name, a.MTU = name, w.MTU
	v := netlink.NewVeth(a)
	v.PeerName, v.PeerMTU, v.PeerNamespace = w.Ifname, uint32(w.MTU), netlink.NsFd(int(ns.Fd()))
	if w.MAC != (ether.MAC{}) {
		v.PeerHardwareAddr = net.HardwareAddr(w.MAC[:])
	}
	if err := m.handle.LinkAdd(v); err != nil {
		return fmt.Errorf("make veth %s to %s in %s: %w", name, w.Ifname, w.Namespace, err)
	}
	m.mark(name, w.Name)
	return c.SetUp(w.Ifname)
}

func (i *inside) device() port.Port { return i.port }

func (i *inside) stale(m *Manager, now port.Info) (bool, bool) {
	ns, err := os.Stat(inns.Path(i.want.Namespace))
	if err != nil || !os.SameFile(ns, i.ns) {
		return true, true
	}
	if i.tap != nil {
		return now.IfIndex == 0, false
	}
	return m.links[i.veth].index != i.index, false
}

func (i *inside) setMTU(m *Manager, mtu int) error {
	if mtu == 0 {
		return nil
	}
	if i.tap != nil {
		return i.tap.SetMTU(mtu)
	}
	if err := carries(i.port, mtu); err != nil {
		return err
	}
	l, err := m.handle.LinkByName(i.veth)
	if err != nil {
		return fmt.Errorf("find %s: %w", i.veth, err)
	}
	if err := m.handle.LinkSetMTU(l, mtu); err != nil {
		return fmt.Errorf("set mtu of %s: %w", i.veth, err)
	}
	c, err := ifctl.Open(i.want.Namespace)
	if err != nil {
		return err
	}
	return errors.Join(c.SetMTU(i.want.Ifname, mtu), c.Close())
}

func (i *inside) forsake() error {
	if i.tap != nil {
		return i.tap.Forsake()
	}
	return nil
}

func (i *inside) close(m *Manager, remove bool) error {
	err := i.port.Close()
	if !remove || i.tap != nil {
		return err
	}
	l, e := m.handle.LinkByName(i.veth)
	if e == nil {
		e = m.handle.LinkDel(l)
	}
	if e != nil && !errors.As(e, new(netlink.LinkNotFoundError)) && !errors.Is(e, unix.ENODEV) {
		err = errors.Join(err, fmt.Errorf("remove %s: %w", i.veth, e))
	}
	return err
}
