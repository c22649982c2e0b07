package feature_test

import (
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/feature"
)

// TestGated types every line and command of a feature that is off: none is there
// (cli.md §4.2). It then turns the feature on and off again, and nothing is left.
func TestGated(t *testing.T) {
	w := emptyWorld(t)
	p, cli := w.p, w.cli
	type1 := func(lines ...string) (string, bool) {
		s := cli.Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
		var out strings.Builder
		for _, l := range lines {
			out.Reset()
			if s.Run(t.Context(), l, console{&out}).Failed {
				return out.String(), false
			}
		}
		return out.String(), true
	}
	for _, l := range []string{"interface ethernet 4/1", "interface vethernet 1", "vem 3"} {
		if out, ok := type1("configure terminal", l); !ok {
			t.Fatal(out)
		}
	}
	gates := map[string]string{} // of exec commands by template
	for _, f := range features {
		for _, c := range f.Show {
			gates[c.Line] = f.GatePath()
		}
		for _, c := range f.Exec {
			gates[c.Line] = f.GatePath()
		}
	}
	gated := 0
	for _, c := range everyCommand(t, p.Schema, cli) {
		if c.config != nil && c.config.Gate == "" || c.config == nil && gates[c.template] == "" {
			continue
		}
		gated++
		for _, words := range c.lines() {
			if out, ok := type1(append(c.enter[:len(c.enter):len(c.enter)], line(words))...); ok || !strings.Contains(out, "% Invalid ") {
				t.Errorf("%s: %q: %s", c, line(words), out)
			}
		}
	}
	if gated == 0 {
		t.Error("nothing is gated")
	}
	before := p.Store.Running().Tree
	for _, f := range features {
		if !f.Gated {
			continue
		}
		on := f.Schema.Gate.Line
		if out, ok := type1("configure terminal", on); !ok || strings.Contains(out, "Note:") {
			t.Errorf("%s: %s", on, out)
		}
		settings := 0
		for _, c := range everyCommand(t, p.Schema, cli) {
			if c.config == nil || c.config.Gate != f.GatePath() {
				continue
			}
			for _, words := range c.lines() {
				for _, no := range []string{"", "no ", ""} {
					if _, ok := type1(append(c.enter[:len(c.enter):len(c.enter)], no+line(words))...); ok {
						settings++
					}
				}
			}
		}
		if settings == 0 {
			t.Errorf("%s has no settings", f.Name)
		}
		out, ok := type1("configure terminal", "no "+on)
		if want := "Note: The configuration of " + f.Name + " is removed.\n"; !ok || out != want {
			t.Errorf("no %s: %q, want %q", on, out, want)
		}
		if _, ok := type1("show checkpoint system-fm-" + f.Name); !ok {
			t.Errorf("no checkpoint of %s", f.Name)
		}
	}
	if after := p.Store.Running().Tree.Sub(feature.InterfacePath("Ethernet4/1")); !after.Equal(before.Sub(feature.InterfacePath("Ethernet4/1"))) {
		t.Error("settings of a port are left")
	}
}
