package supervisor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/svsdomain"
	"trunkline/feature/vethernet"
	"trunkline/supervisor/module"
	"trunkline/supervisor/pki"
)

// systemMeta is who commits what nobody typed.
var systemMeta = config.Meta{User: "system", From: "inventory", Method: config.MethodSystem}

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

// inventory is what one run of keepInventory remembers; only it uses it.
type inventory struct {
	// seen is the configuration whose host ports are in order: cards report
	// every second, and it seldom changes.
	seen    tree.Tree
	given   map[place]gift
	refused map[string]refusal // by interface
}

// keepInventory makes interfaces of what hosts have: the devices that cards have
// adopted, and the hosts' own ports.
func (s *Supervisor) keepInventory(ctx context.Context) {
	s.poke() // a startup configuration may have host ports without their vEthernets
	inv := &inventory{given: map[place]gift{}, refused: map[string]refusal{}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.inventory:
		}
		if err := s.takeInventory(ctx, inv); err != nil && ctx.Err() == nil && !errors.Is(err, config.ErrReloading) {
			s.log.Warn("take inventory of line cards", "error", err)
		}
	}
}

// takeInventory commits what is missing, devices and host ports apart: one that
// is refused must not keep the others out. A panic is an error: the next turn
// is another.
func (s *Supervisor) takeInventory(ctx context.Context, inv *inventory) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	err = s.adopt(ctx, inv)
	t := s.config.Running().Tree
	if t.Equal(inv.seen) {
		return err
	}
	inv.seen = t
	for _, name := range staleVNICs(t) {
		// In two steps: an interface that is attached cannot be removed.
		err = errors.Join(err, s.edit(ctx, []config.Edit{{Op: config.Delete, Path: feature.InterfacePath(name, "owner")}}))
		if now := s.config.Running().Tree; err == nil && bare(now, name) {
			err = s.edit(ctx, []config.Edit{{Op: config.Delete, Path: feature.InterfacePath(name)}})
		}
	}
	ports := map[vethernet.Owner]string{}
	for name, o := range vethernet.Internal(t) {
		ports[o] = name
	}
	for v := range vethernet.VNICs(t) {
		err = errors.Join(err, s.edit(ctx, bindVNIC(s.config.Running().Tree, v, ports[v.Owner()])))
	}
	if err != nil && !errors.As(err, new(config.Problems)) {
		inv.seen = tree.Tree{} // the store's trouble: try again; what is refused stays so until configuration changes
	}
	return err
}

func (s *Supervisor) edit(ctx context.Context, edits []config.Edit) error {
	if len(edits) == 0 {
		return nil
	}
	c := s.config.Begin()
	if err := c.Apply(edits...); err != nil {
		return fmt.Errorf("make interfaces: %w", err)
	}
	_, err := s.config.Commit(ctx, c, systemMeta)
	return err
}

func profileExists(t tree.Tree, profile string) bool {
	return profile != "" && t.Exists(tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: profile}})
}

// staleVNICs are the vEthernets of host ports that are no longer configured.
func staleVNICs(t tree.Tree) []string {
	wanted := map[vethernet.Owner]bool{}
	for v := range vethernet.VNICs(t) {
		wanted[v.Owner()] = true
	}
	var stale []string
	for name, o := range vethernet.Internal(t) {
		if !wanted[o] {
			stale = append(stale, name)
		}
	}
	return stale
}

// bare reports whether a vEthernet that was detached holds nothing but the
// profile that the inventory gave it: it goes, and its number is free again. One
// that an operator has configured keeps its number and lines.
func bare(t tree.Tree, name string) bool {
	for p := range t.Leaves(feature.InterfacePath(name)) {
		if p[len(p)-1].Name != schema.Inherit || len(p) != len(feature.InterfacePath(name))+1 {
			return false
		}
	}
	return true
}

// bindVNIC gives a host port its vEthernet, the one it has by name or, for "", a
// new one with the lowest free number, and the profile of its line.
func bindVNIC(t tree.Tree, v vethernet.VNIC, name string) []config.Edit {
	var edits []config.Edit
	if name == "" {
		for n := 1; name == "" && n <= feature.MaxVethernet; n++ {
			if free := fmt.Sprintf("Vethernet%d", n); !t.Exists(feature.InterfacePath(free)) {
				name = free
			}
		}
		edits = append(edits,
			config.Edit{Op: config.Set, Path: feature.InterfacePath(name)},
			config.Edit{Op: config.Set, Path: feature.InterfacePath(name, "owner"), Value: v.Owner()})
	}
	inherit := feature.InterfacePath(name, "inherit")
	if profileExists(t, v.Profile) && feature.Read(t, inherit, "") != v.Profile {
		edits = append(edits, config.Edit{Op: config.Set, Path: inherit, Value: v.Profile})
	}
	return edits
}
