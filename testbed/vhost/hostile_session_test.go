package vhost_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/vhostuser"
	"trunkline/testbed/vhost"
)

// TestV3Replay sends the messages that set rings and memory up in random order
// and number, with sizes that change, while chains are there and kicks arrive.
func TestV3Replay(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	rng := rand.New(rand.NewPCG(3, 3))
	sizes := []uint32{0, 1, 2, 3, 16, 64, 256, 1024, 32768, 65536, 1 << 31}
	for round := range times(60, 5000) {
		a := c.dial(0, vhost.Options{RingSize: 1024, Protocol: []uint64{0, vhost.KnownProtocol &^ vhost.ProtoStatus}[round%2] | vhost.ProtoReplyAck})
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		for _, r := range a.Rings {
			for i := range r.Size {
				r.SetDesc(i, vhost.Desc{Addr: r.Buffer(uint16(i)), Len: 1600, Flags: uint16(vhost.DescWrite * (1 - r.Index%2))})
				r.SetAvail(uint16(i), uint16(i))
			}
			r.SetAvailIdx(0, 64)
			r.Notify()
		}
		for range 40 {
			r := a.Rings[rng.IntN(2)]
			index, size := uint32(r.Index), sizes[rng.IntN(len(sizes))]
			word := func(req vhost.Request, x uint32) vhost.Message {
				return vhost.Message{Request: req, Payload: binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, index), x)}
			}
			var err error
			switch rng.IntN(10) {
			case 0, 1:
				err = a.Do(word(vhost.SetVringNum, size))
			case 2:
				err = a.Do(word(vhost.SetVringBase, rng.Uint32()))
			case 3:
				err = a.RingAddr(r)
			case 4:
				err = a.RingFD(vhost.SetVringKick, r, r.Kick)
			case 5:
				err = a.RingFD(vhost.SetVringCall, r, r.Call)
			case 6:
				err = a.Enable(r, rng.IntN(2) == 0)
			case 7:
				_, err = a.StopRing(r)
			case 8:
				err = a.SetFeatures(a.Offered & (rng.Uint64() | vhost.FeatureProtocol))
			case 9:
				err = a.MemTable(a.Memory.Regions)
			}
			if closed(err) {
				break
			}
			if err != nil && !errors.Is(err, vhost.ErrRefused) {
				t.Fatalf("round %d: %v", round, err)
			}
			_, used := r.UsedIdx()
			r.SetAvailIdx(0, used+uint16(rng.IntN(2000)))
			r.Notify()
			if rng.IntN(4) == 0 {
				if err := b.Send(0, vhost.Frame{Data: numbered(500, round, 2, 1)}, vhost.Shape{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		c.arrived(b)
	}
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}

// usage returns the descriptors that are open, and the resident memory in
// bytes.
func usage(t *testing.T) (fds, rss int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return len(list), pages * os.Getpagesize()
}

// targets says what the open descriptors are.
func targets(t *testing.T) (what []string) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			what = append(what, e.Name()+" "+name)
		}
	}
	return what
}

// flat fails the test unless descriptors are as they were, and memory about.
func (c *card) flat(fds, rss int) {
	c.Helper()
	var nowFDs, nowRSS int
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if nowFDs, nowRSS = usage(c.T); nowFDs <= fds {
			break
		}
		if time.Now().After(deadline) {
			c.Fatalf("%d descriptors are open, there were %d: %v", nowFDs, fds, targets(c.T))
		}
	}
	runtime.GC()
	if nowRSS > rss+64<<20 {
		c.Errorf("resident memory grew from %d to %d KiB", rss>>10, nowRSS>>10)
	}
	c.Logf("%d descriptors, %+d KiB", nowFDs, (nowRSS-rss)>>10)
}

// rubbish are descriptors of all sorts, to be sent along.
func rubbish(t *testing.T) []int {
	t.Helper()
	var list []int
	add := func(fd int, err error) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fd)
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	add(unix.Eventfd(0, unix.EFD_NONBLOCK))
	add(unix.Eventfd(0, 0))
	fd, err := unix.MemfdCreate("small", 0)
	add(fd, errors.Join(err, unix.Ftruncate(fd, 100)))
	fd, err = unix.MemfdCreate("large", 0)
	add(fd, errors.Join(err, unix.Ftruncate(fd, 8<<20)))
	add(unix.Open("/dev/null", unix.O_RDWR, 0))
	add(unix.Open("/dev/zero", unix.O_RDWR, 0))
	add(unix.Open("/", unix.O_RDONLY, 0))
	add(unix.Open("/proc/self/status", unix.O_RDONLY, 0))
	add(unix.EpollCreate1(0))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	add(pair[0], err)
	add(pair[1], err)
	var pipe [2]int
	err = unix.Pipe(pipe[:])
	add(pipe[0], err)
	add(pipe[1], err)
	return list
}

// TestV5Messages sends random messages with random descriptors, in sessions that
// have come to a random step.
func TestV5Messages(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	fds := rubbish(t)
	rng := rand.New(rand.NewPCG(5, 5))
	openFDs, rss := usage(t)
	total := times(8000, 1_000_000)
	sessions := 0
	for sent := 0; sent < total; sessions++ {
		a := c.dial(0, vhost.Options{RingSize: 64, Protocol: rng.Uint64() & vhost.KnownProtocol})
		steps := a.Steps()
		for _, s := range steps[:rng.IntN(len(steps)+1)] {
			if err := s.Do(a); err != nil {
				t.Fatal(err)
			}
		}
		for range 1 + rng.IntN(200) {
			if err := a.SendRaw(message(rng), pick(rng, fds)...); err != nil {
				break
			}
			sent++
			drain(a)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if sessions%10 == 0 {
			c.arrived(b)
		}
	}
	t.Logf("%d messages in %d sessions", total, sessions)
	c.flat(openFDs, rss)
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}

// message returns a message that may or may not be well-formed.
func message(rng *rand.Rand) []byte {
	small := func() uint64 {
		switch rng.IntN(6) {
		case 0:
			return rng.Uint64()
		case 1:
			return 1<<rng.IntN(64) - uint64(rng.IntN(2))
		case 2:
			return 0x1_0000_0000 + uint64(rng.IntN(64))*4096
		case 3:
			return 0x7f12_0000_0000 + uint64(rng.IntN(64))*4096
		}
		return uint64(rng.IntN(8))
	}
	m := vhost.Message{Request: vhost.Request(rng.IntN(int(vhost.LastRequest) + 3)), Flags: uint32(rng.IntN(4)) << 2 & vhost.NeedReply}
	for range rng.IntN(10) {
		m.Payload = binary.NativeEndian.AppendUint64(m.Payload, small())
	}
	if rng.IntN(4) == 0 && len(m.Payload) > 8 {
		binary.NativeEndian.PutUint32(m.Payload, uint32(rng.IntN(10))) // struct vhost_vring_state, or a number of regions
		binary.NativeEndian.PutUint32(m.Payload[4:], uint32(rng.IntN(3)))
	}
	if rng.IntN(8) == 0 {
		m.Payload = m.Payload[:rng.IntN(len(m.Payload)+1)]
	}
	m.Flags |= vhost.Version
	b := m.Bytes()
	switch rng.IntN(40) {
	case 0:
		b = b[:rng.IntN(len(b)+1)]
	case 1:
		binary.NativeEndian.PutUint32(b[8:], rng.Uint32())
	case 2:
		binary.NativeEndian.PutUint32(b[4:], rng.Uint32())
	case 3:
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
	}
	if len(b) == 0 {
		b = []byte{0}
	}
	return b
}

// pick returns some descriptors: mostly few, at times as many as a message can
// carry.
func pick(rng *rand.Rand, from []int) []int {
	n := 0
	switch rng.IntN(10) {
	case 0, 1, 2, 3:
		n = 1
	case 4:
		n = rng.IntN(10)
	case 5:
		n = rng.IntN(40)
		if rng.IntN(10) == 0 {
			n = 253 // SCM_MAX_FD
		}
	}
	var list []int
	for range n {
		list = append(list, from[rng.IntN(len(from))])
	}
	return list
}

// drain takes what the back end has answered so far, without waiting.
func drain(p *vhost.Peer) {
	raw, err := p.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		var b [4096]byte
		var oob [1024]byte
		for {
			n, m, _, _, err := unix.Recvmsg(int(fd), b[:], oob[:], unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
			if err != nil || n == 0 {
				return true
			}
			list, _ := unix.ParseSocketControlMessage(oob[:m])
			for i := range list {
				got, _ := unix.ParseUnixRights(&list[i])
				for _, x := range got {
					_ = unix.Close(x)
				}
			}
		}
	})
}

// TestV5Repeat repeats each message of a working session, with the descriptors
// it needs and with some more.
func TestV5Repeat(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	extra := rubbish(t)
	log, err := vhost.NewDirty(0x1_0000_0000 + 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	fds, rss := usage(t)
	a := c.plug(0, vhost.Options{RingSize: 64, Protocol: vhost.ProtoReplyAck | vhost.ProtoLogShmFD | vhost.ProtoInflight})
	r := a.Tx(0)
	table := vhost.TableMessage(a.Memory.Regions...)
	for _, m := range []vhost.Message{
		table, {Request: vhost.SetVringKick, Payload: make([]byte, 8), FDs: []int{r.Kick}},
		{Request: vhost.SetVringCall, Payload: make([]byte, 8), FDs: []int{r.Call}},
		{Request: vhost.SetVringErr, Payload: make([]byte, 8), FDs: []int{r.Err}},
		{Request: vhost.SetVringErr, Payload: binary.NativeEndian.AppendUint64(nil, 1<<8)}, // NOFD
		vhost.LogMessage(log.FD, log.Size(), 0),
		{Request: vhost.SetLogFD, FDs: []int{r.Err}},
		{Request: vhost.SetOwner}, {Request: vhost.SetFeatures, Payload: binary.NativeEndian.AppendUint64(nil, base)},
	} {
		for i := range times(200, 20_000) {
			x := m
			if i%25 == 24 {
				x.FDs = append(append([]int(nil), x.FDs...), extra[i%len(extra)])
			}
			err := a.Do(x)
			if closed(err) {
				_ = a.Close() // its socket is gone
				a = c.dial(0, vhost.Options{RingSize: 64, Protocol: vhost.ProtoReplyAck | vhost.ProtoLogShmFD})
				c.Cleanup(func() { _ = a.Close() }) // it may be closed already
				err = a.Start()
			}
			if err != nil && !errors.Is(err, vhost.ErrRefused) {
				t.Fatalf("request %d: %v", m.Request, err)
			}
		}
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	c.flat(fds, rss)
	a = c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}

// TestV5Slow sends half a message and falls silent: the port must not be
// blocked for its next peer, nor for Close, for ever.
func TestV5Slow(t *testing.T) {
	c := newCard(t, 2, nil)
	for _, n := range []int{1, 11, 12, 13} {
		a := c.dial(0, vhost.Options{})
		m := vhost.Message{Request: vhost.SetFeatures, Flags: 1, Payload: make([]byte, 8)}
		if err := a.SendRaw(m.Bytes()[:n]); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	a, b := c.plug(0, vhost.Options{}), c.plug(1, vhost.Options{})
	c.offer(a, b)
	c.alive(a, b)
	// Left to the end of the test: the card closes while half a message is there.
	if err := a.SendRaw([]byte{1, 0, 0}); err != nil {
		t.Fatal(err)
	}
}

// TestV9Disconnect closes the connection after each step of its start, frames
// on their way, many times.
func TestV9Disconnect(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	fds, rss := usage(t)
	steps := 0
	n := 0
	for round := range times(6, 10_000/40) {
		for stop := 0; ; stop++ {
			a := c.dial(0, vhost.Options{Protocol: []uint64{0, vhost.KnownProtocol &^ vhost.ProtoConfigureMem, vhost.ProtoReplyAck}[round%3], RingSize: 64})
			list := a.Steps()
			steps = len(list)
			// Chains are there before the rings are.
			for i := range 40 {
				// With the header that will have been agreed on.
				f := append(make([]byte, 12), numbered(1000, i, 1, 2)...)
				if err := a.PostBytes(0, f, vhost.Shape{Indirect: i%2 == 0}); err != nil {
					t.Fatal(err)
				}
			}
			a.Tx(0).Publish()
			if _, err := a.Offer(0, 64, 1600, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
			for _, s := range list[:min(stop, len(list))] {
				if err := s.Do(a); err != nil {
					t.Fatalf("%s: %v", s.Name, err)
				}
			}
			if n++; n%2 == 0 {
				for i := range 20 {
					if err := b.PostFrame(0, vhost.Frame{Data: numbered(1000, i, 2, 1)}, vhost.Shape{}); err != nil {
						t.Fatal(err)
					}
				}
				b.Tx(0).Publish()
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
			for _, f := range c.arrived(b) {
				if !whole(f) {
					t.Fatalf("a broken frame arrives: %x", f)
				}
			}
			if stop >= steps {
				break
			}
		}
	}
	t.Logf("%d disconnects over %d steps", n, steps)
	c.flat(fds, rss)
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}

// TestV9Client does it to a port that connects, which must come back each time.
func TestV9Client(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "front")
	l, err := vhost.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newCard(t, 2, func(o *vhostuser.Config) {
		if strings.HasSuffix(o.Path, "s0") {
			o.Path, o.Client = path, true
		}
	})
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	for stop := 0; ; stop += times(9, 1) {
		a, err := l.Accept(vhost.Options{RingSize: 64})
		if err != nil {
			t.Fatal(err)
		}
		list := a.Steps()
		for _, s := range list[:min(stop, len(list))] {
			if err := s.Do(a); err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
		}
		if stop >= len(list) {
			c.up(0)
			c.offer(a)
			c.alive(a, b)
			if err := a.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestV9Second connects while another front end is served: it waits its turn.
func TestV9Second(t *testing.T) {
	c := newCard(t, 2, nil)
	a, b := c.plug(0, vhost.Options{}), c.plug(1, vhost.Options{})
	c.offer(a, b)
	second := c.dial(0, vhost.Options{Timeout: 100 * time.Millisecond})
	if err := second.Start(); err == nil {
		t.Error("two front ends are served at once")
	}
	c.alive(a, b)
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	a = c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}
