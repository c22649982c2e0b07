package pipe

import (
	"errors"
	"strings"
	"testing"

	"trunkline/cli/grammar"
	"trunkline/cli/render"
)

const input = `interface Ethernet3/1
  mtu 9000
  description up
interface Vethernet1
  shutdown
    deeper

vlan 10
`

func TestFilters(t *testing.T) {
	table := NewTable()
	for _, c := range []struct{ pipe, want string }{
		{"include ^interface", "interface Ethernet3/1\ninterface Vethernet1\n"},
		{`inc "a 1|n 1"`, "vlan 10\n"},
		{"exclude interface|^[ ]", "\nvlan 10\n"},
		{"begin Veth", "interface Vethernet1\n  shutdown\n    deeper\n\nvlan 10\n"},
		{"end mtu", "interface Ethernet3/1\n  mtu 9000\n"},
		{"section ^interface.V", "interface Vethernet1\n  shutdown\n    deeper\n"},
		{"section shut", "  shutdown\n    deeper\n"},
		{"count", "8\n"},
		{"count ^ +", "4\n"},
		{"head lines 1", "interface Ethernet3/1\n"},
		{"head 2", "interface Ethernet3/1\n  mtu 9000\n"},
		{"last 1", "vlan 10\n"},
		{"last 3", "    deeper\n\nvlan 10\n"},
		{"last", input},
		{"no-more", input},
		{"include e | exclude mtu | section ^int | last 2 | count", "2\n"},
		{"head 5 | last 1 | count", "1\n"},
	} {
		parts, _ := grammar.Chain(c.pipe, '|')
		if c.pipe == `inc "a 1|n 1"` {
			parts = []string{c.pipe}
		}
		chain, _, gerr := Parse(table, parts)
		if gerr != nil {
			t.Errorf("%s: %v", c.pipe, gerr)
			continue
		}
		var b strings.Builder
		w := chain.Writer(&b)
		for i := 0; i < len(input); i += 7 { // pieces that do not end at lines
			if _, err := w.Write([]byte(input[i:min(i+7, len(input))])); errors.Is(err, ErrDone) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.pipe, b.String(), c.want)
		}
	}
}

func TestParse(t *testing.T) {
	table := NewTable()
	for _, c := range []struct {
		parts []string
		index int
		want  string // of the error
	}{
		{[]string{" incl x "}, 0, ""},
		{[]string{"json"}, 0, ""},
		{[]string{"json native "}, 0, ""},
		{[]string{"json-pretty", "include x", "no-more"}, 0, ""},
		{[]string{""}, 0, grammar.Incomplete},
		{[]string{"e x"}, 0, grammar.Ambiguous},
		{[]string{"foo"}, 0, grammar.Invalid},
		{[]string{"include"}, 0, grammar.Incomplete},
		{[]string{"include x", "include ["}, 1, "Invalid regular expression"},
		{[]string{"include x", "json"}, 1, grammar.Invalid},
		{[]string{"head 0"}, 0, "Invalid number, range is (1:65535)"},
	} {
		chain, i, err := Parse(table, c.parts)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.parts, err)
		case c.want != "" && (err == nil || err.Text != c.want || i != c.index):
			t.Errorf("%q: got %v at %d, want %s at %d", c.parts, err, i, c.want, c.index)
		case c.want == "" && chain == nil:
			t.Errorf("%q: no chain", c.parts)
		}
	}
	if chain, _, _ := Parse(table, []string{"json native"}); chain.Format != render.Native {
		t.Errorf("format %d", chain.Format)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	chain, _, _ := Parse(NewTable(), []string{"count"})
	var b strings.Builder
	w := chain.Writer(&b)
	if _, err := w.Write([]byte(strings.Repeat("x", 3*maxLine))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b.String() != "3\n" {
		t.Errorf("got %q", b.String())
	}
}
