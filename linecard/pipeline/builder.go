package pipeline

import (
	"fmt"
	"iter"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/bridge"
)

// PortFacts is what the program says of one port. Components fill it in.
type PortFacts struct {
	Name      string
	Number    int  // orders uplinks: the lowest is preferred
	Vethernet bool // else an Ethernet
	Uplink    bool
	Tunnel    bool   // to another VTEP
	Up        bool   // administratively
	MTU       uint32 // bytes of payload, 0: the device's
	MACLimit  uint32 // 0: the card's default
	// OwnMAC is the address of the adapter behind the port, when it is known:
	// installed static, and refused as source elsewhere (deja-vu check).
	OwnMAC ether.MAC

	Trunk   bool
	PVID    ether.VLANID // access or native VLAN
	Allowed ether.VLANSet

	Punts  bridge.Punts
	Guard  []Stage
	Flood  []Stage
	Egress []EgressStage
}

// Builder gathers the facts of a program. A Builder starts empty: a program is
// the whole desired state.
type Builder struct {
	active  ether.VLANSet
	ports   map[string]*PortFacts
	order   []string
	age     time.Duration
	ageVLAN map[ether.VLANID]time.Duration
	statics []staticFact
	limit   int
}

type staticFact struct {
	vlan ether.VLANID
	mac  ether.MAC
	port string // "" drops
}

// defaultAge is the ageing time of a program without the section mactable.
const defaultAge = 300 * time.Second

func newBuilder() *Builder {
	return &Builder{ports: map[string]*PortFacts{}, age: defaultAge}
}

// Activate sets the VLANs that forward.
func (b *Builder) Activate(vlans ether.VLANSet) { b.active = vlans }

// AddPort adds a port: down, an access port of VLAN 1.
func (b *Builder) AddPort(name string) (*PortFacts, error) {
	if name == "" || len(name) > 64 {
		return nil, fmt.Errorf("add port %.64q: invalid name", name)
	}
	if b.ports[name] != nil {
		return nil, fmt.Errorf("add port %s: it is there already", name)
	}
	if len(b.order) >= MaxPorts-1 {
		return nil, fmt.Errorf("add port %s: the card has %d ports already", name, len(b.order))
	}
	p := &PortFacts{Name: name, PVID: 1, Allowed: ether.VLANs(1)}
	b.ports[name] = p
	b.order = append(b.order, name)
	return p, nil
}

// Port returns a port that was added, or nil.
func (b *Builder) Port(name string) *PortFacts { return b.ports[name] }

// Ports yields the ports in the order they were added.
func (b *Builder) Ports() iter.Seq[*PortFacts] {
	return func(yield func(*PortFacts) bool) {
		for _, name := range b.order {
			if !yield(b.ports[name]) {
				return
			}
		}
	}
}

// Age sets the ageing time of all VLANs and of some; 0 or less is never.
func (b *Builder) Age(all time.Duration, vlans map[ether.VLANID]time.Duration) {
	b.age, b.ageVLAN = all, vlans
}

// Static adds a static MAC entry behind a port, or one that drops for "". An
// entry of a port that does not exist waits for it.
func (b *Builder) Static(vlan ether.VLANID, mac ether.MAC, port string) {
	b.statics = append(b.statics, staticFact{vlan, mac, port})
}

// LimitMACs sets the size of the MAC table, 0 for the default.
func (b *Builder) LimitMACs(n int) { b.limit = n }
