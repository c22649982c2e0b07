package portprofile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

// build makes a tree of lines: "WEB", "WEB type ethernet", "WEB inherit BASE",
// "WEB max-ports 3" for profiles, "Vethernet1 inherit WEB" for ports.
func build(lines ...string) tree.Tree {
	var t tree.Tree
	for _, l := range lines {
		f := strings.Fields(l)
		at := path
		if feature.KindOf(f[0]) != "" {
			at = feature.InterfacePath
		}
		switch {
		case len(f) == 1:
			t = t.Set(at(f[0]), nil)
		case f[1] == "max-ports":
			var n uint32
			fmt.Sscan(f[2], &n)
			t = t.Set(at(f[0], f[1]), n)
		default:
			t = t.Set(at(f[0], f[1]), f[2])
		}
	}
	return t
}

func ports(profile string, n int) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("Vethernet%d inherit %s", i+1, profile))
	}
	return lines
}

func TestCheck(t *testing.T) {
	depth4 := []string{"A", "B inherit A", "C inherit B", "D inherit C"}
	cases := []struct {
		name     string
		old, new []string
		want     []string
	}{
		{"nothing", nil, nil, nil},
		{"four levels", nil, depth4, nil},
		{"five levels", depth4, append(depth4, "E inherit D", "F inherit E"),
			[]string{"port-profiles/port-profile[E]/inherit: ERROR: Port-profile inheritance depth exceeds 4."}},
		{"five levels from above", depth4, append(depth4, "Z", "A inherit Z"),
			[]string{"port-profiles/port-profile[D]/inherit: ERROR: Port-profile inheritance depth exceeds 4."}},
		{"itself", []string{"WEB"}, []string{"WEB inherit WEB"},
			[]string{"port-profiles/port-profile[WEB]/inherit: ERROR: Inheriting WEB would create a loop."}},
		{"a loop of two", []string{"BASE", "WEB inherit BASE"}, []string{"BASE inherit WEB", "WEB inherit BASE"},
			[]string{"port-profiles/port-profile[BASE]/inherit: ERROR: Inheriting WEB would create a loop."}},
		{"a loop with a tail", []string{"A", "B inherit A", "C inherit B"}, []string{"A inherit B", "B inherit A", "C inherit B"},
			[]string{"port-profiles/port-profile[A]/inherit: ERROR: Inheriting B would create a loop."}},
		{"parent of the other type", nil, []string{"BASE type ethernet", "WEB inherit BASE"},
			[]string{"port-profiles/port-profile[WEB]/inherit: ERROR: Port-profile type mismatch (vethernet vs ethernet)."}},
		{"port of the other type", nil, []string{"WEB", "Ethernet3/1 inherit WEB"},
			[]string{"interfaces/interface[Ethernet3/1]/inherit: ERROR: Port-profile type mismatch (ethernet vs vethernet)."}},
		{"deleted while a port uses it", []string{"WEB", "Vethernet3 inherit WEB"}, []string{"Vethernet3 inherit WEB"},
			[]string{"port-profiles/port-profile[WEB]: ERROR: Port-profile WEB is in use by Vethernet3; remove or move the ports first."}},
		{"deleted while ports use it", append([]string{"WEB"}, ports("WEB", 2)...), ports("WEB", 2),
			[]string{"port-profiles/port-profile[WEB]: ERROR: Port-profile WEB is in use by Vethernet1,Vethernet2; remove or move the ports first."}},
		{"deleted while many ports use it", append([]string{"WEB"}, ports("WEB", 10)...), ports("WEB", 10),
			[]string{"port-profiles/port-profile[WEB]: ERROR: Port-profile WEB is in use by " +
				"Vethernet1,Vethernet2,Vethernet3,Vethernet4,Vethernet5,Vethernet6,Vethernet7,Vethernet8,...; remove or move the ports first."}},
		{"deleted while a child uses it", []string{"BASE", "WEB inherit BASE"}, []string{"WEB inherit BASE"},
			[]string{"port-profiles/port-profile[BASE]: ERROR: Port-profile BASE is in use by port-profile WEB; remove or move it first."}},
		{"deleted with its port", []string{"WEB", "Vethernet3 inherit WEB"}, nil, nil},
		{"a port of none: the schema refuses it", nil, []string{"Vethernet3 inherit WEB"}, nil},
		{"a child of none: likewise", []string{"WEB"}, []string{"WEB inherit BASE"}, nil},
		{"moved to one that goes", []string{"WEB", "APP", "Vethernet3 inherit APP"}, []string{"APP", "Vethernet3 inherit WEB"},
			[]string{"port-profiles/port-profile[WEB]: ERROR: Port-profile WEB is in use by Vethernet3; remove or move the ports first."}},
		{"as many ports as there may be", nil, append(ports("WEB", 32), "WEB"), nil},
		{"one more", append(ports("WEB", 32), "WEB"), append(ports("WEB", 33), "WEB"),
			[]string{"interfaces/interface[Vethernet33]/inherit: ERROR: Port-profile WEB has reached max-ports 32."}},
		{"two more: the last new ones", []string{"WEB max-ports 2", "Vethernet4 inherit WEB"}, append(ports("WEB", 4), "WEB max-ports 2"), []string{
			"interfaces/interface[Vethernet2]/inherit: ERROR: Port-profile WEB has reached max-ports 2.",
			"interfaces/interface[Vethernet3]/inherit: ERROR: Port-profile WEB has reached max-ports 2."}},
		{"max-ports raised", nil, append(ports("WEB", 33), "WEB max-ports 33"), nil},
		{"max-ports lowered", append(ports("WEB", 3), "WEB"), append(ports("WEB", 3), "WEB max-ports 2"),
			[]string{"port-profiles/port-profile[WEB]/max-ports: ERROR: Port-profile WEB has reached max-ports 2."}},
		{"the parent's max-ports is not the child's", nil,
			append(ports("WEB", 3), "BASE max-ports 1", "WEB inherit BASE"), nil},
		{"a disabled profile may be inherited", nil, []string{"WEB state disabled", "Vethernet3 inherit WEB"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range check(feature.Candidate{Old: build(c.old...), New: build(c.new...)}) {
				if p.Severity != schema.Error {
					t.Errorf("%q does not refuse the candidate", p.Text)
				}
				got = append(got, fmt.Sprintf("%s: %s", p.Path, p.Text))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("check:\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	lines := make([]string, maxProfiles)
	for i := range lines {
		lines[i] = fmt.Sprintf("P%d", i)
	}
	old := build(lines...)
	if got := check(feature.Candidate{New: old}); len(got) != 0 {
		t.Errorf("%d profiles: got %v", maxProfiles, got)
	}
	got := check(feature.Candidate{Old: old, New: old.Set(path("more"), nil)})
	if want := "ERROR: Maximum number of port-profiles (6144) reached."; len(got) != 1 || got[0].Text != want {
		t.Errorf("one more: got %v, want %s", got, want)
	}
}

func TestOrder(t *testing.T) {
	tr := build("WEB inherit BASE", "BASE", "APP inherit BASE", "ZERO", "AAA inherit ZERO", "UP type ethernet", "B inherit WEB")
	got := []string{"B", "ZERO", "WEB", "UP", "BASE", "AAA", "APP"}
	slices.SortFunc(got, func(a, b string) int {
		switch {
		case less(tr, a, b):
			return -1
		case less(tr, b, a):
			return 1
		}
		return 0
	})
	if want := []string{"UP", "BASE", "APP", "WEB", "B", "ZERO", "AAA"}; !slices.Equal(got, want) {
		t.Errorf("order: got %v, want %v", got, want)
	}
	loop := build("A inherit B", "B inherit A")
	if less(loop, "A", "B") && less(loop, "B", "A") {
		t.Error("the order of a loop is no order")
	}
}

func TestFactory(t *testing.T) {
	var tr tree.Tree
	for _, e := range Factory() {
		tr = tr.Set(e.Path, e.Value)
	}
	if got := check(feature.Candidate{New: tr}); len(got) != 0 {
		t.Errorf("check of the factory configuration: %v", got)
	}
	if u, v := kind(tr, UnusedUplink), kind(tr, UnusedVeth); u != feature.Ethernet || v != feature.Vethernet {
		t.Errorf("types: got %s and %s", u, v)
	}
	for _, p := range []string{UnusedUplink, UnusedVeth} {
		if !feature.ProfileEnabled(tr, p) {
			t.Errorf("%s is not enabled", p)
		}
		if _, set := tr.Get(path(p, "shutdown")); set {
			t.Errorf("%s is not shut down by default", p)
		}
	}
}

func TestRunningConfig(t *testing.T) {
	tr := build("WEB inherit BASE", "WEB state enabled", "WEB max-ports 64", "BASE", "UPLINK type ethernet", "UPLINK state disabled",
		"Vethernet3 inherit WEB")
	const want = `
port-profile type ethernet UPLINK
port-profile BASE
port-profile WEB
  inherit port-profile BASE
  max-ports 64
  state enabled

interface Vethernet3
  inherit port-profile WEB
`
	if got := featuretest.Config(t, tr, groups()...); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
