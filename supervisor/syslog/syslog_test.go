package syslog

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/logging"
	"trunkline/internal/peertest"
)

var wall = time.Date(2026, 11, 2, 9, 2, 11, 123456000, time.FixedZone("CET", 3600))

func event(text string) feature.Event {
	return feature.Event{At: wall, Facility: "ETHPORT", Severity: feature.Notice, Mnemonic: "IF_UP", Text: text}
}

func TestForm(t *testing.T) {
	local7 := logging.Server{Facility: 23}
	secure := logging.Server{Facility: 16, Transport: logging.Transport{Kind: logging.Secure}}
	for _, c := range []struct {
		to     logging.Server
		strict bool
		text   string
		want   string
	}{
		{local7, false, "up", "<189>Nov  2 09:02:11 vsm1 %ETHPORT-5-IF_UP: up"},
		{local7, true, "up", "<189>1 2026-11-02T09:02:11.123456+01:00 vsm1 ETHPORT - IF_UP - %ETHPORT-5-IF_UP: up"},
		{secure, false, "über\nall", "<133>1 2026-11-02T09:02:11.123456+01:00 vsm1 ETHPORT - IF_UP - \ufeff%ETHPORT-5-IF_UP: über all"},
	} {
		s := logging.Settings{Hostname: "vsm1", Strict: c.strict, Zone: wall.Location()}
		if got := string(form(event(c.text), c.to, &s)); got != c.want {
			t.Errorf("%+v, strict %v, %q:\ngot  %q\nwant %q", c.to, c.strict, c.text, got, c.want)
		}
	}
	if got := string(frame(logging.TCP, []byte("abc"))); got != "3 abc" {
		t.Errorf("frame: %q", got)
	}
}

// FuzzForm requires of every message that it is one line with its length and its
// fields.
func FuzzForm(f *testing.F) {
	f.Add("vsm1", "ETHPORT", "IF_UP", "Interface is up", uint8(5))
	f.Add("", "", "", "", uint8(0))
	f.Add("a b", "ü", "\n\x00", "x\r\ny\xff", uint8(7))
	f.Fuzz(func(t *testing.T, host, facility, mnemonic, text string, severity uint8) {
		e := feature.Event{At: wall, Facility: facility, Severity: feature.Severity(severity % 8), Mnemonic: mnemonic, Text: text}
		s := logging.Settings{Hostname: host, Strict: true, Zone: time.UTC}
		m := string(form(e, logging.Server{Facility: 23}, &s))
		fields := strings.SplitN(m, " ", 8)
		if len(fields) != 8 || strings.ContainsAny(m, "\n\r\x00") || len(m) > 4096 {
			t.Fatalf("%q", m)
		}
		if fields[0] != fmt.Sprintf("<%d>1", 23*8+severity%8) || fields[4] != "-" || fields[6] != "-" || fields[2] == "" || fields[3] == "" || fields[5] == "" {
			t.Fatalf("%q", m)
		}
	})
}

// dial connects to addresses of the loopback.
func dial(ctx context.Context, network, host string, port uint16) (net.Conn, error) {
	if host == "log.test" {
		host = "127.0.0.1"
	}
	var d net.Dialer
	return d.DialContext(ctx, network, net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// running runs a service with servers until the test ends.
func running(t *testing.T, servers ...logging.Server) *Service {
	t.Helper()
	s := New(Config{Dial: dial, File: os.ReadFile, Log: slog.New(slog.DiscardHandler)})
	s.Set(servers)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func settings() *logging.Settings {
	s := logging.Read(tree.Tree{})
	s.Hostname, s.Zone = "vsm1", wall.Location()
	return &s
}

// until waits for a condition.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: did not happen", what)
		}
	}
}

func port(t *testing.T, a net.Addr) uint16 {
	t.Helper()
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return p.Port()
}

// receive reads a message with counted octets.
func receive(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	count, err := r.ReadString(' ')
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A server that goes away and comes back gets what was logged meanwhile, in
// order; more than the queue holds is dropped and counted.
func TestServerAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	to := logging.Server{Host: "log.test", Port: port(t, l.Addr()), Severity: feature.Notice, Facility: 23, Transport: logging.Transport{Kind: logging.TCP}}
	s := running(t, to)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.Log(event("first"), settings())
	if got := receive(t, bufio.NewReader(conn)); !strings.HasSuffix(got, ": first") {
		t.Errorf("got %q", got)
	}
	state := func() feature.LogServer { return s.Snapshot()[0] }
	until(t, "the message is counted", func() bool { return state().Sent == 1 })
	if now := state(); !now.Up || now.Address != address {
		t.Errorf("%+v", now)
	}
	l.Close()
	conn.Close()
	until(t, "the connection is known to be lost", func() bool { return !state().Up && state().Error != "" })
	const extra = 10
	for i := range maxQueue + extra {
		s.Log(event(fmt.Sprint("message ", i)), settings())
	}
	debug := event("not of interest")
	debug.Severity = feature.Debugging
	s.Log(debug, settings())
	if now := state(); now.Dropped != extra || now.Queued != maxQueue {
		t.Errorf("%+v", now)
	}
	// Other settings of the same server are those of the next message.
	to.Facility = 16
	s.Set([]logging.Server{to})
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if conn, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i := range maxQueue {
		if got, want := receive(t, r), fmt.Sprintf("<189>Nov  2 09:02:11 vsm1 %%ETHPORT-5-IF_UP: message %d", i); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	s.Log(event("last"), settings())
	if got := receive(t, r); !strings.HasPrefix(got, "<133>") || !strings.HasSuffix(got, "last") {
		t.Errorf("got %q", got)
	}
	s.Set(nil)
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("a server that is no longer configured: %v", err)
	}
}

// What is logged last is sent before the service ends.
func TestLastWords(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := New(Config{Dial: dial, Log: slog.New(slog.DiscardHandler)})
	s.Set([]logging.Server{{Host: "127.0.0.1", Port: port(t, l.LocalAddr()), Severity: feature.Notice, Facility: 23}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	until(t, "up", func() bool { return s.Snapshot()[0].Up })
	for i := range 5 {
		s.Log(event(fmt.Sprint(i)), settings())
	}
	cancel()
	<-done
	b := make([]byte, 2048)
	for i := range 5 {
		n, _, err := l.ReadFrom(b)
		if err != nil || !strings.HasSuffix(string(b[:n]), fmt.Sprint(": ", i)) {
			t.Fatalf("%q, %v", b[:n], err)
		}
	}
}

// rsyslogd runs Debian's and returns the file that it writes, one message a line
// as it has read it: facility, severity, time, host, program, text.
func rsyslogd(t *testing.T, inputs string) (file string) {
	t.Helper()
	if _, err := exec.LookPath("rsyslogd"); err != nil {
		t.Skip("no rsyslogd: ", err)
	}
	dir := t.TempDir()
	file = filepath.Join(dir, "out")
	conf := filepath.Join(dir, "conf")
	text := fmt.Sprintf(`global(workDirectory="%s" maxMessageSize="8k")
%s
template(name="t" type="string" string="%%syslogfacility-text%%|%%syslogseverity%%|%%timereported:::date-rfc3339%%|%%hostname%%|%%app-name%%|%%msgid%%|%%msg%%\n")
action(type="omfile" file="%s" template="t" asyncWriting="off" flushOnTXEnd="on")
`, dir, inputs, file)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	peertest.Start(t, "rsyslogd", "-n", "-f", conf, "-i", filepath.Join(dir, "pid"))
	return file
}

// freePort is a port of the loopback that nobody listens on.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return port(t, l.Addr())
}

// sends logs messages and requires that rsyslogd has read them, in order.
func sends(t *testing.T, file string, s *Service, with *logging.Settings, want string) {
	t.Helper()
	until(t, "up", func() bool { return s.Snapshot()[0].Up })
	const n = 20
	for i := range n {
		s.Log(event(fmt.Sprint("message ", i)), with)
	}
	read := func() []string {
		b, _ := os.ReadFile(file)
		return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	own := func() (all []string) {
		for _, l := range read() {
			if strings.Contains(l, "|vsm1|") {
				all = append(all, l)
			}
		}
		return all
	}
	until(t, "rsyslogd has them", func() bool { return len(own()) == n })
	for i, l := range own() {
		if want := want + fmt.Sprint("message ", i); l != want {
			t.Fatalf("rsyslogd has\n%q, want\n%q", l, want)
		}
	}
}

func TestRsyslogUDP(t *testing.T) {
	p := freePort(t)
	file := rsyslogd(t, fmt.Sprintf(`module(load="imudp") input(type="imudp" address="127.0.0.1" port="%d")`, p))
	until(t, "rsyslogd listens", func() bool {
		l, err := net.ListenPacket("udp", fmt.Sprint("127.0.0.1:", p))
		if err == nil {
			l.Close()
		}
		return err != nil
	})
	s := running(t, logging.Server{Host: "log.test", Port: p, Severity: feature.Notice, Facility: 23})
	with := settings()
	with.Strict = true
	sends(t, file, s, with, "local7|5|2026-11-02T09:02:11.123456+01:00|vsm1|ETHPORT|IF_UP|%ETHPORT-5-IF_UP: ")
}

func TestRsyslogTCP(t *testing.T) {
	p := freePort(t)
	file := rsyslogd(t, fmt.Sprintf(`module(load="imtcp") input(type="imtcp" address="127.0.0.1" port="%d")`, p))
	s := running(t, logging.Server{Host: "127.0.0.1", Port: p, Severity: feature.Notice, Facility: 16, Transport: logging.Transport{Kind: logging.TCP}})
	until(t, "up", func() bool { return s.Snapshot()[0].Up })
	s.Log(event("old"), settings())
	until(t, "rsyslogd has the message", func() bool {
		b, _ := os.ReadFile(file)
		return strings.Contains(string(b), "|vsm1|%ETHPORT-5-IF_UP|-| old\n") && strings.HasPrefix(string(b), "local0|5|") ||
			strings.Contains(string(b), "\nlocal0|5|") && strings.Contains(string(b), "|vsm1|%ETHPORT-5-IF_UP|-| old\n")
	})
}

// openssl makes a certificate authority and a certificate for 127.0.0.1.
func openssl(t *testing.T, dir string) (ca, cert, key string) {
	t.Helper()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("openssl %s: %v\n%s", args[0], err, out)
		}
	}
	run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
	run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=log")
	if err := os.WriteFile(filepath.Join(dir, "ext"), []byte("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem", "-days", "2", "-extfile", "ext")
	return filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

func TestRsyslogTLS(t *testing.T) {
	ca, cert, key := openssl(t, t.TempDir())
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	pinned := sha256.Sum256(block.Bytes)
	p := freePort(t)
	file := rsyslogd(t, fmt.Sprintf(`global(defaultNetstreamDriverCAFile="%s" defaultNetstreamDriverCertFile="%s" defaultNetstreamDriverKeyFile="%s")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="%d")`, ca, cert, key, p))
	server := func(host string, t logging.Transport) logging.Server {
		t.Kind = logging.Secure
		return logging.Server{Host: host, Port: p, Severity: feature.Notice, Facility: 23, Transport: t}
	}
	s := running(t, server("127.0.0.1", logging.Transport{CA: ca}))
	sends(t, file, s, settings(), "local7|5|2026-11-02T09:02:11.123456+01:00|vsm1|ETHPORT|IF_UP|%ETHPORT-5-IF_UP: ")

	// Whoever is not who configuration says gets nothing.
	for name, c := range map[string]struct {
		to   logging.Server
		want string
	}{
		"authority":   {server("127.0.0.1", logging.Transport{}), "certificate signed by unknown authority"},
		"name":        {server("log.test", logging.Transport{CA: ca}), "log.test"},
		"fingerprint": {server("127.0.0.1", logging.Transport{Fingerprint: [32]byte{1}}), errFingerprint.Error()},
		"no file":     {server("127.0.0.1", logging.Transport{CA: "none"}), "read none"},
	} {
		wrong := running(t, c.to)
		wrong.Log(event("secret"), settings())
		until(t, name+" is refused", func() bool { return strings.Contains(wrong.Snapshot()[0].Error, c.want) })
		if now := wrong.Snapshot()[0]; now.Up || now.Sent != 0 {
			t.Errorf("%s: %+v", name, now)
		}
	}
	right := running(t, server("log.test", logging.Transport{Fingerprint: pinned}))
	until(t, "the certificate is trusted", func() bool { return right.Snapshot()[0].Up })
}
