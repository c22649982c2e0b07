package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
)

// checkBytes bounds the database whose every page is read at a start.
const checkBytes = 32 << 20

// verify looks at the files of a member before etcd does, and changes none. It
// refuses what etcd would take silently or leave the process for: files that
// are gone, a database that is damaged, a log that ends before what the
// database has applied (what is committed next would vanish).
func verify(data, mark string) error {
	database, logs := filepath.Join(data, "member", "snap", "db"), filepath.Join(data, "member", "wal")
	hasDatabase, hasLogs := exists(database), exists(filepath.Join(logs, "*.wal"))
	switch {
	case exists(mark) && !hasDatabase:
		return &CorruptError{Where: database, Err: os.ErrNotExist}
	case exists(mark) && !hasLogs:
		return &CorruptError{Where: logs, Err: errors.New("it holds no log")}
	case !hasDatabase || !hasLogs:
		return nil // a first start, or one that did not get far
	}
	applied, err := verifyDatabase(database)
	if err != nil {
		return &CorruptError{Where: database, Err: err}
	}
	last, err := verifyLog(logs)
	if err != nil {
		return &CorruptError{Where: logs, Err: err}
	}
	if last < applied {
		return &CorruptError{Where: logs, Err: fmt.Errorf("it ends at entry %d, but %d entries were applied", last, applied)}
	}
	return nil
}

func exists(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

// verifyDatabase checks the pages and returns the number of the last log entry
// that the database has applied.
func verifyDatabase(path string) (applied uint64, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if info.Size() == 0 {
		return 0, errors.New("it is empty")
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: time.Second})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("it has %d bytes of %d", info.Size(), tx.Size())
		}
		if tx.Size() <= checkBytes {
			if err := tx.ForEach(func(_ []byte, b *bolt.Bucket) error { return walk(b) }); err != nil {
				return err
			}
		}
		if meta := tx.Bucket([]byte("meta")); meta != nil {
			if v := meta.Get([]byte("consistent_index")); len(v) == 8 {
				applied = binary.BigEndian.Uint64(v)
			}
		}
		return nil
	})
	return applied, err
}

// walk visits every page of a bucket. Following a broken page panics, which is
// why this is not bbolt's own check: that one runs where nobody can recover.
func walk(b *bolt.Bucket) error {
	return b.ForEach(func(_, _ []byte) error { return nil })
}

// verifyLog checks the log from its newest snapshot and returns the number of
// its last entry. A torn last write is no error.
func verifyLog(dir string) (last uint64, err error) {
	var death atomic.Pointer[string]
	defer func() {
		if r := recover(); r != nil {
			if text := death.Load(); text != nil {
				r = *text
			}
			err = fmt.Errorf("%v", r)
		}
	}()
	log := zapLogger(slog.New(slog.DiscardHandler), &death)
	snaps, err := wal.ValidSnapshotEntries(log, dir)
	if err != nil {
		return 0, err
	}
	var newest walpb.Snapshot
	if n := len(snaps); n > 0 {
		newest = snaps[n-1]
	}
	w, err := wal.OpenForRead(log, dir, newest)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	_, _, entries, err := w.ReadAll()
	if err != nil {
		return 0, err
	}
	if n := len(entries); n > 0 {
		return entries[n-1].Index, nil
	}
	return newest.Index, nil
}
