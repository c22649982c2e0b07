package pipeline

import (
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// send empties one egress list into its port.
func (w *Worker) send(plan *Plan, index uint16) {
	outs := w.lists.List(index)
	if r := w.exit(plan, index); r != frame.Forward {
		for i := range outs {
			outs[i].Drop = r
		}
		w.account(index, outs)
		return
	}
	for _, stage := range plan.stages[index].egress {
		stage.RunEgress(w, index, outs)
	}
	limit := int(plan.Ports[index].MTU)
	if w.ready(outs, limit, w.offloads[index]) {
		w.transmit(index, outs)
		return
	}
	w.resolve(index, outs, limit, w.offloads[index])
}

// exit says why nothing may leave a port, Forward when it may.
func (w *Worker) exit(plan *Plan, index uint16) frame.Reason {
	if r := w.e.closed(index); r != frame.Forward {
		return r
	}
	if w.tx[index] == nil || w.dead[index] || int(index) >= len(plan.Ports) || !plan.Ports[index].Up {
		return frame.PortDown
	}
	return frame.Forward
}

// needs returns the offloads a frame asks of the device it leaves by.
func needs(f *frame.Frame) port.Offloads {
	if f.Flags&frame.NeedsCsum == 0 {
		return 0
	}
	switch f.GSO &^ frame.GSOECN {
	case frame.GSOTCPv4:
		return port.Csum | port.TSO4
	case frame.GSOTCPv6:
		return port.Csum | port.TSO6
	case frame.GSOUDPL4:
		return port.Csum | port.USO
	case frame.GSOUDP:
		return port.Csum | port.UFO
	}
	return port.Csum
}

// ready reports whether a list may go out as it is.
func (w *Worker) ready(outs []frame.Out, mtu int, have port.Offloads) bool {
	for i := range outs {
		o := &outs[i]
		if o.Drop != frame.Forward || needs(o.Frame)&^have != 0 || mtu != 0 && o.WireLen() > mtu+frame.HeaderLen {
			return false
		}
	}
	return true
}

// giant reports whether a frame is too long for a port. Tags that are payload
// do not count.
func giant(f *frame.Frame, mtu int) bool {
	n := f.WireLen() - frame.HeaderLen
	if mtu == 0 || n <= mtu {
		return false
	}
	t := f.Type()
	return t != 0x8100 && t != 0x88a8 || n-frame.TagLen > mtu
}

// resolve sends a list of which some frames must be dropped, checksummed or
// segmented first. Order is kept.
func (w *Worker) resolve(index uint16, outs []frame.Out, mtu int, have port.Offloads) {
	n := 0
	flush := func() {
		if n > 0 {
			w.transmit(index, w.out[:n])
			n = 0
		}
	}
	for i := range outs {
		o := &outs[i]
		if o.Drop == frame.Forward && giant(o.Frame, mtu) {
			o.Drop = frame.Giant
		}
		if o.Drop != frame.Forward {
			w.account(index, outs[i:i+1])
			continue
		}
		missing := needs(o.Frame) &^ have
		if missing&^port.Csum != 0 {
			flush()
			w.segment(index, o, have)
			continue
		}
		if missing != 0 && !frame.CompleteChecksum(o.Frame) {
			o.Drop = frame.BadHeader
			w.account(index, outs[i:i+1])
			continue
		}
		if n == len(w.out) {
			flush()
		}
		w.out[n] = *o
		n++
	}
	flush()
}

// segment sends one super-frame as its segments, as many at a time as there
// are buffers.
func (w *Worker) segment(index uint16, o *frame.Out, have port.Offloads) {
	if r := w.seg.Start(o.Frame, have&port.Csum != 0); r != frame.Forward {
		o.Drop = r
		one := [1]frame.Out{*o}
		w.account(index, one[:])
		return
	}
	for more := true; more; {
		n := 0
		for n < len(w.segments) {
			buf := w.pool.Get()
			if buf == nil {
				break
			}
			if more = w.seg.Next(&w.segments[n], buf); !more {
				w.pool.Put(buf)
				break
			}
			w.segBufs[n] = buf
			w.out[n] = frame.Out{Frame: &w.segments[n], TCI: o.TCI, Tag: o.Tag}
			n++
		}
		if n == 0 {
			if more {
				o.Drop = frame.NoMemory
				one := [1]frame.Out{*o}
				w.account(index, one[:])
			}
			return
		}
		w.transmit(index, w.out[:n])
		for n > 0 {
			n--
			w.pool.Put(w.segBufs[n])
		}
	}
}

// transmit hands frames to the device and accounts for them.
func (w *Worker) transmit(index uint16, outs []frame.Out) {
	if err := w.tx[index].Send(outs); err != nil {
		w.gone(index, err)
	}
	w.account(index, outs)
}

// account counts frames on the port they left, or did not leave, by.
func (w *Worker) account(index uint16, outs []frame.Out) {
	var t tally
	c := &w.counters[index]
	for i := range outs {
		o := &outs[i]
		if o.Drop == frame.Forward {
			t.count(o.Frame)
		} else {
			bump(&c.txDrops[o.Drop], uint64(o.Segments()))
		}
	}
	t.publish(&c.tx)
	if capture := w.e.capture.Load(); capture != nil {
		capture.outs(index, outs, w.batch.Now)
	}
}
