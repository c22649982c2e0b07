// Package dataplane is the card half of the feature mactable: ageing times,
// static entries and size of the MAC table.
package dataplane

import (
	"fmt"
	"time"

	"trunkline/feature/mactable"
	"trunkline/internal/ether"
	"trunkline/linecard/fdb"
	"trunkline/linecard/pipeline"
)

// Component applies the section mactable.
var Component = pipeline.Component{Name: "mactable", Version: 1, Build: build}

func build(b *pipeline.Builder, section []byte) error {
	p, err := pipeline.Section[mactable.Program](section)
	if err != nil {
		return err
	}
	if p.Limit > fdb.MaxLimit {
		return fmt.Errorf("limit %d is above %d", p.Limit, fdb.MaxLimit)
	}
	b.LimitMACs(int(p.Limit))
	ages := make(map[ether.VLANID]time.Duration, len(p.AgeVLAN))
	for v, s := range p.AgeVLAN {
		if !v.Valid() {
			return fmt.Errorf("ageing time of vlan %d", v)
		}
		ages[v] = time.Duration(s) * time.Second
	}
	b.Age(time.Duration(p.AgeSeconds)*time.Second, ages)
	if len(p.Static) > fdb.DefaultLimit {
		return fmt.Errorf("%d static entries are more than %d", len(p.Static), fdb.DefaultLimit)
	}
	for _, s := range p.Static {
		mac, err := ether.ParseMAC(s.MAC)
		if err != nil || mac.Group() || mac == (ether.MAC{}) || !s.VLAN.Valid() || (s.Port == "") != s.Drop {
			return fmt.Errorf("static entry %.32q of vlan %d: invalid address, vlan or target", s.MAC, s.VLAN)
		}
		b.Static(s.VLAN, mac, s.Port)
	}
	return nil
}
