package store

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	compactCommits = 256      // after so many commits
	compactBytes   = 16 << 20 // or so many bytes, what was superseded is dropped
	defragBytes    = 64 << 20 // a file that is larger, and more than half empty, is rewritten
)

// trash counts what was written since the last compaction.
type trash struct {
	commits, bytes int
}

// discard notes a write of size bytes and has etcd drop the superseded
// revisions now and then. Nothing depends on its success: the next turn tries
// again. An external cluster compacts by its own rules.
func (s *Store) discard(ctx context.Context, size int) {
	if s.server == nil || !s.due(size) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	answer, err := s.client.Get(ctx, s.prefix, clientv3.WithCountOnly(), clientv3.WithSerializable())
	if err == nil {
		_, err = s.client.Compact(ctx, answer.Header.Revision)
	}
	if err != nil {
		s.log.Warn("configuration history not compacted", "err", err)
		return
	}
	b := s.server.Backend()
	if total := b.Size(); total > defragBytes && b.SizeInUse() < total/2 {
		if err := b.Defrag(); err != nil {
			s.log.Warn("configuration store not defragmented", "err", err)
		}
	}
}

func (s *Store) due(size int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trash.commits++
	s.trash.bytes += size
	if s.trash.commits < compactCommits && s.trash.bytes < compactBytes {
		return false
	}
	s.trash = trash{}
	return true
}
