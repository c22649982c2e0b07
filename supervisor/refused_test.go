package supervisor

import (
	"strings"
	"testing"

	pb "github.com/openconfig/gnmi/proto/gnmi"
)

// TestRefusedSetIsAccounted keeps account of a Set that is refused: by a check,
// and while another commit is on trial.
func TestRefusedSetIsAccounted(t *testing.T) {
	s, client, ctx := gnmiClient(t)
	update := func(path, value string) *pb.SetRequest {
		return &pb.SetRequest{Update: []*pb.Update{{
			Path: modelPath(path), Val: &pb.TypedValue{Value: &pb.TypedValue_JsonVal{JsonVal: []byte(value)}},
		}}}
	}
	const vlan, state = "vlans/vlan[id=20]/name", "vlans/vlan[id=20]/state"
	for path, value := range map[string]string{vlan: `"web"`, state: `"on fire"`} {
		if _, err := client.Set(ctx, update(path, value)); (err == nil) != (path == vlan) {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if out, ok := lines(t, s, "configure session s ; hostname other ; commit confirmed 5"); !ok {
		t.Fatal(out)
	}
	if _, err := client.Set(ctx, update("system/hostname", `"mine"`)); err == nil {
		t.Fatal("a Set goes on while another commit is on trial")
	}
	out, _ := lines(t, s, "show accounting log")
	for _, want := range []string{
		":type=update:id=127.0.0.1:user=admin:cmd=gNMI Set update /vlans/vlan[id=20]/state (FAILURE)\n",
		":type=update:id=127.0.0.1:user=admin:cmd=gNMI Set update /system/hostname (FAILURE)\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "/name (FAILURE)") {
		t.Errorf("a Set that was accepted is said to have failed:\n%s", out)
	}
}
