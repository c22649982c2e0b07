package supervisor

import (
	"context"
	"crypto/tls"
	"flag"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"trunkline/internal/flagenv"
	"trunkline/supervisor/listen"
)

// gnmiClient starts a supervisor and returns a client of it, and what its context
// needs to be admin's.
func gnmiClient(t *testing.T) (*Supervisor, pb.GNMIClient, context.Context) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{
		StateDir: dir, GNMI: GNMI{Where: listen.At("127.0.0.1:0"), Socket: filepath.Join(dir, "gnmi.sock")},
		Admin: Admin{Password: "Tr0ub4dor&3"}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	wait, stop := begin(t, s)
	t.Cleanup(func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient(s.GNMIAddress().String(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return s, pb.NewGNMIClient(conn), metadata.AppendToOutgoingContext(t.Context(), "username", "admin", "password", "Tr0ub4dor&3")
}

func cliUpdate(lines string) *pb.SetRequest {
	return &pb.SetRequest{Update: []*pb.Update{{
		Path: &pb.Path{Origin: "cli"}, Val: &pb.TypedValue{Value: &pb.TypedValue_AsciiVal{AsciiVal: lines}},
	}}}
}

// TestGNMI reaches the same configuration through gNMI and the CLI.
func TestGNMI(t *testing.T) {
	s, client, ctx := gnmiClient(t)
	// Two updates: the mode that the first enters holds for the second.
	r := cliUpdate("vlan 10")
	r.Update = append(r.Update, cliUpdate("name RED").Update...)
	if _, err := client.Set(ctx, r); err != nil {
		t.Fatal(err)
	}
	if out, _ := lines(t, s, "show running-config"); !strings.Contains(out, "vlan 10\n  name RED\n") {
		t.Errorf("running-config:\n%s", out)
	}
	show := func(line string) (string, error) {
		got, err := client.Get(ctx, &pb.GetRequest{
			Path: []*pb.Path{{Origin: "cli", Elem: []*pb.PathElem{{Name: line}}}}, Encoding: pb.Encoding_ASCII})
		if err != nil {
			return "", err
		}
		return got.GetNotification()[0].GetUpdate()[0].GetVal().GetAsciiVal(), nil
	}
	want, _ := lines(t, s, "show vlan brief")
	if got, err := show("show vlan brief"); err != nil || got != want {
		t.Errorf("show vlan brief through gNMI: %v\n%s\nthrough the CLI:\n%s", err, got, want)
	}
	for _, line := range []string{"reload", "show clock ; reload", "copy running-config startup-config", "configure terminal", "show vlan > volatile:x"} {
		if got, err := show(line); err == nil {
			t.Errorf("%s through Get: %s", line, got)
		}
	}
	if s.Reloading() {
		t.Error("a Get reloads the system")
	}
}

// TestGNMIMessages gives wrong lines to the CLI and to gNMI: both say the same.
func TestGNMIMessages(t *testing.T) {
	s, client, ctx := gnmiClient(t)
	if out, ok := lines(t, s, "configure terminal ; vlan 10 ; name RED"); !ok {
		t.Fatal(out)
	}
	for _, c := range []struct{ mode, line string }{
		{"", "vlan 5000"}, {"", "no-such-command"}, {"", "hostname"}, {"", "interface Ethernet1/1"}, {"", "hostname a b"},
		{"vlan 20", "name RED"}, {"vlan 20", "state off"},
		{"interface Ethernet3/1", "mtu 1"}, {"interface Ethernet3/1", "switchport access vlan 4095"},
		{"interface Ethernet3/1", "switchport mode dynamic"},
	} {
		before := s.config.Running()
		out, _ := lines(t, s, "configure terminal\n"+c.mode+"\n"+c.line)
		_, err := client.Set(ctx, cliUpdate(c.mode+"\n"+c.line))
		said := status.Convert(err).Message()
		last := strings.Split(strings.TrimSpace(out), "\n")
		text := strings.TrimSuffix(strings.TrimPrefix(last[len(last)-1], "% "), " at '^' marker.")
		if err == nil || text == "" || !strings.Contains(said, text) {
			t.Errorf("%s / %s: the CLI says %q, gNMI %q", c.mode, c.line, text, said)
		}
		if s.config.Running().Generation > before.Generation+1 { // the mode's line is one of the CLI's
			t.Errorf("%s / %s: something was committed", c.mode, c.line)
		}
	}
}

// TestGNMISocket needs no password.
func TestGNMISocket(t *testing.T) {
	s, _, _ := gnmiClient(t)
	conn, err := grpc.NewClient("unix:"+s.cfg.GNMI.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	if _, err := pb.NewGNMIClient(conn).Set(t.Context(), cliUpdate("hostname by-socket")); err != nil {
		t.Error(err)
	}
}

// TestAddresses: where services listen is what a flag or its twin says; a port
// that is named and taken is an error, that of the default is not.
func TestAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // the test is over
	port := uint16(taken.Addr().(*net.TCPAddr).Port)
	for _, where := range []listen.Where{listen.At(taken.Addr().String()), listen.Follow(1, port)} {
		for _, c := range []Config{{GNMI: GNMI{Where: where}}, {SSH: where}} {
			c.StateDir, c.Log = t.TempDir(), slog.New(slog.DiscardHandler)
			s, err := Open(t.Context(), c)
			if err == nil {
				s.close()
			}
			if named := where == listen.At(taken.Addr().String()); named != (err != nil) {
				t.Errorf("%s: %v", where.String(), err)
			}
		}
	}
	for _, c := range []struct {
		env, flag string
		want      listen.Where
	}{{"", "", listen.Follow(22, 2222)}, {"[::1]:22", "", listen.At("[::1]:22")}, {"[::1]:22", "--ssh=", listen.At("")}} {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		got := SSHFlag(fs)
		err := flagenv.Parse(fs, strings.Fields(c.flag), func(name string) (string, bool) { return c.env, name == "TRUNKLINE_SSH" })
		if err != nil || *got != c.want {
			t.Errorf("%+v: %+v, %v", c, *got, err)
		}
	}
}

// TestGNMIFeature has a Set turn on the feature that it sets something of, and
// another that turns it off.
func TestGNMIFeature(t *testing.T) {
	s, client, ctx := gnmiClient(t)
	own := func(elems ...string) *pb.Path {
		p := &pb.Path{Origin: "trunkline"}
		for _, e := range elems {
			p.Elem = append(p.Elem, &pb.PathElem{Name: e})
		}
		return p
	}
	if _, err := client.Set(ctx, &pb.SetRequest{Update: []*pb.Update{{
		Path: own("lldp", "timer"), Val: &pb.TypedValue{Value: &pb.TypedValue_JsonVal{JsonVal: []byte("20")}},
	}}}); err != nil {
		t.Fatal(err)
	}
	if out, _ := lines(t, s, "show running-config"); !strings.Contains(out, "feature lldp\n") || !strings.Contains(out, "lldp timer 20\n") {
		t.Errorf("running-config:\n%s", out)
	}
	if _, err := client.Set(ctx, &pb.SetRequest{Delete: []*pb.Path{own("features", "lldp")}}); err != nil {
		t.Fatal(err)
	}
	if out, _ := lines(t, s, "show running-config"); strings.Contains(out, "lldp") {
		t.Errorf("running-config with the feature off:\n%s", out)
	}
}
