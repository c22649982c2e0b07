package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"trunkline/linecard/api"
)

func TestProgramFile(t *testing.T) {
	for _, tc := range []struct {
		name   string
		harm   func(data []byte) []byte
		faults int
		want   uint64
	}{
		{"intact", func(d []byte) []byte { return d }, 0, 2},
		{"empty", func([]byte) []byte { return nil }, 1, 1},
		{"truncated", func(d []byte) []byte { return d[:len(d)-1] }, 1, 1},
		{"one bit", func(d []byte) []byte { d[len(d)-2] ^= 1; return d }, 1, 1},
		{"other file", func([]byte) []byte { return []byte("#!/bin/sh\n") }, 1, 1},
		{"missing", nil, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := store{t.TempDir()}
			for g := uint64(1); g <= 2; g++ {
				if err := s.saveProgram(program(g, 1, "x")); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(s.dir, programFile)
			fi, err := os.Stat(path)
			if err != nil || fi.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", fi.Mode(), err)
			}
			if tc.harm == nil {
				err = errors.Join(os.Remove(path), os.Remove(filepath.Join(s.dir, oldProgram)))
			} else {
				var data []byte
				if data, err = os.ReadFile(path); err == nil {
					err = os.WriteFile(path, tc.harm(data), 0o600)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			p, faults := s.program()
			if p.GetGeneration() != tc.want || len(faults) != tc.faults {
				t.Errorf("program %v, faults %v; want generation %d, %d faults", p, faults, tc.want, tc.faults)
			}
			// The next program does not push out the good one for a damaged one.
			if tc.faults > 0 {
				if err := s.saveProgram(program(3, 1, "x")); err != nil {
					t.Fatal(err)
				}
				old := &api.Program{}
				if err := s.read(oldProgram, old); err != nil || old.GetGeneration() != 1 {
					t.Errorf("old program %v, %v", old, err)
				}
			}
		})
	}
}

func TestLongFileIsRefused(t *testing.T) {
	s := store{t.TempDir()}
	if err := os.Truncate(filepath.Join(s.dir, programFile), maxFile+1); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(s.dir, programFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(maxFile+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	p, faults := s.program()
	if p != nil || len(faults) != 1 {
		t.Errorf("program %v, faults %v", p, faults)
	}
}

func FuzzProgramFile(f *testing.F) {
	data, err := seal(program(1, 2, "3"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &api.Program{}
		if unseal(data, p) != nil {
			return
		}
		again, err := seal(p)
		if err != nil {
			t.Fatal(err)
		}
		q := &api.Program{}
		if err := unseal(again, q); err != nil || !proto.Equal(p, q) {
			t.Errorf("%v became %v, %v", p, q, err)
		}
	})
}

func FuzzIdentityFile(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		id, err := parseIdentity(data)
		if err == nil && (id.key == nil || id.enrolled() && id.chassis == "") {
			t.Errorf("half an identity: %+v", id)
		}
	})
}

func TestEntries(t *testing.T) {
	entry := func(key, value string) *api.Entry {
		return &api.Entry{Table: "mac", Key: []byte(key), Value: []byte(value)}
	}
	dir := t.TempDir()
	a, c := newAgent(t, dir)
	l := newLink(a)
	for i, tc := range []struct {
		message *api.Entries
		ok      bool
		want    map[string]string
		last    uint64
	}{
		{&api.Entries{Sequence: 7, Snapshot: true, Entries: []*api.Entry{entry("a", "1"), entry("b", "2")}}, true, map[string]string{"a": "1", "b": "2"}, 7},
		{&api.Entries{Sequence: 8, Entries: []*api.Entry{entry("a", "3"), {Table: "mac", Key: []byte("b"), Deleted: true}}}, true, map[string]string{"a": "3"}, 8},
		{&api.Entries{Sequence: 10, Entries: []*api.Entry{entry("c", "4")}}, false, map[string]string{"a": "3"}, 0},
		{&api.Entries{Sequence: 11, Snapshot: true, Entries: []*api.Entry{entry("d", "5")}}, true, map[string]string{"d": "5"}, 11},
	} {
		err := l.message(t.Context(), &api.ToCard{M: &api.ToCard_Entries{Entries: tc.message}})
		if (err == nil) != tc.ok {
			t.Errorf("message %d: %v", i, err)
		}
		check := func(a *Agent, when string) {
			t.Helper()
			got := map[string]string{}
			for _, e := range a.entries.snapshot().GetEntries() {
				got[string(e.GetKey())] = string(e.GetValue())
			}
			if fmt.Sprint(got) != fmt.Sprint(tc.want) || a.entries.last() != tc.last {
				t.Errorf("message %d %s: entries %v at %d, want %v at %d", i, when, got, a.entries.last(), tc.want, tc.last)
			}
		}
		check(a, "")
		if err := a.saveEntries(); err != nil {
			t.Fatal(err)
		}
		if tc.ok {
			again, _ := newAgent(t, dir)
			check(again, "after a restart")
		}
	}
	if len(c.entries) != 3 {
		t.Errorf("the card got %d messages", len(c.entries))
	}
	again, other := newAgent(t, dir)
	again.restore()
	if len(other.entries) != 1 || !other.entries[0].GetSnapshot() {
		t.Errorf("after a restart the card got %v", other.entries)
	}
	huge := &api.Entries{Snapshot: true, Entries: []*api.Entry{{Table: "t", Value: make([]byte, maxEntryBytes+1)}}}
	if err := a.entries.merge(huge); err == nil || a.entries.last() != 0 {
		t.Errorf("too many entries: %v", err)
	}
}

func TestHostUUID(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	none := filepath.Join(dir, "none")
	dmi := file("dmi", "7F0F7C0E-3B7A-4A55-9D55-2D6F0C1B9A10\n")
	zero := file("zero", "00000000-0000-0000-0000-000000000000\n")
	ones := file("ones", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n")
	machine := file("machine", "b08dfa6083e7567a1921a715000001fb\n")
	derived, err := hostUUID("", dir, none, machine)
	if err != nil || !api.ValidUUID(derived) {
		t.Fatalf("of machine id: %q, %v", derived, err)
	}
	for _, tc := range []struct{ name, given, dmi, machine, want string }{
		{"given", "55B1C3D0-7a4e-4a0f-9a67-1c0de51f7e21", dmi, machine, "55b1c3d0-7a4e-4a0f-9a67-1c0de51f7e21"},
		{"firmware", "", dmi, machine, "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10"},
		{"firmware says nothing", "", zero, machine, derived},
		{"placeholder", "", ones, machine, derived},
		{"machine id", "", none, machine, derived},
	} {
		if got, err := hostUUID(tc.given, dir, tc.dmi, tc.machine); err != nil || got != tc.want {
			t.Errorf("%s: %q, %v; want %q", tc.name, got, err, tc.want)
		}
	}
	first, err := hostUUID("", dir, none, none)
	if err != nil || !api.ValidUUID(first) {
		t.Fatalf("random: %q, %v", first, err)
	}
	if again, err := hostUUID("", dir, none, none); err != nil || again != first {
		t.Errorf("random one is not kept: %q, %v; was %q", again, err, first)
	}
	if _, err := hostUUID("x", dir, dmi, machine); err == nil {
		t.Error("took a given UUID that is none")
	}
}
