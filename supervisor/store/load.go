package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trunkline/config"
)

// CorruptError says what cannot be read. Everything is left as it was found.
type CorruptError struct {
	Where string // file, directory or record
	Err   error
}

// Error implements error.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("store: %s is corrupt: %v; nothing was changed: restore it from a backup, or move it away to start empty", e.Where, e.Err)
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// Load returns the running and the startup configuration; nil where there is
// none. Each is read at one revision. A record that is there and cannot be read
// is a *CorruptError; the other one is returned all the same.
func (s *Store) Load(ctx context.Context) (running, startup *config.Record, err error) {
	running, _, err = s.load(ctx, "running/")
	startup, _, err2 := s.load(ctx, "startup/")
	return running, startup, errors.Join(err, err2)
}

// load reads the record below a name, with its header.
func (s *Store) load(ctx context.Context, name string) (*config.Record, *head, error) {
	answer, err := s.client.Get(ctx, s.prefix+name, clientv3.WithPrefix())
	if err != nil {
		return nil, nil, fmt.Errorf("store: read %s: %w", strings.TrimSuffix(name, "/"), err)
	}
	values := make(map[string][]byte, len(answer.Kvs))
	for _, kv := range answer.Kvs {
		values[strings.TrimPrefix(string(kv.Key), s.prefix+name)] = kv.Value
	}
	h, err := header(values)
	if err == nil && h != nil && name == "running/" {
		// Its pieces are those of its commit; older versions had them here.
		err = s.loadPieces(ctx, "commit/", h.Set, answer.Header.Revision, values)
		if err != nil {
			return nil, nil, err
		}
	}
	var record *config.Record
	if err == nil && h != nil {
		record, err = assemble(*h, values)
	}
	if err != nil {
		return nil, nil, &CorruptError{Where: s.where(name + "head"), Err: err}
	}
	return record, h, nil
}

// loadPieces adds the pieces of a set below a name to values, at a revision, 0
// for the newest.
func (s *Store) loadPieces(ctx context.Context, name, set string, revision int64, values map[string][]byte) error {
	at := s.prefix + name
	answer, err := s.client.Get(ctx, at+"piece/"+set+"/", clientv3.WithPrefix(), clientv3.WithRev(revision))
	if err != nil {
		return fmt.Errorf("store: read the pieces of %s: %w", strings.TrimSuffix(name, "/"), err)
	}
	for _, kv := range answer.Kvs {
		values[strings.TrimPrefix(string(kv.Key), at)] = kv.Value
	}
	return nil
}

// where names a record for people.
func (s *Store) where(key string) string {
	if s.dir == "" {
		return "the record " + s.prefix + key
	}
	return fmt.Sprintf("the record %s in %s", s.prefix+key, s.dir)
}

// header reads the header among the values below the name of a record; nil if
// there is no record.
func header(values map[string][]byte) (*head, error) {
	text, ok := values["head"]
	if !ok {
		// Pieces alone are what an interrupted commit leaves.
		if _, ok := values["generation"]; ok {
			return nil, errors.New("it has a generation and no header")
		}
		return nil, nil
	}
	h, err := decodeHead(text)
	if err != nil {
		return nil, err
	}
	if g, ok := values["generation"]; ok && string(g) != strconv.FormatUint(h.Generation, 10) {
		return nil, fmt.Errorf("its generation is %d in the header and %q beside it", h.Generation, g)
	}
	return &h, nil
}

// assemble makes a record of its pieces among the values below its name.
func assemble(h head, values map[string][]byte) (*config.Record, error) {
	pieces := make([][]byte, h.Pieces)
	for i := range pieces {
		var ok bool
		if pieces[i], ok = values[fmt.Sprintf("piece/%s/%04d", h.Set, i)]; !ok {
			return nil, fmt.Errorf("piece %d of %d is missing", i+1, h.Pieces)
		}
	}
	return decode(h, pieces)
}
