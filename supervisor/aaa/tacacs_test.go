package aaa

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/radius/radiustest"
	"trunkline/internal/tacacs"
	"trunkline/internal/tacacs/tacacstest"
)

// tacacsServer configures a server in the group TAC.
func (b *box) tacacsServer(t *testing.T, address, key string) {
	t.Helper()
	b.leaf(true, tree.Elem{Name: "features"}, tree.Elem{Name: "tacacs"})
	host := b.server(t, "tacacs-server", "port", address, key)
	b.leaf(host, aaaElem, tree.Elem{Name: "tacacs-group", Key: "TAC"}, tree.Elem{Name: "servers"})
}

// nobody is the address of a TCP port that nobody listens on.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // of a test
	return l.Addr().String()
}

// Who asks for a server is asked of it only if he would be asked of it anyway, and its
// silence opens no way that the other servers keep shut.
func TestDirected(t *testing.T) {
	a, b, _ := newTest(t)
	b.radiusServer(t, radiustest.Start(t, "testing123", `rita Cleartext-Password := "remote-1A"
`).Address, "testing123")
	b.tacacsServer(t, nobody(t), "sesame")
	b.leaf(true, aaaElem, tree.Elem{Name: "tacacs"}, tree.Elem{Name: "directed-request"})
	login := func(methods, user, password string) error {
		t.Helper()
		b.leaf(methods, aaaElem, tree.Elem{Name: "login"}, tree.Elem{Name: "default"})
		_, err := a.Password(t.Context(), user, password, "192.0.2.1:1")
		return err
	}
	for _, methods := range []string{"group G local", "group G none", "group TAC local", "group TAC none", "group TAC G", "group TAC"} {
		if err := login(methods, "zoe@127.0.0.1", "hashcat"); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: zoe by a silent server: %v", methods, err)
		}
		a.locks.succeeded("zoe", "192.0.2.1") // refused by the servers, not locked out
		a.locks.succeeded("zoe@127.0.0.1", "192.0.2.1")
	}
	for _, methods := range []string{"group TAC local", "group TAC"} {
		if err := login(methods, "zoe", "hashcat"); err != nil {
			t.Errorf("%s: zoe: %v", methods, err)
		}
	}
	if err := login("group TAC G", "rita", "remote-1A"); err != nil {
		t.Errorf("rita by the next server: %v", err)
	}
}

// A server's answer gives roles that there are, and no other.
func TestShellRole(t *testing.T) {
	_, b, _ := newTest(t)
	b.role("priv-7")
	b.role("ops")
	for _, c := range []struct {
		granted []string
		want    feature.Role
	}{
		{nil, feature.NetworkOperator},
		{[]string{"service=shell", "cmd=", "shell:roles*"}, feature.NetworkOperator}, // as it was asked
		{[]string{`shell:roles="network-admin ops none-such"`}, "network-admin ops"},
		{[]string{"shell:roles*ops"}, "ops"},
		{[]string{`cisco-av-pair=shell:roles="ops"`}, "ops"},
		{[]string{`cisco-av-pair*shell:roles*"ops"`}, "ops"},
		{[]string{`shell:roles="none-such"`}, feature.NetworkOperator},
		{[]string{`shell:roles="none-such"`, "priv-lvl=15"}, feature.NetworkOperator},
		{[]string{"shell:roles=ops", "priv-lvl=15"}, "ops"},
		{[]string{"priv-lvl=15"}, feature.NetworkAdmin},
		{[]string{"priv-lvl*15"}, feature.NetworkAdmin},
		{[]string{"priv-lvl=7"}, "priv-7"},
		{[]string{"priv-lvl=6"}, feature.NetworkOperator},
		{[]string{"priv-lvl=-15"}, feature.NetworkOperator},
		{[]string{"priv-lvl=15 "}, feature.NetworkOperator},
		{[]string{"priv-lvl="}, feature.NetworkOperator},
		{[]string{"priv-lvl2=15"}, feature.NetworkOperator},
		{[]string{"shell:roles=network-admin\x00"}, feature.NetworkOperator},
	} {
		if got := shellRole(b.running(), c.granted); got != c.want {
			t.Errorf("%q: %q, want %q", c.granted, got, c.want)
		}
	}
}

// role makes a role.
func (b *box) role(name string) {
	now := b.running().Set(tree.Path{{Name: "roles"}, {Name: "role", Key: name}}, nil)
	b.t.Store(&now)
}

// A connection that is kept is one with the settings of now: with another port, key or
// address of its own there is another.
func TestKeptConnection(t *testing.T) {
	var asked []string
	b := &box{}
	b.t.Store(&tree.Tree{})
	first := tacacstest.Start(t, "sesame", tacacstest.User{Name: "tina", Password: "remote-1A"})
	second := tacacstest.Start(t, "other", tacacstest.User{Name: "paul", Password: "remote-2A"})
	a := New(Config{Running: b.running, Dial: func(ctx context.Context, network, host string, port uint16, own bool) (net.Conn, error) {
		asked = append(asked, fmt.Sprintf("%s:%d %v", host, port, own))
		return dialMachine(ctx, network, host, port, own)
	}})
	who := tacacs.Who{User: "tina"}
	ask := func(user, password string) {
		t.Helper()
		who.User = user
		s := users.ServersOf(b.running(), []string{"TAC"})
		if len(s) != 1 {
			t.Fatalf("servers %v", s)
		}
		if ok, err := a.remote.tacacsServer(s[0]).Login(t.Context(), who, password, false); !ok || err != nil {
			t.Errorf("%s: %v, %v", user, ok, err)
		}
	}
	b.tacacsServer(t, first.Address, "sesame")
	b.leaf("single-connection", aaaElem, tree.Elem{Name: "tacacs-server", Key: "127.0.0.1"}, tree.Elem{Name: "single-connection"})
	ask("tina", "remote-1A")
	ask("tina", "remote-1A")
	b.leaf("mgmt0", aaaElem, tree.Elem{Name: "tacacs-group", Key: "TAC"}, tree.Elem{Name: "source-interface"})
	ask("tina", "remote-1A")
	b.tacacsServer(t, second.Address, "other")
	ask("paul", "remote-2A")
	ask("paul", "remote-2A")
	if want := []string{first.Address + " false", first.Address + " true", second.Address + " true"}; !slices.Equal(asked, want) {
		t.Errorf("connections %q, want %q", asked, want)
	}
}
