package gnmi_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stream is a subscription and what it has brought.
type stream struct {
	t      testing.TB
	rpc    pb.GNMI_SubscribeClient
	cancel context.CancelFunc

	mu     sync.Mutex
	leaves map[string]string // replayed
	log    []string          // "update PATH VALUE", "delete PATH", "sync"
	stamps map[string][]int64
	err    error
}

func (w *world) subscribe(t testing.TB, list *pb.SubscriptionList) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(as("guest"))
	t.Cleanup(cancel)
	rpc, err := w.client.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := rpc.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: list}}); err != nil {
		t.Fatal(err)
	}
	s := &stream{t: t, rpc: rpc, cancel: cancel, leaves: map[string]string{}, stamps: map[string][]int64{}}
	go s.read()
	return s
}

func (s *stream) read() {
	for {
		m, err := s.rpc.Recv()
		s.mu.Lock()
		if err != nil {
			s.err = err
			s.mu.Unlock()
			return
		}
		if m.GetSyncResponse() {
			s.log = append(s.log, "sync")
		}
		n := m.GetUpdate()
		prefix := text(n.GetPrefix())
		for _, d := range n.GetDelete() {
			p := prefix + text(d)
			s.log = append(s.log, "delete "+p)
			for leaf := range s.leaves {
				if strings.HasPrefix(leaf, p) {
					delete(s.leaves, leaf)
				}
			}
		}
		for _, u := range n.GetUpdate() {
			p := prefix + text(u.GetPath())
			s.log = append(s.log, "update "+p+" "+show(u.GetVal()))
			s.leaves[p] = show(u.GetVal())
			s.stamps[p] = append(s.stamps[p], n.GetTimestamp())
		}
		s.mu.Unlock()
	}
}

func (s *stream) has(line string) bool { return s.count(line) > 0 }

func (s *stream) count(line string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, l := range s.log {
		if l == line {
			n++
		}
	}
	return n
}

// lines returns what has come since the last sync_response.
func (s *stream) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.log) - 1; i >= 0; i-- {
		if s.log[i] == "sync" {
			return slices.Clone(s.log[i+1:])
		}
	}
	return slices.Clone(s.log)
}

func (s *stream) await(line string) {
	s.t.Helper()
	eventually(s.t, func() bool { return s.has(line) }, "no "+line)
}

// last returns what came last.
func (s *stream) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log) == 0 {
		return ""
	}
	return s.log[len(s.log)-1]
}

func (s *stream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func onChange(paths ...string) *pb.SubscriptionList {
	return list(pb.SubscriptionList_STREAM, pb.SubscriptionMode_ON_CHANGE, paths...)
}

func list(mode pb.SubscriptionList_Mode, how pb.SubscriptionMode, paths ...string) *pb.SubscriptionList {
	l := &pb.SubscriptionList{Mode: mode, Encoding: pb.Encoding_PROTO}
	for _, p := range paths {
		l.Subscription = append(l.Subscription, &pb.Subscription{Path: path(p), Mode: how})
	}
	return l
}

func TestOnce(t *testing.T) {
	w := start(t)
	l := list(pb.SubscriptionList_ONCE, 0, "/interfaces/interface[name=Ethernet3/1]")
	l.Prefix = &pb.Path{Target: "sw-a"}
	s := w.subscribe(t, l)
	eventually(t, func() bool { return s.failed() != nil }, "the RPC does not end")
	if s.failed() != io.EOF || s.last() != "sync" {
		t.Errorf("ended with %v after %q", s.failed(), s.last())
	}
	for _, want := range []string{port + "/state/oper-status UP", port + "/state/counters/in-octets 1099511627776", port + "/config/enabled true"} {
		if s.count("update "+want) != 1 {
			t.Errorf("%d times %q", s.count("update "+want), want)
		}
	}
	for p, stamps := range s.stamps {
		if at := time.Unix(0, stamps[0]); time.Since(at) < 0 || at.Year() < 2020 {
			t.Errorf("%s is of %v", p, at)
		}
	}
}

func TestOnChange(t *testing.T) {
	w := start(t)
	s := w.subscribe(t, onChange(port))
	if err := s.rpc.CloseSend(); err != nil { // a client that half-closes wants the stream
		t.Fatal(err)
	}
	vlans := w.subscribe(t, onChange(vl))
	names := w.subscribe(t, onChange(vl+"/vlan[vlan-id=*]/state/name"))
	later := w.subscribe(t, onChange(vl+"/vlan[vlan-id=77]"))
	for _, x := range []*stream{s, vlans, names, later} {
		x.await("sync")
	}
	if later.last() != "sync" || len(later.lines()) > 0 {
		t.Errorf("a path that is not there yet brought %v", later.lines())
	}
	w.set(t, &pb.SetRequest{Update: []*pb.Update{update(port+"/config/description", stringVal("x"))}})
	s.await("update " + port + "/config/description x")
	s.await("update " + port + "/state/description x")
	want := []string{"update " + port + "/config/description x", "update " + port + "/state/description x"}
	got := slices.DeleteFunc(s.lines(), func(l string) bool { return strings.Contains(l, "/counters/") })
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("a description brought %q, want %q", got, want)
	}
	w.ports(t, 3, map[string]bool{"Ethernet3/1": false, "Ethernet3/2": false})
	s.await("update " + port + "/state/oper-status DOWN")
	w.set(t, &pb.SetRequest{Update: []*pb.Update{update(vl+"/vlan", jsonVal(`[{"vlan-id":10},{"vlan-id":77}]`))}})
	later.await("update " + vl + "/vlan[vlan-id=77]/state/status ACTIVE")
	names.await("update " + vl + "/vlan[vlan-id=10]/state/name VLAN0010")
	vlans.await("update " + vl + "/vlan[vlan-id=10]/config/vlan-id 10")
	w.set(t, &pb.SetRequest{Delete: []*pb.Path{path(vl + "/vlan[vlan-id=10]"), path(port + "/config/description")}})
	vlans.await("delete " + vl + "/vlan[vlan-id=10]")
	names.await("delete " + vl + "/vlan[vlan-id=10]/state/name")
	s.await("delete " + port + "/config/description")
	vlans.mu.Lock()
	for leaf := range vlans.leaves {
		if strings.Contains(leaf, "vlan-id=10]") {
			t.Errorf("%s is left", leaf)
		}
	}
	vlans.mu.Unlock()
	if n := vlans.count("delete " + vl + "/vlan[vlan-id=10]"); n != 1 {
		t.Errorf("%d deletions", n)
	}
}

// TestReplay compares what a stream leads to with what Get says, after many
// changes.
func TestReplay(t *testing.T) {
	w := start(t)
	s := w.subscribe(t, onChange("/"))
	own := w.subscribe(t, onChange("trunkline:/"))
	s.await("sync")
	own.await("sync")
	for i := range 60 {
		id := 2 + i%7
		r := &pb.SetRequest{}
		switch i % 4 {
		case 0:
			r.Delete = []*pb.Path{path(fmt.Sprintf("%s/vlan[vlan-id=%d]", vl, id))}
		case 1:
			r.Update = []*pb.Update{update(fmt.Sprintf("%s/vlan[vlan-id=%d]/config/name", vl, id), stringVal(fmt.Sprint("N", i)))}
		case 2:
			r.Replace = []*pb.Update{update(port+"/config", jsonVal(fmt.Sprintf(`{"mtu":%d}`, 1500+i)))}
		default:
			r.Update = []*pb.Update{update(port+"/ethernet/switched-vlan/config/access-vlan", uintVal(uint64(id)))}
			w.ports(t, 3, map[string]bool{"Ethernet3/1": i%8 == 3, "Ethernet3/2": i%3 == 0})
		}
		w.set(t, r)
	}
	for _, c := range []struct {
		s      *stream
		origin string
	}{{s, ""}, {own, "trunkline:"}} {
		same := func() bool {
			now := map[string]string{}
			for line := range strings.SplitSeq(w.get(t, c.origin+"/", pb.Encoding_PROTO, 0), "\n") {
				p, v, _ := strings.Cut(line, " ")
				now[p] = v
			}
			c.s.mu.Lock()
			defer c.s.mu.Unlock()
			for p, v := range now {
				if c.s.leaves[p] != v && !moving(p) {
					return false
				}
			}
			for p := range c.s.leaves {
				if _, ok := now[p]; !ok {
					return false
				}
			}
			return true
		}
		eventually(t, same, "the stream does not lead to what Get says")
	}
}

// moving reports whether a leaf changes with the clock.
func moving(p string) bool {
	return strings.HasSuffix(p, "current-datetime") || strings.HasSuffix(p, "up-time") || strings.Contains(p, "last-seen")
}

func TestSample(t *testing.T) {
	w := start(t)
	const leaf = port + "/state/oper-status"
	l := list(pb.SubscriptionList_STREAM, pb.SubscriptionMode_SAMPLE, leaf, port+"/state")
	l.Subscription[1].SuppressRedundant = true
	s := w.subscribe(t, l)
	s.await("sync")
	eventually(t, func() bool { return s.count("update "+leaf+" UP") >= 4 }, "no samples")
	if n := s.count("update " + port + "/state/ifindex 437780480"); n != 1 {
		t.Errorf("a leaf that does not change was sent %d times", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stamps := s.stamps[leaf][2:]
	for i := 1; i < len(stamps); i++ {
		if d := time.Duration(stamps[i] - stamps[i-1]); d < 500*time.Millisecond {
			t.Errorf("samples %v apart", d)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	w := start(t)
	l := onChange("/system/state/hostname")
	l.Subscription[0].HeartbeatInterval = uint64(time.Second)
	s := w.subscribe(t, l)
	s.await("sync")
	w.set(t, &pb.SetRequest{Update: []*pb.Update{update("/system/config/hostname", stringVal("b"))}})
	eventually(t, func() bool { return s.count("update /system/state/hostname b") >= 3 }, "no heartbeats")
}

func TestPoll(t *testing.T) {
	w := start(t)
	s := w.subscribe(t, list(pb.SubscriptionList_POLL, 0, port+"/state/counters/in-octets"))
	for i := 1; i <= 3; i++ {
		if err := s.rpc.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Poll{Poll: &pb.Poll{}}}); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return s.count("sync") == i }, "no answer to a poll")
	}
	if n := s.count("update " + port + "/state/counters/in-octets 1099511627776"); n != 3 {
		t.Errorf("%d values for three polls", n)
	}
}

func TestUpdatesOnly(t *testing.T) {
	w := start(t)
	l := onChange(port)
	l.UpdatesOnly = true
	s := w.subscribe(t, l)
	s.await("sync")
	w.set(t, &pb.SetRequest{Update: []*pb.Update{update(port+"/config/mtu", uintVal(1600))}})
	s.await("update " + port + "/config/mtu 1600")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log[0] != "sync" {
		t.Errorf("first came %q", s.log[0])
	}
}

func TestSubscribeRefused(t *testing.T) {
	w := start(t)
	sample := func(interval time.Duration, how pb.SubscriptionMode) *pb.SubscriptionList {
		l := list(pb.SubscriptionList_STREAM, how, port)
		l.Subscription[0].SampleInterval = uint64(interval)
		return l
	}
	bytes := onChange(port)
	bytes.Encoding = pb.Encoding_BYTES
	for name, c := range map[string]struct {
		list *pb.SubscriptionList
		code codes.Code
	}{
		"wrong key":                      {list(pb.SubscriptionList_ONCE, 0, "/interfaces/interface[nme=Ethernet3/1]"), codes.InvalidArgument},
		"not served":                     {onChange("/lldp"), codes.Unimplemented},
		"short interval":                 {sample(time.Millisecond, pb.SubscriptionMode_SAMPLE), codes.InvalidArgument},
		"interval with TARGET_DEFINED":   {sample(time.Minute, pb.SubscriptionMode_TARGET_DEFINED), codes.InvalidArgument},
		"encoding":                       {bytes, codes.Unimplemented},
		"cli":                            {onChange("cli:/show version"), codes.Unimplemented},
		"no list":                        {nil, codes.InvalidArgument},
		"more subscriptions than may be": {onChange(slices.Repeat([]string{port}, 300)...), codes.InvalidArgument},
	} {
		s := w.subscribe(t, c.list)
		eventually(t, func() bool { return s.failed() != nil }, name+": not refused")
		if status.Code(s.failed()) != c.code {
			t.Errorf("%s: %v, want %v", name, s.failed(), c.code)
		}
	}
	s := w.subscribe(t, onChange(port))
	s.await("sync")
	if err := s.rpc.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: onChange(port)}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return status.Code(s.failed()) == codes.InvalidArgument }, "a second list is taken")
}

// TestHangingClients has clients that never read, and others beside them: the
// others are served, and nothing is left when all have gone.
func TestHangingClients(t *testing.T) {
	w := start(t)
	w.value(t, port+"/state/name") // the connection is up
	before := runtime.NumGoroutine()
	var hanging []*grpc.ClientConn
	for range 30 {
		conn := w.dial(t)
		hanging = append(hanging, conn)
		rpc, err := pb.NewGNMIClient(conn).Subscribe(as("guest"))
		if err != nil {
			t.Fatal(err)
		}
		if err := rpc.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: onChange("/", "trunkline:/")}}); err != nil {
			t.Fatal(err)
		}
	}
	good := make([]*stream, 20)
	for i := range good {
		good[i] = w.subscribe(t, onChange(port))
	}
	for _, s := range good {
		s.await("sync")
	}
	long := strings.Repeat("x", 200)
	for i := range 200 { // more than a window of flow control holds
		w.set(t, &pb.SetRequest{Update: []*pb.Update{update(port+"/config/description", stringVal(fmt.Sprint(long, i)))}})
	}
	for _, s := range good {
		s.await("update " + port + "/config/description " + long + "199")
		s.cancel()
	}
	for _, conn := range hanging {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before }, "goroutines are left")
}

// TestStuckClient ends the subscription of a client that reads nothing.
func TestStuckClient(t *testing.T) {
	w := start(t)
	w.server.SetPatience(100 * time.Millisecond)
	w.value(t, port+"/state/name") // the connection is up
	before := runtime.NumGoroutine()
	rpc, err := w.client.Subscribe(as("guest"))
	if err != nil {
		t.Fatal(err)
	}
	if err := rpc.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{
		Subscribe: list(pb.SubscriptionList_STREAM, pb.SubscriptionMode_ON_CHANGE, slices.Repeat([]string{port}, 256)...)}}); err != nil {
		t.Fatal(err)
	}
	// The first values of 256 subscriptions are more than the client's window.
	eventually(t, func() bool { return w.server.Streams() == 1 }, "the subscription does not begin")
	eventually(t, func() bool { return w.server.Streams() == 0 }, "the subscription goes on")
	for err == nil {
		_, err = rpc.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("ended with %v", err)
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before }, "goroutines are left")
}

// TestSamplesOfGoneEntries deletes what was sampled of an entry that goes.
func TestSamplesOfGoneEntries(t *testing.T) {
	w := start(t)
	const gone = "/interfaces/interface[name=Ethernet3/2]/state/counters/in-octets"
	s := w.subscribe(t, onChange("/interfaces/interface[name=*]/state/counters/in-octets"))
	s.await("update " + gone + " 1099511627776")
	s.await("sync")
	w.ports(t, 3, map[string]bool{"Ethernet3/1": true})
	s.await("delete " + gone)
}
