package vxlan

import (
	"testing"

	"trunkline/linecard/frame"
)

// trainOf returns n segments of size bytes in order, with their headers, and the
// size of a datagram.
func trainOf(h *header, n, size, from int) (train []byte, datagram int) {
	for i := from; i < from+n; i++ {
		b := segment(false, uint32(1000+i*size), onlyACK, bytesOf(size, uint64(i)))
		train = append(append(train, h[:]...), b...)
		datagram = headerLen + len(b)
	}
	return train, datagram
}

// BenchmarkJoin receives trains of 44 segments that are joined, without the
// kernel: ns/op is for a train, which the benchmark copies into its slot.
func BenchmarkJoin(b *testing.B) {
	table := tableOf(b)
	train, datagram := trainOf(table.header(100), 44, 1398, 0)
	q := receiverOf(b, table, train, datagram)
	var batch frame.Batch
	b.SetBytes(int64(len(train)))
	b.ReportAllocs()
	for b.Loop() {
		feed(q.rx, train, datagram)
		if err := q.Recv(&batch); err != nil || batch.N != 1 {
			b.Fatal(batch.N, err)
		}
	}
}
