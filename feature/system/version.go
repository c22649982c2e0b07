package system

import (
	"fmt"
	"strconv"
	"strings"

	"trunkline/feature"
)

// What the product says of itself (cli.md §11.1). Scrapers look for NX-OS in
// the first line and for a cisco-prefixed platform in the hardware line.
const (
	// Notice is what the product says of itself at a login.
	Notice = "Open Virtual Switch Supervisor, NX-OS compatible Software\n" +
		"Documents and source: see the files README.md and LICENSE of the distribution\n"
	bios           = "1.0.0"
	platform       = "compatible-vswitch Chassis"
	module         = "Virtual Supervisor Module"
	plugins        = "Core Plugin, Ethernet Plugin, Virtualization Plugin"
	defaultVersion = "1.0(1)" // of a supervisor that does not say
	// The date of this release, twice.
	biosDate = "11/01/2026"
	compiled = "11/1/2026 10:00:00 [11/01/2026 10:00:00]"
)

func showVersion(q feature.Query) (feature.Screen, error) {
	s := q.State.Supervisor
	version := or(s.Version, defaultVersion)
	image := "bootflash:///vsm-" + strings.NewReplacer("(", ".", ")", "").Replace(version) + ".img"
	kernel := since(s.Boot, q.Now)
	micros := s.Started.Nanosecond() / 1000
	name, cpu, serial := Hostname(q.Running), or(s.CPU, "Virtual CPU"), or(s.Serial, "NA")
	reason := or(s.ResetReason, "Unknown")

	text := Notice + fmt.Sprintf(`
Software
  BIOS: version %s
  NXOS: version %s
  BIOS compile time:  %s
  NXOS image file is: %s
  NXOS compile time:  %s


Hardware
  cisco %s ("%s")
  %s with %d kB of memory.
  Processor Board ID %s

  Device name: %s
  bootflash:    %d kB

Kernel uptime is %d day(s), %d hour(s), %d minute(s), %d second(s)

Last reset at %d usecs after  %s

  Reason: %s
  System version: %s
  Service:

plugin
  %s
`,
		bios, version, biosDate, image, compiled,
		platform, module, cpu, s.MemoryKB, serial,
		name, s.FlashKB,
		kernel.days, kernel.hours, kernel.minutes, kernel.seconds,
		micros, ctime(s.Started), reason, version, plugins)

	keys := []feature.Pair{
		{Key: "header_str", Value: Notice},
		{Key: "bios_ver_str", Value: bios},
		{Key: "kickstart_ver_str", Value: version},
		{Key: "sys_ver_str", Value: version},
		{Key: "nxos_ver_str", Value: version},
		{Key: "bios_cmpl_time", Value: biosDate},
		{Key: "kick_file_name", Value: image},
		{Key: "isan_file_name", Value: image},
		{Key: "nxos_file_name", Value: image},
		{Key: "chassis_id", Value: platform},
		{Key: "module_id", Value: module},
		{Key: "cpu_name", Value: cpu},
		{Key: "memory", Value: s.MemoryKB},
		{Key: "mem_type", Value: "kB"},
		{Key: "proc_board_id", Value: serial},
		{Key: "host_name", Value: name},
		{Key: "bootflash_size", Value: s.FlashKB},
	}
	keys = append(keys, kernel.keys("kern_uptm")...)
	keys = append(keys,
		feature.Pair{Key: "rr_usecs", Value: strconv.Itoa(micros)},
		feature.Pair{Key: "rr_ctime", Value: ctime(s.Started)},
		feature.Pair{Key: "rr_reason", Value: reason},
		feature.Pair{Key: "rr_sys_ver", Value: version},
		feature.Pair{Key: "rr_service", Value: ""},
		feature.Pair{Key: "manufacturer", Value: "Trunkline"},
	)
	return feature.Screen{{Heading: text, Keys: keys}}, nil
}

// or returns s, or other when s is empty.
func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
