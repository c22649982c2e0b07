package vxlan

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"trunkline/linecard/frame"
)

// segment builds a TCP segment as an inner frame, with a right checksum.
func segment(v6 bool, seq uint32, flags byte, payload []byte) []byte {
	b := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	const options = 12
	n := 20 + options + len(payload)
	if v6 {
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0, byte(n>>8), byte(n), protoTCP, 64)
		b = append(b, make([]byte, 32)...)
		b[22], b[38], b[53] = 0x20, 0x20, 9
	} else {
		b = append(b, 0x08, 0, 0x45, 0, byte((n+20)>>8), byte(n+20), byte(seq>>8), byte(seq), 0x40, 0, 64, protoTCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
		binary.BigEndian.PutUint16(b[24:], frame.Checksum(b[14:34]))
	}
	l4 := len(b)
	b = append(b, 0x10, 0, 0x20, 0, 0, 0, 0, 0, 1, 2, 3, 4, (20+options)/4<<4, flags, 0x20, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(b[l4+4:], seq)
	b = append(b, 1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9)
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[l4+csumTCP:], pseudo(b, protoTCP, n))
	binary.BigEndian.PutUint16(b[l4+csumTCP:], frame.Checksum(b[l4:]))
	return b
}

var vtep = netip.AddrFrom4([4]byte{192, 0, 2, 1})

func bytesOf(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// receiverOf has a receiver that got one train of datagrams of one size.
func receiverOf(t testing.TB, table *Table, train []byte, size int) *queue {
	t.Helper()
	p := &Port{rx: -1, gro: true}
	p.table.Store(table)
	p.mtu.Store(1550)
	r, err := newReceiver(&Port{cfg: Config{Peer: vtep}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.close() })
	feed(r, train, size)
	return &queue{port: p, rx: r}
}

// feed has a receiver find a train in its first slot.
func feed(r *receiver, train []byte, size int) {
	r.got, r.at, r.off = 1, 0, 0
	copy(r.mem[:slotLen], train)
	m := &r.messages[0]
	m.len = uint32(min(len(train), slotLen))
	m.hdr.Controllen, m.hdr.Flags = uint64(len(r.controls[0].size))+16, 0
	c := &r.controls[0]
	c.header.Level, c.header.Type = 17, udpGRO
	binary.NativeEndian.PutUint32(c.size[:], uint32(size))
	r.names[0].Addr = r.peer
}

func tableOf(t testing.TB) *Table {
	t.Helper()
	x, err := NewTable([]Segment{{100, 5001}, {200, 5002}})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestJoin checks that cutting what was joined gives the segments back.
func TestJoin(t *testing.T) {
	table := tableOf(t)
	h := table.header(100)
	const n = 1400
	for name, c := range map[string]struct {
		v6    bool
		spoil func(i int, b []byte) []byte // a segment
		want  []int                        // segments of each frame
	}{
		"tcp4":       {want: []int{40}},
		"tcp6":       {v6: true, want: []int{40}},
		"a gap":      {spoil: only(20, func(b []byte) []byte { return segment(false, 7, onlyACK, b[66:]) }), want: []int{20, 1, 19}},
		"a bad sum":  {spoil: only(20, func(b []byte) []byte { return flip(b, 100) }), want: []int{20, 1, 19}},
		"a push":     {spoil: only(20, push), want: []int{21, 19}},
		"an option":  {spoil: from(20, stamp), want: []int{20, 20}},
		"other host": {spoil: from(20, func(b []byte) []byte { return flip(b, 11) }), want: []int{20, 20}},
	} {
		t.Run(name, func(t *testing.T) {
			var train []byte
			var segments [][]byte
			size := 0
			for i := range 40 {
				b := segment(c.v6, uint32(1000+i*n), onlyACK, bytesOf(n, uint64(i)))
				if c.spoil != nil {
					b = c.spoil(i, b)
				}
				segments = append(segments, b)
				train = append(append(train, h[:]...), b...)
				size = headerLen + len(b)
			}
			q := receiverOf(t, table, train, size)
			var b frame.Batch
			if err := q.Recv(&b); err != nil {
				t.Fatal(err)
			}
			var got []int
			for i := range b.N {
				f := &b.Frames[i]
				if b.Drop[i] != frame.Forward || f.TCI != 100 {
					t.Fatalf("frame %d: %v", i, b.Drop[i])
				}
				got = append(got, f.Segments())
				for k, s := range cut(t, f) {
					want := slices.Clone(segments[k])
					if !c.v6 { // identification counts from the first
						copy(s[18:20], want[18:20])
						copy(s[24:26], want[24:26])
					}
					if !bytes.Equal(s, want) {
						t.Fatalf("frame %d: segment %d is\n%x, want\n%x", i, k, s, want)
					}
				}
				segments = segments[f.Segments():]
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("segments %v, want %v", got, c.want)
			}
		})
	}
}

// only and from change one segment, or all from one on.
func only(n int, change func([]byte) []byte) func(int, []byte) []byte {
	return func(i int, b []byte) []byte {
		if i == n {
			return change(b)
		}
		return b
	}
}

func from(n int, change func([]byte) []byte) func(int, []byte) []byte {
	return func(i int, b []byte) []byte {
		if i >= n {
			return change(b)
		}
		return b
	}
}

func flip(b []byte, at int) []byte {
	b[at] ^= 0x40
	return b
}

// push and stamp change a segment and keep its checksum right.
func push(b []byte) []byte  { return resum(b, 34+13, flagPSH) }
func stamp(b []byte) []byte { return resum(b, 34+29, 0x01) }

func resum(b []byte, at int, bit byte) []byte {
	b[at] ^= bit
	b[50], b[51] = 0, 0
	binary.BigEndian.PutUint16(b[50:], pseudo(b, protoTCP, len(b)-34))
	binary.BigEndian.PutUint16(b[50:], frame.Checksum(b[34:]))
	return b
}

// cut segments a frame in software.
func cut(t testing.TB, f *frame.Frame) [][]byte {
	t.Helper()
	if f.GSO == frame.GSONone {
		return [][]byte{append(slices.Clone(f.Bytes()), f.Tail...)}
	}
	var s frame.Segmenter
	if r := s.Start(f, false); r != frame.Forward {
		t.Fatalf("what was joined cannot be cut: %v", r)
	}
	var list [][]byte
	buf := make([]byte, frame.SegmentBuf)
	var out frame.Frame
	for s.Next(&out, buf) {
		list = append(list, slices.Clone(out.Bytes()))
	}
	return list
}

// FuzzReceive gives the receiver hostile messages, in one piece or as trains.
// Whatever it lets through is what it says it is.
func FuzzReceive(f *testing.F) {
	h := header{flagVNI, 0, 0, 0, 0, 0x13, 0x89, 0}
	s := segment(false, 1, onlyACK, bytesOf(100, 1))
	one := append(h[:], s...)
	f.Add(one, 0)
	f.Add(append(slices.Clone(one), one...), len(one))
	f.Add(append(h[:], segment(true, 1, onlyACK, bytesOf(3000, 1))...), 0)
	f.Add([]byte{8, 0, 0, 0}, 2)
	f.Add([]byte{}, -1)
	table := tableOf(f)
	q := receiverOf(f, table, nil, 0)
	var b frame.Batch
	f.Fuzz(func(t *testing.T, train []byte, size int) {
		feed(q.rx, train, size)
		octets := 0
		for range 2 * slotLen / frame.BatchSize {
			if q.rx.at == q.rx.got {
				break
			}
			if err := q.Recv(&b); err != nil {
				t.Fatal(err)
			}
			for i := range b.N {
				f := &b.Frames[i]
				octets += f.Len()
				if b.Drop[i] != frame.Forward {
					continue
				}
				if f.Flags&frame.Tagged == 0 || f.TCI != 100 && f.TCI != 200 || f.Head < frame.MinLen ||
					f.Head < frame.HeadMin && len(f.Tail) > 0 {
					t.Fatalf("frame %+v", f)
				}
				if f.GSO != frame.GSONone {
					cut(t, f)
				} else if !frame.CompleteChecksum(f) {
					t.Fatalf("a checksum outside of the head: %+v", f)
				}
			}
		}
		if q.rx.at != q.rx.got {
			t.Fatal("the message does not end")
		}
		if octets > len(train) {
			t.Fatalf("%d octets in frames, %d received", octets, len(train))
		}
	})
}
