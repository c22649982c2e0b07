package mutate

import "testing"

func TestSource(t *testing.T) {
	const seed = "show interface ethernet 3/1 | include up"
	a, b := New(1, seed, "vlan 10"), New(1, seed, "vlan 10")
	different, same := map[string]bool{}, 0
	for range 10000 {
		text := a.Next()
		if again := b.Next(); again != text {
			t.Fatalf("%q, then %q", text, again)
		}
		if len(text) > maxLen {
			t.Fatalf("%d bytes", len(text))
		}
		if different[text] = true; text == seed {
			same++
		}
	}
	if len(different) < 6000 || same == 0 || same > 2000 {
		t.Errorf("%d different inputs, %d of them the seed", len(different), same)
	}
}
