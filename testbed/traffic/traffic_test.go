package traffic_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/testbed/traffic"
)

func TestSendAndCapture(t *testing.T) {
	a, b := innstest.New(t), innstest.New(t)
	innstest.Veth(t, a, "eth0", b, "eth0")
	s, err := traffic.NewSender(a, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := traffic.NewReceiver(b, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, spec := range []traffic.Spec{
		{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}},
		{Src: ether.MAC{2, 1}, Dst: ether.Broadcast, Tags: []ether.VLANID{100}, Payload: []byte("tagged")},
		{Src: ether.MAC{2, 1}, Dst: ether.Broadcast, Tags: []ether.VLANID{100, 200}, Len: 900},
		{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, From: netip.MustParseAddrPort("[2001:db8::1]:7"),
			To: netip.MustParseAddrPort("[2001:db8::2]:7"), Payload: bytes.Repeat([]byte("6"), 400)},
	} {
		sent := traffic.Build(spec)
		if err := s.Send(sent); err != nil {
			t.Fatal(err)
		}
		got, err := r.Find(ctx, func(f []byte) bool { return bytes.HasPrefix(f[6:], []byte{2, 1}) })
		if err != nil {
			t.Fatal(err)
		}
		if d := traffic.Diff(got, sent); d != "" {
			t.Error(d)
		}
	}
	if d := traffic.Diff([]byte{1}, []byte{2}); d == "" {
		t.Error("Diff finds two frames equal that are not")
	}
	short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	if f, err := r.Find(short, func([]byte) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Find without a match = %d bytes, %v", len(f), err)
	}
}

func TestFlood(t *testing.T) {
	a, b := innstest.New(t), innstest.New(t)
	innstest.Veth(t, a, "eth0", b, "eth0")
	s, err := traffic.NewSender(a, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	sent, err := s.Flood(ctx, traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := traffic.Count(b, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	if sent == 0 || c.RxFrames+c.RxDrops < sent/2 {
		t.Errorf("sent %d, counted %+v", sent, c)
	}
	if _, err := traffic.Count(b, "eth9"); err == nil {
		t.Error("counters of a device that is not there")
	}
	if _, err := traffic.NewSender(b, "eth9"); err == nil {
		t.Error("a sender on a device that is not there")
	}
	if _, err := s.Flood(ctx); err == nil {
		t.Error("a flood of no frames")
	}
}
