package feature_test

import (
	"cmp"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/feature"
)

// command is one line of the product with where it is valid.
type command struct {
	template string
	types    map[string]schema.AnyType
	enter    []string // lines that lead from exec mode to where it is valid
	place    string
	kind     string            // of the place's entry
	config   *schema.Statement // nil for exec and show commands
}

func (c command) String() string { return c.place + ": " + c.template }

// ways lead to the configuration modes, one line or several; entries have kinds where lines do.
var ways = map[string]map[string]string{
	"": {"": ""},
	"interfaces/interface": {
		feature.Ethernet: "interface ethernet 4/1", feature.Vethernet: "interface vethernet 1", feature.Management: "interface mgmt0",
	},
	"port-profiles/port-profile": {
		feature.Ethernet: "port-profile type ethernet UP", feature.Vethernet: "port-profile type vethernet WEB",
	},
	"vlans/vlan":                       {"": "vlan 20"},
	"roles/role":                       {"": "role name ops"},
	"roles/role/vlan-policy":           {"": "role name ops ; vlan policy deny"},
	"roles/role/interface-policy":      {"": "role name ops ; interface policy deny"},
	"aaa/radius-group":                 {"": "aaa group server radius LAB"},
	"aaa/tacacs-group":                 {"": "aaa group server tacacs+ TAC"},
	"scheduler/job":                    {"": "scheduler job name backup"},
	"scheduler/schedule":               {"": "scheduler schedule name night"},
	"vems/vem":                         {"": "vem 3"},
	"svs-domain":                       {"": "svs-domain"},
	"vrfs/vrf":                         {"": "vrf context management"},
	"line/console":                     {"": "line console"},
	"line/vty":                         {"": "line vty"},
	"nves/nve":                         {"": "interface nve1"},
	"nves/nve/vni":                     {"": "interface nve1 ; member vni 5001"},
	"nves/nve/vni/ingress-replication": {"": "interface nve1 ; member vni 5001 ; ingress-replication protocol static"},
}

// builtins are the commands of the session itself.
var (
	builtins = []string{
		"configure [terminal]", "copy running-config startup-config", "enable", "end", "exit", "where",
		"no terminal dont-ask", "reload", "reload module <module>", "show cli history [<number>] [unformatted]",
		"show cli list [<mode>]", "show cli syntax [<mode>]", "show cli variables", "cli var name <variable> <value>",
		"terminal redirection-mode {ascii|zipped}", "terminal log-all", "terminal no log-all", "no terminal log-all", "show terminal", "terminal dont-ask", "terminal length <length>", "terminal no dont-ask",
		"terminal session-timeout <timeout>", "terminal width <width>", "write [memory]", "write erase",
		"show running-config", "show running-config all", "show running-config diff [unified]",
		"show running-config interface <interface>", "show startup-config", "show role feature",
	}
	builtinTypes = map[string]schema.AnyType{
		"module": schema.Uint("module", "Module number", 1, 258), "number": schema.Uint("number", "", 1, 500),
		"length": schema.Uint("length", "", 0, 511), "width": schema.Uint("width", "", 24, 511),
		"timeout": schema.Uint("timeout", "", 0, 525600), "interface": feature.Interface,
		"mode":     schema.Enum("mode", schema.Keyword{Text: "exec"}, schema.Keyword{Text: "config-if"}),
		"variable": schema.Word("variable", "", 31), "value": schema.Line("value", "", 255),
	}
)

// everyCommand lists all lines of the product: those of the schema in each mode
// and for each kind of entry, and all exec and show commands. It fails the test
// when the product has a command or a mode that is not known here.
func everyCommand(t *testing.T, s *schema.Schema, cli *session.CLI) []command {
	t.Helper()
	var all []command
	known := map[string]bool{}
	exec := func(line string, types map[string]schema.AnyType) {
		c := command{template: line, types: map[string]schema.AnyType{"interface": feature.Interface}, place: "exec"}
		for k, v := range types {
			c.types[k] = v
		}
		known[line] = true
		all = append(all, c)
	}
	for _, f := range features {
		for _, c := range f.Show {
			exec(c.Line, c.Types)
		}
		for _, c := range f.Exec {
			exec(c.Line, c.Types)
		}
	}
	for _, b := range builtins {
		exec(b, builtinTypes)
	}
	for _, b := range lifecycle {
		exec(b, lifecycleTypes)
	}
	for name, table := range cli.Tables() {
		for _, line := range table.Templates() {
			// The lines of show running-config for one feature each are in
			// the shape of those above; a variable must be there to be removed.
			if name == "exec" && !known[line] && !strings.HasSuffix(line, "no var name <variable>") && !strings.HasSuffix(line, "no cli var name <variable>") && !strings.HasPrefix(line, "show running-config ") {
				t.Errorf("command %q is not tested", line)
			}
		}
	}
	for _, l := range s.Lines() {
		if ways[l.Mode] == nil {
			t.Errorf("no way to the mode of %q, %s", l.Template, l.Mode)
		}
		for kind, way := range ways[l.Mode] {
			if l.Kinds != nil && !slices.Contains(l.Kinds, kind) {
				continue
			}
			c := command{template: l.Template, types: l.Types, enter: []string{"configure terminal"}, place: "config", kind: kind, config: &l}
			if way != "" {
				c.enter, c.place = append(c.enter, strings.Split(way, " ; ")...), way
			}
			all = append(all, c)
		}
	}
	return all
}

// word is one word of a line, with the type it has a value of.
type word struct {
	text string
	typ  schema.AnyType
	of   string // placeholder that it is the first word of, with its brackets
	glue bool   // the next word follows without a blank
}

func line(words []word) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 && !words[i-1].glue {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

var pieces = regexp.MustCompile(`<[^>]+>|[][{}|~]|[^][{}|~<> ]+`)

// lines returns the command with one value for each type. A value that may be given
// many times is given twice at most.
func (c command) lines() [][]word {
	all := slices.DeleteFunc(expand(c.template, c.types), func(words []word) bool {
		n := map[string]int{} // by type
		for _, w := range words {
			if w.typ == nil {
				continue
			}
			if n[w.typ.TypeName()]++; n[w.typ.TypeName()] > 2 {
				return true
			}
		}
		return false
	})
	for _, words := range all {
		for i, w := range words {
			if w.typ != nil && w.typ.TypeName() == "port-profile-name" && c.kind == feature.Ethernet {
				words[i].text = "UP" + w.text
			}
		}
	}
	return all
}

// expand returns the lines of a template, with one value for each type.
func expand(template string, types map[string]schema.AnyType) [][]word {
	all, _ := alternatives(pieces.FindAllString(template, -1), types)
	return all
}

// alternatives reads up to the closing bracket.
func alternatives(in []string, types map[string]schema.AnyType) (all [][]word, rest []string) {
	now := [][]word{nil}
	times := func(next [][]word) {
		var product [][]word
		for _, a := range now {
			for _, n := range next {
				product = append(product, slices.Concat(a, n))
			}
		}
		now = product
	}
	for len(in) > 0 {
		p := in[0]
		in = in[1:]
		switch {
		case p == "[" || p == "{":
			var inner [][]word
			inner, in = alternatives(in, types)
			if p == "[" && len(in) > 0 && in[0] == "*" {
				inner, in = anyOrder(inner), in[1:]
			}
			if p == "[" {
				inner = append(inner, nil)
			}
			times(inner)
		case p == "]" || p == "}":
			return append(all, now...), in
		case p == "|":
			all, now = append(all, now...), [][]word{nil}
		case p == "~":
			for _, n := range now {
				n[len(n)-1].glue = true
			}
		case p[0] == '<':
			next := values(types[strings.Trim(p, "<>")])
			for _, v := range next {
				v[0].of = p
			}
			times(next)
		default:
			times([][]word{{{text: p}}})
		}
	}
	return append(all, now...), nil
}

// anyOrder are options one by one, and all of them in both directions.
func anyOrder(options [][]word) [][]word {
	backward := slices.Clone(options)
	slices.Reverse(backward)
	return append(slices.Clone(options), distinct(options), distinct(backward))
}

// distinct joins options, of those that begin with the same word or are values of
// one placeholder the first.
func distinct(options [][]word) []word {
	var all []word
	seen := map[string]bool{}
	for _, o := range options {
		key := cmp.Or(o[0].of, o[0].text)
		if !seen[key] {
			seen[key] = true
			all = append(all, o...)
		}
	}
	return all
}

// samples are values by type that fit the world of the tests.
var samples = map[string]string{
	"port-profile-name": "BASE", "vlan-id": "20", "vlan-list": "20,30", "mac-address": "0200.0000.0001", "slot-port": "4/1",
	"vethernet-number": "1", "ipv4-address": "192.0.2.1", "host": "192.0.2.50", "group-servers": "192.0.2.50", "module": "3", "slot": "3",
	"user-name": "admin", "ipv4-prefix": "198.51.100.0/24", "ipv6-prefix": "2001:db8:1::/64", "ipv6-address": "2001:db8::1",
	"clear-password": "Cirrus-Nimbus7", "socket": "/run/vm/a.sock",
}

// others are values of entries that the world of the tests does not have.
var others = map[string]string{
	"port-profile-name": "NEW", "vlan-id": "40", "slot-port": "4/2", "vethernet-number": "2", "slot": "4",
	"user-name": "bob",
}

func values(typ schema.AnyType) [][]word {
	how := typ.How()
	var all [][]word
	keywords := how.Keywords
	if n := len(keywords); n > 4 { // lines have several of them: months, facilities
		keywords = []schema.Keyword{keywords[0], keywords[n/2], keywords[n-1]}
	}
	for _, k := range keywords {
		all = append(all, []word{{text: k.Text, typ: typ}})
	}
	for _, f := range how.Forms {
		all = append(all, expand(f, how.Types)...)
	}
	if all != nil {
		return all
	}
	if s, ok := samples[typ.TypeName()]; ok {
		return [][]word{{{text: s, typ: typ}}}
	}
	v, ok := configtest.RandomValue(typ, rand.New(rand.NewPCG(7, 7)))
	if !ok {
		return [][]word{{{text: "1", typ: typ}}}
	}
	return [][]word{{{text: typ.FormatText(v), typ: typ}}}
}

var (
	bounds  = regexp.MustCompile(`<(\d+)-(\d+)>`)
	maxSize = regexp.MustCompile(`Max Size (\d+)`)
)

// wrongValues are texts that are no values of a type: outside its range, of
// another type, too long.
func wrongValues(typ schema.AnyType) []string {
	how := typ.How()
	all := []string{"\x01", "\xff\xfe"}
	if m := bounds.FindAllStringSubmatch(how.Notation, -1); m != nil && !strings.Contains(how.Notation, "/") {
		lo, _ := strconv.ParseUint(m[0][1], 10, 63)
		hi, _ := strconv.ParseUint(m[len(m)-1][2], 10, 63)
		all = append(all, strconv.FormatUint(hi+1, 10), "99999999999999999999", "-1", "x", "1x", "")
		if lo > 0 {
			all = append(all, strconv.FormatUint(lo-1, 10))
		}
	}
	if m := maxSize.FindStringSubmatch(how.Help); m != nil {
		n, _ := strconv.Atoi(m[1])
		all = append(all, strings.Repeat("x", n+1))
	}
	switch {
	case len(how.Keywords) > 0:
		all = append(all, "zzq", "0")
	case typ.TypeName() == "slot-port":
		all = append(all, "3", "3/", "0/1", "3/0", "999/1", "3/99999", "x/y", "3/1/1")
	case strings.HasPrefix(how.Notation, "A.B.C.D"):
		all = append(all, "300.1.1.1", "1.2.3", "::1", "x")
	case how.Notation == "E.E.E":
		all = append(all, "0200.0000.000g", "0200.0000", "02:00", "x")
	case typ.TypeName() == schema.VLANList.Name:
		all = append(all, "0", "4095", "10-5", "1,,2", "1-", "x")
	}
	return slices.DeleteFunc(all, func(s string) bool {
		_, err := typ.ParseText(s)
		return s == "" || err == nil
	})
}
