package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/client/pkg/v3/types"
	etcdconfig "go.etcd.io/etcd/server/v3/config"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/features"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
)

// Numbers of the embedded member. It stands alone, so an election needs nobody
// and is due at once: two ticks are the least raft takes, and one of them is
// skipped at a start. It is small, so the log may be cut often.
const (
	tick            = 100 * time.Millisecond
	flush           = time.Second // of the database behind the log, which is what a commit waits for
	electionTicks   = 2
	segmentBytes    = 8 << 20 // of the log, allocated ahead
	snapshotEntries = 512     // entries of the log kept in memory and replayed at a start
	catchUpEntries  = 64
	quotaBytes      = 1 << 30
	requestBytes    = 3 << 19
	memberName      = "supervisor"
	address         = "http://127.0.0.1:2380" // nothing listens there: the only client is in the process
)

// start starts the embedded member in dir and waits until it is ready.
func (s *Store) start(ctx context.Context, dir string) error {
	data := filepath.Join(dir, "etcd")
	mark := filepath.Join(dir, "version")
	unfinished, err := verify(data, mark)
	if err != nil {
		return err
	}
	if unfinished {
		s.log.Info("an interrupted first start of the store is begun anew", "dir", data)
		if err := os.RemoveAll(data); err != nil {
			return fmt.Errorf("store: remove an interrupted first start: %w", err)
		}
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("store: create directory: %w", err)
	}
	server, err := s.launch(data)
	if err != nil {
		return &CorruptError{Where: data, Err: err}
	}
	select {
	case <-server.ReadyNotify():
	case <-server.StopNotify():
		server.Stop()
		return fmt.Errorf("store: etcd in %s stopped while it started", data)
	case <-ctx.Done():
		server.Stop()
		return fmt.Errorf("store: wait for etcd in %s: %w", data, ctx.Err())
	}
	if err := writeMark(mark); err != nil {
		server.Stop()
		return fmt.Errorf("store: mark the directory as in use: %w", err)
	}
	s.server = server
	return nil
}

func memberConfig(data string, log *zap.Logger) (etcdconfig.ServerConfig, error) {
	urls, err := types.NewURLs([]string{address})
	if err != nil {
		return etcdconfig.ServerConfig{}, err
	}
	return etcdconfig.ServerConfig{
		Name:       memberName,
		DataDir:    data,
		ClientURLs: urls, PeerURLs: urls,
		InitialPeerURLsMap: types.URLsMap{memberName: urls}, InitialClusterToken: "trunkline", NewCluster: true,
		TickMs: uint(tick.Milliseconds()), ElectionTicks: electionTicks,
		PreVote: true, InitialElectionTickAdvance: true,
		SnapshotCount: snapshotEntries, SnapshotCatchUpEntries: catchUpEntries,
		MaxSnapFiles: 2, MaxWALFiles: 2,
		QuotaBackendBytes:   quotaBytes,
		BackendFreelistType: bolt.FreelistMapType,
		// Each flush and tick wakes an idle process; see the idle bound of the contract.
		BackendBatchInterval: flush,
		MaxTxnOps:            128,
		MaxRequestBytes:      requestBytes,
		AuthToken:            "simple",
		TokenTTL:             300,
		BcryptCost:           10,
		// A busy machine is no news to the operator.
		WarningApplyDuration: time.Second, WarningUnaryRequestDuration: 2 * time.Second,
		CompactHashCheckTime: time.Hour,
		V2Deprecation:        etcdconfig.V2DeprDefault,
		ServerFeatureGate:    features.NewDefaultServerFeatureGate(memberName, log),
		Logger:               log,
	}, nil
}

// launch starts etcd. What etcd meets with a panic, or would leave the process
// for, comes back as an error; so does a fault in a mapped file that is shorter
// than its own header says.
func (s *Store) launch(data string) (server *etcdserver.EtcdServer, err error) {
	var death atomic.Pointer[string]
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if text := death.Load(); text != nil {
				r = *text
			}
			server, err = nil, fmt.Errorf("etcd: %v", r)
		}
	}()
	config, err := memberConfig(data, zapLogger(s.log, &death))
	if err != nil {
		return nil, err
	}
	// The size is a variable of the library; every store sets the same.
	wal.SegmentSizeBytes = segmentBytes
	if server, err = etcdserver.NewServer(config); err != nil {
		return nil, err
	}
	server.Start()
	return server, nil
}

// writeMark notes that the directory holds a store that once was ready: from
// then on its files must be there.
func writeMark(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "version-")
	if err != nil {
		return err
	}
	_, err = f.WriteString("trunkline store 1\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
