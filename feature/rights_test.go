package feature_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/history"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/aaa"
	"trunkline/internal/flash"
)

// roled is a chassis with a user whose role has rules.
type roled struct {
	session.Product
	cli *session.CLI
}

func open(t *testing.T) roled {
	t.Helper()
	p, err := newProduct()
	if err != nil {
		t.Fatal(err)
	}
	p.Rights = aaa.Rights
	if p.Files, err = flash.Open(flash.Config{Dir: t.TempDir(), Quota: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Files.Close() })
	if p.History, err = history.Open(t.Context(), p.Store, nil); err != nil {
		t.Fatal(err)
	}
	cli, err := session.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return roled{p, cli}
}

func (r roled) as(role feature.Role) *session.Session {
	return r.cli.Session(session.Options{Who: feature.Session{User: "eve", Role: role}})
}

// become makes a configuration run.
func (r roled) become(t *testing.T, to tree.Tree) {
	t.Helper()
	if r.now().Equal(to) {
		return
	}
	if _, _, err := r.History.Restore(t.Context(), to, config.Meta{}, history.Confirm{}); err != nil {
		t.Fatal(err)
	}
}

func (r roled) now() tree.Tree { return r.Store.Running().Tree }

// line runs a line and returns what it printed.
func (r roled) line(t *testing.T, s *session.Session, line string) (string, bool) {
	t.Helper()
	var out bytes.Buffer
	failed := s.Run(t.Context(), line, console{&out}).Failed
	return out.String(), failed
}

const refusal = "% Permission denied for the role"

// Every way to run a command that a role denies is refused, and changes nothing.
func TestDeniedCommands(t *testing.T) {
	r := open(t)
	admin := r.as(feature.NetworkAdmin)
	for _, l := range []string{
		"conf t", "vlan 10", "name ten", "vlan 20", "interface vethernet 1", "interface vethernet 2", "hostname before", "feature lldp",
		"cli alias name zap vlan 77", "cli alias name nine configure terminal ; vlan 99",
		"role name ops", "rule 250 deny command vlan *", "rule 240 deny command hostname *", "rule 239 deny command write erase",
		"rule 238 deny command copy running-config startup-config", "rule 237 deny command show accounting log",
		"rule 236 deny command interface vethernet 2", "rule 235 deny command feature lldp", "rule 1 permit read-write", "end",
		"checkpoint first",
		"conf t", "hostname other", "vlan 30", "end", "copy running-config other.cfg", "conf t", "no vlan 30", "hostname before", "end",
	} {
		if out, failed := r.line(t, admin, l); failed {
			t.Fatalf("%s: %s", l, out)
		}
	}
	before := r.now()
	for _, lines := range [][]string{
		{"conf t", "vlan 40"}, {"conf t", "vl 40"}, {"conf t", "VLAN 40-50"}, {"conf t", "no vlan 20"}, {"conf t", "no vl 10,20"}, {"conf t", "default vlan 10"},
		{"conf t", "vlan 10"}, {"conf t ; vlan 40"}, {"conf", "zap"}, {"nine"}, {"conf t", "interface vethernet 1", "vlan 40"},
		{"conf t", "hostname x"}, {"conf t", "host x"}, {"conf t", "no hostname"}, {"conf t", "default hostname"}, {"conf t", "switchname x"},
		{"conf t", "int veth2"}, {"conf t", "interface vethernet 1-2", "description x"}, {"conf t", "no interface vethernet 2"}, {"conf t", "default interface vethernet2"},
		{"conf t", "no feature lldp"}, {"conf t", "no feat lldp"},
		{"write erase"}, {"wri er"}, {"conf t", "do write erase"}, {"conf t", "write erase"}, {"write"}, {"write memory"}, {"copy r s"}, {"copy running-config startup-config"},
		{"show accounting log"}, {"sh acc lo"}, {"show accounting log | include x"}, {"show accounting log > f"}, {"conf t", "show accounting log"}, {"conf t", "do sh acc log"},
		{"rollback running-config checkpoint first best-effort", "show clock"}, {"configure replace other.cfg"}, {"configure replace other.cfg best-effort"},
		{"rollback running-config file other.cfg"}, {"copy other.cfg running-config"}, {"copy other.cfg startup-config"},
		{"configure session one", "vlan 60"}, {"configure session one", "hostname y"},
	} {
		s := r.as("ops")
		refused := false
		for _, l := range lines {
			out, failed := r.line(t, s, l)
			refused = refused || failed && strings.Contains(out, refusal)
		}
		if !refused && !strings.HasPrefix(lines[0], "rollback running-config checkpoint first best") {
			t.Errorf("%q: not refused", lines)
		}
		if now := r.now(); !now.Equal(before) {
			t.Fatalf("%q has changed the configuration", lines)
		}
		if _, saved := r.Store.Startup(); saved {
			t.Fatalf("%q has saved the configuration", lines)
		}
	}
	// Lines of an administrator's session are judged when another commits it.
	for _, l := range []string{"configure session two", "hostname z"} {
		r.line(t, admin, l)
	}
	s := r.as("ops")
	r.line(t, s, "configure session two")
	if out, failed := r.line(t, s, "commit"); !failed || !strings.Contains(out, refusal) {
		t.Errorf("commit of another's session: %q", out)
	}
	// What is not denied goes on.
	for _, l := range []string{"conf t", "interface vethernet 1", "description mine", "end", "show vlan", "checkpoint mine"} {
		if out, failed := r.line(t, s, l); failed {
			t.Errorf("%s: %s", l, out)
		}
	}
}

// Changed rules hold from the next command of a session that is open.
// A role that may do nearly everything reads no secrets of files, by whatever
// command prints what is in them; and what is denied at the prompt is denied to
// those who copy.
func TestFilesOfRoles(t *testing.T) {
	r := open(t)
	const secret = "$5$abcdefgh$Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8"
	if err := r.Files.Write("bootflash:x", []byte("-----BEGIN "+secret+"\nusername eve password 5 "+secret+"  role network-admin\n")); err != nil {
		t.Fatal(err)
	}
	rules := "configure terminal ; role name ops ; rule 1 permit read-write ; rule 2 deny read-write feature aaa ; rule 3 deny command delete *"
	if out, failed := r.line(t, r.as(feature.NetworkAdmin), rules); failed {
		t.Fatal(out)
	}
	for _, line := range []string{
		"show file x", "tail x", "copy x running-config", "copy x startup-config", "copy x scp://h/x", "configure replace x best-effort show-patch non-interactive",
		"configure replace x", "rollback running-config file x best-effort verbose", "show diff rollback-patch running-config file x",
	} {
		if out, _ := r.line(t, r.as("ops"), line); strings.Contains(out, secret) || out == "" {
			t.Errorf("%s printed %q", line, out)
		}
	}
	v := r.cli.Files(feature.Session{User: "eve", Role: "ops"}, "sftp")
	if err := v.Remove("x"); err != feature.ErrPermission {
		t.Errorf("delete by sftp: %v", err)
	}
	if err := v.MakeDir("d"); err != nil {
		t.Errorf("mkdir by sftp: %v", err)
	}
	if _, _, err := v.Open("x"); err != feature.ErrPermission {
		t.Errorf("read by sftp: %v", err)
	}
	if _, err := r.cli.Files(feature.Session{User: "eve", Role: "nothing"}, "sftp").List("/"); err != feature.ErrPermission {
		t.Errorf("list by sftp: %v", err)
	}
}

func TestRulesChangeOpenSessions(t *testing.T) {
	r := open(t)
	admin, s := r.as(feature.NetworkAdmin), r.as("ops")
	do := func(lines ...string) {
		for _, l := range lines {
			if out, failed := r.line(t, admin, l); failed {
				t.Fatalf("%s: %s", l, out)
			}
		}
	}
	want := func(line string, ok bool) {
		t.Helper()
		if out, failed := r.line(t, s, line); failed == ok || !ok && !strings.Contains(out, refusal) {
			t.Errorf("%q: failed %v, want %v: %s", line, failed, !ok, out)
		}
	}
	do("conf t", "interface vethernet 1", "end")
	want("show vlan", false)
	do("conf t", "role name ops", "rule 1 permit read feature vlan", "end")
	want("show vlan", true)
	want("show clock", false)
	want("configure terminal", false)
	do("conf t", "role name ops", "rule 2 permit read-write feature vlan", "end")
	want("configure terminal", true)
	want("vlan 5", true)
	want("name five", true)
	want("interface vethernet 1", true) // enters a mode, and changes nothing
	want("description x", false)
	want("interface vethernet 9", false) // would make it
	want("vlan 6", true)
	do("conf t", "role name ops", "vlan policy deny", "permit vlan 7", "end")
	want("name six", false)
	want("vlan 7", true)
	want("vlan 5", false)
	want("no vlan 5", false)
	do("conf t", "no role name ops", "end")
	want("vlan 8", false)
	want("end", true)
	want("show vlan", false)
}

// The limits of a role hold for the VLANs that ports get, too.
func TestLimits(t *testing.T) {
	r := open(t)
	admin, s := r.as(feature.NetworkAdmin), r.as("ops")
	for _, l := range []string{
		"conf t", "vlan 10,20", "interface vethernet 1", "switchport access vlan 20", "switchport mode trunk", "switchport trunk allowed vlan 10,20", "interface vethernet 2",
		"role name ops", "rule 1 permit read-write", "vlan policy deny", "permit vlan 10", "interface policy deny", "permit interface vethernet 1", "end",
	} {
		if out, failed := r.line(t, admin, l); failed {
			t.Fatalf("%s: %s", l, out)
		}
	}
	for _, c := range []struct {
		line string
		ok   bool
	}{
		{"configure terminal", true}, {"interface vethernet 2", false}, {"interface vethernet 1-2", false}, {"no interface vethernet 2", false},
		{"interface vethernet 1", true}, {"switchport access vlan 10", true}, {"switchport access vlan 20", false}, {"no switchport access vlan", false},
		{"switchport trunk allowed vlan 10", true}, {"switchport trunk allowed vlan add 20", false}, {"no switchport trunk allowed vlan", false},
		{"vlan 10", true}, {"vlan 10,20", false}, {"end", true},
	} {
		if out, failed := r.line(t, s, c.line); failed == c.ok || !c.ok && !strings.Contains(out, refusal) {
			t.Errorf("%q: failed %v, printed %s", c.line, failed, out)
		}
	}
}

// Whatever rules a role has, what it does to configuration by lines, by a file and
// by a patch is what its rules permit: a role that is refused a line changes
// nothing that the line is about.
func TestRandomRules(t *testing.T) {
	r := open(t)
	admin := r.as(feature.NetworkAdmin)
	for _, l := range []string{"conf t", "vlan 10", "interface vethernet 1", "feature lldp", "role name ops", "end"} {
		r.line(t, admin, l)
	}
	base := r.now()
	texts := []string{
		"deny command vlan *", "deny command interface *", "deny command hostname *", "deny command config t ; vlan *", "deny command sh vl",
		"permit command vlan *", "permit command configure terminal ; interface * ; description *", "permit command configure terminal",
		"permit command hostname *", "permit read-write feature vlan", "deny read-write feature vlan", "permit read-write feature interfaces",
		"permit read-write feature system", "deny read-write feature system", "permit read-write", "permit read", "deny read-write", "permit read-write feature cli",
	}
	lines := [][]string{
		{"vlan 33"}, {"vlan 10", "name x"}, {"no vlan 10"}, {"hostname y"}, {"interface vethernet 1", "description d"}, {"no interface vethernet 1"}, {"no feature lldp"},
	}
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		role := tree.Path{{Name: "roles"}, {Name: "role", Key: "ops"}}
		rules := base
		for range 1 + rnd.IntN(4) {
			rules = rules.Set(role.Entry("rule", fmt.Sprint(1+rnd.IntN(256))).Child("what"), texts[rnd.IntN(len(texts))])
		}
		r.become(t, rules)
		rights := aaa.Rights(rules, "ops")
		for _, l := range lines {
			r.become(t, rules)
			for _, way := range []string{"typed", "short", "session", "file"} {
				s := r.as("ops")
				switch way {
				case "typed":
					r.script(t, s, append([]string{"configure terminal"}, l...)...)
				case "short":
					r.script(t, s, append([]string{"conf"}, strings.Join(l, " ; "))...)
				case "session":
					r.script(t, s, append(append([]string{"configure session s"}, l...), "commit", "abort")...)
				case "file":
					if err := r.Files.Write("bootflash:in.cfg", []byte(strings.Join(l, "\n")+"\n")); err != nil {
						t.Fatal(err)
					}
					r.script(t, s, "copy in.cfg running-config")
				}
				if now := r.now(); !now.Equal(rules) {
					// It may: every line of the difference is permitted.
					if err := (session.Program{CLI: r.cli}).May(t.Context(), feature.Session{User: "eve", Role: "ops"}, rules, now); err != nil {
						t.Fatalf("seed %d: %s %q got through: %v", seed, way, l, rulesText(rules))
					}
					if !rights.Configures() {
						t.Fatalf("seed %d: %s %q got through without a rule that permits: %v", seed, way, l, rulesText(rules))
					}
				}
				r.become(t, rules)
			}
		}
	}
}

func rulesText(t tree.Tree) []string {
	var all []string
	for key := range t.Keys(tree.Path{{Name: "roles"}, {Name: "role", Key: "ops"}, {Name: "rule"}}) {
		v, _ := t.Get(tree.Path{{Name: "roles"}, {Name: "role", Key: "ops"}, {Name: "rule", Key: key}, {Name: "what"}})
		all = append(all, fmt.Sprint(key, " ", v))
	}
	return all
}

func (r roled) script(t *testing.T, s *session.Session, lines ...string) {
	for _, l := range lines {
		r.line(t, s, l)
	}
}
