package aaa

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/radius/radiustest"
	"trunkline/internal/secret"
)

var aaaElem = tree.Elem{Name: "aaa"}

// server configures a server of a list, with the leaf of its port, and returns its
// host.
func (b *box) server(t *testing.T, list, portLeaf, address, key string) (host string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	of := tree.Elem{Name: list, Key: host}
	b.leaf(uint32(n), aaaElem, of, tree.Elem{Name: portLeaf})
	b.leaf(users.SharedKey{Text: secret.Obscure(key)}, aaaElem, of, tree.Elem{Name: "key"})
	b.leaf(uint32(1), aaaElem, of, tree.Elem{Name: "timeout"})
	return host
}

// radiusServer configures a server in the group G, by which users are proved.
func (b *box) radiusServer(t *testing.T, address, key string) {
	t.Helper()
	host := b.server(t, "radius-server", "auth-port", address, key)
	b.leaf(uint32(1), aaaElem, tree.Elem{Name: "radius-server", Key: host}, tree.Elem{Name: "retransmit"}) // none
	b.leaf(host, aaaElem, tree.Elem{Name: "radius-group", Key: "G"}, tree.Elem{Name: "servers"})
	b.leaf("group G", aaaElem, tree.Elem{Name: "login"}, tree.Elem{Name: "default"})
}

// trying is a Host that can try logins only.
type trying struct {
	feature.Host
	a *Authenticator
}

func (h trying) TryLogin(ctx context.Context, servers []feature.ServerKey, user, password string) (bool, error) {
	return h.a.Try(ctx, servers, user, password)
}

func TestLoginByRADIUS(t *testing.T) {
	a, b, _ := newTest(t)
	server := radiustest.Start(t, "testing123", `rita Cleartext-Password := "remote-1A"
	Cisco-AVPair = "shell:roles=\"network-admin none-such\""
paul Cleartext-Password := "remote-2A"
eve Cleartext-Password := "remote-3A"
	Cisco-AVPair = "shell:roles=network-admin"
`)
	b.radiusServer(t, server.Address, "testing123")
	for _, c := range []struct {
		user, password string
		role           feature.Role // "" for refused
	}{
		{"rita", "remote-1A", feature.NetworkAdmin}, {"rita", "wrong", ""}, {"nobody", "x", ""},
		{"paul", "remote-2A", feature.NetworkOperator},
		{"eve", "hashcat", ""}, // of the configuration, which is not asked
		{"eve", "remote-3A", feature.NetworkAdmin},
	} {
		who, err := a.Password(t.Context(), c.user, c.password, "192.0.2.1:1")
		if c.role == "" && !errors.Is(err, ErrDenied) || c.role != "" && (err != nil || who != (feature.Identity{User: c.user, Role: c.role})) {
			t.Errorf("%s with %s: %v, %v; want role %q", c.user, c.password, who, err, c.role)
		}
		if c.role != "" {
			if now, ok := a.Lookup(c.user); !ok || now != who {
				t.Errorf("%s is %v, %v after his login", c.user, now, ok)
			}
		}
	}
	for _, c := range []struct{ line, host, group, user, password, want string }{
		{"test aaa server radius <host> <user> <password>", "127.0.0.1", "", "paul", "remote-2A", "user has been authenticated\n"},
		{"test aaa server radius <host> <user> <password>", "127.0.0.1", "", "paul", "wrong", "user has failed authentication\n"},
		{"test aaa server radius <host> <user> <password>", "127.0.0.2", "", "paul", "remote-2A", "ERROR: RADIUS server 127.0.0.2 does not exist."},
		{"test aaa group <group> <user> <password>", "", "G", "rita", "remote-1A", "user has been authenticated\n"},
		{"test aaa group <group> <user> <password>", "", "radius", "rita", "remote-1A", "user has been authenticated\n"},
		{"test aaa group <group> <user> <password>", "", "G", "zoe", "hashcat", "user has failed authentication\n"}, // of the configuration
		{"test aaa group <group> <user> <password>", "", "H", "zoe", "hashcat", "ERROR: Group H does not exist."},
	} {
		at := slices.IndexFunc(users.Feature.Exec, func(e feature.Exec) bool { return e.Line == c.line })
		var out strings.Builder
		q := feature.Query{Running: a.cfg.Running(), Args: feature.Args{Values: map[string]any{
			"host": c.host, "group": c.group, "user": c.user, "password": c.password,
		}}}
		got := ""
		if err := users.Feature.Exec[at].Run(t.Context(), q, trying{a: a}, &out); err != nil {
			got = err.Error()
		}
		if got += out.String(); got != c.want {
			t.Errorf("%s as %s with %s: %q, want %q", c.line, c.user, c.password, got, c.want)
		}
	}
	// Without the servers nobody is theirs.
	b.leaf("local", aaaElem, tree.Elem{Name: "login"}, tree.Elem{Name: "default"})
	if who, ok := a.Lookup("rita"); ok {
		t.Errorf("rita is still %v", who)
	}
	if who, err := a.Password(t.Context(), "eve", "hashcat", "192.0.2.1:1"); err != nil || who.Role != feature.NetworkOperator {
		t.Errorf("eve of the configuration: %v, %v", who, err)
	}
}

// Servers of a group are asked in the order of configuration, and by the names that
// the switch looks up.
func TestServersInTurn(t *testing.T) {
	_, b, _ := newTest(t)
	server := radiustest.Start(t, "testing123", `rita Cleartext-Password := "remote-1A"
`)
	b.radiusServer(t, server.Address, "testing123")
	for _, name := range []string{"zulu", "alpha"} {
		of := tree.Elem{Name: "radius-server", Key: name}
		b.leaf(users.SharedKey{Text: secret.Obscure("testing123")}, aaaElem, of, tree.Elem{Name: "key"})
		b.leaf(uint32(1), aaaElem, of, tree.Elem{Name: "timeout"})
	}
	b.leaf("zulu alpha 127.0.0.1", aaaElem, tree.Elem{Name: "radius-group", Key: "G"}, tree.Elem{Name: "servers"})
	var asked []string
	a := New(Config{Running: b.running, Dial: func(ctx context.Context, network, host string, port uint16, _ bool) (net.Conn, error) {
		asked = append(asked, host)
		if host == "alpha" {
			_, text, _ := net.SplitHostPort(server.Address)
			var d net.Dialer
			return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", text))
		}
		return nil, errors.New("no such host")
	}})
	if _, err := a.Password(t.Context(), "rita", "remote-1A", "192.0.2.1:1"); err != nil || !slices.Equal(asked, []string{"zulu", "alpha"}) {
		t.Errorf("asked %q: %v", asked, err)
	}
}

// While a server is silent, local users get in after its timeout, at once while it
// is known to be dead, and those who are not asked of it are not held.
func TestSilentRADIUS(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked sync.WaitGroup
	n := 0
	asked.Go(func() {
		for buffer := make([]byte, 4096); ; n++ {
			if _, _, err := silent.ReadFrom(buffer); err != nil {
				return
			}
		}
	})
	a, b, _ := newTest(t)
	b.radiusServer(t, silent.LocalAddr().String(), "testing123")
	b.leaf(uint32(10), aaaElem, tree.Elem{Name: "radius"}, tree.Elem{Name: "deadtime"})
	for range 3 {
		if who, err := a.Password(t.Context(), "zoe", "hashcat", "192.0.2.1:1"); err != nil || who.Role != feature.NetworkAdmin {
			t.Fatalf("a local user: %v, %v", who, err)
		}
	}
	if until := a.remote.dead[grave{server: feature.ServerKey{Protocol: "radius", Host: "127.0.0.1"}}]; time.Until(until) < time.Minute {
		t.Errorf("the server is left out until %v", until)
	}
	silent.Close()
	asked.Wait()
	if n != 1 {
		t.Errorf("the dead server was asked %d times", n)
	}
	// All places are taken by those who wait: one more is told so, unless the method
	// says that users of the configuration do without.
	for range maxAsking {
		a.remote.places <- struct{}{}
	}
	if _, err := a.Password(t.Context(), "zoe", "hashcat", "192.0.2.1:1"); !errors.Is(err, ErrBusy) {
		t.Errorf("with no place: %v", err)
	}
	for methods, want := range map[string]error{"group G local": nil, "group G none": ErrBusy} {
		b.leaf(methods, aaaElem, tree.Elem{Name: "login"}, tree.Elem{Name: "default"})
		if _, err := a.Password(t.Context(), "zoe", "hashcat", "192.0.2.1:1"); !errors.Is(err, want) {
			t.Errorf("%s with no place: %v", methods, err)
		}
	}
	b.leaf("group G local", aaaElem, tree.Elem{Name: "login"}, tree.Elem{Name: "default"})
	if _, err := a.Password(t.Context(), "zoe", "wrong", "192.0.2.2:1"); !errors.Is(err, ErrDenied) {
		t.Errorf("a wrong password: %v", err)
	}
	if err := a.remote.each(t.Context(), a.remote.commands, toAuthorize, nil, nil); !errors.Is(err, errUnanswered) {
		t.Errorf("commands of those who are logged in: %v", err)
	}
}

// Those of one source who wait for a silent server leave places for others.
func TestPlacesOfASource(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() //nolint:errcheck // of a test
	a, b, _ := newTest(t)
	b.radiusServer(t, silent.LocalAddr().String(), "testing123")
	b.leaf(uint32(60), aaaElem, tree.Elem{Name: "radius-server", Key: "127.0.0.1"}, tree.Elem{Name: "timeout"})
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	answers := make(chan error, 2*maxAsking)
	for range 2 * maxAsking {
		waiting.Go(func() {
			_, err := a.Password(ctx, "x", "y", "192.0.2.1:1")
			answers <- err
		})
	}
	for range 2*maxAsking - maxSource { // those who are told at once
		if err := <-answers; !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
	}
	if n := len(a.remote.places); n > maxSource {
		t.Errorf("%d places are taken by one source", n)
	}
	cancel()
	waiting.Wait()
	if len(a.remote.asking) != 0 {
		t.Errorf("still asking: %v", a.remote.asking)
	}
}
