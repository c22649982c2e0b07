package vhostuser

import (
	"math/bits"

	"trunkline/linecard/frame"
)

// chunk is how many frames are spread over several rings at a time.
const chunk = 2 * frame.BatchSize

// spread sends frames to a guest with several receive queues: each flow to one of
// them, in order. A head too short for a flow is refused later on.
func (q *queue) spread(v *view, out []frame.Out) {
	n := uint32(len(v.send))
	for len(out) > 0 {
		part := out[:min(len(out), chunk)]
		out = out[len(part):]
		used := uint32(0) // MaxQueues fits
		for i := range part {
			to := uint32(uint64(frame.FlowHash(part[i].Bytes())) * uint64(n) >> 32)
			q.steer[i] = uint8(to)
			used |= 1 << to
		}
		for ; used != 0; used &= used - 1 {
			to := bits.TrailingZeros32(used)
			for i := range part {
				q.mine[i] = int(q.steer[i]) == to
			}
			q.flush(v, v.to(to), part, &q.mine)
		}
	}
}
