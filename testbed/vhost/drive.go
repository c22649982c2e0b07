package vhost

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Load describes a closed loop between two front ends of one switch: each frame
// that arrives at one of them lets the other send the next.
type Load struct {
	Size     int  // bytes of each frame, without FCS, at least 60; 0: 60
	Flows    int  // pairs of addresses, MAC and IPv4, and of ports; 0: 1
	InFlight int  // frames per direction; 0: 256, at most the size of the rings
	Burst    int  // frames per turn; 0: 64
	Queue    int  // queue pair to use
	OneWay   bool // from the first to the second only
	Warmup   time.Duration
	Duration time.Duration // 0: 1 second
}

// Result is what came through.
type Result struct {
	Frames  uint64 // received, at both ends together
	Lost    uint64 // sent and not received for a while
	Elapsed time.Duration
	Kicks   int // notifications that the back ends wanted
}

// PerSecond returns the frames received in a second.
func (r Result) PerSecond() float64 { return float64(r.Frames) / r.Elapsed.Seconds() }

// patience is how long a loop stands still before its frames count as lost.
const patience = time.Second

// lane is one direction: the transmit ring of one peer and the receive ring of
// the other.
type lane struct {
	tx, rx *Ring
	frames []uint64 // guest addresses, one per flow
	length uint32   // of header and frame
	next   int      // flow
	credit int      // frames that may be sent
	limit  int
	free   []uint16 // descriptors of tx
	got    uint64
	lost   uint64
	moved  bool      // since the last look
	idle   time.Time // of the last progress
}

// Drive sends frames in both directions between two started peers, whose rings
// must be new, and counts what comes through. One goroutine does it all and
// allocates nothing per frame: pin the caller's thread to a core of its own for
// a measurement. Frames of a flow always go the same way, so that a switch
// learns their addresses once. The frames lie in guest memory, of which there
// must be enough for Flows of them on each side.
func Drive(ctx context.Context, a, b *Peer, l Load) (Result, error) {
	l.Size = max(l.Size, 60)
	l.Flows = max(l.Flows, 1)
	if l.InFlight == 0 {
		l.InFlight = 256
	}
	if l.Burst == 0 {
		l.Burst = 64
	}
	if l.Duration == 0 {
		l.Duration = time.Second
	}
	lanes := make([]*lane, 0, 2)
	for side, p := range []*Peer{a, b} {
		x, err := newLane(p, []*Peer{b, a}[side], side, l)
		if err != nil {
			return Result{}, fmt.Errorf("drive load: %w", err)
		}
		if side == 1 && l.OneWay {
			x.credit, x.limit = 0, 0
		}
		lanes = append(lanes, x)
	}
	return run(ctx, lanes, l)
}

func run(ctx context.Context, lanes []*lane, l Load) (Result, error) {
	start := time.Now()
	for _, x := range lanes {
		x.idle = start
	}
	count := func() (got, lost uint64, kicks int) {
		for _, x := range lanes {
			got, lost, kicks = got+x.got, lost+x.lost, kicks+x.tx.kicks+x.rx.kicks
		}
		return
	}
	var got0, lost0 uint64
	var kicks0 int
	measuring := false
	empty := 0
	for round := 0; ; round++ {
		moved := 0
		for _, x := range lanes {
			n, err := x.turn(l.Burst)
			if err != nil {
				return Result{}, err
			}
			moved += n
		}
		if moved > 0 {
			empty = 0
		} else if empty++; empty&255 == 0 {
			unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		}
		if round&63 != 0 {
			continue
		}
		now := time.Now()
		for _, x := range lanes {
			x.look(now)
		}
		if ctx.Err() != nil {
			return Result{}, fmt.Errorf("drive load: %w", ctx.Err())
		}
		if !measuring && now.Sub(start) >= l.Warmup {
			measuring, start = true, now
			got0, lost0, kicks0 = count()
		}
		if measuring && now.Sub(start) >= l.Duration {
			got, lost, kicks := count()
			return Result{got - got0, lost - lost0, now.Sub(start), kicks - kicks0}, nil
		}
	}
}

// newLane prepares the transmit ring of from and the receive ring of to.
func newLane(from, to *Peer, side int, l Load) (*lane, error) {
	x := &lane{tx: from.Tx(l.Queue), rx: to.Rx(l.Queue)}
	header := from.HeaderLen()
	x.length = uint32(header + l.Size)
	if int(x.length) > to.Stride || l.InFlight > min(x.tx.Size, x.rx.Size) {
		return nil, fmt.Errorf("frames of %d bytes, %d in flight: the rings have %d buffers of %d", l.Size, l.InFlight, x.rx.Size, to.Stride)
	}
	if x.tx.next != x.tx.base || x.rx.next != x.rx.base {
		return nil, errors.New("the rings are in use")
	}
	for i := range l.Flows {
		at, err := from.Memory.Alloc(int(x.length), 64)
		if err != nil {
			return nil, err
		}
		b := from.Memory.At(at, int(x.length))
		clear(b)
		flowFrame(b[header:], side, i)
		x.frames = append(x.frames, at)
	}
	for i := range x.tx.Size {
		x.tx.SetDesc(i, Desc{Addr: x.frames[0], Len: x.length})
		x.free = append(x.free, uint16(i))
	}
	x.rx.silent, x.tx.silent = true, true
	for i := range x.rx.Size {
		x.rx.SetDesc(i, Desc{Addr: x.rx.Buffer(uint16(i)), Len: uint32(to.Stride), Flags: DescWrite})
		x.rx.SetAvail(x.rx.next, uint16(i))
		x.rx.next++
	}
	x.rx.Silence(true)
	x.tx.Silence(true)
	x.rx.Publish()
	x.limit, x.credit = l.InFlight, l.InFlight
	return x, nil
}

// flowFrame writes an IPv4 UDP frame of a flow.
func flowFrame(b []byte, side, flow int) {
	ends := [2]byte{0xaa, 0xbb}
	copy(b, []byte{2, ends[1-side], 0, byte(flow >> 16), byte(flow >> 8), byte(flow)})
	copy(b[6:], []byte{2, ends[side], 0, byte(flow >> 16), byte(flow >> 8), byte(flow)})
	copy(b[12:], []byte{8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17})
	ip := b[14:]
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[12:], []byte{10, byte(1 + side), byte(flow >> 8), byte(flow)})
	copy(ip[16:], []byte{10, byte(2 - side), byte(flow >> 8), byte(flow)})
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	udp := ip[20:]
	binary.BigEndian.PutUint16(udp, uint16(1024+flow))
	binary.BigEndian.PutUint16(udp[2:], 9)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
}

// turn takes what has arrived, gives the buffers back, and sends as many.
func (x *lane) turn(burst int) (int, error) {
	_, idx := x.rx.UsedIdx()
	n := int(idx - x.rx.seen)
	if n > x.rx.Size {
		return 0, fmt.Errorf("ring %d: used index %d is %d beyond %d", x.rx.Index, idx, n, x.rx.seen)
	}
	n = min(n, burst)
	for range n {
		id, size := x.rx.UsedElem(x.rx.seen)
		if id >= uint32(x.rx.Size) {
			return 0, fmt.Errorf("ring %d: buffer %d was returned", x.rx.Index, id)
		}
		x.rx.seen++
		x.rx.SetAvail(x.rx.next, uint16(id))
		x.rx.next++
		if size == x.length {
			x.got++
			x.credit++
		}
	}
	if n > 0 {
		x.rx.Publish()
	}
	x.credit = min(x.credit, x.limit) // late frames that were given up
	_, idx = x.tx.UsedIdx()
	for x.tx.seen != idx {
		id, _ := x.tx.UsedElem(x.tx.seen)
		if id >= uint32(x.tx.Size) || len(x.free) == x.tx.Size {
			return 0, fmt.Errorf("ring %d: buffer %d was returned", x.tx.Index, id)
		}
		x.tx.seen++
		x.free = append(x.free, uint16(id))
	}
	send := min(x.credit, len(x.free), burst)
	for range send {
		head := x.free[len(x.free)-1]
		x.free = x.free[:len(x.free)-1]
		binary.NativeEndian.PutUint64(x.tx.desc[16*int(head):], x.frames[x.next])
		if x.next++; x.next == len(x.frames) {
			x.next = 0
		}
		x.tx.SetAvail(x.tx.next, head)
		x.tx.next++
	}
	if send > 0 {
		x.credit -= send
		x.tx.Publish()
	}
	if n+send > 0 {
		x.moved = true
	}
	return n + send, nil
}

// look gives up frames that do not come.
func (x *lane) look(now time.Time) {
	if x.moved {
		x.moved, x.idle = false, now
		return
	}
	if now.Sub(x.idle) > patience {
		x.lost += uint64(x.limit - x.credit)
		x.credit, x.idle = x.limit, now
	}
}
