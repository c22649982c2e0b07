package bridge

import "trunkline/linecard/frame"

// Lists are the egress lists of a worker: the frames of the current batch by
// egress port. A frame is at most once on a list, so a list never grows beyond
// a batch.
type Lists struct {
	list    [MaxPorts][]frame.Out
	touched [MaxPorts]uint16
	n       int
}

// Open makes room for a port. It is called before the port is first in a Map
// that the worker uses.
func (l *Lists) Open(port uint16) {
	if l.list[port] == nil {
		l.list[port] = make([]frame.Out, 0, frame.BatchSize)
	}
}

// Close gives the room back.
func (l *Lists) Close(port uint16) { l.list[port] = nil }

// Touched returns the ports with frames, in the order they were touched.
func (l *Lists) Touched() []uint16 { return l.touched[:l.n] }

// List returns the frames for a port.
func (l *Lists) List(port uint16) []frame.Out { return l.list[port] }

// Reset empties the lists.
func (l *Lists) Reset() {
	for _, p := range l.touched[:l.n] {
		l.list[p] = l.list[p][:0]
	}
	l.n = 0
}

// add puts a frame on the list of a port. It reports false when the worker does
// not know the port: it has gone since the Map was made.
func (l *Lists) add(port uint16, f *frame.Frame, tag bool) bool {
	list := l.list[port]
	n := len(list)
	if n == cap(list) {
		return false
	}
	if n == 0 {
		l.touched[l.n] = port
		l.n++
	}
	list = list[:n+1]
	o := &list[n]
	o.Frame, o.Tag, o.Drop = f, tag, frame.Forward
	// The VLAN of the domain, with the priority the frame came with.
	o.TCI = f.BD
	if f.Flags&frame.Tagged != 0 {
		o.TCI |= f.TCI & 0xf000
	}
	l.list[port] = list
	return true
}

// Copies counts what Replicate did with flooded frames, in frames on a wire.
type Copies struct {
	Flooded uint64 // frames that were flooded to at least one port
	Copies  uint64 // their copies
}

// Replicate puts the frames on the egress lists, from frame *at on; *at is the
// frame in work, for whoever recovers a panic.
func (m *Map) Replicate(b *frame.Batch, l *Lists, at *int, c *Copies) {
	in := &m.Ports[b.Port]
	for ; *at < b.N; *at++ {
		i := *at
		if b.Drop[i] != frame.Forward {
			continue
		}
		f := &b.Frames[i]
		switch hop := b.Next[i]; {
		case hop == HopFlood || hop == HopControl:
			d := m.Domains[f.BD]
			members := d.Local
			if hop == HopControl {
				members = d.Control
			} else if in.network() {
				members = d.Network
			}
			n := uint64(0)
			for _, x := range members {
				if x.Port != b.Port && l.add(x.Port, f, x.Tag) {
					n++
				}
			}
			if n == 0 {
				b.Drop[i] = frame.NoMember
				continue
			}
			segments := uint64(f.Segments())
			c.Flooded += segments
			c.Copies += n * segments
		case hop < uint32(len(m.Ports)):
			q := &m.Ports[hop]
			if !l.add(uint16(hop), f, q.Trunk && f.BD != q.PVID) {
				b.Drop[i] = frame.PortDown
			}
		}
	}
}
