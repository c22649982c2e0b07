// Package sessiontest is a small product for tests of sessions and terminals:
// host name, VLANs, interfaces with port-profiles, a few commands, and a store
// in memory.
package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
	"trunkline/internal/flash"
)

type settings struct {
	Text string
	On   bool
	VLAN ether.VLANID
	Set  ether.VLANSet
	N    uint32
}

func text(c *settings) *string       { return &c.Text }
func on(c *settings) *bool           { return &c.On }
func vlan(c *settings) *ether.VLANID { return &c.VLAN }
func set(c *settings) *ether.VLANSet { return &c.Set }
func number(c *settings) *uint32     { return &c.N }

var profile = func() schema.Type[string] {
	t := schema.Word("port-profile", "Profile name", 80)
	t.Syntax.Objects = "port-profiles/port-profile"
	return t
}()

// Groups are the schema.
func Groups() []schema.Group {
	allowed := schema.VLANList
	allowed.Name = "allowed"
	allowed.Syntax = schema.Syntax{
		Forms: []string{"<vlan-list>", "all", "none"},
		Types: map[string]schema.AnyType{"vlan-list": schema.VLANList},
		Words: schema.Words{"all": "All VLANs", "none": "No VLANs"},
	}
	modes := schema.Enum("mode", schema.Keyword{Text: "access", Help: "Port mode access"}, schema.Keyword{Text: "trunk", Help: "Port mode trunk"})
	kinds := schema.Enum("kind", schema.Keyword{Text: "ethernet", Help: "Ethernet"}, schema.Keyword{Text: "vethernet", Help: "Vethernet"})
	states := schema.Enum("state", schema.Keyword{Text: "enabled", Help: "Enabled"}, schema.Keyword{Text: "disabled", Help: "Disabled"})
	add := func(word string, apply func(a, b ether.VLANSet) ether.VLANSet) schema.Alias {
		return schema.Alias{
			Line: "switchport trunk allowed vlan " + word + " <vlans>", Help: word + " VLANs", Leaf: "switchport/trunk/allowed-vlans",
			Mounts: feature.Port, Type: schema.VLANList,
			Apply: func(now, arg any) (any, error) { return apply(now.(ether.VLANSet), arg.(ether.VLANSet)), nil },
		}
	}
	hostname := schema.Word("hostname", "Host name", 63)
	return []schema.Group{
		{
			Leaves: []schema.Leaf{
				schema.Bind("system/hostname", hostname, text, "hostname <hostname>", "Configure system's host name").
					With(func(l *schema.Leaf) { l.Default, l.Section = "switch", 1 }),
				schema.Bind("mac-table/aging-time", schema.Uint("aging-time", "Seconds", 0, 918000), number,
					"mac address-table aging-time <seconds>", "Aging time").With(func(l *schema.Leaf) { l.Default, l.Section = uint32(1800), 16 }),
			},
			Aliases: []schema.Alias{{Line: "switchname <name>", Help: "Configure system's host name", Leaf: "system/hostname", Type: hostname,
				Apply: func(_, arg any) (any, error) { return arg, nil }}},
			Words: schema.Words{"mac": "MAC", "mac address-table": "MAC address table"},
		},
		{
			Blocks: []schema.Block{{
				Path: "vlans/vlan", Keys: []schema.Key{{Name: "id", Type: schema.VLAN}}, Line: "vlan <id>", Mode: "config-vlan",
				Range: true, Summary: true, Permanent: []string{"1"}, Section: 15, Help: "VLAN commands",
			}},
			Leaves: schema.Augment([]string{"vlans/vlan"},
				schema.Bind("name", schema.Word("vlan-name", "Name of the vlan", 32), text, "name <name>", "Ascii name of the VLAN")),
		},
		{
			Blocks: []schema.Block{{
				Path: "interfaces/interface", Keys: []schema.Key{{Name: "interface", Type: feature.Interface}}, Line: "interface <interface>",
				Mode: "config-if", RangeMode: "config-if-range", Range: true, Section: 19, Help: "Configure interfaces",
				Kind: func(_ tree.Tree, key string) string { return feature.KindOf(key) },
				NoCreate: func(_ tree.Tree, key string) string {
					if feature.KindOf(key) == feature.Ethernet {
						return "ERROR: Interface does not exist: " + key
					}
					return ""
				},
			}, {
				Path: "port-profiles/port-profile", Keys: []schema.Key{{Name: "name", Type: profile}},
				Line: "port-profile [type <type>] <name>", Mode: "config-port-prof", Options: []string{"type"}, Section: 17, Help: "Configure a port-profile",
				Kind: func(t tree.Tree, key string) string {
					return feature.ProfileType(t, key)
				},
			}},
			Leaves: append(append(append(
				schema.Augment(feature.Port,
					schema.Bind("shutdown", schema.Flag, on, "shutdown", "Enable/disable an interface").
						With(func(l *schema.Leaf) { l.DefaultAt = map[string]any{"port-profiles/port-profile": true} }),
					schema.Bind("switchport/mode", modes, text, "switchport mode <mode>", "Port mode").
						With(func(l *schema.Leaf) { l.Default = "access" }),
					schema.Bind("switchport/access-vlan", schema.VLAN, vlan, "switchport access vlan <vlan-id>", "Access VLAN").
						With(func(l *schema.Leaf) { l.Default = ether.VLANID(1) }),
					schema.Bind("switchport/trunk/allowed-vlans", allowed, set, "switchport trunk allowed vlan <vlans>", "Allowed VLANs").
						With(func(l *schema.Leaf) { l.Default = ether.AllVLANs() })),
				schema.Augment(feature.Interfaces,
					schema.Bind("description", schema.Line("description", "Description of the interface", 80), text, "description <text>", "Enter description of maximum 80 characters").
						With(func(l *schema.Leaf) { l.NoInherit, l.Order = true, -1 }),
					schema.Bind("mtu", schema.Uint("mtu", "MTU", 576, 9216), number, "mtu <mtu>", "Configure the MTU").
						With(func(l *schema.Leaf) { l.Default, l.Kinds = uint32(1500), []string{feature.Ethernet} }))...),
				schema.Augment(feature.Port,
					schema.Bind("inherit", profile, text, "inherit port-profile <name>", "Inherit a port-profile").
						With(func(l *schema.Leaf) {
							l.Ref, l.Hard, l.NoInherit, l.Order = "port-profiles/port-profile", true, true, -2
						}))...),
				schema.Augment(feature.Profiles,
					schema.Bind("type", kinds, text, "", "Type of the port-profile").
						With(func(l *schema.Leaf) { l.Default, l.NoInherit = "vethernet", true }),
					schema.Bind("state", states, text, "state <state>", "State of the port-profile").
						With(func(l *schema.Leaf) { l.Default, l.NoInherit = "disabled", true }))...),
			Aliases: []schema.Alias{add("add", ether.VLANSet.Union), add("remove", ether.VLANSet.Minus)},
			Words: schema.Words{
				"switchport": "Configure switchport parameters", "switchport access": "Set access mode characteristics of the port",
				"switchport access vlan": "Set VLAN when interface is in access mode", "switchport mode": "Choose the switchport operating mode",
				"switchport trunk": "Set trunk characteristics of the port", "switchport trunk allowed": "Allowed VLANs",
				"switchport trunk allowed vlan": "Allowed VLANs", "inherit": "Inherit", "inherit port-profile": "Inherit a port-profile",
				"port-profile type": "Type of the port-profile",
			},
		},
	}
}

// Schema compiles Groups.
func Schema(t testing.TB) *schema.Schema {
	t.Helper()
	s, err := schema.Compile(Groups()...)
	if err != nil {
		t.Fatalf("compile schema: %v", err)
	}
	return s
}

// memory is a backend that keeps records in memory.
type memory struct {
	mu               sync.Mutex
	running, startup *config.Record
}

func (m *memory) Load(context.Context) (running, startup *config.Record, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running, m.startup, nil
}

func (m *memory) Commit(_ context.Context, base uint64, r config.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running != nil && m.running.Generation != base {
		return config.ErrConflict
	}
	m.running = &r
	return nil
}

func (m *memory) SaveStartup(_ context.Context, r *config.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.startup = r
	return nil
}

func (m *memory) DropRunning(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = nil
	return nil
}

// Now is the time of tests.
var Now = time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)

// host does what commands ask of the product.
type host struct {
	feature.Host
	store *config.Store
}

func (h host) SaveStartup(ctx context.Context, who feature.Session) error {
	return h.store.SaveStartup(ctx, config.Meta{User: who.User, From: who.From})
}
func (h host) EraseStartup(ctx context.Context) error {
	return h.store.EraseStartup(ctx)
}
func (h host) Reload(context.Context) error { return errors.New("not in tests") }

// MaxVLANs is how many VLANs the product takes.
const MaxVLANs = 2000

// check warns of access VLANs that do not exist, refuses VLAN 666 on Vethernet2
// and more than MaxVLANs.
func check(old, t tree.Tree) []schema.Problem {
	var all []schema.Problem
	vlans := 0
	for range t.Keys(tree.Path{{Name: "vlans"}, {Name: "vlan"}}) {
		vlans++
	}
	if vlans > MaxVLANs {
		all = append(all, schema.Problem{Path: tree.Path{{Name: "vlans"}, {Name: "vlan"}},
			Text: fmt.Sprintf("ERROR: Maximum number of VLANs (%d) reached.", MaxVLANs)})
	}
	for _, mount := range []tree.Path{{{Name: "interfaces"}, {Name: "interface"}}, {{Name: "port-profiles"}, {Name: "port-profile"}}} {
		for key := range t.Keys(mount) {
			p := append(mount[:len(mount)-1:len(mount)-1], tree.Elem{Name: mount[1].Name, Key: key}, tree.Elem{Name: "switchport"}, tree.Elem{Name: "access-vlan"})
			id, ok := t.Get(p)
			if !ok || id == schema.No {
				continue
			}
			switch v := id.(ether.VLANID); {
			case v == 666 && key == "Vethernet2":
				all = append(all, schema.Problem{Path: p, Text: "ERROR: Not for this port."})
			case !feature.VLANExists(t, v) && !same(old, t, p):
				all = append(all, schema.Problem{Path: p, Severity: schema.Warning,
					Text: fmt.Sprintf("Warning: Access VLAN does not exist. Creating is not automatic; configure vlan %d.", v)})
			}
		}
	}
	return all
}

func same(old, new tree.Tree, p tree.Path) bool {
	a, _ := old.Get(p)
	b, _ := new.Get(p)
	return a == b
}

// Features are the commands.
//
// "wait 4711" lasts until it is interrupted, "panic 4711" panics; the number
// keeps fuzzers away from them.
func Features() []feature.Feature {
	number := schema.Uint("code", "Code", 4711, 4711)
	code := map[string]schema.AnyType{"code": number}
	number.Syntax.Secret = true
	secret := map[string]schema.AnyType{"code": number}
	return []feature.Feature{{
		Name: "test",
		Show: []feature.Show{
			{Line: "show vlan [brief]", Help: "VLAN information", Run: showVLAN},
			{Line: "show version", Help: "Software version", Run: func(feature.Query) (feature.Screen, error) {
				return feature.Screen{feature.Text("version 1.0(1)\n")}, nil
			}},
			{Line: "show copyright", Help: "Copyright", Run: showNothing},
			{Line: "show cores", Help: "Cores", Run: showNothing},
			{Line: "show interface [<interface>]", Help: "Interfaces", Run: showInterface},
			{Line: "show interface status", Help: "Status", Run: showNothing},
			{Line: "show interface snmp-ifindex", Help: "Indexes", Run: showNothing},
			{Line: "show numbers <count>", Types: map[string]schema.AnyType{"count": schema.Uint("count", "How many", 1, 100_000_000)},
				Help: "Numbers", Run: showNumbers},
		},
		Exec: []feature.Exec{
			{Line: "clear counters", Help: "Clear counters", Confirm: "Clear all? (y/n)?  [n] ",
				Run: func(_ context.Context, _ feature.Query, _ feature.Host, out feature.Output) error {
					_, err := out.Write([]byte("cleared\n"))
					return err
				}},
			{Line: "wait <code>", Types: code, Help: "Wait for Ctrl-C", Run: func(ctx context.Context, _ feature.Query, _ feature.Host, out feature.Output) error {
				if _, err := io.WriteString(out, "waiting\n"); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			}},
			{Line: "panic <code>", Types: secret, Help: "Fail badly", Run: func(context.Context, feature.Query, feature.Host, feature.Output) error {
				panic("as asked")
			}},
		},
	}}
}

func showNothing(feature.Query) (feature.Screen, error) { return feature.Screen{}, nil }

func showVLAN(q feature.Query) (feature.Screen, error) {
	var ids []string
	for key := range q.Running.Keys(tree.Path{{Name: "vlans"}, {Name: "vlan"}}) {
		ids = append(ids, key)
	}
	return feature.Screen{{Name: "vlanbrief", Heading: "VLAN\n", Rows: feature.Rows(ids,
		func(s string) string { return s + "\n" },
		func(s string) []feature.Pair { return []feature.Pair{{Key: "vlan", Value: s}} })}}, nil
}

func showInterface(q feature.Query) (feature.Screen, error) {
	name, ok := feature.Value[string](q.Args, "interface")
	if ok && !q.Running.Exists(feature.InterfacePath(name)) {
		return nil, feature.Error("ERROR: Interface does not exist: " + name)
	}
	return feature.Screen{feature.Text(name + " is up\n")}, nil
}

func showNumbers(q feature.Query) (feature.Screen, error) {
	n, _ := feature.Value[uint32](q.Args, "count")
	return feature.Screen{{Rows: func(yield func(feature.Row) bool) {
		for i := range n {
			if !yield(feature.Row{Text: fmt.Sprintf("line %d\n", i+1)}) {
				return
			}
		}
	}}}, nil
}

// CLI returns the language of the test product on a new store.
func CLI(t testing.TB) (*session.CLI, *config.Store) {
	t.Helper()
	s := Schema(t)
	store, err := config.Open(t.Context(), s, &memory{}, config.Hooks{Check: check}, tree.Tree{})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	files, err := flash.Open(flash.Config{Dir: t.TempDir(), Quota: 1 << 20})
	if err != nil {
		t.Fatalf("open file systems: %v", err)
	}
	t.Cleanup(func() { _ = files.Close() }) // nothing is left to lose
	c, err := session.New(session.Product{
		Store: store, Schema: s, Features: Features(), Version: "1.0(1)", Files: files,
		Transfer: NewElsewhere(map[string]string{
			"/vlans.cfg": "vlan 7\nvlan 8000\nvlan 9\n", "/whole.cfg": "version 1.0(1)\nvlan 70\n", "/dir/big": strings.Repeat("x", 8<<20+1),
		}),
		Setup: session.Setup{
			{Text: "Name: ", Lines: func(a string) ([]string, error) { return []string{"hostname " + a}, nil }},
			{Text: "VLAN 8? (yes/no) [y]: ", Yes: true, Of: 1, Lines: func(a string) ([]string, error) {
				if a == "no" {
					return nil, nil
				}
				return []string{"vlan 8"}, nil
			}},
			{Text: "Number of another VLAN: ", Again: "Again: ", Lines: func(a string) ([]string, error) {
				if a == "13" {
					return nil, feature.Error("ERROR: No such number.")
				}
				return []string{"vlan " + a}, nil
			}},
			{Text: "Aging time: ", Lines: func(a string) ([]string, error) { return []string{"mac address-table aging-time " + a}, nil }},
		},
		Host: host{store: store}, Now: func() time.Time { return Now },
		Query: func(args feature.Args, who feature.Session) feature.Query {
			q := feature.Query{Args: args, Running: store.Running().Tree, Now: Now, Session: who, Schema: s}
			q.Effective = effective.New(s, q.Running).Port
			if store.Running().Generation > 0 {
				q.Changed = Now
			}
			if st, ok := store.Startup(); ok {
				q.Startup = st.Tree
			}
			return q
		},
	})
	if err != nil {
		t.Fatalf("compile CLI: %v", err)
	}
	return c, store
}
