package feature_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trunkline/cli/grammar"
	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// world is a chassis with something in every mode, and an operator.
type world struct {
	t     *testing.T
	p     session.Product
	cli   *session.CLI
	exec  *grammar.Table
	clean tree.Tree // the configuration after it was made
}

// emptyWorld is a chassis without configuration.
func emptyWorld(t *testing.T) *world {
	t.Helper()
	p, err := newProduct()
	if err != nil {
		t.Fatal(err)
	}
	cli, err := session.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, p: p, cli: cli}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := emptyWorld(t)
	for name, table := range w.cli.Tables() {
		if name == "exec" {
			w.exec = table
		}
	}
	for _, f := range features {
		if f.Gated {
			w.run("configure terminal", f.Schema.Gate.Line)
		}
	}
	w.run("configure terminal", "vlan 20,30",
		"port-profile type vethernet BASE", "state enabled", "port-profile type ethernet UPBASE", "state enabled",
		"port-profile type vethernet WEB", "port-profile type ethernet UP",
		"interface vethernet 1", "interface ethernet 4/1", "interface mgmt0", "vem 3", "vrf context management", "svs-domain",
		"radius-server host 192.0.2.50", "aaa group server radius LAB", "tacacs-server host 192.0.2.50", "aaa group server tacacs+ TAC",
		"role name ops", "vlan policy deny", "interface policy deny", "scheduler job name backup", "end-job", "scheduler schedule name night",
		"interface nve1", "member vni 5001", "ingress-replication protocol static")
	w.clean = w.p.Store.Running().Tree
	return w
}

// type1 types lines into a new session and returns what the last one printed.
func (w *world) type1(lines ...string) (out string, failed bool) {
	s := w.cli.Session(session.Options{Who: feature.Session{User: "admin", From: "console0", Role: feature.NetworkAdmin}})
	var b bytes.Buffer
	for i, l := range lines {
		b.Reset()
		failed = s.Run(context.Background(), l, console{&b}).Failed
		if failed && i < len(lines)-1 {
			w.t.Fatalf("%q: %s", l, &b)
		}
	}
	return b.String(), failed
}

func (w *world) run(lines ...string) {
	w.t.Helper()
	if out, failed := w.type1(lines...); failed {
		w.t.Fatalf("%q: %s", lines, out)
	}
}

func (w *world) differs() string {
	for c := range tree.Diff(w.clean, w.p.Store.Running().Tree) {
		return c.Path.String()
	}
	return ""
}

// restored is the chassis as it was made.
func (w *world) restored() *world {
	w.t.Helper()
	if w.differs() == "" {
		return w
	}
	c := w.p.Store.Begin()
	if err := c.Apply(config.Edit{Op: config.Replace, Value: w.clean}); err == nil {
		_, _ = w.p.Store.Commit(w.t.Context(), c, config.Meta{})
	}
	if w.differs() != "" {
		return newWorld(w.t)
	}
	return w
}

// messages are the forms of a refusal: the caret and one of the texts of cli.md
// §4.1, or a sentence for each rule that the line breaks.
var messages = regexp.MustCompile(`^( *\^\n% (Invalid command|Ambiguous command|Incomplete command|` +
	`Invalid number, range is \(\d+:\d+\)|Invalid value/range|Invalid ip(v6)? address|Invalid mac address|` +
	`Invalid interface format|Invalid regular expression|String exceeded max length of \(\d+\)) at '\^' marker\.|ERROR: [^\n]+(\nERROR: [^\n]+)*)\n$`)

// wrongLines are lines that are near to a command and none, by what is wrong.
func wrongLines(words []word) map[string][]string {
	all := map[string][]string{}
	with := func(kind string, i int, text string) {
		w := slices.Clone(words)
		w[i].text = text
		all[kind] = append(all[kind], line(w))
	}
	for i, w := range words {
		if w.typ == nil {
			with("word", i, w.text[:len(w.text)-1]+"~")
			with("word", i, "zzq")
			continue
		}
		for _, v := range wrongValues(w.typ) {
			with("value", i, v)
		}
	}
	for i := 1; i < len(words); i++ {
		all["incomplete"] = append(all["incomplete"], line(words[:i]))
	}
	if last := words[len(words)-1].typ; last == nil || !last.How().Rest {
		all["more"] = append(all["more"], line(words)+" zzq", line(words)+" \x7f", line(words)+" | zzq", line(words)+" |")
	}
	all["long"] = append(all["long"], line(words)+strings.Repeat(" ", grammar.MaxLine)+"x")
	return all
}

// TestWrongLines types wrong lines of every command: each is refused in the
// words of cli.md §4, and changes nothing.
func TestWrongLines(t *testing.T) {
	alone(t)
	w := newWorld(t)
	commands := everyCommand(t, w.p.Schema, w.cli)
	typed := 0
	for _, c := range commands {
		wrong := map[string]string{} // by line, what is wrong
		for _, words := range c.lines() {
			for kind, lines := range wrongLines(words) {
				for _, l := range lines {
					wrong[l] = kind
				}
			}
		}
		if c.config != nil {
			for _, words := range c.lines()[:1] {
				wrong["\x00"+line(words)] = "mode"
			}
		}
		refused := map[string]int{}
		for _, l := range slices.Sorted(maps.Keys(wrong)) {
			lines := append(slices.Clone(c.enter), l)
			if exec, ok := strings.CutPrefix(l, "\x00"); ok {
				lines, l = []string{exec}, exec
			}
			if _, err := w.exec.Match(l, grammar.Typed); err == nil {
				continue // it is another command
			}
			out, failed := w.type1(lines...)
			typed++
			if !failed {
				if c.config == nil && w.exec != nil && !strings.Contains(l, "|") {
					t.Errorf("%v: %q is accepted: %s", c, l, out)
				}
				w = w.restored() // it is another configuration line
				continue
			}
			refused[wrong[l]]++
			if !messages.MatchString(out) {
				t.Errorf("%v: %q: %q", c, lines, out)
			}
			if d := w.differs(); d != "" {
				t.Fatalf("%v: %q was refused and changed %s", c, lines, d)
			}
		}
		n := 0
		for _, k := range refused {
			n += k
		}
		least := 5
		if strings.HasPrefix(c.template, "<") {
			least = 3 // lines of text have no keywords to be wrong
		}
		if n < least {
			t.Errorf("%v: only %d wrong lines: %v", c, n, refused)
		}
	}
	t.Logf("%d lines at %d commands", typed, len(commands))
}

// TestRanges types a number above and below the range of each argument of every
// configuration line: the answer is the range.
func TestRanges(t *testing.T) {
	alone(t)
	w := newWorld(t)
	whole := regexp.MustCompile(`^<(\d+)-(\d+)>$`)
	typed := map[string]bool{}
	for _, c := range everyCommand(t, w.p.Schema, w.cli) {
		if c.config == nil {
			continue
		}
		for _, words := range c.lines() {
			for i, word := range words {
				if word.typ == nil {
					continue
				}
				m := whole.FindStringSubmatch(word.typ.How().Notation)
				if m == nil {
					continue
				}
				lo, _ := strconv.ParseUint(m[1], 10, 63)
				hi, _ := strconv.ParseUint(m[2], 10, 63)
				for _, n := range []uint64{hi + 1, lo - 1} {
					if n > hi+1 {
						continue // there is nothing below 0
					}
					wrong := slices.Clone(words)
					wrong[i].text = strconv.FormatUint(n, 10)
					l := strings.Join(append(slices.Clone(c.enter), line(wrong)), " ; ")
					if typed[l] {
						continue
					}
					typed[l] = true
					want := fmt.Sprintf("%% Invalid number, range is (%d:%d) at '^' marker.\n", lo, hi)
					if word.typ.TypeName() == schema.VLANList.Name {
						want = "% Invalid value/range at '^' marker.\n"
					}
					if out, failed := w.type1(append(slices.Clone(c.enter), line(wrong))...); !failed || !strings.HasSuffix(out, want) {
						t.Errorf("%s: %q, want %q", l, out, want)
					}
				}
			}
		}
	}
	if d := w.differs(); d != "" || len(typed) < 60 {
		t.Errorf("%d lines with numbers out of range changed %s", len(typed), d)
	}
}

// TestLineThenNo types every configuration line and its no form: the
// configuration is as before. A switch that is on goes off and on.
// What changes part of a value has no no form; that of the value takes it back.
func TestLineThenNo(t *testing.T) {
	alone(t)
	w := newWorld(t)
	for _, c := range everyCommand(t, w.p.Schema, w.cli) {
		if c.config == nil {
			continue
		}
		done := false
		for _, words := range c.lines() {
			if c.config.Block != nil {
				words = other(words)
			}
			l := line(words)
			first, second := l, "no "+l
			if c.config.Switch() && w.p.Schema.Value(w.p.Store.Running().Tree, c.config.Target(places[c.place], nil)) == true {
				first, second = second, first
			}
			if now := w.p.Store.Running().Tree; c.config.Switch() && len(w.p.Schema.Closing(now, now.Delete(c.config.Target(places[c.place], nil)))) > 0 {
				done = true
				continue // it has settings here, which its no form takes along
			}
			if part.MatchString(l) {
				if out, failed := w.type1(append(slices.Clone(c.enter), second)...); !failed {
					t.Errorf("%v: %s is accepted: %s", c, second, out)
				}
				second = "no " + part.FindStringSubmatch(l)[1]
			}
			lines := append(slices.Clone(c.enter), first)
			before := printed(w.p.Schema, w.p.Store.Running().Tree)
			if out, failed := w.type1(lines...); failed {
				if !messages.MatchString(out) {
					t.Errorf("%v: %q: %q", c, l, out)
				}
				continue
			}
			if c.config.Block != nil && printed(w.p.Schema, w.p.Store.Running().Tree) == before {
				done = true // an entry of which there is one only, and it is there
				continue
			}
			lines[len(lines)-1] = second
			out, failed := w.type1(lines...)
			if failed {
				t.Errorf("%v: %s: %s", c, second, out)
			} else if after := printed(w.p.Schema, w.p.Store.Running().Tree); after != before {
				t.Errorf("%v: %s and its no form change %s:\n%s", c, l, w.differs(), after)
			}
			done = true
			w = w.restored()
		}
		if !done {
			t.Errorf("%v: no line of it is accepted", c)
		}
	}
}

// part are lines that change part of a value.
var part = regexp.MustCompile(`^(.*) (add|remove|except) [\d,-]+$`)

var (
	nve1    = tree.Path{{Name: "nves"}, {Name: "nve", Key: "1"}}
	vni5001 = append(nve1[:2:2], tree.Elem{Name: "vni", Key: "5001"})
)

// places are the entries that the ways lead to.
var places = map[string]tree.Path{
	"config": nil, "svs-domain": nil, "line console": nil, "line vty": nil,
	"aaa group server radius LAB":           tree.Path{{Name: "aaa"}, {Name: "radius-group", Key: "LAB"}},
	"aaa group server tacacs+ TAC":          tree.Path{{Name: "aaa"}, {Name: "tacacs-group", Key: "TAC"}},
	"role name ops":                         tree.Path{{Name: "roles"}, {Name: "role", Key: "ops"}},
	"role name ops ; vlan policy deny":      tree.Path{{Name: "roles"}, {Name: "role", Key: "ops"}, {Name: "vlan-policy", Key: "deny"}},
	"role name ops ; interface policy deny": tree.Path{{Name: "roles"}, {Name: "role", Key: "ops"}, {Name: "interface-policy", Key: "deny"}},
	"scheduler job name backup":             tree.Path{{Name: "scheduler"}, {Name: "job", Key: "backup"}},
	"scheduler schedule name night":         tree.Path{{Name: "scheduler"}, {Name: "schedule", Key: "night"}},
	"vrf context management":                tree.Path{{Name: "vrfs"}, {Name: "vrf", Key: "management"}},
	"interface ethernet 4/1":                feature.InterfacePath("Ethernet4/1"), "interface vethernet 1": feature.InterfacePath("Vethernet1"),
	"port-profile type ethernet UP":   tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: "UP"}},
	"port-profile type vethernet WEB": tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: "WEB"}},
	"vlan 20":                         tree.Path{{Name: "vlans"}, {Name: "vlan", Key: "20"}},
	"vem 3":                           tree.Path{{Name: "vems"}, {Name: "vem", Key: "3"}},
	"interface nve1":                  nve1, "interface nve1 ; member vni 5001": vni5001,
	"interface nve1 ; member vni 5001 ; ingress-replication protocol static": append(vni5001[:3:3], tree.Elem{Name: "ingress-replication", Key: "static"}),
}

// other names an entry that does not exist instead of one that does.
func other(words []word) []word {
	words = slices.Clone(words)
	for i, w := range words {
		if w.typ == nil {
			continue
		}
		if text, ok := others[w.typ.TypeName()]; ok {
			words[i].text = text
		}
	}
	return words
}

func printed(s *schema.Schema, t tree.Tree) string {
	var b strings.Builder
	for depth, text := range s.Print(t, schema.PrintOptions{}) {
		b.WriteString(strings.Repeat("  ", depth) + text + "\n")
	}
	return b.String()
}
