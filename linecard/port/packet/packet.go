// Package packet drives a network device through AF_PACKET sockets: veths and
// network cards, also one in another network namespace.
//
// Each worker has a socket of its own, so no call needs a lock; only the one
// that owns the receive side is bound to all protocols. Frames move by recvmmsg
// and sendmmsg, up to 64 to a call:
//
//	receive  {header in the headroom + head, tail of the slot} + auxiliary data
//	send     {header, [addresses, tag,] head, tail}
//
// The kernel takes the outer 802.1Q tag out of the bytes before a packet socket
// sees the frame and says so only in PACKET_AUXDATA; the driver turns that into
// TCI and Tagged, with the offsets of the virtio header as they are: they count
// without the tag. A tag with another protocol number (802.1ad) is payload to
// the switch and is put back.
//
// The options are probed when the port is opened and Info names the result:
// PACKET_VNET_HDR with its 12-byte form, the 10-byte form, or none at all;
// PACKET_QDISC_BYPASS; the receive buffer that was granted, since in a user
// namespace SO_RCVBUFFORCE is refused.
//
// A ring that overflows grows (grow.go), within what all ports may take together
// (memory.go). Frames of bulk TCP that come out of a veth are steered to one CPU
// (steer.go).
//
// A socket learns by ENETDOWN that its device went down. Whether it has gone
// for good shows in the socket's address: the kernel unbinds it from a device
// that is unregistered.
package packet

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/vnet"
)

// Buffer sizes in bytes asked of the kernel. Frames count with the kernel's
// bookkeeping, a 64-byte frame for about 800 bytes.
const (
	receiveBuffer = 32 << 20
	sendBuffer    = 8 << 20
)

// Config says which device to open.
type Config struct {
	Device    string
	Namespace string // see inns.Do
	// Plain refuses the virtio header, for devices whose peer cannot stand it
	// and for tests.
	Plain bool
	// Ring receives through a ring shared with the kernel, one for each receive
	// queue, where the kernel grants it and Memory has room.
	Ring bool
	// Memory bounds the rings of several ports together; nil: there is no bound.
	Memory *Memory
	// Fixed gives the port a larger ring at once, which never grows: so do those
	// of a port with several receive queues.
	Fixed bool
	// Look asks for a call of Tend soon; nil: there is none but the usual. It is
	// called by workers, seldom, and must not block.
	Look func()
	// Receivers is the number of receive queues; 0: 1. The kernel spreads flows
	// over them and keeps a flow on its queue.
	Receivers int
	Note      string // added to Info.Driver: why this driver
}

// Port is an open device. Info and Close may be called from any goroutine.
type Port struct {
	config Config
	index  int
	header int    // bytes of the virtio header, 0 without
	driver string // what was probed, after the way of receiving
	kind   string
	offers port.Offloads

	member int // socket that holds the promiscuous membership

	mu        sync.Mutex
	ctl       *ifctl.Conn
	done      bool
	receiving []*queue // those with a receive side
	group     int      // of PACKET_FANOUT; -1 before its first member
	lost      uint64   // frames
	refused   error    // why there is no ring, of a port that should have one
	tended    arrivals // as Tend saw it last
	sum       arrivals // of receiving, since it was opened
	steering  *steering
	steered   atomic.Bool // frames are steered, and no flood has been seen since
}

// arrivals are what has come to a port's sockets, in frames.
type arrivals struct{ arrived, dropped, long uint64 }

// Open opens a device that must exist and be an Ethernet device.
func Open(c Config) (*Port, error) {
	ctl, err := ifctl.Open(c.Namespace)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.Device, err)
	}
	p := &Port{config: c, ctl: ctl, member: -1, group: -1}
	if err := p.open(); err != nil {
		if p.member >= 0 {
			err = errors.Join(err, unix.Close(p.member))
		}
		return nil, errors.Join(err, ctl.Close())
	}
	return p, nil
}

func (p *Port) open() error {
	var err error
	if p.index, err = p.ctl.Index(p.config.Device); err != nil {
		return err
	}
	if !p.ctl.Ethernet(p.config.Device) {
		return fmt.Errorf("open %s: not an Ethernet device", p.config.Device)
	}
	p.kind = p.ctl.Driver(p.config.Device)
	if p.member, err = p.socket(); err != nil {
		return err
	}
	promiscuous := unix.PacketMreq{Ifindex: int32(p.index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(p.member, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &promiscuous); err != nil {
		return fmt.Errorf("set %s promiscuous: %w", p.config.Device, err)
	}
	p.probe()
	return nil
}

// socket opens a packet socket that receives nothing yet.
func (p *Port) socket() (int, error) {
	fd := -1
	err := inns.Do(p.config.Namespace, func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("open packet socket on %s: %w", p.config.Device, err)
	}
	return fd, nil
}

// probe finds out on the membership socket what the kernel can do.
func (p *Port) probe() {
	if !p.config.Plain {
		p.header = vnetHeader(p.member)
	}
	switch p.header {
	case frame.VnetLen:
		p.driver = " vnet"
		// A kernel with the 12-byte header (6.6) knows UDP segmentation (6.2).
		p.offers = port.Csum | port.TSO4 | port.TSO6 | port.USO
	case vnet.ShortLen:
		p.driver = " vnet10"
		p.offers = port.Csum | port.TSO4 | port.TSO6
	default:
		p.driver = " plain"
	}
	if unix.SetsockoptInt(p.member, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1) == nil {
		p.driver += " qdisc-bypass"
	}
	if granted := buffer(p.member, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, receiveBuffer); granted < receiveBuffer {
		p.driver += " rcvbuf " + strconv.Itoa(granted>>10) + "K"
	}
	// Only a probe: nothing is received on this socket.
	_ = unix.SetsockoptInt(p.member, unix.SOL_SOCKET, unix.SO_RCVBUF, 0)
}

// vnetHeader switches the virtio header on and returns its size, 0 when it is
// refused.
func vnetHeader(fd int) int {
	if unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR_SZ, frame.VnetLen) == nil {
		return frame.VnetLen
	}
	if unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1) == nil {
		return vnet.ShortLen
	}
	return 0
}

// buffer asks for a socket buffer and returns what was granted, in the bytes
// the kernel counts.
func buffer(fd, option, force, size int) int {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, size) // granted up to rmem_max, never refused
	}
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	if err != nil {
		return 0
	}
	return n
}

// Receivers returns the number of receive queues.
func (p *Port) Receivers() int { return max(p.config.Receivers, 1) }

// Queue opens a worker's socket; see port.Port.
func (p *Port) Queue(_, rx int) (port.Queue, error) {
	if rx < port.SendOnly || rx >= p.Receivers() {
		return nil, fmt.Errorf("open queue of %s: no receive queue %d", p.config.Device, rx)
	}
	fd, err := p.socket()
	if err != nil {
		return nil, err
	}
	q, err := newQueue(p, fd, rx != port.SendOnly)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	if err := p.setup(q); err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return q, nil
}

// Lost returns how many frames the kernel has dropped, since the port was
// opened, because a receive buffer was full: they never reached Recv.
func (p *Port) Lost() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.receiving {
		p.count(q)
	}
	return p.lost
}

// count adds the losses of a queue since the last call; the kernel starts again
// at zero. Called with mu held.
func (p *Port) count(q *queue) {
	if s, err := unix.GetsockoptTpacketStats(int(q.fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		p.lost += uint64(s.Drops)
		p.sum.arrived += uint64(s.Packets)
		p.sum.dropped += uint64(s.Drops)
	}
	p.lost += q.lost.Swap(0)
	p.sum.long += q.rx.long.Swap(0)
}

// closing is called by a queue whose socket is about to be closed.
func (p *Port) closing(q *queue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.receiving, q); i >= 0 {
		p.count(q)
		p.receiving = slices.Delete(p.receiving, i, i+1)
		if len(p.receiving) == 0 {
			p.group = -1 // the group ends with its last member
		}
	}
}

// setup makes a queue's socket ready and binds it.
func (p *Port) setup(q *queue) error {
	fd := int(q.fd)
	if err := p.options(fd, q.rx != nil); err != nil {
		return err
	}
	if q.rx == nil {
		return p.bind(fd, 0)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.config.Ring {
		q.ring, p.refused = p.first(fd)
	}
	if q.ring != nil {
		q.size.Store(int64(len(q.ring.mem)))
	}
	p.receiving = append(p.receiving, q)
	if p.Receivers() == 1 && (q.ring == nil || p.fixed()) {
		return p.bind(fd, unix.ETH_P_ALL)
	}
	var err error
	p.group, err = p.join(fd, p.group)
	return err
}

// options sets the options of a socket while it is not bound to a protocol yet, so
// that no frame arrives in another format or from another device.
func (p *Port) options(fd int, receive bool) error {
	if p.header != 0 {
		if n := vnetHeader(fd); n != p.header {
			return fmt.Errorf("open queue of %s: virtio header of %d bytes, want %d", p.config.Device, n, p.header)
		}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1) // probed, reported in Info
	buffer(fd, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, sendBuffer)
	if !receive {
		return nil
	}
	buffer(fd, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, receiveBuffer)
	for _, o := range [...]struct {
		option int
		name   string
	}{
		{unix.PACKET_AUXDATA, "auxiliary data"},
		{unix.PACKET_IGNORE_OUTGOING, "ignore outgoing"},
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, o.option, 1); err != nil {
			return fmt.Errorf("open queue of %s: set %s: %w", p.config.Device, o.name, err)
		}
	}
	return nil
}

func (p *Port) bind(fd int, protocol uint16) error {
	address := unix.SockaddrLinklayer{Ifindex: p.index, Protocol: protocol<<8 | protocol>>8}
	if err := unix.Bind(fd, &address); err != nil {
		if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
			err = port.ErrGone
		}
		return fmt.Errorf("bind to %s: %w", p.config.Device, err)
	}
	return nil
}

// join binds a socket and makes it a member of a fan-out group, -1 for a new one,
// which it returns. A socket can only join once it is bound, and until then it
// would get every frame besides the members: a filter keeps them out. Several
// receive queues share the frames by flow; of a ring and the one that is to take
// its place, choose says which gets them.
func (p *Port) join(fd, group int) (int, error) {
	if err := shutOut(fd); err != nil {
		return group, fmt.Errorf("open queue of %s: %w", p.config.Device, err)
	}
	if err := p.bind(fd, unix.ETH_P_ALL); err != nil {
		return group, err
	}
	// Flags of a new group: find an unused number; and in place of the sockets'
	// own option, do not hand back what is sent .
	const uniqueID, ignoreOutgoing = 0x2000, 0x4000
	how := unix.PACKET_FANOUT_HASH | ignoreOutgoing
	if p.Receivers() == 1 {
		how = unix.PACKET_FANOUT_CBPF | ignoreOutgoing
	}
	if group < 0 {
		how |= uniqueID
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT, how<<16|max(group, 0)); err != nil {
		return group, fmt.Errorf("open queue of %s: join fan-out group: %w", p.config.Device, err)
	}
	if group < 0 {
		id, err := unix.GetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
		if err != nil {
			return group, fmt.Errorf("open queue of %s: read fan-out group: %w", p.config.Device, err)
		}
		group = id & 0xffff
	}
	if err := letIn(fd); err != nil {
		return group, fmt.Errorf("open queue of %s: %w", p.config.Device, err)
	}
	return group, nil
}

// choose has one member of a socket's fan-out group get all frames, by number
// modulo that of the members: from one frame to the next, without a gap.
func choose(fd int, member uint32) error {
	program := [1]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: member}}
	filter := unix.SockFprog{Len: 1, Filter: &program[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_PACKET, unix.PACKET_FANOUT_DATA, &filter); err != nil {
		return fmt.Errorf("choose among rings: %w", err)
	}
	return nil
}

// shutOut lets no frame into a socket any more; letIn lets them in again.
func shutOut(fd int) error {
	none := [1]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
	filter := unix.SockFprog{Len: 1, Filter: &none[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &filter); err != nil {
		return fmt.Errorf("attach filter: %w", err)
	}
	return nil
}

func letIn(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0); err != nil {
		return fmt.Errorf("detach filter: %w", err)
	}
	return nil
}

// Info describes the device as it is now.
func (p *Port) Info() port.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.config.Device
	i := port.Info{Kind: p.kind, Driver: p.receives() + p.driver + p.tells() + p.note(), Device: d, IfIndex: p.index, Offloads: p.offers}
	if p.done {
		return i
	}
	f := p.ctl.Facts(d, p.index)
	i.MAC, i.MTU, i.Mbps, i.Carrier = f.MAC, f.MTU, f.Mbps, f.Carrier
	return i
}

// receives says how frames are received. Called with mu held.
func (p *Port) receives() string {
	s := "packet mmsg"
	switch {
	case p.refused != nil:
		s += " (" + p.refused.Error() + ")"
	case p.config.Ring:
		s = "packet ring"
	}
	if n := p.Receivers(); n > 1 {
		s += " fanout " + strconv.Itoa(n)
	}
	return s
}

func (p *Port) note() string {
	if p.config.Note == "" {
		return ""
	}
	return "; " + p.config.Note
}

// Close lets go of the device; its queues are closed already.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return nil
	}
	p.done = true
	if err := errors.Join(p.steering.close(), unix.Close(p.member), p.ctl.Close()); err != nil {
		return fmt.Errorf("close %s: %w", p.config.Device, err)
	}
	return nil
}
