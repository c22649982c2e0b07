package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port"
	"trunkline/testbed/vhost"
)

// Bounds of a run.
const (
	flows  = 4
	window = 256 // segments on the way in a direction below saturation, at most
	stall  = 10 * time.Second
	// One frame in so many that may be is a super-frame: as many frames by
	// themselves as in super-frames, nearly.
	superIn = 12
)

// rig is a card with two ports and a host behind each.
type rig struct {
	engine *pipeline.Engine
	ends   [2]options
	hosts  [2]host
	ports  [2]port.Port
	flows  [2][]*flow // of the direction from host 0, and from host 1: as expected
	sender [2][]*flow // as sent
	rng    *rand.Rand
	buf    []byte
}

var names = [2]string{"Vethernet1", "Vethernet2"}

func newRig(t testing.TB, a, b options, seed uint64) *rig {
	t.Helper()
	r := &rig{
		ends: [2]options{a, b}, rng: rand.New(rand.NewPCG(seed, 50)), buf: make([]byte, 1<<17),
		engine: pipeline.New(pipeline.Config{}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	var connect [2]func() host
	for i, o := range r.ends {
		r.ports[i], connect[i] = openers[o.driver](t, o)
		if err := r.engine.SetPort(names[i], r.ports[i]); err != nil {
			t.Fatal(err)
		}
	}
	vlan := ether.VLANs(tci)
	if err := r.engine.Apply(func(b *pipeline.Builder) error {
		b.Activate(vlan)
		for i, o := range r.ends {
			f, err := b.AddPort(names[i])
			if err != nil {
				return err
			}
			f.Vethernet, f.Up, f.PVID, f.Allowed = true, true, tci, vlan
			if o.tag {
				f.Trunk, f.PVID = true, 1
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range connect {
		r.hosts[i] = connect[i]()
	}
	r.awaitUp(t)
	for d := range 2 {
		for n := range flows {
			r.sender[d] = append(r.sender[d], &flow{direction: d, number: n})
			r.flows[d] = append(r.flows[d], &flow{direction: d, number: n})
		}
	}
	return r
}

// awaitUp waits until both ports forward.
func (r *rig) awaitUp(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(stall); ; {
		up := 0
		for _, n := range names {
			r.engine.Refresh(n)
			if r.engine.Link(n).Up {
				up++
			}
		}
		if up == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("ports do not come up: %+v", r.engine.Ports())
		}
		r.hosts[0].wait(time.Millisecond)
	}
}

// form chooses how the next frame of a flow is sent.
func (r *rig) form(d int, f *flow) form {
	o := r.ends[d]
	how := form{segments: 1, size: numbered + r.rng.IntN(largestSeg-numbered), tag: o.tag}
	switch {
	case f.udp() && o.ufo && r.ends[1-d].seesUFO() && r.rng.IntN(superIn) == 0:
		r.chooseUFO(&how)
	case (f.udp() && o.uso || !f.udp() && o.tso) && r.rng.IntN(superIn) == 0:
		how.partial = true
		how.segments = 2 + r.rng.IntN(min(43, 60_000/how.size-1))
	case o.csum:
		how.partial = r.rng.IntN(2) == 0
	}
	if r.rng.IntN(2) == 0 && how.segments == 1 {
		how.size = numbered + r.rng.IntN(8) // the smallest frames
	}
	return how
}

// send sends one frame in a direction and returns its segments.
func (r *rig) send(d int) (int, error) {
	f := r.sender[d][r.rng.IntN(flows)]
	how := r.form(d, f)
	out := f.frame(r.buf, how)
	if err := r.hosts[d].send(out); err != nil {
		return 0, fmt.Errorf("host %d (%v): %w", d, r.ends[d], err)
	}
	return how.segments, nil
}

// exchange sends frames, half of them in each direction and at most a window
// ahead of what has arrived, and fails on the first that is not as it should
// be. A super-frame counts as the frames it stands for, each of which has a
// number.
func (r *rig) exchange(frames int) error {
	var sent, arrived [2]int // segments
	last := time.Now()
	for {
		progress := false
		for d := range 2 {
			for range perCall {
				if sent[d] >= frames/2 || sent[d]-arrived[d] >= r.ends[1-d].window() {
					break
				}
				n, err := r.send(d)
				if err != nil {
					return err
				}
				sent[d] += n
				progress = true
			}
			if err := r.hosts[d].flush(); err != nil {
				return fmt.Errorf("host %d (%v): %w", d, r.ends[d], err)
			}
			n, err := r.drain(d)
			if err != nil {
				return err
			}
			arrived[d] += n
			progress = progress || n > 0
		}
		if min(sent[0], sent[1]) >= frames/2 && arrived == sent {
			return nil
		}
		if progress {
			last = time.Now()
			continue
		}
		if time.Since(last) > stall {
			return fmt.Errorf("nothing has arrived for %v: %d of %d forth, %d of %d back; %s",
				stall, arrived[0], sent[0], arrived[1], sent[1], r.drops())
		}
		r.hosts[1].wait(time.Millisecond)
	}
}

// drain takes what has arrived in a direction and returns the segments.
func (r *rig) drain(d int) (int, error) {
	total := 0
	for range 64 {
		f, ok, err := r.hosts[1-d].receive()
		if err != nil {
			return total, fmt.Errorf("host %d (%v): %w", 1-d, r.ends[1-d], err)
		}
		if !ok {
			break
		}
		n, err := r.accept(d, f)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// accept checks a frame that arrived: that its form is one the host takes, too.
func (r *rig) accept(d int, f vhost.Frame) (int, error) {
	to := r.ends[1-d]
	n, err := take(r.flows[d], d, f, to.tag)
	if err == nil && n > 0 && to.driver == "vhost" {
		switch {
		case !to.csum && f.Header.Flags&vhost.NeedsCsum != 0:
			err = fmt.Errorf("partial checksum for a host that did not ask for it")
		case f.GSO == vhost.GSOUDPL4 && !to.uso, f.GSO == vhost.GSOUDP && !to.ufo,
			(f.GSO == vhost.GSOTCPv4 || f.GSO == vhost.GSOTCPv6) && !to.tso:
			err = fmt.Errorf("super-frame of type %d for a host that did not ask for it", f.GSO)
		}
	}
	if err != nil {
		return n, fmt.Errorf("%v to %v: %w", r.ends[d], to, err)
	}
	return n, nil
}

// drops lists what the card dropped.
func (r *rig) drops() string {
	s := "dropped:"
	for _, name := range names {
		c, _ := r.engine.Counters(name)
		for reason := frame.Reason(0); reason < frame.Reasons; reason++ {
			if n := c.RxDrops[reason]; n > 0 {
				s += fmt.Sprintf(" %s received %v %d", name, reason, n)
			}
			if n := c.TxDrops[reason]; n > 0 {
				s += fmt.Sprintf(" %s sent %v %d", name, reason, n)
			}
		}
	}
	return s
}

// dropped returns the frames that the card dropped, segments counted singly.
func (r *rig) dropped() (n uint64) {
	for _, name := range names {
		c, _ := r.engine.Counters(name)
		for i := range frame.Reasons {
			n += c.RxDrops[i] + c.TxDrops[i]
		}
	}
	return n
}
