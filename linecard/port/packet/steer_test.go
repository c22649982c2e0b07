package packet

import (
	"strings"
	"testing"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/testbed/drivertest"
	"trunkline/testbed/traffic"
)

func TestMask(t *testing.T) {
	for cpu, want := range map[int]string{0: "1", 5: "20", 31: "80000000", 32: "1,00000000", 70: "40,00000000,00000000"} {
		if got := mask(cpu); got != want {
			t.Errorf("cpu %d: %q, want %q", cpu, got, want)
		}
	}
}

func TestWants(t *testing.T) {
	for _, x := range []struct {
		name          string
		arrived, long uint64
		off, on       bool // wanted when it is off, and when it is on
	}{
		{"nothing", 0, 0, false, true},
		{"little", 600, 400, false, true},
		{"bulk", 14_000, 12_000, true, true},
		{"acknowledgements", 10_000, 0, false, true},
		{"flood", 700_000, 0, false, false},
		{"bulk within a flood", 700_000, 10_000, false, false},
	} {
		on, off := &steering{was: []string{"0"}}, &steering{}
		if a, b := off.wants(x.arrived, x.long), on.wants(x.arrived, x.long); a != x.off || b != x.on {
			t.Errorf("%s: %v when off and %v when on, want %v and %v", x.name, a, b, x.off, x.on)
		}
	}
}

// TestPause: steering outlasts a pause, but not for ever.
func TestPause(t *testing.T) {
	s := &steering{was: []string{"0"}}
	looks := 0
	for s.wants(100, 0) {
		if looks++; looks == 5 && !s.wants(10_000, 9000) { // bulk again: it counts from here
			t.Fatal("off while there is bulk")
		}
		if looks > 100 {
			t.Fatal("on for ever")
		}
	}
	if looks != 5+pause-1 {
		t.Errorf("off after %d looks", looks)
	}
}

// TestSteer: bulk turns steering on and a flood of small frames turns it off; what
// the device had before is put back then, and when the port is closed.
func TestSteer(t *testing.T) {
	var at *steering
	looks := 0
	c := drivertest.Driver{MTU: 9500, Open: func(t testing.TB, namespace, device string) port.Port {
		t.Helper()
		p, err := Open(Config{Namespace: namespace, Device: device, Ring: true, Look: func() { looks++ }})
		if err != nil {
			t.Fatal(err)
		}
		if at, err = openSteering(namespace, device, p.index); err != nil {
			_ = p.Close()
			t.Skipf("needs a sysfs that can be written: %v", err)
		}
		if err := at.write(at.files[0], "1"); err != nil {
			t.Fatal(err)
		}
		return p
	}}.Connect(t)
	defer func() { _ = at.close() }()
	p := c.Port.(*Port)
	s := c.Sender(t)
	send := func(length, count int) {
		t.Helper()
		f := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Len: length})
		for n := range count {
			if err := s.Send(f); err != nil {
				t.Fatal(err)
			}
			if n%100 != 0 && n != count-1 {
				continue
			}
			for b := (frame.Batch{N: 1}); b.N > 0; c.Queue.Release(&b) {
				if err := c.Queue.Recv(&b); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.Tend(true); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when, mask string, steered bool) {
		t.Helper()
		if have, err := at.read(at.files[0]); err != nil || strings.TrimLeft(have, "0,") != strings.TrimLeft(mask, "0,") {
			t.Errorf("%s: rps_cpus %q, want %q, error %v", when, have, mask, err)
		}
		if d := p.Info().Driver; strings.HasSuffix(d, " steered") != steered {
			t.Errorf("%s: driver %q", when, d)
		}
	}
	bulk := mask(someCPU(p.index))
	send(60, 2000)
	expect("small frames", "1", false)
	send(9000, 2000)
	expect("bulk", bulk, true)
	send(60, 2000)
	expect("a pause", bulk, true)
	if looks != 0 {
		t.Error("asked for a look though all is quiet")
	}
	send(60, smallRow)
	expect("a flood", "1", false)
	if looks != 1 {
		t.Errorf("asked for a look %d times when the flood began", looks)
	}
	send(9000, 2000)
	expect("bulk again", bulk, true)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if have, err := at.read(at.files[0]); err != nil || have != "1" && !strings.HasSuffix(have, "01") {
		t.Errorf("closed: rps_cpus %q, error %v", have, err)
	}
}
