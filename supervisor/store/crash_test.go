package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/config"
)

// The test binary re-executes itself as a child that commits until it is
// killed, or that loads and says what it found.
func TestMain(m *testing.M) {
	dir := os.Getenv("TRUNKLINE_STORE_TEST_DIR")
	switch os.Getenv("TRUNKLINE_STORE_TEST") {
	case "commit":
		commitForever(dir)
	case "live":
		liveForever(dir)
	case "load":
		loadOnce(dir)
	default:
		os.Exit(m.Run())
	}
}

func quiet(dir string) Config {
	return Config{Dir: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
}

// text is the configuration of a generation: recognisable, of changing size,
// every sixteenth of several pieces.
func text(generation uint64) []byte {
	size := 200 + int(generation%7)*1000
	if generation%16 == 0 {
		size = 1<<20 + 1<<16
	}
	b := make([]byte, size)
	r := rand.New(rand.NewPCG(generation, 1))
	for i := 0; i+8 <= len(b); i += 8 {
		v := r.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return b
}

func commitForever(dir string) {
	ctx := context.Background()
	s, err := Open(ctx, quiet(dir))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	said, g := found(ctx, s)
	for fmt.Println(said); ; g++ {
		if err := s.Commit(ctx, g, config.Record{Generation: g + 1, Config: text(g + 1)}); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(g + 1)
	}
}

// found says what a store holds.
func found(ctx context.Context, s *Store) (string, uint64) {
	running, _, err := s.Load(ctx)
	switch {
	case err != nil:
		return fmt.Sprint("error ", err), 0
	case running == nil:
		return "nothing", 0
	case string(running.Config) != string(text(running.Generation)):
		return fmt.Sprint("wrong ", running.Generation), 0
	}
	return fmt.Sprint("generation ", running.Generation), running.Generation
}

func loadOnce(dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := Open(ctx, quiet(dir))
	if err == nil {
		said, _ := found(ctx, s)
		fmt.Println(said)
	}
	if err != nil {
		fmt.Println("error", err)
	}
	os.Exit(0)
}

func child(t *testing.T, mode, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "TRUNKLINE_STORE_TEST="+mode, "TRUNKLINE_STORE_TEST_DIR="+dir)
	cmd.Stderr = t.Output()
	return cmd
}

// commitAndKill runs a committing child and kills it after about the given time
// from its first answer. It returns what the child found, and the last generation
// it was answered.
func commitAndKill(t *testing.T, dir string, after time.Duration) (found string, last uint64) {
	t.Helper()
	for i, line := range runAndKill(t, child(t, "commit", dir), after) {
		if i == 0 {
			found = line
			continue
		}
		g, err := strconv.ParseUint(line, 10, 64)
		if err != nil {
			t.Errorf("child: %s", line)
			break
		}
		last = g
	}
	if last == 0 {
		t.Fatal("the child committed nothing")
	}
	return found, last
}

// runAndKill runs a child, kills it after about the given time from its second
// line, and returns its lines.
func runAndKill(t *testing.T, cmd *exec.Cmd, after time.Duration) (all []string) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if all = append(all, lines.Text()); len(all) == 2 {
			timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
			defer timer.Stop()
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	return all
}

func load(t *testing.T, dir string) string {
	t.Helper()
	cmd := child(t, "load", dir)
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("loading ended with %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestKill kills a committing process at random moments. What it was answered
// is there, or the one commit more that was not answered any more. A few stores
// are killed several times each: one alone would spend the time on reading its
// ever longer log.
func TestKill(t *testing.T) {
	stores := 5
	if testing.Short() {
		stores = 1
	}
	for range stores {
		dir := filepath.Join(memoryDir(t), "store")
		var last uint64
		judge := func(got string) {
			t.Helper()
			if last == 0 && got == "nothing" {
				return
			}
			if got != fmt.Sprint("generation ", last) && got != fmt.Sprint("generation ", last+1) {
				t.Fatalf("answered %d, found %q", last, got)
			}
		}
		for range 4 {
			got, now := commitAndKill(t, dir, time.Duration(rand.IntN(120))*time.Millisecond)
			judge(got)
			last = now
		}
		judge(load(t, dir))
		t.Logf("%d commits", last)
	}
}

// TestKillAtStart kills a process while it starts for the first time.
func TestKillAtStart(t *testing.T) {
	for i := range 10 {
		dir := filepath.Join(memoryDir(t), "store")
		cmd := child(t, "load", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(15+8*i)*time.Millisecond, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		if got := load(t, dir); got != "nothing" {
			t.Errorf("killed after %d ms: %s", 15+8*i, got)
		}
	}
}

// damage changes one file of a copy of a store.
type damage struct {
	name string
	do   func(path string, size int64, r *rand.Rand) error
}

var damages = []damage{
	{"cut", func(p string, n int64, r *rand.Rand) error { return os.Truncate(p, r.Int64N(n)) }},
	{"empty", func(p string, _ int64, _ *rand.Rand) error { return os.Truncate(p, 0) }},
	{"remove", func(p string, _ int64, _ *rand.Rand) error { return os.Remove(p) }},
	{"noise", func(p string, n int64, r *rand.Rand) error {
		return overwrite(p, r.Int64N(max(1, n-512)), 512, r)
	}},
	{"noise at the start", func(p string, n int64, r *rand.Rand) error { return overwrite(p, 0, 4096, r) }},
}

func overwrite(path string, at int64, n int, r *rand.Rand) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	_, err = f.WriteAt(b, at)
	return err
}

// TestDamage damages each file of a store that was killed. The answer is an
// error that names the place, or a configuration that was committed; never
// another one, never an empty one, never the end of the process by a panic.
// A store that is not opened is left as it is.
func TestDamage(t *testing.T) {
	origin := filepath.Join(memoryDir(t), "store")
	_, last := commitAndKill(t, origin, 300*time.Millisecond)
	if got := load(t, origin); !strings.HasPrefix(got, "generation ") {
		t.Fatal(got)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range files(t, origin) {
		rel, err := filepath.Rel(origin, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range damages {
			t.Run(filepath.Base(rel)+" "+d.name, func(t *testing.T) {
				dir := filepath.Join(memoryDir(t), "store")
				if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, rel)
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := d.do(path, max(1, info.Size()), r); err != nil {
					t.Fatal(err)
				}
				got := load(t, dir)
				t.Log(got)
				if g, ok := strings.CutPrefix(got, "generation "); ok {
					if n, err := strconv.ParseUint(g, 10, 64); err != nil || n > last+1 {
						t.Errorf("found generation %s of %d", g, last)
					}
					return
				}
				if !strings.HasPrefix(got, "error store: ") || !strings.Contains(got, dir) {
					t.Errorf("unclear answer: %q", got)
				}
				if again := load(t, dir); again != got {
					t.Errorf("the second answer is another: %q", again)
				}
			})
		}
	}
}

// TestKilledWhileAllocating has a log as a start leaves it that is killed after
// it has cut off what is behind the last record: it ends with that record, and
// nothing is lost. One byte less, and something is.
func TestKilledWhileAllocating(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(20) {
		if err := s.Commit(t.Context(), n, config.Record{Generation: n + 1, Config: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "etcd", "member", "wal", "*.wal"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs %v, %v", logs, err)
	}
	end, err := lastRecord(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(logs[0], end); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatalf("a log that ends with its last record: %v", err)
	}
	if r, _, err := s.Load(t.Context()); err != nil || r == nil || r.Generation != 20 {
		t.Errorf("loaded %+v, %v", r, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if end, err = lastRecord(logs[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(logs[0], end-1); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if s, err := Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}); !errors.As(err, &corrupt) {
		t.Errorf("a log without its end: %v", err)
		if err == nil {
			_ = s.Close()
		}
	}
}
