package template_test

import (
	"testing"

	"trunkline/config/template"
)

// FuzzTemplate reads templates, and again what they print as.
func FuzzTemplate(f *testing.F) {
	f.Add("show [a|b <c>] {d|e~<f>}")
	f.Add("show [a|b <c>]* [d] *")
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

func TestOptions(t *testing.T) {
	values := map[string]string{"count": "5", "role": "admin"}
	for _, c := range []struct{ text, want string }{
		{"try [count <count>|size <size>|  role <role>]*", "try count 5  role admin"},
		{"try [size <size>]* now", "try now"},
		{"try [count <count>] *", "try count 5 *"},
	} {
		parts, err := template.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got := template.Render(parts, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
	}
	for _, bad := range []string{
		"try [a|]*", "try [a <b>|A <c>]*", "try [<a>|<b>]*", "try [[a]]*", "try [a [b]]*", "try [a|b [c|d]*]*",
		"try [a|b|c|d|e|f|g]* and [i|j|k|l|m|n]*",
	} {
		if parts, err := template.Parse(bad); err == nil {
			t.Errorf("%q reads as %v", bad, parts)
		}
	}
}
