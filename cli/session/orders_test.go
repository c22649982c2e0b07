package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"trunkline/cli/render"
	"trunkline/cli/session"
	"trunkline/cli/session/sessiontest"
	"trunkline/config"
	"trunkline/feature"
)

var (
	causes = [...]string{"ok", "syntax", "refused", "unstructured", "filtered", "no show", "no line", "long", "late", "internal", "unrun", "rolled back"}
	kinds  = [...]string{"unknown", "shows", "acts", "sets"}
)

func told(all []session.Answer) string {
	var b strings.Builder
	for _, a := range all {
		fmt.Fprintf(&b, "%s %s", kinds[a.Kind], causes[a.Cause])
		if text := strings.Join(strings.Fields(string(a.Output)), " "); text != "" {
			b.WriteString(": " + text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func orders(o session.Order, lines ...string) []session.Order {
	all := make([]session.Order, len(lines))
	for i, l := range lines {
		all[i] = o
		all[i].Line = l
	}
	return all
}

// TestOrders runs orders, each list in a session of its own of one switch.
func TestOrders(t *testing.T) {
	operator := admin(false)
	operator.Who.Role, operator.Who.User = feature.NetworkOperator, "oper"
	structured := session.Order{Format: render.JSON}
	for _, c := range []struct {
		name   string
		of     session.Order
		policy session.Policy
		who    session.Options
		lines  []string
		want   string
		config string // lines that the configuration holds in the end
	}{
		{
			name: "lines enter configuration by themselves and the mode is kept", of: structured,
			lines:  []string{"vlan 7", "name seven", "vlan 8", "exit", "hostname sw7", "interface vethernet 1", "description a"},
			want:   "sets ok\nsets ok\nsets ok\nsets ok\nsets ok\nsets ok\nsets ok\n",
			config: "hostname sw7\nvlan 1,7-8\nvlan 7\n  name seven\ninterface Vethernet1\n  description a",
		},
		{
			name: "those who say it", of: structured,
			lines: []string{"configure terminal", "vlan 7 ; name seven", "end", "conf t ; vlan 9", "name nine"},
			want:  "sets ok\nsets ok\nsets ok\nsets ok\nsets ok\n", config: "vlan 7\n  name seven\nvlan 9\n  name nine",
		},
		{
			name: "stop", of: structured, lines: []string{"vlan 7", "vlan 5000", "vlan 8"},
			want: "sets ok\nunknown syntax: ^ % Invalid number, range is (1:4094) at '^' marker.\n" + "unknown unrun: Not executed: a command before it failed.\n", config: "vlan 1,7",
		},
		{
			name: "go on", of: structured, policy: session.ContinueOnError, lines: []string{"vlan 7", "vlan 5000", "interface ethernet 9/9", "vlan 8"},
			want: "sets ok\nunknown syntax: ^ % Invalid number, range is (1:4094) at '^' marker.\nsets refused: ERROR: Interface does not exist: Ethernet9/9\nsets ok\n", config: "vlan 1,7-8",
		},
		{
			name: "a show that fails stops nothing", of: structured, lines: []string{"show nonsense", "vlan 7"},
			want: "unknown syntax: ^ % Invalid command at '^' marker.\nsets ok\n", config: "vlan 1,7",
		},
		{
			name: "all or nothing", of: structured, policy: session.RollbackOnError, lines: []string{"vlan 7", "name x", "interface ethernet 9/9", "vlan 8"},
			want: "sets rolled back: Rolled back: a command after it failed.\nsets rolled back: Rolled back: a command after it failed.\n" +
				"sets refused: ERROR: Interface does not exist: Ethernet9/9\nunknown unrun: Not executed: a command before it failed.\n", config: "!vlan 7",
		},
		{
			name: "all", of: structured, policy: session.RollbackOnError, lines: []string{"configure terminal", "vlan 7", "name x", "vlan 8"},
			want: "sets ok\nsets ok\nsets ok\nsets ok\n", config: "vlan 1,7-8\nvlan 7\n  name x",
		},
		{
			name: "what acts is not rolled back", of: structured, policy: session.RollbackOnError, lines: []string{"vlan 7", "copy running-config startup-config"},
			want: "sets rolled back: Rolled back: a command after it failed.\nacts refused: ERROR: This command cannot be rolled back.\n", config: "!vlan 7",
		},
		{
			name: "structure", of: structured, policy: session.ContinueOnError,
			lines: []string{"show running-config", "show running-config | include vlan", "terminal width 80"},
			want: "shows unstructured: ERROR: No structured output for this command; use text.\nshows filtered: ERROR: What is filtered has no structure; use text.\n" +
				"acts ok\n",
		},
		{
			name: "only lines", of: session.Order{Only: session.Configuration}, policy: session.ContinueOnError, lines: []string{"vlan 7", "show clock", "do show clock", "copy running-config startup-config"},
			want: "sets ok\nunknown syntax: ^ % Invalid command at '^' marker.\nunknown syntax: ^ % Invalid command at '^' marker.\n" +
				"acts ok: [########################################] 100% Copy complete, now saving to disk (please wait)... Copy complete.\n",
		},
		{
			name: "only exec", of: session.Order{Only: session.Exec}, lines: []string{"show running-config | count", "configure terminal", "vlan 7"},
			want: "shows ok: 7\nsets no line\nunknown unrun: Not executed: a command before it failed.\n", config: "!vlan 7",
		},
		{
			name: "an operator", who: operator, of: structured, lines: []string{"vlan 7", "vlan 8"},
			want: "sets refused: % Permission denied for the role\nunknown unrun: Not executed: a command before it failed.\n", config: "!vlan 7",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cli, _ := sessiontest.CLI(t)
			if c.who.Who.User == "" {
				c.who = admin(false)
			}
			got := told(cli.Session(c.who).Orders(t.Context(), orders(c.of, c.lines...), c.policy, 1<<20))
			if got != c.want {
				t.Errorf("got:\n%swant:\n%s", got, c.want)
			}
			running := told(cli.Session(admin(false)).Orders(t.Context(), orders(session.Order{}, "show running-config"), session.StopOnError, 1<<20))
			for line := range strings.Lines(c.config) {
				line = strings.TrimSpace(line)
				without, not := strings.CutPrefix(line, "!")
				if strings.Contains(running, without) == not {
					t.Errorf("%q in the configuration: %v\n%s", without, not, running)
				}
			}
		})
	}
}

// TestOrdersTogether has lines that follow each other committed together, and
// bounds what is printed.
func TestOrdersTogether(t *testing.T) {
	cli, store := sessiontest.CLI(t)
	var lines []string
	for i := 2; i < 2+3*session.MaxHeld; i++ {
		lines = append(lines, fmt.Sprint("vlan ", i))
	}
	before := len(store.Commits(config.MaxCommits))
	for i, a := range cli.Session(admin(false)).Orders(t.Context(), orders(session.Order{}, lines...), session.StopOnError, 1<<20) {
		if a.Cause != session.Succeeded {
			t.Fatalf("%s: %s", lines[i], a.Output)
		}
	}
	if n := len(store.Commits(config.MaxCommits)) - before; n > 4 {
		t.Errorf("%d lines in %d commits", len(lines), n)
	}
	got := told(cli.Session(admin(false)).Orders(t.Context(), orders(session.Order{}, "show running-config", "show running-config"), session.StopOnError, 100))
	if want := "shows long: ERROR: The output is too long; ask for less at a time.\nunknown unrun: Not executed: a command before it failed.\n"; got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got = told(cli.Session(admin(false)).Orders(ctx, orders(session.Order{}, "show running-config", "vlan 4000"), session.StopOnError, 1<<20))
	if want := "shows late: ERROR: The command took too long.\nunknown unrun: Not executed: a command before it failed.\n"; got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
