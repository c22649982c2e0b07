package schema_test

import (
	"testing"

	"github.com/openconfig/goyang/pkg/yang"

	"trunkline/config/configtest"
	"trunkline/config/schema"
)

func TestYANG(t *testing.T) {
	text := schema.YANG(configtest.Schema(), nil)
	golden(t, "trunkline.yang", text)
	modules := yang.NewModules()
	if err := modules.Parse(text, "trunkline.yang"); err != nil {
		t.Fatal(err)
	}
	if errs := modules.Process(); len(errs) > 0 {
		t.Fatal(errs)
	}
	root := yang.ToEntry(modules.Modules[schema.Module])
	if errs := root.GetErrors(); len(errs) > 0 {
		t.Fatal(errs)
	}
	for path, want := range map[string]struct {
		kind  yang.TypeKind
		units string
	}{
		"system/hostname":                     {yang.Ystring, "switch"},
		"interfaces/interface/mtu":            {yang.Yuint32, "1500"},
		"interfaces/interface/inherit":        {yang.Yleafref, ""},
		"port-profiles/port-profile/state":    {yang.Yenum, "disabled"},
		"port-profiles/port-profile/shutdown": {yang.Ybool, "true"},
		"vlans/vlan/id":                       {yang.Yuint16, ""},
	} {
		e := root.Find("/tl:" + path)
		if e == nil {
			t.Errorf("%s is not in the module", path)
			continue
		}
		def, _ := e.SingleDefaultValue()
		if e.Type.Kind != want.kind || def != want.units {
			t.Errorf("%s: type %v default %q, want %v %q", path, e.Type.Kind, def, want.kind, want.units)
		}
	}
	if e := root.Find("/tl:mac-table/static"); e == nil || e.Key != "vlan mac" {
		t.Errorf("mac-table/static: %+v, want a list with two keys", e)
	}
}
