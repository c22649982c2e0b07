package attach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"

	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/tap"
)

// errAbsent says that the device is simply not there.
var errAbsent = errors.New("device is absent")

// attached is an open device with what it takes to keep and to remove it.
type attached interface {
	device() port.Port
	// stale reports that the device is no longer the wanted one, and whether
	// what was made for it is to be removed.
	stale(m *Manager, now port.Info) (stale, remove bool)
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
		return m.attachLink(w.Device, w.MTU, func() string { return w.Device })
	case NIC:
		name := func() string { return m.nics[w.Number].name }
		return m.attachLink(name(), w.MTU, name)
	case TAP, Inband, SVI:
		return m.attachTAP(w)
	case Netns:
		return m.attachNetns(w)
	case VhostUser:
		return m.attachVhost(w)
	case VXLAN:
		return m.attachTunnel(w.Tunnel)
	}
	return nil, fmt.Errorf("attach %s: unknown kind %q", w.Name, w.Kind)
}

// linked is a device of the card's namespace that the card did not make.
type linked struct {
	port  port.Port
	name  string
	index int
	now   func() string // the name it should have
	ipv6  []setting     // what silence changed
}

func (m *Manager) attachLink(name string, mtu int, now func() string) (attached, error) {
	l, ok := m.links[name]
	if name == "" || !ok {
		return nil, errAbsent
	}
	if m.spared(name) {
		return nil, fmt.Errorf("device %s is reserved for management", name)
	}
	was := m.silence(name)
	m.setUp(name)
	a := &linked{name: name, index: l.index, now: now, ipv6: was}
	var err error
	if a.port, err = m.drive(name, mtu, nil); err != nil {
		m.restore(name, was)
		return nil, err
	}
	return a, nil
}

func (l *linked) device() port.Port { return l.port }

func (l *linked) stale(m *Manager, _ port.Info) (bool, bool) {
	k, ok := m.links[l.name]
	return !ok || k.index != l.index || l.now() != l.name || m.spared(l.name), false
}

func (l *linked) setMTU(m *Manager, mtu int) error {
	if m.links[l.name].mtu >= mtu {
		return nil
	}
	if err := carries(l.port, mtu); err != nil {
		return err
	}
	c, err := ifctl.Open(m.options.Namespace)
	if err != nil {
		return err
	}
	return errors.Join(c.SetMTU(l.name, mtu), c.Close())
}

func (l *linked) forsake() error { return nil }

// close gives the device back to the host as it was.
func (l *linked) close(m *Manager, _ bool) error {
	err := l.port.Close()
	for name, k := range m.links {
		if k.index == l.index { // under whatever name
			m.restore(name, l.ipv6)
		}
	}
	return err
}

// tapped is a TAP of the card's namespace.
type tapped struct {
	port *tap.Port
	ours bool // made by a card, removed on detach
}

// alias marks a device that a card made; its interface alias starts with it.
const alias = "trunkline "

func (m *Manager) attachTAP(w Want) (attached, error) {
	c := tap.Config{
		Name: w.Device, Namespace: m.options.Namespace, Up: true, MTU: w.MTU, MAC: w.MAC, Persist: true,
		Queues: m.options.Queues, Shared: &m.taps,
	}
	open := tap.Open
	switch w.Kind {
	case Inband:
		open = tap.OpenInband
	case SVI:
		if l, there := m.links[w.Device]; there && l.alias != alias+w.Name {
			return nil, fmt.Errorf("device %s of the host exists already, and is not the switch's", w.Device)
		}
		open = tap.OpenInband
		c.Up, c.Persist = false, false
	}
	p, err := open(c)
	if err != nil {
		return nil, err
	}
	t := &tapped{port: p, ours: p.Created() || m.links[w.Device].made()}
	if p.Created() {
		m.mark(w.Device, w.Name)
	}
	return t, nil
}

func (l link) made() bool { return len(l.alias) >= len(alias) && l.alias[:len(alias)] == alias }

// mark sets the alias of a device that was made for a port.
func (m *Manager) mark(device, port string) {
	l, err := m.handle.LinkByName(device)
	if err == nil {
		err = m.handle.LinkSetAlias(l, alias+port)
	}
	if err != nil {
		m.options.Log.Warn("mark device", "device", device, "error", err)
	}
}

func (t *tapped) device() port.Port { return t.port }

func (t *tapped) stale(_ *Manager, now port.Info) (bool, bool) { return now.IfIndex == 0, false }

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
// IPv6 or /proc be read-only, and a few frames of the host do no harm. It
// returns what it has changed, for restore.
func (m *Manager) silence(device string) (was []setting) {
	err := inns.Do(m.options.Namespace, func() error {
		var errs []error
		for _, s := range []setting{{"addr_gen_mode", "1"}, {"disable_ipv6", "1"}} { // mode 1: none
			file := s.file(device)
			old, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, []byte(s.value), 0)
			}
			if err == nil {
				was = append(was, setting{s.name, strings.TrimSpace(string(old))})
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	if err != nil {
		m.options.Log.Debug("silence ipv6", "device", device, "error", err)
	}
	return was
}

// setting is an IPv6 setting of a device.
type setting struct{ name, value string }

func (s setting) file(device string) string {
	return filepath.Join("/proc/sys/net/ipv6/conf", device, s.name)
}

// restore undoes silence on a device that is the host's again.
func (m *Manager) restore(device string, was []setting) {
	if len(was) == 0 {
		return
	}
	err := inns.Do(m.options.Namespace, func() error {
		var errs []error
		for _, s := range was { // the mode before IPv6 comes on and uses it
			errs = append(errs, os.WriteFile(s.file(device), []byte(s.value), 0))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		m.options.Log.Debug("restore ipv6", "device", device, "error", err)
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
