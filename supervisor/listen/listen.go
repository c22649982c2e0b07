// Package listen is where the supervisor's services listen: SSH, gNMI.
//
// An operator who names an address has it, or an error. Otherwise a service
// follows mgmt0 and the switch's interfaces in VLANs: it listens on every address
// that they have at the time, and without a mgmt0 on the loopback. Sockets open and close as addresses come and
// go; one that cannot be had is tried again, less and less often. Connections
// outlive the socket they came from, so a change of address cuts nobody off who
// is on an address that stays.
//
//	Source (mgmt0) ──▶ follow ──▶ sockets, one per address ──▶ Accept
//
// A Listener is one net.Listener to its service, however many sockets there are.
// One goroutine follows the addresses and owns the sockets, and each socket has
// one that accepts; Close ends them all and waits for them.
package listen

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"trunkline/internal/tcpsock"
)

// Where says where a service listens. It is a flag.Value; the zero value is
// nowhere.
type Where struct {
	address        string // as an operator named it
	follows        bool
	port, loopback uint16
}

// Follow is the default of a service: its port on the addresses of mgmt0, or
// another one on the loopback without a mgmt0.
func Follow(port, loopback uint16) Where {
	return Where{follows: true, port: port, loopback: loopback}
}

// At is "HOST:PORT", "" for nowhere.
func At(address string) Where { return Where{address: address} }

// WithPort is the same place at another port.
func (w Where) WithPort(port uint16) Where {
	if w.follows {
		return Follow(port, port)
	}
	if host, _, err := net.SplitHostPort(w.address); err == nil {
		return At(net.JoinHostPort(host, strconv.Itoa(int(port))))
	}
	return w
}

// Port is the port of it, as far as it is a number: without a mgmt0, if not
// managed, that of the loopback.
func (w Where) Port(managed bool) uint16 {
	if w.follows && managed {
		return w.port
	}
	if w.follows {
		return w.loopback
	}
	_, port, _ := net.SplitHostPort(w.address)
	n, _ := strconv.ParseUint(port, 10, 16) // 0 for a name
	return uint16(n)
}

// Off reports whether it is nowhere.
func (w Where) Off() bool { return !w.follows && w.address == "" }

// String implements flag.Value: the address, or what the default is in words.
func (w *Where) String() string {
	switch {
	case !w.follows:
		return w.address
	case w.port == w.loopback:
		return fmt.Sprintf("port %d on the addresses of mgmt0, without one on loopback", w.port)
	}
	return fmt.Sprintf("port %d on the addresses of mgmt0, without one port %d on loopback", w.port, w.loopback)
}

// Set implements flag.Value.
func (w *Where) Set(address string) error {
	if address != "" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return err
		}
	}
	*w = At(address)
	return nil
}

// Address is one that services listen on: on a network device alone, or for "" on
// all. One of the same name but another Index is another device.
type Address struct {
	netip.Addr
	Device string
	Index  int
}

// Source knows the addresses that services follow.
type Source interface {
	// Addresses are those to listen on now.
	Addresses() []Address
	// HasManagement reports whether there is a mgmt0; else there are addresses of
	// the loopback. It never changes.
	HasManagement() bool
	// Admits reports whether a client may come in at an address that is listened on
	// on all devices.
	Admits(client netip.Addr) bool
	// WatchAddresses returns a channel that holds a token once Addresses may have
	// changed since it was last taken from; cancel ends it.
	WatchAddresses() (wake <-chan struct{}, cancel func())
}

// Between two attempts to open sockets that could not be had.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// Service is what listens.
type Service struct {
	Name string // for the log and errors: "SSH"
	// Patience is how long a client may take nothing of what waits for it, and
	// what is sent may stay without an answer (tcpsock.Listen).
	Patience time.Duration
}

// Listener is the net.Listener of a service.
type Listener struct {
	service Service
	src     Source
	log     *slog.Logger
	where   Where

	conns  chan net.Conn // accepted; nothing is kept in it
	done   chan struct{} // closed by Close
	finish func()
	ended  sync.WaitGroup

	mu      sync.Mutex
	sockets map[netip.AddrPort]net.Listener
	on      map[netip.AddrPort]Address // of those that follow
	refused map[netip.AddrPort]string  // why one could not be had, as it was logged
}

var _ net.Listener = (*Listener)(nil)

// Open listens for a service. An error is that a named address cannot be had.
func Open(service Service, w Where, src Source, log *slog.Logger) (*Listener, error) {
	l := &Listener{
		service: service, src: src, log: log, where: w,
		conns: make(chan net.Conn), done: make(chan struct{}),
		sockets: map[netip.AddrPort]net.Listener{}, on: map[netip.AddrPort]Address{}, refused: map[netip.AddrPort]string{},
	}
	l.finish = sync.OnceFunc(func() { close(l.done) })
	switch {
	case w.Off():
	case !w.follows:
		socket, err := tcpsock.Listen(w.address, service.Patience)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", service.Name, err)
		}
		at, err := netip.ParseAddrPort(socket.Addr().String())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", service.Name, err), socket.Close())
		}
		l.start(at, socket, false)
		log.Info("service listens", "service", service.Name, "address", at.String())
	default:
		wake, cancel := src.WatchAddresses()
		ok := l.settle()
		l.ended.Go(func() {
			defer cancel()
			l.follow(wake, ok)
		})
	}
	return l, nil
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, fmt.Errorf("%s: %w", l.service.Name, net.ErrClosed)
	default:
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, fmt.Errorf("%s: %w", l.service.Name, net.ErrClosed)
	}
}

// Close implements net.Listener. Connections stay.
func (l *Listener) Close() error {
	l.finish()
	l.mu.Lock()
	for _, s := range l.sockets {
		_ = s.Close() // only that it is closed already
	}
	l.mu.Unlock()
	l.ended.Wait()
	return nil
}

// Addr implements net.Listener: the first address, one of no port for none.
func (l *Listener) Addr() net.Addr {
	if all := l.Addrs(); len(all) > 0 {
		return net.TCPAddrFromAddrPort(all[0])
	}
	return &net.TCPAddr{}
}

// Addrs are all addresses that it listens on, in order.
func (l *Listener) Addrs() []netip.AddrPort {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []netip.AddrPort
	for at := range l.sockets {
		all = append(all, at)
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	return all
}

// follow keeps the sockets at the addresses until Close. Ok says that all could
// be had so far.
func (l *Listener) follow(wake <-chan struct{}, ok bool) {
	pause := firstRetry
	for {
		var retry <-chan time.Time
		if !ok {
			retry = time.After(pause)
		}
		select {
		case <-wake:
			pause = firstRetry
		case <-retry:
			pause = min(2*pause, lastRetry)
		case <-l.done:
			return
		}
		ok = l.settle()
	}
}

// settle opens and closes sockets until they are at the addresses. It reports
// whether all could be had.
func (l *Listener) settle() bool {
	managed := l.src.HasManagement()
	wanted := map[netip.AddrPort]Address{}
	for _, a := range l.src.Addresses() {
		port := l.where.port
		if !managed && a.IsLoopback() {
			port = l.where.loopback
		}
		wanted[netip.AddrPortFrom(a.Addr, port)] = a
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, socket := range l.sockets {
		if a, ok := wanted[at]; !ok || a != l.on[at] {
			_ = socket.Close() // only that it is closed already
			delete(l.sockets, at)
			delete(l.on, at)
			l.log.Info("service stopped listening", "service", l.service.Name, "address", at.String())
		}
	}
	for at := range l.refused {
		if _, ok := wanted[at]; !ok {
			delete(l.refused, at)
		}
	}
	select {
	case <-l.done:
		return true
	default:
	}
	ok := true
	for at, a := range wanted {
		if l.sockets[at] != nil {
			continue
		}
		socket, err := tcpsock.ListenOn(a.Device, at.String(), l.service.Patience)
		if err != nil {
			ok = false
			l.refuse(at, err)
			continue
		}
		delete(l.refused, at)
		l.on[at] = a
		l.start(at, socket, a.Device == "")
		l.log.Info("service listens", "service", l.service.Name, "address", at.String())
	}
	return ok
}

// refuse logs why an address cannot be had, once. An address that the machine
// does not have, or not yet, is nothing to warn of.
func (l *Listener) refuse(at netip.AddrPort, err error) {
	reason := err.Error()
	if l.refused[at] == reason {
		return
	}
	l.refused[at] = reason
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
		l.log.Debug("address is not there", "service", l.service.Name, "address", at.String(), "error", err)
		return
	}
	l.log.Warn("service cannot listen, and tries again", "service", l.service.Name, "address", at.String(), "error", err)
}

// start accepts connections of a socket until it is closed, if choosy only those
// that the source admits. Called with mu held, or before anybody else has the
// listener.
func (l *Listener) start(at netip.AddrPort, socket net.Listener, choosy bool) {
	l.sockets[at] = socket
	l.ended.Go(func() {
		for {
			conn, err := socket.Accept()
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil: // no descriptors left, or a peer that is gone already
				l.log.Warn("connection refused", "service", l.service.Name, "error", err)
				select {
				case <-time.After(firstRetry):
				case <-l.done:
				}
				continue
			}
			if client, ok := conn.RemoteAddr().(*net.TCPAddr); choosy && ok && !l.src.Admits(client.AddrPort().Addr().Unmap()) {
				_ = conn.Close() // nothing was sent
				continue
			}
			select {
			case l.conns <- conn:
			case <-l.done:
				_ = conn.Close()
			}
		}
	})
}
