package vhost

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Step is one message of the way from a connection to frames, and what is done
// with its reply.
type Step struct {
	Name string
	Do   func(p *Peer) error
}

// Steps returns the messages in the order of QEMU: what it sends before the
// guest runs, then the memory, then each ring. The list depends on what is
// negotiated on the way; steps that then have no place do nothing.
func (p *Peer) Steps() []Step {
	list := []Step{
		{"get features", (*Peer).getFeatures},
		{"get protocol features", func(p *Peer) (err error) {
			if p.Offered&p.Features&FeatureProtocol == 0 {
				return nil
			}
			p.OfferedProto, err = p.Uint64(GetProtocolFeatures)
			return err
		}},
		{"set protocol features", func(p *Peer) error {
			if p.Offered&p.Features&FeatureProtocol == 0 {
				return nil
			}
			p.proto = p.OfferedProto & p.Protocol
			return p.Tell(Message{Request: SetProtocolFeatures, Payload: longs(p.proto)})
		}},
		{"get queue number", func(p *Peer) error {
			if !p.HasProtocol(ProtoMQ) {
				return nil
			}
			n, err := p.Uint64(GetQueueNum)
			p.MaxQueues = int(n)
			return err
		}},
		{"set owner", func(p *Peer) error { return p.Do(Message{Request: SetOwner}) }},
		{"get features again", (*Peer).getFeatures},
	}
	for _, r := range p.Rings {
		list = append(list,
			Step{fmt.Sprintf("early call %d", r.Index), func(p *Peer) error { return p.RingFD(SetVringCall, r, r.Call) }},
			Step{fmt.Sprintf("early error %d", r.Index), func(p *Peer) error { return p.RingFD(SetVringErr, r, r.Err) }})
	}
	for _, r := range p.Rings {
		list = append(list, Step{fmt.Sprintf("early enable %d", r.Index), func(p *Peer) error { return p.Enable(r, true) }})
	}
	list = append(list,
		Step{"set features", func(p *Peer) error { return p.SetFeatures(p.Offered & p.Features) }},
		Step{"memory", (*Peer).ShareMemory},
		Step{"inflight", (*Peer).Inflight})
	for _, r := range p.Rings {
		list = append(list, p.ringSteps(r)...)
	}
	for _, r := range p.Rings {
		list = append(list, Step{fmt.Sprintf("enable %d", r.Index), func(p *Peer) error { return p.Enable(r, true) }})
	}
	return append(list, Step{"status", func(p *Peer) error {
		if !p.HasProtocol(ProtoStatus) {
			return nil
		}
		const driverOK = 1 | 2 | 8 | 4 // ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK (virtio 1.2 §2.1)
		return p.Do(Message{Request: SetStatus, Payload: longs(driverOK)})
	}})
}

// ringSteps are the messages that start one ring.
func (p *Peer) ringSteps(r *Ring) []Step {
	name := func(s string) string { return fmt.Sprintf("%s %d", s, r.Index) }
	return []Step{
		{name("num"), func(p *Peer) error {
			return p.Do(Message{Request: SetVringNum, Payload: words(uint32(r.Index), uint32(r.Size))})
		}},
		{name("base"), func(p *Peer) error {
			return p.Do(Message{Request: SetVringBase, Payload: words(uint32(r.Index), uint32(r.base))})
		}},
		{name("addr"), func(p *Peer) error { return p.RingAddr(r) }},
		{name("kick"), func(p *Peer) error { return p.RingFD(SetVringKick, r, r.Kick) }},
		{name("call"), func(p *Peer) error { return p.RingFD(SetVringCall, r, r.Call) }},
	}
}

// Start goes all the way.
func (p *Peer) Start() error {
	for _, s := range p.Steps() {
		if err := s.Do(p); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// StartRing begins with a ring anew, with what is in memory, at its base.
func (p *Peer) StartRing(r *Ring) error {
	for _, s := range append(p.ringSteps(r), Step{"enable", func(p *Peer) error { return p.Enable(r, true) }}) {
		if err := s.Do(p); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// StopRing stops a ring and returns the avail index up to which the back end
// came. StartRing begins there.
func (p *Peer) StopRing(r *Ring) (base uint16, err error) {
	m, err := p.Ask(Message{Request: GetVringBase, Payload: words(uint32(r.Index), 0)})
	if err == nil && len(m.Payload) != 8 {
		err = errShort
	}
	if err != nil {
		return 0, fmt.Errorf("stop ring %d: %w", r.Index, err)
	}
	if got := binary.NativeEndian.Uint32(m.Payload); got != uint32(r.Index) {
		return 0, fmt.Errorf("stop ring %d: the back end answers for ring %d", r.Index, got)
	}
	r.base = uint16(binary.NativeEndian.Uint32(m.Payload[4:]))
	return r.base, nil
}

// Do sends a message that has no answer of its own and, with REPLY_ACK, waits
// for the acknowledgement. A back end that refuses is an error.
func (p *Peer) Do(m Message) error {
	if !p.HasProtocol(ProtoReplyAck) {
		return p.Tell(m)
	}
	m.Flags |= NeedReply
	r, err := p.Ask(m)
	if err != nil {
		return err
	}
	if len(r.Payload) != 8 {
		return fmt.Errorf("acknowledgement of request %d: %w", m.Request, errShort)
	}
	if x := binary.NativeEndian.Uint64(r.Payload); x != 0 {
		return fmt.Errorf("the back end refuses request %d: %#x: %w", m.Request, x, ErrRefused)
	}
	return nil
}

// ErrRefused is a negative acknowledgement.
var ErrRefused = errors.New("refused")

// Sync waits until the back end has done all that it was told, by a question.
func (p *Peer) Sync() error {
	_, err := p.Uint64(GetFeatures)
	return err
}

func (p *Peer) getFeatures() (err error) {
	p.Offered, err = p.Uint64(GetFeatures)
	return err
}

// SetFeatures negotiates features.
func (p *Peer) SetFeatures(bits uint64) error {
	p.accepted = bits
	for _, r := range p.Rings {
		r.eventIdx = p.Has(FeatureEventIdx)
	}
	return p.Do(Message{Request: SetFeatures, Payload: longs(bits)})
}

// describe encodes a region as the memory messages have it.
func (r *Region) describe() []byte { return longs(r.Guest, r.Size, r.User, r.Offset) }

// ShareMemory tells of the memory: all at once, or region by region with
// CONFIGURE_MEM_SLOTS.
func (p *Peer) ShareMemory() error {
	if p.HasProtocol(ProtoConfigureMem) {
		slots, err := p.Uint64(GetMaxMemSlots)
		if err != nil {
			return err
		}
		if slots < uint64(len(p.Memory.Regions)) {
			return fmt.Errorf("the back end takes %d regions of memory, there are %d", slots, len(p.Memory.Regions))
		}
		for _, r := range p.Memory.Regions {
			if err := p.AddRegion(r); err != nil {
				return err
			}
		}
		return nil
	}
	return p.MemTable(p.Memory.Regions)
}

// MemTable sends the whole table of memory.
func (p *Peer) MemTable(regions []*Region) error {
	return p.Do(TableMessage(regions...))
}

// TableMessage is SET_MEM_TABLE.
func TableMessage(regions ...*Region) Message {
	m := Message{Request: SetMemTable, Payload: words(uint32(len(regions)), 0)}
	for _, r := range regions {
		m.Payload = append(m.Payload, r.describe()...)
		m.FDs = append(m.FDs, r.FD)
	}
	return m
}

// RegionMessage is ADD_MEM_REG or REM_MEM_REG.
func RegionMessage(req Request, r *Region) Message {
	m := Message{Request: req, Payload: append(longs(0), r.describe()...)}
	if req == AddMemReg {
		m.FDs = []int{r.FD}
	}
	return m
}

// AddRegion adds a region (CONFIGURE_MEM_SLOTS).
func (p *Peer) AddRegion(r *Region) error {
	return p.Do(RegionMessage(AddMemReg, r))
}

// RemoveRegion takes a region away.
func (p *Peer) RemoveRegion(r *Region) error {
	return p.Do(RegionMessage(RemMemReg, r))
}

// RingAddr tells where a ring is.
func (p *Peer) RingAddr(r *Ring) error {
	var flags uint32
	var log uint64
	if p.Dirty != nil {
		flags, log = 1, r.Used
	}
	user := p.Translate
	if user == nil {
		user = p.Memory.User
	}
	payload := append(words(uint32(r.Index), flags), longs(user(r.Desc), user(r.Used), user(r.Avail), log)...)
	return p.Do(Message{Request: SetVringAddr, Payload: payload})
}

// RingFD hands a descriptor of a ring over.
func (p *Peer) RingFD(req Request, r *Ring, fd int) error {
	return p.Do(Message{Request: req, Payload: longs(uint64(r.Index)), FDs: []int{fd}})
}

// Enable makes a ring run or pause.
func (p *Peer) Enable(r *Ring, on bool) error {
	if !p.Has(FeatureProtocol) && p.Offered&p.Features&FeatureProtocol == 0 {
		return nil // rings run when they are kicked
	}
	var x uint32
	if on {
		x = 1
	}
	return p.Do(Message{Request: SetVringEnable, Payload: words(uint32(r.Index), x)})
}

// Inflight asks the back end for the memory in which it keeps what is in
// flight, and gives it back, as QEMU does at the start; after a back end was
// restarted the new connection has it by Replace.
func (p *Peer) Inflight() error {
	if !p.HasProtocol(ProtoInflight) {
		return nil
	}
	if p.inflight < 0 {
		ask := append(longs(0, 0), 0, 0, 0, 0)
		binary.NativeEndian.PutUint16(ask[16:], uint16(len(p.Rings)))
		binary.NativeEndian.PutUint16(ask[18:], uint16(p.RingSize))
		m, err := p.Ask(Message{Request: GetInflightFD, Payload: ask})
		if err == nil && (len(m.Payload) < 20 || len(m.FDs) != 1) {
			err = fmt.Errorf("inflight memory with %d bytes and %d descriptors: %w", len(m.Payload), len(m.FDs), errShort)
		}
		if err != nil {
			for _, fd := range m.FDs {
				err = errors.Join(err, unix.Close(fd))
			}
			return err
		}
		p.inflight, p.inflightLayout = m.FDs[0], m.Payload
	}
	return p.Do(Message{Request: SetInflightFD, Payload: p.inflightLayout, FDs: []int{p.inflight}})
}

// Replace is what becomes of a front end when its back end has died and another
// is there: it connects again, the rings go on as they are, from where they were
// used, and the inflight memory is handed on. Start is yet to be called.
func (p *Peer) Replace(path string) error {
	err := p.Conn.Close()
	if err == nil {
		p.UnixConn, err = dial(path, p.Timeout)
	}
	if err != nil {
		return fmt.Errorf("replace back end: %w", err)
	}
	p.accepted, p.proto = 0, 0
	for _, r := range p.Rings {
		_, r.base = r.UsedIdx()
	}
	return nil
}
