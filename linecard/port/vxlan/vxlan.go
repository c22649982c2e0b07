// Package vxlan is the driver of tunnels to other VXLAN tunnel end points (RFC
// 7348): one port per remote VTEP, over UDP sockets of the card's kernel.
//
//	frames of one bucket of flows, all of one length, the last may be shorter
//	 |8 inner frame|8 inner frame|8 inner frame|      8: VXLAN header
//	 └──────────────── one train ──────────────┘
//
// A frame costs the kernel some microseconds, whatever its length, because each
// datagram walks through the stack by itself. So frames leave in trains: one
// message that the stack carries like a single datagram and cuts into datagrams
// as late as it can (UDP_SEGMENT), and they are received in trains (UDP_GRO).
// Other VTEPs see ordinary datagrams. Nothing is copied on the way out: a
// message is gathered from headers and the bytes of frames where they lie, and a
// super-frame is segmented by writing new headers between pieces of its payload
// (frame.Segmenter.Cut).
//
// A flow keeps to one bucket, a bucket to one socket and a socket to the order
// of its messages, so frames of a flow stay in order. Each socket has a source
// port of its own, from which routers draw entropy (RFC 7348 §5); it tells
// buckets of flows apart, not flows.
//
// The kernel finds the receiving socket by the peer's address, to which it is
// connected with port 0, for any source port. Datagrams are decapsulated from
// where they were received: the head of a frame is copied to worker memory, its
// tail stays. What is not believed: flags, segment and lengths of a datagram, and
// the checksum inside. A kernel VTEP on the same host leaves that to a device
// that never comes, and super-frames uncut; see inner.go.
//
// Outer datagrams have the don't-fragment bit (RFC 7348 §4.3) and, because
// trains need it and receivers in GRO too, a UDP checksum, which RFC 7348 §4.1
// lets a sender have; receiving takes datagrams with and without.
//
// Locking: the table of segments is one atomic pointer. A Queue's memory
// belongs to its worker; queues of one worker share what they send from.
package vxlan

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port"
	"trunkline/linecard/port/inns"
)

// Sizes and numbers of the encapsulation.
const (
	UDPPort   = 4789 // RFC 7348 §5
	Overhead  = 50   // outer Ethernet, IPv4, UDP and VXLAN headers
	headerLen = 8
	flagVNI   = 0x08 // the I flag
	ttl       = 64
)

// Options of SOL_UDP that x/sys does not name.
const (
	udpSegment = 103
	udpGRO     = 104
)

// Config says which tunnel to open.
type Config struct {
	Namespace string // of the underlay; "" for the process's
	Name      string // of the NVE interface: "nve1"
	// Local is the card's own VTEP address, which its kernel has; Peer the other
	// one. Both are IPv4.
	Local, Peer netip.Addr
	UDPPort     int // 0: UDPPort
	Table       *Table
	// Single sends and receives one frame per datagram even where the kernel
	// can do trains. It is what trains are compared with.
	Single bool
	Shared *Shared // nil: the port's own
}

// Shared is the memory that the queues of one worker send from, for each worker
// of a card: a worker sends through one queue at a time. The zero value is ready.
// mu guards the map; a sender belongs to the worker's thread.
type Shared struct {
	mu      sync.Mutex
	workers map[int]*sender
}

func (s *Shared) sender(worker int) *sender {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers == nil {
		s.workers = map[int]*sender{}
	}
	if s.workers[worker] == nil {
		s.workers[worker] = newSender()
	}
	return s.workers[worker]
}

// Port is an open tunnel.
type Port struct {
	cfg    Config
	shared *Shared
	table  atomic.Pointer[Table]
	rx     int  // receiving socket
	gro    bool // it receives trains
	trains atomic.Bool
	mtu    atomic.Int32 // of inner frames
}

// Open opens the socket that receives. Without a route to the peer, or without
// the local address, it fails, and may be tried again.
func Open(c Config) (*Port, error) {
	if !c.Local.Is4() || !c.Peer.Is4() || c.Local == c.Peer || c.Table == nil {
		return nil, fmt.Errorf("open tunnel from %v to %v: not two IPv4 addresses", c.Local, c.Peer)
	}
	if c.UDPPort == 0 {
		c.UDPPort = UDPPort
	}
	p := &Port{cfg: c, shared: c.Shared, rx: -1}
	if p.shared == nil {
		p.shared = &Shared{}
	}
	p.table.Store(c.Table)
	err := inns.Do(c.Namespace, p.open)
	if err != nil {
		return nil, fmt.Errorf("open tunnel to %v: %w", c.Peer, err)
	}
	return p, nil
}

func (p *Port) open() (err error) {
	mtu, err := p.route()
	if err != nil {
		return err
	}
	p.mtu.Store(int32(mtu))
	if p.rx, err = socket(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = unix.Close(p.rx) // nothing was received yet
		}
	}()
	// Several sockets have the address; that of one user only, so that nobody
	// else can take part.
	if err := unix.SetsockoptInt(p.rx, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return fmt.Errorf("share the udp port: %w", err)
	}
	room(p.rx)
	if !p.cfg.Single {
		p.gro = unix.SetsockoptInt(p.rx, unix.SOL_UDP, udpGRO, 1) == nil
		p.trains.Store(unix.SetsockoptInt(p.rx, unix.SOL_UDP, udpSegment, 0) == nil)
	}
	if err := unix.Bind(p.rx, address(p.cfg.Local, p.cfg.UDPPort)); err != nil {
		return fmt.Errorf("bind to %v udp port %d: %w", p.cfg.Local, p.cfg.UDPPort, err)
	}
	// Port 0 is any: the source port varies.
	if err := unix.Connect(p.rx, address(p.cfg.Peer, 0)); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

func socket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("open socket: %w", err)
	}
	return fd, nil
}

// room gives a socket buffers that hold some trains. Best effort: without
// privilege the kernel grants less.
func room(fd int) {
	const bytes = 16 << 20
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, bytes) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
	}
}

func address(a netip.Addr, port int) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Addr: a.As4(), Port: port}
}

// dial opens a socket to the peer from a port of its own.
func (p *Port) dial() (fd int, err error) {
	if fd, err = socket(); err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd) // it was never used
		}
	}()
	for _, o := range [...][2]int{{unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO}, {unix.IP_TTL, ttl}} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, o[0], o[1]); err != nil {
			return -1, fmt.Errorf("set option %d: %w", o[0], err)
		}
	}
	room(fd)
	if err := unix.Bind(fd, address(p.cfg.Local, 0)); err != nil {
		return -1, fmt.Errorf("bind to %v: %w", p.cfg.Local, err)
	}
	if err := unix.Connect(fd, address(p.cfg.Peer, p.cfg.UDPPort)); err != nil {
		return -1, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

// route looks for a route to the peer and returns the MTU of inner frames that
// it leaves room for.
func (p *Port) route() (int, error) {
	fd, err := p.dial()
	if err != nil {
		return 0, err
	}
	mtu, err := unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU)
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return 0, fmt.Errorf("look for a route: %w", err)
	}
	return max(mtu-Overhead, 0), nil
}

// SetTable changes the segments of the tunnel.
func (p *Port) SetTable(t *Table) { p.table.Store(t) }

// Info looks for the route to the peer: carrier is that there is one.
func (p *Port) Info() port.Info {
	i := port.Info{
		Kind: "vxlan", Device: p.cfg.Name, Driver: "udp", MTU: int(p.mtu.Load()),
		Offloads: port.Csum | port.TSO4 | port.TSO6 | port.USO,
	}
	if p.trains.Load() {
		i.Driver += " segment"
	}
	if p.gro {
		i.Driver += " gro"
	}
	err := inns.Do(p.cfg.Namespace, func() error {
		mtu, err := p.route()
		if err == nil {
			p.mtu.Store(int32(mtu))
			i.MTU = mtu
		}
		return err
	})
	i.Carrier = err == nil
	return i
}

// Lost counts datagrams, or trains of them, that the kernel dropped because the
// socket's buffer was full.
func (p *Port) Lost() uint64 {
	var info [9]uint32 // of sock_diag: SK_MEMINFO_DROPS is the last
	n, err := memInfo(p.rx, &info)
	if err != nil || n < len(info) {
		return 0
	}
	return uint64(info[8])
}

// Queue opens a worker's way in and out. There is one receive queue.
func (p *Port) Queue(worker, receive int) (port.Queue, error) {
	if receive != 0 && receive != port.SendOnly {
		return nil, fmt.Errorf("open queue of the tunnel to %v: no receive queue %d", p.cfg.Peer, receive)
	}
	q := &queue{port: p, send: p.shared.sender(worker)}
	err := inns.Do(p.cfg.Namespace, func() error {
		for i := range q.fds {
			fd, err := p.dial()
			if err != nil {
				return err
			}
			q.fds[i] = fd
			q.open++
		}
		return nil
	})
	if err == nil && receive == 0 {
		q.rx, err = newReceiver(p)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open queue of the tunnel to %v: %w", p.cfg.Peer, err), q.Close())
	}
	return q, nil
}

// Close closes the receiving socket; the queues are closed before it.
func (p *Port) Close() error {
	if p.rx < 0 {
		return nil
	}
	err := unix.Close(p.rx)
	p.rx = -1
	if err != nil {
		return fmt.Errorf("close tunnel to %v: %w", p.cfg.Peer, err)
	}
	return nil
}
