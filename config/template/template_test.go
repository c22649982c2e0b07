package template_test

import (
	"testing"

	"trunkline/config/template"
)

// FuzzTemplate reads templates, and again what they print as.
func FuzzTemplate(f *testing.F) {
	f.Add("show [a|b <c>] {d|e~<f>}")
	f.Fuzz(func(t *testing.T, s string) {
		parts, err := template.Parse(s)
		if err != nil {
			return
		}
		again, err := template.Parse(template.Format(parts))
		if err != nil || template.Format(again) != template.Format(parts) {
			t.Fatalf("%q → %q → %v %v", s, template.Format(parts), again, err)
		}
	})
}
