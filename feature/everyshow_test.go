package feature_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestEveryShow runs every show command on an empty chassis, on one with a port
// and on one with many ports and names longer than their columns: its text has no tabs and, but for lines of
// configuration, at most 132 columns (cli.md §16, 12); its structure is nothing
// at all or a well-formed object (§12) in every format.
func TestEveryShow(t *testing.T) {
	alone(t)
	for _, ports := range []int{0, 1, 32} {
		w := newPopulated(t, ports)
		structured := 0
		for _, c := range everyCommand(t, w.p.Schema, w.cli) {
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
		// A description is as long as it is, and so are lines of configuration and a
		// list of VLANs, which has no blanks to be parted at (cli.md §11.8).
		line = strings.Replace(line, longText, "", 1)
		if strings.HasPrefix(line, "  Trunking VLANs Allowed: ") || strings.HasPrefix(l, "show port-profile ") && strings.HasPrefix(line, "  switchport ") {
			continue
		}
		if !configuration && len([]rune(strings.TrimSuffix(line, "\n"))) > 132 {
			w.t.Errorf("%s: a line of %d columns: %.200q", l, len(line), line)
			break
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
