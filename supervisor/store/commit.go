package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trunkline/config"
)

// Commit stores r as the running configuration if the stored generation still
// is base (0: nothing is stored), else it returns config.ErrConflict.
//
// An error other than config.ErrConflict leaves open whether the record is there: the
// context may have ended while etcd was writing. Load tells.
func (s *Store) Commit(ctx context.Context, base uint64, r config.Record) error {
	key := s.prefix + "running/generation"
	guard := clientv3.Compare(clientv3.Value(key), "=", strconv.FormatUint(base, 10))
	if base == 0 {
		guard = clientv3.Compare(clientv3.CreateRevision(key), "=", 0)
	}
	err := s.save(ctx, "running/", r, guard, clientv3.OpPut(key, strconv.FormatUint(r.Generation, 10)))
	if err != nil && !errors.Is(err, config.ErrConflict) {
		return fmt.Errorf("store: commit generation %d: %w", r.Generation, err)
	}
	return err
}

// SaveStartup stores r as the startup configuration; nil erases it.
func (s *Store) SaveStartup(ctx context.Context, r *config.Record) error {
	var err error
	if r == nil {
		err = s.drop(ctx, "startup/")
	} else {
		any := clientv3.Compare(clientv3.CreateRevision(s.prefix+"startup/head"), ">", -1)
		err = s.save(ctx, "startup/", *r, any)
	}
	if err != nil {
		return fmt.Errorf("store: save startup-config: %w", err)
	}
	return nil
}

// DropRunning forgets the running configuration.
func (s *Store) DropRunning(ctx context.Context) error {
	if err := s.drop(ctx, "running/"); err != nil {
		return fmt.Errorf("store: drop running-config: %w", err)
	}
	return nil
}

func (s *Store) drop(ctx context.Context, name string) error {
	if _, err := s.client.Delete(ctx, s.prefix+name, clientv3.WithPrefix()); err != nil {
		return err
	}
	s.discard(ctx, 0)
	return nil
}

// save stages what is too large for one request, then moves the head in one
// transaction.
func (s *Store) save(ctx context.Context, name string, r config.Record, guard clientv3.Cmp, more ...clientv3.Op) error {
	set := newSet(r.Generation)
	header, pieces, err := encode(r, set)
	if err != nil {
		return err
	}
	at := s.prefix + name + "piece/"
	own := at + set + "/"
	compares, ops := []clientv3.Cmp{guard}, append(more, clientv3.OpPut(s.prefix+name+"head", string(header)))
	size := len(header)
	for i, p := range pieces {
		key := fmt.Sprintf("%s%04d", own, i)
		size += len(p)
		if len(pieces) == 1 {
			ops = append(ops, clientv3.OpPut(key, string(p)))
			break
		}
		if _, err := s.client.Put(ctx, key, string(p)); err != nil {
			return fmt.Errorf("stage piece %d of %d: %w", i+1, len(pieces), err)
		}
		// Two are enough: pieces go away by set.
		if i == 0 || i == len(pieces)-1 {
			compares = append(compares, clientv3.Compare(clientv3.CreateRevision(key), ">", 0))
		}
	}
	ops = append(ops,
		clientv3.OpDelete(at, clientv3.WithRange(own)),
		clientv3.OpDelete(clientv3.GetPrefixRangeEnd(own), clientv3.WithRange(clientv3.GetPrefixRangeEnd(at))))
	answer, err := s.client.Txn(ctx).If(compares...).Then(ops...).Commit()
	if err != nil {
		return err
	}
	s.discard(ctx, size)
	if !answer.Succeeded {
		return config.ErrConflict
	}
	return nil
}

// newSet names a set of pieces as nobody has named one before.
func newSet(generation uint64) string {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return fmt.Sprintf("%016x-%s", generation, hex.EncodeToString(nonce[:]))
}
