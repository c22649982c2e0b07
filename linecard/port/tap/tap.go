// Package tap drives TAP devices whose character device the card opens.
//
// The descriptors are non-blocking, and the runtime's poller is not involved.
// Where the kernel has io_uring, a burst of frames is read or written by one
// system call (port/uring, ADR 0016); without, and for single frames, which are
// quicker that way, each frame is a call. With IFF_VNET_HDR every frame is
// preceded by a virtio header, so 64 KiB segments and partial checksums pass
// both ways untouched:
//
//	read   one slot of receive memory: header in the headroom, whole frame
//	write  {header, [addresses, tag,] [small frame]}, head, tail
//
// What the kernel offers is probed when the device is opened, and Info says
// what was found: how it reads and writes, the header's size (12 bytes, else the
// 10-byte form inside the 12), UDP segmentation and fragmentation (UFO).
//
// A TAP delivers the 802.1Q tag in the bytes; the driver pops it as the frame
// contract asks.
//
// A device that is created may have several queues, a descriptor each, over
// which the kernel spreads flows: by their hash, and back to the queue that
// wrote the flow's other direction last. Each is read by one worker. Workers
// write through any: writes do not disturb each other in the kernel.
//
// A persistent device outlives the card: it loses carrier while nobody holds
// it, and the next Open attaches to it with its address, MTU and namespace
// unchanged. A device that was moved to another namespace stays attached.
package tap

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/vnet"
)

// Clone is the device that TAPs are opened through.
const Clone = "/dev/net/tun"

// Config says which TAP to open. MAC and MTU apply to a device that is created;
// one that exists keeps its own.
type Config struct {
	Name      string // of the device
	Namespace string // where it is or is created; see inns.Do
	Persist   bool   // keep the device when the port is closed
	Up        bool   // set it administratively up
	MTU       int    // bytes; 0: the kernel's default
	MAC       ether.MAC
	Queues    int     // for receiving, of a device that is created; 0: 1; see Several
	Shared    *Shared // by the TAPs of a card; nil: the port is alone
	NoRing    bool    // do without io_uring
}

// Errors of Open that callers act on.
var (
	// ErrBusy is returned when another process holds the character device.
	ErrBusy = errors.New("device is held by another process")
	// ErrUnavailable is returned where the TUN device is missing or closed to us.
	ErrUnavailable = errors.New("no access to the TUN device")
)

// Port is an open TAP. Info and Close may be called from any goroutine.
type Port struct {
	fd      int   // of the first queue, for control
	fds     []int // of all queues
	header  int   // bytes of the virtio header, 0 without
	offload port.Offloads
	driver  string
	created bool
	shared  *Shared
	ring    bool // the queues use io_uring

	mu   sync.Mutex
	base uint64      // frames that the kernel had dropped at the open
	lost uint64      // since then, as last read
	ctl  *ifctl.Conn // in the namespace of the device
	name string      // as last seen
	done bool
}

// Open attaches to a TAP, and creates it when it is not there.
func Open(c Config) (*Port, error) {
	if c.Name == "" || len(c.Name) >= unix.IFNAMSIZ {
		return nil, fmt.Errorf("open tap %q: name must have 1 to 15 characters", c.Name)
	}
	if c.Shared == nil {
		c.Shared = &Shared{}
	}
	p, err := openFDs(c, func() ([]int, error) { return attach(c.Name, c.Shared.admit(c.Queues)) })
	if err != nil {
		return nil, err
	}
	note := ""
	if len(p.fds) > 1 {
		if err := steer(p.fd); err != nil { // without it flows change queues, and their order
			note = " one queue: " + err.Error()
			err = closeAll(p.fds[1:])
			p.fds = p.fds[:1:1]
			if err != nil {
				return nil, errors.Join(err, p.discard())
			}
		}
	}
	p.probe()
	p.share(c)
	p.driver += note
	if err := p.prepare(c); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	return p, nil
}

// openFDs opens the character device and the control socket in a namespace.
func openFDs(c Config, open func() ([]int, error)) (*Port, error) {
	ctl, err := ifctl.Open(c.Namespace)
	if err != nil {
		return nil, fmt.Errorf("open tap %s: %w", c.Name, err)
	}
	p := &Port{ctl: ctl, name: c.Name}
	err = inns.Do(c.Namespace, func() (err error) {
		_, missing := ctl.Index(c.Name)
		p.fds, err = open()
		p.created = err == nil && missing != nil
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open tap %s: %w", c.Name, err), ctl.Close())
	}
	p.fd = p.fds[0]
	return p, nil
}

// probe negotiates the header size and the offloads of an attached device.
func (p *Port) probe() {
	p.header = frame.VnetLen
	p.driver = "vnet"
	if unix.IoctlSetPointerInt(p.fd, unix.TUNSETVNETHDRSZ, frame.VnetLen) != nil {
		p.header = vnet.ShortLen
		p.driver = "vnet10"
	}
	const (
		tso = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN
		ufo = unix.TUN_F_UFO
		uso = unix.TUN_F_USO4 | unix.TUN_F_USO6
	)
	// TUNSETOFFLOAD says what the kernel may hand us. What it takes from us
	// does not depend on it, except that a kernel without USO or UFO knows no such
	// type: USO is from 6.2 on; UFO was away from 4.14 to 4.14.12, and came back
	// for receiving only.
	for _, try := range [...]struct {
		flags int
		have  port.Offloads
		note  string
	}{
		{tso | ufo | uso, port.UFO | port.USO, ""},
		{tso | uso, port.USO, " no-ufo"},
		{tso | ufo, port.UFO, " no-uso"},
		{tso, 0, " no-uso no-ufo"},
		{-1, 0, " rx-no-offload"},
	} {
		if try.flags < 0 || unix.IoctlSetInt(p.fd, unix.TUNSETOFFLOAD, try.flags) == nil {
			p.offload = port.Csum | port.TSO4 | port.TSO6 | try.have
			p.driver += try.note
			return
		}
	}
}

// share finds out how the queues are to read and write.
func (p *Port) share(c Config) {
	if p.shared = c.Shared; p.shared == nil {
		p.shared = &Shared{}
	}
	if !c.NoRing {
		p.ring = p.shared.probe(p.fd)
	}
	if p.ring {
		p.driver = "tap io_uring " + p.driver
	} else {
		p.driver = "tap read/write " + p.driver
	}
	if n := len(p.fds); n > 1 {
		p.shared.count(1)
		p.driver += fmt.Sprintf(" %d queues", n)
	}
}

// prepare applies the configuration to the device.
func (p *Port) prepare(c Config) error {
	persist := 0
	if c.Persist {
		persist = 1
	}
	if c.Persist || p.created {
		if err := unix.IoctlSetInt(p.fd, unix.TUNSETPERSIST, persist); err != nil {
			return fmt.Errorf("make tap %s persistent: %w", c.Name, err)
		}
	}
	if p.created {
		if c.MAC != (ether.MAC{}) {
			if err := p.ctl.SetMAC(c.Name, c.MAC); err != nil {
				return err
			}
		}
		if c.MTU > 0 {
			if err := p.ctl.SetMTU(c.Name, c.MTU); err != nil {
				return err
			}
		}
		if len(p.fds) > 1 {
			if err := single(c.Namespace, c.Name); err != nil {
				return err
			}
		}
	}
	if n, ok := p.dropped(); ok {
		p.base = n
	}
	if c.Up {
		return p.ctl.SetUp(c.Name)
	}
	return nil
}

// discard undoes an Open that did not succeed.
func (p *Port) discard() error {
	if p.created {
		return p.Remove()
	}
	return p.Close()
}

// Lost returns how many frames that were sent to the device since the port was
// opened the kernel has dropped, because its queue was full: they never reached
// Recv. It is what the sender's own device counts as dropped.
func (p *Port) Lost() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		p.count()
	}
	return p.lost
}

// count reads what was lost by now. Called with mu held, before the port is
// closed.
func (p *Port) count() {
	if !p.locate() {
		return
	}
	if n, ok := p.dropped(); ok && n >= p.base {
		p.lost = max(p.lost, n-p.base)
	}
}

// dropped reads the device's counter. Called with mu held, or before the port is
// given away.
func (p *Port) dropped() (uint64, bool) {
	index, err := p.ctl.Index(p.name)
	if err != nil {
		return 0, false
	}
	n, err := p.ctl.TxDropped(index)
	return n, err == nil
}

// Created reports whether Open made the device.
func (p *Port) Created() bool { return p.created }

// Receivers implements port.Multi.
func (p *Port) Receivers() int { return len(p.fds) }

// Queue opens a worker's queue; see port.Port. A queue that only sends does so
// through the descriptor of one that receives: writes from several threads do
// not disturb each other in the kernel.
func (p *Port) Queue(worker, receive int) (port.Queue, error) {
	at := receive
	if receive == port.SendOnly {
		at = max(worker, 0) % len(p.fds)
	}
	if at < 0 || at >= len(p.fds) {
		return nil, fmt.Errorf("open queue %d of %s: it has %d", receive, p.name, len(p.fds))
	}
	q, err := newQueue(p, p.fds[at], worker, receive)
	if err != nil {
		return nil, fmt.Errorf("open queue of %s: %w", p.name, err)
	}
	return q, nil
}

// Info describes the device as it is now.
func (p *Port) Info() port.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := port.Info{Kind: "tap", Driver: p.driver, Device: p.name, Offloads: p.offload}
	if p.done {
		return i
	}
	if !p.locate() {
		return i
	}
	i.Device = p.name
	i.IfIndex, _ = p.ctl.Index(p.name)
	i.MAC, _ = p.ctl.MAC(p.name)
	i.MTU, _ = p.ctl.MTU(p.name)
	i.Carrier = p.ctl.Running(p.name)
	return i
}

// locate finds the device again after it was renamed or moved to another
// namespace. It reports whether it still exists. Called with mu held.
func (p *Port) locate() bool {
	r, err := unix.NewIfreq("")
	if err != nil || unix.IoctlIfreq(p.fd, unix.TUNGETIFF, r) != nil {
		return false
	}
	p.name = r.Name()
	if _, err := p.ctl.Index(p.name); err == nil {
		return true
	}
	ns, err := unix.IoctlRetInt(p.fd, unix.TUNGETDEVNETNS)
	if err != nil {
		return true
	}
	defer unix.Close(ns)
	if ctl, err := ifctl.Open(fmt.Sprintf("/proc/self/fd/%d", ns)); err == nil {
		_ = p.ctl.Close() // a datagram socket without data
		p.ctl = ctl
	}
	return true
}

// SetMTU sets the MTU of the device, wherever it is now.
func (p *Port) SetMTU(mtu int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done || !p.locate() {
		return port.ErrGone
	}
	return p.ctl.SetMTU(p.name, mtu)
}

// Close lets go of the device. A persistent one stays, without carrier.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return nil
	}
	p.count()
	p.done = true
	if len(p.fds) > 1 {
		p.shared.count(-1)
	}
	err := errors.Join(closeAll(p.fds), p.ctl.Close())
	if err != nil {
		return fmt.Errorf("close tap %s: %w", p.name, err)
	}
	return nil
}

// Forsake makes the device one that vanishes with the port, in whatever
// namespace it is. No error for a device that is gone or a port that is closed.
func (p *Port) Forsake() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return nil
	}
	if err := unix.IoctlSetInt(p.fd, unix.TUNSETPERSIST, 0); err != nil && !errors.Is(err, unix.EBADFD) {
		return fmt.Errorf("remove tap %s: %w", p.name, err)
	}
	return nil
}

// Remove is Close that takes the device away with it.
func (p *Port) Remove() error { return errors.Join(p.Forsake(), p.Close()) }
