package vxlan_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port/vxlan"
)

// BenchmarkTunnel sends bursts of frames of one flow through a tunnel and receives
// them, in trains and in single datagrams: what frames cost both ends and the
// kernel between them. ns/op is for one frame.
func BenchmarkTunnel(b *testing.B) {
	for _, size := range []int{60, 1450} {
		for _, single := range []bool{false, true} {
			b.Run(fmt.Sprintf("size=%d/single=%v", size, single), func(b *testing.B) {
				x, y := underlay(b)
				q := queue(b, open(b, vxlan.Config{Namespace: x, Local: left, Peer: right, Single: single}))
				r := queue(b, open(b, vxlan.Config{Namespace: y, Local: right, Peer: left, Single: single}))
				f := made(ethernet(1, size, 0x88b5), 128)
				outs := make([]frame.Out, frame.BatchSize)
				var batch frame.Batch
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.ResetTimer()
				for sent := 0; sent < b.N; sent += len(outs) {
					for i := range outs {
						outs[i] = frame.Out{Frame: f, TCI: 100}
					}
					if err := q.Send(outs); err != nil {
						b.Fatal(err)
					}
					for got, end := 0, time.Now().Add(5*time.Second); got < len(outs); got += batch.N {
						if err := r.Recv(&batch); err != nil {
							b.Fatal(err)
						}
						if batch.N == 0 {
							if time.Now().After(end) {
								b.Fatalf("%d frames of %d", got, len(outs))
							}
							_, _ = unix.Poll([]unix.PollFd{{Fd: int32(r.FD()), Events: unix.POLLIN}}, 100)
						}
						r.Release(&batch)
					}
				}
			})
		}
	}
}
