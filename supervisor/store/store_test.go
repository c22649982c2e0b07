package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sys/unix"

	"trunkline/config"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := Open(ctx, Config{Dir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// memoryDir is a directory in memory where the machine has one with room, else
// any. A kill of a process loses no file that was written, synchronised or not:
// tests of kills need no disk, which is what they would wait for.
func memoryDir(t *testing.T) string {
	t.Helper()
	const memory, room = "/dev/shm", 1 << 30
	var stat unix.Statfs_t
	if err := unix.Statfs(memory, &stat); err != nil || stat.Bavail*uint64(stat.Bsize) < room {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "trunkline-store-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func reopen(t *testing.T, s *Store) *Store {
	t.Helper()
	dir := s.dir
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

func record(generation uint64, text string) config.Record {
	return config.Record{
		Generation: generation,
		At:         time.Date(2026, 11, 24, 12, 0, int(generation%60), 0, time.UTC),
		Meta:       config.Meta{User: "admin", From: "console", Line: "vlan 100"},
		Config:     []byte(text),
	}
}

func same(a, b *config.Record) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Generation == b.Generation && a.At.Equal(b.At) && a.Meta == b.Meta && bytes.Equal(a.Config, b.Config)
}

func expect(t *testing.T, s *Store, running, startup *config.Record) {
	t.Helper()
	r, u, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !same(r, running) {
		t.Errorf("running: got %+v, want %+v", r, running)
	}
	if !same(u, startup) {
		t.Errorf("startup: got %+v, want %+v", u, startup)
	}
}

func TestRecords(t *testing.T) {
	s := open(t, t.TempDir())
	expect(t, s, nil, nil)
	one, two := record(1, `{"system":{}}`), record(2, `{}`)
	if err := s.Commit(t.Context(), 0, one); err != nil {
		t.Fatal(err)
	}
	expect(t, s, &one, nil)
	if err := s.SaveStartup(t.Context(), &one); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), 1, two); err != nil {
		t.Fatal(err)
	}
	expect(t, s, &two, &one)
	s = reopen(t, s)
	expect(t, s, &two, &one)
	if err := s.DropRunning(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, s, nil, &one)
	if err := s.SaveStartup(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	expect(t, reopen(t, s), nil, nil)
}

func TestEmptyConfiguration(t *testing.T) {
	s := open(t, t.TempDir())
	r := record(7, "")
	if err := s.Commit(t.Context(), 0, r); err != nil {
		t.Fatal(err)
	}
	expect(t, s, &r, nil)
}

func TestConflict(t *testing.T) {
	s := open(t, t.TempDir())
	one := record(1, "one")
	if err := s.Commit(t.Context(), 3, one); !errors.Is(err, config.ErrConflict) {
		t.Fatalf("commit on a base that is not there: %v", err)
	}
	if err := s.Commit(t.Context(), 0, one); err != nil {
		t.Fatal(err)
	}
	for _, base := range []uint64{0, 2} {
		if err := s.Commit(t.Context(), base, record(3, "lost")); !errors.Is(err, config.ErrConflict) {
			t.Fatalf("commit on base %d: %v", base, err)
		}
	}
	expect(t, s, &one, nil)
}

// TestRace has several committers on one base: one of them wins each time.
func TestRace(t *testing.T) {
	s := open(t, t.TempDir())
	for g := uint64(0); g < 10; g++ {
		results := make(chan error, 4)
		for i := range cap(results) {
			go func() { results <- s.Commit(t.Context(), g, record(g+1, fmt.Sprint(g, i))) }()
		}
		won := 0
		for range cap(results) {
			switch err := <-results; {
			case err == nil:
				won++
			case !errors.Is(err, config.ErrConflict):
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d of 4 commits on generation %d won", won, g)
		}
	}
}

// TestLarge stores what neither compresses nor fits one request.
func TestLarge(t *testing.T) {
	s := open(t, memoryDir(t))
	text := make([]byte, 5<<20)
	rand.Read(text)
	big := record(1, string(text))
	if err := s.Commit(t.Context(), 0, big); err != nil {
		t.Fatal(err)
	}
	// A loser leaves pieces behind, the next winner removes them.
	if err := s.Commit(t.Context(), 9, record(2, string(text))); !errors.Is(err, config.ErrConflict) {
		t.Fatal(err)
	}
	expect(t, s, &big, nil)
	if err := s.SaveStartup(t.Context(), &big); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	expect(t, s, &big, &big)
	small := record(2, "{}")
	if err := s.Commit(t.Context(), 1, small); err != nil {
		t.Fatal(err)
	}
	expect(t, s, &small, &big)
	// That of the first commit, which is kept, and that of the second.
	if n := count(t, s, "commit/piece/"); n != 7 {
		t.Errorf("%d pieces of commits are left, want 6 and 1", n)
	}
}

func count(t *testing.T, s *Store, name string) int64 {
	t.Helper()
	answer, err := s.client.Get(t.Context(), s.prefix+name, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return answer.Count
}

func TestTwoOpeners(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := Open(t.Context(), Config{Dir: dir})
	want := fmt.Sprintf("store: state directory %s is in use by another process, number %d", dir, os.Getpid())
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	reopen(t, s)
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"nothing": {},
		"members": {Dir: t.TempDir(), Members: []Member{{Name: "a"}, {Name: "b"}, {Name: "c"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(t.Context(), c); err == nil {
				t.Fatal("opened")
			}
		})
	}
}

// TestReady holds the start of a store, new and used, to a bound: the best of
// some, because others use the machine too.
func TestReady(t *testing.T) {
	best := func(dir func() string) (best time.Duration) {
		for range 6 {
			start := time.Now()
			s := open(t, dir())
			if took := time.Since(start); best == 0 || took < best {
				best = took
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return best
	}
	used := t.TempDir()
	s := open(t, used)
	for g := range uint64(20) {
		if err := s.Commit(t.Context(), g, record(g+1, "{}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for state, took := range map[string]time.Duration{"new": best(t.TempDir), "used": best(func() string { return used })} {
		t.Logf("%s: ready in %v", state, took)
		if took > 10*time.Second { // an election that nobody wins at once
			t.Errorf("%s: ready in %v", state, took)
		}
	}
}

// TestNothingLeft counts goroutines: Close ends what Open started.
func TestNothingLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	for range 3 {
		s, err := Open(t.Context(), Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

// TestBounded commits often and large, and looks at the disk.
func TestBounded(t *testing.T) {
	s := open(t, memoryDir(t))
	text := make([]byte, 512<<10)
	rand.Read(text)
	for g := range uint64(config.MaxCommits + 10) {
		if err := s.Commit(t.Context(), g, record(g+1, string(text))); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.server.Backend().Size(); n > 64<<20 {
		t.Errorf("the database has %d bytes after 55 MB of commits", n)
	}
	if n := count(t, s, "commit/piece/"); n != keepBytes>>19-1 { // each is a little larger
		t.Errorf("%d commits of 512 KB are kept, want %d", n, keepBytes>>19-1)
	}
	if n := count(t, s, "commit/head/"); n != config.MaxCommits {
		t.Errorf("%d commits are recorded, want %d", n, config.MaxCommits)
	}
	// The log of 55 MB is cut when the member starts anew, and by a timer.
	s = reopen(t, s)
	deadline := time.Now().Add(30 * time.Second)
	for total(t, s.dir) > 140<<20 {
		if time.Now().After(deadline) {
			t.Fatalf("the store has %d bytes after 55 MB of commits", total(t, s.dir))
		}
		runtime.Gosched()
	}
}

func TestCorruptRecord(t *testing.T) {
	good := record(1, strings.Repeat("configuration ", 100))
	set := "0000000000000001-00"
	header, pieces, err := encode(good, set, nil)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[i] ^= 1
		return b
	}
	cases := map[string]struct {
		change func(map[string][]byte)
		want   string
	}{
		"header":       {func(m map[string][]byte) { m["head"] = flip(header, 80) }, "the checksum of its header differs"},
		"no header":    {func(m map[string][]byte) { delete(m, "head") }, "it has a generation and no header"},
		"empty header": {func(m map[string][]byte) { m["head"] = nil }, "the checksum of its header differs"},
		"piece":        {func(m map[string][]byte) { m["piece/"+set+"/0000"] = flip(pieces[0], len(pieces[0])/2) }, "its "},
		"no piece":     {func(m map[string][]byte) { delete(m, "piece/"+set+"/0000") }, "piece 1 of 1 is missing"},
		"generation":   {func(m map[string][]byte) { m["generation"] = []byte("4") }, `its generation is 1 in the header and "4" beside it`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := map[string][]byte{"generation": []byte("1"), "head": header, "piece/" + set + "/0000": pieces[0]}
			if _, err := reassemble(m); err != nil {
				t.Fatal(err)
			}
			c.change(m)
			r, err := reassemble(m)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, %v; want %q", r, err, c.want)
			}
		})
	}
}

// TestCorruptRunning leaves the startup configuration readable.
func TestCorruptRunning(t *testing.T) {
	s := open(t, t.TempDir())
	one := record(1, "one")
	if err := errors.Join(s.Commit(t.Context(), 0, one), s.SaveStartup(t.Context(), &one)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Put(t.Context(), s.prefix+"running/head", "nonsense"); err != nil {
		t.Fatal(err)
	}
	r, u, err := s.Load(t.Context())
	var bad *CorruptError
	if r != nil || !same(u, &one) || !errors.As(err, &bad) {
		t.Fatalf("got %v, %v, %v", r, u, err)
	}
	if !strings.Contains(err.Error(), "running/head in "+s.dir) {
		t.Errorf("the error does not name the record: %v", err)
	}
}

// reassemble reads a record from the values below its name.
func reassemble(values map[string][]byte) (*config.Record, error) {
	h, err := header(values)
	if err != nil || h == nil {
		return nil, err
	}
	return assemble(*h, values)
}

func FuzzDecode(f *testing.F) {
	header, pieces, err := encode(record(1, "configuration"), "s", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header, pieces[0])
	f.Add([]byte(sum([]byte("{}"))+"\n{}"), []byte{})
	f.Fuzz(func(t *testing.T, header, piece []byte) {
		r, err := reassemble(map[string][]byte{"head": header, "piece/s/0000": piece})
		if err == nil && r != nil && len(r.Config) > maxConfig {
			t.Fatal("larger than allowed")
		}
	})
}

func total(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	for _, f := range files(t, dir) {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

// files returns the files below the directory of the embedded member.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(filepath.Join(dir, "etcd"), func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
