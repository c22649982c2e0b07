package dataplane

import "testing"

// FuzzDecode: what a supervisor sends names no device but the one of its VLAN.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"ports":[{"name":"Vlan10","vlan":10,"device":"vlan10","mtu":1500}]}`,
		`{"ports":[{"name":"Vlan10","vlan":10,"device":"../eth0"}]}`,
		`{"ports":[{"name":"Vlan0","vlan":0,"device":"vlan0"}]}`, `{}`, `[`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, section []byte) {
		p, err := Decode(section)
		if err != nil {
			return
		}
		for _, port := range p.Ports {
			if len(port.Device) > 15 || port.Device[:4] != "vlan" || !port.VLAN.Valid() {
				t.Errorf("port %+v", port)
			}
		}
	})
}

func TestDecode(t *testing.T) {
	for section, ok := range map[string]bool{
		`{"ports":[{"name":"Vlan10","vlan":10,"device":"vlan10","mtu":1500}]}`:  true,
		`{"ports":[{"name":"Vlan10","vlan":10,"device":"eth0","mtu":1500}]}`:    false,
		`{"ports":[{"name":"Vlan10","vlan":4095,"device":"vlan4095"}]}`:         false,
		`{"ports":[{"name":"Vlan10","vlan":10,"device":"vlan10","mtu":99999}]}`: false,
	} {
		if _, err := Decode([]byte(section)); (err == nil) != ok {
			t.Errorf("%s: %v", section, err)
		}
	}
}
