package soak

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// framesPerPair is the number of frames of a run, both directions together:
// TRUNKLINE_SOAK_FRAMES, else a thousandth of what make soak asks for, and a
// tenth of that under the race detector.
func framesPerPair(t testing.TB) int {
	t.Helper()
	text := os.Getenv("TRUNKLINE_SOAK_FRAMES")
	switch {
	case text != "":
	case raced:
		return 1_000
	default:
		return 10_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("TRUNKLINE_SOAK_FRAMES=%q is not a number of frames", text)
	}
	return n
}

// Below saturation nothing is lost, doubled, overtaken or spoilt between any two
// drivers, whose hosts offload everything they can.
func TestPairs(t *testing.T) {
	n := framesPerPair(t)
	for i, a := range drivers {
		for _, b := range drivers[i:] {
			t.Run(a+"-"+b, func(t *testing.T) {
				full := func(d string) options {
					return options{driver: d, csum: true, tso: true, uso: true, ufo: d == "vhost", mrg: d == "vhost", event: d == "vhost"}
				}
				r := newRig(t, full(a), full(b), 1)
				if err := r.exchange(n); err != nil {
					t.Fatal(err)
				}
				if d := r.dropped(); d != 0 {
					t.Errorf("%d frames dropped below saturation: %s", d, r.drops())
				}
			})
		}
	}
}

// The same holds for every two options of the two ends together.
func TestOptions(t *testing.T) {
	n := max(framesPerPair(t)/10, 100)
	rows, _ := cover(1)
	for i, row := range rows {
		t.Run(fmt.Sprintf("%02d %v to %v", i, row[0], row[1]), func(t *testing.T) {
			r := newRig(t, row[0], row[1], uint64(i))
			if err := r.exchange(n); err != nil {
				t.Fatal(err)
			}
			if d := r.dropped(); d != 0 {
				t.Errorf("%d frames dropped below saturation: %s", d, r.drops())
			}
		})
	}
}

// Above saturation what is missing at the receiver was counted by the card.
func TestSaturation(t *testing.T) {
	n := framesPerPair(t)
	for i, a := range drivers {
		for _, b := range drivers[i:] {
			t.Run(a+"-"+b, func(t *testing.T) {
				r := newRig(t, options{driver: a}, options{driver: b}, 1)
				// The hosts' addresses are known before: what is flooded is not lost.
				if err := r.exchange(16); err != nil {
					t.Fatal(err)
				}
				sent, arrived, err := r.saturate(n)
				if err != nil {
					t.Fatal(err)
				}
				if dropped := r.dropped(); uint64(sent) != uint64(arrived)+dropped {
					t.Errorf("%d sent, %d arrived, %d counted as dropped: %d are missing; %s",
						sent, arrived, dropped, sent-arrived-int(dropped), r.drops())
				}
			})
		}
	}
}

// saturate sends frames from host 0 in bursts with no regard to what arrives,
// and returns when nothing more arrives.
func (r *rig) saturate(frames int) (sent, arrived int, err error) {
	f := r.sender[0][0]
	for sent < frames {
		out := f.frame(r.buf, form{segments: 1, size: numbered, tag: r.ends[0].tag})
		if err := r.hosts[0].send(out); err != nil {
			return sent, arrived, err
		}
		if sent++; sent%512 == 0 {
			if err := r.hosts[0].flush(); err != nil {
				return sent, arrived, err
			}
			n, err := r.countArrived()
			if err != nil {
				return sent, arrived, err
			}
			arrived += n
		}
	}
	if err := r.hosts[0].flush(); err != nil {
		return sent, arrived, err
	}
	for quiet := time.Now(); time.Since(quiet) < 500*time.Millisecond; {
		n, err := r.countArrived()
		if err != nil {
			return sent, arrived, err
		}
		if arrived += n; n > 0 {
			quiet = time.Now()
		}
		if sent == arrived+int(r.dropped()) {
			break
		}
		r.hosts[1].wait(5 * time.Millisecond)
	}
	return sent, arrived, nil
}

// countArrived counts the frames that are there at host 1: in order, with gaps.
func (r *rig) countArrived() (int, error) {
	f := r.flows[0][0]
	for n := 0; ; n++ {
		in, ok, err := r.hosts[1].receive()
		if err != nil || !ok {
			return n, err
		}
		got, err := numberOf(in, r.ends[1].tag)
		if err != nil {
			return n, err
		}
		if got < f.next {
			return n, fmt.Errorf("segment %d arrives after %d", got, f.next-1)
		}
		f.next = got + 1
	}
}
