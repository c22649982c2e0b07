package attach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"

	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/packet"
	"trunkline/linecard/port/tap"
)

// errAbsent says that the device is simply not there.
var errAbsent = errors.New("device is absent")

// attached is an open device with what it takes to keep and to remove it.
type attached interface {
	device() port.Port
	// stale reports that the device is no longer the wanted one, and whether
	// what was made for it is to be removed.
	stale(m *Manager) (stale, remove bool)
	setMTU(m *Manager, mtu int) error
	// forsake prepares for removal while the device is open: a TAP that is no
	// longer persistent vanishes with its last descriptor, whoever closes that.
	forsake() error
	// close releases the device, which may be closed already.
	close(m *Manager, remove bool) error
}

// attach opens the device of a want.
func (m *Manager) attach(w Want) (attached, error) {
	switch w.Kind {
	case Device:
		return m.attachLink(w.Device, func() string { return w.Device })
	case NIC:
		name := func() string { return m.nics[w.Number].name }
		return m.attachLink(name(), name)
	case TAP, Inband:
		return m.attachTAP(w)
	case Netns:
		return m.attachNetns(w)
	}
	return nil, fmt.Errorf("attach %s: unknown kind %q", w.Name, w.Kind)
}

// linked is a device of the card's namespace that the card did not make.
type linked struct {
	port  *packet.Port
	name  string
	index int
	now   func() string // the name it should have
}

func (m *Manager) attachLink(name string, now func() string) (attached, error) {
	l, ok := m.links[name]
	if name == "" || !ok {
		return nil, errAbsent
	}
	m.silence(name)
	m.setUp(name)
	p, err := packet.Open(packet.Config{Device: name, Namespace: m.options.Namespace})
	if err != nil {
		return nil, err
	}
	return &linked{port: p, name: name, index: l.index, now: now}, nil
}

func (l *linked) device() port.Port { return l.port }

func (l *linked) stale(m *Manager) (bool, bool) {
	k, ok := m.links[l.name]
	return !ok || k.index != l.index || l.now() != l.name, false
}

func (l *linked) setMTU(m *Manager, mtu int) error {
	if m.links[l.name].mtu >= mtu {
		return nil
	}
	c, err := ifctl.Open(m.options.Namespace)
	if err != nil {
		return err
	}
	return errors.Join(c.SetMTU(l.name, mtu), c.Close())
}

func (l *linked) forsake() error { return nil }

func (l *linked) close(*Manager, bool) error { return l.port.Close() }

// tapped is a TAP of the card's namespace.
type tapped struct {
	port *tap.Port
	ours bool // made by a card, removed on detach
}

// alias marks a device that a card made; its interface alias starts with it.
const alias = "trunkline "

func (m *Manager) attachTAP(w Want) (attached, error) {
	c := tap.Config{Name: w.Device, Namespace: m.options.Namespace, Up: true, MTU: w.MTU, MAC: w.MAC, Persist: true}
	open := tap.Open
	if w.Kind == Inband {
		open = tap.OpenInband
	}
	p, err := open(c)
	if err != nil {
		return nil, err
	}
	t := &tapped{port: p, ours: p.Created() || m.links[w.Device].made()}
	if p.Created() {
		m.mark(w)
	}
	return t, nil
}

func (l link) made() bool { return len(l.alias) >= len(alias) && l.alias[:len(alias)] == alias }

// mark sets the alias of a TAP that was made for w.
func (m *Manager) mark(w Want) {
	l, err := m.handle.LinkByName(w.Device)
	if err == nil {
		err = m.handle.LinkSetAlias(l, alias+w.Name)
	}
	if err != nil {
		m.options.Log.Warn("mark tap", "device", w.Device, "error", err)
	}
}

func (t *tapped) device() port.Port { return t.port }

func (t *tapped) stale(*Manager) (bool, bool) { return t.port.Info().IfIndex == 0, false }

func (t *tapped) setMTU(_ *Manager, mtu int) error {
	if mtu == 0 {
		return nil
	}
	return t.port.SetMTU(mtu)
}

func (t *tapped) forsake() error {
	if t.ours {
		return t.port.Forsake()
	}
	return nil
}

func (t *tapped) close(*Manager, bool) error { return t.port.Close() }

// silence keeps the host's IPv6 off a device that belongs to the switch: no
// generated address, no solicitations. Best effort: the kernel may be without
// IPv6 or /proc be read-only, and a few frames of the host do no harm.
func (m *Manager) silence(device string) {
	dir := filepath.Join("/proc/sys/net/ipv6/conf", device)
	err := inns.Do(m.options.Namespace, func() error {
		return errors.Join(
			os.WriteFile(filepath.Join(dir, "addr_gen_mode"), []byte("1"), 0), // none
			os.WriteFile(filepath.Join(dir, "disable_ipv6"), []byte("1"), 0),
		)
	})
	if err != nil {
		m.options.Log.Debug("silence ipv6", "device", device, "error", err)
	}
}

// setUp sets a device administratively up. Without the right to, the state of
// the device shows it.
func (m *Manager) setUp(device string) {
	l, err := m.handle.LinkByName(device)
	if err == nil {
		err = m.handle.LinkSetUp(l)
	}
	if err != nil && !errors.As(err, new(netlink.LinkNotFoundError)) {
		m.options.Log.Warn("set device up", "device", device, "error", err)
	}
}
