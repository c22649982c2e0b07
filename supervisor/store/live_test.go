package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/config/history"
)

// A store's life is a fixed sequence of steps over commits, confirmed commits
// and checkpoints. What it holds after so many steps is a function of their
// number, so a child that was killed tells by what it holds where it was.
const lifeSteps = 8

// life is what the store holds.
type life struct {
	generation  uint64
	trial       uint64   // generation of the commit on trial, 0 for none
	checkpoints []string // name and generation
}

// after returns what a store holds after n steps.
func after(n int) (l life) {
	for i := range n {
		switch i % lifeSteps {
		case 0, 5:
			l.generation++
			l.trial = l.generation
		case 1:
			l.trial = 0
		case 2, 3:
			l.checkpoints = append(l.checkpoints, fmt.Sprintf("c%d/%d", i, l.generation))
		case 4:
			l.checkpoints = append(l.checkpoints[2:len(l.checkpoints):len(l.checkpoints)], fmt.Sprintf("c%d/%d", i, l.generation))
		case 6:
			l.generation++
			l.trial = 0
		case 7:
			l.checkpoints = nil
		}
	}
	return l
}

func (l life) String() string {
	return fmt.Sprintf("generation %d, trial %d, checkpoints %v", l.generation, l.trial, l.checkpoints)
}

// step takes step i on a store that has taken those before.
func step(ctx context.Context, s *Store, i int) error {
	l := after(i)
	next := config.Record{Generation: l.generation + 1, Config: text(l.generation + 1)}
	checkpoint := history.Named{Name: fmt.Sprint("c", i), Record: config.Record{Generation: l.generation, Config: text(l.generation)}}
	switch i % lifeSteps {
	case 0, 5:
		next.Trial = &config.TrialRecord{
			Trial:  config.Trial{ID: fmt.Sprint(next.Generation), Generation: next.Generation, Deadline: time.Now().Add(time.Minute)},
			Config: text(l.generation),
		}
		return s.Commit(ctx, l.generation, next)
	case 1:
		return s.SaveTrial(ctx, nil)
	case 2, 3:
		return s.Save(ctx, checkpoint)
	case 4:
		var instead []string
		for _, c := range l.checkpoints[:2] {
			name, _, _ := strings.Cut(c, "/")
			instead = append(instead, name)
		}
		return s.Save(ctx, checkpoint, instead...)
	case 6:
		next.EndTrial = true
		return s.Commit(ctx, l.generation, next)
	}
	var all []string
	for _, c := range l.checkpoints {
		name, _, _ := strings.Cut(c, "/")
		all = append(all, name)
	}
	return s.Delete(ctx, all...)
}

// holds reads everything and checks it.
func holds(ctx context.Context, s *Store) (l life, err error) {
	running, _, err := s.Load(ctx)
	if err != nil {
		return l, err
	}
	if running != nil {
		l.generation = running.Generation
		if string(running.Config) != string(text(l.generation)) {
			return l, errors.New("the running configuration is another")
		}
	}
	t, err := s.LoadTrial(ctx)
	if err != nil {
		return l, err
	}
	if t != nil {
		l.trial = t.Generation
		if t.ID != fmt.Sprint(t.Generation) || t.Generation != l.generation || string(t.Config) != string(text(t.Generation-1)) {
			return l, fmt.Errorf("on trial is %+v", t.Trial)
		}
	}
	checkpoints, err := s.List(ctx, history.KindCheckpoint)
	if err != nil {
		return l, err
	}
	for _, c := range checkpoints {
		r, err := s.Read(ctx, history.KindCheckpoint, c.Name)
		if err != nil {
			return l, err
		}
		if r == nil || string(r.Config) != string(text(c.Generation)) {
			return l, fmt.Errorf("checkpoint %s is another", c.Name)
		}
		l.checkpoints = append(l.checkpoints, fmt.Sprintf("%s/%d", c.Name, c.Generation))
	}
	commits, err := s.List(ctx, history.KindCommit)
	if err != nil {
		return l, err
	}
	if want := min(l.generation, config.MaxCommits); uint64(len(commits)) != want {
		return l, fmt.Errorf("%d commits are recorded, want %d", len(commits), want)
	}
	kept := 0
	for i, c := range commits {
		if g := l.generation - uint64(len(commits)-1-i); c.Generation != g {
			return l, fmt.Errorf("commit %d is recorded where %d was", c.Generation, g)
		}
		r, err := s.Read(ctx, history.KindCommit, c.Name)
		if err != nil {
			return l, err
		}
		switch {
		case r != nil && string(r.Config) != string(text(c.Generation)):
			return l, fmt.Errorf("commit %d is another", c.Generation)
		case r != nil:
			kept++
		case kept > 0:
			return l, fmt.Errorf("commit %d is not kept, an older one is", c.Generation)
		}
	}
	return l, nil
}

// liveForever says what the store holds and how many steps it has taken, of the
// given number or one more, and goes on from there until it is killed.
func liveForever(dir string) {
	ctx := context.Background()
	from, err := strconv.Atoi(os.Getenv("TRUNKLINE_STORE_TEST_FROM"))
	var s *Store
	if err == nil {
		s, err = Open(ctx, quiet(dir))
	}
	var l life
	if err == nil {
		l, err = holds(ctx, s)
	}
	if err == nil {
		switch l.String() {
		case after(from).String():
		case after(from + 1).String():
			from++
		default:
			err = fmt.Errorf("after %d answered steps the store holds %v; want %v or %v", from, l, after(from), after(from+1))
		}
	}
	if err == nil {
		fmt.Println(from)
	}
	for i := from; err == nil; i++ {
		if err = step(ctx, s, i); err == nil {
			fmt.Println(i + 1)
		}
	}
	fmt.Println("error", err)
	os.Exit(1)
}

// TestLife takes the steps in one process, through several turns of the bounds.
func TestLife(t *testing.T) {
	s := open(t, memoryDir(t))
	for i := range 40 * lifeSteps {
		if err := step(t.Context(), s, i); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if i%80 != 79 {
			continue
		}
		if got, err := holds(t.Context(), s); err != nil || got.String() != after(i+1).String() {
			t.Fatalf("after step %d: %v, %v; want %v", i, got, err, after(i+1))
		}
	}
	if n := count(t, s, "checkpoint/"); n != 0 {
		t.Errorf("%d keys of checkpoints are left", n)
	}
}

// TestKillLife kills a process between and within its steps: every answered step
// has happened, one more may have, and none by half.
func TestKillLife(t *testing.T) {
	rounds := 10 // each but the first looks at what the one before left
	if testing.Short() {
		rounds = 2
	}
	dir := filepath.Join(memoryDir(t), "store")
	n := 0
	for range rounds {
		cmd := child(t, "live", dir)
		cmd.Env = append(cmd.Env, fmt.Sprint("TRUNKLINE_STORE_TEST_FROM=", n))
		lines := runAndKill(t, cmd, time.Duration(rand.IntN(60))*time.Millisecond)
		if len(lines) == 0 {
			t.Fatal("the child said nothing")
		}
		last := lines[len(lines)-1]
		var err error
		if n, err = strconv.Atoi(last); err != nil {
			t.Fatal(last)
		}
	}
	t.Logf("%d steps", n)
}

// TestEraseReload: checkpoints survive a reload, not the one after an erasure
// (cli.md §7.3); commits are recorded beyond both, and their numbers never used
// again.
func TestEraseReload(t *testing.T) {
	ctx := t.Context()
	s := open(t, t.TempDir())
	one := record(1, "one")
	save := func(name string) error { return s.Save(ctx, history.Named{Name: name, Record: one}) }
	names := func() (out []string) {
		all, err := s.List(ctx, history.KindCheckpoint)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			out = append(out, c.Name)
		}
		return out
	}
	err := errors.Join(s.Commit(ctx, 0, one), s.SaveStartup(ctx, &one), save("a/ b"), s.Commit(ctx, 1, record(2, "two")), s.DropRunning(ctx))
	if err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	if got := names(); len(got) != 1 || got[0] != "a/ b" {
		t.Errorf("checkpoints after a reload: %q", got)
	}
	if last, err := s.LastGeneration(ctx); err != nil || last != 2 {
		t.Errorf("last generation %d, %v", last, err)
	}
	// Erased and saved again is not erased.
	if err := errors.Join(s.SaveStartup(ctx, nil), s.SaveStartup(ctx, &one), s.DropRunning(ctx)); err != nil {
		t.Fatal(err)
	}
	if got := names(); len(got) != 1 {
		t.Errorf("checkpoints after an erasure and a save: %q", got)
	}
	if err := errors.Join(s.SaveStartup(ctx, nil), s.DropRunning(ctx)); err != nil {
		t.Fatal(err)
	}
	if got := names(); len(got) != 0 {
		t.Errorf("checkpoints after an erasure and a reload: %q", got)
	}
	if err := errors.Join(save("new"), s.DropRunning(ctx)); err != nil {
		t.Fatal(err)
	}
	if got := names(); len(got) != 1 {
		t.Errorf("the erasure went on: %q", got)
	}
	if r, err := s.Read(ctx, history.KindCommit, "2"); err != nil || r == nil || string(r.Config) != "two" {
		t.Errorf("commit 2: %v, %v", r, err)
	}
}

// TestOlderVersion: a store whose running configuration has its pieces beside it
// is read, and its next commit goes on from there.
func TestOlderVersion(t *testing.T) {
	ctx := t.Context()
	s := open(t, t.TempDir())
	one := record(7, "one")
	header, pieces, err := encode(one, "set", nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, v := range map[string]string{"generation": "7", "head": string(header), "piece/set/0000": string(pieces[0])} {
		if _, err := s.client.Put(ctx, s.prefix+"running/"+key, v); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, s, &one, nil)
	two := record(8, "two")
	if err := s.Commit(ctx, 7, two); err != nil {
		t.Fatal(err)
	}
	expect(t, reopen(t, s), &two, nil)
}
