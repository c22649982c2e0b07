package secret

import "testing"

// Texts of devices.
func TestReveal(t *testing.T) {
	for text, want := range map[string]string{
		"070C285F4D06": "cisco",
		"0822455D0A16": "cisco",
		"045802150C2E": "cisco",
		"13061E010803": "cisco",
		"094F471A1A0A": "cisco",
		"02050D480809": "cisco",
		"060506324F41": "cisco",
	} {
		if got, err := Reveal(text); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "07", "0", "99AA", "070", "07zz", "-1AA", "+1AA"} {
		if got, err := Reveal(text); err == nil {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func FuzzType7(f *testing.F) {
	f.Add("cisco")
	f.Add("07")
	f.Fuzz(func(t *testing.T, s string) {
		Reveal(s) //nolint:errcheck // must not panic
		if len(s) == 0 || len(s) > MaxPassword {
			return
		}
		if back, err := Reveal(Obscure(s)); err != nil || back != s {
			t.Fatalf("%q: %q, %v", s, back, err)
		}
	})
}
