package bridge

import (
	"trunkline/internal/ether"
	"trunkline/linecard/fdb"
	"trunkline/linecard/frame"
)

// Control addresses, in the form of frame.Dst.
const (
	reserved = 0x0180c2000000 // -00 to -0f (IEEE 802.1Q-2022 table 8-1)
	bpdu     = reserved       // bridge group address
	slow     = reserved | 0x2
	cdp      = 0x01000ccccccc // also VTP, UDLD, DTP: told apart by SNAP
	pvst     = 0x01000ccccccd
)

// Classify checks the frames of a batch and gives each its bridge domain, or
// its drop reason. Frames for the slow path get HopPunt, BPDUs HopControl, all
// others HopFlood, not looked up yet, and their keys.
func (m *Map) Classify(b *frame.Batch, k *Keys) {
	p := &m.Ports[b.Port]
	for i := range b.N {
		k.src[i], k.dst[i] = 0, 0
		if b.Drop[i] != frame.Forward {
			continue
		}
		f := &b.Frames[i]
		b.Next[i] = HopFlood
		if f.Head < frame.MinLen {
			b.Drop[i] = frame.Runt
			continue
		}
		if f.GSO == frame.GSONone {
			if f.Len() > frame.MaxWire {
				b.Drop[i] = frame.Giant
				continue
			}
		} else if f.Segments() > frame.MaxSegments || int(f.HdrLen)+int(f.GSOSize) > frame.MaxWire || f.Len() > frame.MaxLen {
			b.Drop[i] = frame.BadHeader
			continue
		}
		if !p.Up {
			b.Drop[i] = frame.PortDown
			continue
		}
		src := f.Src()
		if src == 0 || frame.Group(src) {
			b.Drop[i] = frame.BadSource
			continue
		}
		dst := f.Dst()
		if dst&^0xf == reserved || dst&^1 == cdp&^1 {
			if b.Drop[i], b.Next[i] = p.control(f, dst); b.Next[i] == HopPunt {
				continue
			}
		}
		if b.Drop[i] == frame.Forward {
			b.Drop[i] = m.vlan(p, f)
		}
		if b.Drop[i] == frame.Forward && frame.Group(dst) && p.Uplink && m.Domains[f.BD].Uplink != b.Port {
			b.Drop[i] = frame.NotDesignated
		}
		if b.Drop[i] == frame.Forward && b.Next[i] == HopFlood {
			k.src[i], k.dst[i] = fdb.Key(f.BD, src), fdb.Key(f.BD, dst)
		}
	}
}

// vlan applies the VLAN rules (architecture §3) and sets the bridge domain.
// VLAN and bridge domain have the same number.
func (m *Map) vlan(p *Port, f *frame.Frame) frame.Reason {
	vid := uint16(0)
	if f.Flags&frame.Tagged != 0 {
		vid = f.TCI & 0xfff
	}
	switch {
	case vid == 0:
		vid = p.PVID
	case !p.Trunk:
		return frame.TaggedOnAccess
	}
	if !p.Member.Has(ether.VLANID(vid)) {
		if !p.Allowed.Has(ether.VLANID(vid)) {
			return frame.VLANNotAllowed
		}
		return frame.VLANInactive
	}
	f.BD = vid
	return frame.Forward
}

// control decides on a frame to a control address, before VLAN rules: punt it
// where the slow path wants it, let BPDUs cross between plain Ethernets, and
// forward no other (IEEE 802.1Q-2022 §8.6.3).
func (p *Port) control(f *frame.Frame, dst uint64) (frame.Reason, uint32) {
	kind := f.Type()
	switch {
	case dst == cdp:
		if p.Punts&PuntCDP != 0 && snap(f) == uint16(ether.TypeCDP) {
			return frame.Forward, HopPunt
		}
		return frame.LinkLocal, HopFlood
	case p.Punts&PuntLLDP != 0 && kind == uint16(ether.TypeLLDP):
		return frame.Forward, HopPunt
	case p.Punts&PuntSlow != 0 && dst == slow && kind == uint16(ether.TypeSlow):
		return frame.Forward, HopPunt
	case dst == bpdu && kind != uint16(ether.TypeLLDP), dst == pvst:
		if p.network() || p.Vethernet {
			return frame.Filtered, HopFlood
		}
		return frame.Forward, HopControl
	}
	return frame.LinkLocal, HopFlood
}

// snap returns the SNAP protocol identifier of an 802.3 frame, 0 when it has
// none.
func snap(f *frame.Frame) uint16 {
	b := f.Bytes()
	if len(b) < 22 || f.Type() >= 0x600 || b[14] != 0xaa || b[15] != 0xaa || b[16] != 3 {
		return 0
	}
	return uint16(b[20])<<8 | uint16(b[21])
}
