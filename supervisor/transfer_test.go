package supervisor

import (
	"net"
	"testing"
)

// TestDial: a connection in the VRF management needs a mgmt0, others do not.
func TestDial(t *testing.T) {
	s := open(t, t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for vrf, want := range map[string]string{"": "", "default": "", "management": "ERROR: There is no mgmt0."} {
		conn, err := s.dial(t.Context(), "tcp", l.Addr().String(), vrf)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			conn.Close()
		}
		if got != want {
			t.Errorf("VRF %q: %q, want %q", vrf, got, want)
		}
	}
}
