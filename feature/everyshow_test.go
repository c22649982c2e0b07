package feature_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trunkline/cli/session"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// populated gives a chassis two cards, n ports on each, and a machine.
func populated(p *session.Product, n int) {
	s := feature.State{
		Supervisor: feature.Supervisor{
			Started: p.Now().Add(-time.Hour), Boot: p.Now().Add(-2 * time.Hour), Serial: "T1", Version: "1.0(1)", MemoryKB: 1 << 20,
			Mgmt:     feature.PortState{Name: feature.Mgmt0, Up: true, MTU: 1500, Mbps: 1000, MAC: ether.MAC{2, 0, 0, 0, 0, 1}},
			Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("2001:db8::10/64")},
			Resources: feature.Resources{
				CPUs: []feature.CPUShare{{Idle: 100}}, TotalKB: 1 << 20, FreeKB: 1 << 19,
				Table: []feature.Process{{PID: 1, Name: "init", State: 'S'}},
			},
		},
		Modules: []feature.Module{
			{Slot: 3, Status: feature.ModuleOK, UUID: "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", Host: "kvm-a", Address: "192.0.2.53"},
			{Slot: 4, Status: feature.ModuleOK, UUID: "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b", Host: "kvm-b", Address: "192.0.2.54"},
		},
		Hosts:  []feature.HostKey{{UUID: "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", Fingerprint: strings.Repeat("ab", 32)}},
		Logins: []feature.Login{{ID: 1, User: "admin", Line: "pts/1", Address: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", PID: 1, Since: p.Now()}},
	}
	for slot := 3; slot <= 4; slot++ {
		for i := range n {
			s.Ports = append(s.Ports, feature.PortState{
				Name: fmt.Sprintf("Ethernet%d/%d", slot, 1+i), Module: slot, Up: i%2 == 0, Reason: "none", Kind: "virtio_net", Mbps: 10000,
				MAC: ether.MAC{2, 0, 0, 0, byte(slot), byte(i)}, Counters: feature.Counters{RxUnicast: 1 << 50, RxDrops: map[string]uint64{"no-vlan": 3}},
			})
		}
	}
	query := p.Query
	p.Query = func(args feature.Args, who feature.Session) feature.Query {
		q := query(args, who)
		q.State = &s
		q.Module = func(context.Context, int, string, []byte) ([]byte, error) { return nil, errors.New("no answer") }
		q.Stack = func(string) (feature.Stack, error) {
			return feature.Stack{Neighbors: []feature.Neighbor{{IP: netip.MustParseAddr("192.0.2.1"), MAC: ether.MAC{2}}}}, nil
		}
		return q
	}
}

// TestEveryShow runs every show command on an empty chassis, on one with a port
// and on one with many: its text has no tabs and, but for lines of
// configuration, at most 132 columns (cli.md §16, 12); its structure is nothing
// at all or a well-formed object (§12) in every format.
func TestEveryShow(t *testing.T) {
	alone(t)
	for _, ports := range []int{0, 1, 40} {
		p, err := newProduct()
		if err != nil {
			t.Fatal(err)
		}
		if ports > 0 {
			populated(&p, ports)
		}
		cli, err := session.New(p)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, p: p, cli: cli}
		for _, f := range features {
			if f.Gated {
				w.run("configure terminal", f.Schema.Gate.Line)
			}
		}
		if ports > 0 {
			w.run("configure terminal", "vlan 20,30", "port-profile WEB", "interface vethernet 1", "interface ethernet 3/1", "interface mgmt0", "vem 3")
		}
		structured := 0
		for _, c := range everyCommand(t, p.Schema, cli) {
			if !strings.HasPrefix(c.template, "show ") {
				continue
			}
			for _, words := range c.lines() {
				if w.shows(line(words), ports) {
					structured++
				}
			}
		}
		if ports > 0 && structured < 50 {
			t.Errorf("only %d commands have structure", structured)
		}
	}
}

// shows runs a show command in every format. It reports whether it has
// structure.
func (w *world) shows(l string, ports int) bool {
	text, failed := w.type1(l)
	if strings.Contains(text, "\t") {
		w.t.Errorf("%s: a tab in %q", l, text)
	}
	configuration := strings.Contains(l, "-config") || strings.HasPrefix(l, "show diff") || strings.HasPrefix(l, "show cli")
	for line := range strings.Lines(text) {
		if !configuration && len([]rune(strings.TrimSuffix(line, "\n"))) > 132 {
			w.t.Errorf("%s: a line of %d columns: %q", l, len(line), line)
		}
		if !strings.HasSuffix(line, "\n") {
			w.t.Errorf("%s: no newline at the end: %q", l, line)
		}
	}
	if failed {
		return false
	}
	structure := false
	for _, format := range []string{"json", "json-pretty", "json native"} {
		out, failed := w.type1(l + " | " + format)
		switch {
		case failed:
			if out != "ERROR: No structured output for this command; use text.\n" {
				w.t.Errorf("%s | %s: %s", l, format, out)
			}
			return false
		case out == "":
			continue
		}
		var v map[string]any
		if err := json.Unmarshal([]byte(out), &v); err != nil || len(v) == 0 {
			w.t.Errorf("%s | %s with %d ports: %v in %s", l, format, ports, err, out)
		}
		structure = structure || len(v) > 0
		w.shape(l+" | "+format, v, format == "json native")
	}
	out, failed := w.type1(l + " | xml")
	if failed || (out != "") != structure {
		w.t.Errorf("%s | xml: failed %t, prints %q", l, failed, out)
	}
	for d := xml.NewDecoder(bytes.NewReader([]byte(out))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			w.t.Errorf("%s | xml: %v in %s", l, err, out)
			break
		}
	}
	return structure
}

// shape checks the shape of tables: TABLE_x holds ROW_x alone, an object, or a
// list of two or more; in native JSON always a list.
func (w *world) shape(l string, v map[string]any, native bool) {
	for key, value := range v {
		name, ok := strings.CutPrefix(key, "TABLE_")
		if !ok {
			if _, text := value.(string); !text && !native {
				if _, list := value.([]any); !list {
					w.t.Errorf("%s: %s is %v, not a string", l, key, value)
				}
			}
			continue
		}
		table, _ := value.(map[string]any)
		switch rows := table["ROW_"+name].(type) {
		case map[string]any:
			if native || len(table) != 1 {
				w.t.Errorf("%s: %s has %d keys", l, key, len(table))
			}
			w.shape(l, rows, native)
		case []any:
			if len(table) != 1 || !native && len(rows) < 2 || len(rows) == 0 {
				w.t.Errorf("%s: %s has %d rows", l, key, len(rows))
			}
			for _, r := range rows {
				if r, ok := r.(map[string]any); ok {
					w.shape(l, r, native)
				}
			}
		default:
			w.t.Errorf("%s: %s has no rows: %v", l, key, value)
		}
	}
}
