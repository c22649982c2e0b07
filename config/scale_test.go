package config_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/internal/ether"
)

// large returns a store with so many ports, each with a few lines, and a profile
// they all inherit.
func large(tb testing.TB, ports int) *config.Store {
	tb.Helper()
	s, err := config.Open(tb.Context(), configtest.Schema(), &configtest.Backend{}, config.Hooks{}, configtest.Canonical(configtest.Schema(), sampleProfile))
	if err != nil {
		tb.Fatal(err)
	}
	c := s.Begin()
	var edits []config.Edit
	for i := range ports {
		at := fmt.Sprintf("interfaces/interface[Vethernet%d]/", i%9999+1)
		edits = append(edits, set(at+"inherit", "WEB"), set(at+"description", fmt.Sprint("port ", i)), set(at+"switchport/access-vlan", ether.VLANID(i%4000+1)))
	}
	if err := c.Apply(edits...); err != nil {
		tb.Fatal(err)
	}
	if _, err := s.Commit(tb.Context(), c, config.Meta{}); err != nil {
		tb.Fatal(err)
	}
	return s
}

var sampleProfile = configtest.Random(configtest.Schema(), rand.New(rand.NewPCG(5, 5))).
	Set(path("port-profiles/port-profile[WEB]/state"), "enabled").
	Set(path("port-profiles/port-profile[WEB]/shutdown"), false)

// TestLarge: 10,000 ports are pasted in one go, and a line on one of them is
// committed and printed, in times an operator does not notice.
func TestLarge(t *testing.T) {
	start := time.Now()
	s := large(t, 9999)
	t.Logf("10,000 ports committed in %v", time.Since(start))
	if d := time.Since(start); d > 60*time.Second {
		t.Errorf("10,000 ports took %v", d)
	}
	start = time.Now()
	if err := commitOne(t, s, set("interfaces/interface[Vethernet77]/description", "other")); err != nil {
		t.Fatal(err)
	}
	t.Logf("one line committed in %v", time.Since(start))
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("one line took %v", d)
	}
	start = time.Now()
	n := 0
	for range s.Schema().Print(s.Running().Tree, schema.PrintOptions{At: path("interfaces/interface[Vethernet77]")}) {
		n++
	}
	t.Logf("one port printed in %v", time.Since(start))
	if d := time.Since(start); n != 4 || d > 5*time.Second {
		t.Errorf("%d lines of one port took %v", n, d)
	}
	start = time.Now()
	for range s.Schema().Print(s.Running().Tree, schema.PrintOptions{}) {
		n++
	}
	t.Logf("everything printed in %v: %d lines", time.Since(start), n)
}

func commitOne(t *testing.T, s *config.Store, edits ...config.Edit) error {
	c := s.Begin()
	if err := c.Apply(edits...); err != nil {
		return err
	}
	_, err := s.Commit(t.Context(), c, config.Meta{})
	return err
}
