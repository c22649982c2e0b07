package attach

import (
	"os"
	"path/filepath"
	"testing"

	"trunkline/internal/ether"
)

func TestLabNumber(t *testing.T) {
	for name, want := range map[string]int{
		"eth1": 1, "eth12": 12, "eth0": 0, "eth01": 0, "eth": 0, "ethx": 0, "e1-4": 4, "e3-4": 4, "e2-4": 0,
		"eth3_8": 8, "eth1_8": 8, "eth4_8": 0, "Ethernet1-2": 2, "Ethernet3-2": 2, "Ethernet9-2": 0, "e1-0": 0,
		"eth1.100": 0, "eth12345": 0,
	} {
		if got := labNumber(name, 3); got != want {
			t.Errorf("labNumber(%q) = %d, want %d", name, got, want)
		}
	}
}

func TestAssign(t *testing.T) {
	mac := func(n byte) ether.MAC { return ether.MAC{2, 0, 0, 0, 0, n} }
	at := func(links ...link) (later []link, all map[string]link) {
		all = map[string]link{}
		for _, l := range links {
			all[l.name] = l
		}
		return links, all
	}
	var n numbers
	give := func(links ...link) map[int]string {
		nics := map[int]link{}
		later, all := at(links...)
		n.assign(nics, later, all)
		got := map[int]string{}
		for k, l := range nics {
			got[k] = l.name
		}
		return got
	}
	check := func(step string, got map[int]string, want ...string) {
		t.Helper()
		for i, name := range want {
			if got[i+1] != name {
				t.Errorf("%s: number %d is %q, want %q", step, i+1, got[i+1], name)
			}
		}
	}
	a, b := link{name: "a", mac: mac(1), permanent: true}, link{name: "b", mac: mac(2), permanent: true}
	check("first sight", give(a, b), "a", "b")
	a.name, b.name = "b", "a"
	check("names swapped", give(b, a), "b", "a")
	check("one alone", give(b), "", "a")
	c := link{name: "b", mac: mac(3), permanent: true}
	check("a NIC replaced takes a new number", give(b, c), "", "a", "b")
	v := link{name: "v", mac: mac(4)}
	check("a veth", give(v), "", "", "", "v")
	v.mac = mac(5)
	check("with another address", give(v), "", "", "", "v")
	w := link{name: "w", mac: mac(5)}
	v.mac = mac(6)
	check("address elsewhere", give(v, w), "", "", "", "w", "v")
}

func TestNumbersFile(t *testing.T) {
	dir := t.TempDir()
	n, err := loadNumbers(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := link{name: "a", mac: ether.MAC{2, 1}}
	n.assign(map[int]link{}, []link{l}, map[string]link{"a": l})
	if err := n.save(); err != nil {
		t.Fatal(err)
	}
	m, err := loadNumbers(dir)
	if err != nil || len(m.known) != 1 || m.known[0] != n.known[0] {
		t.Errorf("loaded %+v, %v; want %+v", m.known, err, n.known)
	}
	for _, bad := range []string{"", "{", `[{"number":0,"mac":"0201.0000.0000"}]`, `[{"number":1,"mac":"x"}]`,
		`[{"number":1,"mac":"0201.0000.0000"},{"number":1,"mac":"0201.0000.0001"}]`} {
		if err := os.WriteFile(filepath.Join(dir, "nics.json"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadNumbers(dir); err == nil {
			t.Errorf("a file with %q was accepted", bad)
		}
	}
}

func FuzzNumbers(f *testing.F) {
	f.Add([]byte(`[{"number":1,"mac":"0201.0000.0000","device":"eth1"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		known, err := parseNumbers(b)
		if err != nil {
			return
		}
		n := numbers{known: known}
		l := link{name: "a", mac: ether.MAC{2, 1}}
		nics := map[int]link{}
		n.assign(nics, []link{l}, map[string]link{"a": l})
		if len(nics) != 1 {
			t.Errorf("%d numbers for one device", len(nics))
		}
	})
}
