package feature

import (
	"fmt"
	"iter"

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

// SlotOf returns the slot of the card a port belongs to by configuration: of an
// Ethernet by its name, of a vEthernet by its owner. It is 0 for a detached
// vEthernet, for an Ethernet no card can have, and for an SVI, whose card is the
// one on the supervisor's host. With front-panel names
// (cli.md §13.6) Ethernet1/P is port P of slot 3, and slot 3 has no others.
func SlotOf(t tree.Tree, name string) int {
	switch KindOf(name) {
	case Ethernet:
		module, _ := NamePort(name)
		if Read(t, frontPanel, false) {
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

// Slots yields what Configured does, each with what SlotOf says of it, without a
// look-up from the root for each.
func Slots(t tree.Tree) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for name, entry := range t.Entries(interfacesPath) {
			slot := 0
			switch {
			case name == Mgmt0:
				continue
			case KindOf(name) == Vethernet:
				if v, ok := entry.Get(OwnerPath); ok {
					if b, ok := v.(Binding); ok {
						slot = b.Slot()
					}
				}
			default:
				slot = SlotOf(t, name)
			}
			if !yield(name, slot) {
				return
			}
		}
	}
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
	if slot == FirstCard && Read(t, frontPanel, false) {
		slot = 1
	}
	return fmt.Sprintf("Ethernet%d/%d", slot, port)
}
