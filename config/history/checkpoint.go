package history

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/config"
	"trunkline/config/tree"
)

// Bounds of checkpoints (cli.md §7.3, §15).
const (
	MaxUser        = 10 // checkpoints that operators made
	MaxSystem      = 10 // checkpoints that the product made
	MaxName        = 80 // bytes
	MaxDescription = 80 // bytes
	systemPrefix   = "system"
	userPrefix     = "user-checkpoint-"
)

// Refusals; their texts are the operator's.
const (
	ErrNoCheckpoint config.Refusal = "ERROR: Checkpoint does not exist."
	ErrNoCommit     config.Refusal = "ERROR: The configuration of this commit is not kept."
	ErrExists       config.Refusal = "ERROR: Checkpoint already exists."
	ErrReserved     config.Refusal = "ERROR: The name of a checkpoint must not start with 'system'."
	ErrName         config.Refusal = "ERROR: The name of a checkpoint is 1 to 80 printable characters without blanks."
	ErrDescription  config.Refusal = "ERROR: The description of a checkpoint is at most 80 printable characters."
	ErrTooMany      config.Refusal = "ERROR: Maximum number of checkpoints (10) reached."
)

// Checkpoint is a named configuration.
type Checkpoint struct {
	Name        string
	By          string // user
	From        string
	At          time.Time
	Description string
	Generation  uint64 // of the configuration
	Size        int    // of the configuration in bytes, as stored
}

// System reports whether the product made the checkpoint.
func (c Checkpoint) System() bool { return strings.HasPrefix(c.Name, systemPrefix) }

// unnamed reports whether the checkpoint got its name from here.
func (c Checkpoint) unnamed() bool { return strings.HasPrefix(c.Name, userPrefix) }

func checkpointOf(r Named) Checkpoint {
	return Checkpoint{
		Name: r.Name, By: r.User, From: r.From, At: r.At, Description: r.Description, Generation: r.Generation, Size: r.Size,
	}
}

// Checkpoints returns all, oldest first.
func (h *History) Checkpoints() []Checkpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.checkpoints)
}

// Checkpoint returns one and its configuration, or ErrNoCheckpoint.
func (h *History) Checkpoint(ctx context.Context, name string) (Checkpoint, tree.Tree, error) {
	r, err := h.backend.Read(ctx, KindCheckpoint, name)
	if err != nil {
		return Checkpoint{}, tree.Tree{}, fmt.Errorf("read checkpoint %s: %w", name, err)
	}
	if r == nil {
		return Checkpoint{}, tree.Tree{}, ErrNoCheckpoint
	}
	t, err := h.decode(r)
	return checkpointOf(Named{name, *r}), t, err
}

// Save makes a checkpoint of what runs and returns it. "" as name takes the
// first of user-checkpoint-1 to -10 that is free. Where ten operators' ones are
// there, the oldest unnamed one gives place; if all have names, it is ErrTooMany.
func (h *History) Save(ctx context.Context, name, description string, m config.Meta) (Checkpoint, error) {
	if strings.HasPrefix(name, systemPrefix) {
		return Checkpoint{}, ErrReserved
	}
	if name != "" && !printable(name, MaxName, false) {
		return Checkpoint{}, ErrName
	}
	if !printable(description, MaxDescription, true) {
		return Checkpoint{}, ErrDescription
	}
	release, err := h.store.Exclusive()
	if err != nil {
		return Checkpoint{}, err
	}
	defer release()
	all := slices.DeleteFunc(h.Checkpoints(), Checkpoint.System)
	if slices.ContainsFunc(all, func(c Checkpoint) bool { return c.Name == name }) {
		return Checkpoint{}, ErrExists
	}
	var instead []string
	if len(all) >= MaxUser {
		oldest := slices.IndexFunc(all, Checkpoint.unnamed)
		if oldest < 0 {
			return Checkpoint{}, ErrTooMany
		}
		instead = append(instead, all[oldest].Name)
		all = slices.Delete(all, oldest, oldest+1)
	}
	for n := 1; name == ""; n++ {
		free := fmt.Sprint(userPrefix, n)
		if !slices.ContainsFunc(all, func(c Checkpoint) bool { return c.Name == free }) {
			name = free
		}
	}
	return h.save(ctx, name, description, m, instead)
}

// SaveSystem makes the checkpoint system-NAME of what runs on behalf of the
// product, in place of an older one of that name; the oldest of MaxSystem gives
// place. The caller is the one writer.
func (h *History) SaveSystem(ctx context.Context, name string, m config.Meta) (Checkpoint, error) {
	name = systemPrefix + "-" + name
	if !printable(name, MaxName, false) {
		return Checkpoint{}, ErrName
	}
	all := slices.DeleteFunc(h.Checkpoints(), func(c Checkpoint) bool { return !c.System() })
	var instead []string
	if i := slices.IndexFunc(all, func(c Checkpoint) bool { return c.Name == name }); i >= 0 {
		instead = append(instead, name)
	} else if len(all) >= MaxSystem {
		instead = append(instead, all[0].Name)
	}
	return h.save(ctx, name, "", m, instead)
}

func (h *History) save(ctx context.Context, name, description string, m config.Meta, instead []string) (Checkpoint, error) {
	now := h.store.Running()
	text, err := h.store.Schema().EncodeJSON(now.Tree)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint %s: %w", name, err)
	}
	r := Named{name, config.Record{
		Generation: now.Generation, At: time.Now().UTC(), Meta: m, Description: description, Config: text, Size: len(text),
	}}
	if err := h.backend.Save(ctx, r, instead...); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint %s: %w", name, err)
	}
	c := checkpointOf(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(instead)
	h.checkpoints = append(h.checkpoints, c)
	return c, nil
}

// drop forgets checkpoints; mu is held.
func (h *History) drop(names []string) {
	h.checkpoints = slices.DeleteFunc(h.checkpoints, func(c Checkpoint) bool { return slices.Contains(names, c.Name) })
}

// Delete removes one checkpoint, or answers ErrNoCheckpoint.
func (h *History) Delete(ctx context.Context, name string) error {
	n, err := h.clear(ctx, func(c Checkpoint) bool { return c.Name == name })
	if err == nil && n == 0 {
		return ErrNoCheckpoint
	}
	return err
}

// Clear removes the operators' checkpoints, the product's, or both (cli.md §7.3:
// clear checkpoint database).
func (h *History) Clear(ctx context.Context, user, system bool) error {
	_, err := h.clear(ctx, func(c Checkpoint) bool { return c.System() && system || !c.System() && user })
	return err
}

func (h *History) clear(ctx context.Context, which func(Checkpoint) bool) (int, error) {
	release, err := h.store.Exclusive()
	if err != nil {
		return 0, err
	}
	defer release()
	var names []string
	for _, c := range h.Checkpoints() {
		if which(c) {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	if err := h.backend.Delete(ctx, names...); err != nil {
		return 0, fmt.Errorf("delete checkpoints: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(names)
	return len(names), nil
}

// printable reports whether a text of so many bytes at most has printable ASCII
// characters only, blanks among them if they may be.
func printable(s string, limit int, blanks bool) bool {
	if len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && !blanks {
			return false
		}
	}
	return true
}
