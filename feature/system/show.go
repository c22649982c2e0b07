package system

import (
	"fmt"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

var words = schema.Words{"show system": "System information"}

var shows = []feature.Show{
	{Line: "show version", Help: "Show the software version", Run: showVersion},
	{Line: "show feature", Help: "Show which features are enabled", Run: showFeature},
	{Line: "show inventory", Help: "Show the parts of the chassis", Run: showInventory},
	{Line: "show clock", Help: "Show the current time", Run: showClock},
	{Line: "show clock detail", Words: schema.Words{"show clock": "Show the current time"}, Help: "With the time zone and summer time", Run: showClockDetail},
	{Line: "show hostname", Help: "Show the host name of the system", Run: showHostname},
	{Line: "show system uptime", Words: words, Help: "Show how long the system has been up", Run: showUptime},
	{Line: "show system resources", Words: words, Help: "Show the load of the system", Run: showResources},
}

// ctime is the form of a moment in most screens, five words, in the zone that it
// comes in: that of the switch.
func ctime(t time.Time) string { return t.Format("Mon Jan _2 15:04:05 2006") }

func showHostname(q feature.Query) (feature.Screen, error) {
	name := Hostname(q.Running)
	return feature.Screen{{
		Heading: name + "\n",
		Keys:    []feature.Pair{{Key: "hostname", Value: name}},
	}}, nil
}

// span is a duration in whole units.
type span struct{ days, hours, minutes, seconds int }

// since is the time from then to now; zero when then is not known.
func since(then, now time.Time) span {
	if then.IsZero() || now.Before(then) {
		return span{}
	}
	s := int(now.Sub(then) / time.Second)
	return span{s / 86400, s / 3600 % 24, s / 60 % 60, s % 60}
}

func (s span) String() string {
	return fmt.Sprintf("%d days, %d hours, %d minutes, %d seconds", s.days, s.hours, s.minutes, s.seconds)
}

// keys are the units as structured output has them.
func (s span) keys(prefix string) []feature.Pair {
	return []feature.Pair{
		{Key: prefix + "_days", Value: s.days},
		{Key: prefix + "_hrs", Value: s.hours},
		{Key: prefix + "_mins", Value: s.minutes},
		{Key: prefix + "_secs", Value: s.seconds},
	}
}

func showUptime(q feature.Query) (feature.Screen, error) { return feature.Screen{uptime(q, "")}, nil }

// uptime says since when the system is up; gap goes before the first line and
// the second, as show redundancy status has it.
func uptime(q feature.Query, gap string) feature.Section {
	s := q.State.Supervisor
	up, kernel := since(s.Started, q.Now), since(s.Boot, q.Now)
	keys := []feature.Pair{{Key: "sys_st_time", Value: ctime(s.Started)}}
	keys = append(keys, up.keys("sys_up")...)
	keys = append(keys, kernel.keys("kn_up")...)
	keys = append(keys, up.keys("as_up")...)
	return feature.Section{
		Heading: fmt.Sprintf("%sSystem start time:          %s\n"+
			"%[1]sSystem uptime:              %[3]s\n"+
			"Kernel uptime:              %[4]s\n"+
			"Active supervisor uptime:   %[3]s\n", gap, ctime(s.Started), up, kernel),
		Keys: keys,
	}
}

func showResources(q feature.Query) (feature.Screen, error) {
	r := q.State.Supervisor.Resources
	status := "OK"
	if r.FreeKB < r.TotalKB/20 {
		status = "Minor"
	}
	used := r.TotalKB - min(r.FreeKB, r.TotalKB)
	var b strings.Builder
	fmt.Fprintf(&b, "Load average:   1 minute: %.2f   5 minutes: %.2f   15 minutes: %.2f\n", r.Load[0], r.Load[1], r.Load[2])
	fmt.Fprintf(&b, "Processes   :   %d total, %d running\n", r.Processes, r.Running)
	fmt.Fprintf(&b, "CPU states  :   %.2f%% user,   %.2f%% kernel,   %.2f%% idle\n", r.CPU.User, r.CPU.Kernel, r.CPU.Idle)
	for i, c := range r.CPUs {
		fmt.Fprintf(&b, "        CPU%d states  :   %.2f%% user,   %.2f%% kernel,   %.2f%% idle\n", i, c.User, c.Kernel, c.Idle)
	}
	fmt.Fprintf(&b, "Memory usage:   %dK total,   %dK used,   %dK free\n", r.TotalKB, used, r.FreeKB)
	fmt.Fprintf(&b, "Current memory status: %s\n", status)
	two := func(f float64) string { return fmt.Sprintf("%.2f", f) }
	cpus := make([]int, len(r.CPUs))
	for i := range cpus {
		cpus[i] = i
	}
	return feature.Screen{
		{
			Heading: b.String(),
			Keys: []feature.Pair{
				{Key: "load_avg_1min", Value: two(r.Load[0])},
				{Key: "load_avg_5min", Value: two(r.Load[1])},
				{Key: "load_avg_15min", Value: two(r.Load[2])},
				{Key: "processes_total", Value: r.Processes},
				{Key: "processes_running", Value: r.Running},
				{Key: "cpu_state_user", Value: two(r.CPU.User)},
				{Key: "cpu_state_kernel", Value: two(r.CPU.Kernel)},
				{Key: "cpu_state_idle", Value: two(r.CPU.Idle)},
			},
		},
		{
			Name: "cpu_usage",
			Rows: feature.Rows(cpus, nil, func(i int) []feature.Pair {
				return []feature.Pair{
					{Key: "cpuid", Value: i},
					{Key: "user", Value: two(r.CPUs[i].User)},
					{Key: "kernel", Value: two(r.CPUs[i].Kernel)},
					{Key: "idle", Value: two(r.CPUs[i].Idle)},
				}
			}),
		},
		{
			Keys: []feature.Pair{
				{Key: "memory_usage_total", Value: r.TotalKB},
				{Key: "memory_usage_used", Value: used},
				{Key: "memory_usage_free", Value: r.FreeKB},
				{Key: "current_memory_status", Value: status},
			},
		},
	}, nil
}
