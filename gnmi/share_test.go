package gnmi_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/gnmi"
)

// subscribe begins a subscription and waits for its first answer.
func subscribe(t testing.TB, c pb.GNMIClient, ctx context.Context, mode pb.SubscriptionList_Mode, paths ...string) (pb.GNMI_SubscribeClient, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	s, err := c.Subscribe(ctx)
	if err != nil {
		return nil, err
	}
	l := &pb.SubscriptionList{Mode: mode, Encoding: pb.Encoding_PROTO}
	for _, p := range paths {
		l.Subscription = append(l.Subscription, &pb.Subscription{Path: path(p), Mode: pb.SubscriptionMode_ON_CHANGE})
	}
	if err := s.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: l}}); err != nil {
		return nil, err
	}
	_, err = s.Recv()
	return s, err
}

// TestOperatorLeavesStreams has an operator take all subscriptions that he gets:
// an administrator still gets one.
func TestOperatorLeavesStreams(t *testing.T) {
	w := start(t)
	n := 0
	for ; ; n++ {
		if _, err := subscribe(t, w.client, as("guest"), pb.SubscriptionList_STREAM, "trunkline:/system/hostname"); err != nil {
			if status.Code(err) != codes.ResourceExhausted {
				t.Fatal(err)
			}
			break
		}
	}
	if n != gnmi.EachStreams() {
		t.Errorf("one user has %d subscriptions, want %d", n, gnmi.EachStreams())
	}
	if _, err := subscribe(t, w.client, as("admin"), pb.SubscriptionList_STREAM, "trunkline:/system/hostname"); err != nil {
		t.Errorf("an administrator is kept out: %v", err)
	}
}

// fill gives the switch a configuration of about so many bytes of JSON.
func (w *world) fill(t testing.TB, size int) {
	t.Helper()
	c := w.store.Begin()
	for i := 2; size > 0; i++ {
		at := tree.Path{{Name: "vlans"}}.Entry("vlan", fmt.Sprint(i))
		name := strings.Repeat("x", 24) + fmt.Sprint(i)
		if err := c.Apply(config.Edit{Op: config.Set, Path: at}, config.Edit{Op: config.Set, Path: at.Child("name"), Value: name}); err != nil {
			t.Fatal(err)
		}
		size -= 48
	}
	if _, err := w.store.Commit(t.Context(), c, config.Meta{}); err != nil {
		t.Fatal(err)
	}
}

// TestAnswersAreBounded asks for everything as often as one request can.
func TestAnswersAreBounded(t *testing.T) {
	w := start(t)
	const limit = 1 << 20
	w.server.SetAnswer(limit)
	w.fill(t, 8<<10)
	all := make([]string, gnmi.MaxPaths)
	var paths []*pb.Path
	for i := range all {
		all[i] = "trunkline:/"
		paths = append(paths, path(all[i]))
	}
	one, err := w.client.Get(as("guest"), &pb.GetRequest{Path: paths[:1], Encoding: pb.Encoding_PROTO})
	if err != nil {
		t.Fatal(err)
	}
	if size := len(one.String()); size*len(paths) < limit {
		t.Fatalf("%d times %d bytes are too little for the test", len(paths), size)
	}
	_, err = w.client.Get(as("guest"), &pb.GetRequest{Path: paths, Encoding: pb.Encoding_PROTO})
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "ask for less") {
		t.Errorf("Get: %v", err)
	}
	s, err := subscribe(t, w.client, as("guest"), pb.SubscriptionList_ONCE, all...)
	for n := 0; err == nil; n++ {
		_, err = s.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("Subscribe ONCE: %v", err)
	}
	eventually(t, func() bool { return w.server.Held() == 0 }, "what was held is not given back")
}

// changing are users of whom one can be removed.
type changing struct {
	users
	mu  sync.Mutex
	now map[string]feature.Role // "" for nobody
}

func (c *changing) Lookup(user string) (feature.Identity, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if role, ok := c.now[user]; ok {
		return feature.Identity{User: user, Role: role}, role != ""
	}
	return c.users.Lookup(user)
}

func (c *changing) become(user string, role feature.Role) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = map[string]feature.Role{user: role}
}

// TestUserChanges removes a user, or changes his role, while he has RPCs.
func TestUserChanges(t *testing.T) {
	for name, c := range map[string]struct {
		role feature.Role
		want codes.Code
	}{"removed": {"", codes.Unauthenticated}, "another role": {feature.NetworkAdmin, codes.PermissionDenied}} {
		t.Run(name, func(t *testing.T) {
			u := &changing{}
			w := startWith(t, u)
			var ended []pb.GNMI_SubscribeClient
			for _, mode := range []pb.SubscriptionList_Mode{pb.SubscriptionList_STREAM, pb.SubscriptionList_STREAM} {
				s, err := subscribe(t, w.client, as("guest"), mode, "trunkline:/system/hostname")
				if err != nil {
					t.Fatal(err)
				}
				ended = append(ended, s)
			}
			poll, err := w.client.Subscribe(as("guest"))
			if err != nil {
				t.Fatal(err)
			}
			if err := poll.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: &pb.SubscriptionList{
				Mode: pb.SubscriptionList_POLL, Subscription: []*pb.Subscription{{Path: path("trunkline:/system")}},
			}}}); err != nil {
				t.Fatal(err)
			}
			ended = append(ended, poll)
			stays, err := subscribe(t, w.client, as("admin"), pb.SubscriptionList_STREAM, "trunkline:/vlans")
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, func() bool { return w.server.Streams() == 4 }, "subscriptions are not there")
			u.become("guest", c.role)
			w.fill(t, 48) // a commit
			for _, s := range ended {
				var err error
				for err == nil {
					_, err = s.Recv()
				}
				if status.Code(err) != c.want {
					t.Errorf("ended with %v, want %v", err, c.want)
				}
			}
			eventually(t, func() bool { return w.server.Streams() == 1 }, "subscriptions are still there")
			for seen := false; !seen; {
				m, err := stays.Recv()
				if err != nil {
					t.Fatalf("the subscription of another user: %v", err)
				}
				seen = strings.Contains(m.String(), "xxx")
			}
		})
	}
}
