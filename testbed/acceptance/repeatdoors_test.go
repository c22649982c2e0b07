package acceptance

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"

	"trunkline/cli/remote"
	"trunkline/supervisor"
	"trunkline/supervisor/listen"
)

// TestRepeatedDoors goes through every door a thousand times each way, to a
// supervisor in this process: after a collection of garbage it has as many
// goroutines as before, and no more memory.
func TestRepeatedDoors(t *testing.T) {
	times := 1000
	if testing.Short() {
		times = 100
	}
	if n, err := strconv.Atoi(os.Getenv("TRUNKLINE_REPEATS")); err == nil {
		times = n
	}
	s := openDoors(t)
	for _, r := range []struct {
		name string
		once func() error
	}{
		{"SSH login, command, logout", s.ssh},
		{"gNMI Get", s.get},
		{"gNMI Set", s.set},
		{"gNMI subscription", s.subscribe},
		{"configuration session and abort", s.line("configure session repeated ; vlan 20 ; name X ; abort")},
		{"checkpoint and its end", s.line("checkpoint repeated ; no checkpoint repeated")},
		{"vsh -c", s.line("show version")},
	} {
		for range max(times/10, 20) { // what is made once is there
			if err := r.once(); err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
		}
		goroutines, heap := weigh()
		began := time.Now()
		for range times {
			if err := r.once(); err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
		}
		took := time.Since(began) / time.Duration(times)
		var after int
		var grown int64
		eventually(t, 10*time.Second, r.name+" leaves nothing behind", func() error {
			now, size := weigh()
			after, grown = now, int64(size)-int64(heap)
			if now > goroutines+2 || grown > 2<<20 {
				return fmt.Errorf("%d goroutines, before %d; %d kB grown", now, goroutines, grown>>10)
			}
			return nil
		})
		t.Logf("%-32s ×%d: %v each, goroutines %d to %d, memory %+d kB", r.name, times, took.Round(time.Microsecond), goroutines, after, grown>>10)
	}
}

// weigh counts goroutines and bytes in use.
func weigh() (goroutines int, heap uint64) {
	runtime.GC()
	runtime.GC() // what finalizers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// inside is a supervisor in this process, with the addresses of its doors.
type inside struct {
	t          *testing.T
	socket     string
	sshd, gnmi string
	n          int
	model      *modelDoor
}

func openDoors(t *testing.T) *inside {
	t.Helper()
	dir := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &inside{t: t, socket: filepath.Join(dir, "vsm.sock"), sshd: free.Addr().String()}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	sup, err := supervisor.Open(t.Context(), supervisor.Config{
		StateDir: dir, Socket: s.socket, SSH: listen.At(s.sshd), GNMI: supervisor.GNMI{Where: listen.At("127.0.0.1:0")},
		Admin: supervisor.Admin{Password: adminPassword}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sup.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s.gnmi = sup.GNMIAddress().String()
	conn, err := gnmiOver(s.gnmi, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", s.gnmi)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s.model = &modelDoor{conn: conn, client: pb.NewGNMIClient(conn), auth: []string{"username", "admin", "password", adminPassword}}
	eventually(t, 10*time.Second, "the supervisor answers", s.line("configure terminal ; vlan 20 ; name N0"))
	return s
}

func (s *inside) ssh() error {
	conn, err := net.Dial("tcp", s.sshd)
	if err != nil {
		return err
	}
	c, err := sshOver(conn, s.sshd, "admin", adminPassword, 10*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	session, err := c.NewSession()
	if err != nil {
		return err
	}
	out, err := session.Output("show clock")
	if err == nil && !clock.Match(out) {
		err = fmt.Errorf("got %q", out)
	}
	return err
}

func (s *inside) get() error {
	_, err := s.model.readVLAN(s.t.Context(), 20)
	return err
}

func (s *inside) set() error {
	s.n++
	return s.model.vlan(s.t.Context(), 20, fmt.Sprint("N", s.n%10))
}

// subscribe has the interfaces and the system once, and a stream until it is in
// step.
func (s *inside) subscribe() error {
	for _, mode := range []pb.SubscriptionList_Mode{pb.SubscriptionList_ONCE, pb.SubscriptionList_STREAM} {
		ctx, cancel := context.WithCancel(s.model.as(s.t.Context()))
		defer cancel()
		rpc, err := s.model.client.Subscribe(ctx)
		if err != nil {
			return err
		}
		list := &pb.SubscriptionList{Mode: mode, Encoding: pb.Encoding_JSON_IETF, Subscription: []*pb.Subscription{
			{Path: ocPath("system"), Mode: pb.SubscriptionMode_ON_CHANGE}, {Path: ocPath("interfaces"), Mode: pb.SubscriptionMode_SAMPLE},
		}}
		if err := rpc.Send(&pb.SubscribeRequest{Request: &pb.SubscribeRequest_Subscribe{Subscribe: list}}); err != nil {
			return err
		}
		for m := new(pb.SubscribeResponse); !m.GetSyncResponse(); {
			if m, err = rpc.Recv(); err != nil {
				return err
			}
		}
	}
	return nil
}

// line returns what runs a line as vsh -c does.
func (s *inside) line(text string) func() error {
	return func() error {
		c, _, err := remote.Dial(s.t.Context(), s.socket, remote.Hello{})
		if err != nil {
			return err
		}
		defer c.Close()
		var out strings.Builder
		ok, err := c.Script(strings.NewReader(text), &out)
		if err == nil && !ok {
			err = fmt.Errorf("%s: %s", text, out.String())
		}
		return err
	}
}
