package vhostuser

import (
	"encoding/binary"
	"math/bits"

	"trunkline/linecard/frame"
)

// chunk is how many frames are spread over several rings at a time.
const chunk = 2 * frame.BatchSize

// spread sends frames to a guest with several receive queues: each flow to one of
// them, in order.
func (q *queue) spread(v *view, out []frame.Out) {
	n := uint32(len(v.send))
	for len(out) > 0 {
		part := out[:min(len(out), chunk)]
		out = out[len(part):]
		used := uint32(0) // MaxQueues fits
		for i := range part {
			to := uint32(uint64(flow(part[i].Frame)) * uint64(n) >> 32)
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

// flow returns a hash of the addresses and, where there are some, ports of a
// frame: equal for the frames of a flow. The head holds frame.MinLen bytes or the
// frame is refused later on.
func flow(f *frame.Frame) uint32 {
	b := f.Bytes()
	if len(b) < frame.HeaderLen {
		return 0
	}
	h := mix(binary.BigEndian.Uint64(b), uint64(binary.BigEndian.Uint32(b[8:])))
	switch kind := binary.BigEndian.Uint16(b[12:]); {
	case kind == 0x0800 && len(b) >= 34:
		h = mix(h, binary.BigEndian.Uint64(b[26:]))
		length := int(b[14]&15) * 4
		// The ports of a fragment are in the first one only.
		if proto := b[23]; (proto == 6 || proto == 17) && binary.BigEndian.Uint16(b[20:])&0x3fff == 0 &&
			length >= 20 && 14+length+4 <= len(b) {
			h = mix(h, uint64(binary.BigEndian.Uint32(b[14+length:])))
		}
	case kind == 0x86dd && len(b) >= 58:
		for at := 22; at < 54; at += 8 {
			h = mix(h, binary.BigEndian.Uint64(b[at:]))
		}
		if next := b[20]; next == 6 || next == 17 {
			h = mix(h, uint64(binary.BigEndian.Uint32(b[54:])))
		}
	}
	return uint32(h >> 32)
}

func mix(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x^0x9e3779b97f4a7c15, 0xff51afd7ed558ccd)
	return hi ^ lo
}
