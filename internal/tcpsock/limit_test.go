package tcpsock

import (
	"net"
	"testing"
	"time"
)

func TestSite(t *testing.T) {
	for host, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8::7": "2001:db8::/64", "2001:db8::ff:1": "2001:db8::/64",
		"2001:db8:0:1::1": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64", "console0": "console0", "": "",
	} {
		if got := Site(host); got != want {
			t.Errorf("Site(%q) = %q, want %q", host, got, want)
		}
	}
}

// TestLimit has one site take all the room it can; another still gets in, and
// room that is given back is there again.
func TestLimit(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Limit(inner, 3, 2)
	defer l.Close()
	taken := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(taken)
				return
			}
			taken <- c
		}
	}()
	dial := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	refused := func(from string) {
		t.Helper()
		c := dial(from)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a connection that is to be closed is served")
		} else if n, ok := err.(net.Error); ok && n.Timeout() {
			t.Error("a connection too many is not closed")
		}
	}
	dial("127.0.0.1")
	first := <-taken
	dial("127.0.0.1")
	<-taken
	refused("127.0.0.1")
	dial("127.0.0.2")
	<-taken
	refused("127.0.0.3")
	for range 2 { // once is enough, and twice gives no more room
		_ = first.Close()
	}
	dial("127.0.0.1")
	<-taken
	refused("127.0.0.1")
}
