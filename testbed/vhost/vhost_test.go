package vhost_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"trunkline/testbed/vhost"
	"trunkline/testbed/vhost/pmd"
)

// back starts testpmd as a back end with two ports, each forwarding to the
// other, and returns their sockets.
func back(t *testing.T, queues int) (*pmd.Process, [2]string) {
	t.Helper()
	dir := t.TempDir()
	path := [2]string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	p, err := pmd.Start(pmd.Options{
		Vdevs: []string{
			fmt.Sprintf("net_vhost0,iface=%s,queues=%d", path[0], queues),
			fmt.Sprintf("net_vhost1,iface=%s,queues=%d", path[1], queues)},
		Args: []string{"--forward-mode=io", "--auto-start", fmt.Sprintf("--rxq=%d", queues), fmt.Sprintf("--txq=%d", queues)},
	})
	if errors.Is(err, pmd.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := p.Do("show port stats all")
			t.Logf("%s\n%s", p.Output(), out)
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p, path
}

func start(t *testing.T, path string, o vhost.Options) *vhost.Peer {
	t.Helper()
	p, err := vhost.Dial(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// awake sends until something arrives, and takes what has: testpmd drops what comes
// before it has seen the other port.
func awake(t *testing.T, a, b *vhost.Peer, s vhost.Shape) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		if err := a.Send(0, vhost.Frame{Data: numbered(60, 0, 1, 2)}, s); err != nil {
			t.Fatal(err)
		}
		_, err := b.ReceiveBy(0, time.Now().Add(50*time.Millisecond))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	for { // until nothing has come for a while
		if _, err := b.ReceiveBy(0, time.Now().Add(200*time.Millisecond)); err != nil {
			return
		}
	}
}

// TestPeer proves the front end against a back end of another house.
func TestPeer(t *testing.T) {
	_, path := back(t, 1)
	for _, c := range []struct {
		name     string
		features uint64
		tx, rx   vhost.Shape
	}{
		{"plain", base, vhost.Shape{}, vhost.Shape{}},
		{"all features", 0, vhost.Shape{}, vhost.Shape{}},
		{"header apart", base, vhost.Shape{Pieces: []int{12}}, vhost.Shape{}},
		{"pieces", base | vhost.FeatureMrgRxbuf, vhost.Shape{Pieces: []int{12, 14, 20, 100}, Gap: 3}, vhost.Shape{Pieces: []int{40, 100}, Gap: 5}},
		{"indirect", base | vhost.FeatureIndirect, vhost.Shape{Pieces: []int{12, 30}, Indirect: true}, vhost.Shape{Pieces: []int{30}, Indirect: true}},
		{"event index", base | vhost.FeatureEventIdx, vhost.Shape{}, vhost.Shape{}},
		{"legacy", vhost.FeatureProtocol | vhost.FeatureAnyLayout, vhost.Shape{Pieces: []int{10}}, vhost.Shape{Pieces: []int{10}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := vhost.Options{Features: c.features, Guard: true, Base: 65500}
			a, b := start(t, path[0], o), start(t, path[1], o)
			if c.features != 0 && !a.Has(c.features) {
				t.Fatalf("offered %#x, wanted %#x", a.Offered, c.features)
			}
			if _, err := b.Offer(0, 64, 1600, c.rx); err != nil {
				t.Fatal(err)
			}
			awake(t, a, b, c.tx)
			for i := range 200 {
				f := vhost.Frame{Data: numbered(60+i*7, i, 1, 2)}
				if err := a.Send(0, f, c.tx); err != nil {
					t.Fatal(err)
				}
				got, err := b.Receive(0)
				if err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				if !bytes.Equal(got.Data, f.Data) {
					t.Fatalf("frame %d: got %x, want %x", i, got.Data, f.Data)
				}
			}
			if err := a.Drain(0); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestDrive runs the load through a back end that only forwards.
func TestDrive(t *testing.T) {
	_, path := back(t, 1)
	o := vhost.Options{Features: vhost.FeatureVersion1 | vhost.FeatureProtocol | vhost.FeatureMrgRxbuf, RingSize: 512}
	for _, l := range []vhost.Load{{}, {Size: 1514, Flows: 100}, {InFlight: 1, OneWay: true}} {
		t.Run(fmt.Sprintf("%+v", l), func(t *testing.T) {
			a, b := start(t, path[0], o), start(t, path[1], o)
			l.Duration = 200 * time.Millisecond
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := vhost.Drive(t.Context(), a, b, l)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			allocs := after.Mallocs - before.Mallocs
			t.Logf("%+v: %.0f frames/s, %d allocations", r, r.PerSecond(), allocs)
			if r.Frames == 0 || r.Lost != 0 {
				t.Errorf("%d frames came through, %d were lost", r.Frames, r.Lost)
			}
			if allocs > 200+uint64(3*l.Flows) {
				t.Errorf("%d allocations", allocs)
			}
		})
	}
}
