package vxlan_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/tap"
	"trunkline/linecard/port/vxlan"
)

var (
	rounds  = flag.Int("rounds", 1, "rounds of the comparison of trains with single datagrams")
	seconds = flag.Int("seconds", 1, "of each measurement of the comparison")
	ways    = flag.String("ways", "trains,single,frames", "what to compare")
	streams = flag.Int("streams", 1, "TCP connections of each measurement of the comparison")
	veths   = flag.Bool("veth", false, "compare with hosts on veth devices, not TAPs")
)

// tapped gives a host a TAP of the card as its device eth0.
func tapped(t testing.TB, _, _, host string) port.Port {
	t.Helper()
	p, err := tap.Open(tap.Config{Name: "eth0", Namespace: host, Up: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// cpu returns the CPU time of this process, in which the cards are.
func cpu() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestCompare has TCP cross from card to card, with an MTU of 1450, in turn in
// trains; in single datagrams, each sent as a message of sendmmsg; and so with
// hosts that send and receive no super-frames, so that each frame goes its way
// alone. It asserts nothing of speeds but that all work.
func TestCompare(t *testing.T) {
	plug := tapped
	if *veths {
		plug = veth
	} else {
		innstest.TUN(t)
	}
	// As the card's daemon has it, and a card more: workers hold a processor
	// each, and the run-time system is restless when it has none to spare.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 4))
	type way struct {
		name string
		a, b card
		gbps []float64
		cost []float64 // CPU seconds of both cards per gigabyte, which the machine's other work matters less for
	}
	var all []*way
	for _, name := range strings.Split(*ways, ",") {
		c := vxlan.Config{Single: name != "trains"}
		ns := fabric(t, 2)
		w := &way{name: name}
		for i, x := range []*card{&w.a, &w.b} {
			*x = startWith(t, plug, ns[i], i+1, c, 2-i)
		}
		if name == "frames" {
			for _, h := range []string{w.a.host, w.b.host} {
				if out, err := innstest.Try(h, "ethtool", strings.Fields("-K eth0 tso off gso off gro off")...); err != nil {
					t.Skipf("needs ethtool to switch super-frames off: %v %s", err, out)
				}
			}
		}
		innstest.Ping(t, w.a.host, "10.0.0.2")
		all = append(all, w)
	}
	for range *rounds {
		for _, w := range all {
			before := cpu()
			gbps, again := bulk(t, w.a.host, w.b.host, "10.0.0.2", *seconds, *streams, false)
			used := cpu() - before
			if gbps == 0 {
				t.Fatalf("%s: nothing gets through", w.name)
			}
			w.gbps = append(w.gbps, gbps)
			w.cost = append(w.cost, used.Seconds()/(gbps*float64(*seconds)/8))
			t.Logf("%-6s %.2f Gbit/s, %d retransmits", w.name, gbps, again)
		}
	}
	for _, w := range all {
		slices.Sort(w.gbps)
		slices.Sort(w.cost)
		n := len(w.gbps) / 2
		t.Logf("%-6s %5.2f Gbit/s, of which trains are %4.1f times; CPU seconds of the cards per gigabyte %.2f, %4.1f times; %s",
			w.name, w.gbps[n], all[0].gbps[n]/w.gbps[n], w.cost[n], w.cost[n]/all[0].cost[n],
			fmt.Sprintf("%.2f; %.2f; %s; %s", w.gbps, w.cost, w.a.drops(), w.b.drops()))
	}
}
