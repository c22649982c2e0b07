package render

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"trunkline/feature"
)

type vlan struct {
	id   int
	name string
}

func screen(vlans ...vlan) feature.Screen {
	return feature.Screen{
		{Heading: "\nVLAN Name\n", Name: "vlan", Footer: "end\n", Keys: []feature.Pair{{Key: "count", Value: len(vlans)}},
			Rows: feature.Rows(vlans, func(v vlan) string { return fmt.Sprintf("%-4d %s\n", v.id, v.name) },
				func(v vlan) []feature.Pair {
					return []feature.Pair{{Key: "id", Value: v.id}, {Key: "name", Value: v.name}, {Key: "gone", Value: nil}, {Key: "up", Value: true}}
				})},
		{Heading: "Other\n", Name: "other", Optional: true},
	}
}

func TestWrite(t *testing.T) {
	one, two := vlan{1, "default"}, vlan{20, `a "b" <c>`}
	for _, c := range []struct {
		name   string
		format Format
		screen feature.Screen
		want   string
	}{
		{"text none", Text, screen(), "\nVLAN Name\nend\n"},
		{"text two", Text, screen(one, two), "\nVLAN Name\n1    default\n20   a \"b\" <c>\nend\n"},
		{"json none", JSON, screen(), `{"count": "0"}` + "\n"},
		{"json one", JSON, screen(one), `{"count": "1", "TABLE_vlan": {"ROW_vlan": {"id": "1", "name": "default", "up": "true"}}}` + "\n"},
		{"json two", JSON, screen(one, two), `{"count": "2", "TABLE_vlan": {"ROW_vlan": [{"id": "1", "name": "default", "up": "true"}, {"id": "20", "name": "a \"b\" <c>", "up": "true"}]}}` + "\n"},
		{"native one", Native, screen(one), `{"count": 1, "TABLE_vlan": {"ROW_vlan": [{"id": 1, "name": "default", "up": true}]}}` + "\n"},
		{"xml none", XML, screen(), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<output command=\"show vlan\">\n  <count>0</count>\n</output>\n"},
		{"xml two", XML, screen(one, two), `<?xml version="1.0" encoding="UTF-8"?>
<output command="show vlan">
  <count>2</count>
  <TABLE_vlan>
    <ROW_vlan>
      <id>1</id>
      <name>default</name>
      <up>true</up>
    </ROW_vlan>
    <ROW_vlan>
      <id>20</id>
      <name>a &#34;b&#34; &lt;c&gt;</name>
      <up>true</up>
    </ROW_vlan>
  </TABLE_vlan>
</output>
`},
		{"pretty one", Pretty, screen(one), `{
  "count": "1",
  "TABLE_vlan": {
    "ROW_vlan": {
      "id": "1",
      "name": "default",
      "up": "true"
    }
  }
}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := Write(&b, "show vlan", c.screen, c.format); err != nil {
				t.Fatal(err)
			}
			if b.String() != c.want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), c.want)
			}
			if c.format != Text && c.format != XML && !json.Valid([]byte(b.String())) {
				t.Errorf("invalid JSON: %s", b.String())
			}
		})
	}
}

func TestNestedTables(t *testing.T) {
	s := feature.Screen{{Name: "channel", Rows: func(yield func(feature.Row) bool) {
		yield(feature.Row{Keys: []feature.Pair{{Key: "group", Value: 1}}, Sub: []feature.Section{{
			Name: "member", Rows: feature.Rows([]string{"Eth3/1", "Eth3/2"}, nil, func(s string) []feature.Pair {
				return []feature.Pair{{Key: "port", Value: s}}
			}),
		}}})
	}}}
	var b strings.Builder
	if err := Write(&b, "show vlan", s, JSON); err != nil {
		t.Fatal(err)
	}
	want := `{"TABLE_channel": {"ROW_channel": {"group": "1", "TABLE_member": {"ROW_member": [{"port": "Eth3/1"}, {"port": "Eth3/2"}]}}}}` + "\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Of a screen that found nothing there is no structured output at all.
func TestNothing(t *testing.T) {
	s := feature.Screen{{Name: "vlan", Heading: "VLAN\n"}, {Keys: []feature.Pair{{Key: "count"}}}}
	for f, want := range map[Format]string{Text: "VLAN\n", JSON: "", Pretty: "", Native: "", XML: ""} {
		var b strings.Builder
		if err := Write(&b, "show vlan", s, f); err != nil || b.String() != want {
			t.Errorf("format %d: %q, %v", f, b.String(), err)
		}
	}
}

func TestNoStructure(t *testing.T) {
	err := Write(&strings.Builder{}, "show vlan", feature.Screen{feature.Text("hello\n")}, JSON)
	if !errors.Is(err, ErrNoStructure) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// A writer that fails stops the iteration of rows.
func TestStops(t *testing.T) {
	for _, f := range []Format{Text, JSON, XML} {
		pulled := 0
		endless := feature.Screen{{Name: "x", Rows: func(yield func(feature.Row) bool) {
			for yield(feature.Row{Text: "row\n", Keys: []feature.Pair{{Key: "k", Value: pulled}}}) {
				pulled++
			}
		}}}
		if err := Write(&failing{left: 30}, "show vlan", endless, f); !errors.Is(err, errFull) {
			t.Errorf("format %d: %v", f, err)
		}
		if pulled > 100 {
			t.Errorf("format %d: pulled %d rows", f, pulled)
		}
	}
}

// FuzzXML: whatever keys and values hold, the document is well-formed and gives
// the value back.
func FuzzXML(f *testing.F) {
	f.Add("vlan-id utf", "a<b>&c", "show \"x\"")
	f.Fuzz(func(t *testing.T, key, value, command string) {
		var b strings.Builder
		s := feature.Screen{{Keys: []feature.Pair{{Key: key, Value: value}}}}
		if err := Write(&b, command, s, XML); err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Any struct {
				Text string `xml:",chardata"`
			} `xml:",any"`
		}
		if err := xml.Unmarshal([]byte(b.String()), &doc); err != nil {
			t.Fatalf("%v: %s", err, b.String())
		}
		var want strings.Builder
		_ = xml.EscapeText(&want, []byte(value)) // replaces what XML cannot hold
		var plain string
		if err := xml.Unmarshal([]byte("<a>"+want.String()+"</a>"), &plain); err != nil || plain != doc.Any.Text {
			t.Fatalf("%q became %q", value, doc.Any.Text)
		}
	})
}
