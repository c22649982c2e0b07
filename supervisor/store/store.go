// Package store keeps committed configuration in etcd: an embedded single
// member by default, an external cluster when it is given endpoints. It
// implements config.Backend.
//
// # Layout of the keys, below the prefix
//
//	running/generation            the generation in decimal: what a commit is guarded by
//	running/head                  header of the record, with checksums
//	commit/head/<generation>      the same header, for the record of commits
//	commit/piece/<set>/<nnnn>     the configuration, deflated, in pieces of at most 1 MB
//	startup/head, startup/piece/… the same for startup-config, without a guard
//	trial/head, trial/piece/…     what a confirmed commit goes back to, and when
//	checkpoint/head/<name>        header of a checkpoint
//	checkpoint/piece/<set>/…      its pieces
//	erased                        startup-config was erased and not saved since
//
// A commit is one transaction: if the generation is still the base, put the
// generation, the head under both names and the piece, put or delete what is on
// trial, and delete what is beyond the bounds of the record of commits:
// config.MaxCommits headers, and 16 MB of pieces. A configuration that does not
// fit one request is staged before: its pieces are put first, under the name of a
// set nobody refers to yet, and the transaction checks that they are there and
// moves the head to them. Pieces that a crash or a lost race left behind are
// deleted by the next commit of that generation.
//
// # Durability
//
// etcd answers after it has synchronised its log to disk, so a commit that was
// answered survives kill -9, and a transaction is there whole or not at all.
// History is compacted as commits and bytes pass, which bounds the disk.
//
// # Corruption
//
// Open checks the files before it lets etcd use them, and Load checks what it
// reads against checksums. Both answer with a *CorruptError that names the file
// or record. Nothing is repaired, renamed or deleted, except that the torn last
// write of the log, which nobody was answered, is cut off.
//
// # Locking
//
// A Store may be used by several goroutines; etcd orders what they do. A lock
// file keeps a second supervisor away from the directory.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"trunkline/config"
	"trunkline/internal/dirlock"
)

// Member is one supervisor of a redundant pair, or its witness.
type Member struct {
	Name string
	URL  string // where it talks to the other members
}

// Config says where the store is.
type Config struct {
	// Dir is the directory of the embedded member and of the lock. It is
	// created with mode 0700. Not used with Endpoints.
	Dir string
	// Members are the supervisors that keep the store together. Only none or
	// one is possible; more are refused.
	Members []Member
	// Endpoints are the addresses of an external etcd cluster.
	Endpoints []string
	// Prefix goes before every key; "" is "/trunkline/".
	Prefix string
	// Log takes what etcd has to say, from warnings up. nil discards it.
	Log *slog.Logger
}

// DefaultPrefix goes before every key.
const DefaultPrefix = "/trunkline/"

// Store is an open store.
type Store struct {
	dir    string // of the embedded member; "" for an external cluster
	prefix string
	log    *slog.Logger
	lock   *dirlock.Lock
	server *etcdserver.EtcdServer
	client *clientv3.Client
	closed bool

	checkpoints sync.Mutex // held while they are written and swept

	mu      sync.Mutex
	trash   trash        // since the last compaction
	commits []keptCommit // oldest first; nil: not read yet
}

var _ config.Backend = (*Store)(nil)

// Open opens the store and waits until it is ready. When ctx ends first, Open
// gives up with its error.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{prefix: c.Prefix, log: c.Log}
	if s.prefix == "" {
		s.prefix = DefaultPrefix
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	switch {
	case len(c.Endpoints) > 0:
		err = s.dial(ctx, c.Endpoints)
	case len(c.Members) > 1:
		err = fmt.Errorf("store: %d members: a store kept by several supervisors is not supported; use an external etcd", len(c.Members))
	case c.Dir == "":
		err = errors.New("store: neither a directory nor endpoints are given")
	default:
		err = s.embed(ctx, c.Dir)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) dial(ctx context.Context, endpoints []string) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Context: context.WithoutCancel(ctx), Logger: zapLogger(s.log, nil)})
	if err != nil {
		return fmt.Errorf("store: connect to %v: %w", endpoints, err)
	}
	if _, err := client.Get(ctx, s.prefix, clientv3.WithCountOnly()); err != nil {
		return errors.Join(fmt.Errorf("store: etcd at %v does not answer: %w", endpoints, err), client.Close())
	}
	s.client = client
	return nil
}

func (s *Store) embed(ctx context.Context, dir string) error {
	l, err := dirlock.Acquire(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := s.start(ctx, dir); err != nil {
		return errors.Join(err, l.Release())
	}
	s.dir, s.lock, s.client = dir, l, v3client.New(s.server)
	return nil
}

// Failed is closed when the embedded member has stopped by itself; nil, which
// never is, with an external cluster.
func (s *Store) Failed() <-chan struct{} {
	if s.server == nil {
		return nil
	}
	return s.server.StopNotify()
}

// Close stops the store. What was committed is on disk already.
func (s *Store) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true // calls from now on fail in etcd
	var errs []error
	if err := s.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		errs = append(errs, fmt.Errorf("store: close client: %w", err))
	}
	if s.server != nil {
		s.server.Stop()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Release())
	}
	return errors.Join(errs...)
}
