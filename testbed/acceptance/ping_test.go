package acceptance

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// pinging pings an address from a namespace until the function it returns is
// called, which waits for the answers and counts.
func pinging(t *testing.T, ns, addr string) func() (sent, got int) {
	t.Helper()
	p := start(t, "ip", "netns", "exec", ns, "ping", "-q", "-i", "0.02", "-W", "2", addr)
	return func() (sent, got int) {
		t.Helper()
		if err := p.Process.Signal(exitSignal); err != nil {
			t.Fatalf("end ping: %v", err)
		}
		select {
		case <-p.done:
		case <-time.After(30 * time.Second):
			t.Fatal("ping does not end")
		}
		b, err := os.ReadFile(p.log)
		if err != nil {
			t.Fatal(err)
		}
		m := pingSummary.FindStringSubmatch(string(b))
		if m == nil {
			t.Fatalf("no summary: %s", tail(string(b), 500))
		}
		sent, _ = strconv.Atoi(m[1])
		got, _ = strconv.Atoi(m[2])
		return sent - min(1, sent-got), got // the one in flight at the end does not count
	}
}
