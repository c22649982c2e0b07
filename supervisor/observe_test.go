package supervisor

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// TestStateDeclarations has every feature observe something that says all it
// can, and compares the leaves with their declarations: each leaf that is emitted
// is declared once, with the type of its value, and each that is declared is
// emitted.
func TestStateDeclarations(t *testing.T) {
	config, state, err := Schemas(Features())
	if err != nil {
		t.Fatal(err)
	}
	emitted := map[string]bool{}
	emit := func(base tree.Path) feature.Emit {
		return func(p tree.Path, value any, _ time.Time) {
			p = base.Join(p)
			l := state.Leaf(p)
			if l == nil {
				t.Errorf("%s is emitted and not declared", p)
				return
			}
			if reflect.TypeOf(value) != reflect.TypeOf(l.Type.Zero()) {
				t.Errorf("%s is a %T, declared as %T", p, value, l.Type.Zero())
				return
			}
			text := l.Type.FormatText(value)
			if back, err := l.Type.ParseText(text); err != nil || back != value {
				t.Errorf("%s: %v is written %q, which reads as %v, %v", p, value, text, back, err)
			}
			emitted[p.Names()] = true
		}
	}
	now := time.Now()
	port := feature.PortState{
		Name: "Vethernet1", Module: 3, Up: true, Reason: "none", Kind: "tap", Adapter: "eth0", Owner: "vm", Driver: "tap",
		MAC: ether.MAC{2}, MTU: 1500, Mbps: 1000, Since: now, Cleared: now, Error: "out of memory",
	}
	running := tree.Tree{}.
		Set(feature.InterfacePath("Vethernet1", "owner"), binding(3)).
		Set(feature.InterfacePath("Vethernet1", "inherit"), "WEB").
		Set(feature.InterfacePath("Ethernet3/1", "switchport", "mode"), "trunk").
		Set(feature.InterfacePath("Ethernet3/1", "shutdown"), false)
	observed := func(name string, report *feature.PortState) *feature.Observed {
		return &feature.Observed{
			Name: name, Report: report, Slot: 3, Card: feature.ModuleOK, CardSince: now, At: now,
			Config: feature.Running{Tree: running, At: now, Effective: effective.New(config, running).Port},
		}
	}
	up := port
	up.Name, up.Error = "Ethernet3/1", ""
	module := feature.Module{
		Slot: 3, Status: feature.ModuleOK, Since: now, UUID: "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", Host: "h", Address: "192.0.2.1",
		Version: "1.0(1)", OS: "Linux", MAC: ether.MAC{2}, Unsupported: []string{"x"}, LastSeen: now,
	}
	mgmt0 := up
	mgmt0.Name = feature.Mgmt0
	sup := feature.Supervisor{
		Started: now, Boot: now, ResetReason: "r", Address: "192.0.2.1", Serial: "s", GUID: "g", Fingerprint: "f", Version: "v",
		MemoryKB: 1, MAC: ether.MAC{2}, CPU: "c", Mgmt: mgmt0,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")},
	}
	for _, f := range Features() {
		o := f.Observe
		for _, p := range []*feature.PortState{&port, &up} {
			entry := feature.InterfacePath(p.Name)
			if o.Port != nil {
				o.Port(observed(p.Name, p), emit(entry))
				o.Port(observed(p.Name, nil), emit(entry))
			}
			if o.PortSamples != nil {
				o.PortSamples(p, emit(entry))
			}
		}
		entry := tree.Path{{Name: "vems"}, {Name: "vem", Key: "3"}}
		for _, m := range []*feature.Module{&module, {Slot: 4}} {
			if o.Module != nil {
				o.Module(m, emit(entry))
			}
			if o.ModuleSamples != nil {
				o.ModuleSamples(m, emit(entry))
			}
		}
		if o.System != nil {
			o.System(&sup, emit(nil))
		}
		if o.SystemSamples != nil {
			o.SystemSamples(&sup, now, emit(nil))
		}
		if o.Running != nil {
			o.Running(observed("", nil).Config, emit(nil))
		}
	}
	declared := state.Paths()
	for _, path := range declared {
		if !emitted[path] {
			t.Errorf("%s is declared and not emitted", path)
		}
	}
	if len(emitted) != len(declared) || len(emitted) < 80 {
		t.Errorf("%d leaves are emitted, %d declared", len(emitted), len(declared))
	}
}

// binding binds a vEthernet to a slot.
type binding int

func (b binding) Slot() int     { return int(b) }
func (binding) Owner() string   { return "vm" }
func (binding) Adapter() string { return "eth0" }

// TestStateCollides refuses leaves that are configuration, or declared twice.
func TestStateCollides(t *testing.T) {
	config, _, err := Schemas(Features())
	if err != nil {
		t.Fatal(err)
	}
	leaves := func(paths ...string) schema.Group {
		var g schema.Group
		for _, p := range paths {
			g.Leaves = append(g.Leaves, schema.Augment(feature.Interfaces, schema.Oper(p, schema.Text, "Help"))...)
		}
		return g
	}
	for _, g := range []schema.Group{leaves("mtu"), leaves("mtu/oper"), leaves("switchport"), leaves("oper/x", "oper/x")} {
		if _, err := schema.CompileState(config, g); err == nil {
			t.Errorf("%s is accepted", g.Leaves[0].Path)
		}
	}
	if _, err := schema.CompileState(config, leaves("oper/x")); err != nil {
		t.Error(err)
	}
}
