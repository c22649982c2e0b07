package vxlan

import (
	"fmt"

	"trunkline/internal/ether"
)

// MaxVNI is the largest VXLAN network identifier (RFC 7348 §4: 24 bits).
const MaxVNI = 1<<24 - 1

// maxSegments bounds the segments of one table: there are no more VLANs.
const maxSegments = int(ether.MaxVLAN)

// Segment is a VXLAN segment and the VLAN it carries.
type Segment struct {
	VLAN ether.VLANID
	VNI  uint32
}

// header is a VXLAN header (RFC 7348 §5).
type header [headerLen]byte

// Table maps VLANs to segments and back. It never changes, so that one pointer
// says which is in force. A segment that is not in it does not exist: what is
// received with its number is refused.
type Table struct {
	list    []Segment
	headers []header
	byVLAN  [ether.MaxVLAN + 2]uint16 // index in list, and 1; 0: none
	// slots find a VNI by open addressing: index in list, and 1. There are at
	// least twice as many as segments, a power of two.
	slots []uint16
	shift uint8 // of a 32-bit hash
}

// NewTable makes a table. Neither a VLAN nor a segment may come twice.
func NewTable(list []Segment) (*Table, error) {
	if len(list) > maxSegments {
		return nil, fmt.Errorf("%d segments are more than %d", len(list), maxSegments)
	}
	t := &Table{list: append([]Segment(nil), list...), headers: make([]header, len(list))}
	size := 4
	for t.shift = 30; size < 2*len(list); t.shift-- {
		size *= 2
	}
	t.slots = make([]uint16, size)
	for i, s := range list {
		switch {
		case !s.VLAN.Valid():
			return nil, fmt.Errorf("segment %d: vlan %d", s.VNI, s.VLAN)
		case s.VNI == 0 || s.VNI > MaxVNI:
			return nil, fmt.Errorf("vlan %d: segment %d is not from 1 to %d", s.VLAN, s.VNI, MaxVNI)
		case t.byVLAN[s.VLAN] != 0:
			return nil, fmt.Errorf("vlan %d has two segments", s.VLAN)
		case t.vlan(s.VNI) != 0:
			return nil, fmt.Errorf("segment %d has two vlans", s.VNI)
		}
		t.byVLAN[s.VLAN] = uint16(i + 1)
		t.headers[i] = header{flagVNI, 0, 0, 0, byte(s.VNI >> 16), byte(s.VNI >> 8), byte(s.VNI), 0}
		at := t.slot(s.VNI)
		for t.slots[at] != 0 {
			at = (at + 1) & uint32(size-1)
		}
		t.slots[at] = uint16(i + 1)
	}
	return t, nil
}

func (t *Table) slot(vni uint32) uint32 { return vni * 0x9e3779b1 >> t.shift }

// vlan returns the VLAN of a segment, 0 when there is none.
func (t *Table) vlan(vni uint32) uint16 {
	mask := uint32(len(t.slots) - 1)
	for at := t.slot(vni) & mask; t.slots[at] != 0; at = (at + 1) & mask {
		if s := &t.list[t.slots[at]-1]; s.VNI == vni {
			return uint16(s.VLAN)
		}
	}
	return 0
}

// header returns the header for the frames of a VLAN, nil when it has no
// segment.
func (t *Table) header(vlan uint16) *header {
	if i := t.byVLAN[vlan&0xfff]; i != 0 {
		return &t.headers[i-1]
	}
	return nil
}

// Segments returns the segments, which are not to be changed.
func (t *Table) Segments() []Segment { return t.list }
