package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trunkline/config"
	"trunkline/config/history"
)

var (
	_ config.TrialBackend = (*Store)(nil)
	_ history.Backend     = (*Store)(nil)
)

// keepBytes bounds the pieces of earlier commits that are kept: with large
// configurations there are fewer of them, and only their headers beyond.
const keepBytes = 16 << 20

// kept is an earlier commit whose pieces are there.
type keptCommit struct {
	generation uint64
	packed     int
}

func commitHead(generation uint64) string { return fmt.Sprintf("commit/head/%020d", generation) }

// keep returns the first generations whose header and whose pieces stay when a
// commit is added. What others write to the same store is not counted: the
// bounds are met by each writer's own.
func (s *Store) keep(ctx context.Context, generation uint64, packed int) (heads, trees uint64) {
	s.mu.Lock()
	earlier := s.commits
	s.mu.Unlock()
	if earlier == nil {
		earlier = s.loadKept(ctx)
	}
	heads = generation - min(generation, config.MaxCommits-1)
	trees = generation
	for i := len(earlier) - 1; i >= 0; i-- {
		c := earlier[i]
		if packed += c.packed; c.generation < heads || packed > keepBytes {
			break
		}
		if c.generation < trees {
			trees = c.generation
		}
	}
	return heads, trees
}

// kept notes a commit that was stored.
func (s *Store) kept(generation uint64, packed int, heads uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits = slices.DeleteFunc(s.commits, func(c keptCommit) bool { return c.generation < heads || c.generation >= generation })
	s.commits = append(s.commits, keptCommit{generation, packed})
}

// loadKept reads the sizes of earlier commits. Without them, only fewer commits
// are kept.
func (s *Store) loadKept(ctx context.Context) []keptCommit {
	answer, err := s.client.Get(ctx, s.prefix+"commit/head/", clientv3.WithPrefix())
	if err != nil {
		return nil
	}
	all := []keptCommit{}
	for _, kv := range answer.Kvs {
		if h, err := decodeHead(kv.Value); err == nil {
			all = append(all, keptCommit{h.Generation, h.Packed})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits = all
	return all
}

// LastGeneration returns the largest generation that was committed.
func (s *Store) LastGeneration(ctx context.Context) (uint64, error) {
	answer, err := s.client.Get(ctx, s.prefix+"commit/head/", clientv3.WithPrefix(), clientv3.WithKeysOnly(),
		clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend), clientv3.WithLimit(1))
	if err != nil {
		return 0, fmt.Errorf("store: read the last generation: %w", err)
	}
	if len(answer.Kvs) == 0 {
		return 0, nil
	}
	key := strings.TrimPrefix(string(answer.Kvs[0].Key), s.prefix)
	g, err := strconv.ParseUint(strings.TrimPrefix(key, "commit/head/"), 10, 64)
	if err != nil {
		return 0, &CorruptError{Where: s.where(key), Err: err}
	}
	return g, nil
}

func (s *Store) trialWrite(t config.TrialRecord) (*write, error) {
	return s.headWrite("trial/", config.Record{Generation: t.Generation, Meta: t.Meta, Config: t.Config}, &t.Trial)
}

// SaveTrial stores what is pending; nil removes it.
func (s *Store) SaveTrial(ctx context.Context, t *config.TrialRecord) error {
	if t == nil {
		if err := s.txn(ctx, clientv3.OpDelete(s.prefix+"trial/", clientv3.WithPrefix())); err != nil {
			return fmt.Errorf("store: end a confirmed commit: %w", err)
		}
		return nil
	}
	w, err := s.trialWrite(*t)
	if err == nil {
		err = s.do(ctx, w)
	}
	if err != nil {
		return fmt.Errorf("store: save a confirmed commit: %w", err)
	}
	return nil
}

// LoadTrial returns what is pending, nil for nothing.
func (s *Store) LoadTrial(ctx context.Context) (*config.TrialRecord, error) {
	r, h, err := s.load(ctx, "trial/")
	if err != nil || r == nil {
		return nil, err
	}
	return &config.TrialRecord{
		Trial:  config.Trial{ID: h.Trial, Meta: r.Meta, Generation: r.Generation, Deadline: h.Deadline},
		Config: r.Config,
	}, nil
}

// headKey is the key of a kept record's header, "" for a name that cannot be.
func headKey(kind history.Kind, name string) string {
	if kind == history.KindCheckpoint {
		return "checkpoint/head/" + url.PathEscape(name)
	}
	g, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		return ""
	}
	return commitHead(g)
}

// List implements history.Backend. A header that cannot be read is logged and
// left out: what runs does not need it.
func (s *Store) List(ctx context.Context, kind history.Kind) ([]history.Named, error) {
	at := s.prefix + string(kind) + "/head/"
	answer, err := s.client.Get(ctx, at, clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortAscend))
	if err != nil {
		return nil, fmt.Errorf("store: list %ss: %w", kind, err)
	}
	var all []history.Named
	for _, kv := range answer.Kvs {
		h, err := decodeHead(kv.Value)
		name := strings.TrimPrefix(string(kv.Key), at)
		if err == nil && kind == history.KindCheckpoint {
			name, err = url.PathUnescape(name)
		} else {
			name = strconv.FormatUint(h.Generation, 10)
		}
		if err != nil {
			s.log.Warn("a record is left out", "error", &CorruptError{Where: s.where(strings.TrimPrefix(string(kv.Key), s.prefix)), Err: err})
			continue
		}
		all = append(all, history.Named{Name: name, Record: h.record()})
	}
	return all, nil
}

// Read implements history.Backend.
func (s *Store) Read(ctx context.Context, kind history.Kind, name string) (*config.Record, error) {
	key := headKey(kind, name)
	if key == "" {
		return nil, nil
	}
	answer, err := s.client.Get(ctx, s.prefix+key)
	if err != nil {
		return nil, fmt.Errorf("store: read %s %s: %w", kind, name, err)
	}
	if len(answer.Kvs) == 0 {
		return nil, nil
	}
	h, err := decodeHead(answer.Kvs[0].Value)
	values := map[string][]byte{}
	if err == nil {
		if err := s.loadPieces(ctx, string(kind)+"/", h.Set, answer.Header.Revision, values); err != nil {
			return nil, err
		}
		if kind == history.KindCommit && len(values) == 0 {
			return nil, nil // only the header is kept
		}
	}
	var r *config.Record
	if err == nil {
		r, err = assemble(h, values)
	}
	if err != nil {
		return nil, &CorruptError{Where: s.where(key), Err: err}
	}
	return r, nil
}

// Save implements history.Backend.
func (s *Store) Save(ctx context.Context, r history.Named, instead ...string) error {
	s.checkpoints.Lock()
	defer s.checkpoints.Unlock()
	w, err := s.newWrite("checkpoint/", r.Record, nil)
	if err != nil {
		return err
	}
	own := headKey(history.KindCheckpoint, r.Name)
	for _, name := range instead {
		if key := headKey(history.KindCheckpoint, name); key != own {
			w.ops = append(w.ops, clientv3.OpDelete(s.prefix+key))
		}
	}
	w.ops = append(w.ops, clientv3.OpPut(s.prefix+own, string(w.header)))
	if err := s.do(ctx, w); err != nil {
		return fmt.Errorf("store: save checkpoint %s: %w", r.Name, err)
	}
	s.sweep(ctx)
	return nil
}

// Delete implements history.Backend.
func (s *Store) Delete(ctx context.Context, names ...string) error {
	s.checkpoints.Lock()
	defer s.checkpoints.Unlock()
	var ops []clientv3.Op
	for _, name := range names {
		ops = append(ops, clientv3.OpDelete(s.prefix+headKey(history.KindCheckpoint, name)))
	}
	if err := s.txn(ctx, ops...); err != nil {
		return fmt.Errorf("store: delete checkpoints: %w", err)
	}
	s.sweep(ctx)
	return nil
}

// sweep deletes the pieces of checkpoints that no header names: those of deleted
// ones, and what a crash left of one that was being written. The next turn does
// what one could not.
func (s *Store) sweep(ctx context.Context) {
	err := func() error {
		heads, err := s.client.Get(ctx, s.prefix+"checkpoint/head/", clientv3.WithPrefix())
		if err != nil {
			return err
		}
		used := map[string]bool{}
		for _, kv := range heads.Kvs {
			h, err := decodeHead(kv.Value)
			if err != nil {
				return err // whose pieces are whose is not known
			}
			used[h.Set] = true
		}
		at := s.prefix + "checkpoint/piece/"
		pieces, err := s.client.Get(ctx, at, clientv3.WithPrefix(), clientv3.WithKeysOnly())
		if err != nil {
			return err
		}
		var errs []error
		for _, kv := range pieces.Kvs {
			if set, _, _ := strings.Cut(strings.TrimPrefix(string(kv.Key), at), "/"); !used[set] {
				_, err := s.client.Delete(ctx, string(kv.Key))
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}()
	if err != nil {
		s.log.Warn("pieces of deleted checkpoints are left", "error", err)
	}
}
