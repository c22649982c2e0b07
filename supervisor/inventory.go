package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/svsdomain"
	"trunkline/supervisor/module"
	"trunkline/supervisor/pki"
)

// systemMeta is who commits what nobody typed.
var systemMeta = config.Meta{User: "system", From: "inventory"}

func vemPath(slot int, below ...tree.Elem) tree.Path {
	return append(tree.Path{{Name: "vems"}, {Name: "vem", Key: strconv.Itoa(slot)}}, below...)
}

var vemsPath = tree.Path{{Name: "vems"}, {Name: "vem"}}

// settings reads the svs-domain as sessions need it.
func (s *Supervisor) settings() module.Settings {
	sch := s.config.Schema()
	d := schema.Read[svsdomain.Config](sch, svsdomain.Feature.Schema.Leaves, s.config.Running().Tree, tree.Path{{Name: "svs-domain"}})
	return module.Settings{
		Domain: d.DomainID, AutoSlot: d.AutoSlot, Admission: pki.Admission(d.Admission),
		Interval: time.Duration(d.HeartbeatInterval) * time.Second, Loss: int(d.HeartbeatLoss),
	}
}

// bindings are the slots that configuration binds to hosts.
type bindings struct{ s *Supervisor }

// Slot implements module.Bindings.
func (b bindings) Slot(host string) int {
	t := b.s.config.Running().Tree
	for key := range t.Keys(vemsPath) {
		slot, _ := strconv.Atoi(key)
		if b.Host(slot) == host {
			return slot
		}
	}
	return 0
}

// Host implements module.Bindings.
func (b bindings) Host(slot int) string {
	return feature.Read(b.s.config.Running().Tree, vemPath(slot, tree.Elem{Name: "host-id"}), "")
}

// Bind implements module.Bindings.
func (b bindings) Bind(ctx context.Context, slot int, host string) error {
	c := b.s.config.Begin()
	if err := c.Apply(config.Edit{Op: config.Set, Path: vemPath(slot, tree.Elem{Name: "host-id"}), Value: host}); err != nil {
		return err
	}
	_, err := b.s.config.Commit(ctx, c, systemMeta)
	return err
}

// keepInventory makes interfaces of the devices that cards have adopted, with
// the port-profile that the uplink line or the card's own configuration names.
// An interface that is there is left as the operator made it.
func (s *Supervisor) keepInventory(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.inventory:
		}
		if err := s.takeInventory(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, config.ErrReloading) {
			s.log.Warn("take inventory of line cards", "error", err)
		}
	}
}

func (s *Supervisor) takeInventory(ctx context.Context) error {
	c := s.config.Begin()
	t := c.Tree()
	var edits []config.Edit
	for _, m := range s.modules.Snapshot() {
		for _, nic := range s.state.NICs(m.Slot) {
			name := feature.EthernetName(t, m.Slot, nic.Number)
			uplink := feature.Read(t, vemPath(m.Slot, tree.Elem{Name: "uplink", Key: nic.Device}, tree.Elem{Name: "profile"}), "")
			profile := cmp.Or(uplink, nic.Profile)
			there := t.Exists(feature.InterfacePath(name))
			if !there {
				edits = append(edits, config.Edit{Op: config.Set, Path: feature.InterfacePath(name)})
			}
			inherit := feature.InterfacePath(name, "inherit")
			exists := profile != "" && t.Exists(tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: profile}})
			if _, set := t.Get(inherit); exists && !set && (!there || uplink != "") {
				edits = append(edits, config.Edit{Op: config.Set, Path: inherit, Value: profile})
			}
		}
	}
	if len(edits) == 0 {
		return nil
	}
	if err := c.Apply(edits...); err != nil {
		return fmt.Errorf("make interfaces: %w", err)
	}
	_, err := s.config.Commit(ctx, c, systemMeta)
	return err
}
