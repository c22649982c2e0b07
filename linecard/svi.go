package linecard

import (
	"crypto/sha256"
	"fmt"

	svi "trunkline/feature/interfacevlan/dataplane"
	"trunkline/internal/ether"
	"trunkline/linecard/attach"
)

// svis reads the switch's own interfaces, which are on the card that shares the
// supervisor's network namespace.
func (c *Card) svis(sections map[string][]byte) ([]attach.Want, error) {
	section, ok := sections[svi.Component.Name]
	if !ok {
		return nil, nil
	}
	p, err := svi.Decode(section)
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", svi.Component.Name, err)
	}
	var list []attach.Want
	for _, i := range p.Ports {
		list = append(list, attach.Want{Name: i.Name, Kind: attach.SVI, Device: i.Device, MTU: int(i.MTU), MAC: ownMAC(c.agent.Status().Chassis, i.Name)})
	}
	return list, nil
}

// ownMAC is the address of an interface of the switch itself: one of those that
// nobody assigns (IEEE 802 §8.2), always the same in the same chassis.
func ownMAC(chassis, name string) ether.MAC {
	sum := sha256.Sum256([]byte("trunkline svi " + chassis + " " + name))
	m := ether.MAC(sum[:6])
	m[0] = m[0]&^1 | 2
	return m
}
