package frame_test

import (
	"bytes"
	"slices"
	"testing"

	"trunkline/linecard/frame"
)

// TestCut checks that a segment put together from its headers and where its
// payload lies is the one that Next copies.
func TestCut(t *testing.T) {
	for _, s := range supers {
		t.Run(s.name, func(t *testing.T) {
			f, _ := build(t, s)
			want := cut(t, f, false)
			var c frame.Segmenter
			if r := c.Start(f, false); r != frame.Forward {
				t.Fatalf("refused: %v", r)
			}
			hdr := make([]byte, f.HdrLen)
			for i := range want {
				from, n := c.Cut(hdr)
				head, tail := f.Span(from, n)
				if got := slices.Concat(hdr, head, tail); !bytes.Equal(got, want[i]) {
					t.Fatalf("segment %d of %d: %d bytes from %d, and %d\ngot  %x\nwant %x", i, len(want), len(got), from, n, got, want[i])
				}
			}
			if _, n := c.Cut(hdr); n != 0 {
				t.Errorf("%d bytes after the last segment", n)
			}
		})
	}
}

func BenchmarkCut(b *testing.B) {
	f, payload := build(b, supers[8])
	hdr := make([]byte, f.HdrLen)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	var s frame.Segmenter
	for b.Loop() {
		s.Start(f, false)
		for {
			if _, n := s.Cut(hdr); n == 0 {
				break
			}
		}
	}
}
