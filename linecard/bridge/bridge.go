// Package bridge decides where frames go: the VLAN rules on the way in, source
// learning, destination lookup and replication.
//
// A Map is compiled by the control plane and never changes afterwards; a
// worker loads it once per batch. Each step is one straight loop over the batch
// and leaves its result in it: Classify sets BD or a drop reason, Learn reads
// sources, Lookup sets the next hop, Replicate puts frames on the worker's
// egress lists.
//
//	port kind        floods to                                         BPDUs
//	vEthernet        all but uplinks, and the VLAN's uplink             filtered
//	plain Ethernet   all but uplinks, and the VLAN's uplink             to plain Ethernets
//	uplink           all but uplinks and tunnels                        filtered
//	tunnel           all but uplinks and tunnels                        filtered
//
// A tunnel leads to one other switch of a VXLAN segment; the others are reached
// through tunnels of their own, so nothing goes from tunnel to tunnel. Nor does
// it between tunnel and uplink, behind which other switches of the segment may
// be, too.
//
// With several uplinks and no bundle a VLAN has one designated uplink, the
// lowest-numbered one that is up and carries it. Another uplink hears the same
// floods from the network: what it floods is refused, and nothing is learned
// there, so that addresses do not flap between uplinks (cli.md §9.7).
//
// An address that moves too often is decided for its home (package fdb); the
// frames of the newcomer are dropped. A newcomer is err-disabled unless it is
// an uplink or a tunnel: that would cut off the card for what one guest elsewhere
// sends.
package bridge

import (
	"slices"

	"trunkline/internal/ether"
	"trunkline/linecard/fdb"
	"trunkline/linecard/frame"
)

// Next hops. Those from 1 up to MaxPorts are ports by index.
const (
	MaxPorts = 2048

	HopFlood   = 0            // to the domain's members
	HopControl = MaxPorts     // BPDU: to the domain's plain Ethernets
	HopDiscard = MaxPorts + 1 // static drop entry
	HopPunt    = MaxPorts + 2 // to the slow path
)

// Punts says which control protocols the slow path takes.
type Punts uint8

// Control protocols.
const (
	PuntLLDP Punts = 1 << iota // 01-80-c2-00-00-0e, -03 or -00 with EtherType 88cc
	PuntCDP                    // 01-00-0c-cc-cc-cc, SNAP 2000
	PuntSlow                   // 01-80-c2-00-00-02: LACP, marker
)

// Port is the forwarding state of one port.
type Port struct {
	Present   bool
	Up        bool
	Uplink    bool
	Tunnel    bool
	Vethernet bool
	Trunk     bool
	PVID      uint16 // access VLAN, or native VLAN of a trunk
	// Allowed are the VLANs of the port; Member those of them that are
	// active. They are compared bit by bit, never copied per frame.
	Allowed ether.VLANSet
	Member  ether.VLANSet
	MTU     uint32 // bytes of payload that may leave; 0: no limit
	Punts   Punts
}

// Member is a port that a domain floods to.
type Member struct {
	Port uint16
	Tag  bool // send tagged
}

// Domain is one bridge domain. The lists hold ports that are up, those that
// send untagged first; the frame's own ingress port is skipped when they are
// walked.
type Domain struct {
	Local   []Member // for frames from vEthernets and plain Ethernets
	Network []Member // for frames from an uplink or a tunnel
	Control []Member // plain Ethernets, for BPDUs
	Uplink  uint16   // the designated uplink, 0 for none
	tunnels []Member // in Local, too
}

// Map is everything the bridge knows. Index 0 of Ports is not used.
type Map struct {
	Ports   []Port                     // by index; MaxPorts long at most
	Domains [ether.MaxVLAN + 2]*Domain // by VLAN; nil when not active
}

// Compile fills in the domains from the ports and the active VLANs. order
// gives each port's number among the uplinks; the lowest is preferred.
func (m *Map) Compile(active ether.VLANSet, order func(port uint16) int) {
	for v := range active.All() {
		m.Domains[v] = &Domain{}
	}
	for i := range m.Ports {
		p := &m.Ports[i]
		p.Member = p.Allowed.Intersect(active)
		if !p.Present || !p.Up {
			continue
		}
		index := uint16(i)
		for v := range p.Member.All() {
			d := m.Domains[v]
			if p.Uplink {
				if d.Uplink == 0 || order(index) < order(d.Uplink) {
					d.Uplink = index
				}
				continue
			}
			member := Member{Port: index, Tag: p.Trunk && uint16(v) != p.PVID}
			if p.Tunnel {
				d.tunnels = append(d.tunnels, member)
				continue
			}
			d.Network = insert(d.Network, member)
			if !p.Vethernet {
				d.Control = insert(d.Control, member)
			}
		}
	}
	for v := range active.All() {
		d := m.Domains[v]
		d.Local = append(slices.Clip(d.Network), d.tunnels...)
		if d.Uplink != 0 {
			p := &m.Ports[d.Uplink]
			d.Local = insert(slices.Clip(d.Local), Member{Port: d.Uplink, Tag: p.Trunk && uint16(v) != p.PVID})
		}
	}
}

// network reports whether a port leads to other switches, between which nothing
// is forwarded.
func (p *Port) network() bool { return p.Uplink || p.Tunnel }

// insert keeps a list grouped: untagged members first, each group in order.
func insert(list []Member, m Member) []Member {
	list = append(list, m)
	if m.Tag {
		return list
	}
	i := len(list) - 1
	for i > 0 && list[i-1].Tag {
		i--
	}
	copy(list[i+1:], list[i:])
	list[i] = m
	return list
}

// Marks are frames of a batch, one bit each.
type Marks uint64

// Has reports whether frame i is marked.
func (m Marks) Has(i int) bool { return m>>uint(i)&1 != 0 }

func bit(i int) Marks { return 1 << uint(i) }

// Keys are what the frames of a batch are learned and looked up by, and where in
// the table; frames of which neither is done have none.
type Keys struct {
	src, dst     [frame.BatchSize]uint64
	srcAt, dstAt [frame.BatchSize]uint32
}

// Ahead finds where Learn and Lookup will look for the first n frames, and has
// the cache load it.
func (k *Keys) Ahead(v *fdb.View, n int) {
	v.Homes(k.src[:n], k.srcAt[:])
	v.Homes(k.dst[:n], k.dstAt[:])
}

// Learn enters the sources of the batch. Refused are frames whose source the
// port's limit kept out; looping reports that the move guard has had enough of
// the ingress port, which is neither uplink nor tunnel.
func (m *Map) Learn(v *fdb.View, b *frame.Batch, k *Keys) (refused Marks, looping bool) {
	p := &m.Ports[b.Port]
	known := uint64(0) // the last key that is
	for i := range b.N {
		key := k.src[i]
		if key == 0 || key == known || b.Drop[i] != frame.Forward {
			continue
		}
		if p.Uplink && m.Domains[b.Frames[i].BD].Uplink != b.Port {
			continue
		}
		switch v.Enter(key, k.srcAt[i], b.Port) {
		case fdb.Known, fdb.Learned, fdb.Moved:
			known = key
		case fdb.Full:
		case fdb.Refused:
			refused |= bit(i)
		case fdb.Looping:
			b.Drop[i] = frame.MACMove
			if !p.network() {
				b.Drop[i] = frame.LoopDetected
				looping = true
			}
		case fdb.OwnMoved:
			b.Drop[i] = frame.StaticMove
			if p.network() {
				b.Drop[i] = frame.OwnMAC
			}
		case fdb.Fixed:
			b.Drop[i] = frame.StaticMove
			if hop, ok := v.Find(key, k.srcAt[i]); ok && hop == HopDiscard {
				b.Drop[i] = frame.StaticDrop
			}
		}
	}
	return refused, looping
}

// Lookup sets the next hop of each frame. It returns the frames about to be
// flooded.
func (m *Map) Lookup(v *fdb.View, b *frame.Batch, k *Keys, refused Marks) (flooded Marks) {
	in := &m.Ports[b.Port]
	var hop uint16
	ok, last := false, uint64(0) // what the last key gave
	for i := range b.N {
		key := k.dst[i]
		if key == 0 || b.Drop[i] != frame.Forward {
			continue
		}
		f := &b.Frames[i]
		if frame.Group(key) {
			flooded |= bit(i)
			continue
		}
		if key != last {
			hop, ok = v.Find(key, k.dstAt[i])
			last = key
		}
		switch {
		case ok && hop == HopDiscard:
			b.Drop[i] = frame.StaticDrop
		case ok && hop == b.Port:
			b.Drop[i] = frame.SameSegment
		case ok && int(hop) < len(m.Ports) && m.Ports[hop].Member.Has(ether.VLANID(f.BD)):
			if in.network() && m.Ports[hop].network() {
				b.Drop[i] = frame.SplitHorizon
				continue
			}
			b.Next[i] = uint32(hop)
		case in.Uplink && m.Domains[f.BD].Uplink != b.Port:
			b.Drop[i] = frame.NotDesignated
		case refused.Has(i):
			b.Drop[i] = frame.MACLimit
		default:
			flooded |= bit(i)
		}
	}
	return flooded
}
