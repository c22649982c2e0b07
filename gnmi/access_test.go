package gnmi_test

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// begin opens an RPC and sends no message.
func begin(t *testing.T, ctx context.Context, conn *grpc.ClientConn, method string) grpc.ClientStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	t.Cleanup(cancel)
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStrangers has RPCs of nobody known refused before the server waits for a
// message, which it would keep.
func TestStrangers(t *testing.T) {
	w := start(t)
	conn := w.dial(t)
	wrong := metadata.AppendToOutgoingContext(t.Context(), "username", "admin", "password", "wrong")
	for _, method := range []string{
		pb.GNMI_Get_FullMethodName, pb.GNMI_Set_FullMethodName, pb.GNMI_Capabilities_FullMethodName, pb.GNMI_Subscribe_FullMethodName,
		grpc_health_v1.Health_Watch_FullMethodName, grpc_health_v1.Health_List_FullMethodName, "/no.such/Method",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	} {
		for _, ctx := range []context.Context{t.Context(), wrong} {
			if err := begin(t, ctx, conn, method).RecvMsg(&pb.GetResponse{}); status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s: %v", method, err)
			}
		}
	}
}

// TestHealthWithoutLogin asks for the health as a probe does, and not too often at
// a time.
func TestHealthWithoutLogin(t *testing.T) {
	w := start(t)
	conn := w.dial(t)
	ask := func() error {
		_, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "gnmi.gNMI"})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	const most = 16
	for range most {
		begin(t, t.Context(), conn, grpc_health_v1.Health_Check_FullMethodName)
	}
	eventually(t, func() bool { return status.Code(ask()) == codes.ResourceExhausted }, "the bound of RPCs without a login")
	if _, err := w.client.Capabilities(as("guest"), &pb.CapabilityRequest{}); err != nil {
		t.Errorf("with a login: %v", err)
	}
	eventually(t, func() bool { return ask() == nil }, "RPCs without a login to end by themselves")
}

// TestForgedAccount has an administrator try to write a second line, of somebody
// else, into the accounting log.
func TestForgedAccount(t *testing.T) {
	w := start(t)
	forged := path("trunkline:/vlans/vlan")
	forged.Elem[1].Key = map[string]string{"id": "7\nTue Nov 24 2026:type=update:id=console0:user=bob:cmd=\x1b[2J\u009b"}
	w.set(t, &pb.SetRequest{
		Delete: []*pb.Path{forged},
		Update: []*pb.Update{update("trunkline:/system/hostname", stringVal("renamed"))},
	})
	line := w.store.Commits(1)[0].Line
	if strings.ContainsFunc(line, unicode.IsControl) || !strings.Contains(line, "user=bob") {
		t.Errorf("got %q", line)
	}
}
