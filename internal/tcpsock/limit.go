package tcpsock

import (
	"net"
	"net/netip"
	"sync"
)

// Site is what clients are counted by that have not proved who they are: the
// address, of IPv6 the /64 that one site has for itself. What is no IP address
// is its own site.
func Site(host string) string {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

// Limit returns a listener that takes at most total connections at a time, and
// at most each from one site: one site cannot keep the others out. Connections
// beyond that are closed.
func Limit(l net.Listener, total, each int) net.Listener {
	return &limited{Listener: l, total: total, each: each, sites: map[string]int{}}
}

type limited struct {
	net.Listener
	total, each int

	mu    sync.Mutex
	all   int
	sites map[string]int
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		site := siteOf(c.RemoteAddr())
		if l.enter(site) {
			return &counted{Conn: c, leave: sync.OnceFunc(func() { l.leave(site) })}, nil
		}
		_ = c.Close() // nobody has heard of it
	}
}

func siteOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return Site(host)
}

func (l *limited) enter(site string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.total || l.sites[site] >= l.each {
		return false
	}
	l.all++
	l.sites[site]++
	return true
}

func (l *limited) leave(site string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.sites[site]--; l.sites[site] == 0 {
		delete(l.sites, site)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
