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
	running, err = s.load(ctx, "running/")
	startup, err2 := s.load(ctx, "startup/")
	return running, startup, errors.Join(err, err2)
}

func (s *Store) load(ctx context.Context, name string) (*config.Record, error) {
	answer, err := s.client.Get(ctx, s.prefix+name, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("store: read %s: %w", strings.TrimSuffix(name, "/"), err)
	}
	values := make(map[string][]byte, len(answer.Kvs))
	for _, kv := range answer.Kvs {
		values[strings.TrimPrefix(string(kv.Key), s.prefix+name)] = kv.Value
	}
	record, err := assemble(values)
	if err != nil {
		return nil, &CorruptError{Where: s.where(name), Err: err}
	}
	return record, nil
}

// where names a record for people.
func (s *Store) where(name string) string {
	if s.dir == "" {
		return "the record " + s.prefix + name + "head"
	}
	return fmt.Sprintf("the record %shead in %s", s.prefix+name, s.dir)
}

// assemble makes a record of the values below its name.
func assemble(values map[string][]byte) (*config.Record, error) {
	header, ok := values["head"]
	if !ok {
		// Pieces alone are what an interrupted commit leaves.
		if _, ok := values["generation"]; ok {
			return nil, errors.New("it has a generation and no header")
		}
		return nil, nil
	}
	h, err := decodeHead(header)
	if err != nil {
		return nil, err
	}
	if g, ok := values["generation"]; ok && string(g) != strconv.FormatUint(h.Generation, 10) {
		return nil, fmt.Errorf("its generation is %d in the header and %q beside it", h.Generation, g)
	}
	pieces := make([][]byte, h.Pieces)
	for i := range pieces {
		if pieces[i], ok = values[fmt.Sprintf("piece/%s/%04d", h.Set, i)]; !ok {
			return nil, fmt.Errorf("piece %d of %d is missing", i+1, h.Pieces)
		}
	}
	return decode(h, pieces)
}
