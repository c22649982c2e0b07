package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"trunkline/config"
	"trunkline/feature"
	"trunkline/linecard/api"
	"trunkline/supervisor/ntp"
)

// host is what commands may do to the product.
type host struct{ s *Supervisor }

var _ feature.Host = host{}

// Commit implements feature.Host.
func (h host) Commit(ctx context.Context, who feature.Session, line string, edits ...feature.Edit) error {
	c := h.s.config.Begin()
	for _, e := range edits {
		op := config.Set
		if e.Delete {
			op = config.Delete
		}
		if err := c.Apply(config.Edit{Op: op, Path: e.Path, Value: e.Value}); err != nil {
			return err
		}
	}
	_, err := h.s.config.Commit(ctx, c, config.Meta{User: who.User, From: who.From, Line: line})
	return err
}

// SaveStartup implements feature.Host.
func (h host) SaveStartup(ctx context.Context, who feature.Session) error {
	h.s.wrote("CFGWRITE_STARTED", "Configuration copy started")
	err := h.s.config.SaveStartup(ctx, config.Meta{User: who.User, From: who.From, Line: "copy running-config startup-config"})
	if err == nil {
		h.s.wrote("CFGWRITE_DONE", "Configuration copy complete")
	}
	return err
}

// EraseStartup implements feature.Host.
func (h host) EraseStartup(ctx context.Context) error { return h.s.config.EraseStartup(ctx) }

// Reload implements feature.Host.
func (h host) Reload(ctx context.Context) error {
	if err := h.s.config.Reload(ctx); err != nil {
		return err
	}
	h.s.reloading()
	return nil
}

// ReloadModule implements feature.Host.
func (h host) ReloadModule(_ context.Context, slot int) error { return h.s.modules.Reset(slot) }

// Unblock implements feature.Host.
func (h host) Unblock(user string) bool { return h.s.users.Unblock(user) }

// TryLogin implements feature.Host.
func (h host) TryLogin(ctx context.Context, servers []feature.ServerKey, user, password string) (bool, error) {
	return h.s.users.Try(ctx, servers, user, password)
}

// ClearServerCounters implements feature.Host.
func (h host) ClearServerCounters(server feature.ServerKey) { h.s.users.ClearCounters(server) }

// ForgetHost implements feature.Host. The host's session ends with its key.
func (h host) ForgetHost(_ context.Context, uuid string) error {
	if err := h.s.authority.Forget(uuid); err != nil {
		return err
	}
	for _, m := range h.s.modules.Snapshot() {
		if m.UUID == uuid && m.Status != feature.ModuleAbsent {
			_ = h.s.modules.Reset(m.Slot) // gone by itself, else
		}
	}
	return nil
}

// Disconnect implements feature.Host.
func (h host) Disconnect(login uint64) bool { return h.s.remote.Disconnect(login) }

// ClearSchedulerLog implements feature.Host.
func (h host) ClearSchedulerLog() error { return h.s.jobs.Clear() }

// Resolve implements feature.Host.
func (h host) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return h.s.names.Lookup(ctx, name)
}

// SetClock implements feature.Host.
func (h host) SetClock(_ context.Context, to time.Time) error {
	if !h.s.cfg.SetClock {
		return errors.New(notTold)
	}
	if err := ntp.SetTime(to); err != nil {
		return err
	}
	h.s.log.Info("clock set", "to", to)
	return nil
}

// ClearCounters implements feature.Host: on the card of the port, or on all.
func (h host) ClearCounters(ctx context.Context, port string) error {
	request, err := json.Marshal(api.CountersQuery{Clear: port})
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range h.s.modules.Snapshot() {
		if m.Status == feature.ModuleAbsent || port != "" && h.s.slotOf(port) != m.Slot {
			continue
		}
		if _, err := h.s.modules.Query(ctx, m.Slot, "counters", request); err != nil {
			errs = append(errs, fmt.Errorf("module %d: %w", m.Slot, err))
		}
	}
	return errors.Join(errs...)
}

// slotOf is the slot of the card that a port belongs to, 0 for none.
func (s *Supervisor) slotOf(port string) int {
	if feature.KindOf(port) == feature.SVI {
		return s.inbandSlot()
	}
	return feature.SlotOf(s.config.Running().Tree, port)
}
