package feature

import (
	"fmt"
	"iter"
	"slices"
	"strconv"

	"trunkline/config/tree"
)

// FirstCard is the slot of the first line card; slots below are supervisors'.
const FirstCard = 3

// Binding is implemented by the value of the leaf interfaces/interface/owner:
// what a vEthernet is bound to, as far as other features must know.
type Binding interface {
	// Slot is the slot of the card the port is on, 0 for none.
	Slot() int
	// Owner is the workload for tables, "" for a port of the host itself;
	// Adapter its device.
	Owner() string
	Adapter() string
}

var (
	frontPanel     = tree.Path{{Name: "system"}, {Name: "front-panel"}}
	interfacesPath = tree.Path{{Name: "interfaces"}, {Name: "interface"}}
)

// InterfacePath returns the path of an interface, or of a leaf below it when
// names are given.
func InterfacePath(name string, below ...string) tree.Path {
	p := make(tree.Path, 0, 2+len(below))
	p = append(p, interfacesPath[0], tree.Elem{Name: interfacesPath[1].Name, Key: name})
	for _, b := range below {
		p = append(p, tree.Elem{Name: b})
	}
	return p
}

// Configured yields the names of the interfaces that configuration holds, in
// the order of cli.md §1, but for mgmt0, which is not switched.
func Configured(t tree.Tree) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range t.Keys(interfacesPath) {
			if name != Mgmt0 && !yield(name) {
				return
			}
		}
	}
}

// FrontPanel reports whether the ports of slot 3 have front-panel names (cli.md
// §13.6).
func FrontPanel(t tree.Tree) bool { return Read(t, frontPanel, false) }

// SlotOf returns the slot of the card a port belongs to by configuration: of an
// Ethernet by its name, of a vEthernet by its owner. It is 0 for a detached
// vEthernet, for an Ethernet no card can have, and for an SVI, whose card is the
// one on the supervisor's host. With front-panel names
// (cli.md §13.6) Ethernet1/P is port P of slot 3, and slot 3 has no others.
func SlotOf(t tree.Tree, name string) int {
	switch KindOf(name) {
	case Ethernet:
		module, _ := NamePort(name)
		if FrontPanel(t) {
			switch module {
			case 1:
				return FirstCard
			case FirstCard:
				return 0
			}
		}
		if module < FirstCard || module > MaxModule {
			return 0
		}
		return module
	case Vethernet:
		if b := BindingOf(t, name); b != nil {
			return b.Slot()
		}
	}
	return 0
}

// bySlot finds Ethernets by the module in their names and vEthernets by the slot
// of their owners.
var bySlot = tree.NewIndex(interfacesPath, func(name string, entry tree.Tree) string {
	switch KindOf(name) {
	case Ethernet:
		module, _ := NamePort(name)
		return slotGroup(Ethernet, module)
	case Vethernet:
		if v, ok := entry.Get(OwnerPath); ok {
			if b, ok := v.(Binding); ok {
				return slotGroup(Vethernet, b.Slot())
			}
		}
	}
	return ""
})

func slotGroup(kind string, slot int) string { return kind + strconv.Itoa(slot) }

// groupsOf returns the groups of bySlot that are a card's ports, in their order.
func groupsOf(t tree.Tree, slot int) []string {
	vethernets := slotGroup(Vethernet, slot)
	panel := FrontPanel(t)
	switch {
	case slot < FirstCard || slot > MaxModule:
		return []string{vethernets}
	case slot == FirstCard && panel:
		return []string{slotGroup(Ethernet, 1), vethernets}
	}
	return []string{slotGroup(Ethernet, slot), vethernets}
}

// PortsOf returns the ports of which SlotOf says the slot, in the order of cli.md
// §1, without a look at all others. The slot is greater than 0.
func PortsOf(t tree.Tree, slot int) []string {
	var all []string
	for _, g := range groupsOf(t, slot) {
		all = append(all, bySlot.Members(t, g)...)
	}
	return all
}

// SlotsWithPorts returns the slots for which PortsOf returns any, in order.
func SlotsWithPorts(t tree.Tree) []int {
	var all []int
	for slot := 1; slot <= MaxModule; slot++ {
		if slices.ContainsFunc(groupsOf(t, slot), func(g string) bool { return bySlot.Count(t, g) > 0 }) {
			all = append(all, slot)
		}
	}
	return all
}

// OwnerPath is the owner of a port, below its entry.
var OwnerPath = tree.Path{{Name: "owner"}}

// PlaceOf returns the slot of the card that an interface is on: the one of
// SlotOf, or for an SVI and for an interface that is not configured the one that
// reports it.
func PlaceOf(t tree.Tree, name string, report *PortState) int {
	slot := SlotOf(t, name)
	if slot == 0 && report != nil && (KindOf(name) == SVI || !t.Exists(InterfacePath(name))) {
		return report.Module
	}
	return slot
}

// BindingOf returns what a vEthernet is bound to, nil while it is detached.
func BindingOf(t tree.Tree, name string) Binding {
	v, _ := t.Get(InterfacePath(name, "owner"))
	b, _ := v.(Binding)
	return b
}

// EthernetName is the inverse of SlotOf: the name of a card's Ethernet port
// with the given number.
func EthernetName(t tree.Tree, slot, port int) string {
	if slot == FirstCard && FrontPanel(t) {
		slot = 1
	}
	return fmt.Sprintf("Ethernet%d/%d", slot, port)
}
