package supervisor

import (
	"strings"
	"testing"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestRolesOfGNMI reads and writes through gNMI as a user with a role of the
// operator's own.
func TestRolesOfGNMI(t *testing.T) {
	_, client, admin := gnmiClient(t)
	if _, err := client.Set(admin, cliUpdate("vlan 10\nhostname before\nrole name vlans\n  rule 9 deny command vlan 20\n  rule 8 permit read-write feature vlan\n"+
		"username eve password Tr0ub4dor&4 role vlans\n")); err != nil {
		t.Fatal(err)
	}
	eve := metadata.AppendToOutgoingContext(t.Context(), "username", "eve", "password", "Tr0ub4dor&4")
	for _, enc := range []pb.Encoding{pb.Encoding_JSON_IETF, pb.Encoding_PROTO} {
		got, err := client.Get(eve, &pb.GetRequest{Path: []*pb.Path{{Origin: "trunkline"}}, Encoding: enc})
		if err != nil {
			t.Fatal(err)
		}
		if text := got.String(); !strings.Contains(text, "vlan") || strings.Contains(text, "hostname") || strings.Contains(text, "users") {
			t.Errorf("%v: what a reader of VLANs sees: %.500s", enc, text)
		}
		if got, err := client.Get(eve, &pb.GetRequest{Path: []*pb.Path{{Origin: "openconfig"}}, Encoding: enc}); err == nil && strings.Contains(got.String(), "before") {
			t.Errorf("%v: OpenConfig shows the host name", enc)
		}
	}
	vlan := func(id string) *pb.Path {
		return &pb.Path{Origin: "trunkline", Elem: []*pb.PathElem{{Name: "vlans"}, {Name: "vlan", Key: map[string]string{"id": id}}}}
	}
	name := func(id string) *pb.SetRequest {
		p := vlan(id)
		p.Elem = append(p.Elem, &pb.PathElem{Name: "name"})
		return &pb.SetRequest{Update: []*pb.Update{{Path: p, Val: &pb.TypedValue{Value: &pb.TypedValue_StringVal{StringVal: "x" + id}}}}}
	}
	for what, c := range map[string]struct {
		set  *pb.SetRequest
		want codes.Code
	}{
		"a VLAN":               {name("30"), codes.OK},
		"a line":               {cliUpdate("vlan 31"), codes.OK},
		"a denied VLAN":        {name("20"), codes.PermissionDenied},
		"a denied line":        {cliUpdate("vlan 20"), codes.PermissionDenied},
		"another feature":      {cliUpdate("hostname x"), codes.PermissionDenied},
		"a part of it":         {cliUpdate("vlan 32\nhostname x"), codes.PermissionDenied},
		"himself":              {cliUpdate("username eve role network-admin"), codes.PermissionDenied},
		"all that there is":    {&pb.SetRequest{Replace: []*pb.Update{{Path: &pb.Path{Origin: "trunkline"}, Val: &pb.TypedValue{Value: &pb.TypedValue_JsonIetfVal{JsonIetfVal: []byte("{}")}}}}}, codes.PermissionDenied},
		"removing what he may": {&pb.SetRequest{Delete: []*pb.Path{vlan("10")}}, codes.OK},
	} {
		if _, err := client.Set(eve, c.set); status.Code(err) != c.want {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	for line, want := range map[string]codes.Code{"show vlan": codes.OK, "show hostname": codes.PermissionDenied, "show running-config": codes.PermissionDenied} {
		if _, err := client.Get(eve, &pb.GetRequest{Path: []*pb.Path{{Origin: "cli", Elem: []*pb.PathElem{{Name: line}}}}, Encoding: pb.Encoding_ASCII}); status.Code(err) != want {
			t.Errorf("%s: %v, want %v", line, err, want)
		}
	}
}
