package supervisor

import (
	"bytes"
	"strings"
	"testing"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/metadata"

	"trunkline/cli/session"
	"trunkline/config/schema"
	"trunkline/feature"
)

// TestSecretsAreHidden looks for the hash of a password at every door, as a user
// who may not read it, and as one who may.
func TestSecretsAreHidden(t *testing.T) {
	s, client, _ := gnmiClient(t)
	r := &running{Supervisor: s, t: t}
	r.operator = s.CLI().Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
	r.types("configure terminal ; username bob password Tr0ub4dor&3 role network-operator ; username eve password Tr0ub4dor&4 ; end")
	r.types("checkpoint one ; copy running-config startup-config ; copy running-config bootflash:kept ; show running-config > bootflash:shown")
	r.types("configure terminal ; no username eve ; end ; rollback running-config checkpoint one verbose")
	const hash = "$5$"        // how each begins
	doors := map[string]bool{ // and whether an administrator sees one
		"show running-config": true, "show running-config all": true, "show running-config | include username": true,
		"show running-config | json": false, "show running-config | xml": false, "show startup-config": true, "show running-config diff": false,
		"show checkpoint one": true, "show checkpoint all": true, "show file bootflash:kept": true, "show file shown": true,
		"show diff rollback-patch checkpoint one running-config":      false,
		"show diff rollback-patch file bootflash:kept checkpoint one": false,
		"show diff rollback-patch startup-config running-config":      false,
		"show rollback log exec":                                      false, "show rollback log verify": false, "show accounting log": false, "show configuration commit list": false,
		"show user-account": false, "show user-account bob | json": false, "show user-account | xml": false, "show tech-support": false,
		"show running-config username": false, "show logging logfile": false, "show cli history": false,
	}
	for line, seen := range doors {
		for role, sees := range map[feature.Role]bool{feature.NetworkOperator: false, feature.NetworkAdmin: seen} {
			var out bytes.Buffer
			s.CLI().Session(session.Options{Who: feature.Session{User: "x", Role: role}}).Run(t.Context(), line, console{&out})
			if got := strings.Contains(out.String(), hash); got != sees {
				t.Errorf("role %q, %q: a hash is seen: %v\n%s", role, line, got, clipped(out.String()))
			}
			if sees && role != feature.NetworkAdmin && !strings.Contains(out.String(), schema.Hidden) {
				t.Errorf("role %q, %q: nothing stands for the hash", role, line)
			}
		}
	}
	// An oracle is no better than a look: what is hidden is hidden from filters.
	var out bytes.Buffer
	s.CLI().Session(session.Options{Who: feature.Session{User: "x", Role: feature.NetworkOperator}}).
		Run(t.Context(), `show running-config | include "\$5\$" | count`, console{&out})
	if got := strings.TrimSpace(out.String()); got != "0" {
		t.Errorf("a filter finds %s hashes", got)
	}
	for user, sees := range map[string]bool{"bob": false, "admin": true} {
		password := "Tr0ub4dor&3"
		ctx := metadata.AppendToOutgoingContext(t.Context(), "username", user, "password", password)
		for enc := range pb.Encoding_name {
			encoding := pb.Encoding(enc)
			if encoding == pb.Encoding_BYTES {
				continue // is not offered
			}
			for _, p := range []*pb.Path{
				{Origin: "trunkline"}, {Origin: "trunkline", Elem: []*pb.PathElem{{Name: "users"}, {Name: "user", Key: map[string]string{"user": "*"}}, {Name: "password"}}},
				{Origin: "cli", Elem: []*pb.PathElem{{Name: "show running-config"}}},
			} {
				got, err := client.Get(ctx, &pb.GetRequest{Path: []*pb.Path{p}, Encoding: encoding})
				if err != nil {
					t.Fatalf("%s: Get %v in %v: %v", user, p, encoding, err)
				}
				if seen := strings.Contains(got.String(), hash); seen != sees {
					t.Errorf("%s: Get %v in %v: a hash is seen: %v", user, p, encoding, seen)
				}
				if p.Origin == "cli" {
					continue
				}
				stream, err := client.Subscribe(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if err := stream.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: &pb.SubscriptionList{
					Mode: pb.SubscriptionList_ONCE, Encoding: encoding, Subscription: []*pb.Subscription{{Path: p}},
				}}}); err != nil {
					t.Fatal(err)
				}
				seen := false
				for {
					m, err := stream.Recv()
					if err != nil {
						t.Fatalf("%s: Subscribe %v in %v: %v", user, p, encoding, err)
					}
					seen = seen || strings.Contains(m.String(), hash)
					if m.GetSyncResponse() {
						break
					}
				}
				if seen != sees {
					t.Errorf("%s: Subscribe %v in %v: a hash is seen: %v", user, p, encoding, seen)
				}
			}
		}
	}
	// What stands for a secret sets none.
	if text, ok := lines(t, s, "configure terminal ; username bob password 5 "+schema.Hidden); ok {
		t.Errorf("what stands for a hash is taken for one: %s", text)
	}
}

func clipped(s string) string { return s[:min(len(s), 2000)] }
