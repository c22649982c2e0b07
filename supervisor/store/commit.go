package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trunkline/config"
)

// Commit stores r as the running configuration if the stored generation still
// is base (0: nothing is stored), else it returns config.ErrConflict. In the same
// transaction it records the commit, and what is on trial.
//
// An error other than config.ErrConflict leaves open whether the record is there: the
// context may have ended while etcd was writing. Load tells.
func (s *Store) Commit(ctx context.Context, base uint64, r config.Record) error {
	err := s.commit(ctx, base, r)
	if err != nil && !errors.Is(err, config.ErrConflict) {
		return fmt.Errorf("store: commit generation %d: %w", r.Generation, err)
	}
	return err
}

func (s *Store) commit(ctx context.Context, base uint64, r config.Record) error {
	key := s.prefix + "running/generation"
	guard := clientv3.Compare(clientv3.Value(key), "=", strconv.FormatUint(base, 10))
	if base == 0 {
		guard = clientv3.Compare(clientv3.CreateRevision(key), "=", 0)
	}
	w, err := s.newWrite("commit/", r, nil)
	if err != nil {
		return err
	}
	w.guards = append(w.guards, guard)
	heads, trees := s.keep(ctx, r.Generation, w.packed)
	w.ops = append(w.ops,
		clientv3.OpPut(key, strconv.FormatUint(r.Generation, 10)),
		clientv3.OpPut(s.prefix+"running/head", string(w.header)),
		clientv3.OpPut(s.prefix+commitHead(r.Generation), string(w.header)),
		clientv3.OpDelete(s.prefix+"commit/head/", clientv3.WithRange(s.prefix+commitHead(heads))),
		clientv3.OpDelete(w.pieceKey(""), clientv3.WithRange(w.pieceKey(setOf(trees)))),
		clientv3.OpDelete(s.prefix+"running/piece/", clientv3.WithPrefix()), // of older versions
	)
	w.deleteOthers(setOf(r.Generation))
	all := []*write{w}
	switch {
	case r.EndTrial:
		w.ops = append(w.ops, clientv3.OpDelete(s.prefix+"trial/", clientv3.WithPrefix()))
	case r.Trial != nil:
		t, err := s.trialWrite(*r.Trial)
		if err != nil {
			return err
		}
		all = append(all, t)
	}
	if err := s.do(ctx, all...); err != nil {
		return err
	}
	s.kept(r.Generation, w.packed, heads)
	return nil
}

// SaveStartup stores r as the startup configuration; nil erases it, and marks
// the store: checkpoints go with the running configuration then (cli.md §7.3).
func (s *Store) SaveStartup(ctx context.Context, r *config.Record) error {
	var err error
	if r == nil {
		err = s.txn(ctx, clientv3.OpDelete(s.prefix+"startup/", clientv3.WithPrefix()), clientv3.OpPut(s.prefix+"erased", ""))
	} else {
		err = s.saveHead(ctx, "startup/", *r, nil, clientv3.OpDelete(s.prefix+"erased"))
	}
	if err != nil {
		return fmt.Errorf("store: save startup-config: %w", err)
	}
	return nil
}

// DropRunning forgets the running configuration and what is on trial. The record
// of commits stays.
func (s *Store) DropRunning(ctx context.Context) error {
	ops := []clientv3.Op{
		clientv3.OpDelete(s.prefix+"running/", clientv3.WithPrefix()),
		clientv3.OpDelete(s.prefix+"trial/", clientv3.WithPrefix()),
	}
	erased := s.prefix + "erased"
	all := append(ops[:2:2], clientv3.OpDelete(s.prefix+"checkpoint/", clientv3.WithPrefix()), clientv3.OpDelete(erased))
	_, err := s.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(erased), ">", 0)).Then(all...).Else(ops...).Commit()
	if err != nil {
		return fmt.Errorf("store: drop running-config: %w", err)
	}
	s.discard(ctx, 0)
	return nil
}

// saveHead stores a record below a name of its own.
func (s *Store) saveHead(ctx context.Context, name string, r config.Record, on *config.Trial, more ...clientv3.Op) error {
	w, err := s.headWrite(name, r, on)
	if err != nil {
		return err
	}
	w.ops = append(w.ops, more...)
	return s.do(ctx, w)
}

func (s *Store) headWrite(name string, r config.Record, on *config.Trial) (*write, error) {
	w, err := s.newWrite(name, r, on)
	if err != nil {
		return nil, err
	}
	w.ops = append(w.ops, clientv3.OpPut(s.prefix+name+"head", string(w.header)))
	w.deleteOthers("")
	return w, nil
}

// txn does something without pieces.
func (s *Store) txn(ctx context.Context, ops ...clientv3.Op) error {
	if _, err := s.client.Txn(ctx).Then(ops...).Commit(); err != nil {
		return err
	}
	s.discard(ctx, 0)
	return nil
}
