package schema

import "testing"

// TestControlCharacters has no text hold what a terminal would obey.
func TestControlCharacters(t *testing.T) {
	for _, s := range []string{"a\x1b[2J", "a\u009b2J", "a\u0085b", "a\x7fb", "a\nb"} {
		for _, typ := range []Type[string]{Line("text", "Text", 80), Word("word", "Word", 80)} {
			if v, err := typ.Parse(s); err == nil {
				t.Errorf("%s takes %q", typ.Name, v)
			}
		}
	}
}
