package agent

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"trunkline/linecard/api"
)

// entryTable is the entries as received: keyed tables, in which a later value
// replaces an earlier one. Sequence numbers have no gap, but for a snapshot,
// which replaces everything.
type entryTable struct {
	mu       sync.Mutex
	sequence uint64
	size     int // bytes of keys and values
	tables   map[string]map[string][]byte
	dirty    bool // not saved
}

// maxEntryBytes bounds what a supervisor may store on a card.
const maxEntryBytes = 32 << 20

// load sets what was saved; nil for nothing.
func (t *entryTable) load(e *api.Entries) {
	t.tables = map[string]map[string][]byte{}
	for _, x := range e.GetEntries() {
		t.set(x)
	}
	t.sequence = e.GetSequence()
}

// merge takes a message. An error means that the card does not have what the
// supervisor thinks it has: the next session starts with a snapshot.
func (t *entryTable) merge(e *api.Entries) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.GetSnapshot() {
		t.tables, t.size = map[string]map[string][]byte{}, 0
	} else if e.GetSequence() != t.sequence+1 {
		have := t.sequence
		t.sequence = 0
		return fmt.Errorf("entries %d follow %d", e.GetSequence(), have)
	}
	t.dirty = true
	for _, x := range e.GetEntries() {
		if t.set(x); t.size > maxEntryBytes {
			t.tables, t.size, t.sequence = map[string]map[string][]byte{}, 0, 0
			return fmt.Errorf("entries are longer than %d bytes", maxEntryBytes)
		}
	}
	t.sequence = e.GetSequence()
	return nil
}

func (t *entryTable) set(x *api.Entry) {
	table, key := t.tables[x.GetTable()], string(x.GetKey())
	if old, ok := table[key]; ok {
		t.size -= len(key) + len(old)
		delete(table, key)
	}
	if x.GetDeleted() {
		return
	}
	if table == nil {
		table = map[string][]byte{}
		t.tables[x.GetTable()] = table
	}
	table[key] = x.GetValue()
	t.size += len(key) + len(x.GetValue())
}

// snapshot returns everything, in order of table and key.
func (t *entryTable) snapshot() *api.Entries {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := &api.Entries{Sequence: t.sequence, Snapshot: true}
	for _, name := range slices.Sorted(maps.Keys(t.tables)) {
		for _, key := range slices.Sorted(maps.Keys(t.tables[name])) {
			out.Entries = append(out.Entries, &api.Entry{Table: name, Key: []byte(key), Value: t.tables[name][key]})
		}
	}
	return out
}

// last returns the sequence number of the last message merged.
func (t *entryTable) last() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sequence
}

// saveEntries saves the entries if they have changed.
func (a *Agent) saveEntries() error {
	a.entries.mu.Lock()
	dirty := a.entries.dirty
	a.entries.dirty = false
	a.entries.mu.Unlock()
	if !dirty {
		return nil
	}
	err := a.store.saveEntries(a.entries.snapshot())
	if err != nil {
		a.entries.mu.Lock()
		a.entries.dirty = true
		a.entries.mu.Unlock()
	}
	return err
}
