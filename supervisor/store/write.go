package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trunkline/config"
)

// write is one record on its way into a transaction.
type write struct {
	at     string // key of its pieces' sets
	set    string
	header []byte
	pieces [][]byte
	packed int // bytes of the pieces
	guards []clientv3.Cmp
	ops    []clientv3.Op
}

// newWrite encodes a record whose pieces go below name.
func (s *Store) newWrite(name string, r config.Record, on *config.Trial) (*write, error) {
	set := newSet(r.Generation)
	header, pieces, err := encode(r, set, on)
	if err != nil {
		return nil, err
	}
	w := &write{at: s.prefix + name + "piece/", set: set, header: header, pieces: pieces}
	for _, p := range pieces {
		w.packed += len(p)
	}
	return w, nil
}

// pieceKey is the first key of the sets whose names begin so.
func (w *write) pieceKey(set string) string { return w.at + set }

// deleteOthers deletes the pieces of all other sets whose names begin so.
func (w *write) deleteOthers(begin string) {
	own, from := w.at+w.set+"/", w.at+begin
	w.ops = append(w.ops,
		clientv3.OpDelete(from, clientv3.WithRange(own)),
		clientv3.OpDelete(clientv3.GetPrefixRangeEnd(own), clientv3.WithRange(clientv3.GetPrefixRangeEnd(from))))
}

// do stages the pieces that do not fit one request, then does everything in one
// transaction: all of it, or config.ErrConflict and nothing but staged pieces.
func (s *Store) do(ctx context.Context, all ...*write) error {
	var guards []clientv3.Cmp
	var ops []clientv3.Op
	room, size := pieceSize, 0
	for _, w := range all {
		guards, ops = append(guards, w.guards...), append(ops, w.ops...)
		size += w.packed + len(w.header)
		inline := len(w.pieces) <= 1 && w.packed <= room
		if inline {
			room -= w.packed
		}
		for i, p := range w.pieces {
			key := fmt.Sprintf("%s%s/%04d", w.at, w.set, i)
			if inline {
				ops = append(ops, clientv3.OpPut(key, string(p)))
				break
			}
			if _, err := s.client.Put(ctx, key, string(p)); err != nil {
				return fmt.Errorf("stage piece %d of %d: %w", i+1, len(w.pieces), err)
			}
			// Two are enough: pieces go away by set.
			if i == 0 || i == len(w.pieces)-1 {
				guards = append(guards, clientv3.Compare(clientv3.CreateRevision(key), ">", 0))
			}
		}
	}
	answer, err := s.client.Txn(ctx).If(guards...).Then(ops...).Commit()
	if err != nil {
		return err
	}
	s.discard(ctx, size)
	if !answer.Succeeded {
		return config.ErrConflict
	}
	return nil
}

// newSet names a set of pieces as nobody has named one before. Sets sort by
// generation.
func newSet(generation uint64) string {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return setOf(generation) + hex.EncodeToString(nonce[:])
}

// setOf is how the sets of a generation begin.
func setOf(generation uint64) string { return fmt.Sprintf("%016x-", generation) }
