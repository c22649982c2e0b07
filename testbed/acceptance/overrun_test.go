package acceptance

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/testbed/traffic"
)

var (
	inputFrames = regexp.MustCompile(`(\d+) input packets`)
	overrun     = regexp.MustCompile(`(\d+) overrun`)
)

// TestOverrunIsCounted stops the appliance while a host sends, so that the
// kernel runs out of room for what arrives. Every frame sent is one received or
// one overrun.
func TestOverrunIsCounted(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-o", 2)
	eventually(t, 10*time.Second, "host 1 reaches host 2", func() error { return ping(t, a.hosts[0], "10.9.0.2") })
	mustIP(t, "-n "+a.hosts[0]+" addr flush dev eth0")
	if r := vsh(t, a.socket, "clear counters"); r.code != 0 {
		t.Fatalf("clear counters: %s", r.out)
	}
	before, err := traffic.Count(a.ns, "eth1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := traffic.NewSender(a.hosts[0], "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a.signal(t, syscall.SIGSTOP)
	frame := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Len: 1400})
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	_, err = s.Flood(ctx, frame)
	cancel()
	a.signal(t, syscall.SIGCONT)
	if err != nil {
		t.Fatal(err)
	}
	after, err := traffic.Count(a.ns, "eth1")
	if err != nil {
		t.Fatal(err)
	}
	sent := int(after.RxFrames - before.RxFrames)
	eventually(t, 10*time.Second, "every frame is accounted for", func() error {
		out := vsh(t, a.socket, "show interface ethernet 1/1").out
		got, lost := number(inputFrames, out), number(overrun, out)
		if lost == 0 || got+lost < sent {
			return fmt.Errorf("%d received and %d overruns of %d sent", got, lost, sent)
		}
		t.Logf("%d received and %d overruns of %d sent", got, lost, sent)
		return nil
	})
	if err := contains(vsh(t, a.socket, "show interface ethernet 1/1 counters drops").out, "overrun"); err != nil {
		t.Error(err)
	}
}

// number is the first number that the expression finds, -1 for none.
func number(re *regexp.Regexp, text string) int {
	m := re.FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}
