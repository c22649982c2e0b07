package secret

import "testing"

// What network devices write: "cisco", twice.
func TestType7(t *testing.T) {
	for _, text := range []string{"0822455D0A16", "02050D480809"} {
		if got, ok := Reveal(text); !ok || got != "cisco" {
			t.Errorf("%s is %q, %v", text, got, ok)
		}
	}
	for _, bad := range []string{"", "0", "1", "99AA", "16AA", "08224", "08zz", "0822455d0a16"} {
		if _, ok := Reveal(bad); ok {
			t.Errorf("%q is of type 7", bad)
		}
	}
}

func FuzzType7(f *testing.F) {
	f.Add("cisco")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		Reveal(text)
		if got, ok := Reveal(Obscure(text)); !ok || got != text {
			t.Errorf("%q becomes %q, %v", text, got, ok)
		}
	})
}
