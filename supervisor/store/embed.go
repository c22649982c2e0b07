package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// Numbers of the embedded member. It stands alone, so an election needs nobody
// and may be quick; it is small, so the log may be cut often.
const (
	tick            = 20 * time.Millisecond
	election        = 5 * tick // the least etcd takes
	segmentBytes    = 8 << 20  // of the log, allocated ahead
	snapshotEntries = 512      // entries of the log kept in memory and replayed at a start
	catchUpEntries  = 64
	quotaBytes      = 1 << 30
	memberName      = "supervisor"
	stopLimit       = 5 * time.Second
)

// address is where the member says it is. Nothing listens there: the only
// client is in the process.
var address = url.URL{Scheme: "http", Host: "127.0.0.1:2380"}

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
	var death atomic.Pointer[string]
	server, err := launch(embedConfig(data), func(c *embed.Config) {
		c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(s.log, &death))
	}, &death)
	if err != nil {
		return &CorruptError{Where: data, Err: err}
	}
	select {
	case <-server.Server.ReadyNotify():
	case <-server.Server.StopNotify():
		server.Close()
		return fmt.Errorf("store: etcd in %s stopped while it started", data)
	case <-ctx.Done():
		server.Close()
		return fmt.Errorf("store: wait for etcd in %s: %w", data, ctx.Err())
	}
	if err := writeMark(mark); err != nil {
		server.Close()
		return fmt.Errorf("store: mark the directory as in use: %w", err)
	}
	s.server = server
	return nil
}

func embedConfig(data string) *embed.Config {
	c := embed.NewConfig()
	c.Name = memberName
	c.Dir = data
	c.ListenPeerUrls, c.ListenClientUrls = nil, nil
	c.AdvertisePeerUrls, c.AdvertiseClientUrls = []url.URL{address}, []url.URL{address}
	c.InitialCluster = c.Name + "=" + address.String()
	c.TickMs, c.ElectionMs = uint(tick.Milliseconds()), uint(election.Milliseconds())
	c.SnapshotCount, c.SnapshotCatchUpEntries = snapshotEntries, catchUpEntries
	c.MaxSnapFiles, c.MaxWalFiles = 2, 2
	c.QuotaBackendBytes = quotaBytes
	c.EnableGRPCGateway = false
	c.StrictReconfigCheck = false
	return c
}

// launch starts etcd. What etcd meets with a panic, or would leave the process
// for, comes back as an error; so does a fault in a mapped file that is shorter
// than its own header says.
func launch(c *embed.Config, prepare func(*embed.Config), death *atomic.Pointer[string]) (server *embed.Etcd, err error) {
	prepare(c)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if text := death.Load(); text != nil {
				r = *text
			}
			server, err = nil, fmt.Errorf("etcd: %v", r)
		}
	}()
	// The size is a variable of the library; every store sets the same.
	wal.SegmentSizeBytes = segmentBytes
	return embed.StartEtcd(c)
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
