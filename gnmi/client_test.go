package gnmi_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/gnmi"
)

// TestNoLogin has a connection on which nobody logs in closed, and one on which
// somebody has go on.
func TestNoLogin(t *testing.T) {
	w := start(t)
	if _, err := w.client.Capabilities(as("guest"), &pb.CapabilityRequest{}); err != nil {
		t.Fatal(err)
	}
	w.server.SetLoginTime(100 * time.Millisecond)
	conn, err := tls.Dial("tcp", w.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		if n, ok := err.(net.Error); ok && n.Timeout() {
			t.Error("a connection without a login is not closed")
		}
	}
	if w.server.Connections() != 1 {
		t.Errorf("%d connections with a login", w.server.Connections())
	}
	if s, err := subscribe(t, w.client, as("guest"), pb.SubscriptionList_STREAM, "trunkline:/system/hostname"); err != nil {
		t.Error(err)
	} else if err := s.CloseSend(); err != nil {
		t.Error(err)
	}
}

// TestUnfinishedRequests has an operator send requests that do not end, on as many
// connections as he needs: he gets no more than his share of memory, others are
// served, and all is given back.
func TestUnfinishedRequests(t *testing.T) {
	w := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	most := 0
	for n := 0; ; n++ {
		if n > 40 {
			t.Fatalf("requests are taken that hold %d bytes", w.server.Held())
		}
		taken := w.unfinished(t, ctx)
		if most = max(most, w.server.Held()); most > gnmi.EachHeld() {
			t.Fatalf("one user has the server hold %d bytes", most)
		}
		if !taken {
			break
		}
	}
	if most < gnmi.EachHeld()/2 {
		t.Errorf("requests are refused that hold %d bytes", most)
	}
	if _, err := w.client.Get(as("admin"), &pb.GetRequest{Path: []*pb.Path{path("trunkline:/system")}}); err != nil {
		t.Errorf("an administrator: %v", err)
	}
	cancel()
	eventually(t, func() bool { return w.server.Held() == 0 }, "what requests held is not given back")
}

// unfinished sends most of a request of the longest kind on a connection of its
// own, which ends with ctx. It reports whether that was taken.
func (w *world) unfinished(t *testing.T, ctx context.Context) bool {
	t.Helper()
	const size = 15 << 20
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	body, send := io.Pipe()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+w.addr+pb.GNMI_Set_FullMethodName, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"Content-Type": "application/grpc", "TE": "trailers", "username": "guest", "password": "guest"} {
		r.Header.Set(k, v)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if resp, err := client.Do(r); err == nil {
			_ = resp.Body.Close()
		}
		_ = body.Close()
		client.CloseIdleConnections()
	}()
	t.Cleanup(func() { _ = send.Close(); <-ended })
	before := w.server.Held()
	message := append([]byte{0, 0, 0xff, 0xff, 0xff}, make([]byte, size)...) // of almost 16 MiB
	if _, err := send.Write(message); err != nil {
		return false
	}
	late := time.After(10 * time.Second)
	for w.server.Held()-before < size { // what is in the stream's buffers comes later
		select {
		case <-ended:
			return false
		case <-late:
			t.Fatalf("of %d bytes sent %d are counted", size, w.server.Held()-before)
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

// TestFinishedRequests: nothing is counted of requests that have been answered,
// refused or given up, nor of polls.
func TestFinishedRequests(t *testing.T) {
	w := start(t)
	long := &pb.SetRequest{Update: []*pb.Update{update("trunkline:/system/hostname", stringVal(strings.Repeat("x", 1<<20)))}}
	if _, err := w.client.Set(as("admin"), long); status.Code(err) != codes.InvalidArgument {
		t.Errorf("Set: %v", err)
	}
	if _, err := w.client.Set(as("guest"), long); status.Code(err) != codes.PermissionDenied {
		t.Errorf("Set of an operator: %v", err)
	}
	given, cancel := context.WithCancel(as("admin"))
	cancel()
	_, _ = w.client.Set(given, long)
	eventually(t, func() bool { return w.server.Held() == 0 }, "what requests held is not given back")

	s, err := w.client.Subscribe(as("guest"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: &pb.SubscriptionList{
		Mode: pb.SubscriptionList_POLL, Subscription: []*pb.Subscription{{Path: path("trunkline:/system/hostname")}},
	}}}); err != nil {
		t.Fatal(err)
	}
	held := 0
	for i := range 100 {
		if err := s.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Poll{Poll: &pb.Poll{}}}); err != nil {
			t.Fatal(err)
		}
		for synced := false; !synced; {
			m, err := s.Recv()
			if err != nil {
				t.Fatal(err)
			}
			synced = m.GetSyncResponse()
		}
		if i == 0 {
			held = w.server.Held()
		}
	}
	if now := w.server.Held(); now > held || held == 0 {
		t.Errorf("after a poll %d bytes are held, after a hundred %d", held, now)
	}
}

// TestMessages has the ends of messages found however bytes are cut.
func TestMessages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []byte
	var want []int
	for range 100 {
		n := r.IntN(20)
		all = append(all, 0, 0, 0, 0, byte(n))
		all = append(all, make([]byte, n)...)
		want = append(want, len(all))
	}
	var got []int
	ends := gnmi.Ends()
	for at := 0; at < len(all); {
		n := min(1+r.IntN(30), len(all)-at)
		ends(all[at:at+n], func(end int) { got = append(got, at+end) })
		at += n
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
