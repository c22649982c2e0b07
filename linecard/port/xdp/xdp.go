// Package xdp drives a network device through AF_XDP sockets: frames pass
// between the device's driver and rings in our memory, and never become packets
// of the host's network stack on the way in.
//
// A program of five instructions hands each frame to the socket of its receive
// queue (program.go). Each queue of the device has a socket with memory and four
// rings of its own (socket.go): the worker that receives from it has its receive
// and fill rings; the sending side is shared by all workers that send through it
// and taken once per burst.
//
// The kernel says nothing of a frame but its bytes, and this makes AF_XDP a
// driver for small frames and for network cards, not for any veth:
//
//   - a checksum that the other end of a veth left to the hardware is missing,
//     and nothing tells. The other end must compute its checksums itself;
//   - a VLAN tag that the other end hands over beside the frame is lost. It must
//     put it into the bytes;
//   - there are no super-frames, in either direction: Offloads is zero.
//
// Whoever opens a port sees to that (linecard/attach). Longer frames than a
// chunk holds are not received: on a veth, the kernel refuses the program while
// the MTU is above about 3,500 bytes.
//
// The program is attached native, in the device's driver, or generic where the
// driver cannot; frames move without a copy where the driver can. Info names the
// result.
package xdp

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns"
)

// maxQueues bounds the queues of a device: a port that has more is refused.
const maxQueues = 64

// MaxMTU is the largest MTU, in bytes, of a device whose frames fit into a chunk,
// with two tags. A device's driver may allow less.
const MaxMTU = maxFrame - frame.HeaderLen - 2*frame.TagLen

// Config says which device to open.
type Config struct {
	Device    string
	Namespace string // see inns.Do
	// Generic does without the device driver's own support, for tests.
	Generic bool
}

// Port is an open device. Info, Lost and Close may be called from any goroutine.
type Port struct {
	config  Config
	index   int
	kind    string
	driver  string
	program *program
	sockets []*socket

	mu   sync.Mutex
	ctl  *ifctl.Conn
	done bool
	lost uint64 // frames, once done
}

// Open opens a device that must exist and be an Ethernet device. The error says
// what the kernel refused.
func Open(c Config) (*Port, error) {
	ctl, err := ifctl.Open(c.Namespace)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.Device, err)
	}
	p := &Port{config: c, ctl: ctl}
	if err := p.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s by AF_XDP: %w", c.Device, err), p.Close())
	}
	return p, nil
}

func (p *Port) open() error {
	var err error
	if p.index, err = p.ctl.Index(p.config.Device); err != nil {
		return err
	}
	if !p.ctl.Ethernet(p.config.Device) {
		return errors.New("not an Ethernet device")
	}
	p.kind = p.ctl.Driver(p.config.Device)
	mtu, err := p.ctl.MTU(p.config.Device)
	if err != nil {
		return err
	}
	if mtu > MaxMTU {
		return fmt.Errorf("mtu of %d bytes, at most %d", mtu, MaxMTU)
	}
	queues := p.ctl.ReceiveQueues(p.config.Device)
	if queues > maxQueues {
		return fmt.Errorf("%d receive queues, at most %d", queues, maxQueues)
	}
	return inns.Do(p.config.Namespace, func() error {
		if p.program, err = load(p.index, queues, p.config.Generic); err != nil {
			return err
		}
		p.driver = "xdp " + p.program.mode
		for i := range queues {
			s, err := open(p.index, i)
			if err != nil {
				return err
			}
			p.sockets = append(p.sockets, s)
			if err := p.program.serve(i, s.fd); err != nil {
				return err
			}
		}
		mode := " copy"
		if p.sockets[0].zeroCopy() {
			mode = " zero-copy"
		}
		p.driver += mode
		if queues > 1 {
			p.driver += " queues " + strconv.Itoa(queues)
		}
		return nil
	})
}

// Receivers returns the number of receive queues of the device.
func (p *Port) Receivers() int { return len(p.sockets) }

// Queue opens a worker's way in and out; see port.Port.
func (p *Port) Queue(worker, receive int) (port.Queue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now, err := p.ctl.Index(p.config.Device); p.done || err != nil || now != p.index {
		return nil, fmt.Errorf("open queue of %s: %w", p.config.Device, port.ErrGone)
	}
	if receive < port.SendOnly || receive >= len(p.sockets) {
		return nil, fmt.Errorf("open queue of %s: no receive queue %d", p.config.Device, receive)
	}
	if receive == port.SendOnly {
		return &queue{out: p.sockets[worker%len(p.sockets)]}, nil
	}
	s := p.sockets[receive]
	return &queue{in: s, out: s}, nil
}

// Lost returns how many frames the sockets could not take since the port was
// opened. A veth drops more, uncounted, before they come to a socket.
func (p *Port) Lost() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.lost
	if !p.done {
		for _, s := range p.sockets {
			n += s.lost()
		}
	}
	return n
}

// Info describes the device as it is now.
func (p *Port) Info() port.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.config.Device
	i := port.Info{Kind: p.kind, Driver: p.driver, Device: d, IfIndex: p.index}
	if p.done {
		return i
	}
	f := p.ctl.Facts(d, p.index)
	i.MAC, i.MTU, i.Mbps, i.Carrier = f.MAC, f.MTU, f.Mbps, f.Carrier
	return i
}

// Close detaches the program and lets go of the device; its queues are closed
// already.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return nil
	}
	p.done = true
	var errs []error
	if p.program != nil {
		errs = append(errs, p.program.close())
	}
	for _, s := range p.sockets {
		p.lost += s.lost()
		errs = append(errs, s.close())
	}
	errs = append(errs, p.ctl.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close %s: %w", p.config.Device, err)
	}
	return nil
}
