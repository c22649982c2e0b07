package supervisor

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What configuration says of servers, names and the zone holds at once: a message
// of an operator's change reaches the server that is known by a name of the
// switch's own.
func TestServices(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	port := netip.MustParseAddrPort(server.LocalAddr().String()).Port()
	s := open(t, t.TempDir())
	wait, stop := begin(t, s)
	out, ok := lines(t, s, strings.NewReplacer("PORT", itoa(port)).Replace(
		"configure terminal\nhostname vsm9\nip host collector 127.0.0.1\nlogging server collector port PORT facility local0\n"+
			"logging rfc-strict 5424\nclock timezone CET 1 0\nntp server 127.0.0.1 key 7\nntp authentication-key 7 md5 aNiceKey\n"))
	if !ok {
		t.Fatal(out)
	}
	for end := time.Now().Add(30 * time.Second); !s.syslog.Snapshot()[0].Up; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", s.syslog.Snapshot())
		}
	}
	if out, ok := lines(t, s, "configure terminal ; vlan 77"); !ok {
		t.Fatal(out)
	}
	got := make([]byte, 2048)
	if err := server.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for want := "VSHD-5-VSHD_SYSLOG_CONFIG_I"; ; {
		n, _, err := server.ReadFrom(got)
		if err != nil {
			t.Fatal(err)
		}
		m := string(got[:n])
		if !strings.HasPrefix(m, "<13") || !strings.Contains(m, "+01:00 vsm9 ") {
			t.Fatalf("%q", m)
		}
		if strings.Contains(m, want) {
			break
		}
	}
	shown, _ := lines(t, s, "show logging server\nshow hosts\nshow ntp peer-status\nshow ntp status\nshow clock\nshow running-config\nclock set 09:00:00 1 January 2027")
	for _, want := range []string{
		"{collector}\n", "        server state:           up\n", "        server port:            " + itoa(port) + "\n",
		"\ncollector               127.0.0.1\n", "=127.0.0.1 ", "Clock of the machine    : not set\n", notTold, " CET ",
		"ntp server 127.0.0.1 key 7\n", "ERROR: The clock cannot be set: " + notTold,
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "aNiceKey") {
		t.Error("a key is shown in clear")
	}
	stop()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
}

func itoa(port uint16) string { return strconv.Itoa(int(port)) }
