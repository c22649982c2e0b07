package system

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"trunkline/feature"
)

// hz is the unit of processor time in the proc file system, per second
// (proc(5)).
const hz = 100

// interval is the time between two samples.
type interval struct {
	ticks      float64 // of all processors together
	seconds    float64
	interrupts float64 // their share, in percent
}

// interval is the time since the sample before; without one, since the machine
// started.
func (s *Sampler) interval(before []ticks) interval {
	if len(s.last) < 2 { // all processors, and each
		return interval{}
	}
	var was ticks
	if len(before) == len(s.last) {
		was = before[0]
	}
	now := s.last[0]
	t := interval{ticks: float64(now.total() - min(was.total(), now.total()))}
	t.seconds = t.ticks / hz / float64(len(s.last)-1)
	if t.ticks > 0 {
		t.interrupts = 100 * float64(now.interrupts-min(was.interrupts, now.interrupts)) / t.ticks
	}
	return t
}

// decay brings shares up to date with one of the interval.
func (t interval) decay(was feature.Shares, share float64) feature.Shares {
	towards := func(was, over float64) float64 { return share + (was-share)*math.Exp(-t.seconds/over) }
	return feature.Shares{FiveSeconds: share, Minute: towards(was.Minute, 60), FiveMinutes: towards(was.FiveMinutes, 300)}
}

// process is what is remembered of a process until the next sample.
type process struct {
	started uint64 // tells it from an earlier one of the same PID
	ticks   uint64
	shares  feature.Shares
}

// processes reads the process table. What ends meanwhile is left out.
func (s *Sampler) processes(t interval) []feature.Process {
	dir, err := os.Open(s.root)
	if err != nil {
		return nil
	}
	defer dir.Close() //nolint:errcheck // opened for reading
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	pids = pids[:min(len(pids), feature.MaxProcesses)]
	all := make([]feature.Process, 0, len(pids))
	now := make(map[int]process, len(pids))
	for _, pid := range pids {
		at := filepath.Join(s.root, strconv.Itoa(pid))
		text, err := os.ReadFile(filepath.Join(at, "stat"))
		if err != nil {
			continue
		}
		p, known, err := parseProcess(text)
		if err != nil || p.PID != pid {
			continue
		}
		if text, err = os.ReadFile(filepath.Join(at, "schedstat")); err == nil {
			p.Invoked, p.Slice = parseSchedule(text)
		}
		was, ok := s.was[pid]
		if !ok || was.started != known.started {
			was = process{}
		}
		share := 0.0
		if t.ticks > 0 {
			share = min(100, 100*float64(known.ticks-min(was.ticks, known.ticks))/t.ticks)
		}
		known.shares = t.decay(was.shares, share)
		p.Share = known.shares
		now[pid] = known
		all = append(all, p)
	}
	s.was = now
	return all
}

var errProcess = errors.New("not the state of a process")

// parseProcess reads /proc/PID/stat (proc_pid_stat(5)): "2876 (vsmd) S 1 …". The
// name may hold anything, so it ends at the last bracket.
func parseProcess(b []byte) (p feature.Process, known process, err error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return p, known, errProcess
	}
	if p.PID, err = strconv.Atoi(string(bytes.TrimSpace(b[:open]))); err != nil {
		return p, known, fmt.Errorf("%w: %w", errProcess, err)
	}
	p.Name = printable(b[open+1 : end])
	f := bytes.Fields(b[end+1:])
	const first = 3 // the number of the field after the name
	if len(f) < 29-first+1 || len(f[0]) != 1 {
		return p, known, errProcess
	}
	p.State = f[0][0]
	n := map[int]uint64{}
	for _, field := range []int{14, 15, 22, 23, 24, 25, 28, 29} {
		if n[field], err = strconv.ParseUint(string(f[field-first]), 10, 64); err != nil {
			return p, known, fmt.Errorf("%w: %w", errProcess, err)
		}
	}
	tty, err := strconv.Atoi(string(f[7-first]))
	if err != nil {
		return p, known, fmt.Errorf("%w: %w", errProcess, err)
	}
	p.TTY = tty != 0
	known.ticks, known.started = n[14]+n[15], n[22]
	p.Runtime = time.Duration(min(known.ticks, math.MaxInt64/uint64(time.Second))) * (time.Second / hz)
	p.Virtual, p.Resident, p.Limit = n[23], n[24]*uint64(os.Getpagesize()), n[25]
	p.StackBase, p.StackPointer = n[28], n[29]
	return p, known, nil
}

// parseSchedule reads /proc/PID/schedstat: nanoseconds on a processor,
// nanoseconds of waiting, and how often it was given one.
func parseSchedule(b []byte) (invoked uint64, slice time.Duration) {
	f := bytes.Fields(b)
	if len(f) != 3 {
		return 0, 0
	}
	ran, err1 := strconv.ParseUint(string(f[0]), 10, 63)
	invoked, err2 := strconv.ParseUint(string(f[2]), 10, 64)
	if err1 != nil || err2 != nil || invoked == 0 {
		return 0, 0
	}
	return invoked, time.Duration(ran / invoked)
}

// printable is a name of one word of printable characters, as tables need it.
func printable(b []byte) string {
	out := bytes.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, b)
	if len(out) == 0 {
		return "-"
	}
	return string(out[:min(len(out), 32)])
}
