package remote

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"trunkline/feature"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"a\tb\n":                     "a\tb\n",
		"é 漢 \u00a0":                 "é 漢 \u00a0",
		"\x1b[2J\x1bc\a\b\x7f\x00x":  "?[2J?c????x",
		"dos\r\n":                    "dos \n",
		"\u009b31m \u0085 \u009d0;x": "??31m ?? ??0;x",
	} {
		whole := cleaned(in)
		var pieces bytes.Buffer
		var c cleaner
		for i := range len(in) {
			pieces.Write(c.clean([]byte(in[i : i+1])))
		}
		if string(whole) != want || strings.ContainsFunc(pieces.String(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			t.Errorf("%q: got %q and %q, want %q", in, whole, pieces.String(), want)
		}
	}
}

// TestTerminalOfOthers has somebody who may do little try to reach the terminal of
// whoever reads the accounting log.
func TestTerminalOfOthers(t *testing.T) {
	s := server(t)
	client, _, wait, err := s.Local(t.Context(), feature.Session{User: "mallory", Role: feature.NetworkOperator}, Hello{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if d, err := client.Run("checkpoint \u009b2Jx", Plain{&out}); err != nil || !d.Failed {
		t.Fatalf("%+v, %v", d, err)
	}
	const sequence = "\x1bc"
	if d, err := client.Run("configure session "+sequence, Plain{&out}); err != nil || !d.Failed {
		t.Fatalf("%+v, %v", d, err)
	}
	if d, err := client.Run("show version | include "+sequence+" | last 1 > volatile:x", Plain{&out}); err != nil || !d.Failed {
		t.Fatalf("%+v, %v", d, err)
	}
	if d, err := client.Run("show accounting log", Plain{&out}); err != nil || d.Failed {
		t.Fatalf("%+v, %v", d, err)
	}
	if strings.ContainsFunc(out.String(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
		t.Errorf("got %q", out.String())
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := wait(); err != nil {
		t.Error(err)
	}
}
