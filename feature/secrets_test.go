package feature_test

import (
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/config/schema"
)

// A password in clear text in a file becomes a secret, and what is told of a
// line that is refused does not have it.
func TestClearPasswordsInFiles(t *testing.T) {
	p, err := newProduct()
	if err != nil {
		t.Fatal(err)
	}
	read, bad, err := session.ParseConfig(p.Schema, "username bob password 0 Trunk-line9 role network-admin\nusername eve password weakly  role network-operator\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(bad) != 1 || bad[0].Line != 2 || !strings.Contains(bad[0].Error(), "'username eve password ******** role network-operator': ERROR: The password is weak") {
		t.Errorf("refused: %v", bad)
	}
	text := printed(p.Schema, read)
	if !strings.Contains(text, "username bob password 5 $5$") || strings.Contains(text, "Trunk-line9") {
		t.Errorf("read:\n%s", text)
	}
	all, err := p.Schema.EncodeJSON(read)
	if err != nil || strings.Contains(string(all), "Trunk-line9") {
		t.Errorf("stored: %s, %v", all, err)
	}
	// The text of a configuration is read as it was printed.
	again, bad, err := session.ParseConfig(p.Schema, text)
	if err != nil || len(bad) > 0 || !again.Equal(read) {
		t.Errorf("read again: %v, %v\n%s", bad, err, printed(p.Schema, again))
	}
	for depth, line := range p.Schema.Print(read, schema.PrintOptions{All: true}) {
		if strings.Contains(line, "Trunk-line9") {
			t.Errorf("%d: %s", depth, line)
		}
	}
}
