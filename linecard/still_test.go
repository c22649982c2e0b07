package linecard

import (
	"context"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port/porttest"
)

// TestStill looks for what must end the use of kept reports.
func TestStill(t *testing.T) {
	var s still
	if s.take(stamp{}) != nil {
		t.Error("sections before any were kept")
	}
	s.keep(stamp{plan: 1}, map[string][]byte{"a": []byte("x")})
	if s.take(stamp{plan: 2}) != nil {
		t.Error("sections of another stamp")
	}
	got := s.take(stamp{plan: 1})
	if string(got["a"]) != "x" {
		t.Errorf("kept sections are %v", got)
	}
	got["b"] = nil // the caller adds to what it was given
	if len(s.take(stamp{plan: 1})) != 1 {
		t.Error("the caller's changes are kept")
	}

	c := &Card{engine: pipeline.New(pipeline.Config{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.engine.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	differs := func(what string, do func()) {
		t.Helper()
		before := c.stamp()
		do()
		for deadline := time.Now().Add(30 * time.Second); c.stamp() == before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the stamp is the same", what)
			}
		}
	}
	p := porttest.New(porttest.Options{Name: "Vethernet1"})
	differs("a port", func() {
		if err := c.engine.SetPort("Vethernet1", p); err != nil {
			t.Fatal(err)
		}
	})
	frame := append(append(ether.Broadcast[:], 2, 0, 0, 0, 0, 1), make([]byte, 48)...)
	differs("a frame", func() { p.Deliver(frame) })
	differs("an injected frame", func() {
		if err := c.engine.Inject("Vethernet1", frame); err != nil {
			t.Fatal(err)
		}
	})
	differs("a clearing", func() { c.engine.ClearCounters("") })
}
