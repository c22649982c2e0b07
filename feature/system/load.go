package system

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"trunkline/feature"
)

// Sampler measures the load of the machine. Shares of processor time are those
// between two calls of Sample, the first time since the machine started. It is
// for one goroutine.
type Sampler struct {
	root string // "/proc"
	last []ticks
	busy feature.Shares
	was  map[int]process // by PID
}

// NewSampler returns a Sampler that reads the proc file system at root, "" for
// /proc.
func NewSampler(root string) *Sampler {
	if root == "" {
		root = "/proc"
	}
	return &Sampler{root: root}
}

// ticks is processor time by use; interrupts are part of kernel.
type ticks struct{ user, kernel, idle, interrupts uint64 }

func (t ticks) total() uint64 { return t.user + t.kernel + t.idle }

// Sample measures.
func (s *Sampler) Sample() (feature.Resources, error) {
	var r feature.Resources
	before := s.last
	for name, parse := range map[string]func([]byte, *feature.Resources) error{
		"loadavg": parseLoad, "meminfo": parseMemory, "stat": s.parseStat,
	} {
		b, err := os.ReadFile(filepath.Join(s.root, name))
		if err != nil {
			return r, fmt.Errorf("read the load of the system: %w", err)
		}
		if err := parse(b, &r); err != nil {
			return r, fmt.Errorf("parse %s: %w", name, err)
		}
	}
	t := s.interval(before)
	s.busy = t.decay(s.busy, 100-r.CPU.Idle)
	r.Busy, r.Interrupts = s.busy, t.interrupts
	r.Table = s.processes(t)
	return r, nil
}

// parseLoad reads "0.57 0.41 0.37 1/95 16149".
func parseLoad(b []byte, r *feature.Resources) error {
	_, err := fmt.Sscanf(string(b), "%f %f %f %d/%d", &r.Load[0], &r.Load[1], &r.Load[2], &r.Running, &r.Processes)
	return err
}

// parseMemory reads lines such as "MemTotal:  4018104 kB".
func parseMemory(b []byte, r *feature.Resources) error {
	for line := range strings.Lines(string(b)) {
		var into *uint64
		f := strings.Fields(line)
		switch {
		case len(f) < 2:
			continue
		case f[0] == "MemTotal:":
			into = &r.TotalKB
		case f[0] == "MemAvailable:":
			into = &r.FreeKB
		default:
			continue
		}
		n, err := strconv.ParseUint(f[1], 10, 64)
		if err != nil {
			return err
		}
		*into = n
	}
	return nil
}

// parseStat reads the cpu lines of /proc/stat: user nice system idle iowait irq
// softirq steal, in ticks (proc_stat(5)).
func (s *Sampler) parseStat(b []byte, r *feature.Resources) error {
	var now []ticks
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 9 || !strings.HasPrefix(f[0], "cpu") {
			break // the cpu lines come first
		}
		var n [8]uint64
		for i := range n {
			v, err := strconv.ParseUint(f[1+i], 10, 64)
			if err != nil {
				return err
			}
			n[i] = v
		}
		now = append(now, ticks{user: n[0] + n[1], kernel: n[2] + n[5] + n[6] + n[7], idle: n[3] + n[4], interrupts: n[5] + n[6]})
	}
	for i, t := range now {
		var before ticks
		if len(s.last) == len(now) {
			before = s.last[i]
		}
		if c := share(before, t); i == 0 {
			r.CPU = c
		} else {
			r.CPUs = append(r.CPUs, c)
		}
	}
	s.last = now
	return nil
}

func share(before, now ticks) feature.CPUShare {
	d := func(a, b uint64) float64 { return float64(b - min(a, b)) } // counters of iowait may step back
	user, kernel, idle := d(before.user, now.user), d(before.kernel, now.kernel), d(before.idle, now.idle)
	total := user + kernel + idle
	if total == 0 {
		return feature.CPUShare{Idle: 100}
	}
	return feature.CPUShare{User: 100 * user / total, Kernel: 100 * kernel / total, Idle: 100 * idle / total}
}
