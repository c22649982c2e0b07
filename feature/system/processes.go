package system

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

var processWords = schema.Words{
	"show processes":          "Processes of the supervisor",
	"show processes cpu":      "Use of processors",
	"show processes cpu sort": "Busiest first",
	"show processes memory":   "Use of memory",
	"show processes log":      "Processes that ended with an error",
}

var processShows = []feature.Show{
	{Line: "show processes", Words: processWords, Help: "Processes of the supervisor", Run: showProcesses},
	{Line: "show processes cpu [sort]", Words: processWords, Help: "Use of processors", Run: showProcessCPU},
	{Line: "show processes memory", Words: processWords, Help: "Use of memory", Run: showProcessMemory},
	{Line: "show processes log", Words: processWords, Help: "Processes that ended with an error", Run: showProcessLog},
}

func tty(p feature.Process) string {
	if p.TTY {
		return "tty"
	}
	return "-"
}

// showProcesses: every process has been started once, since one that ends is
// not started again by itself.
func showProcesses(q feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name: "processes",
		Heading: "\nPID    State  PC        Start_cnt    TTY   Type  Process\n" +
			"-----  -----  --------  -----------  ----  ----  -------------\n",
		Rows: feature.Rows(q.State.Supervisor.Resources.Table,
			func(p feature.Process) string {
				return fmt.Sprintf("%5d  %5c  %8s  %11d  %4s  %4s  %s\n", p.PID, p.State, "-", 1, tty(p), "O", p.Name)
			},
			func(p feature.Process) []feature.Pair {
				return []feature.Pair{
					{Key: "pid", Value: p.PID}, {Key: "state", Value: string(p.State)}, {Key: "start_cnt", Value: 1},
					{Key: "tty", Value: tty(p)}, {Key: "type", Value: "O"}, {Key: "process", Value: p.Name},
				}
			}),
	}}, nil
}

func showProcessCPU(q feature.Query) (feature.Screen, error) {
	r := q.State.Supervisor.Resources
	all := r.Table
	if q.Args.Has("sort") {
		all = slices.Clone(all)
		slices.SortStableFunc(all, func(a, b feature.Process) int {
			return cmp.Or(cmp.Compare(b.Share.FiveSeconds, a.Share.FiveSeconds), cmp.Compare(b.Runtime, a.Runtime))
		})
	}
	percent := func(f float64) string { return fmt.Sprintf("%.2f%%", f) }
	whole := func(f float64) int { return int(math.Round(f)) }
	return feature.Screen{
		{
			Heading: fmt.Sprintf("CPU utilization for five seconds: %d%%/%d%%; one minute: %d%%; five minutes: %d%%\n\n",
				whole(r.Busy.FiveSeconds), whole(r.Interrupts), whole(r.Busy.Minute), whole(r.Busy.FiveMinutes)),
			Keys: []feature.Pair{
				{Key: "fivesec_percent", Value: whole(r.Busy.FiveSeconds)}, {Key: "fivesec_intr_percent", Value: whole(r.Interrupts)},
				{Key: "onemin_percent", Value: whole(r.Busy.Minute)}, {Key: "fivemin_percent", Value: whole(r.Busy.FiveMinutes)},
			},
		},
		{
			Name: "process_cpu",
			Heading: "PID    Runtime(ms)  Invoked   uSecs  5Sec    1Min    5Min    TTY  Process\n" +
				"-----  -----------  --------  -----  ------  ------  ------  ---  -----------\n",
			Rows: feature.Rows(all,
				func(p feature.Process) string {
					return fmt.Sprintf("%5d  %11d  %8d  %5d  %6s  %6s  %-6s  %-3s  %s\n", p.PID, p.Runtime.Milliseconds(), p.Invoked, p.Slice.Microseconds(),
						percent(p.Share.FiveSeconds), percent(p.Share.Minute), percent(p.Share.FiveMinutes), tty(p), p.Name)
				},
				func(p feature.Process) []feature.Pair {
					return []feature.Pair{
						{Key: "pid", Value: p.PID}, {Key: "runtime", Value: p.Runtime.Milliseconds()}, {Key: "invoked", Value: p.Invoked},
						{Key: "usecs", Value: p.Slice.Microseconds()}, {Key: "fivesec", Value: percent(p.Share.FiveSeconds)},
						{Key: "onemin", Value: percent(p.Share.Minute)}, {Key: "fivemin", Value: percent(p.Share.FiveMinutes)},
						{Key: "tty", Value: tty(p)}, {Key: "process", Value: p.Name},
					}
				}),
		},
	}, nil
}

func showProcessMemory(q feature.Query) (feature.Screen, error) {
	stack := func(p feature.Process) string { return fmt.Sprintf("%08x/%08x", p.StackBase, p.StackPointer) }
	return feature.Screen{{
		Name: "process_memory",
		Heading: "\nPID    MemAlloc    MemLimit              MemUsed       StackBase/Ptr                      Process\n" +
			"-----  ----------  --------------------  ------------  ---------------------------------  ----------------\n",
		Rows: feature.Rows(q.State.Supervisor.Resources.Table,
			func(p feature.Process) string {
				return fmt.Sprintf("%5d  %10d  %20d  %12d  %-33s  %s\n", p.PID, p.Resident, p.Limit, p.Virtual, stack(p), p.Name)
			},
			func(p feature.Process) []feature.Pair {
				return []feature.Pair{
					{Key: "pid", Value: p.PID}, {Key: "mem_alloc", Value: p.Resident}, {Key: "mem_limit", Value: p.Limit},
					{Key: "mem_used", Value: p.Virtual}, {Key: "stack_base_ptr", Value: stack(p)}, {Key: "process", Value: p.Name},
				}
			}),
	}}, nil
}

// showProcessLog is without rows: the supervisor is one process, of whose end
// show version tells the reason.
func showProcessLog(feature.Query) (feature.Screen, error) {
	column := func(n int) string { return strings.Repeat("-", n) }
	return feature.Screen{{
		Name: "processes_log",
		Heading: "Process           PID     Normal-exit  Stack  Core   Log-create-time\n" +
			strings.Join([]string{column(16), column(6), column(11), column(5), column(5), column(25)}, "  ") + "\n",
	}}, nil
}
