package uring_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/uring"
)

func open(t testing.TB, entries int) *uring.Ring {
	t.Helper()
	r, err := uring.New(entries)
	if err != nil {
		if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
			t.Skipf("needs io_uring: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// pipe returns the ends of a pipe whose descriptors block: waiting must be kept
// off by the ring.
func pipe(t testing.TB) (in, out int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(p[0]), unix.Close(p[1]) })
	return p[0], p[1]
}

func TestSizes(t *testing.T) {
	open(t, 1)
	for _, n := range []int{-1, 0, 3, 65, uring.MaxEntries * 2} {
		if r, err := uring.New(n); err == nil {
			t.Errorf("New(%d) succeeded", n)
			_ = r.Close()
		}
	}
}

// Batches of every size pass in order, many times round the ring; a read that
// would wait does not.
func TestOrder(t *testing.T) {
	const entries = 8
	r := open(t, entries)
	if r.Len() != entries {
		t.Fatalf("Len = %d", r.Len())
	}
	in, out := pipe(t)
	if err := r.Probe(in); err != nil {
		t.Skipf("needs pipes that can be read without waiting: %v", err)
	}
	sent, got := make([]byte, 3*entries), make([]byte, 3*entries)
	for round := range 200 {
		n := round%entries + 1
		for i := range n {
			for j := range 3 {
				sent[3*i+j] = byte(round + 3*i + j)
			}
			if i%2 == 0 {
				r.Write(out, &sent[3*i], 3)
				continue
			}
			v := &[2]unix.Iovec{{Base: &sent[3*i], Len: 1}, {Base: &sent[3*i+1], Len: 2}}
			r.Writev(out, &v[0], 2)
		}
		expect(t, r, n, 3, n)
		clear(got)
		for i := range entries {
			r.Read(in, &got[3*i], 3)
		}
		expect(t, r, n, 3, entries)
		if !bytes.Equal(got[:3*n], sent[:3*n]) {
			t.Fatalf("round %d: %v, want %v", round, got[:3*n], sent[:3*n])
		}
	}
	if res, err := r.Do(); err != nil || len(res) != 0 {
		t.Errorf("an empty batch: %v %v", res, err)
	}
}

// expect carries out a batch of total operations, of which good have the result
// want, in front, and the others would have waited.
func expect(t *testing.T, r *uring.Ring, good, want, total int) {
	t.Helper()
	began := time.Now()
	res, err := r.Do()
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("the batch took %v", d)
	}
	if len(res) != total {
		t.Fatalf("%d results, want %d", len(res), total)
	}
	for i, v := range res {
		w := int32(want)
		if i >= good {
			w = -int32(unix.EAGAIN)
		}
		if v != w {
			t.Fatalf("result %d is %d, want %d (%v)", i, v, w, res)
		}
	}
}

func TestErrors(t *testing.T) {
	r := open(t, 4)
	in, out := pipe(t)
	b := make([]byte, 8)
	r.Write(in, &b[0], 1) // not open for writing
	r.Read(-1, &b[0], 1)
	r.Write(out, &b[0], 8)
	r.Read(in, &b[0], 8)
	res, err := r.Do()
	want := []int32{-int32(unix.EBADF), -int32(unix.EBADF), 8, 8}
	if err != nil || fmt.Sprint(res) != fmt.Sprint(want) {
		t.Errorf("%v %v, want %v", res, err, want)
	}
	if err := r.Probe(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("probe of no file: %v", err)
	}
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := r.Probe(int(dir.Fd())); err == nil {
		t.Error("a directory can be read without waiting")
	}
	defer func() {
		if recover() == nil {
			t.Error("a fifth operation was taken")
		}
	}()
	r.Write(out, &b[0], 1)
	r.Reset()
	r.Read(in, &b[0], 1)
	if res, err := r.Do(); err != nil || len(res) != 1 || res[0] != -int32(unix.EAGAIN) {
		t.Errorf("after Reset: %v %v", res, err)
	}
	for range 5 {
		r.Read(in, &b[0], 1)
	}
}

// A ring is used by whatever thread has it.
func TestThreads(t *testing.T) {
	r := open(t, 2)
	in, out := pipe(t)
	b := make([]byte, 2)
	for i := range 20 {
		done := make(chan error)
		go func() {
			r.Write(out, &b[0], 1)
			r.Read(in, &b[1], 1)
			res, err := r.Do()
			if err == nil && (res[0] != 1 || res[1] != 1) {
				err = fmt.Errorf("results %v", res)
			}
			done <- err
		}()
		if err := <-done; err != nil {
			t.Fatalf("thread %d: %v", i, err)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	r := open(t, 4)
	in, out := pipe(t)
	b := make([]byte, 2)
	if n := testing.AllocsPerRun(100, func() {
		r.Write(out, &b[0], 1)
		r.Read(in, &b[1], 1)
		if _, err := r.Do(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations in a batch", n)
	}
}

func TestNoLeak(t *testing.T) {
	open(t, 1)
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := count()
	for range 50 {
		r, err := uring.New(64)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if now := count(); now > before+2 {
		t.Errorf("%d descriptors, %d before", now, before)
	}
}
