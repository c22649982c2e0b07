package gnmi_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestGet(t *testing.T) {
	w := start(t)
	w.set(t, &pb.SetRequest{Update: []*pb.Update{
		update("/interfaces/interface[name=Ethernet3/1]/config", jsonVal(`{"description":"up","mtu":9000}`)),
		update("/network-instances/network-instance[name=default]/vlans/vlan[vlan-id=10]/config/name", stringVal("RED")),
	}})
	const port = "/interfaces/interface[name=Ethernet3/1]"
	for _, c := range []struct {
		name, path string
		enc        pb.Encoding
		typ        pb.GetRequest_DataType
		want       string
	}{
		{"leaf", port + "/state/name", pb.Encoding_JSON, 0, port + `/state/name "Ethernet3/1"`},
		{"oper status", port + "/state/oper-status", pb.Encoding_PROTO, 0, port + "/state/oper-status UP"},
		{"counter", port + "/state/counters/in-octets", pb.Encoding_PROTO, 0, port + "/state/counters/in-octets 1099511627776"},
		{"64 bits in JSON_IETF", port + "/state/counters/in-octets", pb.Encoding_JSON_IETF, 0, port + `/state/counters/in-octets "1099511627776"`},
		{"16 bits in JSON_IETF", port + "/state/mtu", pb.Encoding_JSON_IETF, 0, port + "/state/mtu 9000"},
		{"container", port + "/config", pb.Encoding_JSON, 0,
			port + `/config {"description":"up","enabled":true,"mtu":9000,"name":"Ethernet3/1","type":"ethernetCsmacd"}`},
		{"container in JSON_IETF", port + "/config", pb.Encoding_JSON_IETF, 0,
			port + `/config {"openconfig-interfaces:description":"up","openconfig-interfaces:enabled":true,"openconfig-interfaces:mtu":9000,` +
				`"openconfig-interfaces:name":"Ethernet3/1","openconfig-interfaces:type":"iana-if-type:ethernetCsmacd"}`},
		{"module changes", port + "/ethernet", pb.Encoding_JSON_IETF, pb.GetRequest_CONFIG,
			port + `/ethernet {"openconfig-vlan:switched-vlan":{"config":{"access-vlan":1,"interface-mode":"ACCESS","native-vlan":1}}}`},
		{"module prefix", "/openconfig-interfaces:interfaces/interface[name=Ethernet3/1]/state/name", pb.Encoding_JSON, 0, port + `/state/name "Ethernet3/1"`},
		{"origin", "openconfig-interfaces:" + port + "/state/name", pb.Encoding_JSON, 0, port + `/state/name "Ethernet3/1"`},
		{"wildcard", "/interfaces/interface[name=*]/state/admin-status", pb.Encoding_PROTO, 0,
			"/interfaces/interface[name=Ethernet3/1]/state/admin-status UP\n/interfaces/interface[name=Ethernet3/2]/state/admin-status UP"},
		{"no key", "/interfaces/interface/state/oper-status", pb.Encoding_PROTO, 0,
			"/interfaces/interface[name=Ethernet3/1]/state/oper-status UP\n/interfaces/interface[name=Ethernet3/2]/state/oper-status DOWN"},
		{"any depth", "/.../in-octets", pb.Encoding_PROTO, 0,
			"/interfaces/interface[name=Ethernet3/1]/state/counters/in-octets 1099511627776\n" +
				"/interfaces/interface[name=Ethernet3/2]/state/counters/in-octets 1099511627776"},
		{"any name", port + "/*/description", pb.Encoding_PROTO, 0, port + "/config/description up\n" + port + "/state/description up"},
		{"default", "/system/config/hostname", pb.Encoding_JSON, 0, `/system/config/hostname "switch"`},
		{"VLAN", "/network-instances/network-instance[name=default]/vlans/vlan[vlan-id=10]/state", pb.Encoding_JSON, 0,
			`/network-instances/network-instance[name=default]/vlans/vlan[vlan-id=10]/state {"name":"RED","status":"ACTIVE","vlan-id":10}`},
		{"members", "/network-instances/network-instance[name=default]/vlans/vlan[vlan-id=1]/members", pb.Encoding_JSON, 0,
			`/network-instances/network-instance[name=default]/vlans/vlan[vlan-id=1]/members {"member":[{"state":{"interface":"Ethernet3/1"}}]}`},
		{"component", "/components/component[name=Module3]/state/oper-status", pb.Encoding_JSON_IETF, 0,
			`/components/component[name=Module3]/state/oper-status "openconfig-platform-types:ACTIVE"`},
		{"slot", "/components/component[name=Module3]/linecard", pb.Encoding_JSON_IETF, 0,
			`/components/component[name=Module3]/linecard {"openconfig-platform-linecard:state":{"slot-id":"3"}}`},
		{"MAC", port + "/ethernet/state/mac-address", pb.Encoding_JSON, 0, port + `/ethernet/state/mac-address "00:01:02:03:04:05"`},
		{"speed", port + "/ethernet/state/port-speed", pb.Encoding_JSON_IETF, 0, port + `/ethernet/state/port-speed "openconfig-if-ethernet:SPEED_10GB"`},
		{"boot time", "/system/state/boot-time", pb.Encoding_PROTO, 0, "/system/state/boot-time 1767323045000000000"},
		{"cli", "cli:/show version", pb.Encoding_ASCII, 0, "/show version version 1\n"},
		{"cli by product", "trunkline_cli:/show version", pb.Encoding_ASCII, 0, "/show version version 1\n"},
		{"own", "trunkline:/interfaces/interface[name=Ethernet3/1]/mtu", pb.Encoding_JSON, 0, port + "/mtu 9000"},
		{"own configuration", "trunkline:/interfaces/interface[name=Ethernet3/1]", pb.Encoding_JSON_IETF, pb.GetRequest_CONFIG,
			port + ` {"trunkline:name":"Ethernet3/1","trunkline:description":"up","trunkline:mtu":9000}`},
		{"own default", "trunkline:/system/hostname", pb.Encoding_JSON, 0, `/system/hostname "switch"`},
		{"own state", "trunkline:/interfaces/interface[name=Ethernet3/1]/oper/oper-status", pb.Encoding_ASCII, 0, port + "/oper/oper-status up"},
		{"state only", port, pb.Encoding_PROTO, pb.GetRequest_OPERATIONAL, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := w.get(t, c.path, c.enc, c.typ)
			if c.want == "" {
				if strings.Contains(got, "/config/") || strings.Contains(got, "/state/mtu") || !strings.Contains(got, "/state/ifindex") {
					t.Errorf("operational leaves:\n%s", got)
				}
				return
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestGetRefused(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		name, path string
		enc        pb.Encoding
		code       codes.Code
		text       string
	}{
		{"unknown leaf", "/interfaces/interface[name=Ethernet3/1]/state/no-such-leaf", 0, codes.InvalidArgument, `"no-such-leaf"`},
		{"missing entry", "/interfaces/interface[name=Ethernet9/99]/state/oper-status", 0, codes.NotFound, "Ethernet9/99"},
		{"wrong key", "/interfaces/interface[id=Ethernet3/1]/state", 0, codes.InvalidArgument, `"id"`},
		{"key of no list", "/interfaces[name=x]/interface", 0, codes.InvalidArgument, "no list"},
		{"not served", "/lldp/config/enabled", 0, codes.Unimplemented, "openconfig-lldp"},
		{"not served below", "/interfaces/interface[name=Ethernet3/1]/state/hardware-port", 0, codes.Unimplemented, "hardware-port"},
		{"unset", "/interfaces/interface[name=Ethernet3/1]/config/description", 0, codes.NotFound, "description"},
		{"encoding", "/system", pb.Encoding_BYTES, codes.Unimplemented, "BYTES"},
		{"origin", "foo:/interfaces", 0, codes.InvalidArgument, `"foo"`},
		{"cli", "cli:/reload", 0, codes.InvalidArgument, "% Invalid command"},
		{"own entry", "trunkline:/vlans/vlan[id=77]/name", 0, codes.NotFound, "77"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.client.Get(as("guest"), &pb.GetRequest{Path: []*pb.Path{path(c.path)}, Encoding: c.enc})
			if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.code, c.text)
			}
		})
	}
}

// TestDepth reads one level below a path (depth extension §3.1).
func TestDepth(t *testing.T) {
	w := start(t)
	one := []*gnmi_ext.Extension{{Ext: &gnmi_ext.Extension_Depth{Depth: &gnmi_ext.Depth{Level: 1}}}}
	for enc, want := range map[pb.Encoding]string{pb.Encoding_JSON_IETF: `{"openconfig-interfaces:name":"Ethernet3/1"}`, pb.Encoding_PROTO: "Ethernet3/1"} {
		r, err := w.client.Get(as("guest"), &pb.GetRequest{Path: []*pb.Path{path(port)}, Encoding: enc, Extension: one})
		if err != nil {
			t.Fatal(err)
		}
		if u := r.GetNotification()[0].GetUpdate(); len(u) != 1 || show(u[0].GetVal()) != want {
			t.Errorf("%v: got %v, want %s", enc, u, want)
		}
	}
}

// TestManyWildcards reads paths whose wildcards fit in more ways than anyone can
// try: that must cost no more than one of them.
func TestManyWildcards(t *testing.T) {
	w := start(t)
	for _, c := range []struct{ name, many, one string }{
		{"depth", strings.Repeat("/...", 40) + "/oper-status", "/.../oper-status"},
		{"depth and name", strings.Repeat("/.../*", 3) + strings.Repeat("/...", 30) + "/oper-status", "/*/*/*/.../oper-status"},
		{"own", "trunkline:" + strings.Repeat("/...", 40) + "/name", "trunkline:/.../name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			leaves := func(p string) (all []string) {
				ctx, cancel := context.WithTimeout(as("guest"), 10*time.Second)
				defer cancel()
				r, err := w.client.Get(ctx, &pb.GetRequest{Path: []*pb.Path{path(p)}, Encoding: pb.Encoding_PROTO})
				if err != nil {
					t.Fatalf("%s: %v", p, err)
				}
				for _, u := range r.GetNotification()[0].GetUpdate() {
					all = append(all, text(u.GetPath()))
				}
				return all
			}
			many, one := leaves(c.many), leaves(c.one)
			if len(one) == 0 || !slices.Equal(many, one) {
				t.Errorf("got %q, want %q", many, one)
			}
		})
	}
}
