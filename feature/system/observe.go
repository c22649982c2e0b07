package system

import (
	"strconv"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// operational are the leaves of the chassis.
var operational = schema.Group{Leaves: []schema.Leaf{
	schema.Oper("system/oper/hostname", schema.Text, "Name in force"),
	schema.Oper("system/oper/last-configuration", schema.Moment, "Time of the last commit"),
	schema.Oper("system/oper/version", schema.Text, "Version of the software"),
	schema.Oper("system/oper/serial", schema.Text, "Serial number of the chassis"),
	schema.Oper("system/oper/guid", schema.Text, "Identity of the chassis"),
	schema.Oper("system/oper/fingerprint", schema.Text, "SHA-256 of the chassis's certificate"),
	schema.Oper("system/oper/address", schema.Text, "Address of mgmt0"),
	schema.Oper("system/oper/reset-reason", schema.Text, "Why the supervisor started"),
	schema.Oper("system/oper/cpu", schema.Text, "Model of the processor"),
	schema.Oper("system/oper/boot-time", schema.Moment, "Time the supervisor's machine started"),
	schema.Oper("system/oper/start-time", schema.Moment, "Time the supervisor started"),
	schema.Oper("system/oper/mac-address", schema.MAC, "MAC address of the chassis"),
	schema.Oper("system/oper/memory", schema.Counter, "Memory of the supervisor's machine in kB"),
	schema.Oper("system/oper/current-datetime", schema.Moment, "Time of the supervisor's clock"),
	schema.Oper("system/oper/up-time", schema.Counter, "Seconds since the supervisor started"),
	schema.Oper("system/oper/memory-free", schema.Counter, "Memory that is free or can be reclaimed, in kB"),
	schema.Oper("system/oper/processes", schema.Counter, "Processes of the supervisor's machine"),
	schema.Oper("system/oper/processes-running", schema.Counter, "Processes that run"),
	schema.Oper("system/oper/load-1", schema.Text, "Load average over 1 minute"),
	schema.Oper("system/oper/load-5", schema.Text, "Load average over 5 minutes"),
	schema.Oper("system/oper/load-15", schema.Text, "Load average over 15 minutes"),
	schema.Oper("system/oper/cpu-user", schema.Text, "Percentage of processor time in user mode"),
	schema.Oper("system/oper/cpu-kernel", schema.Text, "Percentage of processor time in the kernel"),
	schema.Oper("system/oper/cpu-idle", schema.Text, "Percentage of processor time idle"),
}}

var observed = feature.Observe{
	System: observe, SystemSamples: sample,
	Running: observeRunning, Reads: []tree.Path{nil}, // every commit has its time
}

func oper(name string) tree.Path {
	return tree.Path{{Name: "system"}, {Name: "oper"}, {Name: name}}
}

func observeRunning(c feature.Running, emit feature.Emit) {
	emit(oper("hostname"), Hostname(c.Tree), c.At)
	if !c.At.IsZero() {
		emit(oper("last-configuration"), c.At.UTC().Round(0), c.At)
	}
}

func observe(s *feature.Supervisor, emit feature.Emit) {
	for _, l := range []struct{ name, value string }{
		{"version", s.Version}, {"serial", s.Serial}, {"guid", s.GUID}, {"fingerprint", s.Fingerprint},
		{"address", s.Address}, {"reset-reason", s.ResetReason}, {"cpu", s.CPU},
	} {
		if l.value != "" {
			emit(oper(l.name), l.value, time.Time{})
		}
	}
	if !s.Boot.IsZero() {
		emit(oper("boot-time"), s.Boot.UTC().Round(0), s.Boot)
	}
	emit(oper("start-time"), s.Started.UTC().Round(0), s.Started)
	if s.MAC != (ether.MAC{}) {
		emit(oper("mac-address"), s.MAC, s.Started)
	}
	if s.MemoryKB != 0 {
		emit(oper("memory"), s.MemoryKB, s.Started)
	}
}

func sample(s *feature.Supervisor, now time.Time, emit feature.Emit) {
	r := &s.Resources
	emit(oper("current-datetime"), now.UTC().Round(0), now)
	for _, l := range []struct {
		name  string
		value uint64
	}{
		{"up-time", uint64(max(now.Sub(s.Started), 0) / time.Second)}, {"memory-free", r.FreeKB},
		{"processes", uint64(max(r.Processes, 0))}, {"processes-running", uint64(max(r.Running, 0))},
	} {
		emit(oper(l.name), l.value, now)
	}
	for _, l := range []struct {
		name   string
		value  float64
		digits int
	}{
		{"load-1", r.Load[0], 2}, {"load-5", r.Load[1], 2}, {"load-15", r.Load[2], 2},
		{"cpu-user", r.CPU.User, 1}, {"cpu-kernel", r.CPU.Kernel, 1}, {"cpu-idle", r.CPU.Idle, 1},
	} {
		emit(oper(l.name), strconv.FormatFloat(l.value, 'f', l.digits, 64), now)
	}
}
