package gnmi_test

import (
	"context"
	"testing"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"trunkline/gnmi"
)

// FuzzPath reads any path, with any prefix and origin.
func FuzzPath(f *testing.F) {
	for _, p := range []string{
		"/interfaces/interface[name=Ethernet3/1]/state", "/.../in-octets", "/*/*/*", "trunkline:/vlans/vlan[id=1]/oper", "cli:/show version",
		"/network-instances/network-instance[name=default]/vlans/vlan[vlan-id=*]",
	} {
		b, err := proto.Marshal(path(p))
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte{}, b)
	}
	w := build(f)
	f.Fuzz(func(t *testing.T, prefix, p []byte) {
		r := &pb.GetRequest{Prefix: &pb.Path{}, Path: []*pb.Path{{}}}
		if proto.Unmarshal(prefix, r.Prefix) != nil || proto.Unmarshal(p, r.Path[0]) != nil {
			return
		}
		out, err := w.server.Get(t.Context(), r)
		known(t, err)
		for _, n := range out.GetNotification() {
			for _, u := range n.GetUpdate() {
				for _, e := range u.GetPath().GetElem() {
					if n.GetPrefix().GetOrigin() != "cli" && n.GetPrefix().GetOrigin() != "trunkline_cli" && (e.GetName() == "*" || e.GetName() == "...") {
						t.Errorf("a wildcard in an answer: %v", u.GetPath())
					}
				}
			}
		}
	})
}

// FuzzSet makes any Set; what is committed passes every check and is printed and
// read back.
func FuzzSet(f *testing.F) {
	for _, r := range []*pb.SetRequest{
		{Update: []*pb.Update{update(port+"/config", jsonVal(`{"mtu":9000}`))}},
		{Replace: []*pb.Update{update(vl, jsonVal(`{"vlan":[{"vlan-id":10}]}`))}, Delete: []*pb.Path{path(port)}},
		{UnionReplace: []*pb.Update{update("trunkline:/", ietfVal(`{"trunkline:system":{"hostname":"a"}}`)), update("cli:/", asciiVal("hostname b"))}},
		{Update: []*pb.Update{update("trunkline:/vlans/vlan[id=7]/name", stringVal("A"))}},
	} {
		b, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	w := build(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &pb.SetRequest{}
		if proto.Unmarshal(b, r) != nil {
			return
		}
		w.change(t, r)
	})
}

// FuzzValue gives any JSON to the root, a list and a leaf.
func FuzzValue(f *testing.F) {
	f.Add([]byte(`{"openconfig-interfaces:interfaces":{"interface":[{"name":"Ethernet3/1","config":{"enabled":false}}]}}`))
	f.Add([]byte(`{"vlans":{"vlan":[{"id":10,"name":"A"}]}}`))
	f.Add([]byte(`[10,"20..30"]`))
	w := build(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v := &pb.TypedValue{Value: &pb.TypedValue_JsonIetfVal{JsonIetfVal: b}}
		for _, p := range []string{"/", "trunkline:/", vl + "/vlan", port + "/ethernet/switched-vlan/config/trunk-vlans", "trunkline:/vlans/vlan"} {
			w.change(t, &pb.SetRequest{Update: []*pb.Update{update(p, v)}})
			w.change(t, &pb.SetRequest{Replace: []*pb.Update{update(p, v)}})
		}
	})
}

// change makes a Set without a network, as admin.
func (w *world) change(t *testing.T, r *pb.SetRequest) {
	t.Helper()
	before := w.store.Running()
	out, err := w.server.Set(gnmi.AsAdmin(context.Background()), r)
	known(t, err)
	now := w.store.Running()
	if err != nil && now.Generation != before.Generation {
		t.Errorf("refused with %v, and committed", err)
	}
	if err == nil && len(out.GetResponse()) != len(r.GetDelete())+len(r.GetReplace())+len(r.GetUpdate())+len(r.GetUnionReplace()) {
		t.Errorf("%d results", len(out.GetResponse()))
	}
	text, err := w.store.Schema().EncodeJSON(now.Tree)
	if err != nil {
		t.Fatalf("what was committed cannot be written: %v", err)
	}
	back, err := w.store.Schema().DecodeJSON(text)
	if err != nil || !back.Equal(now.Tree) {
		t.Errorf("what was committed does not come back: %v\n%s", err, text)
	}
}

// known refuses errors that are nobody's answer.
func known(t *testing.T, err error) {
	t.Helper()
	switch status.Code(err) {
	case codes.Unknown, codes.Internal:
		t.Errorf("%v", err)
	}
}
