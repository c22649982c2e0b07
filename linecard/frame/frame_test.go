package frame_test

import (
	"bytes"
	"testing"

	"trunkline/linecard/frame"
)

func TestHeader(t *testing.T) {
	b := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x06, 0xaa, 0xbb}
	f := frame.Frame{Buf: append(make([]byte, 5), b[:15]...), Off: 5, Head: 15, Tail: b[15:]}
	if f.Dst() != 0x010203040506 || f.Src() != 0x0708090a0b0c || f.Type() != 0x0806 {
		t.Errorf("dst %x src %x type %x", f.Dst(), f.Src(), f.Type())
	}
	if !frame.Group(f.Dst()) || frame.Group(0x020000000001) || !frame.Group(frame.Broadcast) {
		t.Error("group addresses are told apart wrongly")
	}
	if got := f.Append(nil); !bytes.Equal(got, b) {
		t.Errorf("append %x", got)
	}
	f.Flags, f.TCI = frame.Tagged, 0x600a
	want := append(append(append([]byte(nil), b[:12]...), 0x81, 0, 0x60, 0x0a), b[12:]...)
	if got := f.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("append %x, want %x", got, want)
	}
}

func TestReasonNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range frame.Reasons {
		s := r.String()
		if s == "" || s == "unknown" || seen[s] {
			t.Errorf("reason %d is called %q", r, s)
		}
		seen[s] = true
	}
	if frame.Reasons.String() != "unknown" {
		t.Error("a reason beyond the last has a name")
	}
}

func TestPool(t *testing.T) {
	p, err := frame.NewPool(3, 100)
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := p.Get(), p.Get(), p.Get()
	if len(a) != 100 || len(b) != 100 || len(c) != 100 || p.Get() != nil {
		t.Fatal("three buffers of 100 bytes expected")
	}
	a[99], b[0], b[99], c[0] = 1, 2, 3, 4
	if a[99] != 1 || b[0] != 2 || b[99] != 3 || c[0] != 4 {
		t.Error("buffers overlap")
	}
	p.Put(a)
	p.Put(c)
	if got := p.Get(); &got[0] != &c[0] {
		t.Error("the buffer given back last does not come first")
	}
	if p.Free() != 1 {
		t.Errorf("%d free", p.Free())
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
