package config_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

func path(text string) tree.Path {
	p, err := tree.Parse(text)
	if err != nil {
		panic(err)
	}
	return p
}

func set(at string, value any) config.Edit {
	return config.Edit{Op: config.Set, Path: path(at), Value: value}
}
func del(at string) config.Edit    { return config.Edit{Op: config.Delete, Path: path(at)} }
func negate(at string) config.Edit { return config.Edit{Op: config.Negate, Path: path(at)} }

func open(t *testing.T, b config.Backend, h config.Hooks) *config.Store {
	t.Helper()
	s, err := config.Open(t.Context(), configtest.Schema(), b, h, tree.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func commit(t *testing.T, s *config.Store, edits ...config.Edit) config.Result {
	t.Helper()
	c := s.Begin()
	if err := c.Apply(edits...); err != nil {
		t.Fatal(err)
	}
	r, err := s.Commit(t.Context(), c, config.Meta{User: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(s *config.Store) string {
	var b strings.Builder
	for depth, line := range s.Schema().Print(s.Running().Tree, schema.PrintOptions{}) {
		b.WriteString(strings.Repeat("  ", depth) + line + "\n")
	}
	return b.String()
}

func TestCommitAndReopen(t *testing.T) {
	var b configtest.Backend
	s := open(t, &b, config.Hooks{})
	r := commit(t, s, set("system/hostname", "vsm1"), set("vlans/vlan[20]", nil))
	if r.Generation != 1 || s.Running().Generation != 1 || s.Running().At.IsZero() {
		t.Fatalf("result %+v, running %+v", r, s.Running())
	}
	again := open(t, &b, config.Hooks{})
	if !again.Running().Tree.Equal(s.Running().Tree) || again.Running().Generation != 1 || !again.Running().At.Equal(r.At) {
		t.Errorf("after a restart: %+v\n%s", again.Running(), text(again))
	}
	if _, ok := again.Startup(); ok {
		t.Error("a startup configuration that nobody saved")
	}
}

func TestWithoutEffect(t *testing.T) {
	var b configtest.Backend
	s := open(t, &b, config.Hooks{})
	commit(t, s, set("system/hostname", "a"))
	r := commit(t, s, set("system/hostname", "a"), set("vlans/vlan[1]", nil), set("svs-domain", nil), del("vlans/vlan[7]"))
	if r.Generation != 1 || b.Commits() != 1 {
		t.Errorf("generation %d after %d commits, want 1 after 1", r.Generation, b.Commits())
	}
}

func TestStartup(t *testing.T) {
	var b configtest.Backend
	s := open(t, &b, config.Hooks{})
	commit(t, s, set("system/hostname", "saved"))
	if err := s.SaveStartup(t.Context(), config.Meta{User: "admin"}); err != nil {
		t.Fatal(err)
	}
	commit(t, s, set("system/hostname", "lost"))
	if st, ok := s.Startup(); !ok || st.Generation != 1 {
		t.Fatalf("startup = %+v, %v", st, ok)
	}
	if crashed := open(t, &b, config.Hooks{}); crashed.Running().Generation != 2 {
		t.Error("a crash lost the running configuration")
	}
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), s.Begin(), config.Meta{}); !errors.Is(err, config.ErrReloading) {
		t.Errorf("commit while reloading: %v", err)
	}
	booted := open(t, &b, config.Hooks{})
	if v, _ := booted.Running().Tree.Get(path("system/hostname")); v != "saved" || !booted.Running().At.IsZero() {
		t.Errorf("booted with host name %v, last commit %v", v, booted.Running().At)
	}
	// Generation 2 was lost; what was booted is 3, and not 1 nor 2 again.
	if r := commit(t, booted, set("system/hostname", "next")); r.Generation != 4 {
		t.Errorf("generation %d after booting from generation 1 with 2 committed", r.Generation)
	}
	if err := booted.EraseStartup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := booted.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	factory := tree.Tree{}.Set(path("system/hostname"), "factory")
	fresh, err := config.Open(t.Context(), configtest.Schema(), &b, config.Hooks{}, factory)
	if err != nil || !fresh.Running().Tree.Equal(factory) {
		t.Errorf("without any record: %v, %v", fresh, err)
	}
}

func TestUnreadableRecord(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":   `{"trunkline:system":`,
		"unknown":   `{"trunkline:system":{"colour":"red"}}`,
		"value":     `{"trunkline:mac-table":{"aging-time":-1}}`,
		"reference": `{"trunkline:interfaces":{"interface":[{"interface":"Vethernet1","inherit":"GONE"}]}}`,
	} {
		var b configtest.Backend
		if err := b.Commit(t.Context(), 0, config.Record{Generation: 7, Config: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		_, err := config.Open(t.Context(), configtest.Schema(), &b, config.Hooks{}, tree.Tree{})
		var bad *config.RecordError
		if !errors.As(err, &bad) || bad.Name != "running" || bad.Generation != 7 {
			t.Errorf("%s: %v, want a RecordError of running, 7", name, err)
		}
	}
	b := configtest.Backend{Fail: func(string) error { return errors.New("disk on fire") }}
	_, err := config.Open(t.Context(), configtest.Schema(), &b, config.Hooks{}, tree.Tree{})
	var bad *config.RecordError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("%v, want a RecordError that says why", err)
	}
}

func TestConflictAndRebase(t *testing.T) {
	base := []config.Edit{set("vlans/vlan[20]/name", "web"), set("vlans/vlan[30]/name", "db"), set("system/hostname", "a")}
	for _, c := range []struct {
		name         string
		mine, theirs []config.Edit
		conflict     bool
	}{
		{"apart", []config.Edit{set("vlans/vlan[20]/name", "x")}, []config.Edit{set("vlans/vlan[30]/name", "y")}, false},
		{"same leaf", []config.Edit{set("vlans/vlan[20]/name", "x")}, []config.Edit{set("vlans/vlan[20]/name", "y")}, true},
		{"same value", []config.Edit{set("vlans/vlan[20]/name", "x"), set("system/hostname", "b")}, []config.Edit{set("vlans/vlan[20]/name", "x")}, false},
		{"leaves of one entry", []config.Edit{set("vlans/vlan[20]/shutdown", true)}, []config.Edit{set("vlans/vlan[20]/name", "y")}, false},
		{"entry removed", []config.Edit{del("vlans/vlan[20]")}, []config.Edit{set("vlans/vlan[20]/shutdown", true)}, true},
		{"entry gone", []config.Edit{set("vlans/vlan[20]/shutdown", true)}, []config.Edit{del("vlans/vlan[20]")}, true},
		{"both remove", []config.Edit{del("vlans/vlan[20]"), set("system/hostname", "b")}, []config.Edit{del("vlans/vlan[20]")}, false},
		{"both create", []config.Edit{set("vlans/vlan[40]/name", "x")}, []config.Edit{set("vlans/vlan[40]/shutdown", true)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, &configtest.Backend{}, config.Hooks{})
			commit(t, s, base...)
			mine := s.Begin()
			if err := mine.Apply(c.mine...); err != nil {
				t.Fatal(err)
			}
			commit(t, s, c.theirs...)
			theirs := s.Running()
			r, err := s.Commit(t.Context(), mine, config.Meta{})
			if c.conflict {
				if !errors.Is(err, config.ErrConflict) || s.Running().Generation != theirs.Generation {
					t.Fatalf("got %v, want a conflict and nothing changed", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range append(slices.Clone(c.mine), c.theirs...) {
				if v, ok := r.Tree.Get(e.Path); e.Op == config.Set && (!ok || v != e.Value) {
					t.Errorf("%s = %v after both commits, want %v", e.Path, v, e.Value)
				}
			}
			if len(mine.Edits()) != 0 || !mine.Tree().Equal(r.Tree) {
				t.Error("the candidate does not continue from the commit")
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name  string
		edits []config.Edit
		want  []string // beginnings of the texts
	}{
		{"unknown leaf", []config.Edit{set("system/colour", "red")}, []string{"ERROR: system/colour is not in the schema."}},
		{"two unknown", []config.Edit{set("system/a", 1), set("b", 1)}, []string{"ERROR: system/a", "ERROR: b "}},
		{"key without list", []config.Edit{set("system[1]/hostname", "x")}, []string{"ERROR: system[1]"}},
		{"list without key", []config.Edit{set("vlans/vlan/name", "x")}, []string{"ERROR: vlans/vlan/name is not"}},
		{"list as entry", []config.Edit{set("vlans/vlan", nil)}, []string{"ERROR: vlans/vlan is not"}},
		{"key out of range", []config.Edit{set("vlans/vlan[5000]", nil)}, []string{"% Invalid number, range is (1:4094)"}},
		{"key not canonical", []config.Edit{set("vlans/vlan[007]/name", "x")}, []string{"ERROR: vlans/vlan: id \"007\" is not in canonical form"}},
		{"one key of two", []config.Edit{set("mac-table/static[20]/target", "x")}, []string{"ERROR: mac-table/static: want 2 keys"}},
		{"wrong type", []config.Edit{set("system/hostname", 7)}, []string{"ERROR: system/hostname: value is a int, want a string."}},
		{"not comparable", []config.Edit{set("system/hostname", []string{"x"})}, []string{"ERROR: system/hostname: value is a []string"}},
		{"no value", []config.Edit{set("system/hostname", nil)}, []string{"ERROR: system/hostname: value is a <nil>"}},
		{"value of an entry", []config.Edit{set("vlans/vlan[2]", "x")}, []string{"ERROR: vlans/vlan[2] holds no value."}},
		{"out of range", []config.Edit{set("mac-table/aging-time", uint32(918001))}, []string{"ERROR: mac-table/aging-time: \"918001\": Invalid number"}},
		{"too long", []config.Edit{set("system/hostname", strings.Repeat("x", 21))}, []string{"ERROR: system/hostname: \"xxx"}},
		{"permanent", []config.Edit{del("vlans/vlan[1]")}, []string{"ERROR: VLAN 1 cannot be removed."}},
		{"permanent, no form", []config.Edit{negate("vlans/vlan[1]")}, []string{"ERROR: VLAN 1 cannot be removed."}},
		{"everything", []config.Edit{del("")}, []string{"ERROR: The configuration as a whole"}},
		{"kind", []config.Edit{set("interfaces/interface[Vethernet1]/mtu", uint32(9000))}, []string{"ERROR: mtu does not apply to interfaces/interface[Vethernet1]."}},
		{"hard reference", []config.Edit{set("interfaces/interface[Vethernet1]/inherit", "WEB")}, []string{"ERROR: Port-profile WEB does not exist."}},
		{"fixed", []config.Edit{set("port-profiles/port-profile[V]/type", "ethernet")}, []string{"ERROR: The type of V is fixed when it is created."}},
		{"in use", []config.Edit{del("port-profiles/port-profile[V]")}, []string{"ERROR: Port-profile V is in use by Vethernet9."}},
		{"in use, list removed", []config.Edit{del("port-profiles/port-profile")}, []string{"ERROR: Port-profile V is in use by Vethernet9."}},
		{"in use, all replaced", []config.Edit{{Op: config.Replace, Path: path("port-profiles"), Value: tree.Tree{}}}, []string{"ERROR: Port-profile V is in use by Vethernet9."}},
		{"replaced by a value", []config.Edit{{Op: config.Replace, Path: path("vlans"), Value: 3}}, []string{"ERROR: vlans cannot be replaced by a int."}},
		{"replaced by unknown", []config.Edit{{Op: config.Replace, Path: path("vlans"), Value: tree.Tree{}.Set(path("x/y"), 1)}}, []string{"ERROR: vlans/x/y is not in the schema."}},
		{"unknown operation", []config.Edit{{Op: 9, Path: path("vlans")}}, []string{"ERROR: Unknown operation 9."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, &configtest.Backend{}, config.Hooks{})
			commit(t, s, set("port-profiles/port-profile[V]", nil), set("interfaces/interface[Vethernet9]/inherit", "V"))
			before := s.Running()
			cand := s.Begin()
			err := cand.Apply(c.edits...)
			if err == nil {
				_, err = s.Commit(t.Context(), cand, config.Meta{})
			} else if len(cand.Edits()) != 0 || !cand.Tree().Equal(before.Tree) {
				t.Error("refused edits changed the candidate")
			}
			var problems config.Problems
			if !errors.As(err, &problems) || len(problems) != len(c.want) {
				t.Fatalf("got %v, want %d problems", err, len(c.want))
			}
			for i, want := range c.want {
				if !strings.HasPrefix(problems[i].Text, want) {
					t.Errorf("problem %d: got %q, want %q…", i, problems[i].Text, want)
				}
			}
			if s.Running().Generation != before.Generation {
				t.Error("a refused candidate was committed")
			}
		})
	}
}

func TestHooks(t *testing.T) {
	var checked, compiled int
	answer := []schema.Problem{{Path: path("vlans/vlan[2]"), Severity: schema.Warning, Rule: "x", Text: "Warning: two."}}
	s := open(t, &configtest.Backend{}, config.Hooks{
		Check:   func(_, _ tree.Tree) []schema.Problem { checked++; return answer },
		Compile: func(tree.Tree) []schema.Problem { compiled++; return nil },
	})
	if r := commit(t, s, set("vlans/vlan[2]", nil)); len(r.Remarks) != 1 || r.Remarks[0].Text != "Warning: two." {
		t.Errorf("remarks = %v", r.Remarks)
	}
	answer = append(answer, schema.Problem{Path: path("vlans/vlan[3]"), Text: "ERROR: three."})
	c := s.Begin()
	if err := c.Apply(set("vlans/vlan[3]", nil)); err != nil {
		t.Fatal(err)
	}
	if got := s.Check(c); len(got) != 2 {
		t.Errorf("Check = %v, want the warning and the error", got)
	}
	_, err := s.Commit(t.Context(), c, config.Meta{})
	if err == nil || err.Error() != "ERROR: three." {
		t.Errorf("commit: %v", err)
	}
	if checked != 3 || compiled != 1 {
		t.Errorf("checked %d times, compiled %d times, want 3 and 1", checked, compiled)
	}
}

// TestFeatureExplains: what a feature says of an entry that must not go takes
// the place of what the schema would say.
func TestFeatureExplains(t *testing.T) {
	s := open(t, &configtest.Backend{}, config.Hooks{Check: func(old, new tree.Tree) []schema.Problem {
		if new.Exists(path("port-profiles/port-profile[V]")) {
			return nil
		}
		return []schema.Problem{{Path: path("port-profiles/port-profile[V]"), Text: "ERROR: Move the ports first."}}
	}})
	commit(t, s, set("port-profiles/port-profile[V]", nil), set("interfaces/interface[Vethernet9]/inherit", "V"))
	c := s.Begin()
	if err := c.Apply(del("port-profiles/port-profile[V]")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), c, config.Meta{}); err == nil || err.Error() != "ERROR: Move the ports first." {
		t.Errorf("commit: %v", err)
	}
}

func TestBackendFails(t *testing.T) {
	broken := errors.New("no quorum")
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored=%v", after), func(t *testing.T) {
			var b configtest.Backend
			s := open(t, &b, config.Hooks{})
			commit(t, s, set("system/hostname", "a"))
			fail := func(op string) error {
				if op == "commit" {
					return broken
				}
				return nil
			}
			if after {
				b.FailAfter = fail
			} else {
				b.Fail = fail
			}
			c := s.Begin()
			if err := c.Apply(set("system/hostname", "b")); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), c, config.Meta{}); !errors.Is(err, broken) {
				t.Fatalf("commit: %v", err)
			}
			if v, _ := s.Running().Tree.Get(path("system/hostname")); v != "a" {
				t.Errorf("a commit that failed runs: %v", v)
			}
			b.Fail, b.FailAfter = nil, nil
			commit(t, s, set("vlans/vlan[2]", nil))
			want := "a"
			if after {
				want = "b" // it was stored after all
			}
			again := open(t, &b, config.Hooks{})
			if v, _ := again.Running().Tree.Get(path("system/hostname")); v != want {
				t.Errorf("stored host name %v, want %v", v, want)
			}
			if !again.Running().Tree.Equal(s.Running().Tree) {
				t.Errorf("what runs is not what is stored:\n%s\n%s", text(s), text(again))
			}
		})
	}
}

// TestConcurrentCommits: many sessions at once, none of whose answered commits
// is lost, and a follower that sees generations grow up to the last.
func TestConcurrentCommits(t *testing.T) {
	var b configtest.Backend
	s := open(t, &b, config.Hooks{})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	const sessions, each = 8, 25
	followed := make(chan error, 1)
	go func() {
		var last uint64
		err := s.Follow(ctx, func(old, new config.Snapshot) {
			if old.Generation != last || new.Generation < last {
				t.Errorf("follower: from %d to %d after %d", old.Generation, new.Generation, last)
			}
			if last = new.Generation; last == sessions*each {
				stop()
			}
		})
		followed <- err
	}()
	var wg sync.WaitGroup
	for i := range sessions {
		wg.Go(func() {
			for j := range each {
				c := s.Begin()
				if err := c.Apply(set(fmt.Sprintf("vlans/vlan[%d]", 2+i*each+j), nil)); err != nil {
					t.Error(err)
				}
				if _, err := s.Commit(t.Context(), c, config.Meta{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("follower: %v", err)
	}
	n := 0
	for range open(t, &b, config.Hooks{}).Running().Tree.Keys(path("vlans/vlan")) {
		n++
	}
	if n != sessions*each {
		t.Errorf("%d VLANs are stored, want %d", n, sessions*each)
	}
}

func TestSlowSubscriberHoldsUpNothing(t *testing.T) {
	s := open(t, &configtest.Backend{}, config.Hooks{})
	wake, cancel := s.Subscribe()
	for i := range 5 {
		commit(t, s, set("system/hostname", fmt.Sprint("h", i)))
	}
	<-wake
	select {
	case <-wake:
		t.Error("five commits are more than one wake-up")
	default:
	}
	cancel()
	commit(t, s, set("system/hostname", "last"))
	select {
	case <-wake:
		t.Error("woken after cancel")
	default:
	}
}

func TestNegate(t *testing.T) {
	const veth, prof = "interfaces/interface[Vethernet1]/", "port-profiles/port-profile[P]/"
	profile := []config.Edit{
		set(prof+"switchport/access-vlan", ether.VLANID(20)), set(prof+"switchport/mode", "access"), set(veth+"inherit", "P"),
	}
	overridden := append(slices.Clone(profile), negate(veth+"switchport/access-vlan"))
	for _, c := range []struct {
		name  string
		given []config.Edit
		edit  config.Edit
		at    string
		want  any // nil: nothing is stored
	}{
		{"own value", []config.Edit{set(veth+"switchport/mode", "trunk")}, negate(veth + "switchport/mode"), veth + "switchport/mode", nil},
		{"profile's value", profile, negate(veth + "switchport/access-vlan"), veth + "switchport/access-vlan", schema.No},
		{"over own value", append(slices.Clone(profile), set(veth+"switchport/access-vlan", ether.VLANID(30))), negate(veth + "switchport/access-vlan"), veth + "switchport/access-vlan", schema.No},
		{"profile's default", profile, negate(veth + "switchport/mode"), veth + "switchport/mode", nil},
		{"default form", append(slices.Clone(profile), negate(veth+"switchport/access-vlan")), del(veth + "switchport/access-vlan"), veth + "switchport/access-vlan", nil},
		{"own default over profile", profile, set(veth+"switchport/access-vlan", ether.VLANID(1)), veth + "switchport/access-vlan", ether.VLANID(1)},
		{"own default", []config.Edit{set(veth+"description", "x")}, set(veth+"switchport/access-vlan", ether.VLANID(1)), veth + "switchport/access-vlan", nil},
		{"profile is shut by default", profile, negate(veth + "shutdown"), veth + "shutdown", false},
		{"shutdown like the profile", profile, set(veth+"shutdown", true), veth + "shutdown", true},
		{"not shut anyway", []config.Edit{set(veth+"description", "x")}, negate(veth + "shutdown"), veth + "shutdown", nil},
		{"switch that is on by default", nil, negate("system/beep"), "system/beep", false},
		{"switched on again", []config.Edit{negate("system/beep")}, set("system/beep", true), "system/beep", nil},
		{"profile's own switch", []config.Edit{set(prof+"shutdown", false)}, set(prof+"shutdown", true), prof + "shutdown", nil},
		{"entry that is not there", nil, negate(veth + "switchport/mode"), veth + "switchport/mode", nil},
		// What is stored to have the default in force goes when nothing is in its
		// way any more: the text has no word for it.
		{"profile's value goes", overridden, del(prof + "switchport/access-vlan"), veth + "switchport/access-vlan", nil},
		{"profile's value is the default", overridden, set(prof+"switchport/access-vlan", ether.VLANID(1)), veth + "switchport/access-vlan", nil},
		{"profile's value is another", overridden, set(prof+"switchport/access-vlan", ether.VLANID(1000)), veth + "switchport/access-vlan", schema.No},
		{"another leaf of the profile", overridden, set(prof+"switchport/mode", "trunk"), veth + "switchport/access-vlan", schema.No},
		{"no profile", overridden, del(veth + "inherit"), veth + "switchport/access-vlan", nil},
		{"another profile", append(slices.Clone(overridden), set("port-profiles/port-profile[Q]", nil)), set(veth+"inherit", "Q"), veth + "switchport/access-vlan", nil},
		{"own default of a leaf", append(slices.Clone(profile), set(veth+"shutdown", false)), set(prof+"shutdown", false), veth + "shutdown", nil},
		{"profile of the profile", append(slices.Clone(profile), del(prof+"switchport/access-vlan"), set("port-profiles/port-profile[Q]/switchport/access-vlan", ether.VLANID(20)),
			set(prof+"inherit", "Q"), negate(veth+"switchport/access-vlan")), del("port-profiles/port-profile[Q]/switchport/access-vlan"), veth + "switchport/access-vlan", nil},
		{"not inherited", profile, negate(veth + "description"), veth + "description", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, &configtest.Backend{}, config.Hooks{})
			commit(t, s, append([]config.Edit{set("vlans/vlan[20]", nil)}, c.given...)...)
			r := commit(t, s, c.edit)
			if got, _ := r.Tree.Get(path(c.at)); got != c.want {
				t.Errorf("got %v, want %v\n%s", got, c.want, text(s))
			}
			if c.name == "entry that is not there" && r.Tree.Exists(path(strings.TrimSuffix(veth, "/"))) {
				t.Error("the no form created an entry")
			}
		})
	}
}

// TestEntryOfItsLeaves: an entry that is written by its leaves only goes with
// the last one, and so does what is said of a permanent entry.
func TestEntryOfItsLeaves(t *testing.T) {
	s := open(t, &configtest.Backend{}, config.Hooks{})
	commit(t, s, set("vems/vem[3]", nil))
	before := s.Running().Tree
	commit(t, s, set("vems/vem[3]/uplink[eth1]/profile", "UP"), set("mac-table/static[20 0200.0000.0001]/target", "x"),
		set("vlans/vlan[1]/name", "x"), set("svs-domain/domain-id", uint32(5)))
	commit(t, s, negate("vems/vem[3]/uplink[eth1]/profile"), negate("mac-table/static[20 0200.0000.0001]/target"),
		del("vlans/vlan[1]/name"), negate("svs-domain/domain-id"))
	if !s.Running().Tree.Equal(before) {
		t.Errorf("something is left:\n%s", text(s))
	}
}

// A candidate and its clone go their own ways, each checked against what both
// began from, whatever was committed since.
func TestClone(t *testing.T) {
	var old tree.Tree
	s, err := config.Open(t.Context(), configtest.Schema(), &configtest.Backend{}, config.Hooks{
		Check: func(was, _ tree.Tree) []schema.Problem { old = was; return nil },
	}, tree.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	apply := func(c *config.Candidate, at string) {
		t.Helper()
		if err := c.Apply(set(at, nil)); err != nil {
			t.Fatal(err)
		}
	}
	c := s.Begin()
	apply(c, "vlans/vlan[2]")
	clone := c.Clone()
	apply(c, "vlans/vlan[3]")
	apply(clone, "vlans/vlan[4]")
	if !c.Tree().Exists(path("vlans/vlan[3]")) || c.Tree().Exists(path("vlans/vlan[4]")) || clone.Tree().Exists(path("vlans/vlan[3]")) {
		t.Errorf("candidate %v, clone %v", c.Edits(), clone.Edits())
	}
	if e := c.Edits(); len(e) != 2 || !e[1].Path.Equal(path("vlans/vlan[3]")) {
		t.Errorf("edits of the candidate: %v", e)
	}
	commit(t, s, set("vlans/vlan[9]", nil))
	if s.Check(clone); old.Exists(path("vlans/vlan[9]")) {
		t.Error("checked against what was committed later")
	}
	if _, err := s.Commit(t.Context(), clone, config.Meta{}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"2": true, "3": false, "4": true, "9": true} {
		if s.Running().Tree.Exists(path("vlans/vlan["+id+"]")) != want {
			t.Errorf("VLAN %s: want %t", id, want)
		}
	}
}
