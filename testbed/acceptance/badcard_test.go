package acceptance

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"trunkline/linecard/api"
	"trunkline/linecard/port/inns"
)

// dialCards connects to the card port of the chassis, from its namespace.
func (c *chassis) dialCards() (conn net.Conn, err error) {
	err = inns.Do(c.ns, func() error {
		conn, err = net.DialTimeout("tcp", cardsAddr, 3*time.Second)
		return err
	})
	return conn, err
}

// spare starts a line card that is not one of the chassis.
func (c *chassis) spare(state, vsm, uuid string, slot int) *process {
	return start(c.t, "ip", "netns", "exec", c.ns, filepath.Join(bin, "vem"), "--vsm", vsm, "--slot", fmt.Sprint(slot),
		"--state-dir", state, "--vem-socket", filepath.Join(c.t.TempDir(), "vem.sock"), "--host-uuid", uuid, "--config", "")
}

// logs waits until a process has logged a text.
func logs(t *testing.T, p *process, want string) {
	t.Helper()
	eventually(t, 10*time.Second, fmt.Sprintf("%q is logged", want), func() error {
		b, err := os.ReadFile(p.log)
		if err != nil {
			return err
		}
		return contains(tail(string(b), 3000), want)
	})
}

var cardOK = regexp.MustCompile(`(?m)^(\d+) .* Virtual Ethernet Module .* ok`)

// bothOK checks that the cards of the chassis, and no others, are attached.
func (c *chassis) bothOK(t *testing.T) {
	t.Helper()
	eventually(t, 5*time.Second, "cards 3 and 4 are ok, and no others", func() error {
		r := vsh(t, c.socket, "show module")
		m := cardOK.FindAllStringSubmatch(r.out, -1)
		if len(m) != 2 || m[0][1] != "3" || m[1][1] != "4" {
			return errors.New(r.out + r.log)
		}
		return nil
	})
}

// attach says hello as a card does, with a certificate or none, and returns
// what the supervisor answers.
func (c *chassis) attach(cert *tls.Certificate, first *api.FromCard) string {
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	cc, err := grpc.NewClient("passthrough:///cards", grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return c.dialCards() }))
	if err != nil {
		return err.Error()
	}
	defer cc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	st, err := api.NewSupervisorClient(cc).Attach(ctx)
	if err == nil {
		if err = st.Send(first); errors.Is(err, io.EOF) {
			err = nil // Recv knows why
		}
	}
	if err != nil {
		return err.Error()
	}
	m, err := st.Recv()
	if err != nil {
		return err.Error()
	}
	return m.GetWelcome().GetRefusal()
}

// selfSigned makes a certificate that nobody has issued.
func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestBadCards lets cards, certificates and bytes that have no business there
// at the card port of a chassis: each is refused with a reason in the log, and
// the cards of the chassis go on without losing a frame.
func TestBadCards(t *testing.T) {
	needRoot(t)
	t.Setenv("TRUNKLINE_LOG_LEVEL", "DEBUG")
	c := runChassis(t, "tlt-w")
	echo := pinging(t, c.hosts[0], "10.9.0.2")
	const uuid3, uuid5 = "00000000-0000-4000-8000-000000000003", "00000000-0000-4000-8000-000000000005"
	hello := func(uuid string) *api.FromCard {
		return &api.FromCard{M: &api.FromCard_Hello{Hello: &api.Hello{Uuid: uuid, Slot: 5}}}
	}

	t.Run("certificates", func(t *testing.T) {
		var own tls.Certificate
		b, err := os.ReadFile(filepath.Join(c.dir, "vem3", "identity.pem"))
		if err == nil {
			own, err = tls.X509KeyPair(b, b)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []struct {
			name  string
			cert  *tls.Certificate
			first *api.FromCard
			want  string
		}{
			{"none", nil, hello(uuid5), "the card shows no certificate"},
			{"self-signed", selfSigned(t), hello(uuid5), "certificate"},
			{"of another host", &own, hello(uuid5), "the card's certificate is of host " + uuid3},
			{"of a card that is attached", &own, hello(uuid3), "host " + uuid3 + " is attached already"},
		} {
			got := c.attach(a.cert, a.first)
			if !strings.Contains(got, a.want) {
				t.Errorf("a certificate %s: %q, want %q", a.name, got, a.want)
				continue
			}
			logs(t, c.vsm, got)
		}
		if got := c.attach(&own, &api.FromCard{}); !strings.Contains(got, "the first message must be a hello") {
			t.Errorf("no hello: %q", got)
		}
		c.bothOK(t)
	})
	t.Run("another chassis", func(t *testing.T) {
		state := t.TempDir()
		socket := filepath.Join(t.TempDir(), "vsm.sock")
		const other = "127.0.0.1:4786"
		vsm := start(t, "ip", "netns", "exec", c.ns, filepath.Join(bin, "vsm"), "--state-dir", t.TempDir(), "--socket", socket, "--cards", other)
		answers(t, socket, 10*time.Second)
		vem := c.spare(state, other, uuid5, 5)
		eventually(t, 10*time.Second, "the card attaches to its chassis", func() error {
			if r := vsh(t, socket, "show module"); !cardOK.MatchString(r.out) {
				return errors.New(r.out + r.log)
			}
			return nil
		})
		vem.kill()
		// Its program is lost, not its identity: it gets another program.
		for _, file := range []string{"program", "program.old", "entries"} {
			if err := os.WriteFile(filepath.Join(state, file), []byte("\x00garbage"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		vem = c.spare(state, other, uuid5, 5)
		logs(t, vem, "state directory is damaged")
		eventually(t, 10*time.Second, "the card without a program is ok", func() error {
			if r := vsh(t, socket, "show module"); !cardOK.MatchString(r.out) {
				return errors.New(r.out + r.log)
			}
			return nil
		})
		vem.kill()
		vsm.kill()
		vem = c.spare(state, cardsAddr, uuid5, 5)
		logs(t, c.vsm, "it is enrolled with another chassis")
		logs(t, vem, "another chassis")
		vem.kill()
		for _, file := range []string{"identity.pem", "program"} {
			if err := os.WriteFile(filepath.Join(state, file), []byte("\x00garbage"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		vem = c.spare(state, cardsAddr, uuid5, 5)
		logs(t, vem, "identity.pem is damaged: give the card a token")
		vem.kill()
		c.bothOK(t)
	})
	t.Run("same UUID", func(t *testing.T) {
		fresh := c.spare(t.TempDir(), cardsAddr, uuid3, 3)
		logs(t, c.vsm, "is enrolled with another key")
		logs(t, fresh, "is enrolled with another key")
		fresh.kill()
		clone := t.TempDir()
		if err := os.CopyFS(clone, os.DirFS(filepath.Join(c.dir, "vem3"))); err != nil {
			t.Fatal(err)
		}
		p := c.spare(clone, cardsAddr, uuid3, 3)
		logs(t, p, "attached already")
		p.kill()
		c.bothOK(t)
	})
	t.Run("no cards at all", func(t *testing.T) {
		noise := make([]byte, 64<<10)
		_, _ = rand.Read(noise)
		for name, b := range map[string][]byte{
			"noise": noise, "HTTP": []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "SSH": []byte("SSH-2.0-x\r\n"),
			"clear HTTP/2": []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "a TLS record too long": {22, 3, 1, 0xff, 0xff, 1},
		} {
			conn, err := c.dialCards()
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(8 * time.Second))
			_, _ = io.Copy(conn, bytes.NewReader(b)) // it may be cut off
			if answer, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: the connection stays; %q", name, answer)
			}
			conn.Close()
		}
		logs(t, c.vsm, "handshake broken off")
		c.bothOK(t)
	})
	t.Run("half-open", func(t *testing.T) {
		var open []net.Conn
		for range 200 {
			conn, err := c.dialCards()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			open = append(open, conn)
		}
		// With all of them waiting, the supervisor answers and commits.
		if r := vsh(t, c.socket, "configure terminal ; vlan 300 ; name HALF"); r.code != 0 {
			t.Errorf("%s %s", r.out, r.log)
		}
		c.bothOK(t)
		_ = open[0].SetReadDeadline(time.Now().Add(8 * time.Second))
		if _, err := open[0].Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a connection that says nothing stays for 8 s")
		}
	})
	sent, got := echo()
	if sent < 20 || got < sent {
		t.Errorf("%d of %d echoes came back", got, sent)
	}
	t.Logf("%d of %d echoes", got, sent)
	for _, p := range []*process{c.vsm, c.vem[3], c.vem[4]} {
		if log := said(t, p); !p.running() || panicked(log) {
			t.Errorf("ended or panicked: %s", tail(log, 3000))
		}
	}
}
