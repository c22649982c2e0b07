package supervisor

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// TestFeatureGRPC turns the gNMI server off through itself, which is answered, and
// on again by a line.
func TestFeatureGRPC(t *testing.T) {
	s, client, ctx := gnmiClient(t)
	feature := func(want string) {
		t.Helper()
		if out, _ := lines(t, s, "show feature"); !strings.Contains(out, "grpc                   1         "+want+"\n") {
			t.Errorf("gNMI is not %s:\n%s", want, out)
		}
	}
	until := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !is(); {
			if time.Now().After(deadline) {
				t.Fatal("not yet: " + what)
			}
			time.Sleep(5 * time.Millisecond) // a poll of the condition
		}
	}
	feature("enabled")
	address := s.GNMIAddress().String()
	if _, err := client.Set(ctx, cliUpdate("no feature grpc")); err != nil {
		t.Fatalf("the answer was cut off: %v", err)
	}
	until("the server is off", func() bool { return s.GNMIAddress() == nil })
	if c, err := net.Dial("tcp", address); err == nil {
		_ = c.Close()
		t.Error("its port is still open")
	}
	feature("disabled")
	if out, _ := lines(t, s, "show running-config"); !strings.Contains(out, "\nno feature grpc\n") {
		t.Errorf("the configuration does not say so:\n%s", out)
	}
	if out, ok := lines(t, s, "configure terminal ; feature grpc"); !ok {
		t.Fatal(out)
	}
	until("the server is on", func() bool { return s.GNMIAddress() != nil })
	feature("enabled")
	conn, err := grpc.NewClient(s.GNMIAddress().String(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := pb.NewGNMIClient(conn).Capabilities(ctx, &pb.CapabilityRequest{}); err != nil {
		t.Error(err)
	}
}
