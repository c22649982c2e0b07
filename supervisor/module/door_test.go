package module_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"trunkline/linecard/api"
)

// stranger is how somebody without a certificate connects.
func stranger() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13}
}

// connect calls from another address than cards do.
func (c *chassis) connect() (*tls.Conn, error) {
	d := tls.Dialer{
		NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: patience}, Config: stranger(),
	}
	conn, err := d.DialContext(c.t.Context(), "tcp", c.address)
	if err != nil {
		return nil, err
	}
	c.t.Cleanup(func() { conn.Close() }) //nolint:errcheck // closed by the other side, mostly
	return conn.(*tls.Conn), nil
}

// ends waits until the other side has closed a connection, and returns how long
// that took.
func ends(t *testing.T, conn net.Conn) time.Duration {
	t.Helper()
	began := time.Now()
	if err := conn.SetReadDeadline(began.Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		_, err := conn.Read(buf)
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Fatal("the connection stays open")
		}
		if err != nil {
			return time.Since(began)
		}
	}
}

// TestIdleConnections has an address open connections and say nothing.
func TestIdleConnections(t *testing.T) {
	c := newChassis(t, "tcp")
	var idle []*tls.Conn
	for range 16 {
		conn, err := c.connect()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	if _, err := c.connect(); err == nil {
		t.Error("a 17th connection from one address")
	}
	k := newCard(t, hostA, c.address).start() // from another
	c.waitOK(3)
	if testing.Short() {
		t.Skip("short: skipping 5 s of waiting")
	}
	for _, conn := range idle {
		ends(t, conn)
	}
	if k.agent.Status().Headless || c.module(3).Insertions != 1 {
		t.Error("the card lost its session, which is older than that")
	}
	if _, err := c.connect(); err != nil {
		t.Errorf("after they have gone: %v", err)
	}
}

// TestFloodOfStranger has somebody without a certificate send more than who
// enrols has to.
func TestFloodOfStranger(t *testing.T) {
	c := newChassis(t, "tcp")
	conn, err := c.connect()
	if err != nil {
		t.Fatal(err)
	}
	// A settings frame of HTTP/2, then pings without end.
	text := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
		bytes.Repeat([]byte("\x00\x00\x00\xfe\x00\x00\x00\x00\x00"), 32<<10)...) // frames of an unknown type: to be ignored
	if _, err := conn.Write(text); err == nil {
		if took := ends(t, conn); took > 4*time.Second {
			t.Errorf("closed after %v, by the time it was silent", took)
		}
	}
}

// client is a client without a certificate.
func (c *chassis) client() api.SupervisorClient {
	cc, err := grpc.NewClient("passthrough:///"+c.address, grpc.WithTransportCredentials(credentials.NewTLS(stranger())))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { cc.Close() }) //nolint:errcheck // nothing is left to lose
	return api.NewSupervisorClient(cc)
}

// TestNoCertificate attaches without one: the answer does not wait for a word.
func TestNoCertificate(t *testing.T) {
	c := newChassis(t, "tcp")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than a hello may take
	defer cancel()
	st, err := c.client().Attach(ctx)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := st.Recv()
	if err != nil || msg.GetWelcome().GetRefusal() != "the card shows no certificate" {
		t.Errorf("got %v, %v", msg, err)
	}
}

func TestLongEnrolment(t *testing.T) {
	c := newChassis(t, "tcp")
	for name, r := range map[string]*api.EnrolRequest{
		"request": {Uuid: hostA, Csr: make([]byte, 9<<10)},
		"uuid":    {Uuid: strings.Repeat("u", 1000)},
		"token":   {Uuid: hostA, Token: strings.Repeat("t", 1000)},
		"host":    {Uuid: hostA, Host: strings.Repeat("h", 1000)},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if _, err := c.client().Enrol(ctx, r); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.client().Enrol(ctx, &api.EnrolRequest{Uuid: hostA, Csr: make([]byte, 1<<20)}); status.Code(err) == codes.InvalidArgument {
		t.Error("a megabyte was read")
	} else if err == nil {
		t.Error("a megabyte is fine")
	}
}

// TestPanicEndsOneSession meets a bug in what a card says.
func TestPanicEndsOneSession(t *testing.T) {
	c := newChassis(t, "unix")
	one, two := newCard(t, hostA, c.address).start(), newCard(t, hostB, c.address).start()
	c.waitOK(3)
	c.waitOK(4)
	slot, other := c.Slot(hostA), c.Slot(hostB)
	one.mu.Lock()
	one.report["panic"] = []byte("x")
	one.mu.Unlock()
	one.agent.Changed()
	eventually(t, "the session ends", func() bool { return c.module(slot).Removals > 0 })
	one.mu.Lock()
	delete(one.report, "panic")
	one.mu.Unlock()
	c.waitOK(slot)
	if c.module(other).Insertions != 1 || two.agent.Status().Headless {
		t.Error("another card has noticed")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if text := c.log.String(); !strings.Contains(text, "panic=bug") || !strings.Contains(text, "chassis_test.go") {
		t.Error("no stack in the log")
	}
}
