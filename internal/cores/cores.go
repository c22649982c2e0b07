// Package cores keeps processor cores for the workers of a line card: the
// threads that spin get one each, everything else stays off them.
//
// Go takes the number of threads that run at once (GOMAXPROCS) from the
// affinity at the start, and a goroutine locked to its thread waits for one of
// them like any other. So the number is set explicitly, and the affinity of
// the other threads is narrowed while the process runs.
package cores

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Max bounds core numbers: what a CPUSet holds.
const Max = 1024

// MaxList bounds the cores of a list, as many as a card has workers.
const MaxList = 64

// ErrList is the error of Parse.
var ErrList = fmt.Errorf("want core numbers and ranges below %d, like 1,4-7, at most %d of them", Max, MaxList)

// Parse reads a list of cores, "1,4-7". The order is kept and no core may be
// named twice. The empty list is an error.
func Parse(s string) ([]int, error) {
	var list []int
	for part := range strings.SplitSeq(s, ",") {
		from, to, ranged := strings.Cut(part, "-")
		lo, err := number(from)
		hi := lo
		if err == nil && ranged {
			hi, err = number(to)
		}
		if err != nil || hi < lo {
			return nil, ErrList
		}
		for c := lo; c <= hi; c++ {
			if len(list) == MaxList || slices.Contains(list, c) {
				return nil, ErrList
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// number reads one core number: digits only.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n >= Max {
		return 0, ErrList
	}
	return int(n), nil
}

// Format is the inverse of Parse, with runs of rising numbers as ranges.
func Format(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		text := strconv.Itoa(list[i])
		if j > i {
			text += "-" + strconv.Itoa(list[j])
		}
		parts = append(parts, text)
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// Allowed returns the cores that the calling thread may run on.
func Allowed() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("read affinity: %w", err)
	}
	var list []int
	for c := range Max {
		if set.IsSet(c) {
			list = append(list, c)
		}
	}
	return list, nil
}

// Default is the number of workers of a host with n cores when nobody says it:
// one of eight cores, at least one and at most eight. On a small host that is
// one, so that workers never keep each other from running.
func Default(n int) int { return min(max(n/8, 1), 8) }

// Isolate keeps the process off the cores of its workers: the threads there
// are, and with them those to come, may run on the other cores only, and Go may
// run as many threads as there are workers and other cores, and two. It returns
// the other cores. Where the workers have all cores nothing can be kept off
// them, and the list is that of all cores. A worker pins itself.
func Isolate(workers []int) (others []int, err error) {
	all, err := Allowed()
	if err != nil {
		return nil, fmt.Errorf("isolate cores %s: %w", Format(workers), err)
	}
	for _, w := range workers {
		if !slices.Contains(all, w) {
			return all, fmt.Errorf("isolate cores %s: core %d is not among %s, which this process may use", Format(workers), w, Format(all))
		}
	}
	others = slices.DeleteFunc(slices.Clone(all), func(c int) bool { return slices.Contains(workers, c) })
	if len(others) == 0 {
		others = all
	}
	runtime.GOMAXPROCS(len(workers) + len(others) + 2)
	if len(others) == len(all) {
		return others, nil
	}
	var set unix.CPUSet
	for _, c := range others {
		set.Set(c)
	}
	if err := restrict(&set); err != nil {
		return others, fmt.Errorf("isolate cores %s: %w", Format(workers), err)
	}
	return others, nil
}

// restrict sets the affinity of every thread of the process. Threads inherit it
// from the thread that makes them; passes are repeated until one finds no new
// thread, so that none made meanwhile is missed.
func restrict(set *unix.CPUSet) error {
	done := map[int]bool{}
	for range 16 {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		fresh := false
		for _, t := range tasks {
			id, err := strconv.Atoi(t.Name())
			if err != nil || done[id] {
				continue
			}
			fresh, done[id] = true, true
			if err := unix.SchedSetaffinity(id, set); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("set affinity of thread %d: %w", id, err)
			}
		}
		if !fresh {
			return nil
		}
	}
	return nil
}
