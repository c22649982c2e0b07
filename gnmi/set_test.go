package gnmi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	port = "/interfaces/interface[name=Ethernet3/1]"
	vl   = "/network-instances/network-instance[name=default]/vlans"
)

func ops(r *pb.SetResponse) string {
	var out []string
	for _, u := range r.GetResponse() {
		out = append(out, u.GetOp().String()+" "+text(u.GetPath()))
	}
	return strings.Join(out, ", ")
}

func TestSet(t *testing.T) {
	w := start(t)
	want := func(path, value string) {
		t.Helper()
		if got := w.value(t, path); got != value {
			t.Errorf("%s = %s, want %s", path, got, value)
		}
	}
	absent := func(path string) {
		t.Helper()
		if got := w.get(t, path, 0, 0); !strings.Contains(got, "NotFound") {
			t.Errorf("%s: got %s, want NotFound", path, got)
		}
	}
	// Order: delete, replace, update, whatever the order of arguments (S6).
	r := w.set(t, &pb.SetRequest{
		Update:  []*pb.Update{update(port+"/config/description", stringVal("last"))},
		Replace: []*pb.Update{update(port+"/config", ietfVal(`{"openconfig-interfaces:name":"Ethernet3/1","description":"mid"}`))},
		Delete:  []*pb.Path{path(port + "/config/description")},
	})
	if got, want := ops(r), "DELETE "+port+"/config/description, REPLACE "+port+"/config, UPDATE "+port+"/config/description"; got != want {
		t.Errorf("results %s, want %s", got, want)
	}
	want(port+"/config/description", `"last"`)
	// Update merges, replace clears (S2, S3).
	w.set(t, &pb.SetRequest{Update: []*pb.Update{update(port+"/config", jsonVal(`{"mtu":9000,"enabled":false}`))}})
	want(port+"/config/description", `"last"`)
	want(port+"/state/admin-status", `"DOWN"`)
	w.set(t, &pb.SetRequest{Replace: []*pb.Update{update(port+"/config", ietfVal(`{"name":"Ethernet3/1","mtu":9000}`))}})
	want(port+"/config/mtu", "9000")
	want(port+"/config/enabled", "true")
	absent(port + "/config/description")
	// Trunk VLANs are a leaf-list (E6).
	w.set(t, &pb.SetRequest{Update: []*pb.Update{
		update(port+"/ethernet/switched-vlan/config", ietfVal(`{"interface-mode":"TRUNK","trunk-vlans":[10,"20..30"]}`))}})
	want(port+"/ethernet/switched-vlan/config/trunk-vlans", `[10,"20..30"]`)
	want(port+"/ethernet/switched-vlan/state/trunk-vlans", `[10,"20..30"]`)
	want("trunkline:"+port+"/switchport/trunk/allowed-vlans", `"10,20-30"`)
	// A list as a whole: what is left out goes, VLAN 1 stays (§1.7).
	w.set(t, &pb.SetRequest{Update: []*pb.Update{
		update(vl+"/vlan", jsonVal(`[{"vlan-id":10,"config":{"vlan-id":10,"name":"RED"}},{"vlan-id":11},{"vlan-id":12,"config":{"status":"SUSPENDED"}}]`))}})
	want(vl+"/vlan[vlan-id=11]/state/name", `"VLAN0011"`)
	want(vl+"/vlan[vlan-id=12]/state/status", `"SUSPENDED"`)
	w.set(t, &pb.SetRequest{Replace: []*pb.Update{update(vl, jsonVal(`{"vlan":[{"vlan-id":10}]}`))}})
	absent(vl + "/vlan[vlan-id=11]/state/name")
	absent(vl + "/vlan[vlan-id=10]/config/name")
	want(vl+"/vlan[vlan-id=10]/state/name", `"VLAN0010"`)
	want(vl+"/vlan[vlan-id=1]/state/name", `"default"`)
	// Deletes: of nothing, of a physical port, of all descriptions (S5, S11).
	w.set(t, &pb.SetRequest{Delete: []*pb.Path{path(vl + "/vlan[vlan-id=3960]"), path(port), path(vl + "/vlan[vlan-id=1]")}})
	want(port+"/config/mtu", "1500")
	w.set(t, &pb.SetRequest{Update: []*pb.Update{
		update(port+"/config/description", stringVal("a")),
		update("/interfaces/interface[name=Ethernet3/2]/config/description", stringVal("b")),
		update(port+"/config/mtu", uintVal(2000)),
	}})
	w.set(t, &pb.SetRequest{Delete: []*pb.Path{path("/interfaces/interface[name=*]/config/description")}})
	absent(port + "/config/description")
	want(port+"/config/mtu", "2000")
	// Prefix, empty, own origin, cli (S8, O2).
	w.set(t, &pb.SetRequest{Prefix: path(port), Update: []*pb.Update{update("/config/description", stringVal("by prefix"))}})
	want(port+"/state/description", `"by prefix"`)
	w.set(t, &pb.SetRequest{})
	w.set(t, &pb.SetRequest{Update: []*pb.Update{
		update("trunkline:"+port, ietfVal(`{"trunkline:description":"own","mtu":3000}`)),
		update("trunkline:/vlans/vlan", jsonVal(`[{"id":40},{"id":41,"name":"X"}]`)),
		update("cli:/", asciiVal("hostname by-cli")),
	}})
	want(port+"/config/description", `"own"`)
	want(vl+"/vlan[vlan-id=41]/config/name", `"X"`)
	want("/system/state/hostname", `"by-cli"`)
	w.set(t, &pb.SetRequest{Replace: []*pb.Update{update("trunkline:/vlans", jsonVal(`{"vlan":[{"id":41}]}`))}})
	absent(vl + "/vlan[vlan-id=40]/state/name")
	absent(vl + "/vlan[vlan-id=41]/config/name")
	// The whole configuration, back as it was read.
	all := w.value(t, "trunkline:/")
	before := w.store.Running()
	config := w.get(t, "trunkline:/", pb.Encoding_JSON_IETF, pb.GetRequest_CONFIG)
	w.set(t, &pb.SetRequest{Replace: []*pb.Update{update("trunkline:/", ietfVal(strings.TrimSpace(config)))}})
	if now := w.store.Running(); !now.Tree.Equal(before.Tree) || now.Generation != before.Generation {
		t.Errorf("replace by what was read changed something; read %s, all %s", config, all)
	}
	// One transaction that replaces everything by what it says.
	w.set(t, &pb.SetRequest{UnionReplace: []*pb.Update{
		update("/", jsonVal(`{"openconfig-system:system":{"config":{"hostname":"union"}}}`)),
		update("trunkline:/", jsonVal(`{"vlans":{"vlan":[{"id":50}]}}`)),
	}})
	want("/system/config/hostname", `"union"`)
	want(vl+"/vlan[vlan-id=50]/state/status", `"ACTIVE"`)
	want(port+"/config/mtu", "1500")
}

func TestSetRefused(t *testing.T) {
	w := start(t)
	w.set(t, &pb.SetRequest{Update: []*pb.Update{update(vl+"/vlan[vlan-id=10]/config/name", stringVal("RED"))}})
	depth := &gnmi_ext.Extension{Ext: &gnmi_ext.Extension_Depth{Depth: &gnmi_ext.Depth{Level: 1}}}
	history := &gnmi_ext.Extension{Ext: &gnmi_ext.Extension_History{History: &gnmi_ext.History{}}}
	for _, c := range []struct {
		name string
		r    *pb.SetRequest
		code codes.Code
		text string
	}{
		{"wrong type", &pb.SetRequest{Update: []*pb.Update{update(port+"/config/enabled", stringVal("maybe"))}}, codes.InvalidArgument, "want true or false"},
		{"range", &pb.SetRequest{Update: []*pb.Update{update(port+"/config/mtu", uintVal(1))}}, codes.InvalidArgument, "% Invalid number, range is (576:9216)"},
		{"range in own", &pb.SetRequest{Update: []*pb.Update{update("trunkline:"+port+"/mtu", uintVal(1))}}, codes.InvalidArgument, "% Invalid number, range is (576:9216)"},
		{"all or nothing", &pb.SetRequest{Update: []*pb.Update{
			update("/system/config/hostname", stringVal("half")), update(port+"/config/mtu", uintVal(1))}}, codes.InvalidArgument, port + "/config/mtu"},
		{"two origins", &pb.SetRequest{Update: []*pb.Update{
			update("/system/config/hostname", stringVal("half")), update("cli:/", asciiVal("no-such-command"))}}, codes.InvalidArgument, "no-such-command"},
		{"key", &pb.SetRequest{Update: []*pb.Update{update(vl+"/vlan[vlan-id=10]/config", jsonVal(`{"vlan-id":11}`))}}, codes.InvalidArgument, "is not the key"},
		{"key of the entry", &pb.SetRequest{Update: []*pb.Update{update(vl+"/vlan[vlan-id=10]", jsonVal(`{"vlan-id":11}`))}}, codes.InvalidArgument, "is not the key"},
		{"state", &pb.SetRequest{Update: []*pb.Update{update(port+"/state/oper-status", stringVal("DOWN"))}}, codes.InvalidArgument, "read-only"},
		{"state in own", &pb.SetRequest{Update: []*pb.Update{update("trunkline:"+port+"/oper/mtu", uintVal(9))}}, codes.InvalidArgument, "read-only"},
		{"delete state", &pb.SetRequest{Delete: []*pb.Path{path(port + "/state")}}, codes.InvalidArgument, "read-only"},
		{"unknown", &pb.SetRequest{Update: []*pb.Update{update(port+"/config/colour", stringVal("red"))}}, codes.NotFound, `"colour"`},
		{"unknown in JSON", &pb.SetRequest{Update: []*pb.Update{update(port+"/config", jsonVal(`{"colour":"red"}`))}}, codes.InvalidArgument, `"colour"`},
		{"not served", &pb.SetRequest{Update: []*pb.Update{update("/lldp/config/enabled", boolVal(true))}}, codes.Unimplemented, "not served"},
		{"not served in JSON", &pb.SetRequest{Update: []*pb.Update{update(port, jsonVal(`{"hold-time":{}}`))}}, codes.Unimplemented, "hold-time"},
		{"no such port", &pb.SetRequest{Update: []*pb.Update{update("/interfaces/interface[name=Ethernet1/1]/config/mtu", uintVal(1500))}},
			codes.InvalidArgument, "ERROR: Interface does not exist: Ethernet1/1"},
		{"feature's check", &pb.SetRequest{Update: []*pb.Update{update(vl+"/vlan[vlan-id=20]/config/name", stringVal("RED"))}},
			codes.InvalidArgument, "ERROR: VLAN name RED is in use by VLAN 10."},
		{"wildcard", &pb.SetRequest{Update: []*pb.Update{update("/interfaces/interface[name=*]/config/mtu", uintVal(1500))}}, codes.InvalidArgument, "every key"},
		{"type", &pb.SetRequest{Update: []*pb.Update{update(port+"/config/type", stringVal("iana-if-type:l2vlan"))}}, codes.InvalidArgument, "cannot be changed"},
		{"enumeration", &pb.SetRequest{Update: []*pb.Update{update(port+"/ethernet/switched-vlan/config/interface-mode", stringVal("trunk"))}},
			codes.InvalidArgument, "want ACCESS or TRUNK"},
		{"VLAN range", &pb.SetRequest{Update: []*pb.Update{update(port+"/ethernet/switched-vlan/config/access-vlan", uintVal(5000))}},
			codes.InvalidArgument, "% Invalid number, range is (1:4094)"},
		{"VLAN key", &pb.SetRequest{Update: []*pb.Update{update(vl+"/vlan[vlan-id=5000]/config/name", stringVal("A"))}}, codes.InvalidArgument, "5000"},
		{"null", &pb.SetRequest{Replace: []*pb.Update{update(vl, jsonVal(`null`))}}, codes.InvalidArgument, "null"},
		{"twice", &pb.SetRequest{Update: []*pb.Update{update(port+"/config", jsonVal(`{"mtu":1500,"mtu":1600}`))}}, codes.InvalidArgument, "twice"},
		{"broken JSON", &pb.SetRequest{Update: []*pb.Update{update(port+"/config", jsonVal(`{"mtu":`))}}, codes.InvalidArgument, "JSON"},
		{"no value", &pb.SetRequest{Update: []*pb.Update{update(port+"/config", nil)}}, codes.InvalidArgument, "no value"},
		{"other instance", &pb.SetRequest{Update: []*pb.Update{update("/network-instances/network-instance[name=red]/config/name", stringVal("red"))}},
			codes.Unimplemented, "red"},
		{"union mixed", &pb.SetRequest{UnionReplace: []*pb.Update{update("/", jsonVal(`{}`))}, Delete: []*pb.Path{path(port)}}, codes.InvalidArgument, "does not mix"},
		{"depth", &pb.SetRequest{Extension: []*gnmi_ext.Extension{depth}}, codes.InvalidArgument, "depth"},
		{"history", &pb.SetRequest{Extension: []*gnmi_ext.Extension{history}}, codes.Unimplemented, "history"},
		{"two origins named", &pb.SetRequest{Prefix: path("openconfig:/"), Delete: []*pb.Path{path("openconfig:/system")}}, codes.InvalidArgument, "must not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.store.Running()
			_, err := w.client.Set(as("admin"), c.r)
			if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.code, c.text)
			}
			if w.store.Running().Generation != before.Generation {
				t.Error("something was committed")
			}
		})
	}
}

func TestAccess(t *testing.T) {
	w := start(t)
	get := &pb.GetRequest{Path: []*pb.Path{path("/system/state/hostname")}}
	for name, ctx := range map[string]context.Context{"nobody": context.Background(), "wrong": asPassword("admin", "wrong")} {
		if _, err := w.client.Get(ctx, get); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v, want Unauthenticated", name, err)
		}
	}
	_, err := w.client.Set(as("guest"), &pb.SetRequest{Update: []*pb.Update{update("/system/config/hostname", stringVal("x"))}})
	if status.Code(err) != codes.PermissionDenied || status.Convert(err).Message() != "% Permission denied for the role" {
		t.Errorf("Set by an operator: %v", err)
	}
	r, err := w.client.Capabilities(as("guest"), &pb.CapabilityRequest{})
	if err != nil || r.GetGNMIVersion() < "0.10" || len(r.GetSupportedEncodings()) != 4 {
		t.Errorf("capabilities %v, %v", r, err)
	}
	names := map[string]bool{}
	for _, m := range r.GetSupportedModels() {
		if m.GetVersion() == "" || m.GetOrganization() == "" || names[m.GetName()] {
			t.Errorf("model %v", m)
		}
		names[m.GetName()] = true
	}
}

// TestNoEffect sets what is so already.
func TestNoEffect(t *testing.T) {
	w := start(t)
	r := &pb.SetRequest{Replace: []*pb.Update{update(port, jsonVal(`{"name":"Ethernet3/1","config":{"name":"Ethernet3/1","mtu":9000}}`))}}
	w.set(t, r)
	before := w.store.Running().Generation
	w.set(t, r)
	if now := w.store.Running().Generation; now != before {
		t.Errorf("generation %d after %d: a Set without effect was committed", now, before)
	}
}

// TestConfirm takes a commit back unless it is confirmed.
func TestConfirm(t *testing.T) {
	w := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.store.KeepTrials(ctx, nil) }()
	t.Cleanup(func() { cancel(); <-done })
	hostname := func() string { return w.value(t, "/system/state/hostname") }
	request := func(id string, d time.Duration, name string) *pb.SetRequest {
		return &pb.SetRequest{
			Update: []*pb.Update{update("/system/config/hostname", stringVal(name))},
			Extension: []*gnmi_ext.Extension{{Ext: &gnmi_ext.Extension_Commit{Commit: &gnmi_ext.Commit{
				Id: id, Action: &gnmi_ext.Commit_Commit{Commit: &gnmi_ext.CommitRequest{RollbackDuration: durationpb.New(d)}}}}}},
		}
	}
	confirm := func(id string) *pb.SetRequest {
		return &pb.SetRequest{Extension: []*gnmi_ext.Extension{{Ext: &gnmi_ext.Extension_Commit{Commit: &gnmi_ext.Commit{
			Id: id, Action: &gnmi_ext.Commit_Confirm{Confirm: &gnmi_ext.CommitConfirm{}}}}}}}
	}
	w.set(t, request("t1", time.Second, "temp"))
	if hostname() != `"temp"` {
		t.Errorf("host name %s at once", hostname())
	}
	if _, err := w.client.Set(as("admin"), request("t5", time.Minute, "other")); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("second commit: %v", err)
	}
	if _, err := w.client.Set(as("admin"), &pb.SetRequest{Update: []*pb.Update{update("/system/config/hostname", stringVal("x"))}}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("Set while a commit is pending: %v", err)
	}
	eventually(t, func() bool { return hostname() == `"switch"` }, "the commit is not taken back")
	w.set(t, request("t2", time.Minute, "kept"))
	if _, err := w.client.Set(as("admin"), confirm("other")); status.Code(err) != codes.InvalidArgument {
		t.Errorf("confirm of another: %v", err)
	}
	w.set(t, confirm("t2"))
	if _, err := w.client.Set(as("admin"), confirm("t2")); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("confirm of none: %v", err)
	}
	if hostname() != `"kept"` {
		t.Errorf("host name %s, want kept", hostname())
	}
}

func TestArbitration(t *testing.T) {
	w := start(t)
	as := func(high, low uint64) error {
		_, err := w.client.Set(as("admin"), &pb.SetRequest{Extension: []*gnmi_ext.Extension{{Ext: &gnmi_ext.Extension_MasterArbitration{
			MasterArbitration: &gnmi_ext.MasterArbitration{ElectionId: &gnmi_ext.Uint128{High: high, Low: low}}}}}})
		return err
	}
	for _, c := range []struct {
		high, low uint64
		want      codes.Code
	}{{0, 5, codes.OK}, {0, 4, codes.PermissionDenied}, {0, 5, codes.OK}, {1, 0, codes.OK}, {0, 9, codes.PermissionDenied}} {
		if err := as(c.high, c.low); status.Code(err) != c.want {
			t.Errorf("election id %d,%d: %v, want %v", c.high, c.low, err, c.want)
		}
	}
}
