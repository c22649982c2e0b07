package supervisor

import (
	"bufio"
	"context"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/feature"
	"trunkline/feature/system"
	"trunkline/linecard/api"
)

// machine knows the supervisor's machine. Facts that change are measured once a
// few seconds, so that commands need not.
type machine struct {
	dir     string
	fixed   feature.Supervisor
	sampler *system.Sampler
	load    atomic.Pointer[feature.Resources]
}

// measureEvery is how often the load is measured: show processes cpu has shares
// of five seconds.
const measureEvery = 5 * time.Second

func newMachine(dir, guid string) *machine {
	m := &machine{dir: dir, sampler: system.NewSampler("")}
	m.fixed.Serial = api.ChassisSerial(guid)
	m.fixed.MAC = api.ChassisMAC(guid)
	m.fixed.CPU = processor("/proc/cpuinfo")
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err == nil {
		m.fixed.Boot = time.Now().Add(-time.Duration(info.Uptime) * time.Second).Truncate(time.Second)
		m.fixed.MemoryKB = uint64(info.Totalram) * uint64(info.Unit) / 1024
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err == nil {
		m.fixed.FlashKB = disk.Blocks * uint64(disk.Bsize) / 1024
	}
	m.measure()
	return m
}

// processor reads the model name of the first processor.
func processor(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // opened for reading
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (m *machine) measure() {
	if r, err := m.sampler.Sample(); err == nil {
		m.load.Store(&r)
	}
}

func (m *machine) run(ctx context.Context) {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.measure()
		}
	}
}

func (m *machine) facts() feature.Supervisor {
	s := m.fixed
	if r := m.load.Load(); r != nil {
		s.Resources = *r
	}
	return s
}
