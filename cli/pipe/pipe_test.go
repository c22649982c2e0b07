package pipe

import (
	"errors"
	"io"
	"strings"
	"testing"
	"trunkline/cli/grammar"
	"trunkline/cli/render"
	"trunkline/internal/mutate"
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
		{"grep -i VLAN", "vlan 10\n"},
		{"grep ignore-case word-exp -n INTERFACE", "1:interface Ethernet3/1\n4:interface Vethernet1\n"},
		{"grep -v e", "  mtu 9000\n  shutdown\n\nvlan 10\n"},
		{"egrep count ^i", "2\n"},
		{"egrep -c -v ^i", "6\n"},
		{"grep line-exp vlan.10", "vlan 10\n"},
		{"grep -x vlan", ""},
		{"grep word-exp mt", ""},
		{"grep word-exp mtu", "  mtu 9000\n"},
		{"grep prev 1 shut", "interface Vethernet1\n  shutdown\n"},
		{"grep -A 1 -B 1 -n mtu", "1-interface Ethernet3/1\n2:  mtu 9000\n3-  description up\n"},
		{"grep next 1 ^int", "interface Ethernet3/1\n  mtu 9000\n--\ninterface Vethernet1\n  shutdown\n"},
		{"grep -A 2 -B 2 mtu|shut | count", "7\n"},
		{`grep "count"`, ""},
		{"grep in", "interface Ethernet3/1\ninterface Vethernet1\n"},
		{"grep n", "interface Ethernet3/1\n  description up\ninterface Vethernet1\n  shutdown\nvlan 10\n"},
		{"sort", "\n    deeper\n  description up\n  mtu 9000\n  shutdown\ninterface Ethernet3/1\ninterface Vethernet1\nvlan 10\n"},
		{"sort -r | head 1", "vlan 10\n"},
		{"exclude ^$ | tr -d 0-9 | cut -d e -f 1 | sort -u", "    d\n  d\n  mtu \n  shutdown\nint\nvlan \n"},
		{"include mtu|vlan | cut -d \" \" -f 2-4 | sort -n -r", "10\n mtu 9000\n"},
		{"cut -d / -f 2 | include ^1$", "1\n"},
		{"tr a-z A-Z | include VLAN", "VLAN 10\n"},
		{"tr -s e | include deper", "    deper\n"},
		{"tr -d \" \" | head 2", "interfaceEthernet3/1\nmtu9000\n"},
		{"include ^i | cut -d E -f 1 | cut -d V -f 1 | uniq", "interface \n"},
		{"wc", "      8      12     102\n"},
		{"wc lines", "8\n"},
		{"wc words", "12\n"},
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
		{[]string{"grep -A x"}, 0, "Invalid command"},
		{[]string{"grep -A 1000 x"}, 0, "Invalid number, range is (1:999)"},
		{[]string{"cut -d ab -f 1"}, 0, grammar.Invalid},
		{[]string{"cut -d a -f 0"}, 0, "Invalid value/range"},
		{[]string{"cut -d a -f 5-2000"}, 0, "Invalid value/range"},
		{[]string{"tr z-a x"}, 0, grammar.Invalid},
		{[]string{"sort", "xml"}, 1, grammar.Invalid},
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

// TestHeld: a filter that must see all lines fails when they are too many, and
// says so instead of printing some.
func TestHeld(t *testing.T) {
	for _, line := range []string{"sort", "diff", "last 65535", "grep -B 999 zzz"} {
		name, _, _ := strings.Cut(line, " ")
		chain, _, gerr := Parse(NewTable(), []string{line})
		if gerr != nil {
			t.Fatal(gerr)
		}
		chain.Compare = func(string, []string) []string {
			t.Error("compared")
			return nil
		}
		var b strings.Builder
		w := chain.Writer(&b)
		want := "ERROR: Output exceeds 4194304 bytes; " + name + " cannot hold it."
		var err error
		for range MaxHeld / 100 {
			length := 99
			if name == "grep" { // which holds no more than a thousand
				length = 9999
			}
			if _, err = io.WriteString(w, strings.Repeat("x", length)+"\n"); err != nil {
				break
			}
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.Close(); err == nil || err.Error() != want || b.Len() > 0 {
			t.Errorf("%s: close: %v, %d bytes", name, err, b.Len())
		}
	}
}

// seeds are chains of filters.
var seeds = []string{
	"grep -i -A 2 x | sort -n", "tr a-z b | uniq", "cut -d : -f 1,3-5 | wc", "egrep -v -c (a|b)*", "section ^a | last 3", "include a|b | exclude ^$ | head lines 3",
	"grep line-exp a+ | begin x | end y", "sed s/a/b/g | count", "grep word-exp [[:alpha:]]+ next 2 prev 2 line-number", "include (a*)*b{2,30}", "no-more | human",
}

// chains parses a chain, and has the text go through it if it is one.
func chains(tb testing.TB) func(t *testing.T, line, text string) {
	table := NewTable()
	return func(t *testing.T, line, text string) {
		if len(text) > 2000 {
			return
		}
		parts, _ := grammar.Chain(line, '|')
		chain, _, bad := Parse(table, parts)
		if bad != nil {
			return
		}
		chain.Compare = func(_ string, lines []string) []string { return lines }
		var b strings.Builder
		w := chain.Writer(&b)
		if _, err := io.WriteString(w, text); err != nil && !errors.Is(err, ErrDone) {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if b.Len() > 64*(len(text)+len(line)+64) {
			t.Fatalf("%d bytes make %d", len(text), b.Len())
		}
	}
}

// FuzzFilters: a chain that parses takes any text.
func FuzzFilters(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, input)
	}
	f.Fuzz(chains(f))
}

// expressions has the filters with a regular expression take one, in turn. It is bounded:
// the longest there may be is refused or compiled, and matches in linear time.
func expressions(tb testing.TB) func(t *testing.T, text string) {
	try := chains(tb)
	filters := []string{"include ", "section ", "grep -i ", "grep line-exp ", "egrep word-exp "}
	return func(t *testing.T, text string) { try(t, filters[len(text)%len(filters)]+text, input) }
}

var expressionSeeds = []string{
	"^a", "(a|b)*c", "[[:digit:]]+", "a{2,5}", "x{1000}", "(a*)*$", "[^]a-]", "\\.", "\"a b\"", "(((((a{10}){10}){10}){10}){10})",
}

// deep are the largest expressions that a line has room for.
var deep = []string{
	strings.Repeat("(", 990) + "a" + strings.Repeat(")", 990), strings.Repeat("(a|", 500) + "b" + strings.Repeat(")", 500), strings.Repeat("a?", 900),
	strings.Repeat("(", 997) + "a" + strings.Repeat(")", 997), strings.Repeat("(", 998) + "a" + strings.Repeat(")", 998), strings.Repeat("x{1000}", 3) + "x{300}",
}

func FuzzExpression(f *testing.F) {
	for _, s := range append(expressionSeeds, deep...) {
		f.Add(s)
	}
	f.Fuzz(expressions(f))
}

// TestShare is the share of fuzzing of every run.
func TestShare(t *testing.T) {
	t.Run("filters", func(t *testing.T) {
		try := chains(t)
		mutate.Try(t, func(t *testing.T, line string) { try(t, line, input) }, seeds...)
	})
	t.Run("expressions", func(t *testing.T) {
		try := expressions(t)
		for _, text := range deep {
			for range 5 {
				try(t, text)
				text = "(" + text + ")"
			}
		}
		mutate.Try(t, try, expressionSeeds...)
	})
}
