package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
)

const (
	checkBytes   = 32 << 20 // a larger database is not read as a whole at a start
	firstEntries = 16       // more than etcd writes for itself before it is ready
)

// verify looks at the files of a member before etcd does, and changes none. It
// refuses what etcd would take silently or leave the process for: files that
// are gone, a database that is damaged, a log that ends before what the
// database has applied (what is committed next would vanish).
//
// unfinished reports a first start that was interrupted. etcd cannot go on from
// there: its log does not name the member yet, so nobody is ever elected.
// Nothing was answered to anybody and nothing is stored.
func verify(data, mark string) (unfinished bool, err error) {
	database, logs := filepath.Join(data, "member", "snap", "db"), filepath.Join(data, "member", "wal")
	marked, hasDatabase, hasLogs := exists(mark), exists(database), holdsLog(logs)
	switch {
	case marked && !hasDatabase:
		return false, &CorruptError{Where: database, Err: os.ErrNotExist}
	case marked && !hasLogs:
		return false, &CorruptError{Where: logs, Err: errors.New("it holds no log")}
	case !hasDatabase && !hasLogs:
		return exists(data), nil
	case !hasDatabase:
		return false, &CorruptError{Where: database, Err: os.ErrNotExist}
	}
	applied, empty, err := verifyDatabase(database)
	if err != nil {
		if !marked && !hasLogs {
			return true, nil
		}
		return false, &CorruptError{Where: database, Err: err}
	}
	if !hasLogs {
		if empty {
			return true, nil
		}
		return false, &CorruptError{Where: logs, Err: errors.New("it holds no log")}
	}
	last, entries, err := verifyLog(logs)
	if err != nil {
		return false, &CorruptError{Where: logs, Err: err}
	}
	if last < applied {
		return false, &CorruptError{Where: logs, Err: fmt.Errorf("it ends at entry %d, but %d entries were applied", last, applied)}
	}
	return !marked && empty && entries < firstEntries, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

func holdsLog(dir string) bool {
	files, err := os.ReadDir(dir)
	return slices.ContainsFunc(files, func(f os.DirEntry) bool { return filepath.Ext(f.Name()) == ".wal" }) ||
		err != nil && !errors.Is(err, os.ErrNotExist)
}

// verifyDatabase reads the pages. It returns the number of the last log entry
// that the database has applied, and whether no key was ever put.
func verifyDatabase(path string) (applied uint64, empty bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return 0, false, err
	}
	if info.Size() == 0 {
		return 0, false, errors.New("it is empty")
	}
	// The list of free pages is not loaded: bbolt makes it of all pages, and
	// panics about a broken one where nobody can recover.
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return 0, false, err
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("it has %d bytes of %d", info.Size(), tx.Size())
		}
		if tx.Size() <= checkBytes {
			if err := ordered(tx.Cursor()); err != nil {
				return err
			}
			if err := tx.ForEach(func(_ []byte, b *bolt.Bucket) error { return ordered(b.Cursor()) }); err != nil {
				return err
			}
		}
		if meta := tx.Bucket([]byte("meta")); meta != nil {
			if v := meta.Get([]byte("consistent_index")); len(v) == 8 {
				applied = binary.BigEndian.Uint64(v)
			}
		}
		keys := tx.Bucket([]byte("key"))
		if empty = keys == nil; !empty {
			k, _ := keys.Cursor().First()
			empty = k == nil
		}
		if !empty && tx.Size() <= checkBytes {
			return keys.ForEach(func(_, v []byte) error { return new(mvccpb.KeyValue).Unmarshal(v) })
		}
		return nil
	})
	return applied, empty, err
}

// ordered visits every page of a bucket and compares its keys. Following a broken
// page panics, which is why this is not bbolt's own check: that one runs where
// nobody can recover.
func ordered(c *bolt.Cursor) error {
	var last []byte
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if last != nil && bytes.Compare(last, k) >= 0 {
			return fmt.Errorf("its keys are out of order at %.40q", k)
		}
		last = k
	}
	return nil
}

// verifyLog checks the log from its newest snapshot. It returns the number of
// its last entry, and how many there are. A torn last write is no error.
func verifyLog(dir string) (last uint64, entries int, err error) {
	var death atomic.Pointer[string]
	defer func() {
		if r := recover(); r != nil {
			if text := death.Load(); text != nil {
				r = *text
			}
			err = fmt.Errorf("%v", r)
		}
	}()
	if err := whole(dir); err != nil {
		return 0, 0, err
	}
	log := zapLogger(slog.New(slog.DiscardHandler), &death)
	snaps, err := wal.ValidSnapshotEntries(log, dir)
	if err != nil {
		return 0, 0, err
	}
	var newest walpb.Snapshot
	if n := len(snaps); n > 0 {
		newest = snaps[n-1]
	}
	w, err := wal.OpenForRead(log, dir, newest)
	if err != nil {
		return 0, 0, err
	}
	defer w.Close()
	_, _, all, err := w.ReadAll()
	if err != nil {
		return 0, 0, err
	}
	if n := len(all); n > 0 {
		return all[n-1].Index, n, nil
	}
	return newest.Index, 0, nil
}

// whole refuses a log whose newest file is shorter than etcd makes them: its end
// was lost, with what was answered last. Two do leave one short: a repair by
// etcd, with the file as it was beside it, and a start that was killed between
// cutting off what is behind the last record and allocating it anew, which ends
// with that record.
func whole(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil || len(files) == 0 {
		return err
	}
	newest := slices.Max(files)
	info, err := os.Stat(newest)
	if err != nil {
		return err
	}
	if info.Size() >= segmentBytes || exists(newest+".broken") {
		return nil
	}
	if end, err := lastRecord(newest); err != nil || end != info.Size() {
		return fmt.Errorf("%s has %d bytes of %d", filepath.Base(newest), info.Size(), int64(segmentBytes))
	}
	return nil
}

// lastRecord returns where the last record of a log file ends. The error is nil
// if nothing but zeros follows it.
func lastRecord(path string) (end int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	d := wal.NewDecoder(fileutil.NewFileReader(f))
	for {
		var r walpb.Record
		switch err := d.Decode(&r); {
		case errors.Is(err, io.EOF):
			return d.LastOffset(), nil
		case err != nil:
			return 0, err
		case r.Type == wal.CrcType: // it carries the sum of the file before
			d.UpdateCRC(r.Crc)
		}
	}
}
