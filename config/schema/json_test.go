package schema_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
)

func TestJSON(t *testing.T) {
	s := configtest.Schema()
	data, err := s.EncodeJSON(sample())
	if err != nil {
		t.Fatal(err)
	}
	var indented any
	if err := json.Unmarshal(data, &indented); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, data)
	}
	text, err := json.MarshalIndent(indented, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.json", string(text)+"\n")
	back, err := s.DecodeJSON(data)
	if err != nil || !back.Equal(sample()) {
		t.Errorf("does not come back: %v", err)
	}
	if back, err := s.DecodeJSON(text); err != nil || !back.Equal(sample()) {
		t.Errorf("other order and blanks: %v", err)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	s := configtest.Schema()
	for seed := range uint64(300) {
		want := configtest.Random(s, rand.New(rand.NewPCG(seed, 1)))
		data, err := s.EncodeJSON(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.DecodeJSON(data)
		if err != nil || !got.Equal(want) {
			t.Fatalf("seed %d: %v\n%s", seed, err, data)
		}
	}
}

// An encoder that has encoded other trees says what a new one says.
func TestEncoder(t *testing.T) {
	s := configtest.Schema()
	e := s.NewEncoder()
	r := rand.New(rand.NewPCG(7, 1))
	now := configtest.Random(s, r)
	for range 300 {
		switch r.IntN(4) {
		case 0:
			now = configtest.Random(s, r)
		case 1: // an entry under the name of another, which shares what is in it
			keys := slices.Collect(now.Keys(path("vlans/vlan")))
			if len(keys) > 0 {
				now = now.Graft(path("vlans").Entry("vlan", "77"), now.Sub(path("vlans").Entry("vlan", keys[r.IntN(len(keys))])))
			}
		case 2:
			if _, err := e.Encode(now.Set(path("system/colour"), "x")); err == nil {
				t.Fatal("not of the schema")
			}
		default:
			for key := range now.Keys(path("vlans/vlan")) {
				now = now.Delete(path("vlans").Entry("vlan", key))
				break
			}
		}
		want, err := s.EncodeJSON(now)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Encode(now)
		if err != nil || string(got) != string(want) {
			t.Fatalf("%v\n%s\nwant\n%s", err, got, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	s := configtest.Schema()
	for _, c := range []struct{ in, want string }{
		{``, "decode configuration: EOF"},
		{`null`, "decode configuration: want an object"},
		{`{"trunkline:system":{"hostname":"a"}}x`, "decode configuration: unexpected text after the end"},
		{`{"trunkline:system":{"hostname":"a"},"system":{}}`, `"system" is given twice`},
		{`{"trunkline:colour":{}}`, `decode configuration: "colour" is not in the schema`},
		{`{"trunkline:system":{"hostname":7}}`, "decode system/hostname: want a string"},
		{`{"trunkline:system":{"hostname":"a b"}}`, `decode system/hostname: "a b": Invalid command`},
		{`{"trunkline:system":{"hostname":null}}`, "decode system/hostname: want a value"},
		{`{"trunkline:system":{"hostname":{}}}`, "decode system/hostname: want a value"},
		{`{"trunkline:system":{"beep":"true"}}`, "decode system/beep: want true or false"},
		{`{"trunkline:system":[]}`, "decode system: want an object"},
		{`{"trunkline:mac-table":{"aging-time":1e3}}`, `decode mac-table/aging-time: "1e3"`},
		{`{"trunkline:vlans":{"vlan":{}}}`, "decode vlans/vlan: want an array"},
		{`{"trunkline:vlans":{"vlan":[{"name":"x"}]}}`, "decode vlans/vlan: entry 1: key id is missing"},
		{`{"trunkline:vlans":{"vlan":[{"id":1},{"id":4095}]}}`, "decode vlans/vlan: entry 2: key id"},
		{`{"trunkline:vlans":{"vlan":[{"id":1},{"id":1}]}}`, "decode vlans/vlan[1]: entry is given twice"},
		{`{"trunkline:vlans":{"vlan":[{"id":1,"id":2}]}}`, "decode vlans/vlan[2]: key id: is not that of the entry"},
		{`{"trunkline:vlans":{"vlan":[{"id":2,"name":"a","name":"b"}]}}`, `decode vlans/vlan[2]: "name" is given twice`},
		{`{"trunkline:vlans":{"vlan":[7]}}`, "decode vlans/vlan: entry 1: want an object"},
		{`{"trunkline:mac-table":{"static":[{"vlan":7}]}}`, "key mac is missing"},
	} {
		got, err := s.DecodeJSON([]byte(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got %v, %v\nwant %q", c.in, got, err, c.want)
		}
	}
	if _, err := s.DecodeJSON(make([]byte, schema.MaxJSON+1)); err == nil {
		t.Error("more than the limit is read")
	}
}

func TestDecodeAt(t *testing.T) {
	s := configtest.Schema()
	got, err := s.DecodeJSONAt(path("vlans/vlan[20]"), []byte(`{"name":"web"}`))
	if want := (tree.Tree{}).Set(path("name"), "web"); err != nil || !got.Equal(want) {
		t.Errorf("entry without its key: %v", err)
	}
	if got, err = s.DecodeJSONAt(path("vlans/vlan[20]/name"), []byte(`"web"`)); err != nil {
		t.Errorf("leaf: %v", err)
	} else if v, _ := got.Get(nil); v != "web" {
		t.Errorf("leaf: got %v", v)
	}
	if _, err = s.DecodeJSONAt(path("vlans/vlan[20]"), []byte(`{"id":21}`)); err == nil {
		t.Error("the key of another entry is taken")
	}
	for _, at := range []string{"vlans/vlan", "nothing", "vlans/vlan/name"} {
		if _, err := s.DecodeJSONAt(path(at), []byte(`{}`)); err == nil {
			t.Errorf("%s: no error", at)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	s := configtest.Schema()
	for _, p := range []string{"system/colour", "system[1]/hostname", "vlans/vlan/name", "vlans/vlan[x]/name", "mac-table/static[1]/target", "system", "system/hostname/x", "system/beep"} {
		if data, err := s.EncodeJSON(tree.Tree{}.Set(path(p), "x")); err == nil {
			t.Errorf("%s: %s", p, data)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	s := configtest.Schema()
	data, err := s.EncodeJSON(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, in := range []string{`{}`, `{"trunkline:vlans":{"vlan":[{"id":1,"name":[null]}]}}`, `{"trunkline:system":{"beep":false}}`} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := s.DecodeJSON(in)
		if err != nil {
			return
		}
		for _, p := range s.Validate(tree.Tree{}, got) {
			switch p.Rule {
			case schema.RuleKind, schema.RuleReference:
			default:
				t.Fatalf("%s decodes, but is not valid: %v", in, p)
			}
		}
		data, err := s.EncodeJSON(got)
		if err != nil {
			t.Fatalf("%s does not encode again: %v", in, err)
		}
		if back, err := s.DecodeJSON(data); err != nil || !back.Equal(got) {
			t.Fatalf("%s → %s: %v", in, data, err)
		}
		for range s.Print(got, schema.PrintOptions{All: true}) {
		}
	})
}
