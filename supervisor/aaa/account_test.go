package aaa

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/radius/radiustest"
	"trunkline/internal/tacacs/tacacstest"
)

// one sends the records that wait.
func (c *Accounting) one(t *testing.T) {
	t.Helper()
	for {
		select {
		case r := <-c.queue:
			c.send(t.Context(), r)
		default:
			return
		}
	}
}

// A command is a task of its own to a TACACS+ server, and a session keeps its name; one
// that nobody has seen beginning has one too.
func TestTasks(t *testing.T) {
	a, b, _ := newTest(t)
	p := tacacstest.Start(t, "sesame", tacacstest.User{Name: "tina", Password: "remote-1A"})
	b.tacacsServer(t, p.Address, "sesame")
	b.leaf("group TAC", aaaElem, tree.Elem{Name: "accounting"}, tree.Elem{Name: "default"})
	c := a.Accounting()
	login := feature.Login{User: "tina", Line: "pts/1", Address: "192.0.2.1", Since: time.Now()}
	c.Entered(login)
	c.Command("tina", "192.0.2.1@pts/1", feature.NetworkAdmin, "vlan 7", time.Now(), true)
	c.Command("tina", "192.0.2.1@pts/1", feature.NetworkAdmin, "vlan 8", time.Now(), true)
	c.Left(login)
	c.Left(feature.Login{User: "tina", Line: "pts/2", Address: "192.0.2.1", Since: time.Now()})
	c.one(t)
	got := p.Accounts(t)
	var tasks []string
	for _, m := range regexp.MustCompile(`task_id=([\w-]*)`).FindAllStringSubmatch(got, -1) {
		tasks = append(tasks, m[1])
	}
	if len(tasks) != 5 {
		t.Fatalf("tasks %q of\n%s", tasks, got)
	}
	if tasks[0] != tasks[3] {
		t.Errorf("the session of %s ends as %s", tasks[0], tasks[3])
	}
	slices.Sort(tasks)
	if names := slices.Compact(tasks); len(names) != 4 || names[0] == "" {
		t.Errorf("tasks %q of\n%s", names, got)
	}
}

// A long command is noted as far as a packet holds it, with what became of it. What no
// packet holds, and a port of accounting that nobody is at, are no reason not to ask a
// server for users.
func TestAccountingIsNotLogin(t *testing.T) {
	a, b, log := newTest(t)
	p := radiustest.Run(t, "testing123", `rita Cleartext-Password := "remote-1A"
`)
	b.radiusServer(t, p.Address, "testing123")
	port := func(address string) {
		_, text, _ := net.SplitHostPort(address)
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		b.leaf(uint32(n), aaaElem, tree.Elem{Name: "radius-server", Key: "127.0.0.1"}, tree.Elem{Name: "acct-port"})
	}
	port(p.Accounting.Address)
	b.leaf(uint32(10), aaaElem, tree.Elem{Name: "radius"}, tree.Elem{Name: "deadtime"})
	b.leaf("group G", aaaElem, tree.Elem{Name: "accounting"}, tree.Elem{Name: "default"})
	c := a.Accounting()
	for _, line := range []string{"banner " + strings.Repeat("x", 10000), "banner " + strings.Repeat("y\n", 5000)} {
		c.Command("zoe", "192.0.2.1@pts/1", feature.NetworkAdmin, line, time.Now(), true)
		c.one(t)
	}
	for _, want := range []string{"accountinginfo=banner xxx", "accountinginfo=banner y", "... (SUCCESS)"} {
		if got := p.Records(t); !strings.Contains(got, want) {
			t.Errorf("no %s in the records:\n%s", want, got)
		}
	}
	c.Command(strings.Repeat("u", 300), "192.0.2.1@pts/1", feature.NetworkAdmin, "vlan 7", time.Now(), true) // no packet has such a name
	c.one(t)
	if len(a.remote.dead) != 0 {
		t.Errorf("dead: %v", a.remote.dead)
	}
	port(nobody(t))
	c.Command("zoe", "192.0.2.1@pts/1", feature.NetworkAdmin, "vlan 7", time.Now(), true)
	c.one(t)
	if len(a.remote.dead) != 1 {
		t.Errorf("dead: %v", a.remote.dead)
	}
	if _, err := a.Password(t.Context(), "rita", "remote-1A", "192.0.2.1:1"); err != nil {
		t.Errorf("a login: %v", err)
	}
	if !strings.Contains(log.text(), "No server takes accounting records") {
		t.Errorf("logged:\n%s", log.text())
	}
}

// Servers are told the level and the door of users, whatever that is.
func TestLevelsAndDoors(t *testing.T) {
	a, b, _ := newTest(t)
	b.tacacsServer(t, nobody(t), "sesame")
	b.leaf("group TAC", aaaElem, tree.Elem{Name: "accounting"}, tree.Elem{Name: "default"})
	c := a.Accounting()
	c.Command("zoe", "192.0.2.1@nxapi", feature.NetworkAdmin, "vlan 7", time.Now(), true)
	c.Command("zoe", "192.0.2.1", "", "Set", time.Now(), true) // by gNMI
	c.Command("eve", "192.0.2.1@nxapi", "", "vlan 8", time.Now(), true)
	for _, want := range []struct {
		role feature.Role
		port string
	}{{feature.NetworkAdmin, "nxapi"}, {feature.NetworkAdmin, "grpc"}, {feature.NetworkOperator, "nxapi"}} {
		r := <-c.queue
		if w := about(r.user, r.from, r.role); r.role != want.role || w.Port != want.port || (w.Level == highest) != want.role.Admin() {
			t.Errorf("%s: role %s, %+v; want %v", r.line, r.role, w, want)
		}
	}
	for from, want := range map[string]string{"192.0.2.1:1": "ssh", "192.0.2.1@nxapi": "nxapi", "192.0.2.1@grpc": "grpc", "2001:db8::1@grpc": "grpc"} {
		if got := doorOf(from); got != want {
			t.Errorf("%s is at %s", from, got)
		}
	}
}
