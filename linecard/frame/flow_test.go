package frame

import (
	"encoding/binary"
	"testing"
)

// TestFlowHash wants the frames of a flow to go one way, and flows to go several.
func TestFlowHash(t *testing.T) {
	make4 := func(host, port byte, fragment uint16) []byte {
		b := make([]byte, 60)
		b[12], b[13], b[14], b[23] = 8, 0, 0x45, 6
		binary.BigEndian.PutUint16(b[20:], fragment)
		b[29], b[35] = host, port
		return b
	}
	seen := map[uint32]int{}
	for host := range 32 {
		for port := range 32 {
			f := make4(byte(host), byte(port), 0)
			if FlowHash(f) != FlowHash(make4(byte(host), byte(port), 0)) {
				t.Fatal("a flow goes two ways")
			}
			seen[FlowHash(f)>>30]++
		}
		if FlowHash(make4(byte(host), 1, 0x2000)) != FlowHash(make4(byte(host), 2, 7)) {
			t.Fatal("fragments of a datagram go two ways")
		}
	}
	for i := range uint32(4) {
		if n := seen[i]; n < 180 || n > 340 {
			t.Errorf("queue %d of 4 has %d of 1024 flows", i, n)
		}
	}
	for n := range 60 {
		FlowHash(make4(1, 1, 0)[:n])
	}
}
