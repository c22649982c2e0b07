package ether

import "testing"

func TestParseMAC(t *testing.T) {
	want := MAC{0x52, 0x54, 0x00, 0xa1, 0x0b, 0x0c}
	for _, in := range []string{"5254.00a1.0b0c", "52:54:00:A1:0b:0c", "52-54-00-a1-0b-0c"} {
		if got, err := ParseMAC(in); err != nil || got != want {
			t.Errorf("ParseMAC(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "5254.00a1.0b0", "5254:00a1:0b0c", "52:54:00-a1-0b-0c", "zz54.00a1.0b0c", "525400a10b0c"} {
		if got, err := ParseMAC(in); err == nil {
			t.Errorf("ParseMAC(%q) = %v, want an error", in, got)
		}
	}
	if got := MACFromUint64(want.Uint64()); got != want {
		t.Errorf("Uint64 round trip: got %v, want %v", got, want)
	}
}

func TestParseVLANSet(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"none", "none"}, {"", "none"}, {"all", "1-4094"}, {"1", "1"},
		{"20-25,1,10", "1,10,20-25"}, {"4094,4093", "4093-4094"}, {"1-4094", "1-4094"},
		{"63-64,65", "63-65"},
	} {
		s, err := ParseVLANSet(c.in)
		if err != nil || s.String() != c.want {
			t.Errorf("ParseVLANSet(%q) = %v, %v; want %q", c.in, s, err, c.want)
		}
	}
	for _, in := range []string{"0", "4095", "5-1", "1,", ",1", "1--2", "x", "-", "1 2", "+1"} {
		if s, err := ParseVLANSet(in); err == nil {
			t.Errorf("ParseVLANSet(%q) = %v, want an error", in, s)
		}
	}
}

func TestVLANSetAlgebra(t *testing.T) {
	a, b := VLANs(1, 10, 4094), VLANs(10, 20)
	if got := a.Union(b); got != VLANs(1, 10, 20, 4094) || got.Len() != 4 {
		t.Errorf("union = %v", got)
	}
	if got := a.Minus(b); got != VLANs(1, 4094) {
		t.Errorf("minus = %v", got)
	}
	if got := a.Intersect(b); got != VLANs(10) {
		t.Errorf("intersect = %v", got)
	}
	var got []VLANID
	for v := range a.All() {
		got = append(got, v)
	}
	if len(got) != 3 || got[0] != 1 || got[2] != 4094 {
		t.Errorf("all = %v", got)
	}
	all := AllVLANs()
	if all.Has(0) || all.Has(4095) || all.Len() != 4094 || !a.Without(1).Without(10).Without(4094).Empty() {
		t.Error("bounds of the set are wrong")
	}
}

func FuzzParseVLANSet(f *testing.F) {
	for _, s := range []string{"1,10,20-25", "all", "4094", "none", "1-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseVLANSet(in)
		if err != nil {
			return
		}
		if back, err := ParseVLANSet(s.String()); err != nil || back != s {
			t.Fatalf("%q: %v does not parse back: %v %v", in, s, back, err)
		}
	})
}

func FuzzParseMAC(f *testing.F) {
	f.Add("5254.00a1.0b0c")
	f.Fuzz(func(t *testing.T, in string) {
		m, err := ParseMAC(in)
		if err != nil {
			return
		}
		if back, err := ParseMAC(m.String()); err != nil || back != m {
			t.Fatalf("%q: %v does not parse back", in, m)
		}
	})
}
