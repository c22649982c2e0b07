package vhost_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"trunkline/testbed/vhost"
)

const page = 4096

// edges makes memory with every kind of edge: the first region holds rings and
// buffers, the second follows it in both address spaces, then there is a hole;
// the third begins within its file, with a page before and a page behind that
// are not shared; the last ends where addresses end.
func edges(t *testing.T) *vhost.Memory {
	t.Helper()
	const size = 4 << 20
	m, err := vhost.NewMemory(
		vhost.Region{Guest: 1 << 32, User: 0x7f00_0000_0000, Size: size},
		vhost.Region{Guest: 1<<32 + size, User: 0x7f00_0000_0000 + size, Size: 4 * page},
		vhost.Region{Guest: 1<<32 + 2*size, User: 0x7e00_0000_0000, Size: 4 * page, Offset: page, Behind: page},
		vhost.Region{Guest: math.MaxUint64 - 4*page, User: math.MaxUint64 - 8*page, Size: 4 * page},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// span is a buffer somewhere. ok says whether a chain may have it; either, that
// a device may take it or not.
type span struct {
	name       string
	addr       uint64
	len        uint32
	ok, either bool
}

// spans are buffers of n bytes at every edge of the memory.
func spans(m *vhost.Memory, n uint32) []span {
	list := []span{
		{"address 0", 0, n, false, false},
		{"last address", math.MaxUint64, n, false, false},
		{"wraps", math.MaxUint64 - uint64(n) + 1, n, false, false},
		{"wraps by much", math.MaxUint64 - 100, math.MaxUint32, false, false},
	}
	for i, r := range m.Regions {
		name := func(s string) string { return fmt.Sprintf("region %d: %s", i, s) }
		start, end := r.Guest, r.Guest+r.Size
		inner := start
		if i == 0 {
			inner = end - 64*page // where neither rings nor buffers are
		}
		// The second region follows the first.
		before, behind := i == 1, i == 0
		list = append(list,
			span{name("at its start"), inner, n, true, false},
			span{name("at its end"), end - uint64(n), n, true, false},
			span{name("one byte over its end"), end - uint64(n) + 1, n, false, behind},
			span{name("half over its end"), end - uint64(n)/2, n, false, behind},
			span{name("last byte"), end - 1, n, false, behind},
			span{name("behind its end"), end, n, i == 0, behind},
			span{name("one byte before its start"), start - 1, n, false, before},
			span{name("ends at its start"), start - uint64(n), n, before, before},
			span{name("longer than it"), start, uint32(r.Size) + 1, false, i == 0 || before},
			span{name("4 GiB"), start, math.MaxUint32, false, false},
		)
	}
	return list
}

// raw makes one chain available as it is, in descriptors from 0 on.
func raw(r *vhost.Ring, chain ...vhost.Desc) {
	for i, d := range chain {
		r.SetDesc(i, d)
	}
	offer(r, 0)
}

// offer makes one head available.
func offer(r *vhost.Ring, head uint16) {
	_, idx := r.AvailIdx()
	r.SetAvail(idx, head)
	r.SetAvailIdx(0, idx+1)
	r.Notify()
}

// arrived returns what has come to a front end without waiting.
func (c *card) arrived(p *vhost.Peer) (list [][]byte) {
	c.Helper()
	r := p.Rx(0)
	for {
		if _, idx := r.UsedIdx(); idx == r.Seen() {
			return list
		}
		f, err := p.Receive(0)
		if err != nil {
			c.Fatal(err)
		}
		list = append(list, f.Data)
	}
}

// canaries are the bytes of the files that no region covers.
func canaries(m *vhost.Memory) []byte {
	var list []byte
	for _, r := range m.Regions {
		list = append(append(list, r.Outside()...), '|')
	}
	return list
}

// TestV1Transmit sends frames whose data lie at the edges of memory.
func TestV1Transmit(t *testing.T) {
	for _, indirect := range []bool{false, true} {
		c := newCard(t, 2, nil)
		b := c.plug(1, vhost.Options{})
		c.offer(b)
		m := edges(t)
		want := numbered(300, 1, 1, 2)
		for _, s := range spans(m, 300) {
			m.Reset()
			a := c.plug(0, vhost.Options{Memory: m, Protocol: vhost.ProtoReplyAck | vhost.ProtoConfigureMem, RingSize: 64})
			if s.ok {
				copy(m.At(s.addr, 300), want)
			}
			r := a.Tx(0)
			header := vhost.Desc{Addr: r.Buffer(0), Len: 12, Flags: vhost.DescNext, Next: 1}
			data := vhost.Desc{Addr: s.addr, Len: s.len}
			if indirect {
				table, set := r.Table(0)
				set(0, header)
				set(1, data)
				raw(r, vhost.Desc{Addr: table, Len: 32, Flags: vhost.DescIndirect})
			} else {
				raw(r, header, data)
			}
			broken := c.outcome(0, r)
			got := c.arrived(b)
			switch {
			case s.ok && (broken || len(got) != 1 || !bytes.Equal(got[0], want)):
				t.Errorf("%s: %d frames arrive, ring given up: %v", s.name, len(got), broken)
			case !s.ok && !s.either && (!broken || len(got) != 0):
				t.Errorf("%s: %d frames arrive, ring given up: %v", s.name, len(got), broken)
			}
			c.unplug(0, a)
		}
		a := c.plug(0, vhost.Options{})
		c.offer(a)
		c.alive(a, b)
	}
}

// TestV1Receive offers buffers at the edges of memory for frames to the guest.
func TestV1Receive(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	m := edges(t)
	want := numbered(300, 1, 2, 1)
	before := canaries(m)
	for _, s := range spans(m, 312) {
		m.Reset()
		a := c.plug(0, vhost.Options{Memory: m, RingSize: 64})
		r := a.Rx(0)
		raw(r, vhost.Desc{Addr: s.addr, Len: s.len, Flags: vhost.DescWrite})
		if err := b.Send(0, vhost.Frame{Data: want}, vhost.Shape{}); err != nil {
			t.Fatal(err)
		}
		broken := c.outcome(0, r)
		_, idx := r.UsedIdx()
		switch {
		case s.ok && (broken || idx != 1 || !bytes.Equal(m.At(s.addr+12, 300), want)):
			t.Errorf("%s: used index %d, ring given up: %v", s.name, idx, broken)
		case !s.ok && !s.either && (!broken || idx != 0):
			t.Errorf("%s: used index %d, ring given up: %v", s.name, idx, broken)
		}
		c.unplug(0, a)
		if !bytes.Equal(canaries(m), before) {
			t.Fatalf("%s: bytes outside the regions are changed", s.name)
		}
	}
	a := c.plug(0, vhost.Options{})
	c.offer(a, b)
	c.alive(a, b)
}

// TestV1Tables puts indirect tables at the edges, and gives them lengths that
// are none.
func TestV1Tables(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	m := edges(t)
	list := spans(m, 32)
	inside := m.Regions[2].Guest
	for _, n := range []uint32{0, 1, 15, 16, 17, 31, 33, 16 << 10, 16<<10 + 16, 16 << 16, math.MaxUint32 &^ 15, math.MaxUint32} {
		list = append(list, span{fmt.Sprintf("table of %d bytes", n), inside, n, false, n == 16 || n == 16<<10})
	}
	list = append(list, span{"table at an odd address", inside + 5, 32, true, true})
	for _, s := range list {
		m.Reset()
		a := c.plug(0, vhost.Options{Memory: m, RingSize: 64})
		r := a.Tx(0)
		want := numbered(100, 7, 1, 2)
		copy(m.At(r.Buffer(0)+12, 100), want)
		if s.ok {
			copy(m.At(s.addr, 32), make([]byte, 32))
			vhost.PutDesc(m.At(s.addr, 32), 0, vhost.Desc{Addr: r.Buffer(0), Len: 12, Flags: vhost.DescNext, Next: 1})
			vhost.PutDesc(m.At(s.addr, 32), 1, vhost.Desc{Addr: r.Buffer(0) + 12, Len: 100})
		}
		raw(r, vhost.Desc{Addr: s.addr, Len: s.len, Flags: vhost.DescIndirect})
		broken := c.outcome(0, r)
		got := c.arrived(b)
		if s.ok && !s.either && (broken || len(got) != 1 || !bytes.Equal(got[0], want)) ||
			!s.ok && !s.either && (!broken || len(got) != 0) {
			t.Errorf("%s: %d frames arrive, ring given up: %v", s.name, len(got), broken)
		}
		c.unplug(0, a)
	}
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}

// TestV1Rings puts the parts of a ring at the edges: where they do not fit the
// ring does not start, and nothing else happens.
func TestV1Rings(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	m := edges(t)
	for part, n := range []uint32{16 * 64, 4 + 2*64 + 2, 4 + 8*64 + 2} {
		for _, s := range append(spans(m, n), span{"odd", m.Regions[0].Guest + 3, n, false, false}) {
			m.Reset()
			a := c.dial(0, vhost.Options{Memory: m, RingSize: 64, Features: base | vhost.FeatureEventIdx})
			r := a.Tx(0)
			at := []*uint64{&r.Desc, &r.Avail, &r.Used}[part]
			was := *at
			// The addresses of rings are the front end's own.
			a.Translate = func(guest uint64) uint64 {
				if guest == was {
					return s.addr - m.Regions[0].Guest + m.Regions[0].User
				}
				return m.User(guest)
			}
			err := a.Start()
			if err != nil && !errors.Is(err, vhost.ErrRefused) && !closed(err) {
				t.Errorf("part %d %s: %v", part, s.name, err)
			}
			if err == nil {
				r.Notify()
				err = a.Sync()
			}
			if err != nil && !errors.Is(err, vhost.ErrRefused) && !closed(err) {
				t.Errorf("part %d %s: %v", part, s.name, err)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}

// TestV4Arithmetic gives memory regions, logs and inflight records sizes and
// offsets whose sums wrap, or that are larger than the file. The back end must
// refuse, by an answer or by hanging up, and live.
func TestV4Arithmetic(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	extremes := []uint64{0, 1, page - 1, page, page + 1, 1 << 20, 1<<20 + 1, 1 << 31, 1 << 32, 1 << 46, 1 << 47, 1 << 62, 1 << 63, 1<<63 + page, math.MaxUint64 - page, math.MaxUint64 - 1, math.MaxUint64}
	m, err := vhost.NewMemory(vhost.Region{Guest: 0, User: 0, Size: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fd := m.Regions[0].FD
	try := func(what string, ok bool, messages ...vhost.Message) {
		t.Helper()
		a := c.dial(0, vhost.Options{})
		defer a.Close()
		for _, s := range a.Steps()[:6] { // up to the owner, and features asked again
			if err := s.Do(a); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		for _, x := range messages {
			if err == nil {
				err = a.Do(x)
			}
		}
		if err == nil {
			err = a.Sync()
		}
		refused := errors.Is(err, vhost.ErrRefused) || closed(err)
		if err != nil && !refused {
			t.Errorf("%s: %v", what, err)
		}
		if ok != (err == nil) {
			t.Errorf("%s: want accepted: %v; got %v", what, ok, err)
		}
	}
	for _, size := range extremes {
		for _, offset := range extremes {
			ok := size > 0 && offset <= 1<<20 && size <= 1<<20 && size+offset <= 1<<20
			name := fmt.Sprintf("region of %#x bytes at offset %#x", size, offset)
			r := vhost.Region{Guest: 0x10000, User: 0x20000, Size: size, Offset: offset, FD: fd}
			try(name, ok, vhost.TableMessage(&r))
			if size < 1<<62 || long() {
				try(name+", added", ok, vhost.RegionMessage(vhost.AddMemReg, &r))
			}
			if offset%page == 0 || !ok {
				try("log: "+name, ok, vhost.LogMessage(fd, size, offset))
			}
		}
		wraps := size > math.MaxUint64-page
		for i, r := range []vhost.Region{{Guest: size, User: page}, {Guest: page, User: size}} {
			r.Size, r.FD = page, fd
			try(fmt.Sprintf("region at %#x (%d)", size, i), !wraps, vhost.TableMessage(&r))
		}
	}
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}
