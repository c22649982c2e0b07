package grammar

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/internal/mutate"
)

var (
	port  = map[string]schema.AnyType{"interface": feature.Interface}
	owner = schema.Type[string]{
		Name: "owner",
		Syntax: schema.Syntax{
			Forms: []string{"netns <netns> ifname <ifname> module <module>", "tap <tap> module <module>"},
			Types: map[string]schema.AnyType{
				"netns": schema.Word("netns", "Name", 20), "ifname": schema.Word("ifname", "Device", 15),
				"tap": schema.Word("tap", "Device", 15), "module": schema.Uint("module", "Module", 3, 258),
			},
			Words: schema.Words{"netns": "A namespace", "netns ifname": "A device"},
		},
		Parse:  func(s string) (string, error) { return s, nil },
		Format: func(s string) string { return s },
	}
	target = schema.Type[string]{
		Name: "target",
		Syntax: schema.Syntax{
			Forms: []string{"interface <interface>", "drop"},
			Types: port,
		},
		Parse:  func(s string) (string, error) { return s, nil },
		Format: func(s string) string { return s },
	}
	allowed = schema.Type[string]{
		Name: "allowed",
		Syntax: schema.Syntax{
			Forms: []string{"<vlan-list>", "all", "none"},
			Types: map[string]schema.AnyType{"vlan-list": schema.VLANList},
		},
		Parse:  func(s string) (string, error) { return s, nil },
		Format: func(s string) string { return s },
	}
	mode  = schema.Enum("mode", schema.Keyword{Text: "access", Help: "Access"}, schema.Keyword{Text: "trunk", Help: "Trunk"})
	kinds = schema.Enum("type", schema.Keyword{Text: "ethernet"}, schema.Keyword{Text: "vethernet"})
)

const tryTemplate = "try <host> [count <count>|source <name>|size <count>|<type>|df|by <owner>]* [last]"

func testTable(t testing.TB) *Table {
	t.Helper()
	table, err := NewTable(
		Command{Template: tryTemplate, Help: "Try", Types: map[string]schema.AnyType{"host": schema.IPv4, "count": schema.Uint("count", "Requests", 1, 99), "name": schema.Word("name", "Name", 8), "type": kinds, "owner": owner}, Words: schema.Words{"try count": "How many", "try source": "From", "try size": "How large", "try df": "Whole"}},
		Command{Template: "show copyright", Help: "Copyright"},
		Command{Template: "show cores", Help: "Cores"},
		Command{Template: "show interface [<interface>]", Types: port, Help: "Interfaces", Words: schema.Words{"show": "Show information"}},
		Command{Template: "show interface [<interface>] status", Types: port, Help: "Status"},
		Command{Template: "show interface [<interface>] switchport", Types: port, Help: "Switchport"},
		Command{Template: "show interface snmp-ifindex", Help: "Indexes"},
		Command{Template: "show inventory", Help: "Inventory"},
		Command{Template: "show vlan [brief|id <vlan-id>|name <name>]", Types: map[string]schema.AnyType{"vlan-id": schema.VLAN, "name": schema.Word("name", "Name", 32)}},
		Command{Template: "vlan <id>", Types: map[string]schema.AnyType{"id": schema.VLAN}, List: "id"},
		Command{Template: "interface <name>", Types: map[string]schema.AnyType{"name": feature.Interface}, List: "name"},
		Command{Template: "port-profile [type <type>] <name>", Types: map[string]schema.AnyType{"type": kinds, "name": schema.Word("profile", "Profile name", 8)}},
		Command{Template: "port-profile-role <name>", Types: map[string]schema.AnyType{"name": schema.Word("role", "Role", 8)}},
		Command{Template: "owner <owner>", Types: map[string]schema.AnyType{"owner": owner}},
		Command{Template: "description <text>", Types: map[string]schema.AnyType{"text": schema.Line("text", "Text", 80)}},
		Command{Template: "switchport mode <mode>", Types: map[string]schema.AnyType{"mode": mode}},
		Command{Template: "switchport trunk allowed vlan <vlans>", Types: map[string]schema.AnyType{"vlans": allowed}},
		Command{Template: "switchport trunk allowed vlan add <vlans>", Types: map[string]schema.AnyType{"vlans": schema.VLANList}},
		Command{Template: "mac address-table static <mac> vlan <vlan-id> <target>", Types: map[string]schema.AnyType{"mac": schema.MAC, "vlan-id": schema.VLAN, "target": target}},
		Command{Template: "ping <host> [count <count>] [size <size>]", Types: map[string]schema.AnyType{"host": schema.IPv4, "count": schema.Uint("count", "Requests", 1, 99), "size": schema.Uint("size", "Bytes", 1, 9999)}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func describe(m *Match) string {
	s := m.Command.Template
	for _, p := range []string{"interface", "name", "id", "vlan-id", "type", "owner", "text", "mode", "vlans", "mac", "target", "host", "count", "size"} {
		if v, ok := m.Texts[p]; ok && m.List == nil {
			s += fmt.Sprintf(" %s=%s", p, v)
		}
	}
	for _, i := range m.List {
		s += " " + i.Text
	}
	return s
}

func TestMatch(t *testing.T) {
	table := testTable(t)
	for _, c := range []struct{ line, want string }{
		{"show copyright", "show copyright"},
		{"SH Copy", "show copyright"},
		{"sh int", "show interface [<interface>]"},
		{"sh int e3/2", "show interface [<interface>] interface=Ethernet3/2"},
		{"sh int Eth 3/2 stat", "show interface [<interface>] status interface=Ethernet3/2"},
		{"sh int veth12 sw", "show interface [<interface>] switchport interface=Vethernet12"},
		{"sh i st", "show interface [<interface>] status"}, // look-ahead: only interface has status
		{"show vlan id 7", "show vlan [brief|id <vlan-id>|name <name>] vlan-id=7"},
		{"show vlan name brief", "show vlan [brief|id <vlan-id>|name <name>] name=brief"},
		{"vlan 10", "vlan <id> 10"},
		{"vlan 10-12,30", "vlan <id> 10 11 12 30"},
		{"vlan 10 - 12", "caret 8 Invalid command"},
		{"int e3/1-3,4/1-2", "interface <name> Ethernet3/1 Ethernet3/2 Ethernet3/3 Ethernet4/1 Ethernet4/2"},
		{"interface ethernet 3/1 , veth 2-3", "interface <name> Ethernet3/1 Vethernet2 Vethernet3"},
		{"interface vethernet 1-2,15, ethernet 3/1", "interface <name> Vethernet1 Vethernet2 Vethernet15 Ethernet3/1"},
		{"port-profile type veth WEB", "port-profile [type <type>] <name> name=WEB type=vethernet"},
		{`port-profile "type"`, "port-profile [type <type>] <name> name=type"},
		{"owner netns h1 if eth0 mod 3", "owner <owner> owner=netns h1 ifname eth0 module 3"},
		{`description  to "rack 4"  | x `, `description <text> text=to "rack 4"  | x`},
		{"switchport mode tr", "switchport mode <mode> mode=trunk"},
		{"switchport trunk all vlan none", "switchport trunk allowed vlan <vlans> vlans=none"},
		{"switchport trunk all vlan add 7", "switchport trunk allowed vlan add <vlans> vlans=7"},
		{"mac addr st 0000.0000.0001 vlan 5 int veth 3", "mac address-table static <mac> vlan <vlan-id> <target> vlan-id=5 mac=0000.0000.0001 target=interface Vethernet3"},
		{"mac addr st 0000.0000.0001 vlan 5 drop", "mac address-table static <mac> vlan <vlan-id> <target> vlan-id=5 mac=0000.0000.0001 target=drop"},
		{"ping 10.0.0.1 s 20", "ping <host> [count <count>] [size <size>] host=10.0.0.1 size=20"},

		{"try 10.0.0.1", "try 10.0.0.1"},
		{"try 10.0.0.1 df count 5 vethernet", "try 10.0.0.1 count 5 vethernet df"},
		{"try 10.0.0.1 by tap t module 3 source df last", "try 10.0.0.1 source df by tap t module 3 last"},
		{"try 10.0.0.1 so si si 7 c 5", "try 10.0.0.1 count 5 source si size 7"},
		{"try 10.0.0.1 c 5 e d la", "try 10.0.0.1 count 5 ethernet df last"},
		{"try 10.0.0.1 s 20", "caret 13 Ambiguous command"}, // source 20 or size 20
		{"try 10.0.0.1 source x s 20", "try 10.0.0.1 source x size 20"},
		{"try 10.0.0.1 s x s 20", "try 10.0.0.1 source x size 20"},
		{"try 10.0.0.1 df count 5 df", "caret 24 Invalid command"},
		{"try 10.0.0.1 ethernet vethernet", "caret 22 Invalid command"},
		{"try 10.0.0.1 df count 500", "caret 22 Invalid number, range is (1:99)"},
		{"try 10.0.0.1 df count", "caret 21 Incomplete command"},
		{"try 10.0.0.1 last df", "caret 18 Invalid command"},

		{"show cox", "caret 7 Invalid command"},
		{"show interface s", "caret 15 Ambiguous command"},
		{"interface vethernet", "caret 19 Incomplete command"},
		{"interface", "caret 9 Incomplete command"},
		{"interface ethernet", "caret 18 Incomplete command"},
		{"show c", "caret 5 Ambiguous command"},
		{"show", "caret 4 Incomplete command"},
		{"foo", "caret 0 Invalid command"},
		{"shox", "caret 3 Invalid command"},
		{"show copyright now", "caret 15 Invalid command"},
		{"vlan 5000", "caret 5 Invalid number, range is (1:4094)"},
		{"vlan 1-5000", "caret 5 Invalid number, range is (1:4094)"},
		{"vlan 10-5", "caret 5 Invalid value/range"},
		{"vlan 5,abc", "caret 7 Invalid value/range"},
		{"vlan abc", "caret 5 Invalid command"},
		{"show interface ethernet 3", "caret 24 Invalid interface format"},
		{"interface foo", "caret 10 Invalid interface format"},
		{"interface ethernet 3", "caret 19 Invalid interface format"},
		{"interface veth 0", "caret 15 Invalid number, range is (1:1048575)"},
		{"show vlan id 4095", "caret 13 Invalid number, range is (1:4094)"},
		{"mac address-table static 00.1 vlan 5 drop", "caret 25 Invalid mac address"},
		{"ping 300.1.1.1", "caret 5 Invalid ip address"},
		{"port-profile LONGERTHAN8", "caret 13 String exceeded max length of (8)"},
		{"description " + strings.Repeat("x", 81), "caret 12 String exceeded max length of (80)"},
		{"description", "caret 11 Incomplete command"},
		{"switchport mode x", "caret 16 Invalid command"},
		{"switchport trunk allowed vlan 1-x", "caret 30 Invalid value/range"},
		{strings.Repeat("x", 2049), "caret 2048 String exceeded max length of (2048)"},
	} {
		got := ""
		m, err := table.Match(c.line, Typed)
		switch {
		case err != nil:
			got = fmt.Sprintf("caret %d %s", err.Col, err.Text)
		case m.Command.Template == tryTemplate:
			got = m.Text
		default:
			got = describe(m)
		}
		if got != c.want {
			t.Errorf("%.60q\n got %s\nwant %s", c.line, got, c.want)
		}
	}
}

func TestReplayedKeywordLikeName(t *testing.T) {
	table := testTable(t)
	for _, name := range []string{"type", "t"} {
		if m, err := table.Match("port-profile "+name, Replayed); err != nil || m.Texts["name"] != name {
			t.Errorf("replay of a profile named %s: %v %v", name, m, err)
		}
		if _, err := table.Match("port-profile "+name, Typed); err == nil || err.Text != Incomplete {
			t.Errorf("typed profile name %s: %v, want Incomplete", name, err)
		}
	}
}

func TestMessage(t *testing.T) {
	_, err := testTable(t).Match("show cox", Typed)
	want := "             ^\n% Invalid command at '^' marker.\n"
	if got := err.Message(len("vsm1# ")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHelp(t *testing.T) {
	table := testTable(t)
	for _, c := range []struct{ line, want string }{
		{"show co", "copyright:Copyright cores:Cores"},
		{"show in", "interface:Interfaces inventory:Inventory"},
		{"show interface ", "<CR> Ethernet:Ethernet IEEE 802.3z mgmt0:Management interface of the supervisor snmp-ifindex:Indexes status:Status switchport:Switchport Vethernet:Virtual Ethernet interface Vlan:Interface of the switch itself in a VLAN"},
		{"show interface e3/1 ", "<CR> status:Status switchport:Switchport"},
		{"show interface e", "Ethernet:Ethernet IEEE 802.3z"},
		{"show interface ethernet ", "<1-258>/<1-1000>:Module and port number"},
		{"interface ", "Ethernet:Ethernet IEEE 802.3z mgmt0:Management interface of the supervisor Vethernet:Virtual Ethernet interface Vlan:Interface of the switch itself in a VLAN"},
		{"interface veth3,", "Ethernet:Ethernet IEEE 802.3z mgmt0:Management interface of the supervisor Vethernet:Virtual Ethernet interface Vlan:Interface of the switch itself in a VLAN"},
		{"vlan ", "<1-4094>:VLAN ID"},
		{"vlan 10,", "<1-4094>:VLAN ID"},
		{"port-profile ", "type: WORD:Profile name (Max Size 8)"},
		{"description ", "LINE:Text (Max Size 80)"},
		{"description to the ", "<CR> LINE:Text (Max Size 80)"},
		{"owner netns h1 ", "ifname:A device"},
		{"show copyright ", "<CR>"},
		{"show copyright x ", "caret 15 Invalid command"},
		{"try 10.0.0.1 size 7 by tap t module 3 ", "<CR> count:How many df:Whole ethernet: last: source:From vethernet:"},
		{"try 10.0.0.1 df vethernet count 5 s", "size:How large source:From"},
		{"try 10.0.0.1 df count ", "<1-99>:Requests"},
		{"try 10.0.0.1 df df ", "caret 16 Invalid command"},
		{"show cox", "caret 7 Invalid command"},
	} {
		got := ""
		h, err := table.Help(c.line)
		if err != nil {
			got = fmt.Sprintf("caret %d %s", err.Col, err.Text)
		} else {
			if h.CR {
				got = "<CR> "
			}
			for _, e := range h.Entries {
				got += e.Text + ":" + e.Help + " "
			}
		}
		if got = strings.TrimSpace(got); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.line, got, c.want)
		}
	}
}

func TestComplete(t *testing.T) {
	table := testTable(t)
	objects := func(list string) []string {
		return map[string][]string{
			"interfaces/interface": {"Ethernet3/1", "Ethernet3/2", "Vethernet1", "Vethernet10"},
			"vlans/vlan":           {"1", "20", "21"},
		}[list]
	}
	for _, c := range []struct{ line, want string }{
		{"sh", "0 show"},
		{"show co", "5 copyright cores"},
		{"interface veth", "10 Vethernet~"},
		{"interface Vethernet", "10 Vethernet~ Vethernet1 Vethernet10"},
		{"interface veth1", "10 Vethernet1 Vethernet10"},
		{"interface ethernet 3/", "19 3/1 3/2"},
		{"interface e3/1,veth1", "15 Vethernet1 Vethernet10"},
		{"show vlan id 2", "13 20 21"},
		{"vlan 2", "5 20 21"},
		{"mac address-table static 0000.0000.0001 vlan 5 interface veth1", "57 Vethernet1 Vethernet10"},
		{"try 10.0.0.1 size 7 s", "20 source"},
		{"try 10.0.0.1 df d", "16"},
		{"try 10.0.0.1 vethernet by ", "26 netns tap"},
		{"zzz", "0"},
		{"zzz y", "5"},
	} {
		from, all := table.Complete(c.line, objects)
		got := fmt.Sprint(from)
		for _, a := range all {
			got += " " + a.Text
			if a.Glue {
				got += "~"
			}
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.line, got, c.want)
		}
	}
}

// A secret or a name is where it was typed, in whichever order.
func TestOptionColumns(t *testing.T) {
	m, err := testTable(t).Match("try 10.0.0.1 by tap t module 3 source me count 5", Typed)
	if err != nil {
		t.Fatal(err)
	}
	if m.Cols["owner"] != 16 || m.Ends["owner"] != 31 || m.Cols["name"] != 38 || m.Cols["count"] != 47 {
		t.Errorf("columns %v, ends %v", m.Cols, m.Ends)
	}
	if want := []string{"try", "count", "source", "by"}; !slices.Equal(m.Words, want) {
		t.Errorf("words %v, want %v", m.Words, want)
	}
}

func TestBadTables(t *testing.T) {
	for _, c := range []struct {
		name      string
		templates []string
	}{
		{"open bracket", []string{"show [x"}},
		{"stray bracket", []string{"show x]"}},
		{"no type", []string{"show <x>"}},
		{"twice", []string{"show x", "show x"}},
		{"overlap", []string{"show [x|y]", "show x"}},
		{"same values", []string{"show <a>", "show <b>"}},
		{"glue", []string{"~x"}},
		{"top choice", []string{"a|b"}},
	} {
		var all []Command
		for _, tmpl := range c.templates {
			all = append(all, Command{Template: tmpl, Types: map[string]schema.AnyType{"a": schema.VLAN, "b": schema.MAC}})
		}
		if _, err := NewTable(all...); err == nil {
			t.Errorf("%s: no error for %q", c.name, c.templates)
		}
	}
}

var lineSeeds = []string{"show int e3/1 st", "interface e3/1-4, veth 1-10,20", `port-profile "a b`, "desc \xff", "s s s s s s", "vlan 1-4094,2", "vlan 1-", "interface veth1-1048575"}

// reads has the table read a line in every way.
func reads(tb testing.TB) func(t *testing.T, line string) {
	table := testTable(tb)
	return func(t *testing.T, line string) {
		m, err := table.Match(line, Typed)
		if (m == nil) == (err == nil) {
			t.Fatalf("match %v, error %v", m, err)
		}
		if err != nil && (err.Col < 0 || err.Col > len(line)) {
			t.Fatalf("caret at %d of %d", err.Col, len(line))
		}
		if _, err := table.Help(line); err != nil && (err.Col < 0 || err.Col > len(line)+1) {
			t.Fatalf("help: caret at %d of %d", err.Col, len(line))
		}
		if from, _ := table.Complete(line, func(string) []string { return []string{"Ethernet3/1", "20"} }); from < 0 || from > len(line) {
			t.Fatalf("completion from %d of %d", from, len(line))
		}
		table.Match(line, Replayed)
	}
}

func FuzzTable(f *testing.F) {
	for _, s := range lineSeeds {
		f.Add(s)
	}
	f.Fuzz(reads(f))
}

// TestShare is the share of fuzzing of every run.
func TestShare(t *testing.T) { mutate.Try(t, reads(t), lineSeeds...) }
