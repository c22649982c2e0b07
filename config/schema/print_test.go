package schema_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func path(text string) tree.Path {
	p, err := tree.Parse(text)
	if err != nil {
		panic(err)
	}
	return p
}

func text(s *schema.Schema, t tree.Tree, o schema.PrintOptions) string {
	var b strings.Builder
	for depth, line := range s.Print(t, o) {
		b.WriteString(strings.Repeat("  ", depth) + line + "\n")
	}
	return b.String()
}

// sample is a tree of which every part prints in some way of its own.
func sample() tree.Tree {
	var t tree.Tree
	for _, e := range []struct {
		path  string
		value any
	}{
		{"system/hostname", "vsm1"},
		{"system/beep", false},
		{"system/serial", "SN1"},
		{"system/secret", "hush"},
		{"svs-domain/heartbeat/loss", uint32(20)},
		{"svs-domain/auto", false},
		{"vlans/vlan[20]/name", "web"},
		{"vlans/vlan[20]/shutdown", true},
		{"vlans/vlan[21]", nil},
		{"vlans/vlan[22]", nil},
		{"vlans/vlan[100]/state", "suspend"},
		{"vems/vem[10]", nil},
		{"vems/vem[3]/uplink[eth1]/profile", "UP"},
		{"vems/vem[3]/uplink[eth10]/profile", "UP"},
		{"vems/vem[3]/uplink[eth2]/profile", "GONE"},
		{"vems/vem[3]/disk[a]/size", uint32(7)},
		{"mac-table/aging-time", uint32(0)},
		{"mac-table/static[20 0200.0000.0001]/target", "Vethernet1"},
		{"port-profiles/port-profile[A]/inherit", "B"},
		{"port-profiles/port-profile[A]/switchport/access-vlan", ether.VLANID(20)},
		{"port-profiles/port-profile[B]/state", "enabled"},
		{"port-profiles/port-profile[B]/shutdown", false},
		{"port-profiles/port-profile[B]/switchport/mode", "trunk"},
		{"port-profiles/port-profile[UP]/type", "ethernet"},
		{"port-profiles/port-profile[UP]/mtu", uint32(9000)},
		{"interfaces/interface[Ethernet10]", nil},
		{"interfaces/interface[Ethernet2]/inherit", "UP"},
		{"interfaces/interface[Ethernet2]/mtu", schema.No},
		{"interfaces/interface[Vethernet1]/inherit", "A"},
		{"interfaces/interface[Vethernet1]/description", `to "rack" 4`},
		{"interfaces/interface[Vethernet1]/switchport/mode", schema.No},
		{"interfaces/interface[Vethernet1]/switchport/access-vlan", ether.VLANID(1)},
		{"interfaces/interface[Vethernet1]/owner", configtest.Owner{Kind: "tap", Device: "t0", Module: 3}},
		{"interfaces/interface[Vethernet2]/switchport/mode", schema.No}, // hides nothing
		{"interfaces/interface[Vethernet2]/switchport/trunk/allowed", ether.VLANs(1, 10, 11, 12)},
		{"interfaces/interface[Vethernet3]/inherit", "UP"}, // which is shut down
		{"interfaces/interface[Vethernet3]/shutdown", false},
	} {
		t = t.Set(path(e.path), e.value)
	}
	return t
}

func TestPrint(t *testing.T) {
	s := configtest.Schema()
	golden(t, "running.golden", text(s, sample(), schema.PrintOptions{}))
	golden(t, "all.golden", text(s, sample(), schema.PrintOptions{All: true}))
	golden(t, "empty.golden", text(s, tree.Tree{}, schema.PrintOptions{}))
}

func TestPrintAt(t *testing.T) {
	s := configtest.Schema()
	for _, c := range []struct{ at, want string }{
		{"vlans/vlan[20]", "vlan 20\nvlan 20\n  name web\n  shutdown\n"},
		{"vlans/vlan[21]", "vlan 21\n"},
		{"interfaces/interface[Ethernet10]", "interface Ethernet10\n"},
		{"interfaces/interface[Ethernet3]", ""},
		{"vems/vem[3]/disk", "vem 3\n  disk a\n    size 7\n"},
		{"vems/vem[10]", "vem 10\n"},
		{"mac-table", "mac address-table aging-time 0\nmac address-table static 0200.0000.0001 vlan 20 to Vethernet1\n"},
		{"svs-domain", "svs-domain\n  heartbeat loss 20\n  no vem auto\n"},
		{"interfaces/interface[Vethernet3]", "interface Vethernet3\n  inherit port-profile UP\n  no shutdown\n"},
	} {
		if got := text(s, sample(), schema.PrintOptions{At: path(c.at)}); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", c.at, got, c.want)
		}
	}
}

func TestPrintStops(t *testing.T) {
	n := 0
	for range configtest.Schema().Print(sample(), schema.PrintOptions{}) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d lines", n)
	}
}

func TestSummaryIsContinued(t *testing.T) {
	var tr tree.Tree
	for v := 1; v < 4094; v += 2 {
		tr = tr.Set(path("vlans").Entry("vlan", schema.VLAN.Format(ether.VLANID(v))), nil)
	}
	lines := 0
	var back ether.VLANSet
	for _, line := range configtest.Schema().Print(tr, schema.PrintOptions{At: path("vlans")}) {
		lines++
		set, err := ether.ParseVLANSet(strings.TrimPrefix(line, "vlan "))
		if err != nil || len(line) > 1100 {
			t.Fatalf("%q (%d bytes): %v", line, len(line), err)
		}
		back = back.Union(set)
	}
	if lines < 2 || back.Len() != 2047 {
		t.Errorf("%d lines, %d VLANs, want several lines and 2047", lines, back.Len())
	}
}

func TestText(t *testing.T) {
	s := configtest.Schema()
	for _, c := range []struct {
		path  string
		value any
		want  string
	}{
		{"mac-table/static[20 0200.0000.0001]/target", "x", "mac address-table static 0200.0000.0001 vlan 20 to x"},
		{"mac-table/static[20 0200.0000.0001]/target", schema.No, "no mac address-table static 0200.0000.0001 vlan 20 to"},
		{"system/beep", false, "no system beep"},
		{"system/secret", "x", ""},
		{"system/nothing", "x", ""},
	} {
		if got := s.Text(path(c.path), c.value); got != c.want {
			t.Errorf("%s: got %q, want %q", c.path, got, c.want)
		}
	}
}

// TestNameLikeOption: the option is printed where the name could be read as its
// keyword.
func TestNameLikeOption(t *testing.T) {
	s := configtest.Schema()
	for name, want := range map[string]string{
		"t": "port-profile type vethernet t", "Type": "port-profile type vethernet Type", "types": "port-profile types",
	} {
		tr := tree.Tree{}.Set(path("port-profiles").Entry("port-profile", name), nil)
		if got := text(s, tr, schema.PrintOptions{At: path("port-profiles")}); got != want+"\n" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
