package agent

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseConf(t *testing.T) {
	got, err := ParseConf(strings.NewReader(`# a card
switch-domain 100
l3control-ipaddr 192.0.2.10 192.0.2.11   # both supervisors
host-uuid 7F0F7C0E-3B7A-4A55-9D55-2D6F0C1B9A10

host-mgmt-intf eth0
phys eth1 profile UPLINK
phys eth2 profile UPLINK
datapath packet cores 1,4-5
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Conf{
		Domain: 100, Supervisors: []string{"192.0.2.10", "192.0.2.11"},
		UUID: "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", Mgmt: "eth0",
		Phys: []Phys{{"eth1", "UPLINK"}, {"eth2", "UPLINK"}}, Datapath: "packet", Cores: []int{1, 4, 5},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseConfWrong(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown", "\nlog-path /var/log", `line 2: unknown keyword "log-path"`},
		{"range", "switch-domain 4096", `line 1: want "switch-domain <1-4095>"`},
		{"number", "switch-domain x", `line 1: want "switch-domain`},
		{"missing", "switch-domain", `line 1: want "switch-domain`},
		{"address", "l3control-ipaddr 192.0.2.256", `line 1: want "l3control-ipaddr`},
		{"three addresses", "l3control-ipaddr 1.1.1.1 2.2.2.2 3.3.3.3", `line 1: want "l3control-ipaddr`},
		{"uuid", "host-uuid 00000000-0000-0000-0000-000000000000", `line 1: want "host-uuid`},
		{"device", "host-mgmt-intf averyverylongname", `line 1: want "host-mgmt-intf`},
		{"phys", "phys eth1 UPLINK", `line 1: want "phys`},
		{"phys twice", "phys eth1 profile A\nphys eth1 profile B", `line 2: "phys eth1" stands in line 1 already`},
		{"datapath", "datapath fast", `line 1: want "datapath {auto|packet|xdp}`},
		{"cores", "datapath auto cores 5-4", `line 1: want "datapath {auto|packet|xdp}`},
		{"no cores", "datapath auto 1", `line 1: want "datapath {auto|packet|xdp}`},
		{"all of them", "a\nb\n", "line 1: unknown keyword \"a\"\nline 2: unknown keyword \"b\""},
		{"long line", strings.Repeat("x", 1<<17), "line 1: bufio.Scanner: token too long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseConf(strings.NewReader(tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%.60q: error %v, want %q", tc.text, err, tc.want)
			}
		})
	}
}

func FuzzParseConf(f *testing.F) {
	f.Add("switch-domain 1\nphys eth1 profile A # x\n")
	f.Add("l3control-ipaddr fe80::1%eth0")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConf(strings.NewReader(text))
		if err != nil && !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: error without a line number: %v", text, err)
		}
		if err == nil && c.Domain > maxDomain {
			t.Errorf("%q: domain %d", text, c.Domain)
		}
	})
}
