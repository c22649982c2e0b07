package history

import (
	"context"
	"slices"
	"sync"

	"trunkline/config"
)

// memory is a Backend of checkpoints that end with the process.
type memory struct {
	mu  sync.Mutex
	all []Named
}

func (m *memory) List(_ context.Context, kind Kind) ([]Named, error) {
	if kind != KindCheckpoint {
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.all), nil
}

func (m *memory) Read(_ context.Context, kind Kind, name string) (*config.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.all {
		if kind == KindCheckpoint && r.Name == name {
			return &r.Record, nil
		}
	}
	return nil, nil
}

func (m *memory) Save(ctx context.Context, r Named, instead ...string) error {
	if err := m.Delete(ctx, append(instead, r.Name)...); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, r)
	return nil
}

func (m *memory) Delete(_ context.Context, names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = slices.DeleteFunc(m.all, func(r Named) bool { return slices.Contains(names, r.Name) })
	return nil
}
